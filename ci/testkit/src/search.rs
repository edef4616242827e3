//! Breadth-first search over any [`stateright::Model`], made for grading.
//!
//! A grade needs more of a checker than an answer: the *shortest* run that breaks the rule, the same run on each machine,
//! a bound that is said aloud when it is hit, and learner code that panics must become a finding instead of the end. The
//! checkers that stateright ships miss one or the other of these; its `Model` trait is a good language all the same, so this
//! search speaks it, and the tests compare the two on the number of states.
//!
//! # How it works
//!
//! States are expanded level by level, in one thread, in the order in which they were found. So the first bad state is one
//! with the shortest path, and which of several shortest paths is shown never changes. A visited state is kept as a 64-bit
//! fingerprint (the chance that two of a million states share one is 1 in 37 million) and as a link to the state from which
//! it was found. Only the current and the next level are kept in full. A path is rebuilt by taking its steps again.
//!
//! Most steps lead to a state that is known, and to find that out is a look at a random place of a table of many megabytes.
//! So all steps from a state are taken first, and all looks made in a row: the processor has several on their way at a time.

use std::hash::{BuildHasher, Hash};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use stateright::{Expectation, Model, Property};

use crate::panics;

/// How far a search may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most states that are visited. To find one more is a failure of the check, not a verdict on the program.
    pub states: usize,
    /// The longest path that is followed; none means until nothing new is found.
    pub depth: Option<usize>,
}

impl Bounds {
    /// Until nothing new is found, or `states` are visited.
    pub fn exhaustive(states: usize) -> Self {
        Bounds { states, depth: None }
    }
}

/// When a search has seen enough: every path of `depth` steps, and `states` states. It ends there, as if that were its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enough {
    /// How long the paths are that must all have been followed.
    pub depth: usize,
    /// How many states are enough, once they have been.
    pub states: usize,
}

/// Judges states as they are found.
pub trait Judge<M: Model> {
    /// What is wrong with a state.
    type Violation;

    /// Looks at a state. It is called once for each, nearest first.
    ///
    /// # Errors
    /// What is wrong with it; the search ends there.
    fn judge(&mut self, model: &M, state: &M::State) -> Result<(), Self::Violation>;
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<A, V> {
    /// How many different states were visited.
    pub states: usize,
    /// How many steps were taken, those that led to a known state too.
    pub transitions: usize,
    /// The length of the longest of the shortest paths.
    pub depth: usize,
    /// Why it ended.
    pub ended: Ended<A, V>,
}

/// Why a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Ended<A, V> {
    /// Every reachable state was visited.
    Exhausted,
    /// Every state within the depth was visited; there may be more beyond.
    DepthReached,
    /// The bound on states was hit: nothing is proven.
    StatesReached,
    /// The judge refused a state; `path` is a shortest path to it.
    Violated { violation: V, path: Vec<A> },
    /// The model panicked in the state that `path` leads to, while that state was judged or its steps were taken. `at` is the
    /// file and line, where [`panics::listen`] is active.
    Panicked { message: String, at: String, path: Vec<A> },
}

/// Searches `model` breadth first, within `bounds`, until `judge` refuses a state.
pub fn search<M, J>(model: &M, bounds: Bounds, judge: &mut J) -> Found<M::Action, J::Violation>
where
    M: Model,
    M::State: Clone + Hash,
    J: Judge<M>,
{
    search_enough(model, bounds, None, judge)
}

/// As [`search`], but ends earlier when it has seen `enough`. A program with more states than another is then looked at for about as
/// long.
pub fn search_enough<M, J>(
    model: &M,
    bounds: Bounds,
    enough: Option<Enough>,
    judge: &mut J,
) -> Found<M::Action, J::Violation>
where
    M: Model,
    M::State: Clone + Hash,
    J: Judge<M>,
{
    let visited = Visited::default();
    let (actions, successors) = (Vec::new(), Vec::new());
    Search { model, bounds, enough, judge, visited, levels: 0, transitions: 0, actions, successors }.run()
}

struct Search<'a, M: Model, J> {
    model: &'a M,
    bounds: Bounds,
    enough: Option<Enough>,
    judge: &'a mut J,
    visited: Visited,
    /// The length of the paths that have all been followed.
    levels: usize,
    transitions: usize,
    /// Room for the steps of one state.
    actions: Vec<M::Action>,
    /// Room for what they lead to.
    successors: Vec<Successor<M::State>>,
}

/// What a step leads to.
struct Successor<S> {
    /// The index of the step among those that are possible.
    action: usize,
    state: S,
    fingerprint: u64,
    known: bool,
}

/// The states of one level, in the order in which they were found.
type Level<S> = Chunks<(u32, S)>;

/// Why a level ended early. The index names the state on which it happened.
enum Stop<V> {
    Violated(V, u32),
    Panicked { message: String, at: String, in_state: u32 },
    Full,
}

impl<M, J> Search<'_, M, J>
where
    M: Model,
    M::State: Clone + Hash,
    J: Judge<M>,
{
    fn run(mut self) -> Found<M::Action, J::Violation> {
        let mut level = Level::default();
        let mut stop = self.first_level(&mut level).err();
        while stop.is_none() && !level.is_empty() && self.bounds.depth != Some(self.levels) {
            let mut next = Level::default();
            stop = level.into_iter().try_for_each(|(at, state)| self.expand(at, &state, &mut next)).err();
            level = next;
            self.levels += 1;
        }
        let ended = match stop {
            None if level.is_empty() => Ended::Exhausted,
            None => Ended::DepthReached,
            Some(Stop::Full) => Ended::StatesReached,
            Some(Stop::Violated(violation, at)) => Ended::Violated { violation, path: self.path_to(at) },
            Some(Stop::Panicked { message, at, in_state }) => {
                Ended::Panicked { message, at, path: self.path_to(in_state) }
            }
        };
        Found { states: self.visited.len(), transitions: self.transitions, depth: self.visited.depth(), ended }
    }

    fn first_level(&mut self, level: &mut Level<M::State>) -> Result<(), Stop<J::Violation>> {
        let states = guard(Visited::ORIGIN, || self.model.init_states())?;
        for (action, state) in states.into_iter().enumerate() {
            let fingerprint = fingerprint(&state);
            self.visit(Visited::ORIGIN, Successor { action, state, fingerprint, known: false }, level)?;
        }
        Ok(())
    }

    /// Takes every step from `state`.
    fn expand(&mut self, at: u32, state: &M::State, next: &mut Level<M::State>) -> Result<(), Stop<J::Violation>> {
        let mut successors = mem::take(&mut self.successors);
        let taken = self.take_steps(at, state, &mut successors);
        for successor in &mut successors {
            successor.known = self.visited.contains(successor.fingerprint);
        }
        for successor in successors.drain(..) {
            self.transitions += 1;
            self.visit(at, successor, next)?;
        }
        self.successors = successors;
        // What panicked came after the steps that were taken.
        taken
    }

    fn take_steps(
        &mut self,
        at: u32,
        state: &M::State,
        successors: &mut Vec<Successor<M::State>>,
    ) -> Result<(), Stop<J::Violation>> {
        let mut actions = mem::take(&mut self.actions);
        guard(at, || self.model.actions(state, &mut actions))?;
        for (index, action) in actions.drain(..).enumerate() {
            if let Some(state) = guard(at, || self.model.next_state(state, action))? {
                let fingerprint = fingerprint(&state);
                successors.push(Successor { action: index, state, fingerprint, known: false });
            }
        }
        self.actions = actions;
        Ok(())
    }

    fn visit(
        &mut self,
        parent: u32,
        successor: Successor<M::State>,
        level: &mut Level<M::State>,
    ) -> Result<(), Stop<J::Violation>> {
        let Successor { action, state, fingerprint, known } = successor;
        if known || !guard(parent, || self.model.within_boundary(&state))? {
            return Ok(());
        }
        let Some(at) = self.visited.add(fingerprint, parent, action) else { return Ok(()) };
        guard(at, || self.judge.judge(self.model, &state))?.map_err(|violation| Stop::Violated(violation, at))?;
        if self.visited.len() > self.most() {
            return Err(Stop::Full);
        }
        // A copy takes no more room than it needs.
        level.push((at, state.clone()));
        Ok(())
    }

    /// How many states are visited at most, as things stand.
    fn most(&self) -> usize {
        let seen = self.enough.filter(|enough| self.levels >= enough.depth);
        seen.map_or(self.bounds.states, |enough| enough.states.min(self.bounds.states))
    }

    /// The steps that lead to a visited state.
    fn path_to(&self, at: u32) -> Vec<M::Action> {
        let mut indices = self.visited.indices_to(at).into_iter();
        let mut path = Vec::new();
        let Some(mut state) = indices.next().and_then(|first| self.model.init_states().into_iter().nth(first)) else {
            return path;
        };
        let choose = |state: &M::State, index: usize| {
            let mut actions = Vec::new();
            self.model.actions(state, &mut actions);
            actions.into_iter().nth(index).expect("a model offers the same steps each time")
        };
        for index in indices {
            path.push(choose(&state, index));
            state = self
                .model
                .next_state(&state, choose(&state, index))
                .expect("a step that was taken once can be taken again");
        }
        path
    }
}

/// Runs a part of the model; a panic ends the search with the state in which it happened.
fn guard<T, V>(in_state: u32, run: impl FnOnce() -> T) -> Result<T, Stop<V>> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let (message, at) = panics::take(payload);
        Stop::Panicked { message, at, in_state }
    })
}

/// The states that were visited, as fingerprints, and the way to each.
#[derive(Default)]
struct Visited {
    fingerprints: HashTable<u64>,
    /// By the order in which they were found: the state from which each was, and the index of the step among those possible
    /// there.
    found_from: Vec<(u32, u32)>,
}

impl Visited {
    /// Stands for "before the first state".
    const ORIGIN: u32 = u32::MAX;

    fn contains(&self, fingerprint: u64) -> bool {
        self.fingerprints.find(fingerprint, |&known| known == fingerprint).is_some()
    }

    /// Adds a state, unless it is known.
    fn add(&mut self, fingerprint: u64, parent: u32, action: usize) -> Option<u32> {
        let Entry::Vacant(place) = self.fingerprints.entry(fingerprint, |&known| known == fingerprint, |&known| known)
        else {
            return None;
        };
        place.insert(fingerprint);
        let at = u32::try_from(self.found_from.len()).expect("bounds are below 2^32 states");
        self.found_from.push((parent, action as u32));
        Some(at)
    }

    fn len(&self) -> usize {
        self.found_from.len()
    }

    /// How many steps away the last state is: none is further, because nearer ones come first.
    fn depth(&self) -> usize {
        self.len().checked_sub(1).map_or(0, |last| self.indices_to(last as u32).len() - 1)
    }

    /// The index of the initial state, then the index of each step.
    fn indices_to(&self, mut at: u32) -> Vec<usize> {
        let mut indices = Vec::new();
        while at != Self::ORIGIN {
            let (parent, action) = self.found_from[at as usize];
            indices.push(action as usize);
            at = parent;
        }
        indices.reverse();
        indices
    }
}

/// A long list in pieces: it grows without being copied, and while it is consumed, what was consumed is freed.
struct Chunks<T>(Vec<Vec<T>>);

impl<T> Chunks<T> {
    const LENGTH: usize = 1024;

    fn push(&mut self, item: T) {
        match self.0.last_mut().filter(|last| last.len() < Self::LENGTH) {
            Some(last) => last.push(item),
            None => {
                // The first piece of a small list stays small.
                let mut piece = Vec::with_capacity(if self.0.is_empty() { 1 } else { Self::LENGTH });
                piece.push(item);
                self.0.push(piece);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn into_iter(self) -> impl Iterator<Item = T> {
        self.0.into_iter().flatten()
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks(Vec::new())
    }
}

/// A state as 64 bits, the same in each run.
pub fn fingerprint(state: &impl Hash) -> u64 {
    FixedState::default().hash_one(state)
}

/// Judges by the properties that the model itself names: `always` and `sometimes`.
pub struct ByProperties<M: Model> {
    /// Names of the `sometimes` properties of which no example has been found yet.
    pub unseen: Vec<&'static str>,
    properties: Vec<Property<M>>,
}

impl<M: Model> ByProperties<M> {
    /// A judge for `model`.
    ///
    /// # Panics
    /// Panics if the model has an `eventually` property. A search over states cannot decide it; use a fair suffix.
    pub fn new(model: &M) -> Self {
        let properties = model.properties();
        let eventually = properties.iter().find(|property| property.expectation == Expectation::Eventually);
        assert!(eventually.is_none(), "`eventually` is not decided by a search over states; use `leads_to` instead");
        let sometimes = properties.iter().filter(|property| property.expectation == Expectation::Sometimes);
        ByProperties { unseen: sometimes.map(|property| property.name).collect(), properties }
    }
}

impl<M: Model> Judge<M> for ByProperties<M> {
    /// The name of the property that does not hold.
    type Violation = &'static str;

    fn judge(&mut self, model: &M, state: &M::State) -> Result<(), &'static str> {
        for property in &self.properties {
            let holds = || (property.condition)(model, state);
            match property.expectation {
                Expectation::Always if !holds() => return Err(property.name),
                Expectation::Sometimes if self.unseen.contains(&property.name) && holds() => {
                    self.unseen.retain(|name| *name != property.name);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
