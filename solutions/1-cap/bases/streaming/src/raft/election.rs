//! Elections: at most one leader in each term, and only one whose log holds everything that is committed.
//!
//! Source: Ongaro & Ousterhout 2014, sections 5.1, 5.2 and 5.4.1; figure 2, "RequestVote RPC" and "Rules for Servers".
//!
//! # The problem
//!
//! A server that has not heard from a leader for a while cannot know whether the leader is gone, slow, or merely out of reach.
//! It may try to take over all the same, at any time, and so may others. Two things must never happen: two leaders in one term,
//! and a leader without an entry that was committed before.
//!
//! # The protocol
//!
//! A candidate enters a new term and asks all others for their votes. A server gives at most one vote in a term, and saves it
//! before it says so. A majority of votes makes a leader, and any two majorities share a server. And a server votes only for a
//! candidate whose log is at least as up to date as its own. A committed entry is on a majority, so it is on one of the voters.
//!
//! # This design
//!
//! A new leader makes itself heard with an entry of its own term, not with an empty heartbeat. Its own vote takes the way of all others.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use testkit::node::{NodeId, Outbox};

use super::log::{Command, Index, Term};
use super::message::Message;
use super::{Raft, Role, Timer};
use crate::quorum::majority;

impl Raft {
    /// Enters a new term as a candidate that has voted for itself, saved that, and asked all others for their votes. The
    /// election timer is armed again, in case no candidate wins. In a cluster of one, its own vote is a majority.
    ///
    /// Source: section 5.2; figure 2, rules for candidates.
    pub(super) fn start_election(&mut self, out: &mut Outbox<Self>) {
        self.term += 1;
        self.voted_for = Some(self.me.id);
        self.role = Role::Candidate { votes: BTreeSet::new() };
        self.save(out);
        out.arm(Timer::Election);
        let (last_index, last_term) = (self.log.last_index(), self.log.last_term());
        out.send_all(self.me.peers(), &Message::RequestVote { term: self.term, last_index, last_term });
        self.on_vote(self.me.id, self.term, true, out);
    }

    /// Looks at the term of a message, before anything else is done with it. If it is above this server's own, this server is
    /// behind: it enters that term as a follower that has not voted in it, and saves that. A deposed leader needs its election
    /// timer again, and stops its heartbeats. A follower's or a candidate's timer runs on.
    ///
    /// Source: section 5.1; figure 2, rules for all servers.
    pub(super) fn observe_term(&mut self, term: Term, out: &mut Outbox<Self>) {
        if term <= self.term {
            return;
        }
        if self.is_leader() {
            out.disarm(Timer::Heartbeat);
            out.arm(Timer::Election);
        }
        self.role = Role::Follower { leader: None };
        (self.term, self.voted_for) = (term, None);
        self.save(out);
    }

    /// Grants the candidate its vote or refuses it, and says so either way, with this server's own term. The vote is granted if
    /// the candidate's term is this server's own, this server has not voted for another candidate in it, and the candidate's log
    /// is at least as up to date as its own. A granted vote is saved before it is sent, and gives the candidate time: the
    /// election timer is armed again. After a refusal it runs on.
    ///
    /// Source: sections 5.2 and 5.4.1; figure 2, RequestVote RPC, receiver implementation.
    pub(super) fn on_request_vote(
        &mut self,
        candidate: NodeId,
        term: Term,
        last_index: Index,
        last_term: Term,
        out: &mut Outbox<Self>,
    ) {
        let free = self.voted_for.is_none_or(|other| other == candidate);
        let granted = term == self.term && free && self.is_up_to_date(last_index, last_term);
        if granted {
            out.arm(Timer::Election);
            if self.voted_for.replace(candidate).is_none() {
                self.save(out);
            }
        }
        out.send(candidate, Message::Vote { term: self.term, granted });
    }

    /// Is a log that ends with an entry of `last_term` at `last_index` at least as up to date as this server's? The later last
    /// term wins; with the same last term, the longer log.
    ///
    /// Source: section 5.4.1.
    pub(super) fn is_up_to_date(&self, last_index: Index, last_term: Term) -> bool {
        match last_term.cmp(&self.log.last_term()) {
            Ordering::Greater => true,
            Ordering::Equal => last_index >= self.log.last_index(),
            Ordering::Less => false,
        }
    }

    /// Counts a vote for this server: only one of its current term, once for each voter, and only while it is a candidate. With
    /// a majority, itself included, it becomes leader.
    ///
    /// Source: section 5.2.
    pub(super) fn on_vote(&mut self, voter: NodeId, term: Term, granted: bool, out: &mut Outbox<Self>) {
        let enough = majority(self.me.size);
        if let Role::Candidate { votes } = &mut self.role
            && granted
            && term == self.term
        {
            votes.insert(voter);
            if votes.len() >= enough {
                self.lead(out);
            }
        }
    }

    /// Becomes the leader of its term: assumes that the others' logs end where its own does, exchanges the election timer for
    /// the heartbeat, and makes itself heard, so that nobody else becomes a candidate. It does so with an entry that asks for nothing:
    /// as soon as a majority holds it, all that earlier leaders left in this log is committed too.
    ///
    /// Source: section 5.2; figure 2, volatile state on leaders.
    fn lead(&mut self, out: &mut Outbox<Self>) {
        let next = self.log.last_index() + 1;
        self.role = Role::Leader {
            next_index: self.me.peers().map(|peer| (peer, next)).collect(),
            match_index: self.me.peers().map(|peer| (peer, 0)).collect(),
            streaming: BTreeSet::new(),
        };
        out.disarm(Timer::Election);
        out.arm(Timer::Heartbeat);
        self.propose(Command::Noop, out);
    }

    /// Hears from the leader of this server's own term. There is only one, so a candidate has lost. The leader is remembered, to
    /// send clients there, and the election timer is armed again.
    ///
    /// Source: section 5.2; figure 2, rules for followers and candidates.
    pub(super) fn follow(&mut self, leader: NodeId, out: &mut Outbox<Self>) {
        self.role = Role::Follower { leader: Some(leader) };
        out.arm(Timer::Election);
    }
}
