//! The AP register: it always answers, and the last writer wins.
//!
//! Source: Lamport 1978, "Time, Clocks, and the Ordering of Events in a Distributed System" (the clock); Johnson & Thomas
//! 1975, RFC 677 (the last writer wins).
//!
//! # The problem
//!
//! A client always gets an answer at once from the server that it asks, however few others that server can reach. Servers that
//! have heard of the same writes hold the same value, in whatever order they heard of them.
//!
//! # The protocol
//!
//! A server answers from its own copy. Each write carries a [`Stamp`]; of two writes, the one with the larger stamp wins,
//! everywhere. A server tells all others about each write that it takes.
//!
//! A stamp is made from a Lamport clock, so a write is always above every write that its server had heard of. Of two concurrent
//! writes one wins as well, if need be by its server's number, and the other is lost. That is the price of this register.
//!
//! # Left out on purpose
//!
//! Lost messages are not sent again: the network may deliver late, but it delivers.

#![allow(unused_variables, reason = "for the holes below: delete this line when all are filled")]
use std::fmt;

use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

use crate::register::{Request, Response, Value};

/// Orders writes: by clock first, then by replica, so two different servers never make the same stamp. Shown as `1.n0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The Lamport clock of the server when it took the write.
    pub clock: u64,
    /// The server that took the write.
    pub replica: NodeId,
}

/// A write with its stamp. The larger one wins. Shown as `7@1.n0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamped {
    /// When it was written, in Lamport time.
    pub stamp: Stamp,
    /// What was written.
    pub value: Value,
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.clock, self.replica)
    }
}

impl fmt::Debug for Stamped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}", self.value, self.stamp)
    }
}

/// "This was written", from the server that took the write to all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update(pub Stamped);

/// One replica of the register.
///
/// Invariants:
/// - `latest` is the largest of all writes that this server has heard of;
/// - `clock` is at least as large as the clock of each stamp that it has heard of. (Do you need it? The checks do not look at fields.)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lww {
    me: Membership,
    clock: u64,
    latest: Stamped,
}

impl Node for Lww {
    type Message = Update;
    type Timer = Never;
    type Request = Request;
    type Response = Response;
    type Durable = ();

    fn start(me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        let never = Stamp { clock: 0, replica: NodeId(0) };
        Lww { me, clock: 0, latest: Stamped { stamp: never, value: 0 } }
    }

    /// Answers at once, from what this server knows.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match request {
            Request::Read => out.reply(id, Response::Read(self.latest.value)),
            Request::Write(value) => self.write(id, value, out),
        }
    }

    fn on_message(&mut self, _from: NodeId, Update(heard): Update, _out: &mut Outbox<Self>) {
        self.hear(heard);
    }
}

impl Lww {
    /// Takes a client's write, and answers at once. The write's stamp is above every stamp that this server has heard of.
    /// Afterwards this server shows the write, and all others are on their way to hear of it.
    fn write(&mut self, id: RequestId, value: Value, out: &mut Outbox<Self>) {
        todo!("Stamp the write, keep it, tell the others, and answer.")
    }

    /// Hears of a write that another server took. The message may be old, and may arrive twice. Afterwards this server shows the
    /// larger of that write and the one that it showed before, and stamps its own writes above both.
    fn hear(&mut self, heard: Stamped) {
        todo!("What does this server show from now on, and how must its next write be stamped?")
    }
}
