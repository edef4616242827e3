//! Bonus task `paxos`: single-decree Paxos.

use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::cluster::{
    Cluster, History, Invocation, Linearizable, Occurrence, Peers, SequentialSpec, Transition, View,
};
use testkit::node::{ClientId, NodeId, RequestId};
use testkit::simulation::{Faults, Simulation};

use super::acceptors::{Acceptors, among_acceptors};
use super::among_peers::AmongPeers;
use super::words;
use crate::subject::paxos::{Ballot, Chosen, Durable, Message, Paxos, Proposal, Propose, Timer, Value};

/// One decision, when there is one copy and one client at a time: the first proposal is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decision(Option<u32>);

/// A proposal of a client, and the value that it is told. Types of the check: what an answer equals is not for the code under test
/// to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proposed(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Told(u32);

impl From<Propose> for Proposed {
    fn from(Propose(value): Propose) -> Self {
        Proposed(value)
    }
}

impl From<Chosen> for Told {
    fn from(Chosen(value): Chosen) -> Self {
        Told(value)
    }
}

impl SequentialSpec for Decision {
    type Op = Proposed;
    type Ret = Told;

    fn invoke(&mut self, Proposed(value): &Proposed) -> Told {
        Told(*self.0.get_or_insert(*value))
    }
}

type Decisions = Linearizable<Decision>;

const CONSENSUS: Rule = Rule::new(
    "consensus",
    "Only one value is chosen, a client has proposed it, and every client is told that value.",
    "Lamport 2001, Paxos Made Simple, section 2.1",
    "1-cap/paxos.md#invariants-to-keep",
);

const AGREEMENT: Rule = Rule::new(
    "agreement",
    "No two servers consider different values chosen.",
    "Lamport 2001, Paxos Made Simple, section 2.1",
    "1-cap/paxos.md#invariants-to-keep",
);

const CHOOSES: Rule = Rule::new(
    "a value is chosen",
    "There is a run in which a client is told the chosen value.",
    "Lamport 2001, Paxos Made Simple, section 2.1",
    "1-cap/paxos.md#the-idea",
);

const ALL_ARE_TOLD: Rule = Rule::new(
    "every client is told",
    "There is a run in which every client is told the chosen value.",
    "Lamport 2001, Paxos Made Simple, section 2.3",
    "1-cap/paxos.md#the-idea",
);

const PROGRESS: Rule = Rule::new(
    "progress",
    "Once messages arrive and timers fire in turn, a client whose server is up and reaches a majority is told the chosen value.",
    "Lamport 2001, Paxos Made Simple, section 2.4",
    "1-cap/paxos.md#the-idea",
);

const PROMISES: Rule = Rule::new(
    "promises are kept",
    "A server agrees to a ballot only if it has promised no higher one. Before it says so, its disk holds this promise, and \
     whatever it says that it has accepted.",
    "Lamport 2001, Paxos Made Simple, section 2.2, phases 1 (b) and 2 (b)",
    "1-cap/paxos.md#invariants-to-keep",
);

const ANSWERS: Rule = Rule::new(
    "a ballot is answered",
    "A server that knows no chosen value agrees to every Prepare and every Accept, unless it has promised a higher ballot.",
    "Lamport 2001, Paxos Made Simple, section 2.2",
    "1-cap/paxos.md#the-idea",
);

const ACCEPTS: Rule = Rule::new(
    "a proposal is accepted",
    "There is a run in which a server accepts the proposal with the highest ballot.",
    "Lamport 2001, Paxos Made Simple, section 2.2, phase 2 (b)",
    "1-cap/paxos.md#the-idea",
);

const ATTEMPTS: Rule = Rule::new(
    "an attempt is made",
    "A server whose client waits asks for promises. Once it has been refused and its timer has fired, it asks again under a \
     higher ballot.",
    "Lamport 2001, Paxos Made Simple, section 2.2, phase 1 (a), and section 2.4",
    "1-cap/paxos.md#the-idea",
);

const UNDER_ONE_BALLOT: Rule = Rule::new(
    "chosen under one ballot",
    "A client is told a value when a majority has accepted it under the same ballot, and not before.",
    "Lamport 2001, Paxos Made Simple, section 2.2, phase 2",
    "1-cap/paxos.md#the-idea",
);

const NO_MINORITY: Rule = Rule::new(
    "no choice in a minority",
    "A server that reaches less than a majority tells no client that a value is chosen.",
    "Lamport 2001, Paxos Made Simple, section 2.1",
    "1-cap/paxos.md#paxos-minority",
);

/// Servers of which a retry timer fires so many times.
fn servers(size: usize, retries: u8) -> Cluster<Paxos, Decisions> {
    Cluster::new(size, Linearizable::new(Decision::default()))
        .limit(retries, |occurrence| matches!(occurrence, Occurrence::Timeout { .. }))
        .leaving_out_ignored()
        .always(CONSENSUS, |view| match view.history().holds() {
            true => Ok(()),
            false => Err(format!("No single decision explains these answers: {}.", view.history().summary())),
        })
        .always(AGREEMENT, agree)
        .each_transition(PROMISES, keeps_its_promises)
}

/// Below which ballot a server that saved this accepts nothing. To accept is to promise, whether it is written down twice or not.
fn bound(saved: &Durable) -> Ballot {
    saved.accepted.map_or(saved.promised, |accepted| accepted.ballot.max(saved.promised))
}

/// What an acceptor owes: its answers say what is on its disk, and it never goes back on a promise.
fn keeps_its_promises(step: &Transition<'_, Paxos>) -> Result<(), String> {
    let promised = step.saved.map(bound);
    if let (Some(before), Some(after)) = (promised, step.saved_after().map(bound))
        && after < before
    {
        return Err(format!(
            "{} had promised ballot {before:?}, but its disk now holds a promise of {after:?} only.",
            step.server
        ));
    }
    for (to, answer, disk) in step.sent() {
        let asked = step.received().filter(|(from, _)| *from == to).map(|(_, message)| message);
        let (ballot, accepted) = match (asked, answer) {
            (Some(Message::Prepare { ballot }), Message::Promise { ballot: answered, accepted })
                if ballot == answered =>
            {
                (*ballot, *accepted)
            }
            (Some(Message::Accept { proposal }), Message::Accepted { ballot }) if proposal.ballot == *ballot => {
                (*ballot, Some(*proposal))
            }
            (_, Message::Promise { .. } | Message::Accepted { .. }) => {
                return Err(format!(
                    "{} sends {to} {}, but {to} has not just asked for that.",
                    step.server,
                    words::paxos(*answer)
                ));
            }
            _ => continue,
        };
        if let Some(promised) = promised.filter(|promised| *promised > ballot) {
            let (server, says) = (step.server, words::paxos(*answer));
            return Err(format!("{server} had promised ballot {promised:?}, and yet it sends {to} {says}."));
        }
        if disk.is_none_or(|disk| bound(disk) < ballot || disk.accepted != accepted) {
            let (says, holds) = (words::paxos(*answer), words::durable(disk));
            return Err(format!("{} sends {to} {says}, but its disk holds {holds}.", step.server));
        }
    }
    Ok(())
}

/// A server that knows of nothing chosen answers whatever it has promised no higher ballot for.
fn answers(step: &Transition<'_, Paxos>) -> Result<(), String> {
    let Some((from, message)) = step.received() else { return Ok(()) };
    let ballot = match message {
        Message::Prepare { ballot } => *ballot,
        Message::Accept { proposal } => proposal.ballot,
        _ => return Ok(()),
    };
    let free = step.after.chosen().is_none() && step.saved.is_none_or(|saved| bound(saved) <= ballot);
    let agrees = |message: &Message| matches!(message, Message::Promise { .. } | Message::Accepted { .. });
    match !free || step.sent().any(|(to, answer, _)| to == from && agrees(answer)) {
        true => Ok(()),
        false => Err(format!(
            "{} has promised no ballot above {ballot:?}. {from} sends {}, and {} should agree, but does not.",
            step.server,
            words::paxos(*message),
            step.server
        )),
    }
}

/// Other proposers of a cluster of five, as one acceptor hears them: `n1` and `n2` prepare ballots and propose under them. They reach
/// the other three servers as well, so no answer of `n0` decides what they propose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Proposers;

impl Proposers {
    /// Each with its ballot and value. Nothing is chosen before the last, so each is free to propose what it likes.
    const PROPOSALS: [(usize, u64, Value); 4] = [(1, 1, 1), (2, 1, 2), (1, 2, 3), (2, 3, 4)];
}

impl History<Paxos> for Proposers {
    fn invoked(&mut self, _: Invocation<'_, Paxos>) {}

    fn returned(&mut self, _: RequestId, _: &Chosen) {}
}

impl Peers<Paxos> for Proposers {
    fn may_say(&self, _: &Paxos) -> Vec<(NodeId, Message)> {
        let says = Proposers::PROPOSALS.into_iter().flat_map(|(proposer, round, value)| {
            let ballot = Ballot { round, proposer: NodeId(proposer) };
            let accept = Message::Accept { proposal: Proposal { ballot, value } };
            [Message::Prepare { ballot }, accept].map(|message| (NodeId(proposer), message))
        });
        says.collect()
    }
}

fn agree(view: &View<'_, Paxos, Decisions>) -> Result<(), String> {
    let mut chosen =
        view.servers().filter_map(|(id, server)| -> Option<(NodeId, u32)> { Some((id, server.chosen()?)) });
    let Some((first, value)) = chosen.next() else { return Ok(()) };
    match chosen.find(|(_, other)| *other != value) {
        None => Ok(()),
        Some((id, other)) => Err(format!("{first} considers {value} chosen, and {id} considers {other} chosen.")),
    }
}

/// Some client is told. That each one is in the end is for [`a_majority_chooses`] to show, in scopes of which the suffixes are few.
fn chooses(cluster: Cluster<Paxos, Decisions>) -> Cluster<Paxos, Decisions> {
    let clients = cluster.clients();
    cluster.sometimes(CHOOSES, move |view| (0..clients).any(|id| view.answered(ClientId(id)) > 0))
}

/// Every client is told, in some run, and in the end of every run in which the network behaves. `of` names the server of each client.
fn tells_all(cluster: Cluster<Paxos, Decisions>, of: &'static [usize]) -> Cluster<Paxos, Decisions> {
    let cluster = cluster.sometimes(ALL_ARE_TOLD, |view| view.is_finished());
    cluster.leads_to(PROGRESS, 6, move |view| nobody_waits(view, of))
}

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 12;

#[test]
pub fn a_client_alone_gets_its_value() {
    check(|check| {
        for size in 1..=3 {
            let cluster = servers(size, 0).client(&[0], [Propose(7)]);
            check.explores(&format!("one client, and a cluster of {size}"), tells_all(cluster, &[0]), ENOUGH)?;
        }
        let cluster = servers(3, 0).client(&[0], [Propose(7)]).client(&[0], [Propose(8)]);
        check.explores("two clients of one server", tells_all(cluster, &[0, 0]), ENOUGH)
    });
}

#[test]
pub fn one_value_is_chosen() {
    check(|check| {
        let cluster = servers(3, 1).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]);
        check.explores("two proposers of three servers, a retry", tells_all(cluster, &[0, 1]), ENOUGH)?;
        let cluster = servers(3, 0).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]).client(&[2], [Propose(3)]);
        check.explores_up_to(1_000_000, "three proposers of three servers", chooses(cluster), ENOUGH)?;
        let cluster = servers(4, 0).client(&[0], [Propose(1)]).client(&[3], [Propose(2)]);
        check.explores("two proposers of four servers", chooses(cluster), ENOUGH)?;
        let cluster = servers(2, 2).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]);
        check.explores("two proposers of two servers, two retries", tells_all(cluster, &[0, 1]), ENOUGH)?;
        is_accepted_under_two_ballots(check)
    });
}

/// `n0`, one of five servers, makes two attempts with the same value. Under each ballot one other server accepts it: three servers
/// have accepted the value by then, and another proposer may still find a majority that has accepted nothing.
fn is_accepted_under_two_ballots(check: &mut Check) -> Proven {
    let mut server = AmongPeers::<Paxos>::start(5);
    server.is_asked(Propose(7));
    let first = attempt_above(check, &server, None)?;
    for peer in [1, 2] {
        server.receives(peer, Message::Promise { ballot: first, accepted: None });
    }
    server.receives(1, Message::Accepted { ballot: first });
    let promised = Ballot { round: first.round + 1, proposer: NodeId(4) };
    server.receives(4, Message::Refused { ballot: first, promised });
    server.fires(Timer::Retry);
    let second = attempt_above(check, &server, Some(promised))?;
    for peer in [2, 3] {
        server.receives(peer, Message::Promise { ballot: second, accepted: None });
    }
    server.receives(2, Message::Accepted { ballot: second });
    check.requires(UNDER_ONE_BALLOT, !server.has_answered(), || {
        format!(
            "n0, one of five servers, has proposed 7 under {first:?}, which n1 has accepted, and under {second:?}, which n2 has \
             accepted. n0 told its client that 7 is chosen, but under neither ballot has a majority accepted it."
        )
    })?;
    server.receives(3, Message::Accepted { ballot: second });
    check.requires(UNDER_ONE_BALLOT, server.has_answered(), || {
        format!("n0, n2 and n3, of five servers, have accepted 7 under {second:?}, and yet n0 has not told its client.")
    })?;
    check.evidence(
        "a value that three of five servers have accepted under two ballots: first it is not chosen, then it is",
    );
    Ok(())
}

/// The ballot for which a proposer has asked for promises last. It must be above `bound`.
fn attempt_above(check: &mut Check, server: &AmongPeers<Paxos>, bound: Option<Ballot>) -> Result<Ballot, Box<Failure>> {
    let prepared =
        server.sent().find_map(|message| if let Message::Prepare { ballot } = message { Some(*ballot) } else { None });
    check.requires(ATTEMPTS, prepared > bound, || match (prepared, bound) {
        (Some(ballot), Some(bound)) => format!(
            "n4 refused n0, since n4 has promised {bound:?}. Then n0's timer fired. The last ballot for which n0 has asked for \
             promises is {ballot:?}."
        ),
        _ => "A client has asked n0, one of five servers, to propose 7, and n0 has asked no server for a promise.".to_owned(),
    })?;
    Ok(prepared.unwrap_or(Ballot { round: 0, proposer: NodeId(0) }))
}

#[test]
pub fn a_promise_survives_a_restart() {
    check(|check| {
        let cluster = Cluster::new(5, Proposers).among_peers().client(&[0], [Propose(7)]).restarts(1);
        let cluster = cluster.limit(2, |occurrence| matches!(occurrence, Occurrence::Timeout { .. }));
        let cluster = cluster.each_transition(PROMISES, keeps_its_promises).each_transition(ANSWERS, answers);
        let accepts_late = |view: &View<'_, Paxos, Proposers>| {
            let accepted = view.saved(NodeId(0)).and_then(|saved| saved.accepted);
            accepted.is_some_and(|accepted| accepted.ballot.round == 3)
        };
        let scope = "an acceptor that proposes too, and whatever two other proposers may ask";
        check.exhausts(scope, cluster.sometimes(ACCEPTS, accepts_late))?;
        let cluster = servers(3, 0).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]).restarts(1);
        check.explores("two proposers of three servers, a restart", chooses(cluster), ENOUGH)?;
        let cluster = servers(3, 0).client(&[0], [Propose(1)]).client(&[0, 1], [Propose(2)]).restarts(2);
        check.explores("two clients, of which one asks two servers, and two restarts", chooses(cluster), ENOUGH)
    });
}

#[test]
pub fn a_proposer_follows_its_acceptors() {
    check(|check| {
        let accepted =
            |round, proposer, value| Some(Proposal { ballot: Ballot { round, proposer: NodeId(proposer) }, value });
        for (scope, own, others) in [
            ("that have accepted nothing", None, [None, None]),
            ("of which each has accepted another proposal", None, [accepted(1, 1, 1), accepted(2, 2, 2)]),
            ("of which one has accepted its value under a later ballot", accepted(1, 1, 1), [accepted(2, 1, 1), None]),
            ("that have accepted a later proposal", accepted(1, 1, 1), [accepted(2, 2, 2), accepted(2, 2, 2)]),
        ] {
            let cluster = among_acceptors(own, others).client(&[0], [Propose(7)]).restarts(1);
            let cluster = cluster.limit(1, |occurrence| matches!(occurrence, Occurrence::Timeout { .. }));
            let told = |view: &View<'_, Paxos, Acceptors>| view.is_finished();
            check.exhausts(
                &format!("a proposer, and whatever acceptors {scope} may answer"),
                cluster.sometimes(CHOOSES, told),
            )?;
        }
        Ok(())
    });
}

#[test]
pub fn a_message_that_comes_twice_counts_once() {
    check(|check| {
        // With five servers, one that counts for two leaves a majority that knows nothing. Few links keep the scope small.
        let five = servers(5, 0)
            .links(&[(0, 1), (0, 2), (4, 2), (4, 3)])
            .client(&[0], [Propose(1)])
            .client(&[4], [Propose(2)]);
        let scope = "two proposers of five servers, of which each reaches three, and a duplicate";
        check.explores(scope, chooses(five.duplicates(1)), ENOUGH)?;
        let cluster = servers(3, 0).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]).duplicates(1);
        check.explores("two proposers of three servers, a duplicate", chooses(cluster), ENOUGH)
    });
}

#[test]
pub fn a_majority_chooses() {
    check(|check| {
        let cluster = servers(3, 0).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]).drops(2);
        let cluster = cluster.leads_to(PROGRESS, 6, |view| nobody_waits(view, &[0, 1]));
        check.explores("two proposers of three servers, two lost messages", cluster, ENOUGH)?;
        let cluster = servers(3, 1).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]).crashes(1);
        let cluster = cluster.leads_to(PROGRESS, 6, |view| nobody_waits(view, &[0, 1]));
        check.explores("two proposers of three servers, a retry, a crash", cluster, ENOUGH)?;
        let cluster = servers(3, 2).split(&[&[0], &[1, 2]]).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]);
        let cluster = cluster.sometimes(CHOOSES, |view| view.answered(ClientId(1)) == 1);
        let cluster = cluster.always(NO_MINORITY, |view| match view.answered(ClientId(0)) {
            0 => Ok(()),
            _ => Err("n0 is cut off from n1 and n2, and yet it has told c0 that a value is chosen.".to_owned()),
        });
        check.explores("n0 apart from n1 and n2", cluster, ENOUGH)?;
        let cluster = (0..5).fold(Cluster::new(5, Linearizable::new(Decision::default())), |cluster, id| {
            cluster.client(&[id], [Propose(id as Value), Propose(10 + id as Value)])
        });
        let cluster = cluster
            .always(CONSENSUS, |view| match view.history().holds() {
                true => Ok(()),
                false => Err(format!("No single decision explains these answers: {}.", view.history().summary())),
            })
            .always(AGREEMENT, agree)
            .leads_to(PROGRESS, 6, |view| nobody_waits(view, &[0, 1, 2, 3, 4]));
        let faults = Faults { duplicated: 50, lost: 50, partitions: 2, flaps: 4, ..Faults::default() };
        check.simulates("five servers, five clients", Simulation::new(cluster, faults).steps(4_000), 0..100)
    });
}

/// No client whose server is up waits; `of` names the server of each client.
fn nobody_waits(view: &View<'_, Paxos, Decisions>, of: &[usize]) -> Result<(), String> {
    for (client, &server) in of.iter().enumerate() {
        if let (Some(_), Some(request)) = (view.server(NodeId(server)), view.waiting(ClientId(client))) {
            return Err(format!(
                "c{client} still waits for the answer to {request}, though n{server} and a majority are up, and messages \
                 arrive."
            ));
        }
    }
    Ok(())
}
