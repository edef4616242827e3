//! Task `abd`: the CP register.

use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::cluster::{Cluster, History, Invocation, Linearizable, Log, Peers, Transition, View};
use testkit::node::{ClientId, NodeId, RequestId};
use testkit::schedule::Schedule;
use testkit::simulation::{Faults, Simulation};
use testkit::text::or_nothing;

use super::among_peers::AmongPeers;
use super::holders::{Holders, among_holders, written_by};
use super::spec::{LINEARIZABLE, Register, is_linearizable, register};
use super::tags::with_tags;
use super::words;
use crate::subject::abd::{Abd, Message, Tag, Version};
use crate::subject::quorum::majority;
use crate::subject::register::Request::{self, Read, Write};
use crate::subject::register::Response;

type Registers = Linearizable<Register>;

const INTERSECTION: Rule = Rule::new(
    "quorum intersection",
    "Any two groups of a majority share a server, and no smaller number has this property.",
    "Attiya, Bar-Noy & Dolev 1995, section 1",
    "1-cap/abd.md#invariants-to-keep",
);

const FINISHES: Rule = Rule::new(
    "operations finish",
    "There is a run in which every client gets all of its answers.",
    "Attiya, Bar-Noy & Dolev 1995, section 3",
    "1-cap/abd.md#the-idea",
);

const ANSWERS: Rule = Rule::new(
    "operations are answered",
    "There is a run in which a client gets an answer.",
    "Attiya, Bar-Noy & Dolev 1995, section 3",
    "1-cap/abd.md#the-idea",
);

const TERMINATION: Rule = Rule::new(
    "termination",
    "An operation whose coordinator is up and reaches a majority is answered once the messages have arrived.",
    "Attiya, Bar-Noy & Dolev 1995, section 3 (a minority may fail)",
    "1-cap/abd.md#the-idea",
);

const MAJORITY_HOLDS: Rule = Rule::new(
    "an answer is held by a majority",
    "When a client is told of a version, read or written, a majority holds that version or a newer one, and the coordinator \
     knows so.",
    "Attiya, Bar-Noy & Dolev 1995, section 3; Lynch & Shvartsman 1997, section 4 (the propagation phase)",
    "1-cap/abd.md#no-write-back",
);

const HOLDS: Rule = Rule::new(
    "a replica holds the newest version",
    "A replica answers each query with the newest version that it has been told, and acknowledges every version, even an old \
     one.",
    "Attiya, Bar-Noy & Dolev 1995, section 3; Lynch & Shvartsman 1997, section 4",
    "1-cap/abd.md#invariants-to-keep",
);

const FORGETS: Rule = Rule::new(
    "what is answered is forgotten",
    "A server keeps its version and the operations that still wait. Its memory grows with those, not with all the requests that \
     it ever had.",
    "Lynch & Shvartsman 1997, section 4: a finished operation is no longer needed",
    "1-cap/abd.md#invariants-to-keep",
);

const IS_TOLD: Rule = Rule::new(
    "a replica is told",
    "There is a run in which a replica has been told all three versions.",
    "Attiya, Bar-Noy & Dolev 1995, section 3",
    "1-cap/abd.md#the-idea",
);

const NO_MINORITY: Rule = Rule::new(
    "no answer in a minority",
    "A server that reaches less than a majority answers no request.",
    "Gilbert & Lynch 2002, theorem 1: an answer given there can be wrong",
    "1-cap/abd.md#counts-too-few",
);

const MAJORITY_SIDE: Rule = Rule::new(
    "answers in the majority",
    "While the network is split, the side with a majority answers all requests.",
    "Attiya, Bar-Noy & Dolev 1995, section 1",
    "1-cap/abd.md#counts-too-few",
);

/// Servers with the rule that every check of this task tests.
fn servers(size: usize) -> Cluster<Abd, Registers> {
    Cluster::new(size, register()).always(LINEARIZABLE, is_linearizable)
}

/// Every client gets its answers in some run, and in every run in which the network behaves. `of` names the server of each client.
fn finishes(cluster: Cluster<Abd, Registers>, of: &'static [usize]) -> Cluster<Abd, Registers> {
    let cluster = cluster.sometimes(FINISHES, |view| view.is_finished());
    cluster.leads_to(TERMINATION, 1, move |view| no_live_coordinator_is_silent(view, of))
}

/// How long the runs are that each larger scope looks at, at the least. The classic mistakes show in 8 to 15 steps.
const ENOUGH: usize = 14;

/// A larger scope: messages that change nothing are left out, and it is enough to see some client answered. That each one is, where
/// it can be, the smaller scopes show ([`finishes`]).
fn answers(cluster: Cluster<Abd, Registers>) -> Cluster<Abd, Registers> {
    let clients = cluster.clients();
    let answered = move |view: &View<'_, Abd, Registers>| (0..clients).any(|id| view.answered(ClientId(id)) > 0);
    cluster.leaving_out_ignored().sometimes(ANSWERS, answered)
}

#[test]
pub fn any_two_majorities_share_a_server() {
    check(|check| {
        for size in 1..=9 {
            let enough = majority(size);
            check.requires(INTERSECTION, enough <= size && 2 * enough > size, || {
                format!(
                    "majority({size}) is {enough}, and two groups of {enough} servers out of {size} need not share one."
                )
            })?;
            check.requires(INTERSECTION, 2 * (enough - 1) <= size, || {
                format!("majority({size}) is {enough}, but {} of {size} servers would do.", enough - 1)
            })?;
        }
        check.evidence("clusters of 1 to 9 servers");
        Ok(())
    });
}

#[test]
pub fn every_history_is_linearizable() {
    check(|check| {
        let readers = servers(3).client(&[0], [Write(1)]).client(&[1], [Read]).client(&[2], [Read]);
        check.explores("a writer and two readers", answers(readers), ENOUGH)?;
        let writers = servers(3).client(&[0], [Write(1)]).client(&[1], [Write(2)]).client(&[2], [Read]);
        check.explores("two writers and a reader", answers(writers), ENOUGH)?;
        let links = [(0, 1), (0, 2), (1, 3), (1, 4), (4, 3), (4, 2)];
        let five = servers(5).links(&links).client(&[0], [Write(1)]).client(&[1], [Read]).client(&[4], [Read]);
        check.bounded("five servers, of which each client reaches three", answers(five), 17)?;
        let both = servers(2).client(&[0], [Write(1), Read]).client(&[1], [Write(2), Read]);
        check.exhausts("two servers, each with a client that writes and reads", finishes(both, &[0, 1]))?;
        // Everything that the receiver would ignore is kept here, to see that leaving it out hides nothing.
        let sequence = servers(2).client(&[0], [Write(1), Write(2)]).client(&[1], [Read, Read]);
        check.exhausts("two servers, two writes, two reads, and all messages", finishes(sequence, &[0, 1]))?;
        check.exhausts("one server alone", finishes(servers(1).client(&[0], [Write(1), Read]), &[0]))
    });
}

/// Other coordinators, as one replica hears them. They may ask it at any time, and tell it each of three versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Coordinators {
    /// The newest version that the replica has been told.
    newest: Version,
    /// What it did with the last message that it should not have done.
    wrong: Option<String>,
}

impl Coordinators {
    const VERSIONS: [(u64, usize, u32); 3] = [(1, 1, 9), (1, 2, 5), (2, 1, 7)];

    fn answers(&self, message: &Message) -> Option<Message> {
        match *message {
            Message::Query { operation } => Some(Message::QueryReply { operation, held: self.newest }),
            Message::Store { operation, .. } => Some(Message::StoreAck { operation }),
            _ => None,
        }
    }
}

impl History<Abd> for Coordinators {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Abd>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, Abd>) {
        let Some((from, message)) = transition.received() else { return };
        if let Message::Store { version, .. } = message {
            self.newest = self.newest.max(*version);
        }
        let expected = self.answers(message);
        let answer = transition.sent().find(|(to, ..)| *to == from).map(|(_, message, _)| *message);
        self.wrong = (answer != expected).then(|| {
            format!(
                "The newest version that n0 has been told is {}. {from} sent {}, and n0 answered {}.",
                words::version(self.newest),
                words::abd(*message),
                or_nothing(answer, words::abd)
            )
        });
    }
}

impl Peers<Abd> for Coordinators {
    fn may_say(&self, _: &Abd) -> Vec<(NodeId, Message)> {
        let operation = |server: usize| RequestId { client: ClientId(server), number: 0 };
        let tells = Coordinators::VERSIONS.map(|(number, writer, value)| {
            let tag = Tag { number, writer: NodeId(writer) };
            (NodeId(writer), Message::Store { operation: operation(writer), version: Version { tag, value } })
        });
        let asks = [1, 2].map(|server| (NodeId(server), Message::Query { operation: operation(server) }));
        tells.into_iter().chain(asks).collect()
    }
}

#[test]
pub fn a_replica_holds_the_newest_version_that_it_was_told() {
    check(|check| {
        let cluster = Cluster::new(3, Coordinators { newest: Version::INITIAL, wrong: None }).among_peers();
        let cluster = cluster.always(HOLDS, |view| view.history().wrong.clone().map_or(Ok(()), Err));
        let told_all = |view: &View<'_, Abd, Coordinators>| view.history().newest.tag.number == 2;
        check.exhausts("a replica, and whatever two coordinators may say", cluster.sometimes(IS_TOLD, told_all))
    });
}

#[test]
pub fn an_answer_is_held_by_a_majority() {
    check(|check| {
        for (held, first, second) in [
            ("nothing", Version::INITIAL, Version::INITIAL),
            ("one version", written_by(1), Version::INITIAL),
            ("versions of two writers with the same number", written_by(1), written_by(2)),
        ] {
            for request in [Read, Write(5)] {
                let cluster = among_holders(first, second, request);
                let cluster = cluster.always(MAJORITY_HOLDS, |view| view.history().wrong.clone().map_or(Ok(()), Err));
                let cluster = cluster.sometimes(ANSWERS, |view: &View<'_, Abd, Holders>| view.is_finished());
                check.exhausts(
                    &format!("{request:?}, and whatever two replicas that hold {held} may answer"),
                    cluster,
                )?;
            }
        }
        let version = |writer, value| Version { tag: Tag { number: 1, writer: NodeId(writer) }, value };
        counts_who_holds(check, "two values under the same number", version(2, 5), version(1, 7))?;
        a_late_answer_shows_what_it_shows(check)?;
        another_writers_version_is_held_by_two(check)
    });
}

/// The first request that is made.
const FIRST: RequestId = RequestId { client: ClientId(0), number: 0 };

/// `n0`, one of five servers, is asked by its first client, and hears from `n1` and `n2` what they hold.
fn heard_from_two(request: Request, held: [Version; 2]) -> AmongPeers<Abd> {
    let mut server = AmongPeers::<Abd>::start(5);
    server.is_asked(request);
    for (from, held) in (1..).zip(held) {
        server.receives(from, Message::QueryReply { operation: FIRST, held });
    }
    server
}

/// `n0`, one of five servers, tells its write of 5 to the others. Another writer's newer version comes: two servers hold that.
fn another_writers_version_is_held_by_two(check: &mut Check) -> Proven {
    let newer = Version { tag: Tag { number: 9, writer: NodeId(4) }, value: 7 };
    for (request, what) in [(Write(5), "a write of 5"), (Read, "a read")] {
        let mut server = heard_from_two(request, [Version::INITIAL; 2]);
        let before = server.has_answered(); // the initial value needs nobody to hold it
        let strange = RequestId { client: ClientId(4), number: 0 };
        server.receives(4, Message::Store { operation: strange, version: newer });
        check.requires(MAJORITY_HOLDS, before || !server.has_answered(), || {
            format!(
                "n0, one of five servers, has heard from a majority for c0's request, {what}, and no server has acknowledged its version. \
                 Then n4 tells n0 {}, which only n0 and n4 are known to hold, and n0 answers c0.",
                words::version(newer)
            )
        })?;
    }
    Ok(())
}

/// `n0`, one of five servers, tells its write of 5 to the others. An answer to its question comes late, with a value of another writer
/// under a number that is as high.
fn a_late_answer_shows_what_it_shows(check: &mut Check) -> Proven {
    let mut server = heard_from_two(Write(5), [Version::INITIAL; 2]);
    let number = server.sent().find_map(|message| match message {
        Message::Store { version, .. } => Some(version.tag.number),
        _ => None,
    });
    let Some(number) = number else { return Ok(()) };
    let other = Version { tag: Tag { number, writer: NodeId(4) }, value: 7 };
    for from in [3, 4] {
        server.receives(from, Message::QueryReply { operation: FIRST, held: other });
    }
    check.requires(MAJORITY_HOLDS, !server.has_answered(), || {
        format!(
            "n0, one of five servers, tells the others about a write of 5 with the number {number}. Then n3 and n4 answer n0's \
             query late, with {}. n0 tells its client that 5 is written, and yet no other server holds it.",
            words::version(other)
        )
    })
}

#[test]
pub fn two_clients_of_one_server_keep_apart() {
    check(|check| {
        let writers = with_tags(2).client(&[0], [Write(1)]).client(&[0], [Write(2)]).client(&[1], [Write(3)]);
        let writers = writers.sometimes(FINISHES, |view| view.is_finished());
        check.exhausts("two writers at one of two servers, and another at the other", writers)?;
        let cluster = servers(2).client(&[0], [Write(1), Read]).client(&[0], [Write(2)]).client(&[1], [Read]);
        let cluster = finishes(cluster.leaving_out_ignored(), &[0, 0, 1]);
        check.exhausts("two clients of one of two servers, and a reader", cluster)?;
        let cluster = servers(3).client(&[0], [Write(1)]).client(&[0], [Read]).client(&[1], [Read]);
        check.explores("a writer and a reader at one of three servers, and a reader", answers(cluster), ENOUGH)?;
        let cluster = servers(3).client(&[0], [Read]).client(&[0], [Read]).client(&[1], [Write(1)]);
        check.explores("two readers at one of three servers, and a writer", answers(cluster), ENOUGH)?;
        let cluster = servers(3).client(&[0], [Write(1), Read, Read]).client(&[0], [Write(2)]);
        check.explores_up_to(
            1_000_000,
            "two writers at one of three servers, of which one reads",
            answers(cluster),
            ENOUGH,
        )
    });
}

#[test]
pub fn a_message_that_comes_twice_counts_once() {
    check(|check| {
        let cluster = servers(3).client(&[0], [Write(1), Write(2)]).client(&[1], [Read]).duplicates(1);
        check.explores("two writes, a read and a duplicate", answers(cluster), ENOUGH)?;
        // With five servers, one that counts for two leaves a majority that has heard nothing. Few links keep the scope small.
        let five = servers(5).links(&[(0, 1), (0, 2), (4, 1), (4, 3)]).client(&[0], [Write(1)]).client(&[4], [Read]);
        check.explores(
            "five servers, of which each client reaches three, and a duplicate",
            answers(five.duplicates(1)),
            ENOUGH,
        )
    });
}

#[test]
pub fn a_crash_of_a_minority_changes_no_answer() {
    check(|check| {
        let cluster = servers(3).client(&[0], [Write(1)]).client(&[1], [Read, Read]).crashes(1);
        check.explores("a writer, a reader and a crash", answers(cluster), ENOUGH)
    });
}

#[test]
pub fn a_majority_answers() {
    check(|check| {
        let cluster = servers(3).client(&[0], [Write(1)]).client(&[1], [Read]).crashes(1).leaving_out_ignored();
        check.exhausts("a writer, a reader and a crash", finishes(cluster, &[0, 1]))?;
        // n1 acknowledges, and then its answer to the question comes once more.
        let mut server = AmongPeers::<Abd>::start(5);
        let old = Message::QueryReply { operation: FIRST, held: Version::INITIAL };
        server.is_asked(Write(5));
        for (from, message) in [(1, old), (2, old), (1, Message::StoreAck { operation: FIRST }), (1, old)] {
            server.receives(from, message);
        }
        server.receives(2, Message::StoreAck { operation: FIRST });
        check.requires(TERMINATION, server.has_answered(), || {
            "n0, one of five servers, was asked for a write. n1 and n2 acknowledged it, and then n1's first answer arrived once \
             more. n0 does not answer its client."
                .to_owned()
        })?;
        check.evidence("five servers, and an answer that comes again after an acknowledgement: it takes nothing back");
        Ok(())
    });
}

#[test]
pub fn a_minority_gives_no_answer() {
    check(|check| {
        let cluster = servers(3).split(&[&[0], &[1, 2]]).client(&[0], [Write(1)]).client(&[1], [Write(2), Read]);
        let silent = cluster
            .always(NO_MINORITY, |view| match view.answered(ClientId(0)) {
                0 => Ok(()),
                _ => Err("n0 is cut off from n1 and n2, and yet it answered c0.".to_owned()),
            })
            .leads_to(MAJORITY_SIDE, 1, |view| no_live_coordinator_is_silent(view, &[0, 1]));
        check.exhausts("n0 apart from n1 and n2", silent.sometimes(FINISHES, |view| view.answered(ClientId(1)) == 2))
    });
}

#[test]
pub fn the_same_value_again_is_another_version() {
    check(|check| {
        let version = |number, value| Version { tag: Tag { number, writer: NodeId(1) }, value };
        let cases =
            [("the initial value again", version(1, 0), Version::INITIAL), ("5 twice", version(3, 5), version(1, 5))];
        for (what, newest, older) in cases {
            counts_who_holds(check, what, newest, older)?;
        }
        check.evidence(
            "a value that was written before, and the initial one: who holds the older version does not count",
        );
        Ok(())
    });
}

/// `n0`, one of five servers, reads. It hears of a newer and of an older version, and may answer only when a majority holds the newer one.
fn counts_who_holds(check: &mut Check, what: &str, newest: Version, older: Version) -> Proven {
    let mut server = heard_from_two(Read, [newest, older]);
    let (newest, older) = (words::version(newest), words::version(older));
    check.requires(MAJORITY_HOLDS, !server.has_answered(), || {
        format!(
            "A client has written {what}. n0, one of five servers, heard {newest} from n1 and {older} from n2, and answered a \
             read, though only n0 and n1 hold {newest}."
        )
    })?;
    server.receives(2, Message::StoreAck { operation: FIRST });
    server.receives(3, Message::StoreAck { operation: FIRST });
    check.requires(TERMINATION, server.has_answered(), || {
        format!("n1, n2 and n3 hold {newest} and have told n0 so, and yet n0 does not answer the read.")
    })
}

#[test]
pub fn long_runs_are_linearizable() {
    check(|check| {
        let mut cluster = Cluster::<Abd, _>::new(5, Log::default());
        for client in 0..4 {
            cluster = cluster.client(&[client], script(client, 40));
        }
        let cluster = cluster
            .whole_run(LINEARIZABLE, |view| view.history().linearizable(Register::default()))
            .sometimes(FINISHES, |view| view.is_finished());
        let faults = Faults { duplicated: 50, partitions: 4, crashes: 1, slow: Some(5), ..Faults::default() };
        check.simulates("five servers, four clients, 160 operations", Simulation::new(cluster, faults), 0..60)
    });
}

#[test]
pub fn what_is_answered_is_forgotten() {
    check(|check| {
        for size in [1, 2, 3] {
            let few = shown_after(check, size, 6)?;
            let many = shown_after(check, size, 60)?;
            for ((id, few), many) in (0..size).map(NodeId).zip(few).zip(many) {
                // Numbers have become longer; nothing else has a reason to.
                check.requires(FORGETS, many.len() <= few.len() + 20, || {
                    format!("After 60 answered requests {id}, one of {size} servers, still keeps {many}. After 6 it kept {few}.")
                })?;
            }
        }
        check.evidence("one to three servers, 6 and 60 requests one after the other: nothing of them is kept");
        Ok(())
    });
}

/// Each server as it is shown after so many requests, of which everything has arrived.
fn shown_after(check: &mut Check, size: usize, requests: usize) -> Result<Vec<String>, Box<Failure>> {
    let schedule = (0..requests)
        .fold(Schedule::new(), |schedule, nth| schedule.ask(0, nth % size, if nth % 2 == 0 { Write(7) } else { Read }));
    let scope = format!("{size} servers, {requests} requests one after the other");
    let played = check.drives(TERMINATION, &scope, servers(size), &schedule)?;
    let view = played.view();
    check.requires_of_run(&scope, &played, TERMINATION, view.answered(ClientId(0)) == requests, || {
        format!("Of {requests} requests, one after the other, {} were answered.", view.answered(ClientId(0)))
    })?;
    Ok(view.servers().map(|(_, server)| format!("{server:?}")).collect())
}

/// A client's requests: reads and writes in turn, each write of a value that nobody else writes.
fn script(client: usize, requests: u32) -> impl Iterator<Item = Request> {
    let own = 1_000 * (client as u32 + 1);
    (0..requests).map(move |n| if n % 2 == 0 { Write(own + n) } else { Read })
}

/// No client whose server is up waits; `of` names the server of each client.
fn no_live_coordinator_is_silent(view: &View<'_, Abd, Registers>, of: &[usize]) -> Result<(), String> {
    let size = view.size();
    for (client, &server) in of.iter().enumerate() {
        let reaches = view.servers().filter(|&(other, _)| !view.is_cut(NodeId(server), other)).count();
        let able = view.server(NodeId(server)).is_some() && 2 * reaches > size;
        if let (true, Some(request)) = (able, view.waiting(ClientId(client))) {
            return Err(format!(
                "c{client} still waits for the answer to {request}, though n{server} is up, reaches a majority, and every \
                 message has arrived."
            ));
        }
    }
    Ok(())
}
