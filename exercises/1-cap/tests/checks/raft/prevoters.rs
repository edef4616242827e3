//! What others may say to a server that asks for pre-votes: the peers that a check plays against it.
//!
//! Three servers, of which only `n0` runs the learner's code. Each of the others may say yes or no to any question that `n0` has
//! asked, at any time and again; `n1` may ask `n0`; `n2` may lead `n0`'s term.

use std::collections::BTreeSet;

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, Invocation, Peers, Transition, View};
use testkit::node::{NodeId, RequestId};

use super::servers::saved;
use crate::subject::raft::log::Term;
use crate::subject::raft::message;
use crate::subject::raft::prevote::{Message, PreVote};
use crate::subject::raft::store::Response;

/// How many servers there are.
const SERVERS: usize = 3;

pub const MAJORITY_IS_WELCOME: Rule = Rule::new(
    "a majority of yes is enough",
    "A server becomes a candidate once a majority, itself included, has said yes to its current question. A no does not take \
     back a yes.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote",
);

pub const ONLY_A_MAJORITY: Rule = Rule::new(
    "less than a majority is not enough",
    "A server enters a new term of its own accord only once a majority, itself included, has said yes to its current question.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-changes-the-term",
);

/// `n0`, in term 2, alone among them.
pub fn among_prevoters() -> Cluster<PreVote, PreVoters> {
    let kept = |rule: Broken| {
        move |view: &View<'_, PreVote, PreVoters>| match &view.history().wrong {
            Some((broken, why)) if *broken == rule => Err(why.clone()),
            _ => Ok(()),
        }
    };
    let cluster = Cluster::new(SERVERS, PreVoters::default()).saved(0, saved(2, &[1, 2])).among_peers();
    cluster.always(MAJORITY_IS_WELCOME, kept(Broken::Welcome)).always(ONLY_A_MAJORITY, kept(Broken::Alone))
}

/// What `n0` has asked and was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PreVoters {
    /// Every term that it has ever asked about.
    asked: BTreeSet<Term>,
    /// The term that it asks about now, and who has said yes to that.
    asks: Option<(Term, BTreeSet<NodeId>)>,
    wrong: Option<(Broken, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Broken {
    Welcome,
    Alone,
}

impl PreVoters {
    fn hear(&mut self, from: NodeId, message: &Message, own_term: Term) {
        match message {
            Message::PreVoteReply { term, granted: true } => {
                if let Some((_, yes)) = self.asks.as_mut().filter(|(asked, _)| asked == term) {
                    yes.insert(from);
                }
            }
            // A leader that is not deposed ends the question.
            Message::Raft(message::Message::AppendEntries { term, .. }) if *term >= own_term => self.asks = None,
            _ => {}
        }
    }

    fn judge(&mut self, before: Term, transition: &Transition<'_, PreVote>) {
        let after = transition.after.raft().term();
        let stands = transition.sent().any(|(_, message, _)| {
            matches!(message, Message::Raft(message::Message::RequestVote { term, .. }) if *term == after)
        });
        let yes = self.asks.as_ref().map_or(0, |(_, yes)| yes.len());
        let welcome = 2 * (1 + yes) > SERVERS && self.asks.as_ref().is_some_and(|(term, _)| *term == before + 1);
        let said = format!("n0 was in term {before} and asked about term {}", before + 1);
        if welcome && !stands {
            self.wrong = Some((
                Broken::Welcome,
                format!("{said}. {yes} of two others said yes, but n0 does not become a candidate."),
            ));
        } else if stands && after > before && !welcome {
            let why = format!(
                "{said}, if anything. {yes} of two others said yes to that, and n0 is a candidate in term {after}."
            );
            self.wrong = Some((Broken::Alone, why));
        }
    }
}

impl History<PreVote> for PreVoters {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, PreVote>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, PreVote>) {
        let Some(before) = transition.before.map(|server| server.raft().term()) else { return };
        if let Some((from, message)) = transition.received() {
            self.hear(from, message, before);
            self.judge(before, transition);
        }
        let question = transition.sent().find_map(|(_, message, _)| match message {
            Message::PreVote { term, .. } => Some(*term),
            _ => None,
        });
        if let Some(term) = question {
            self.asks = Some((term, BTreeSet::new()));
            self.asked.insert(term);
        } else if transition.after.raft().term() != before {
            self.asks = None;
        }
    }
}

impl Peers<PreVote> for PreVoters {
    fn may_say(&self, server: &PreVote) -> Vec<(NodeId, Message)> {
        let term = server.raft().term();
        let mut says = Vec::new();
        for from in [NodeId(1), NodeId(2)] {
            says.extend(self.asked.iter().map(|&term| (from, Message::PreVoteReply { term, granted: true })));
            says.push((from, Message::PreVoteReply { term: 1, granted: false }));
        }
        let question = Message::PreVote { term: term + 1, last_index: 2, last_term: 2 };
        says.push((NodeId(1), question));
        let (prev_index, prev_term) = (2, 2);
        let heartbeat =
            message::Message::AppendEntries { term, prev_index, prev_term, entries: vec![], commit_index: 0 };
        if !server.raft().is_leader() {
            says.push((NodeId(2), Message::Raft(heartbeat)));
        }
        says
    }
}
