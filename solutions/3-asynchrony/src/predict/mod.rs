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

//# allow: dead_code, unused_imports, unused_variables
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

//# private
fn seconds(span: Millis) -> f64 {
    span as f64 / 1000.0
}

/// How long `enrich` and the gateway have a line that does not wait, in seconds.
fn line_takes(parameters: &Parameters) -> f64 {
    seconds(parameters.enrich_takes + parameters.store_takes)
}

/// How many lines a second `enrich` and `store` can do.
fn below(parameters: &Parameters) -> f64 {
    let store = f64::from(parameters.store_places) / seconds(parameters.store_takes);
    let enrich = f64::from(parameters.enrich_threads) / line_takes(parameters);
    store.min(enrich)
}

/// How many threads of the gateway tails have on average. They leave the others for lines.
fn tails_hold(parameters: &Parameters, tails: u32) -> f64 {
    f64::from(tails) * seconds(parameters.tail_takes)
}

/// What a chain does with a load, in requests per second, lines and tails together in the proportion of that load.
struct Flow {
    /// How many come.
    comes: f64,
    /// How many can be answered at most.
    answered: f64,
    /// How many the gateway can let go at most: with an answer, or after its timeout.
    leaves: f64,
}

impl Flow {
    fn new(parameters: &Parameters, load: Load) -> Self {
        let comes = f64::from(load.lines) + f64::from(load.tails);
        let lines = f64::from(load.lines) / comes.max(1.0);
        let gateway = |line: f64| {
            let stays = lines * line + (1.0 - lines) * seconds(parameters.tail_takes);
            f64::from(parameters.gateway_threads) / stays
        };
        let answered = gateway(line_takes(parameters)).min(below(parameters) / lines);
        Flow { comes, answered, leaves: answered.max(gateway(seconds(parameters.timeout))) }
    }
}
//# end

/// How many threads and places are in use on average, when no request waits for a thread or a place.
///
/// Contract: `load` is well below what the chain can do, and a line takes no longer than `timeout`. Exact for the mean over a long time,
/// whether spans are constant or vary around their mean.
pub fn in_use(parameters: &Parameters, load: Load) -> InUse {
    //# hole: For each part: how many requests a second pass it, and for how long does each of them keep something there?
    let lines = f64::from(load.lines);
    let tail = tails_hold(parameters, load.tails);
    let enrich = lines * line_takes(parameters);
    InUse { gateway: enrich + tail, enrich, store: lines * seconds(parameters.store_takes), tail }
    //# end
}

/// The highest rate of lines that the chain can keep up with, when so many `tails` come each second; and the part that does not allow more.
///
/// Contract: a line takes no longer than `timeout`. No queue grows at that rate, and some queue grows at any higher one. If tails leave
/// nothing for lines, the rate is 0. If two parts allow the same rate, either may be named. Exact for constant spans; if they vary, queues
/// come earlier, and this is the upper bound.
pub fn capacity(parameters: &Parameters, tails: u32) -> Capacity {
    //# hole: What does each of the three parts allow? Which one decides?
    let left = f64::from(parameters.gateway_threads) - tails_hold(parameters, tails);
    let parts = [
        (left.max(0.0) / line_takes(parameters), Part::Gateway),
        (f64::from(parameters.enrich_threads) / line_takes(parameters), Part::Enrich),
        (f64::from(parameters.store_places) / seconds(parameters.store_takes), Part::Store),
    ];
    let least = |one: (f64, Part), other: (f64, Part)| if other.0 < one.0 { other } else { one };
    let (lines, bottleneck) = parts.into_iter().fold((f64::INFINITY, Part::Store), least);
    Capacity { lines, bottleneck }
    //# end
}

/// By how many requests the gateway's queue grows in a second, lines and tails together, when `load` comes for a long time.
///
/// Contract: 0 if the gateway lets as many go as come, and never less than that. A line may take longer than `timeout`. A request has left
/// the gateway when its thread is free again, whether it was answered or has timed out. So an overload that fills only the queues of `enrich`
/// and `store` is none of the gateway's. It counts how fast the queue grows once it grows; before that, threads fill.
pub fn growth(parameters: &Parameters, load: Load) -> f64 {
    //# hole: How many come in a second, how many leave, and what is the least that a timeout lets go?
    let flow = Flow::new(parameters, load);
    (flow.comes - flow.leaves).max(0.0)
    //# end
}

/// An empty chain gets `load` from the moment 0 on. From what moment on, in seconds, is no arriving line answered in time? That is
/// the point of no return: each thread is busy, and no client is there to hear of it. `None` if every line is answered in time.
///
/// Contract: at least one line comes each second. A line is answered in time if its client has waited for no longer than `patience`, and the
/// gateway was not told of a timeout: neither its own nor that of `enrich`. 0 if even a line that waits for nothing is too late. The moment is
/// that of the line's arrival.
pub fn hopeless_after(parameters: &Parameters, load: Load) -> Option<f64> {
    //# hole: How long does a line wait that comes at a given moment, and what is the longest that one may wait?
    let Flow { comes, answered, leaves } = Flow::new(parameters, load);
    let (timeout, patience) = (seconds(parameters.timeout), seconds(parameters.patience));
    let takes = line_takes(parameters);
    if takes > timeout.min(patience) {
        return Some(0.0);
    }
    // Where the gateway lets more go than are answered, it lets them time out: they wait below it.
    let limit = if leaves > answered { timeout.min(patience) } else { patience };
    (comes > answered).then(|| (limit - takes) / (comes / answered - 1.0))
    //# end
}

/// A chain has had `load` for a long time, and was well. Now `store` becomes slow, or dead: it takes `store_takes` for each line that it begins
/// with. After how many seconds does a request, a tail perhaps, find no thread of the gateway free? `None` if that never happens.
///
/// Contract: `load` is within the capacity that the chain has had, and at least one line comes each second. Threads that are held are counted
/// from the change on, as if all lines that came before it had left by then: the error is no more than one line's old stay. A dead
/// store is one that takes longer than `timeout`.
pub fn exhausted_after(parameters: &Parameters, load: Load, store_takes: Millis) -> Option<f64> {
    //# hole: How many threads are there for lines? How many lines hold one after a second, and when does the first give it back?
    let slow = Parameters { store_takes, ..*parameters };
    let lines = f64::from(load.lines);
    let room = f64::from(slow.gateway_threads) - tails_hold(&slow, load.tails);
    let timeout = seconds(slow.timeout);
    let first = line_takes(&slow).min(timeout);
    let done = below(&slow);
    match () {
        () if lines * timeout < room => None,
        () if lines * first >= room => Some(room / lines),
        () if lines > done => Some((room - done * first) / (lines - done)),
        () => None,
    }
    //# end
}

/// So many requests are in the gateway's queue when the overload ends and `load` comes instead. After how many seconds is the queue empty?
/// `None` if it never is.
///
/// Contract: the `backlog` has lines and tails in the proportion of `load`, all of the gateway's threads are in use, and no call times out.
/// 0 if there is no backlog. A backlog that does not become shorter is never gone.
pub fn recovers_after(parameters: &Parameters, load: Load, backlog: u32) -> Option<f64> {
    //# hole: By how much does the queue shrink in a second?
    let flow = Flow::new(parameters, load);
    match () {
        () if backlog == 0 => Some(0.0),
        () if flow.comes < flow.answered => Some(f64::from(backlog) / (flow.answered - flow.comes)),
        () => None,
    }
    //# end
}
