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

use std::collections::BTreeMap;
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

/// An operation at its coordinator, in either phase: what is known of each server, and what a majority has to hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// What the client wants.
    request: Request,
    /// The version that each server holds at least, as far as it has said so. The coordinator stands here too.
    holds: BTreeMap<NodeId, Version>,
    /// What a majority must hold before the client is answered. None in the first phase.
    goal: Option<Version>,
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
    operations: BTreeMap<RequestId, Operation>,
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

    /// Starts an operation: the first phase, with this server's own version as the first answer.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        let holds = BTreeMap::from([(self.me.id, self.held)]);
        self.operations.insert(id, Operation { request, holds, goal: None });
        out.send_all(self.me.peers(), &Message::Query { operation: id });
        self.go_on(id, out);
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
        out.send(from, Message::QueryReply { operation, held: self.held });
    }

    /// Notes an answer to the first phase of `operation`. An answer that comes twice counts once; an answer to an operation
    /// that is in its second phase, or done, counts for nothing.
    fn on_query_reply(&mut self, from: NodeId, operation: RequestId, held: Version, out: &mut Outbox<Self>) {
        if let Some(asking) = self.operations.get_mut(&operation).filter(|operation| operation.goal.is_none()) {
            asking.note(from, held);
            self.go_on(operation, out);
        }
    }

    /// Afterwards this server holds `version`, or the newer one that it held before. It acknowledges either way.
    fn on_store(&mut self, from: NodeId, operation: RequestId, version: Version, out: &mut Outbox<Self>) {
        self.hold(version);
        out.send(from, Message::StoreAck { operation });
    }

    /// Notes an acknowledgement of the second phase of `operation`; with a majority the client gets its answer.
    fn on_store_ack(&mut self, from: NodeId, operation: RequestId, out: &mut Outbox<Self>) {
        let Some(telling) = self.operations.get_mut(&operation) else { return };
        if let Some(goal) = telling.goal {
            telling.note(from, goal);
            self.go_on(operation, out);
        }
    }

    /// Takes an operation as far as it can go with what is known now.
    fn go_on(&mut self, id: RequestId, out: &mut Outbox<Self>) {
        self.choose(id, out);
        self.finish(id, out);
    }

    /// Ends the first phase, if a majority has answered: chooses the version, and tells it to all who are not known to hold it.
    fn choose(&mut self, id: RequestId, out: &mut Outbox<Self>) {
        let Some(operation) = self.operations.get_mut(&id) else { return };
        if operation.goal.is_some() || operation.holds.len() < majority(self.me.size) {
            return;
        }
        operation.note(self.me.id, self.held); // it may be newer by now: also another write from here
        let goal = operation.choice(self.me.id);
        operation.goal = Some(goal);
        operation.note(self.me.id, goal);
        let behind = self.me.peers().filter(|peer| operation.holds.get(peer).is_none_or(|held| *held < goal));
        out.send_all(behind, &Message::Store { operation: id, version: goal });
        self.hold(goal);
    }

    /// Ends the second phase, if a majority holds the version: answers the client, and forgets the operation.
    fn finish(&mut self, id: RequestId, out: &mut Outbox<Self>) {
        let needed = majority(self.me.size);
        let is_done = |operation: &Operation| operation.goal.is_some_and(|goal| operation.holders(goal) >= needed);
        if self.operations.get(&id).is_some_and(is_done)
            && let Some(Operation { request, goal: Some(goal), .. }) = self.operations.remove(&id)
        {
            out.reply(id, response(request, goal));
        }
    }

    /// Keeps the newer version.
    fn hold(&mut self, version: Version) {
        self.held = self.held.max(version);
    }
}

impl Operation {
    /// Notes that a server holds `version`, or a newer one.
    fn note(&mut self, server: NodeId, version: Version) {
        let held = self.holds.entry(server).or_insert(version);
        *held = version.max(*held);
    }

    /// The version to tell: for a read the newest of those that are held, for a write one above it.
    fn choice(&self, writer: NodeId) -> Version {
        let newest = self.holds.values().max().copied().unwrap_or(Version::INITIAL);
        match self.request {
            Request::Read => newest,
            Request::Write(value) => Version { tag: Tag { number: newest.tag.number + 1, writer }, value },
        }
    }

    /// How many servers are known to hold `version`, or a newer one.
    fn holders(&self, version: Version) -> usize {
        self.holds.values().filter(|held| **held >= version).count()
    }
}

/// What a client is told of its request once a majority holds `version`.
fn response(request: Request, version: Version) -> Response {
    match request {
        Request::Read => Response::Read(version.value),
        Request::Write(_) => Response::Written,
    }
}
