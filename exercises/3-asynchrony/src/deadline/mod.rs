//! Deadlines that travel with a request, and work that ends when no one waits for it any more.
//!
//! A client waits for so long, and then goes. What a chain does for it afterwards is lost work, done at the expense of those who still wait.
//! So the time that is left goes along with each call ([`wire`]). Every service looks at it before it begins something. And when it is over,
//! or the client leaves, the work ends: here, and in all services below.
//!
//! In async Rust, to end work is to *drop* its future, and that can happen at every `await`. So what a future has taken must be given back by
//! something that is dropped with it, and what must not be left half done must not have an `await` in its middle.
//!
//! Source: gRPC's guide *Deadlines*; gRPC's *PROTOCOL-HTTP2*, `grpc-timeout`; Beyer et al. 2016, *Site Reliability Engineering*, chapter 22.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
pub mod wire;

use std::future::Future;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Log lines that a customer sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lines(pub String);

/// What a client of the gateway is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The lines are stored.
    Stored,
    /// The lines are not stored: there was no time left.
    TooLate,
}

/// The service that adds to a line what is known of its sender.
pub trait Enrich {
    /// Enriches lines. To drop the future cancels the call, at the service too. `left` says how much time there is for it.
    fn enrich(&self, lines: Lines, left: Duration) -> impl Future<Output = Lines>;
}

/// The service that stores lines, in two steps: what is staged is not seen by anyone until it is committed, and keeps its place until it is
/// committed or discarded.
pub trait Store {
    /// Names what was staged.
    type Staged: Copy;

    /// Sends lines to the store, which puts them aside. To drop the future cancels that, and nothing is put aside.
    fn stage(&self, lines: Lines, left: Duration) -> impl Future<Output = Self::Staged>;

    /// Makes lines that were staged visible. It is a message that is sent, and takes no time.
    fn commit(&self, staged: Self::Staged);

    /// Throws away lines that were staged. It is a message that is sent, and takes no time.
    fn discard(&self, staged: Self::Staged);

    /// Waits until the store has told its copies of what is staged, which is to be done before it is committed.
    fn replicate(&self, staged: Self::Staged, left: Duration) -> impl Future<Output = ()>;
}

/// Stores a customer's lines: enriches them, stages them, has them replicated, and commits them.
///
/// Contract:
/// - Calls to the store, `commit` and `discard` included, are made with one of `places` in hand, from beginning to end. It is not held while
///   the lines are enriched. `places` is never closed.
/// - What is staged are the lines that `enrich` answered with.
/// - Each call is told exactly how much time is left at the moment at which it begins. No call begins when none is left.
/// - At `deadline` it ends with `TooLate`, whatever it is waiting for, a place included. Only if the last call ends at that very moment may
///   the lines be committed instead.
/// - `Stored` is said if and only if the lines were committed.
/// - What was staged is either committed or discarded, once, however `store_lines` ends: even if it is dropped, at whichever `await`, or if a
///   call panics.
/// - When `store_lines` has ended or was dropped, the place that it took is free, and no call that it made is still under way.
pub async fn store_lines<E: Enrich, S: Store>(
    lines: Lines,
    deadline: Instant,
    places: &Semaphore,
    enrich: &E,
    store: &S,
) -> Answer {
    todo!("Enrich, take a place, stage, replicate, commit: and what if this is dropped in the middle?")
}
