//! Clients: what they get to see, and why a command that was sent twice is applied once.
//!
//! Source: Ongaro & Ousterhout 2014, section 8; Ongaro 2014, "Consensus: Bridging Theory and Practice", section 6.3.
//!
//! # The problem
//!
//! A client that hears nothing cannot know whether its command was lost, is under way, or was applied by a leader that failed
//! before it could answer. All that it can do is to ask again. Its command may then stand in the log twice. `Add` shows the damage:
//! one request, counted twice.
//!
//! # The protocol
//!
//! Each request has an id: the client and a number that the client counts up. A client has one request open at a time. Each server keeps,
//! as part of the replicated state, the last number that it applied for each client, and what it answered. A command that
//! comes a second time is not applied again; it is answered with what it was answered before. Since this table is made by applying the
//! log, and by nothing else, it is the same on each server, and a new leader has it too.
//!
//! Reads take the same way through the log as everything else. That is slow, and it is linearizable.

use serde::{Deserialize, Serialize};
use testkit::node::{Outbox, RequestId};

use super::Raft;
use super::log::Command;
use super::store::{Request, Response, Value};

/// The last request of a client that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Session {
    /// The request's number.
    pub number: usize,
    /// What it was answered.
    pub value: Value,
}

impl Raft {
    /// On a server that does not lead: refuses a request at once, and names the leader if it knows one, so that the client can go
    /// there.
    ///
    /// Source: section 8.
    pub(super) fn redirect(&self, id: RequestId, out: &mut Outbox<Self>) {
        out.reply(id, Response::NotLeader { leader: self.leader() });
    }

    /// Applies a committed command. A client's request is carried out unless its session shows that it was carried out before;
    /// then its answer is the one that it had. An even older one is of no interest to anybody: its client has gone on. The leader
    /// sends the answer.
    ///
    /// Source: section 8; the thesis, section 6.3.
    pub(super) fn apply(&mut self, command: Command, out: &mut Outbox<Self>) {
        let Command::Client { id, request } = command else { return };
        let last = self.sessions.get(&id.client).copied();
        let session = last.filter(|last| last.number >= id.number).unwrap_or_else(|| self.carry_out(id, request));
        if session.number == id.number && self.is_leader() {
            out.reply(id, Response::Done(session.value));
        }
    }

    /// Carries out a request that is new, and keeps what it is answered.
    fn carry_out(&mut self, id: RequestId, request: Request) -> Session {
        let session = Session { number: id.number, value: self.store.execute(request) };
        self.sessions.insert(id.client, session);
        session
    }
}
