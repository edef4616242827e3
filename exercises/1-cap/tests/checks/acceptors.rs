//! Acceptors, as one proposer hears them: the peers that a check plays against it.
//!
//! Three servers, of which only `n0` runs the learner's code. `n1` and `n2` are acceptors that may have accepted something before,
//! promise and accept what `n0` asks, or refuse it since they have promised a far higher ballot to another. What they say may be late,
//! or come again.

use std::collections::{BTreeMap, BTreeSet};

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, Invocation, Peers, Transition, View};
use testkit::node::{Effect, NodeId, RequestId};
use testkit::text::list;

use super::words;
use crate::subject::paxos::{Ballot, Chosen, Durable, Message, Paxos, Proposal, Value};

/// How many servers there are.
const SERVERS: usize = 3;

/// What the refusing acceptors have promised to others: far above all that `n0` has used, so that counting up takes too long.
const FAR: Ballot = Ballot { round: 9, proposer: NodeId(2) };

pub const ONE_BALLOT: Rule = Rule::new(
    "one majority, one ballot",
    "A value is chosen when a majority has accepted it under the same ballot. A server that counts itself has saved its own \
     acceptance by then.",
    "Lamport 2001, Paxos Made Simple, section 2.2",
    "1-cap/paxos.md#invariants-to-keep",
);

pub const HIGHEST: Rule = Rule::new(
    "the value of the highest ballot",
    "Once a majority has promised its ballot, a proposer proposes the accepted value with the highest ballot among the \
     promises, or a client's value if there is none.",
    "Lamport 2001, Paxos Made Simple, section 2.2, phase 2 (a)",
    "1-cap/paxos.md#the-idea",
);

pub const ABOVE: Rule = Rule::new(
    "a new attempt goes above",
    "Each attempt has a ballot above every ballot that its server has used before, and above every ballot that made another \
     server refuse it.",
    "Lamport 2001, Paxos Made Simple, section 2.3",
    "1-cap/paxos.md#invariants-to-keep",
);

/// What the acceptors know, and what `n0` has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Acceptors {
    /// What each has accepted last.
    accepted: BTreeMap<NodeId, Proposal>,
    /// What each was asked, and may answer at any time.
    asked: BTreeSet<(NodeId, Message)>,
    /// What `n0` has heard of each acceptor's acceptances, and what it has had on its own disk. What was chosen stays chosen,
    /// even if `n0` has accepted it under a later ballot since.
    heard: BTreeSet<(NodeId, Proposal)>,
    /// Who has promised which ballot to `n0` since it started, and what each had accepted.
    promises: BTreeMap<(Ballot, NodeId), Option<Proposal>>,
    /// The highest ballot that `n0` has used.
    used: Option<Ballot>,
    /// The ballot of the attempt that `n0` began last, since it started.
    last: Option<Ballot>,
    /// The highest ballot that `n0` was refused for, since it started.
    refused: Option<Ballot>,
    /// What each has promised under which ballot. It stays what it was if it comes again.
    said: BTreeMap<(Ballot, NodeId), Option<Proposal>>,
    wrong: Option<(Broken, String)>,
}

/// Which rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    OneBallot,
    Highest,
    Above,
}

/// `n0`, which has accepted `own`, among acceptors that have accepted these proposals before.
pub fn among_acceptors(own: Option<Proposal>, others: [Option<Proposal>; 2]) -> Cluster<Paxos, Acceptors> {
    let accepted = (1..).map(NodeId).zip(others).filter_map(|(id, accepted)| Some((id, accepted?))).collect();
    let cluster = Cluster::new(SERVERS, Acceptors { accepted, ..Acceptors::default() });
    let cluster = match own {
        Some(proposal) => cluster.saved(0, Durable { promised: proposal.ballot, accepted: own }),
        None => cluster,
    };
    let kept = |rule: Broken| {
        move |view: &View<'_, Paxos, Acceptors>| match &view.history().wrong {
            Some((broken, why)) if *broken == rule => Err(why.clone()),
            _ => Ok(()),
        }
    };
    let cluster = cluster.among_peers().always(ONE_BALLOT, kept(Broken::OneBallot));
    cluster.always(HIGHEST, kept(Broken::Highest)).always(ABOVE, kept(Broken::Above))
}

impl Acceptors {
    fn hear(&mut self, from: NodeId, message: &Message) {
        match *message {
            Message::Promise { ballot, accepted } => {
                self.promises.insert((ballot, from), accepted);
                self.said.insert((ballot, from), accepted);
                self.heard.extend(accepted.map(|proposal| (from, proposal)));
            }
            Message::Accepted { ballot } => {
                let proposal = self.asked.iter().find_map(|(to, asked)| match asked {
                    Message::Accept { proposal } if (*to, proposal.ballot) == (from, ballot) => Some(*proposal),
                    _ => None,
                });
                if let Some(proposal) = proposal {
                    let accepted = self.accepted.entry(from).or_insert(proposal);
                    *accepted = proposal.max(*accepted);
                    self.heard.insert((from, proposal));
                }
            }
            Message::Refused { promised, .. } => self.refused = self.refused.max(Some(promised)),
            Message::Prepare { .. } | Message::Accept { .. } => {}
        }
    }

    /// A new attempt, or the same question again.
    fn prepares(&mut self, ballot: Ballot) {
        if self.last == Some(ballot) {
            return;
        }
        let bound = self.used.max(self.refused);
        if bound.is_some_and(|bound| ballot <= bound) {
            let (used, refused) = (words::ballot(self.used), words::ballot(self.refused));
            self.break_rule(
                Broken::Above,
                format!(
                    "n0 begins an attempt under ballot {ballot:?}. The highest ballot that it has used before is {used}, and the \
                     highest that refused it is {refused}."
                ),
            );
        }
        (self.last, self.used) = (Some(ballot), self.used.max(Some(ballot)));
    }

    /// `own` is what `n0` itself has accepted before.
    fn proposes(&mut self, Proposal { ballot, value }: Proposal, own: Option<Proposal>, wishes: &[Value]) {
        let promised: Vec<Option<Proposal>> =
            (1..SERVERS).filter_map(|id| self.promises.get(&(ballot, NodeId(id))).copied()).collect();
        let highest = |own: Option<Proposal>| promised.iter().flatten().copied().chain(own).max();
        let with = |highest: Option<Proposal>| match highest {
            Some(proposal) => proposal.value == value,
            None => wishes.contains(&value),
        };
        // A majority with n0, or without it, if n0 has not promised anything to itself.
        let is_right = match promised.len() {
            0 => false,
            1 => with(highest(own)),
            _ => with(highest(own)) || with(highest(None)),
        };
        if !is_right {
            self.break_rule(
                Broken::Highest,
                format!(
                    "n0 proposes {value} under ballot {ballot:?}. It has itself accepted {}, and the promises that it received \
                     for that ballot say: {}.",
                    words::proposal(own),
                    list(promised.into_iter().map(words::proposal), "nothing")
                ),
            );
        }
    }

    /// `own` is what is on `n0`'s disk.
    fn tells(&mut self, value: Value, own: Option<Proposal>) {
        let all: BTreeSet<(NodeId, Proposal)> =
            self.heard.iter().copied().chain(own.map(|proposal| (NodeId(0), proposal))).collect();
        let holders = |ballot: Ballot| {
            all.iter().filter(|(_, proposal)| (proposal.ballot, proposal.value) == (ballot, value)).count()
        };
        if !all.iter().any(|(_, proposal)| 2 * holders(proposal.ballot) > SERVERS) {
            let shown = all.iter().map(|(id, proposal)| format!("by {id} {}", words::proposal(Some(*proposal))));
            self.break_rule(
                Broken::OneBallot,
                format!(
                    "n0 tells a client that {value} is chosen. It knows of these acceptances, its own disk included: {}. No \
                     ballot has a majority.",
                    list(shown, "nothing")
                ),
            );
        }
    }

    fn break_rule(&mut self, rule: Broken, why: String) {
        self.wrong = Some((rule, why));
    }
}

impl History<Paxos> for Acceptors {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Paxos>) {}

    fn returned(&mut self, _: RequestId, _: &Chosen) {}

    fn transition(&mut self, transition: &Transition<'_, Paxos>) {
        if transition.before.is_none() {
            (self.last, self.refused) = (None, None);
            self.promises.clear();
        }
        // What n0 tells itself, it knows.
        if let Some((from, message)) = transition.received().filter(|(from, _)| from.0 > 0) {
            self.hear(from, message);
        }
        let own = transition.saved.and_then(|saved| saved.accepted);
        let mut disk = own;
        for effect in transition.effects {
            match effect {
                Effect::Save { durable } => {
                    disk = durable.accepted;
                    self.heard.extend(disk.map(|proposal| (NodeId(0), proposal)));
                }
                Effect::Send { to, message } if to.0 > 0 => {
                    match *message {
                        Message::Prepare { ballot } => self.prepares(ballot),
                        Message::Accept { proposal } => self.proposes(proposal, own, &[7]),
                        _ => continue,
                    }
                    self.asked.insert((*to, *message));
                }
                Effect::Reply { response: Chosen(value), .. } => self.tells(*value, disk),
                _ => {}
            }
        }
    }
}

impl Peers<Paxos> for Acceptors {
    fn may_say(&self, _: &Paxos) -> Vec<(NodeId, Message)> {
        let says = self.asked.iter().flat_map(|&(acceptor, message)| {
            let (ballot, agrees) = match message {
                Message::Prepare { ballot } => {
                    let said = self.said.get(&(ballot, acceptor)).copied();
                    let accepted = said.unwrap_or_else(|| self.accepted.get(&acceptor).copied());
                    (ballot, Message::Promise { ballot, accepted })
                }
                Message::Accept { proposal } => (proposal.ballot, Message::Accepted { ballot: proposal.ballot }),
                _ => return Vec::new(),
            };
            let refuses = Message::Refused { ballot, promised: FAR };
            [Some(agrees), (acceptor.0 == 2).then_some(refuses)]
                .into_iter()
                .flatten()
                .map(|answer| (acceptor, answer))
                .collect()
        });
        says.collect()
    }
}
