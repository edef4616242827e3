//! Pre-vote: a server that was away comes back without deposing a leader that works.
//!
//! Source: Ongaro 2014, "Consensus: Bridging Theory and Practice", section 9.6.
//!
//! # The problem
//!
//! A server that is cut off hears no leader. Its election timer fires, again and again, and each time it enters a new term.
//! When the link heals, its term is above everybody's. The first message with that term deposes the leader, although nobody
//! needed another one.
//!
//! # The protocol
//!
//! Before it goes to a new term, a server asks what would happen if it did ([`Message::PreVote`]). Others say yes if its log
//! is up to date enough for their vote *and* they have not heard from a leader themselves since their election timer last
//! fired. To ask and to answer changes nobody's term, vote or timer. Only with a majority of yes does the real election begin.
//!
//! # How it is built
//!
//! [`PreVote`] is a server around a [`Raft`], which stays as it is. What is for the inner server goes through to it, and what
//! it wants done is passed on, by [`inside`]. Only the election timer is caught on its way in.

#![allow(unused_variables, unused_imports, reason = "for the holes below: delete this line when all are filled")]
use std::collections::BTreeSet;

use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use super::log::{Index, Term};
use super::store::{Request, Response};
use super::{Durable, Raft, Timer, message};
use crate::quorum::majority;

/// What servers with pre-vote send each other.
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

/// A server that asks before it goes to a new term.
///
/// Invariants:
/// - its term grows only by a message of a higher term, or when a majority has said yes;
/// - while it leads, or has heard from a leader since its election timer last fired, it says no to everybody.
///
/// The checks look at messages, and at [`raft`](Self::raft); `heard` and `would_vote` are yours to replace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreVote {
    me: Membership,
    raft: Raft,
    /// Has a leader been heard since the election timer last fired?
    heard: bool,
    /// Who would vote for this server, itself included, while it asks.
    would_vote: Option<BTreeSet<NodeId>>,
}

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
    /// The election timer has fired: no leader was heard for too long. Asks all others, and arms the timer anew. A cluster of
    /// one needs to ask nobody.
    ///
    /// Source: the thesis, section 9.6.
    fn ask(&mut self, out: &mut Outbox<Self>) {
        todo!("Ask the others whether they would vote for you, and begin to count. You would vote for yourself.")
    }

    /// Looks at a message to the inner server: does it come from a leader that is not deposed? Then there is no need for another.
    fn note_leader(&mut self, message: &message::Message) {
        todo!("If a leader speaks that is not deposed, you need no other.")
    }

    /// Says whether this server would vote for another. Nothing changes here by that.
    ///
    /// Source: the thesis, section 9.6.
    fn on_pre_vote(&mut self, from: NodeId, term: Term, last_index: Index, last_term: Term, out: &mut Outbox<Self>) {
        todo!("Would you vote for it, and do you need a leader at all? Say so.")
    }

    /// Counts a yes for the term that this server asks about, once for each server. A server that asks nothing counts nothing: one that leads, for
    /// instance, or that has heard from a leader since it asked. A no may show that this server is behind: then it enters the other's term, as
    /// it would by any message, and has to ask again.
    fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, granted: bool, out: &mut Outbox<Self>) {
        todo!("Count a yes if it answers what you ask now; learn from a no.")
    }

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
