//! Task `abd`: the CP register.

use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, Linearizable, Log, View};
use testkit::node::{ClientId, NodeId};
use testkit::simulation::{Faults, Simulation};

use super::spec::{LINEARIZABLE, Register, is_linearizable, register};
use crate::subject::abd::Abd;
use crate::subject::quorum::majority;
use crate::subject::register::Request::{self, Read, Write};

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

const NO_MINORITY: Rule = Rule::new(
    "no answer in a minority",
    "A server that reaches less than a majority answers no request.",
    "Gilbert & Lynch 2002, theorem 1: who answers there can be wrong",
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

fn finishes(cluster: Cluster<Abd, Registers>) -> Cluster<Abd, Registers> {
    cluster.sometimes(FINISHES, |view| view.is_finished())
}

/// How long the runs are that each larger scope looks at, at the least. The classic mistakes show in 8 to 15 steps.
const ENOUGH: usize = 14;

/// A larger scope: messages that change nothing are left out, and it is enough to see some client answered.
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
            check.requires(INTERSECTION, 2 * enough > size && enough <= size, || {
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
        check.exhausts("two servers, each with a client that writes and reads", finishes(both))?;
        // Everything that the receiver would ignore is kept here, to see that leaving it out hides nothing.
        let sequence = servers(2).client(&[0], [Write(1), Write(2)]).client(&[1], [Read, Read]);
        check.exhausts("two servers, two writes, two reads, and all messages", finishes(sequence))?;
        check.exhausts("one server alone", finishes(servers(1).client(&[0], [Write(1), Read])))
    });
}

#[test]
pub fn two_clients_of_one_server_keep_apart() {
    check(|check| {
        let cluster = servers(2).client(&[0], [Write(1), Read]).client(&[0], [Write(2)]).client(&[1], [Read]);
        let cluster = cluster.leads_to(TERMINATION, 1, |view| no_live_coordinator_is_silent(view, &[0, 0, 1]));
        check.exhausts("two clients of one of two servers, and a reader", finishes(cluster.leaving_out_ignored()))?;
        let cluster = servers(3).client(&[0], [Write(1)]).client(&[0], [Read]).client(&[1], [Read]);
        check.explores("a writer and a reader at one of three servers, and a reader", answers(cluster), ENOUGH)?;
        let cluster = servers(3).client(&[0], [Write(1), Read, Read]).client(&[0], [Write(2)]);
        check.explores("two writers at one of three servers, of which one reads", answers(cluster), ENOUGH)
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
        let answers = cluster.leads_to(TERMINATION, 1, |view| no_live_coordinator_is_silent(view, &[0, 1]));
        check.exhausts("a writer, a reader and a crash", finishes(answers))
    });
}

#[test]
pub fn a_minority_gives_no_answer() {
    check(|check| {
        let cluster = servers(3).split(&[&[0], &[1, 2]]).client(&[0], [Write(1)]).client(&[1], [Write(2), Read]);
        let silent = cluster
            .always(NO_MINORITY, |view| match view.answered(ClientId(0)) {
                0 => Ok(()),
                _ => Err("n0 is cut off from n1 and n2, and answered c0 all the same.".to_owned()),
            })
            .leads_to(MAJORITY_SIDE, 1, |view| no_live_coordinator_is_silent(view, &[0, 1]));
        check.exhausts("n0 apart from n1 and n2", silent.sometimes(FINISHES, |view| view.answered(ClientId(1)) == 2))
    });
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

/// A client's requests: reads and writes in turn, each write of a value that nobody else writes.
fn script(client: usize, requests: u32) -> impl Iterator<Item = Request> {
    let own = 1_000 * (client as u32 + 1);
    (0..requests).map(move |n| if n % 2 == 0 { Write(own + n) } else { Read })
}

/// No client whose server is up waits; `of` names the server of each client.
fn no_live_coordinator_is_silent(view: &View<'_, Abd, Registers>, of: &[usize]) -> Result<(), String> {
    for (client, &server) in of.iter().enumerate() {
        let reaches = view.servers().filter(|&(other, _)| !view.is_cut(NodeId(server), other)).count();
        let able = view.server(NodeId(server)).is_some() && reaches >= 2;
        if let (true, Some(request)) = (able, view.waiting(ClientId(client))) {
            return Err(format!(
                "c{client} still waits for the answer to {request}, though n{server} is up, reaches a majority, and every \
                 message has arrived."
            ));
        }
    }
    Ok(())
}
