//! The CP register: a reader sees the newest value, or gets no answer.
//!
//! Source: Attiya, Bar-Noy & Dolev 1995, "Sharing memory robustly in message-passing systems" (one writer); Lynch &
//! Shvartsman 1997, "Robust emulation of shared memory using dynamic quorum-acknowledged broadcasts" (many writers).
//!
//! # The problem
//!
//! Each server keeps a copy. Messages may arrive late, out of order or twice; a server may stop for good. As long as a majority
//! is up and connected, clients must see a single register: *linearizable* (Herlihy & Wing 1990).
//!
//! # The protocol
//!
//! Each value carries a [`Tag`], and larger tags are newer. The server that a client asks (its *coordinator*) works in two
//! phases, for reads and writes alike. In each it waits for a majority, itself included:
//!
//! 1. *Asking*: what is the newest version that you hold? ([`Message::Query`], [`Message::QueryReply`])
//! 2. *Telling*: hold this version, if yours is older. ([`Message::Store`], [`Message::StoreAck`])
//!
//! For a write, the coordinator tells the others a new version, with a tag above all those that it heard of. For a read, it
//! tells them the newest version that it heard of (the *write-back*). Only then does it answer its client.
//!
//! # Left out on purpose
//!
//! Lost messages are not sent again, and a server that has crashed does not come back.

#![allow(unused_variables, unused_imports, reason = "for the holes below: delete this line when all are filled")]
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

use crate::quorum::majority;
use crate::register::{Request, Response, Value};

/// Says which of two versions is newer. Tags are compared by number first, then by writer, so two different servers never
/// make the same tag. Shown as `1.n0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// One more than the largest number that the writer had heard of.
    pub number: u64,
    /// The server that coordinated the write.
    pub writer: NodeId,
}

/// A value with its tag. The larger version is the newer one: the tags decide. (Where tags are equal, the derived order compares
/// the values. That never matters as long as no two writes share a tag.) Shown as `7@1.n0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// How new it is.
    pub tag: Tag,
    /// What was written.
    pub value: Value,
}

impl Version {
    /// What each server holds before the first write.
    pub const INITIAL: Version = Version { tag: Tag { number: 0, writer: NodeId(0) }, value: 0 };
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, self.writer)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}", self.value, self.tag)
    }
}

/// What servers send each other. Each message names its operation by the client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From a coordinator to all others, in its first phase: which version do you hold?
    Query {
        /// The operation that the coordinator is working on.
        operation: RequestId,
    },
    /// To a coordinator that asked: this one.
    QueryReply {
        /// As in the query.
        operation: RequestId,
        /// What the sender held when it answered.
        held: Version,
    },
    /// From a coordinator to all others, in its second phase: hold this version, if yours is older.
    Store {
        /// The operation that the coordinator is working on.
        operation: RequestId,
        /// What a majority must hold before the client is answered.
        version: Version,
    },
    /// To a coordinator that told: I hold it, or a newer one.
    StoreAck {
        /// As in the store.
        operation: RequestId,
    },
}

/// How far an operation has come at its coordinator. Only this file uses it: count in another way if you like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waits until a majority has said which version it holds.
    Asking {
        /// What the client wants.
        request: Request,
        /// The servers that have answered, the coordinator included.
        answered: BTreeSet<NodeId>,
        /// The newest version among the answers.
        newest: Version,
    },
    /// Waits until a majority holds the version.
    Telling {
        /// What the client will be told.
        response: Response,
        /// The servers that hold it, the coordinator included.
        holders: BTreeSet<NodeId>,
    },
}

/// One server of the register.
///
/// Invariants:
/// - `held` never gets older;
/// - an operation in `operations` has not been answered yet;
/// - two writes that this server coordinates never share a tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Abd {
    me: Membership,
    held: Version,
    operations: BTreeMap<RequestId, Phase>,
}

impl Node for Abd {
    type Message = Message;
    type Timer = Never;
    type Request = Request;
    type Response = Response;
    type Durable = ();

    fn start(me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        Abd { me, held: Version::INITIAL, operations: BTreeMap::new() }
    }

    /// Starts the first phase of an operation. This server's own version is its first answer; in a cluster of one, that is a
    /// majority.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        todo!("Begin the first phase. One answer you have at once: in which cluster is that enough?")
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        match message {
            Message::Query { operation } => self.on_query(from, operation, out),
            Message::QueryReply { operation, held } => self.on_query_reply(from, operation, held, out),
            Message::Store { operation, version } => self.on_store(from, operation, version, out),
            Message::StoreAck { operation } => self.on_store_ack(from, operation, out),
        }
    }
}

impl Abd {
    /// Answers a coordinator's question with the version that this server holds.
    fn on_query(&mut self, from: NodeId, operation: RequestId, out: &mut Outbox<Self>) {
        todo!("Say what you hold.")
    }

    /// Counts an answer to the first phase of `operation`. An answer that arrives twice counts once. If the operation is in its
    /// second phase already, or done, the answer changes nothing.
    ///
    /// Once a majority has answered, the second phase begins, exactly once. For a read, the version to store is the newest among
    /// the answers of this majority. For a write, it is the client's value under a tag above every tag among those answers, and
    /// above the tag of every other write that this server has coordinated. This server holds the version as well, and counts
    /// among its holders; in a cluster of one, that is a majority.
    fn on_query_reply(&mut self, from: NodeId, operation: RequestId, held: Version, out: &mut Outbox<Self>) {
        todo!("Count the answer if it counts. With a majority, begin the second phase.")
    }

    /// Afterwards this server holds `version`, or the newer one that it held before. It acknowledges either way.
    fn on_store(&mut self, from: NodeId, operation: RequestId, version: Version, out: &mut Outbox<Self>) {
        todo!("Hold the newer version, and say so.")
    }

    /// Counts an acknowledgement of the second phase of `operation`, once for each sender. As soon as a majority holds the
    /// version, the client gets its answer, exactly once, and the server forgets the operation.
    fn on_store_ack(&mut self, from: NodeId, operation: RequestId, out: &mut Outbox<Self>) {
        todo!("Count the acknowledgement if it counts. With a majority, answer the client.")
    }
}
