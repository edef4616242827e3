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
//!   so a position costs as much as there are concurrent operations, not as many as the history has. Objects are kept
//!   once ([`Objects`]).
//! - **What changes nothing comes first.** If a candidate fits and leaves the object as it is, such as a read, it is
//!   placed and nothing else is tried there: in any order that goes on from the position, this operation can be moved
//!   to the front, and every other one still answers as it did. So a search branches over writes only.
//! - **Operations without a return** may be placed anywhere after their invocation, or never. They are tried last, when
//!   nothing else leads on, and first where the search has come furthest. A position is not searched if the same one
//!   was reached with fewer of them placed: those that are left over do no harm. So the requests of crashed clients,
//!   each of which may have happened at any time, do not multiply.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
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
    /// The limit of steps was reached. The search can go on from there.
    GaveUp,
}

/// A search through the orders of one history.
pub(super) struct Search<'a, S: SequentialSpec> {
    calls: Vec<Call<'a, S::Op, S::Ret>>,
    /// The calls with a return, in the order of their returns. A call's place here is its rank.
    ranked: Vec<usize>,
    /// For each rank: the ranks that may be placed while this is the first one that is not.
    candidates: Vec<Vec<u32>>,
    /// For each rank: has the call changed the object somewhere?
    changes: Vec<bool>,
    /// For each rank: was there an object on which the call would not have answered as it did?
    refused: Vec<bool>,
    /// The calls without a return.
    open: Vec<usize>,
    objects: Objects<S>,
    positions: Vec<Position>,
    /// The positions, to be found by what is placed and by the object.
    tried: HashTable<usize>,
    /// The way to where the search stands: positions, each with the number of its next candidate.
    trail: Vec<(usize, usize)>,
    /// Positions from which only operations without a return can still lead on; the one that came furthest on top.
    waiting: BinaryHeap<(u32, Reverse<usize>, usize)>,
    /// The first rank that is placed nowhere.
    furthest: usize,
    /// How often an operation was tried on a state.
    pub steps: u64,
}

/// Which operations were placed, and what that made of the object.
#[derive(Clone)]
struct Position {
    /// Its number in [`Objects`].
    object: u32,
    placed: Placed,
    /// The placed calls that have no return.
    open: Vec<usize>,
    /// The position before, with one call less; the first one has none.
    from: Option<usize>,
    /// Has the last call that was placed no return?
    by_open: bool,
    /// Do all ranks get their places from here on? Known of the positions on a way to an answer that would have fitted.
    leads_on: bool,
}

impl<'a, S> Search<'a, S>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    pub fn new(initial: S, calls: Vec<Call<'a, S::Op, S::Ret>>) -> Self {
        let (mut ranked, open): (Vec<usize>, Vec<usize>) =
            (0..calls.len()).partition(|&call| calls[call].returned.is_some());
        ranked.sort_by_key(|&call| calls[call].end());
        let mut objects = Objects::default();
        let object = objects.number(initial);
        let mut search = Search {
            candidates: candidates(&calls, &ranked),
            changes: vec![false; ranked.len()],
            refused: vec![false; ranked.len()],
            calls,
            ranked,
            open,
            objects,
            positions: Vec::new(),
            tried: HashTable::new(),
            trail: Vec::new(),
            waiting: BinaryHeap::new(),
            furthest: 0,
            steps: 0,
        };
        let (placed, open) = (Placed::default(), Vec::new());
        search.reach(Position { object, placed, open, from: None, by_open: false, leads_on: false });
        search
    }

    pub fn calls(&self) -> &[Call<'a, S::Op, S::Ret>] {
        &self.calls
    }

    /// Looks for an order, until about `limit` steps were taken in all.
    pub fn run(&mut self, limit: u64) -> Ending {
        let all = self.ranked.len();
        match self.place_all_below(all, limit) {
            Some(true) => Ending::Ordered,
            Some(false) => Ending::Stuck { call: self.ranked[self.furthest] },
            None => Ending::GaveUp,
        }
    }

    /// Goes on until the ranks below `goal` have their places. None if the limit was reached before that was known.
    fn place_all_below(&mut self, goal: usize, limit: u64) -> Option<bool> {
        while self.steps < limit {
            let Some(&(at, next)) = self.trail.last() else {
                if self.go_on_without_return() {
                    continue;
                }
                return Some(false);
            };
            let here = &self.positions[at];
            let first = here.placed.all_below as usize;
            self.furthest = self.furthest.max(first);
            if first >= goal || here.leads_on {
                return Some(true);
            }
            if next == 0 && self.place_what_changes_nothing(at) {
                continue;
            }
            match self.candidates[first].get(next) {
                Some(&rank) => {
                    self.trail.last_mut().expect("it was just looked at").1 += 1;
                    if self.changes[rank as usize] && !self.positions[at].placed.contains(rank) {
                        self.place(at, rank);
                    }
                }
                None => {
                    let here = &self.positions[at];
                    self.waiting.push((here.placed.all_below, Reverse(here.open.len()), at));
                    self.trail.pop();
                }
            }
        }
        None
    }

    /// Places a call that fits and leaves the object as it is, if there is one; then nothing else is tried from here.
    /// Calls that have changed the object elsewhere are not looked at.
    fn place_what_changes_nothing(&mut self, at: usize) -> bool {
        let first = self.positions[at].placed.all_below as usize;
        for next in 0..self.candidates[first].len() {
            let rank = self.candidates[first][next];
            let here = &self.positions[at];
            if self.changes[rank as usize] || here.placed.contains(rank) {
                continue;
            }
            let before = here.object;
            let Some(object) = self.answered(rank, before) else { continue };
            if object == before {
                self.trail.pop();
                self.reach_by(at, rank, object);
                return true;
            }
            self.changes[rank as usize] = true;
        }
        false
    }

    /// Places a call, if it fits. If it changes nothing, nothing else is tried from there.
    fn place(&mut self, at: usize, rank: u32) {
        let before = self.positions[at].object;
        let Some(object) = self.answered(rank, before) else { return };
        if object == before {
            self.trail.pop();
        }
        self.reach_by(at, rank, object);
    }

    /// What a call makes of an object, if it answers there as it did.
    fn answered(&mut self, rank: u32, object: u32) -> Option<u32> {
        self.steps += 1;
        let call = &self.calls[self.ranked[rank as usize]];
        let (_, ret) = call.returned?;
        let mut object = self.objects.get(object).clone();
        if object.is_valid_step(call.op, ret) {
            return Some(self.objects.number(object));
        }
        self.refused[rank as usize] = true;
        None
    }

    /// Takes the position that came furthest, and places the calls that have no return. False if no position is left.
    fn go_on_without_return(&mut self) -> bool {
        let Some((.., at)) = self.waiting.pop() else { return false };
        for next in 0..self.open.len() {
            let call = self.open[next];
            let here = &self.positions[at];
            let until = self.calls[self.ranked[here.placed.all_below as usize]].end();
            if self.calls[call].invoked > until || here.open.contains(&call) {
                continue;
            }
            self.steps += 1;
            let mut there = here.clone();
            there.object = self.objects.after(here.object, self.calls[call].op);
            there.open.push(call);
            (there.from, there.by_open) = (Some(at), true);
            if there.object != self.positions[at].object && !self.makes_another_needless(&there) {
                self.reach(there);
            }
        }
        true
    }

    /// Whether the last call without a return has the same result without the one just before it.
    fn makes_another_needless(&mut self, there: &Position) -> bool {
        let here = there.from.map(|here| &self.positions[here]);
        let before = here.filter(|here| here.by_open).and_then(|here| here.from);
        let Some((before, &last)) = before.zip(there.open.last()) else { return false };
        self.objects.after(self.positions[before].object, self.calls[last].op) == there.object
    }

    /// Goes from a position to the one with one more call placed.
    fn reach_by(&mut self, at: usize, rank: u32, object: u32) {
        let here = &self.positions[at];
        let (placed, open) = (here.placed.with(rank), here.open.clone());
        self.reach(Position { object, placed, open, from: Some(at), by_open: false, leads_on: false });
    }

    /// Goes to `there`, unless the same position was reached before, with no more of the calls without a return placed.
    /// One that is known to lead on is gone to again.
    fn reach(&mut self, there: Position) {
        let positions = &self.positions;
        let better = |&&at: &&usize| {
            let other = &positions[at];
            let same = other.placed == there.placed && other.object == there.object;
            same && other.open.iter().all(|call| there.open.contains(call))
        };
        match self.tried.iter_hash(there.hash()).find(better) {
            Some(&at) if positions[at].leads_on => self.trail.push((at, 0)),
            Some(_) => {}
            None => {
                let at = positions.len();
                self.tried.insert_unique(there.hash(), at, |&at| positions[at].hash());
                self.positions.push(there);
                self.trail.push((at, 0));
            }
        }
    }

    /// After a search that was stuck at the call `stuck`: does it depend on the answer of a call that returned later?
    /// So it may be if such a call would change the object, and would not have answered as it did. None if `limit` is
    /// reached before that is known.
    pub fn depends_on_later_answers(&mut self, stuck: usize, limit: u64) -> Option<bool> {
        let stuck = self.rank(stuck);
        for at in 0..self.positions.len() {
            let first = self.positions[at].placed.all_below as usize;
            for next in 0..self.candidates[first].len() {
                let rank = self.candidates[first][next];
                let Position { object, placed, .. } = &self.positions[at];
                if rank <= stuck || !self.refused[rank as usize] || placed.contains(rank) {
                    continue;
                }
                let object = *object;
                let op = self.calls[self.ranked[rank as usize]].op;
                if self.answered(rank, object).is_none() && self.objects.after(object, op) != object {
                    return Some(true);
                }
                if self.steps >= limit {
                    return None;
                }
            }
        }
        Some(false)
    }

    /// After a search that was stuck at a call or before: other answers with which the call would have had a place, and all
    /// that returned before it too. At most `most`, and no more than are found before `limit` is reached.
    pub fn fitting(&mut self, call: usize, most: usize, limit: u64) -> Vec<S::Ret> {
        let rank = self.rank(call);
        // If the search was stuck at the call, one answer is found at once: where all that returned before has its place.
        let limit = limit.max(self.steps + 2);
        let mut answers: Vec<S::Ret> = Vec::new();
        for at in self.where_it_may_come(rank) {
            if answers.len() == most || self.steps >= limit {
                break;
            }
            self.steps += 1;
            let mut object = self.objects.get(self.positions[at].object).clone();
            let answer = object.invoke(self.calls[call].op);
            if answers.contains(&answer) {
                continue;
            }
            let object = self.objects.number(object);
            self.reach_by(at, rank, object);
            if self.place_all_below(rank as usize + 1, limit) == Some(true) {
                answers.push(answer);
                self.mark_way();
            }
            self.trail.clear();
            self.waiting.clear();
        }
        answers
    }

    /// The positions at which a call may be placed; first where the search has come furthest.
    fn where_it_may_come(&self, rank: u32) -> Vec<usize> {
        let first = |at: usize| self.positions[at].placed.all_below;
        let may_come = |&at: &usize| {
            self.candidates[first(at) as usize].contains(&rank) && !self.positions[at].placed.contains(rank)
        };
        let mut positions: Vec<usize> = (0..self.positions.len()).filter(may_come).collect();
        positions.sort_by_key(|&at| Reverse(first(at)));
        positions
    }

    /// Marks the positions on the way to where the search stands.
    fn mark_way(&mut self) {
        for &(at, _) in &self.trail {
            let mut here = Some(at);
            while let Some(at) = here.filter(|&at| !self.positions[at].leads_on) {
                self.positions[at].leads_on = true;
                here = self.positions[at].from;
            }
        }
    }

    fn rank(&self, call: usize) -> u32 {
        self.ranked.iter().position(|&other| other == call).expect("it returned") as u32
    }
}

impl Position {
    fn hash(&self) -> u64 {
        FixedState::default().hash_one((&self.placed, self.object))
    }
}

/// Each object once, by number.
struct Objects<S> {
    objects: Vec<(u64, S)>,
    numbers: HashTable<u32>,
}

impl<S> Default for Objects<S> {
    fn default() -> Self {
        Objects { objects: Vec::new(), numbers: HashTable::new() }
    }
}

impl<S: SequentialSpec + Clone + Hash + PartialEq> Objects<S> {
    fn get(&self, number: u32) -> &S {
        &self.objects[number as usize].1
    }

    fn number(&mut self, object: S) -> u32 {
        let hash = FixedState::default().hash_one(&object);
        let known = |&number: &u32| {
            let (other, known) = &self.objects[number as usize];
            *other == hash && *known == object
        };
        if let Some(&number) = self.numbers.find(hash, known) {
            return number;
        }
        let number = u32::try_from(self.objects.len()).expect("a search ends before it has met 2^32 objects");
        self.objects.push((hash, object));
        self.numbers.insert_unique(hash, number, |&number| self.objects[number as usize].0);
        number
    }

    /// What an operation makes of an object, whatever it answers.
    fn after(&mut self, number: u32, op: &S::Op) -> u32 {
        let mut object = self.get(number).clone();
        object.invoke(op);
        self.number(object)
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
