//! A circuit breaker: it stops calling a downstream that fails, and finds out when it is well again.
//!
//! A call to a service that is down costs its caller a thread, a connection and a timeout, each time. The breaker counts failures. Once
//! there were too many in a row it **opens**: calls are refused at once, and cost nothing. After a pause it is **half open**: a few calls,
//! the **probes**, go through. If they succeed it **closes**, and all is as before.
//!
//! A caller asks for a [`Permit`] first, and gives it back with what came of the call. Between the two anything may happen:
//! other calls, a change of state, a client that leaves. An **epoch** is the time between one change of state and the next. A permit belongs to
//! the epoch in which it was given, and what comes back from an earlier epoch says nothing about this one.
//!
//! Source: Nygard, *Release It!* (2nd edition, 2018), chapter 5, *Circuit Breaker*; Fowler 2014, *CircuitBreaker*. They leave open what half
//! of this page is about: what a late answer means, and a probe that is never heard from again.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use std::collections::BTreeMap;

use crate::time::Millis;

/// When a breaker opens and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How many failures in a row open a closed breaker. At least 1.
    pub failures: u32,
    /// For how long an open breaker refuses everything. With 0, the next call finds it half open, even in the same millisecond.
    pub pause: Millis,
    /// How many probes have to succeed before a half-open breaker closes. At least 1.
    pub probes: u32,
    /// How long a half-open breaker waits for a probe. At least 1, and with `Millis::MAX` it waits forever.
    pub patience: Millis,
}

/// Allows one call. The caller gives it back with [`Breaker::finish`], at most once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permit {
    /// The epoch in which the call was allowed.
    epoch: u64,
    /// Tells it from other permits of the same breaker.
    number: u64,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The downstream is well.
    Success,
    /// The downstream is not well: an error of its own, or no answer in time.
    Failure,
    /// There was an answer, but it says nothing about the downstream: the request itself was bad.
    Ignored,
    /// The caller has given up before there was an answer: its client has left, or its own deadline has passed.
    Dropped,
}

/// The breaker allows no call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected;

/// What a breaker is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// All calls go through; so many of this epoch have failed since the last success.
    Closed { failures: u32 },
    /// No call goes through before this moment.
    Open { until: Millis },
    /// Probes go through: those under way, by number, with the moment at which each began, and how many have succeeded.
    HalfOpen { under_way: BTreeMap<u64, Millis>, successes: u32 },
}

/// A circuit breaker for one downstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Breaker {
    settings: Settings,
    epoch: u64,
    /// How many permits there were.
    permits: u64,
    state: State,
}

impl Breaker {
    /// A closed breaker that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Breaker { settings, epoch: 0, permits: 0, state: State::Closed { failures: 0 } }
    }

    /// Asks whether a call may be made now.
    ///
    /// Contract:
    /// - A closed breaker allows every call.
    /// - A breaker that opened at a moment `t` rejects every call before `t + pause`. The first one at that moment or later finds it half
    ///   open.
    /// - A half-open breaker counts the probes under way and those that have succeeded in this epoch. It allows a call if they are fewer than
    ///   `probes`. So no more than `probes` are ever under way at once.
    /// - A probe that has been under way for `patience` has failed at that moment, and opened the breaker, even if no call came then.
    pub fn try_acquire(&mut self, now: Millis) -> Result<Permit, Rejected> {
        todo!("Say whether a call may be made: what has time done to the state, and what does the state allow?")
    }

    /// Takes a permit back, with what came of its call.
    ///
    /// Contract:
    /// - A permit of an earlier epoch changes nothing, whatever its outcome and however long ago it was given.
    /// - Closed: after `failures` failures with no success between them the breaker opens, at `now`. A success begins the count anew. Calls
    ///   that were ignored or dropped are not counted either way.
    /// - Half open: a failure opens the breaker, at `now`. When `probes` probes have succeeded, it closes, and has counted no failure. A
    ///   probe that was ignored or dropped has told nothing: another one may take its place.
    /// - A probe that had been under way for `patience` has failed already, whatever its outcome is.
    pub fn finish(&mut self, permit: Permit, outcome: Outcome, now: Millis) {
        todo!("Take the permit back: is it of this epoch, and what does its outcome mean in this state?")
    }
}
