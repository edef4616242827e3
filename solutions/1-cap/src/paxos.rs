//! Single-decree Paxos: several servers propose a value, one is chosen, for good. No leader, no log.
//!
//! Source: Lamport 2001, "Paxos Made Simple", sections 2.2 and 2.3.
//!
//! # The problem
//!
//! Each client proposes a value, and all must be told the same value, which one of them proposed. Servers stop and come back;
//! messages arrive late, twice or never.
//!
//! # The protocol
//!
//! A value is *chosen* when a majority has accepted it under the same [`Ballot`]. The trouble is that this may go unnoticed: the
//! only server that knew may be gone. So a proposer must first find out what may have been chosen already, and then propose
//! that.
//!
//! 1. *Prepare*: a server picks a ballot above all that it has seen, and asks a majority for promises to accept nothing below
//!    it. Each promise names what its sender has accepted so far. ([`Message::Prepare`], [`Message::Promise`])
//! 2. *Accept*: if any of them has accepted a value, the proposer must take the one with the highest ballot; only if none has
//!    is it free to propose its own client's. A majority that accepts makes it chosen. ([`Message::Accept`], [`Message::Accepted`])
//!
//! A proposer that is refused tries again later with a higher ballot. Two proposers can go on overtaking each other forever
//! (Fischer, Lynch & Paterson 1985: something like this cannot be ruled out); the timer makes it unlikely.
//!
//! # Left out on purpose
//!
//! Learners of their own: a server finds out what is chosen by proposing. Sequences of decisions (Multi-Paxos).

//# allow: unused_variables, unused_imports, dead_code
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use crate::quorum::majority;

/// What is proposed.
pub type Value = u32;

/// Names an attempt. Compared by round first, then by proposer, so two servers never use the same ballot. Shown as `1.n0`.
// ANCHOR: ballot
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// Counted up by each attempt.
    pub round: u64,
    /// The server whose attempt it is.
    pub proposer: NodeId,
}

/// A value that a server has accepted, and under which ballot. The one with the larger ballot is the larger. Shown as `7@1.n0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Proposal {
    /// Under which ballot.
    pub ballot: Ballot,
    /// What.
    pub value: Value,
}
// ANCHOR_END: ballot

impl fmt::Debug for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.proposer)
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}", self.value, self.ballot)
    }
}

/// What servers send each other.
// ANCHOR: messages
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From a proposer to all others: promise to accept nothing below this ballot, and say what you have accepted.
    Prepare {
        /// The proposer's ballot.
        ballot: Ballot,
    },
    /// To a proposer: promised.
    Promise {
        /// As in the Prepare.
        ballot: Ballot,
        /// What the sender accepted last.
        accepted: Option<Proposal>,
    },
    /// From a proposer to all others: accept this value.
    Accept {
        /// The ballot and the value.
        proposal: Proposal,
    },
    /// To a proposer: accepted.
    Accepted {
        /// As in the Accept.
        ballot: Ballot,
    },
    /// To a proposer whose ballot is below what the sender has promised to another.
    Refused {
        /// The proposer's ballot.
        ballot: Ballot,
        /// What the sender has promised.
        promised: Ballot,
    },
}
// ANCHOR_END: messages

/// What a client asks: choose this value, or tell me which was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Propose(pub Value);

/// What a client is told: this value is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chosen(pub Value);

/// What wakes a server up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The attempt has taken too long, or was refused: try again.
    Retry,
}

/// What survives a crash.
// ANCHOR: durable
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Durable {
    /// The highest ballot that this server has promised, or used itself.
    pub promised: Ballot,
    /// What it accepted last.
    pub accepted: Option<Proposal>,
}
// ANCHOR_END: durable

/// How far an attempt has come. Only this file uses it: count in another way if you like.
// ANCHOR: attempt
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// Waits for promises.
    Preparing {
        /// The servers that have promised, the proposer included, and what each had accepted.
        promises: BTreeMap<NodeId, Option<Proposal>>,
    },
    /// Waits until a majority has accepted.
    Accepting {
        /// What it proposes.
        value: Value,
        /// The servers that have accepted it, the proposer included.
        acceptors: BTreeSet<NodeId>,
    },
}
// ANCHOR_END: attempt

/// One server: a proposer for its clients, and an acceptor for every server.
///
/// Invariants:
/// - `promised` never falls, and `accepted` is never above it;
/// - an attempt of this server is under way only as long as `promised` is its ballot.
///
/// The checks look at messages, at what is saved, and at [`chosen`](Self::chosen); other fields are yours to replace.
// ANCHOR: server
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Paxos {
    me: Membership,
    promised: Ballot,
    accepted: Option<Proposal>,
    /// The highest round heard of.
    seen: u64,
    /// What the first client here proposed.
    wish: Option<Value>,
    waiting: BTreeSet<RequestId>,
    attempt: Option<Attempt>,
    chosen: Option<Value>,
}
// ANCHOR_END: server

impl Node for Paxos {
    type Message = Message;
    type Timer = Timer;
    type Request = Propose;
    type Response = Chosen;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, _out: &mut Outbox<Self>) -> Self {
        let never = Ballot { round: 0, proposer: NodeId(0) };
        let Durable { promised, accepted } = saved.unwrap_or(Durable { promised: never, accepted: None });
        let seen = promised.round;
        Paxos { me, promised, accepted, seen, wish: None, waiting: BTreeSet::new(), attempt: None, chosen: None }
    }

    fn on_request(&mut self, id: RequestId, Propose(value): Propose, out: &mut Outbox<Self>) {
        if let Some(chosen) = self.chosen {
            return out.reply(id, Chosen(chosen));
        }
        self.waiting.insert(id);
        self.wish.get_or_insert(value);
        if self.attempt.is_none() {
            self.start_attempt(out);
        }
    }

    fn on_timer(&mut self, Timer::Retry: Timer, out: &mut Outbox<Self>) {
        if !self.waiting.is_empty() {
            self.start_attempt(out);
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        match message {
            Message::Prepare { ballot } => self.on_prepare(from, ballot, out),
            Message::Promise { ballot, accepted } => self.on_promise(from, ballot, accepted, out),
            Message::Accept { proposal } => self.on_accept(from, proposal, out),
            Message::Accepted { ballot } => self.on_accepted(from, ballot, out),
            Message::Refused { ballot, promised } => self.on_refused(ballot, promised),
        }
    }
}

impl Paxos {
    /// Begins an attempt under a ballot of this server's own, above all that it has heard of. This server gives itself the first
    /// promise, and saves it: the ballot must not be used again after a crash.
    ///
    /// Source: section 2.2, phase 1 (a).
    fn start_attempt(&mut self, out: &mut Outbox<Self>) {
        //# hole: Begin an attempt under a ballot that no server has used. One promise you have at once: your own.
        self.seen = self.seen.max(self.promised.round) + 1;
        self.promised = Ballot { round: self.seen, proposer: self.me.id };
        self.save(out);
        self.attempt = Some(Attempt::Preparing { promises: BTreeMap::from([(self.me.id, self.accepted)]) });
        out.send_all(self.me.peers(), &Message::Prepare { ballot: self.promised });
        out.arm(Timer::Retry);
        self.propose_if_promised(out);
        //# end
    }

    /// Promises to accept nothing below `ballot`, unless a higher one was promised before. A ballot that was promised already is
    /// promised again: the message may have arrived twice. A promise of a higher ballot ends this server's own attempt.
    ///
    /// Source: section 2.2, phase 1 (b).
    fn on_prepare(&mut self, from: NodeId, ballot: Ballot, out: &mut Outbox<Self>) {
        //# hole: Promise, or refuse.
        if ballot < self.promised {
            return out.send(from, Message::Refused { ballot, promised: self.promised });
        }
        self.promise(ballot);
        self.save(out);
        out.send(from, Message::Promise { ballot, accepted: self.accepted });
        //# end
    }

    /// Counts a promise for the attempt under way. Once a majority has promised, this server proposes the accepted value with
    /// the highest ballot among the promises, or its own client's wish if there is none, and is the first to accept it.
    ///
    /// Source: section 2.2, phase 2 (a).
    fn on_promise(&mut self, from: NodeId, ballot: Ballot, accepted: Option<Proposal>, out: &mut Outbox<Self>) {
        //# hole: Count the promise if it counts. With a majority, propose; but what? You are the first to accept it.
        if ballot != self.promised {
            return;
        }
        if let Some(Attempt::Preparing { promises }) = &mut self.attempt {
            promises.insert(from, accepted);
            self.propose_if_promised(out);
        }
        //# end
    }

    /// Accepts a proposal, unless a higher ballot was promised before. Accepting is a promise too, so a higher ballot ends this
    /// server's own attempt. Either way the proposer is told.
    ///
    /// Source: section 2.2, phase 2 (b).
    fn on_accept(&mut self, from: NodeId, proposal: Proposal, out: &mut Outbox<Self>) {
        //# hole: Accept, or refuse.
        let ballot = proposal.ballot;
        if ballot < self.promised {
            return out.send(from, Message::Refused { ballot, promised: self.promised });
        }
        self.promise(ballot);
        self.accepted = Some(proposal);
        self.save(out);
        out.send(from, Message::Accepted { ballot });
        //# end
    }

    /// Counts an acceptance, for the ballot under which it was given. When a majority has accepted a value under one of this
    /// server's ballots, the value is chosen, and every waiting client is told. This server may also count acceptances under an
    /// earlier ballot of its own: chosen is chosen. But it must never add up those of two ballots.
    ///
    /// Source: section 2.2 and 2.3.
    fn on_accepted(&mut self, from: NodeId, ballot: Ballot, out: &mut Outbox<Self>) {
        //# hole: Count the acceptance if it counts. With a majority, the value is chosen: nothing is left to try, and a client waits for an answer.
        if ballot != self.promised {
            return;
        }
        if let Some(Attempt::Accepting { acceptors, .. }) = &mut self.attempt {
            acceptors.insert(from);
            self.tell_if_accepted(out);
        }
        //# end
    }

    /// Learns of a higher ballot: this attempt ends, and the next, when the timer fires, has a ballot above that one.
    ///
    /// Source: section 2.3, last paragraph.
    fn on_refused(&mut self, ballot: Ballot, promised: Ballot) {
        //# hole: Learn of a higher ballot.
        self.seen = self.seen.max(promised.round);
        if ballot == self.promised {
            self.attempt = None;
        }
        //# end
    }

    //# private
    fn promise(&mut self, ballot: Ballot) {
        if ballot > self.promised {
            self.attempt = None;
            self.promised = ballot;
            self.seen = self.seen.max(ballot.round);
        }
    }

    fn propose_if_promised(&mut self, out: &mut Outbox<Self>) {
        let Some(Attempt::Preparing { promises }) = &self.attempt else { return };
        if promises.len() < majority(self.me.size) {
            return;
        }
        let earlier = promises.values().flatten().max().map(|proposal| proposal.value);
        let Some(value) = earlier.or(self.wish) else { return };
        let proposal = Proposal { ballot: self.promised, value };
        self.accepted = Some(proposal);
        self.save(out);
        self.attempt = Some(Attempt::Accepting { value, acceptors: BTreeSet::from([self.me.id]) });
        out.send_all(self.me.peers(), &Message::Accept { proposal });
        self.tell_if_accepted(out);
    }

    fn tell_if_accepted(&mut self, out: &mut Outbox<Self>) {
        let Some(Attempt::Accepting { value, acceptors }) = &self.attempt else { return };
        if acceptors.len() < majority(self.me.size) {
            return;
        }
        let value = *value;
        self.chosen = Some(value);
        self.attempt = None;
        out.disarm(Timer::Retry);
        for id in std::mem::take(&mut self.waiting) {
            out.reply(id, Chosen(value));
        }
    }
    //# end

    /// Saves what must survive a crash. It is on disk before anything that is put into `out` later.
    fn save(&self, out: &mut Outbox<Self>) {
        out.save(Durable { promised: self.promised, accepted: self.accepted });
    }

    /// The value that this server knows to be chosen: what the checks look at.
    pub fn chosen(&self) -> Option<Value> {
        self.chosen
    }
}
