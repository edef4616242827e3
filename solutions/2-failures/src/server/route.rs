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

//# allow: unused_variables, dead_code
use std::time::Duration;

use cap::raft::store::{Response, Value};
use testkit::node::{ClientId, NodeId, RequestId};

// ANCHOR: heard
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
// ANCHOR_END: heard

/// How patient a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many times a request is sent at most: one or more.
    pub tries: usize,
    /// How long to pause when all servers may have been asked without success.
    pub pause: Duration,
}

/// A client's way to the leader. The checks look at [`Next`] only; the fields below `patience` are yours to replace.
///
/// Invariants:
/// - no two requests have the same number, and later ones have higher ones;
/// - all tries of a request have the same id.
// ANCHOR: route
#[derive(Clone, Debug)]
pub struct Route {
    client: ClientId,
    /// How many servers there are.
    servers: usize,
    patience: Patience,
    /// The server that was asked last; n0 at first.
    at: NodeId,
    /// How many requests have begun.
    begun: usize,
    /// How many times the request was sent.
    tried: usize,
    /// Whether one of the tries may have been taken.
    may_be_done: bool,
}
// ANCHOR_END: route

impl Route {
    /// A client that has asked nothing yet. `servers` is one or more.
    pub fn new(client: ClientId, servers: usize, patience: Patience) -> Self {
        Route { client, servers, patience, at: NodeId(0), begun: 0, tried: 0, may_be_done: false }
    }

    /// Begins a request. It goes at once to the server that did the last one, or to any server if none did.
    pub fn begin(&mut self) -> Next {
        //# hole: A new number, and nothing tried yet.
        self.begun += 1;
        self.tried = 0;
        self.may_be_done = false;
        self.ask(self.at)
        //# end
    }

    /// Says what to do after something was heard about the request that began last.
    ///
    /// - An answer to another request says nothing about this one.
    /// - If a server names a leader, that leader is asked next, unless it does not exist or is the answering server itself. In
    ///   all other cases the servers have their turns in a fixed order, each after the one that was asked last: if no leader is
    ///   named, any `servers` tries in a row reach every server once.
    /// - Of any `servers + 1` tries in a row, at least one comes after a pause, whichever leaders are named. The first try of a
    ///   request comes without a pause, and so does the second if the first server names a leader and there is more than one
    ///   server. No pause is longer than `pause`.
    /// - After `tries` tries the request ends: with `NotDone` if no server can have taken any of its tries, and with `Unknown`
    ///   otherwise.
    ///
    /// Source: the thesis, section 6.2, on finding the leader, and 6.3, on retries.
    pub fn heard(&mut self, heard: Heard) -> Next {
        //# hole: What is known now about this request? Is it over, and if not, which server is next?
        match heard {
            Heard::Answer { id, .. } if id != self.id() => Next::Wait,
            Heard::Answer { response: Response::Done(value), .. } => Next::Done(value),
            Heard::Answer { response: Response::NotLeader { leader: Some(leader) }, .. }
                if leader != self.at && leader.0 < self.servers =>
            {
                self.ask(leader)
            }
            Heard::Answer { response: Response::NotLeader { .. }, .. } | Heard::Unreachable => self.ask_the_next(),
            Heard::Silence => {
                self.may_be_done = true;
                self.ask_the_next()
            }
        }
        //# end
    }

    //# private
    /// The request's id: the same for all tries.
    fn id(&self) -> RequestId {
        RequestId { client: self.client, number: self.begun }
    }

    fn ask_the_next(&mut self) -> Next {
        self.ask(NodeId((self.at.0 + 1) % self.servers))
    }

    /// Asks a server, unless patience has run out. Each round of as many tries as there are servers begins with a pause, except
    /// the first.
    fn ask(&mut self, server: NodeId) -> Next {
        if self.tried == self.patience.tries {
            return if self.may_be_done { Next::Unknown } else { Next::NotDone };
        }
        let begins_a_round = self.tried > 0 && self.tried.is_multiple_of(self.servers);
        let after = if begins_a_round { self.patience.pause } else { Duration::ZERO };
        self.tried += 1;
        self.at = server;
        Next::Ask { server, id: self.id(), after }
    }
    //# end
}
