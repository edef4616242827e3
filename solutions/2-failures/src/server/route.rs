//! The route: which server a client asks next, and what it knows in the end.
//!
//! Source: Ongaro & Ousterhout 2014 (extended version), section 8; Ongaro 2014, "Consensus: Bridging Theory and Practice", sections 6.2
//! and 6.3.
//!
//! # The problem
//!
//! Only the leader takes requests, and the leader changes. A client begins somewhere; it is sent on, to a server that may have lost the lead
//! meanwhile, or that is down. Servers are silent, or hang up. Whatever happens, two things must hold. A request is done once, however
//! often it is sent. And a client that gives up says what it knows: that nothing was done, or that nobody can tell.
//!
//! # The protocol
//!
//! A [`Route`] is told what came of the last try ([`Heard`]), and says what to do next ([`Next`]). It opens no connection and looks at no clock.
//!
//! # Left out on purpose
//!
//! Several requests at once: Raft's sessions allow a client one. Pauses that grow and differ by chance, as a server with many clients needs
//! them: that is the next stage's.

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
    /// The request was sent. Then the time was over, or the connection broke.
    Silence,
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait, then send the request as `id` to `server`.
    Ask {
        /// Whom to ask.
        server: NodeId,
        /// As which request.
        id: RequestId,
        /// How long to wait before.
        after: Duration,
    },
    /// What was heard says nothing about this request: go on waiting for an answer.
    Wait,
    /// The request is done.
    Done(Value),
    /// Nobody has taken the request, and nobody will.
    NotDone,
    /// It may have been done, or be done later, or never.
    Unknown,
}
// ANCHOR_END: heard

/// How much a client bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many times a request is sent at most, one or more.
    pub tries: usize,
    /// How long to wait when all servers might have been asked in vain.
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
    /// The server that was asked last. At first, the first.
    at: NodeId,
    /// How many requests were begun.
    begun: usize,
    /// How many times the request was sent.
    tried: usize,
    /// Whether one of the tries may have been taken.
    may_be_done: bool,
}
// ANCHOR_END: route

impl Route {
    /// A client that has asked nothing. `servers` is one or more.
    pub fn new(client: ClientId, servers: usize, patience: Patience) -> Self {
        Route { client, servers, patience, at: NodeId(0), begun: 0, tried: 0, may_be_done: false }
    }

    /// Begins a request. It goes at once to the server that was asked last: it was the leader, if all went well.
    pub fn begin(&mut self) -> Next {
        //# hole: A new number, and nothing tried yet.
        self.begun += 1;
        self.tried = 0;
        self.may_be_done = false;
        self.ask(self.at)
        //# end
    }

    /// Says what to do after something was heard about the request that was begun last.
    ///
    /// - An answer to another request is none.
    /// - If a server names a leader, that one is asked next, unless it does not exist or is the server itself. Otherwise it is the next server's
    ///   turn: as many tries in a row as there are servers reach each of them.
    /// - Of any `servers + 1` tries in a row, one comes after a pause at least, whoever names whom. A leader that is named by the first server
    ///   is asked without one.
    /// - After `tries` tries it ends. `NotDone` is said only if no try can have been taken.
    ///
    /// Source: the thesis, section 6.2, on finding the leader, and 6.3, on retries.
    pub fn heard(&mut self, heard: Heard) -> Next {
        //# hole: What is known now of this request? Is it over, and if not, whom to ask next?
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

    /// Asks a server, unless patience has come to its end. Each round of as many tries as there are servers begins with a pause, but the first.
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
