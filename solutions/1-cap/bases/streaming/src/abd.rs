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
//! Who has said in the first phase that it holds the version of the second has nothing left to do in it. So a read whose version is
//! known to be on a majority is answered at once.
//!
//! # This design
//!
//! The second phase keeps the servers that are not known to hold the version. A server that named this very version in the first phase
//! holds it, or a newer one by now, so it is not told again. If a majority named it, a read ends after one phase.
//!
//! # Left out on purpose
//!
//! Lost messages are not sent again, and a server that has crashed does not come back.

use std::collections::{BTreeMap, BTreeSet};
use std::{fmt, mem};

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

/// How far an operation has come at its coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waits until a majority has said which version it holds.
    Asking {
        /// What the client wants.
        request: Request,
        /// What each server held when it answered, the coordinator included.
        answers: BTreeMap<NodeId, Version>,
    },
    /// Waits until a majority holds the version.
    Telling {
        /// What the client will be told.
        response: Response,
        /// Who is not known to hold it yet.
        lacking: BTreeSet<NodeId>,
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

    /// Starts an operation: the first phase, with this server's own version as the first answer.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        self.operations.insert(id, Phase::Asking { request, answers: BTreeMap::new() });
        out.send_all(self.me.peers(), &Message::Query { operation: id });
        self.on_query_reply(self.me.id, id, self.held, out);
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

    /// Counts an answer to the first phase of `operation`. An answer that arrives twice counts once. If the operation is in its
    /// second phase already, or done, the answer changes nothing.
    fn on_query_reply(&mut self, from: NodeId, operation: RequestId, held: Version, out: &mut Outbox<Self>) {
        let Some(Phase::Asking { request, answers }) = self.operations.get_mut(&operation) else { return };
        answers.entry(from).or_insert(held);
        if answers.len() >= majority(self.me.size) {
            let (request, answers) = (*request, mem::take(answers));
            self.tell(operation, request, answers, out);
        }
    }

    /// Afterwards this server holds `version`, or the newer one that it held before. It acknowledges either way.
    fn on_store(&mut self, from: NodeId, operation: RequestId, version: Version, out: &mut Outbox<Self>) {
        self.held = self.held.max(version);
        out.send(from, Message::StoreAck { operation });
    }

    /// Counts an acknowledgement of the second phase of `operation`; with a majority the client gets its answer.
    fn on_store_ack(&mut self, from: NodeId, operation: RequestId, out: &mut Outbox<Self>) {
        if let Some(Phase::Telling { lacking, .. }) = self.operations.get_mut(&operation) {
            lacking.remove(&from);
            self.finish_if_held(operation, out);
        }
    }

    /// Chooses the version, holds it, and tells it to those who are not known to hold it: the second phase of `operation`.
    ///
    /// What a server holds never gets older. So a server that answered with the version which is now told holds it, or a newer one:
    /// it need not be told, and counts. If those are a majority already, a read is over here, without a write-back.
    fn tell(
        &mut self,
        operation: RequestId,
        request: Request,
        answers: BTreeMap<NodeId, Version>,
        out: &mut Outbox<Self>,
    ) {
        let newest = answers.values().copied().fold(Version::INITIAL, Version::max);
        let (version, response) = match request {
            Request::Read => (newest, Response::Read(newest.value)),
            Request::Write(value) => (Version { tag: self.tag_above(newest.tag), value }, Response::Written),
        };
        self.held = self.held.max(version);
        let lacking: BTreeSet<_> =
            self.me.peers().filter(|peer| answers.get(peer).is_none_or(|held| *held < version)).collect();
        out.send_all(lacking.iter().copied(), &Message::Store { operation, version });
        self.operations.insert(operation, Phase::Telling { response, lacking });
        self.finish_if_held(operation, out);
    }

    /// A tag for a write: above `newest`, and above all that this server has made, which it holds.
    fn tag_above(&self, newest: Tag) -> Tag {
        Tag { number: newest.max(self.held.tag).number + 1, writer: self.me.id }
    }

    /// Answers the client, and forgets the operation, as soon as a majority holds the version that was told.
    fn finish_if_held(&mut self, operation: RequestId, out: &mut Outbox<Self>) {
        let Some(Phase::Telling { response, lacking }) = self.operations.get(&operation) else { return };
        if self.me.size - lacking.len() >= majority(self.me.size) {
            out.reply(operation, *response);
            self.operations.remove(&operation);
        }
    }
}
