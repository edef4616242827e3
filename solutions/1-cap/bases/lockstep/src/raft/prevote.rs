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

/// A server that asks before it enters a new term.
///
/// Invariants:
/// - its term grows only by a message of a higher term, or when a majority has said yes;
/// - while it leads, or has heard from a leader since its election timer last fired, it says no to every other server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreVote {
    me: Membership,
    raft: Raft,
    need: Need,
}

/// Does a server need a leader?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Need {
    /// One was heard since the election timer last fired.
    Led,
    /// None was heard, and nobody is asked.
    Unled,
    /// None was heard, and the others are asked.
    Asking {
        /// About which term.
        term: Term,
        /// Who would vote for this server in it, itself included.
        voters: BTreeSet<NodeId>,
    },
}

impl Node for PreVote {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        PreVote { me, raft: inside(out, |out| Raft::start(me, saved, out)), need: Need::Unled }
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
        let term = self.raft.term() + 1;
        self.need = Need::Asking { term, voters: BTreeSet::new() };
        out.arm(Timer::Election);
        let (last_index, last_term) = (self.raft.log().last_index(), self.raft.log().last_term());
        out.send_all(self.me.peers(), &Message::PreVote { term, last_index, last_term });
        self.count(self.me.id, term, out);
    }

    /// Looks at a message to the inner server. If it comes from a leader that is not deposed, this server needs no other leader:
    /// from now on it says no to every other server, and stops asking itself.
    fn note_leader(&mut self, message: &message::Message) {
        if matches!(message, message::Message::AppendEntries { term, .. } if *term >= self.raft.term()) {
            self.need = Need::Led;
        }
    }

    /// Answers whether this server would vote for `from`. It says yes if `term` is above its own, it has not heard from a leader
    /// since its election timer last fired, it does not lead, and the log of `from` is at least as up to date as its own.
    /// Neither its term nor its vote nor its timer changes.
    ///
    /// Source: the thesis, section 9.6.
    fn on_pre_vote(&mut self, from: NodeId, term: Term, last_index: Index, last_term: Term, out: &mut Outbox<Self>) {
        let is_content = self.need == Need::Led || self.raft.is_leader();
        let would_vote = term > self.raft.term() && self.raft.is_up_to_date(last_index, last_term);
        let reply = match would_vote && !is_content {
            true => Message::PreVoteReply { term, granted: true },
            false => Message::PreVoteReply { term: self.raft.term(), granted: false },
        };
        out.send(from, reply);
    }

    /// Counts a yes for the term that this server asks about, once for each server; who asks nothing, a leader for instance,
    /// counts nothing. A no may show that this server is behind: then it enters the other's term, as it would by any message, and
    /// has to ask again.
    fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, granted: bool, out: &mut Outbox<Self>) {
        if granted {
            self.count(from, term, out);
        } else {
            inside(out, |out| self.raft.observe_term(term, out));
        }
    }

    /// Counts a yes for `term`, if that is the one that this server asks about, and could still enter: it may lead by now, elected in
    /// the term before. With a majority the real election begins.
    fn count(&mut self, voter: NodeId, about: Term, out: &mut Outbox<Self>) {
        let Need::Asking { term, voters } = &mut self.need else { return };
        if about != *term || about != self.raft.term() + 1 || self.raft.is_leader() {
            return;
        }
        voters.insert(voter);
        if voters.len() >= majority(self.me.size) {
            self.need = Need::Unled;
            inside(out, |out| self.raft.start_election(out));
        }
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
