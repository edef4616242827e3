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
//! several objects is linearizable exactly if its part for each object is (Herlihy & Wing 1990, Theorem 1; Horn &
//! Kroening 2015 generalize it). A transaction over two keys is an operation on one larger object, and must not be split.
//!
//! What is out of reach is bounded by work, never by time: [`STEPS`] for the verdict, and as many steps again for the
//! explanation (`explain.rs`).
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
//! still accepts in a second, but may not be able to reject within [`STEPS`]: spread long histories over keys.
//!
//! # Left out on purpose
//!
//! The order that was found is not shown: that a history is linearizable needs no explanation. That it is not does, and
//! [`Misfit`] gives it: the first operation that has no place, and what it could have answered instead.

mod explain;
mod wgl;

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;

use explain::explain;
use stateright::semantics::SequentialSpec;
use wgl::{Call, Ending, Search};

/// The number of steps, of all objects together, after which a search gives up. A linearizable history takes a few steps
/// for each operation.
pub const STEPS: u64 = 20_000_000;

/// How many other operations a sentence names at most that may be to blame as well.
const NAMED: usize = 2;

/// How many steps the search of each object may take in the first round.
const FIRST_STEPS: u64 = 1_000;

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
        /// How often an operation was tried on a state, until this was known.
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
    /// Is it this answer alone that cannot be? Otherwise the history was too large to tell it apart from those that
    /// operations beside it were given later: one of these, or this one, cannot be.
    pub alone: bool,
    /// How many operations had returned before it. They can be put in order. Of its key, if keys are judged one by one.
    pub ordered: usize,
    /// The operations that overlap with it and were invoked before it returned.
    pub beside: Vec<usize>,
    /// Answers with which it would have had a place, at most eight. There may be more.
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
    linearizable_by_key(|()| initial.clone(), operations, |_| ())
}

/// Judges a history of many objects one by one. `key` tells which object an operation is about, and `initial` how that
/// object starts. All are searched side by side with the same effort, and once one has no order, the history has none. If
/// several have none by then, the one whose orders end first is explained.
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
    let mut keys: BTreeMap<K, Vec<_>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        keys.entry(key(&operation.op)).or_default().push(operation.call(index));
    }
    judge(keys.into_iter().map(|(key, calls)| Judged::new(initial(&key), calls)).collect(), STEPS)
}

/// One object of a history, and the search for an order of its operations.
struct Judged<'a, S: SequentialSpec> {
    initial: S,
    search: Search<'a, S>,
    ending: Ending,
}

impl<'a, S> Judged<'a, S>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    fn new(initial: S, calls: Vec<Call<'a, S::Op, S::Ret>>) -> Self {
        let search = Search::new(initial.clone(), calls);
        Judged { initial, search, ending: Ending::GaveUp }
    }

    /// When the call at which the search was stuck returned.
    fn stuck(&self) -> Option<u64> {
        match self.ending {
            Ending::Stuck { call } => Some(self.search.calls()[call].end()),
            Ending::Ordered | Ending::GaveUp => None,
        }
    }
}

/// Searches all objects side by side: each may take as many steps as the others, and twice as many in each round, until
/// they have taken `limit` together.
fn judge<S>(mut objects: Vec<Judged<'_, S>>, limit: u64) -> Verdict<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let mut each = FIRST_STEPS;
    loop {
        for object in objects.iter_mut().filter(|object| object.ending == Ending::GaveUp) {
            object.ending = object.search.run(each);
        }
        let steps = objects.iter().map(|object| object.search.steps).sum();
        let stuck = objects.iter_mut().filter(|object| object.stuck().is_some());
        if let Some(object) = stuck.min_by_key(|object| object.stuck()) {
            return Verdict::Not { steps, misfit: explain(object) };
        }
        if objects.iter().all(|object| object.ending == Ending::Ordered) {
            return Verdict::Linearizable { steps };
        }
        if steps >= limit {
            return Verdict::Undecided { steps };
        }
        each = limit.min(2 * each);
    }
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
        let told = |index: usize| {
            let Operation { client, op, returned, .. } = &operations[index];
            let answer = returned.as_ref().map(|(_, ret)| format!("{ret:?}")).unwrap_or_default();
            format!("c{client}'s {op:?} was answered by {answer}")
        };
        let later: Vec<String> = self.later(operations).map(told).collect();
        let also = match later.as_slice() {
            [] => String::new(),
            later if later.len() <= NAMED => format!(", if {}", later.join(" and ")),
            later => format!(", if {} and so on: {} more", later[..NAMED].join(" and "), later.len() - NAMED),
        };
        let before = match self.ordered {
            0 => "Nothing had returned before".to_string(),
            1 => "The one operation that had returned before has its place".to_string(),
            ordered => format!("The {ordered} operations that had returned before can be put in order"),
        };
        let fitting: Vec<String> = self.fitting.iter().map(|ret| format!("{ret:?}")).collect();
        let instead = match fitting.as_slice() {
            [] => String::new(),
            fitting => format!("; here {} would have had a place", fitting.join(" or ")),
        };
        format!("No order explains that {}{also}. {before}{instead}.", told(self.operation))
    }

    /// The operations of which one may be to blame as well: those beside it that returned later.
    fn later<Op>(&self, operations: &[Operation<Op, Ret>]) -> impl Iterator<Item = usize> {
        let returned = |index: usize| operations[index].returned.as_ref().map(|(at, _)| *at);
        let beside = self.beside.iter().copied().filter(|_| !self.alone);
        beside.filter(move |&index| returned(index) > returned(self.operation))
    }
}

#[cfg(test)]
mod made_up;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod texts;
