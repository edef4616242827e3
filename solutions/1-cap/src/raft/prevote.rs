//! Pre-vote: a server that was away comes back without deposing a leader that works.
//!
//! Source: Ongaro 2014, "Consensus: Bridging Theory and Practice", section 9.6.
//!
//! # The problem
//!
//! A server that is cut off hears no leader. Its election timer fires again and again, and each time it enters a new term. When
//! the link heals, its term is above all others. Its first message deposes the leader, although no server needed another one.
//!
//! # The protocol
//!
//! Before it enters a new term, a server asks whether the others would vote for it ([`Message::PreVote`]). They say yes if its
//! log is up to date enough for their vote *and* they have not themselves heard from a leader since their election timer last
//! fired. Answering changes no server's term, vote or timer. Only when a majority has said yes does the real election begin.
//!
//! # How it is built
//!
//! [`PreVote`] is a server around a [`Raft`], which stays as it is. What is meant for the inner server goes through to it, and
//! [`inside`] passes on what it wants done. Only the election timer is intercepted.

//# allow: unused_variables, unused_imports
use std::collections::BTreeSet;

use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use super::log::{Index, Term};
use super::store::{Request, Response};
use super::{Durable, Raft, Timer, message};
use crate::quorum::majority;

/// What servers with pre-vote send each other.
// ANCHOR: messages
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// What the inner servers say to each other.
    Raft(message::Message),
    /// From a server whose election timer has fired, to all others: would you vote for me in this term?
    PreVote {
        /// The term that the sender would enter: one above its own.
        term: Term,
        /// The index of the last entry of its log.
        last_index: Index,
        /// The term of that entry.
        last_term: Term,
    },
    /// To a server that asked.
    PreVoteReply {
        /// If granted, the term that was asked about. If not, the sender's own, from which the asker can learn that it is behind.
        term: Term,
        /// Would the sender vote for the asker?
        granted: bool,
    },
}
// ANCHOR_END: messages

/// A server that asks before it enters a new term.
///
/// Invariants:
/// - its term grows only by a message of a higher term, or when a majority has said yes;
/// - while it leads, or has heard from a leader since its election timer last fired, it says no to every other server.
///
/// The checks look at messages, and at [`raft`](Self::raft); `heard` and `would_vote` are yours to replace.
// ANCHOR: server
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreVote {
    me: Membership,
    raft: Raft,
    /// Has it heard from a leader since the election timer last fired?
    heard: bool,
    /// The servers that would vote for this one, itself included, while it asks.
    would_vote: Option<BTreeSet<NodeId>>,
}
// ANCHOR_END: server

impl Node for PreVote {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        PreVote { me, raft: inside(out, |out| Raft::start(me, saved, out)), heard: false, would_vote: None }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        match timer {
            Timer::Election => self.ask(out),
            Timer::Heartbeat => inside(out, |out| self.raft.on_timer(timer, out)),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        match message {
            Message::Raft(message) => {
                self.note_leader(&message);
                inside(out, |out| self.raft.on_message(from, message, out));
            }
            Message::PreVote { term, last_index, last_term } => {
                self.on_pre_vote(from, term, last_index, last_term, out)
            }
            Message::PreVoteReply { term, granted } => self.on_pre_vote_reply(from, term, granted, out),
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        inside(out, |out| self.raft.on_request(id, request, out));
    }
}

impl PreVote {
    /// The election timer has fired: this server has not heard from a leader for too long. It asks all others about the next
    /// term, forgets the answers to earlier questions, and arms the timer again. In a cluster of one, its own yes is a majority.
    ///
    /// Source: the thesis, section 9.6.
    fn ask(&mut self, out: &mut Outbox<Self>) {
        //# hole: Ask the others whether they would vote for you, and begin to count. You would vote for yourself.
        self.heard = false;
        self.would_vote = Some(BTreeSet::from([self.me.id]));
        out.arm(Timer::Election);
        let (last_index, last_term) = (self.raft.log().last_index(), self.raft.log().last_term());
        let term = self.raft.term() + 1;
        out.send_all(self.me.peers(), &Message::PreVote { term, last_index, last_term });
        self.start_election_if_welcome(out);
        //# end
    }

    /// Looks at a message to the inner server. If it comes from a leader that is not deposed, this server needs no other leader:
    /// from now on it says no to every other server, and stops asking itself.
    fn note_leader(&mut self, message: &message::Message) {
        //# hole: If a leader speaks that is not deposed, you need no other.
        if matches!(message, message::Message::AppendEntries { term, .. } if *term >= self.raft.term()) {
            self.heard = true;
            self.would_vote = None;
        }
        //# end
    }

    /// Answers whether this server would vote for `from`. It says yes if `term` is above its own, it has not heard from a leader
    /// since its election timer last fired, it does not lead, and the log of `from` is at least as up to date as its own.
    /// Neither its term nor its vote nor its timer changes.
    ///
    /// Source: the thesis, section 9.6.
    fn on_pre_vote(&mut self, from: NodeId, term: Term, last_index: Index, last_term: Term, out: &mut Outbox<Self>) {
        //# hole: Would you vote for it, and do you need a leader at all? Say so.
        let needs_leader = !self.heard && !self.raft.is_leader();
        let granted = term > self.raft.term() && needs_leader && self.raft.is_up_to_date(last_index, last_term);
        let term = if granted { term } else { self.raft.term() };
        out.send(from, Message::PreVoteReply { term, granted });
        //# end
    }

    /// Counts a yes, once for each server, if it answers the question that this server is asking now: about the term after its
    /// own, while it does not lead and has not heard from a leader since it asked. Once a majority has said yes, itself
    /// included, the election begins. Any other yes changes nothing. A no takes no yes back. But if its term is above this
    /// server's, this server enters that term, as it would because of any message, and must ask again.
    fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, granted: bool, out: &mut Outbox<Self>) {
        //# hole: Count a yes if it answers what you ask now; learn from a no.
        if !granted {
            inside(out, |out| self.raft.observe_term(term, out));
        } else if let Some(would_vote) = &mut self.would_vote
            && term == self.raft.term() + 1
            && !self.raft.is_leader()
        {
            would_vote.insert(from);
            self.start_election_if_welcome(out);
        }
        //# end
    }

    //# private
    fn start_election_if_welcome(&mut self, out: &mut Outbox<Self>) {
        if self.would_vote.as_ref().is_some_and(|would_vote| would_vote.len() >= majority(self.me.size)) {
            self.would_vote = None;
            inside(out, |out| self.raft.start_election(out));
        }
    }
    //# end

    /// The inner server: what the checks look at.
    pub fn raft(&self) -> &Raft {
        &self.raft
    }
}

/// Lets the inner server do something, and passes on what it wants done.
fn inside<T>(out: &mut Outbox<PreVote>, run: impl FnOnce(&mut Outbox<Raft>) -> T) -> T {
    let mut inner = Outbox::new();
    let result = run(&mut inner);
    out.pass_on(inner, Message::Raft, |durable| durable);
    result
}
