//! The search for an order: Wing and Gong's algorithm with Lowe's memory of what was tried.
//!
//! Wing & Gong 1993 ("Testing and verifying concurrent objects") place one operation after the other. Candidates are
//! the operations invoked before the first return that is still open, because whatever returned must come before
//! whatever was invoked later. An operation is placed if it answers in the object's state as it did in the history.
//! When no candidate fits, the search goes back and places another one. Lowe 2017 ("Testing for linearizability") adds
//! a memory: a [`Position`] that was reached before, by placing the same operations in another order, is not searched
//! again.
//!
//! # What is special here
//!
//! - **Positions are small.** Number the operations in the order of their returns. Then the placed ones are always a
//!   prefix of that order and a few more, namely those that overlap the first open return. [`Placed`] keeps just that,
//!   so a position costs as much as there are concurrent operations, not as many as the history has.
//! - **Operations without a return** may be placed anywhere after their invocation, or never. They are tried last, when
//!   nothing else leads on, and first where the search has come furthest. A position is not searched if the same one
//!   was reached with fewer of them placed: those that are left over do no harm. So the requests of crashed clients,
//!   each of which may have happened at any time, do not multiply.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use hashbrown::HashTable;
use stateright::semantics::SequentialSpec;

/// An operation as the search sees it.
pub(super) struct Call<'a, Op, Ret> {
    /// Its index in the history that was handed in.
    pub index: usize,
    pub op: &'a Op,
    pub invoked: u64,
    pub returned: Option<(u64, &'a Ret)>,
}

impl<Op, Ret> Clone for Call<'_, Op, Ret> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Op, Ret> Copy for Call<'_, Op, Ret> {}

impl<Op, Ret> Call<'_, Op, Ret> {
    /// When it returned; without a return, at the end of time.
    pub fn end(&self) -> u64 {
        self.returned.map_or(u64::MAX, |(at, _)| at)
    }
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// There is an order.
    Ordered,
    /// There is none. The search never came past the return of this call; up to just before that return there is an
    /// order.
    Stuck { call: usize },
    /// The limit of steps was reached.
    GaveUp,
}

/// A search through the orders of one history.
pub(super) struct Search<'a, S: SequentialSpec> {
    calls: &'a [Call<'a, S::Op, S::Ret>],
    /// The calls with a return, in the order of their returns. A call's place here is its rank.
    ranked: Vec<usize>,
    /// For each rank: the ranks that may be placed while this is the first one that is not.
    candidates: Vec<Vec<u32>>,
    /// The calls without a return.
    open: Vec<usize>,
    positions: Vec<Position<S>>,
    /// The positions, to be found by what is placed and by the object.
    tried: HashTable<usize>,
    /// The way to where the search stands: positions, each with the number of its next candidate.
    trail: Vec<(usize, usize)>,
    /// Positions from which only operations without a return can still lead on; the one that came furthest on top.
    waiting: BinaryHeap<(u32, Reverse<usize>, usize)>,
    /// How often an operation was tried on a state.
    pub steps: u64,
}

/// Which operations were placed, and what that made of the object.
#[derive(Clone)]
struct Position<S> {
    object: S,
    placed: Placed,
    /// The placed calls that have no return.
    open: Vec<usize>,
    /// The position before, if the last call that was placed has no return.
    before_open: Option<usize>,
}

impl<'a, S> Search<'a, S>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    pub fn new(initial: S, calls: &'a [Call<'a, S::Op, S::Ret>]) -> Self {
        let (mut ranked, open): (Vec<usize>, Vec<usize>) =
            (0..calls.len()).partition(|&call| calls[call].returned.is_some());
        ranked.sort_by_key(|&call| calls[call].end());
        let candidates = candidates(calls, &ranked);
        let mut search = Search {
            calls,
            ranked,
            candidates,
            open,
            positions: Vec::new(),
            tried: HashTable::new(),
            trail: Vec::new(),
            waiting: BinaryHeap::new(),
            steps: 0,
        };
        search.reach(Position { object: initial, placed: Placed::default(), open: Vec::new(), before_open: None });
        search
    }

    /// Looks for an order, taking about `limit` steps at most. Each call that is tried on a state in which it does not
    /// fit is shown to `misfit`.
    pub fn run(&mut self, limit: u64, mut misfit: impl FnMut(usize, &S)) -> Ending {
        let mut furthest = 0;
        while self.steps < limit {
            let Some((at, next)) = self.trail.last_mut() else {
                if self.go_on_without_return() {
                    continue;
                }
                return Ending::Stuck { call: self.ranked[furthest] };
            };
            let here = &self.positions[*at];
            furthest = furthest.max(here.placed.all_below as usize);
            let Some(candidates) = self.candidates.get(here.placed.all_below as usize) else { return Ending::Ordered };
            let Some(&rank) = candidates.get(*next) else {
                self.waiting.push((here.placed.all_below, Reverse(here.open.len()), *at));
                self.trail.pop();
                continue;
            };
            *next += 1;
            if here.placed.contains(rank) {
                continue;
            }
            self.steps += 1;
            let call = self.ranked[rank as usize];
            match self.calls[call].answered_by(&here.object) {
                Some(object) => {
                    let placed = here.placed.with(rank);
                    let there = Position { object, placed, open: here.open.clone(), before_open: None };
                    self.reach(there);
                }
                None => misfit(call, &here.object),
            }
        }
        Ending::GaveUp
    }

    /// Takes the position that came furthest, and places the calls that have no return. False if no position is left.
    fn go_on_without_return(&mut self) -> bool {
        let Some((.., at)) = self.waiting.pop() else { return false };
        for call in self.open.clone() {
            let here = &self.positions[at];
            let until = self.calls[self.ranked[here.placed.all_below as usize]].end();
            if self.calls[call].invoked > until || here.open.contains(&call) {
                continue;
            }
            self.steps += 1;
            let mut there = here.clone();
            there.object.invoke(self.calls[call].op);
            there.open.push(call);
            there.before_open = Some(at);
            if !self.makes_another_needless(&there) {
                self.reach(there);
            }
        }
        true
    }

    /// Whether the last call without a return has the same result without the one just before it.
    fn makes_another_needless(&self, there: &Position<S>) -> bool {
        let before = there.before_open.and_then(|here| self.positions[here].before_open);
        before.is_some_and(|before| {
            let mut object = self.positions[before].object.clone();
            there.open.last().is_some_and(|&last| {
                object.invoke(self.calls[last].op);
                object == there.object
            })
        })
    }

    /// Goes to `there`, unless the same position was reached before, with no more of the calls without a return placed.
    fn reach(&mut self, there: Position<S>) {
        let positions = &self.positions;
        let better = |&at: &usize| {
            let other = &positions[at];
            let same = other.placed == there.placed && other.object == there.object;
            same && other.open.iter().all(|call| there.open.contains(call))
        };
        if !self.tried.iter_hash(there.hash()).any(better) {
            let at = positions.len();
            self.tried.insert_unique(there.hash(), at, |&at| positions[at].hash());
            self.positions.push(there);
            self.trail.push((at, 0));
        }
    }
}

impl<S: Hash> Position<S> {
    fn hash(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::new().hash_one((&self.placed, &self.object))
    }
}

impl<Op, Ret> Call<'_, Op, Ret> {
    /// What this call makes of `object`, if it answers there as it did.
    fn answered_by<S: SequentialSpec<Op = Op, Ret = Ret> + Clone>(&self, object: &S) -> Option<S> {
        let (_, ret) = self.returned?;
        let mut object = object.clone();
        object.is_valid_step(self.op, ret).then_some(object)
    }
}

/// For each rank, the ranks of the calls that do not come after it for sure: it and those that return later, but were
/// invoked before it returned. In the order of their invocations.
fn candidates<Op, Ret>(calls: &[Call<'_, Op, Ret>], ranked: &[usize]) -> Vec<Vec<u32>> {
    let mut by_invocation: Vec<(u64, u32)> =
        (0..).zip(ranked).map(|(rank, &call)| (calls[call].invoked, rank)).collect();
    by_invocation.sort_unstable();
    let mut by_invocation = by_invocation.into_iter().peekable();
    let mut running = Vec::new();
    let mut candidates = Vec::with_capacity(ranked.len());
    for (rank, &call) in (0..).zip(ranked) {
        let (invoked, end) = (calls[call].invoked, calls[call].end());
        assert!(invoked <= end, "an operation returned at {end}, before it was invoked at {invoked}");
        while let Some((_, rank)) = by_invocation.next_if(|&(invoked, _)| invoked <= end) {
            running.push(rank);
        }
        candidates.push(running.clone());
        running.retain(|&other| other != rank);
    }
    candidates
}

/// A set of ranks: all below `all_below`, and a few more in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Placed {
    all_below: u32,
    more: Vec<u32>,
}

impl Placed {
    fn contains(&self, rank: u32) -> bool {
        rank < self.all_below || self.more.contains(&rank)
    }

    fn with(&self, rank: u32) -> Placed {
        let Placed { mut all_below, mut more } = self.clone();
        let at = more.partition_point(|&other| other < rank);
        more.insert(at, rank);
        let joined = more.iter().zip(all_below..).take_while(|&(&rank, next)| rank == next).count();
        all_below += more.drain(..joined).len() as u32;
        Placed { all_below, more }
    }
}

#[cfg(test)]
mod tests {
    use super::Placed;

    #[test]
    fn placed_operations_are_a_prefix_and_a_few_more() {
        let mut placed = Placed::default();
        for (rank, all_below, more) in
            [(2, 0, vec![2]), (1, 0, vec![1, 2]), (4, 0, vec![1, 2, 4]), (0, 3, vec![4]), (3, 5, vec![])]
        {
            assert!(!placed.contains(rank));
            placed = placed.with(rank);
            assert!(placed.contains(rank));
            assert_eq!(placed, Placed { all_below, more }, "after {rank}");
        }
    }
}
