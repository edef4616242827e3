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

//# allow: unused_variables, unused_imports
//# starter: #![allow(dead_code, reason = "the holes of other files will use it")]
use std::collections::BTreeSet;

use testkit::node::{NodeId, Outbox};

use super::log::{Index, Term};
use super::message::Message;
use super::{Raft, Role, Timer};
use crate::quorum::majority;

impl Raft {
    /// The election timer has fired: this server stands for election, in a term in which it has promised nothing to any other.
    /// Whatever others may rely on is on disk before they hear of it, and if no candidate wins, it will stand again. A server
    /// that is the whole cluster leads afterwards.
    ///
    /// Source: section 5.2; figure 2, rules for candidates.
    pub(super) fn start_election(&mut self, out: &mut Outbox<Self>) {
        //# hole: Become a candidate in a new term. One vote you have at once: in which cluster is that enough?
        self.term += 1;
        self.voted_for = Some(self.me.id);
        self.role = Role::Candidate { votes: BTreeSet::from([self.me.id]) };
        self.save(out);
        out.arm(Timer::Election);
        let (last_index, last_term) = (self.log.last_index(), self.log.last_term());
        out.send_all(self.me.peers(), &Message::RequestVote { term: self.term, last_index, last_term });
        self.lead_if_elected(out);
        //# end
    }

    /// Looks at the term of a message, before anything else is done with it. If it is above this server's own, this server is
    /// behind: it enters that term as a follower that has not voted in it, and saves that. A deposed leader needs its election
    /// timer again, and stops its heartbeats. A follower's or a candidate's timer runs on.
    ///
    /// Given: the chapter walks through it.
    ///
    /// Source: section 5.1; figure 2, rules for all servers.
    // ANCHOR: observe
    pub(super) fn observe_term(&mut self, term: Term, out: &mut Outbox<Self>) {
        if term <= self.term {
            return;
        }
        if self.is_leader() {
            out.disarm(Timer::Heartbeat);
            out.arm(Timer::Election);
        }
        self.term = term;
        self.voted_for = None;
        self.role = Role::Follower { leader: None };
        self.save(out);
    }
    // ANCHOR_END: observe

    /// Answers a candidate with this server's vote or with a refusal, in this server's own term. In each term its vote goes to
    /// one candidate at most, whatever crashes come between, and only to one whose log is at least as up to date as its own. A
    /// server that has given its vote gives the candidate time; one that has refused it does not.
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
        //# hole: Grant the vote or do not, and say so either way.
        let free = self.voted_for.is_none_or(|other| other == candidate);
        let granted = term == self.term && free && self.is_up_to_date(last_index, last_term);
        if granted {
            self.voted_for = Some(candidate);
            self.save(out);
            out.arm(Timer::Election);
        }
        out.send(candidate, Message::Vote { term: self.term, granted });
        //# end
    }

    /// Is a log that ends with an entry of `last_term` at `last_index` at least as up to date as this server's, in the sense of
    /// section 5.4.1?
    ///
    /// Source: section 5.4.1.
    pub(super) fn is_up_to_date(&self, last_index: Index, last_term: Term) -> bool {
        //# hole: Compare how the two logs end.
        (last_term, last_index) >= (self.log.last_term(), self.log.last_index())
        //# end
    }

    /// Takes an answer to this server's request for votes. It leads its term as soon as a majority, itself included, has voted
    /// for it in that term, and not before.
    ///
    /// Source: section 5.2.
    pub(super) fn on_vote(&mut self, voter: NodeId, term: Term, granted: bool, out: &mut Outbox<Self>) {
        //# hole: Count the vote if it counts. With a majority, lead.
        if !granted || term != self.term {
            return;
        }
        if let Role::Candidate { votes } = &mut self.role {
            votes.insert(voter);
            self.lead_if_elected(out);
        }
        //# end
    }

    //# private
    fn lead_if_elected(&mut self, out: &mut Outbox<Self>) {
        if matches!(&self.role, Role::Candidate { votes } if votes.len() >= majority(self.me.size)) {
            self.lead(out);
        }
    }
    //# end

    /// Takes office as the leader of its term. From now on the others hear from it, so that none becomes a candidate, and it no
    /// longer waits for a leader itself. It knows nothing of the others' logs, even if it has led before; that they end where
    /// its own does is a good guess.
    ///
    /// Source: section 5.2; figure 2, volatile state on leaders.
    fn lead(&mut self, out: &mut Outbox<Self>) {
        //# hole: Lead. What do you guess of the others' logs, and what do you know of them?
        let next = self.log.last_index() + 1;
        let next_index = self.me.peers().map(|peer| (peer, next)).collect();
        let match_index = self.me.peers().map(|peer| (peer, 0)).collect();
        self.role = Role::Leader { next_index, match_index };
        out.disarm(Timer::Election);
        out.arm(Timer::Heartbeat);
        out.send_all(self.me.peers(), &self.heartbeat());
        //# end
    }

    /// What a new leader may say to all others: I am here, and my log ends like this. It is given for [`lead`](Self::lead); if
    /// yours begins with entries instead, delete it.
    fn heartbeat(&self) -> Message {
        Message::AppendEntries {
            term: self.term,
            prev_index: self.log.last_index(),
            prev_term: self.log.last_term(),
            entries: Vec::new(),
            commit_index: self.commit_index,
        }
    }

    /// Hears from the leader of this server's own term. There is only one, so a candidate has lost. The leader is remembered, to
    /// send clients there, and the election timer is armed again.
    ///
    /// Source: section 5.2; figure 2, rules for followers and candidates.
    pub(super) fn follow(&mut self, leader: NodeId, out: &mut Outbox<Self>) {
        //# hole: Follow this leader.
        self.role = Role::Follower { leader: Some(leader) };
        out.arm(Timer::Election);
        //# end
    }
}
