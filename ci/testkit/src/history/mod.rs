//! Are the clients' answers explained by one order? Linearizability of long histories.
//!
//! A history is linearizable (Herlihy & Wing 1990) if its operations can be put into one order in which each answers as
//! the object would, and in which an operation that returned before another was invoked also comes before it. The model
//! checker's histories are a handful of operations, and stateright's tester judges them. The histories of the
//! simulation and of a real cluster have thousands: [`linearizable`] judges those.
//!
//! The question is NP-complete (Gibbons & Korach 1997), so some histories are out of reach of every checker. Three
//! things keep those of this course easy: few operations overlap, dead ends are remembered (`wgl.rs`), and keys are
//! judged one by one ([`linearizable_by_key`]). That is allowed because linearizability is *local*: a history of
//! several objects is linearizable exactly if its part for each object is (Herlihy & Wing 1990, Theorem 1). A
//! transaction over two keys is an operation on one larger object, and must not be split.
//!
//! # Why not a crate
//!
//! Two were measured on registers with distinct values and 8 clients at a time (two cores, debug profile at level 1;
//! orders of magnitude, not digits). stateright's `LinearizabilityTester` has no memory of dead ends: 200 operations
//! took 11 s, 1,000 were not done after a minute, nor 40 with a stale read after half a minute. `todc-utils` 0.1.1
//! judged 10,000 operations on one register in 13 s with 1.5 GB of memory (it stores the whole set of placed operations
//! for each position), and refuses histories in which an operation has no return, which are the rule when nodes crash.
//! This module takes 0.2 s for the same 10,000, and 0.02 to 0.05 s if they are spread over five keys, lost requests or
//! not; a stale read among those is found and explained in 0.1 to 0.3 s. On one key with a hundred lost requests it
//! still accepts in a second, but cannot reject within [`STEPS`]: spread long histories over keys.
//!
//! # Left out on purpose
//!
//! The order that was found is not shown: that a history is linearizable needs no explanation. That it is not does, and
//! [`Misfit`] gives it: the first operation that has no place, and what it could have answered instead.

mod wgl;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;

use stateright::semantics::SequentialSpec;
use wgl::{Call, Ending, Search};

/// The number of steps after which a search gives up. A linearizable history takes a few steps for each operation.
pub const STEPS: u64 = 20_000_000;

/// How many different answers a [`Misfit`] offers at most.
const ANSWERS: usize = 8;

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation<Op, Ret> {
    /// Who asked. A client may have more than one operation open at a time.
    pub client: usize,
    /// What was asked.
    pub op: Op,
    /// When. Any clock will do that all clients share and that gives each event a later time than the one before.
    pub invoked: u64,
    /// When the answer came, and which one. Without it, the operation may have taken effect at any later moment, or
    /// never.
    pub returned: Option<(u64, Ret)>,
}

/// What a history turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<Ret> {
    /// One order explains every answer.
    Linearizable {
        /// How often an operation was tried on a state.
        steps: u64,
    },
    /// No order explains every answer.
    Not {
        /// How often an operation was tried on a state.
        steps: u64,
        /// The first operation that has no place.
        misfit: Misfit<Ret>,
    },
    /// No order was found in so many steps, and not all were tried. The check asks too much: fewer clients at a time,
    /// or fewer operations for each key.
    Undecided {
        /// How often an operation was tried on a state.
        steps: u64,
    },
}

/// Why no order explains a history. Operations are named by their index in the slice that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit<Ret> {
    /// The operation that has no place: up to just before it returned there is an order, and with its answer there is
    /// none.
    pub operation: usize,
    /// How many operations had returned before it. They can be put in order. Of its key, if keys are judged one by one.
    pub ordered: usize,
    /// The operations that overlap with it and were invoked before it returned.
    pub beside: Vec<usize>,
    /// Answers with which it would have had a place, at most eight.
    pub fitting: Vec<Ret>,
}

/// Judges a history of one object, which starts as `initial`.
///
/// # Panics
/// If an operation returned before it was invoked.
pub fn linearizable<S>(initial: S, operations: &[Operation<S::Op, S::Ret>]) -> Verdict<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    judge(initial, operations, &Vec::from_iter(0..operations.len()))
}

/// Judges a history of many objects one by one. `key` tells which object an operation is about, and `initial` how that
/// object starts. If several objects have no order, the misfit is the one that returned first.
///
/// # Panics
/// If an operation returned before it was invoked.
pub fn linearizable_by_key<S, K: Ord>(
    initial: impl Fn(&K) -> S,
    operations: &[Operation<S::Op, S::Ret>],
    key: impl Fn(&S::Op) -> K,
) -> Verdict<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let mut keys: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        keys.entry(key(&operation.op)).or_default().push(index);
    }
    let returned = |misfit: &Misfit<S::Ret>| operations[misfit.operation].returned.as_ref().map(|(at, _)| *at);
    let (mut all_steps, mut first, mut undecided) = (0, None, false);
    for (key, indices) in keys {
        match judge(initial(&key), operations, &indices) {
            Verdict::Linearizable { steps } => all_steps += steps,
            Verdict::Undecided { steps } => (all_steps, undecided) = (all_steps + steps, true),
            Verdict::Not { steps, misfit } => {
                all_steps += steps;
                if first.as_ref().is_none_or(|first| returned(&misfit) < returned(first)) {
                    first = Some(misfit);
                }
            }
        }
    }
    match first {
        Some(misfit) => Verdict::Not { steps: all_steps, misfit },
        None if undecided => Verdict::Undecided { steps: all_steps },
        None => Verdict::Linearizable { steps: all_steps },
    }
}

/// Judges the operations with these indices.
fn judge<S>(initial: S, operations: &[Operation<S::Op, S::Ret>], indices: &[usize]) -> Verdict<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let calls: Vec<_> = indices.iter().map(|&index| operations[index].call(index)).collect();
    let mut search = Search::new(initial.clone(), &calls);
    let ending = search.run(STEPS, |_, _| {});
    let steps = search.steps;
    match ending {
        Ending::Ordered => Verdict::Linearizable { steps },
        Ending::GaveUp => Verdict::Undecided { steps },
        Ending::Stuck { call } => Verdict::Not { steps, misfit: explain(&initial, &calls, call) },
    }
}

/// Finds the first return with which a history without an order has none, and tells about it. It is the return at which
/// the search was stuck, or a later one: the search knew how operations return that were still running then, and
/// perhaps it is one of those answers that cannot be.
fn explain<S>(initial: &S, calls: &[Call<'_, S::Op, S::Ret>], stuck: usize) -> Misfit<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let mut suspects: Vec<_> = calls.iter().filter(|call| call.returned.is_some()).collect();
    suspects.sort_by_key(|call| call.end());
    suspects.retain(|call| call.end() >= calls[stuck].end());
    let has_order = |call: &Call<'_, _, _>| ordered(initial, &up_to(call.end(), calls));
    let misfit = match suspects.split_first() {
        Some((later, more)) if has_order(later) => {
            more.get(more.partition_point(|call| has_order(call))).copied().unwrap_or(later)
        }
        _ => &calls[stuck],
    };
    let overlaps = |call: &&Call<'_, S::Op, S::Ret>| {
        call.index != misfit.index && call.invoked < misfit.end() && call.end() > misfit.invoked
    };
    Misfit {
        operation: misfit.index,
        ordered: calls.iter().filter(|call| call.end() < misfit.end()).count(),
        beside: calls.iter().filter(overlaps).map(|call| call.index).collect(),
        fitting: fitting(initial, calls, misfit),
    }
}

/// The history as it looked at `time`: what returned later is still running.
fn up_to<'a, Op, Ret>(time: u64, calls: &[Call<'a, Op, Ret>]) -> Vec<Call<'a, Op, Ret>> {
    let so_far = calls.iter().filter(|call| call.invoked <= time);
    so_far.map(|call| Call { returned: call.returned.filter(|&(at, _)| at <= time), ..*call }).collect()
}

fn ordered<S>(initial: &S, calls: &[Call<'_, S::Op, S::Ret>]) -> bool
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    Search::new(initial.clone(), calls).run(STEPS, |_, _| {}) == Ending::Ordered
}

/// The answers with which `misfit` would have had a place. Each answer that it could give in a state of the search is
/// tried in place of its own.
fn fitting<S>(initial: &S, calls: &[Call<'_, S::Op, S::Ret>], misfit: &Call<'_, S::Op, S::Ret>) -> Vec<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let calls = up_to(misfit.end(), calls);
    let mut answers: Vec<S::Ret> = Vec::new();
    Search::new(initial.clone(), &calls).run(STEPS, |call, object| {
        if calls[call].index == misfit.index && answers.len() < ANSWERS {
            let answer = object.clone().invoke(misfit.op);
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    });
    answers.retain(|answer| {
        let mut calls = calls.clone();
        for call in calls.iter_mut().filter(|call| call.index == misfit.index) {
            call.returned = Some((misfit.end(), answer));
        }
        ordered(initial, &calls)
    });
    answers
}

impl<Op, Ret> Operation<Op, Ret> {
    fn call(&self, index: usize) -> Call<'_, Op, Ret> {
        let returned = self.returned.as_ref().map(|(at, ret)| (*at, ret));
        Call { index, op: &self.op, invoked: self.invoked, returned }
    }
}

impl<Ret> Verdict<Ret> {
    /// Whether one order explains every answer. An undecided history does not count.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Verdict::Linearizable { .. })
    }

    /// How often an operation was tried on a state. The same history takes the same steps on every machine.
    pub fn steps(&self) -> u64 {
        match self {
            Verdict::Linearizable { steps } | Verdict::Not { steps, .. } | Verdict::Undecided { steps } => *steps,
        }
    }
}

impl<Ret: fmt::Debug> Misfit<Ret> {
    /// Says in two sentences which operation has no place, and which answers would have had one.
    pub fn sentence<Op: fmt::Debug>(&self, operations: &[Operation<Op, Ret>]) -> String {
        let Operation { client, op, returned, .. } = &operations[self.operation];
        let answer = returned.as_ref().map(|(_, ret)| format!("{ret:?}")).unwrap_or_default();
        let fitting: Vec<String> = self.fitting.iter().map(|ret| format!("{ret:?}")).collect();
        let instead = match fitting.as_slice() {
            [] => "no answer would have had a place".to_string(),
            fitting => format!("{} would have had a place", fitting.join(" or ")),
        };
        let before = match self.ordered {
            0 => "Nothing had returned before".to_string(),
            1 => "The one operation that had returned before has its place".to_string(),
            ordered => format!("The {ordered} operations that had returned before can be put in order"),
        };
        format!("No order explains that c{client}'s {op:?} was answered by {answer}. {before}; here {instead}.")
    }
}

#[cfg(test)]
mod tests;
