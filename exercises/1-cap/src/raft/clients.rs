//! Clients: what they see, and why a command that was sent twice is applied once.
//!
//! Source: Ongaro & Ousterhout 2014, section 8; Ongaro 2014, "Consensus: Bridging Theory and Practice", section 6.3.
//!
//! # The problem
//!
//! A client that hears nothing cannot know whether its command was lost, is under way, or was applied by a leader that failed
//! before it could answer. All that it can do is ask again. Then its command may be in the log twice. `Add` shows the damage:
//! one request, counted twice.
//!
//! # The protocol
//!
//! Each request has an id: the client and a number that the client counts up. A client has one request open at a time. As part
//! of the replicated state, each server keeps the last number that it applied for each client, and the answer. A command that
//! comes a second time is not applied again; it gets the same answer as before. Since this table is made only by applying the
//! log, it is the same on every server, and a new leader has it as well.
//!
//! Reads go through the log like everything else. That is slow, and it is linearizable.

#![allow(unused_variables, unused_imports, reason = "for the holes below: delete this line when all are filled")]
#![allow(dead_code, reason = "the holes of other files will use it")]
use serde::{Deserialize, Serialize};
use testkit::node::{Outbox, RequestId};

use super::log::Command;
use super::store::{Response, Value};
use super::{Raft, Role};

/// The last request of a client that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Session {
    /// The request's number.
    pub number: usize,
    /// The answer that it got.
    pub value: Value,
}

impl Raft {
    /// On a server that does not lead: refuses a request at once, and names the leader of its term if it has heard from one, so
    /// that the client can go there.
    ///
    /// Source: section 8.
    pub(super) fn redirect(&self, id: RequestId, out: &mut Outbox<Self>) {
        todo!("Refuse, and name the leader if you know it.")
    }

    /// Applies a committed command. A client's request is carried out unless the client's session shows that it was carried out
    /// before; then it gets the answer that it got then. A request with a lower number than the session's changes nothing and
    /// gets no answer: its client has gone on. Only a leader sends answers. Every server that applies the same commands ends up
    /// with the same store and the same sessions.
    ///
    /// Source: section 8; the thesis, section 6.3.
    pub(super) fn apply(&mut self, command: Command, out: &mut Outbox<Self>) {
        todo!("Carry out a client's request once. If you lead, answer it as often as it comes.")
    }
}
