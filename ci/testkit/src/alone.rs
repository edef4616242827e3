//! One server alone, handed one event after the other by a check: for rules about what a server does with a single message,
//! which a cluster of servers that all do it right, or all wrong, would not show.
//!
//! ```
//! use testkit::alone::Alone;
//! use testkit::node::{Effect, NodeId};
//! use testkit::samples::Counter;
//!
//! let mut counter = Alone::<Counter<true>>::start(2, Some(3), &[]);
//! assert_eq!(counter.receives(NodeId(1), ()), [Effect::Save { durable: 4 }]);
//! assert_eq!(counter.count(), 4);
//! ```

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::node::{ClientId, Effect, Membership, Node, NodeId, Outbox, RequestId};
use crate::panics::{Later, describe};

/// A server of a cluster of which nobody else is there. It can be looked at like the server itself.
#[derive(Debug)]
pub struct Alone<N: Node> {
    node: N,
    later: Later,
    hole: Option<String>,
}

impl<N: Node> Alone<N> {
    /// Starts `n0` of a cluster of `size` servers with what it has saved. A `todo!` in one of the files `later` (ends of paths) is
    /// left for a later task, and ends a handler.
    pub fn start(size: usize, saved: Option<N::Durable>, later: &[&'static str]) -> Self {
        Self::start_as(Membership { id: NodeId(0), size }, saved, later)
    }

    /// As [`start`](Self::start), for a server that may be another one than `n0`.
    pub fn start_as(me: Membership, saved: Option<N::Durable>, later: &[&'static str]) -> Self {
        Alone { node: N::start(me, saved, &mut Outbox::new()), later: Later(later.to_vec()), hole: None }
    }

    /// Hands over a message from another server, and says what the server wants done.
    pub fn receives(&mut self, from: NodeId, message: N::Message) -> Vec<Effect<N>> {
        self.handle(|node, out| node.on_message(from, message, out))
    }

    /// Lets a timer fire, and says what the server wants done.
    pub fn fires(&mut self, timer: N::Timer) -> Vec<Effect<N>> {
        self.handle(|node, out| node.on_timer(timer, out))
    }

    /// Makes the first request of the client `c0`, and says what the server wants done.
    pub fn is_asked(&mut self, request: N::Request) -> Vec<Effect<N>> {
        self.is_asked_as(RequestId { client: ClientId(0), number: 0 }, request)
    }

    /// Makes the request `id`, and says what the server wants done.
    pub fn is_asked_as(&mut self, id: RequestId, request: N::Request) -> Vec<Effect<N>> {
        self.handle(|node, out| node.on_request(id, request, out))
    }

    /// The file and line of the `todo!` at which the last handler ended, if it came to one that is left for a later task: what the handler
    /// did after it is missing.
    pub fn hole(&self) -> Option<&str> {
        self.hole.as_deref()
    }

    fn handle(&mut self, run: impl FnOnce(&mut N, &mut Outbox<N>)) -> Vec<Effect<N>> {
        let mut out = Outbox::new();
        self.hole = None;
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| run(&mut self.node, &mut out))) {
            match self.later.covers(&*payload) {
                true => self.hole = Some(describe(&*payload).1),
                false => resume_unwind(payload),
            }
        }
        out.into_effects()
    }
}

impl<N: Node> Deref for Alone<N> {
    type Target = N;

    fn deref(&self) -> &N {
        &self.node
    }
}
