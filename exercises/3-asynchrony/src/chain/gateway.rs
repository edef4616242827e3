//! The gateway that is yours: asynchronous, and limited in all that it does.
//!
//! # The problem
//!
//! Clients send lines and ask for tails, as many as they like. Lines go to `enrich`, tails to `tail`, and either may be slow, or fail, or say
//! nothing at all. The gateway answers each client in time, whatever happens below. It never has more under way than helps, and what happens
//! on one path is not felt on the other.
//!
//! You have written the parts: the [admission queue](crate::admission::queue) and the [limit](crate::admission::limit), the
//! [breaker](crate::breaker), [retries](crate::retry) and deadlines. Each is a machine that is told what happens. Here they meet: clients that come
//! and leave, calls that end, and time that passes.
//!
//! # What is yours
//!
//! Nearly everything. What a gateway keeps, and which futures it is made of, is for you to design.
//!
//! # Left out on purpose
//!
//! Hedging, which is a task of its own. And fairness between customers: that is stage 5.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use std::time::Duration;

use tokio::time::Instant;

use crate::admission::{limit, queue};
use crate::breaker;
use crate::retry::Policy;
use crate::retry::budget::Budget;
use crate::time::Millis;

use super::link::Downstream;
use super::listen::Answers;
use super::message::{Reply, Request};

/// How a gateway treats the requests of one path.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The requests that wait.
    pub queue: queue::Settings,
    /// The calls that are under way.
    pub limit: limit::Settings,
    /// When the service below is left alone.
    pub breaker: breaker::Settings,
    /// When a call is made again.
    pub retries: Policy,
    /// How often, over all.
    pub budget: Budget,
    /// A call that takes longer than this is a sign that the service has too much to do, even if it succeeds.
    pub slow: Duration,
    /// A call of which nothing is heard for so long has failed. Longer than `slow`.
    pub timeout: Duration,
}

/// `draw(most)` gives a random number from 0 to `most`, each as likely as the others.
pub type Draw = Box<dyn FnMut(Millis) -> Millis + Send>;

/// A gateway: its two paths share nothing.
pub struct Gateway<E, T> {
    services: std::marker::PhantomData<(E, T)>, // replace it by what a gateway keeps
}

impl<E: Downstream, T: Downstream> Gateway<E, T> {
    /// A gateway that calls `enrich` for lines and `tail` for tails, with the same settings for both paths. It has to be made in a runtime of
    /// tokio's. A retry's pause is drawn by `draw`.
    pub fn new(settings: &Settings, enrich: E, tail: T, draw: Draw) -> Self {
        todo!("What does a gateway keep?")
    }
}

impl<E: Downstream, T: Downstream> Answers for Gateway<E, T> {
    /// Answers a request whose client leaves at `deadline`. The client has left as well when this future is dropped.
    ///
    /// Contract, for each path:
    ///
    /// **Answers.**
    /// - There is one reply, at the deadline at the latest: then it is [`TooLate`](Reply::TooLate).
    /// - A request whose call cannot begin at once waits in a [`Queue`], in its turn. If the queue refuses it, it is told
    ///   [`Overloaded`](Reply::Overloaded), or [`TooLate`](Reply::TooLate) if it has expired.
    /// - A request whose call could begin, and is rejected by the [`Breaker`], is told [`Overloaded`](Reply::Overloaded) at once.
    /// - Whatever [`Retries`] has to say about a reply of the service is done or said. A key makes a line repeatable, and a tail is anyhow. During
    ///   a pause nothing is under way. An attempt that is not the first waits and asks like the first one; if it is turned away, the
    ///   client is told [`GivenUp`](Reply::GivenUp), unless every attempt before it was told `Overloaded` or `Closing`: `Overloaded` means
    ///   that nothing was done.
    ///
    /// **Calls.**
    /// - No more calls are under way than the [`Limit`] says. A call is under way until it is answered, or its future is dropped. If one could
    ///   begin, no request waits.
    /// - A call is told how long the gateway waits for it: until the deadline, but `timeout` at most. It is dropped then. No call begins
    ///   when no time is left.
    /// - Each call ends once for the limit: as `Overload` if it was told [`Overloaded`](Reply::Overloaded) or took longer than `slow`, however it
    ///   ended; otherwise as `Success` if it was told `Stored` or `Lines`; otherwise as `Ignored`.
    /// - And once for the breaker: as `Success` after `Stored` and `Lines`; as `Failure` after [`Failed`](Reply::Failed),
    ///   [`GivenUp`](Reply::GivenUp), or nothing within `timeout`; as `Dropped` if the deadline came first, or the client left; otherwise as
    ///   `Ignored`.
    /// - A place that was not used for a call tells neither of them anything.
    /// - For [`Retries`], a call without an answer within `timeout` has `Failed`, a service that is [`Closing`](Reply::Closing) is
    ///   `Overloaded`, and one that is [`TooLate`](Reply::TooLate) has `GivenUp`. If the deadline has come, there is nothing to retry.
    ///
    /// **What is left.** When the future is ready or was dropped, at whichever `await`, then no call and no task of it goes on, nothing is kept of
    /// it, and what it held is free, for the request that has waited longest.
    async fn answer(&self, request: Request, deadline: Instant) -> Reply {
        todo!("Let the parts work together.")
    }

    /// Takes no more requests, and returns when those that were taken are answered.
    ///
    /// Contract: from the moment at which the future of `drain` is first polled, a new request is told [`Closing`](Reply::Closing), even if that
    /// future is dropped. Requests that came before are answered as if nothing had happened: those that wait, those that pause before a
    /// retry, and those under way. A request comes when the future of its `answer` is first polled.
    async fn drain(&self) {
        todo!("Close, and wait.")
    }
}
