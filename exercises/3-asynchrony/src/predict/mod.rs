//! What a blocking chain will do, predicted by arithmetic.
//!
//! Before you change anything about a chain, you should be able to say when it saturates, how fast its queue grows, when it cannot be saved,
//! and how long it takes to recover. That takes no more than Little's law and a minimum. [`simulation`] shows whether you were right, event by
//! event; the lab `cascade` will show it with real processes.
//!
//! # The model: a fluid
//!
//! Requests are treated as a fluid that comes and goes at a constant rate. What is **exact** in that: rates, and means over a long time. What
//! is **approximated**: the first and the last request of a span, the moments at which single threads become free, and chance. So do not
//! round; no answer here is a whole number of requests.
//!
//! Every queue is in arrival order, for lines and tails alike. So whenever the gateway has a queue, lines and tails leave it **in the
//! proportion in which they come**.
//!
//! # What holds for every argument
//!
//! Tails are well: `tail` has places enough for them, and `tail_takes` is no longer than `timeout` and `patience`. No span is 0, and no pool
//! is empty. Rates are per second, as in [`Load`]; spans in [`Parameters`] are in milliseconds; **answers are in seconds**, and per second.
//!
//! Sources: Little 1961 (L = λW); Denning and Buzen, *The Operational Analysis of Queueing Network Models*, ACM Computing Surveys 10(3), 1978
//! (utilisation law, bottleneck).

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use crate::chain::parameters::{Load, Parameters};
use crate::time::Millis;

pub mod random;
pub mod simulation;

/// How many threads and places are in use on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InUse {
    /// Threads of the gateway.
    pub gateway: f64,
    /// Threads of `enrich`.
    pub enrich: f64,
    /// Places of `store`.
    pub store: f64,
    /// Places of `tail`.
    pub tail: f64,
}

/// A part of the chain that may be the first to have nothing free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The gateway's threads.
    Gateway,
    /// The threads of `enrich`.
    Enrich,
    /// The places of `store`.
    Store,
}

/// What a chain can keep up with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// The highest rate of lines, per second.
    pub lines: f64,
    /// The part that has nothing free at that rate.
    pub bottleneck: Part,
}

/// How many threads and places are in use on average, when no request waits for a thread or a place.
///
/// Contract: `load` is well below what the chain can do, and a line takes no longer than `timeout`. Exact for the mean over a long time,
/// whether spans are constant or vary around their mean.
pub fn in_use(parameters: &Parameters, load: Load) -> InUse {
    todo!("For each part: how many requests a second pass it, and for how long does each of them keep something there?")
}

/// The highest rate of lines that the chain can keep up with, when so many `tails` come each second; and the part that does not allow more.
///
/// Contract: a line takes no longer than `timeout`. No queue grows at that rate, and some queue grows at any higher one. If tails leave
/// nothing for lines, the rate is 0. If two parts allow the same rate, either may be named. Exact for constant spans; if they vary, queues
/// come earlier, and this is the upper bound.
pub fn capacity(parameters: &Parameters, tails: u32) -> Capacity {
    todo!("What does each of the three parts allow? Which one decides?")
}

/// By how many requests the gateway's queue grows in a second, lines and tails together, when `load` comes for a long time.
///
/// Contract: 0 if the gateway lets as many go as come, and never less than that. A line may take longer than `timeout`. A request has left
/// the gateway when its thread is free again, whether it was answered or has timed out. So an overload that fills only the queues of `enrich`
/// and `store` is none of the gateway's. It counts how fast the queue grows once it grows; before that, threads fill.
pub fn growth(parameters: &Parameters, load: Load) -> f64 {
    todo!("How many come in a second, how many leave, and what is the least that a timeout lets go?")
}

/// An empty chain gets `load` from the moment 0 on. From what moment on, in seconds, is no arriving line answered in time? That is
/// the point of no return: each thread is busy, and no client is there to hear of it. `None` if every line is answered in time.
///
/// Contract: at least one line comes each second. A line is answered in time if its client has waited for no longer than `patience`, and the
/// gateway was not told of a timeout: neither its own nor that of `enrich`. 0 if even a line that waits for nothing is too late. The moment is
/// that of the line's arrival.
pub fn hopeless_after(parameters: &Parameters, load: Load) -> Option<f64> {
    todo!("How long does a line wait that comes at a given moment, and what is the longest that one may wait?")
}

/// A chain has had `load` for a long time, and was well. Now `store` becomes slow, or dead: it takes `store_takes` for each line that it begins
/// with. After how many seconds does a request, a tail perhaps, find no thread of the gateway free? `None` if that never happens.
///
/// Contract: `load` is within the capacity that the chain has had, and at least one line comes each second. Threads that are held are counted
/// from the change on, as if all lines that came before it had left by then: the error is no more than one line's old stay. A dead
/// store is one that takes longer than `timeout`.
pub fn exhausted_after(parameters: &Parameters, load: Load, store_takes: Millis) -> Option<f64> {
    todo!(
        "How many threads are there for lines? How many lines hold one after a second, and when does the first give it back?"
    )
}

/// So many requests are in the gateway's queue when the overload ends and `load` comes instead. After how many seconds is the queue empty?
/// `None` if it never is.
///
/// Contract: the `backlog` has lines and tails in the proportion of `load`, all of the gateway's threads are in use, and no call times out.
/// 0 if there is no backlog. A backlog that does not become shorter is never gone.
pub fn recovers_after(parameters: &Parameters, load: Load, backlog: u32) -> Option<f64> {
    todo!("By how much does the queue shrink in a second?")
}
