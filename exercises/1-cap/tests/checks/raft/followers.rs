//! What voters and followers may answer to one candidate and leader: the peers that a check plays against it.
//!
//! Five servers, of which only `n0` runs the learner's code. `n1` and `n2` are correct followers, and with `n0` a majority; `n3` and
//! `n4` are cut off, but for the news of a later term. An answer may be late, or come again: what a follower has once said stays on
//! its way for good, and what it was sent it may take at any time, in any order.

use std::collections::{BTreeMap, BTreeSet};

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, Invocation, Peers, Transition, View};
use testkit::node::{NodeId, RequestId};
use testkit::text::list;

use super::transitions::{Entries, OWN_LOG, sends_its_own_log};
use crate::subject::raft::Raft;
use crate::subject::raft::log::{Index, Log, Term};
use crate::subject::raft::message::{Hint, Message, Outcome};
use crate::subject::raft::store::Response;

/// How many servers there are.
const SERVERS: usize = 5;

/// The last term in which another server is a candidate.
const LAST_NEWS: Term = 4;

pub const MAJORITY_ELECTS: Rule = Rule::new(
    "an elected candidate leads",
    "A candidate for which a majority has voted in its term, itself included, leads that term.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for candidates",
    "1-cap/raft-election.md#the-idea",
);

pub const MAJORITY_LEADS: Rule = Rule::new(
    "a majority makes a leader",
    "A candidate leads its term only if a majority has voted for it in that term, itself included.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.2",
    "1-cap/raft-election.md#invariants-to-keep",
);

pub const COMMITS: Rule = Rule::new(
    "what a leader commits",
    "A leader considers its log committed up to the last entry of its own term that a majority, itself included, has shown in \
     this term to hold, and no further.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for leaders, and section 5.4.2",
    "1-cap/raft-commit.md#invariants-to-keep",
);

/// `n0` alone among voters and followers with these logs.
pub fn among_followers(logs: [Log; 2], later: &[&'static str]) -> Cluster<Raft, Followers> {
    let [first, second] = logs.map(|log| Follower { log, ..Follower::default() });
    let followers = BTreeMap::from([(NodeId(1), first), (NodeId(2), second)]);
    let cluster = Cluster::new(SERVERS, Followers { followers, ..Followers::default() });
    cluster.later_tasks(later).among_peers().each_transition(OWN_LOG, sends_its_own_log)
}

/// What `n0` has been told in its present term, and what its followers know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Followers {
    followers: BTreeMap<NodeId, Follower>,
    term: Term,
    votes: BTreeSet<NodeId>,
    matching: BTreeMap<NodeId, Index>,
}

/// A correct follower.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Follower {
    term: Term,
    log: Log,
    /// What `n0` has sent to it, and it may yet take.
    sent: BTreeSet<Message>,
    /// What it has answered, or would have answered at once.
    said: BTreeSet<Message>,
}

impl Follower {
    /// What it answers to one of the messages that `n0` has sent.
    fn answer(&self, message: &Message) -> Option<Message> {
        let term = self.term.max(message.term());
        match message {
            Message::RequestVote { term: asked, last_index, last_term } => {
                let granted =
                    *asked == term && (*last_term, *last_index) >= (self.log.last_term(), self.log.last_index());
                Some(Message::Vote { term, granted })
            }
            message => {
                let entries = Entries::sent(NodeId(0), message)?;
                let fits = message.term() == term && self.log.term_at(entries.prev_index) == Some(entries.prev_term);
                let outcome = match fits {
                    true => Outcome::Matches(entries.last()),
                    false => Outcome::Conflict(self.hint(entries.prev_index)),
                };
                Some(Message::AppendReply { term, outcome })
            }
        }
    }

    fn hint(&self, prev_index: Index) -> Hint {
        let term = self.log.term_at(prev_index);
        let first = self.log.iter().find(|(_, entry)| Some(entry.term) == term);
        Hint { term, index: first.map_or(self.log.last_index() + 1, |(index, _)| index) }
    }

    /// Is sent a message. If it refuses that, it may have done so at once.
    fn is_sent(&mut self, message: &Message) {
        let refuses = |answer: &Message| {
            matches!(
                answer,
                Message::AppendReply { outcome: Outcome::Conflict(_), .. } | Message::Vote { granted: false, .. }
            )
        };
        self.said.extend(self.answer(message).filter(refuses));
        self.sent.insert(message.clone());
    }

    /// Says something: now, if that is new.
    fn says(&mut self, answer: &Message) {
        if self.said.contains(answer) {
            return;
        }
        let taken = self.sent.iter().find(|message| self.answer(message).as_ref() == Some(answer)).cloned();
        self.term = self.term.max(answer.term());
        if let (Some(message), Message::AppendReply { outcome: Outcome::Matches(_), .. }) = (taken, answer)
            && let Some(entries) = Entries::sent(NodeId(0), &message)
        {
            let merged = entries.merged_into(&self.log);
            self.log = Log::default();
            merged.into_iter().for_each(|entry| self.log.push(entry));
        }
        self.said.insert(answer.clone());
    }
}

impl History<Raft> for Followers {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Raft>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, Raft>) {
        let term = transition.after.term();
        if self.term != term {
            (self.term, self.votes, self.matching) = (term, BTreeSet::new(), BTreeMap::new());
        }
        if let Some((from, message)) = transition.received() {
            if let Some(follower) = self.followers.get_mut(&from) {
                follower.says(message);
            }
            match message {
                Message::Vote { term: voted, granted: true } if *voted == term => {
                    self.votes.insert(from);
                }
                Message::AppendReply { term: replied, outcome: Outcome::Matches(index) } if *replied == term => {
                    let matching = self.matching.entry(from).or_default();
                    *matching = (*matching).max(*index);
                }
                _ => {}
            }
        }
        for (to, message, _) in transition.sent() {
            if let Some(follower) = self.followers.get_mut(&to) {
                follower.is_sent(message);
            }
        }
    }
}

impl Peers<Raft> for Followers {
    fn may_say(&self, server: &Raft) -> Vec<(NodeId, Message)> {
        let news =
            (server.term() < LAST_NEWS).then_some((NodeId(3), Message::Vote { term: LAST_NEWS, granted: false }));
        let says = self.followers.iter().flat_map(|(id, follower)| {
            let new = follower.sent.iter().filter_map(|message| follower.answer(message));
            let all: BTreeSet<Message> = new.chain(follower.said.iter().cloned()).collect();
            all.into_iter().map(|message| (*id, message))
        });
        news.into_iter().chain(says).collect()
    }
}

/// A leader has been elected.
pub fn is_elected(view: &View<'_, Raft, Followers>) -> Result<(), String> {
    let Some(server) = view.server(NodeId(0)).filter(|server| server.is_leader()) else { return Ok(()) };
    let votes = &view.history().votes;
    match votes.len() >= SERVERS / 2 {
        true => Ok(()),
        false => Err(format!(
            "n0, one of {SERVERS} servers, leads term {}. Besides n0 itself, these have voted for n0 in that term: {}.",
            server.term(),
            list(votes, "nobody")
        )),
    }
}

/// A leader has committed what it may, and all of it.
pub fn commits_what_it_may(view: &View<'_, Raft, Followers>) -> Result<(), String> {
    let Some(server) = view.server(NodeId(0)).filter(|server| server.is_leader()) else { return Ok(()) };
    let matching = &view.history().matching;
    let holds = |index: Index| 1 + matching.values().filter(|held| **held >= index).count() > SERVERS / 2;
    let own = |index: &Index| server.log().term_at(*index) == Some(server.term());
    let last = (1..=server.log().last_index()).filter(own).rfind(|index| holds(*index)).unwrap_or(0);
    let index = server.commit_index();
    let earlier = !(1..=index).any(|index| own(&index));
    match index == last || last == 0 && earlier {
        true => Ok(()),
        false => Err(format!(
            "n0 leads term {}, and its log is {:?}. In this term, these have shown that they match it: {}. n0's commit index is \
             {index}.",
            server.term(),
            server.log(),
            list(matching.iter().map(|(follower, index)| format!("{follower} up to {index}")), "nobody")
        )),
    }
}
