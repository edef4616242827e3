//! The route: which server a client asks next, and what it knows in the end.
//!
//! Source: Ongaro & Ousterhout 2014 (extended version), section 8; Ongaro 2014, "Consensus: Bridging Theory and Practice", sections 6.2
//! and 6.3.
//!
//! # The problem
//!
//! Only the leader takes requests, and the leader changes. A client starts somewhere, and is sent on to a server that may have
//! lost the lead by then, or be down. Servers are silent, or hang up. Whatever happens, two things must hold. A request is done
//! once, however often it is sent. And a client that gives up says what it knows: that nothing was done, or that it cannot tell.
//!
//! # The protocol
//!
//! A [`Route`] is told what came of the last try ([`Heard`]), and says what to do next ([`Next`]). It opens no connection and
//! reads no clock.
//!
//! # Left out on purpose
//!
//! Several requests at once: Raft's sessions allow a client one. Pauses that grow and vary at random, which a server with many
//! clients needs: the next stage has them.

use std::time::Duration;

use cap::raft::store::{Response, Value};
use testkit::node::{ClientId, NodeId, RequestId};

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An answer, to the request `id`.
    Answer {
        /// Which request it answers. It may be an earlier one: then the answer was late.
        id: RequestId,
        /// What it says.
        response: Response,
    },
    /// There was no connection, so the request was not sent.
    Unreachable,
    /// The request was sent. Then the try timed out, or the connection broke.
    Silence,
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait, then send the request as `id` to `server`.
    Ask {
        /// The server to ask.
        server: NodeId,
        /// As which request.
        id: RequestId,
        /// How long to wait before that.
        after: Duration,
    },
    /// What was heard says nothing about this request: go on waiting for an answer.
    Wait,
    /// The request is done.
    Done(Value),
    /// No server has taken the request, and none will.
    NotDone,
    /// It may have been done, or be done later, or never.
    Unknown,
}

/// How patient a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many times a request is sent at most: one or more.
    pub tries: usize,
    /// How long to pause when all servers may have been asked without success.
    pub pause: Duration,
}

/// A client's way to the leader.
///
/// Invariants:
/// - no two requests have the same number, and later ones have higher ones;
/// - all tries of a request have the same id.
#[derive(Clone, Debug)]
pub struct Route {
    client: ClientId,
    /// How many servers there are.
    servers: usize,
    patience: Patience,
    /// The server that was asked last; n0 at first.
    at: NodeId,
    /// The number that the next request will have.
    next: usize,
    /// How many more times the request may be sent.
    left: usize,
    /// How many times it was sent since it was begun, or since the last pause.
    in_a_row: usize,
    /// What is known if it ends without an answer.
    end: Next,
}

impl Route {
    /// A client that has asked nothing yet. `servers` is one or more.
    pub fn new(client: ClientId, servers: usize, patience: Patience) -> Self {
        Route { client, servers, patience, at: NodeId(0), next: 0, left: 0, in_a_row: 0, end: Next::NotDone }
    }

    /// Begins a request. It goes at once to the server that did the last one, or to any server if none did.
    pub fn begin(&mut self) -> Next {
        self.next += 1;
        (self.left, self.in_a_row, self.end) = (self.patience.tries, 0, Next::NotDone);
        self.ask(self.at)
    }

    /// Says what to do after something was heard about the request that began last.
    ///
    /// - An answer to another request says nothing about this one.
    /// - A server that names a leader is believed at once, unless that leader does not exist, or is itself. Otherwise it is the
    ///   next server's turn: as many tries in a row as there are servers reach each of them.
    /// - Of any `servers + 1` tries in a row, one comes after a pause at least, whoever names whom.
    /// - After `tries` tries the request ends: with `NotDone` if no server can have taken any of its tries, and with `Unknown`
    ///   otherwise.
    ///
    /// Source: the thesis, section 6.2, on finding the leader, and 6.3, on retries.
    pub fn heard(&mut self, heard: Heard) -> Next {
        match heard {
            Heard::Answer { id, .. } if id != self.id() => Next::Wait,
            Heard::Answer { response: Response::Done(value), .. } => Next::Done(value),
            Heard::Answer { response: Response::NotLeader { leader }, .. } => {
                let believed = leader.filter(|leader| leader.0 < self.servers && *leader != self.at);
                self.ask(believed.unwrap_or(self.by_turns()))
            }
            Heard::Unreachable => self.ask(self.by_turns()),
            Heard::Silence => {
                self.end = Next::Unknown;
                self.ask(self.by_turns())
            }
        }
    }

    /// The id of the request that was begun last.
    fn id(&self) -> RequestId {
        RequestId { client: self.client, number: self.next.saturating_sub(1) }
    }

    /// The server behind the one that was asked last.
    fn by_turns(&self) -> NodeId {
        NodeId((self.at.0 + 1) % self.servers)
    }

    /// Sends the request to a server, if there is a try left for it: after a pause, if all might have been asked in vain.
    fn ask(&mut self, server: NodeId) -> Next {
        if self.left == 0 {
            return self.end;
        }
        let after = if self.in_a_row == self.servers { self.patience.pause } else { Duration::ZERO };
        self.in_a_row = if self.in_a_row == self.servers { 1 } else { self.in_a_row + 1 };
        self.left -= 1;
        self.at = server;
        Next::Ask { server, id: self.id(), after }
    }
}
