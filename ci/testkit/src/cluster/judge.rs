//! The search's verdict on a cluster: its rules, tested on each state, and told as findings.

use super::liveness::Known;
use super::state::{Action, NOTHING, State};
use super::{Cluster, Expectation, Fault, History, Property};
use crate::check::{FailureKind, Finding};
use crate::node::Node;
use crate::rule::Rule;
use crate::search::{Bounds, Ended, Enough, Found, Judge, search_enough};
use crate::text::thousands;
use crate::trace::{Producer, Trace, Violation};

/// The rule that a program breaks which cannot take the steps that set the scene.
const BEGINS: Rule = Rule::new(
    "a run can begin",
    "Every run of this scope begins with a few steps that any program which works can take.",
    "the check's own scope",
    "1-cap/counterexamples.md#scene",
);

/// Which rule a state broke, and how.
pub(crate) struct Broken {
    kind: FailureKind,
    pub(super) rule: Rule,
    pub(super) why: String,
    /// For liveness: the fair suffix that does not reach the goal.
    suffix: Vec<Action>,
    /// It is about the code under test, and about no run in particular.
    of_no_run: bool,
}

impl Broken {
    /// Broken in a state, without a look at what may follow.
    fn here(kind: FailureKind, rule: Rule, why: String) -> Box<Self> {
        Box::new(Broken { kind, rule, why, suffix: Vec::new(), of_no_run: false })
    }

    /// Is there no run that shows it?
    pub fn is_of_no_run(&self) -> bool {
        self.of_no_run
    }

    /// Is it the same rule, broken in the same way?
    pub fn is_like(&self, other: &Broken) -> bool {
        self.kind == other.kind && self.rule == other.rule
    }

    /// The end of a trace that shows it.
    pub(super) fn violation(&self) -> Violation {
        Violation::new(self.kind, &self.rule, &self.why)
    }
}

/// Tests the rules of a cluster on each state.
struct Rules {
    /// For each rule, whether an example has been seen (only `sometimes` needs one).
    seen: Vec<bool>,
    known: Vec<Known>,
}

impl<N: Node, H: History<N>> Judge<Cluster<N, H>> for Rules {
    type Violation = Box<Broken>;

    fn judge(&mut self, cluster: &Cluster<N, H>, state: &State) -> Result<(), Box<Broken>> {
        cluster.note_seen(state, &mut self.seen);
        cluster.test_state(state)?;
        cluster.test_run(state)?;
        cluster.test_suffixes(state, &mut self.known)
    }
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// Did learner code do what no program may do?
    fn faultless(&self, state: &State) -> Result<(), Box<Broken>> {
        self.nothing_was_caught()?;
        if state.fault == NOTHING {
            return Ok(());
        }
        let (kind, rule, why) = self.tables.faults.get(state.fault).describe();
        Err(Broken::here(kind, rule, why))
    }

    /// Was learner code caught at something while handlers were called again?
    fn nothing_was_caught(&self) -> Result<(), Box<Broken>> {
        match self.tables.caught.get().map(Fault::describe) {
            None => Ok(()),
            Some((kind, rule, why)) => Err(Box::new(Broken { of_no_run: true, ..*Broken::here(kind, rule, why) })),
        }
    }

    /// Can rules be tested here: did learner code do nothing that no program may do, and could the scene be set?
    pub(super) fn can_be_judged(&self, state: &State) -> Result<(), Box<Broken>> {
        self.faultless(state)?;
        match &self.unset {
            Some(why) => Err(Broken::here(FailureKind::Violated, BEGINS, why.clone())),
            None => Ok(()),
        }
    }

    /// Tests the rules that a single state decides: `always`, and no faults.
    pub(crate) fn test_state(&self, state: &State) -> Result<(), Box<Broken>> {
        self.can_be_judged(state)?;
        let decided = |property: &&Property<N, H>| matches!(property.expectation, Expectation::Always(_));
        self.properties.iter().filter(decided).try_for_each(|property| self.test_claim(property, state))
    }

    /// Tests the rules of whole runs on a run that ends here.
    pub(super) fn test_run(&self, state: &State) -> Result<(), Box<Broken>> {
        let decided = |property: &&Property<N, H>| matches!(property.expectation, Expectation::WholeRun(_));
        self.properties.iter().filter(decided).try_for_each(|property| self.test_claim(property, state))
    }

    /// Tests a rule that a state, or the run up to it, decides. Of other rules it says nothing.
    pub(super) fn test_claim(&self, property: &Property<N, H>, state: &State) -> Result<(), Box<Broken>> {
        match &property.expectation {
            Expectation::Always(holds) | Expectation::WholeRun(holds) => {
                holds(&self.view(state)).map_err(|why| Broken::here(FailureKind::Violated, property.rule.clone(), why))
            }
            Expectation::EachTransition(_)
            | Expectation::Sometimes(_)
            | Expectation::LeadsTo { .. }
            | Expectation::Settles { .. } => Ok(()),
        }
    }

    /// Tests the rules that a fair suffix decides: `leads_to` and `settles`.
    pub(super) fn test_suffixes(&self, state: &State, known: &mut [Known]) -> Result<(), Box<Broken>> {
        let mut rules = self.properties.iter().zip(known);
        rules.try_for_each(|(property, known)| self.test_promise(property, state, known))
    }

    /// Tests a rule that a fair suffix decides. Of other rules it says nothing.
    pub(super) fn test_promise(
        &self,
        property: &Property<N, H>,
        state: &State,
        known: &mut Known,
    ) -> Result<(), Box<Broken>> {
        let Some(promise) = property.expectation.promise() else { return Ok(()) };
        self.keeps(&promise, state, known).map_err(|why| {
            let suffix = self.fair_suffix(&promise, state);
            let unkept = || Broken::here(promise.failure(), property.rule.clone(), why);
            let broken = self.faultless(&suffix.end).err().unwrap_or_else(unkept);
            Box::new(Broken { suffix: suffix.steps, ..*broken })
        })
    }

    /// For each rule, how its suffixes end: none has been played yet.
    pub(super) fn nothing_known(&self) -> Vec<Known> {
        vec![Known::new(); self.properties.len()]
    }

    /// Tests the end of a run: what the whole run decides, then what a fair suffix decides.
    pub(crate) fn test_end(&self, state: &State) -> Result<(), Box<Broken>> {
        self.test_run(state)?;
        self.test_suffixes(state, &mut self.nothing_known())
    }

    /// Marks the rules of which `state` is an example.
    pub(crate) fn note_seen(&self, state: &State, seen: &mut [bool]) {
        for (property, seen) in self.properties.iter().zip(seen) {
            if let Expectation::Sometimes(happens) = &property.expectation {
                *seen = *seen || happens(&self.view(state));
            }
        }
    }

    /// The first rule that must be seen happening, and was not.
    pub(crate) fn unseen(&self, seen: &[bool]) -> Option<&Rule> {
        let must = |property: &Property<N, H>| matches!(property.expectation, Expectation::Sometimes(_));
        let rules = self.properties.iter().zip(seen);
        rules.into_iter().find(|(property, seen)| must(property) && !**seen).map(|(property, _)| &property.rule)
    }

    /// Searches the cluster's states within `bounds`, and says what that proves. When the bound on states is hit, the search must have
    /// seen `enough` by then, if the caller says how much that is; and it ends as soon as it has.
    ///
    /// # Errors
    /// The rule that is broken, with a shortest run that shows it; or the bound that was hit.
    pub fn prove(&self, bounds: Bounds, enough: Option<Enough>) -> Result<String, Box<Finding>> {
        let rules = self.properties.len();
        let mut judge = Rules { seen: vec![false; rules], known: self.nothing_known() };
        let found = search_enough(self, bounds, enough, &mut judge);
        match &found.ended {
            Ended::Violated { violation, path } => {
                return Err(Box::new(self.finding(Producer::Model, violation, path)));
            }
            Ended::Panicked { message, at, path } => return Err(Box::new(self.panicked(message, at, path))),
            Ended::StatesReached if enough.is_none_or(|enough| found.depth <= enough.depth) => {
                return Err(Box::new(too_large(found.states)));
            }
            Ended::StatesReached | Ended::Exhausted | Ended::DepthReached => {}
        }
        self.nothing_was_caught().map_err(|broken| self.finding(Producer::Model, &broken, &[]))?;
        match self.unseen(&judge.seen) {
            Some(rule) => Err(Box::new(unreachable(rule, &evidence(&found, bounds)))),
            None => Ok(evidence(&found, bounds)),
        }
    }

    /// A broken rule with the run that shows it, if there is one.
    pub(crate) fn finding(&self, producer: Producer, broken: &Broken, path: &[Action]) -> Finding {
        if broken.of_no_run {
            return Finding { kind: broken.kind, rule: broken.rule.clone(), summary: broken.why.clone(), trace: None };
        }
        let steps = [path, &broken.suffix].concat();
        let behaves =
            broken.kind == FailureKind::Stuck || broken.kind == FailureKind::Violated && !broken.suffix.is_empty();
        let why = match behaves {
            true => format!("{}\n{}", broken.why, self.ending(self.staged.len() + path.len(), &broken.suffix)),
            false => broken.why.clone(),
        };
        let trace = self.trace_of(producer, &steps, broken.kind, &broken.rule, &why);
        Finding { kind: broken.kind, rule: broken.rule.clone(), summary: why, trace: Some(trace) }
    }

    /// What the network does after `steps` steps, at the end of a run that does not come to what it must come to.
    fn ending(&self, steps: usize, suffix: &[Action]) -> String {
        let behaves = match suffix.len() {
            0 => format!("After step {steps} there is nothing more to deliver"),
            _ => format!(
                "From step {} on the network behaves: what can arrive arrives, and timers fire in turn",
                steps + 1
            ),
        };
        let left_out = if self.leaves_out_ignored { ". Deliveries that change nothing are left out" } else { "" };
        format!("{behaves}{left_out}.")
    }

    fn panicked(&self, message: &str, at: &str, path: &[Action]) -> Finding {
        let found = Finding::panicked(message, at);
        let trace = self.trace_of(Producer::Model, path, found.kind, &found.rule, &found.summary);
        Finding { trace: Some(trace), ..found }
    }

    /// A trace that ends with a broken rule.
    pub(crate) fn trace_of(
        &self,
        producer: Producer,
        steps: &[Action],
        kind: FailureKind,
        rule: &Rule,
        why: &str,
    ) -> Trace {
        let mut trace = self.trace(producer, steps);
        trace.violation = Some(Violation::new(kind, rule, why));
        trace
    }
}

fn evidence<A, V>(found: &Found<A, V>, bounds: Bounds) -> String {
    let states = thousands(found.states);
    match (&found.ended, bounds.depth) {
        (Ended::Exhausted, _) => format!("exhausted {states} states, {} steps deep", found.depth),
        (_, Some(depth)) => format!("bounded at depth {depth}, {states} states"),
        // The level on which the bound was hit is not complete.
        (_, None) => {
            format!(
                "bounded at depth {}, and there are more than {} states",
                found.depth - 1,
                thousands(found.states - 1)
            )
        }
    }
}

/// A rule that must be seen happening, and was not.
pub(crate) fn unreachable(rule: &Rule, evidence: &str) -> Finding {
    let summary = format!("No run does what is wanted ({evidence}). A single one that does would have been enough.");
    Finding { kind: FailureKind::Unreachable, rule: rule.clone(), summary, trace: None }
}

fn too_large(states: usize) -> Finding {
    const BOUNDED: Rule = Rule::new(
        "bounded state",
        "The program keeps no more state than the protocol needs, so that its states can be counted.",
        "the check's own bound",
        "1-cap/counterexamples.md#out-of-scope",
    );
    let summary = format!(
        "The search visited {} states and was not done. Does a server keep something that grows without end: a counter of \
         all events, a log of all messages, messages that cause each other forever?",
        thousands(states)
    );
    Finding { kind: FailureKind::OutOfScope, rule: BOUNDED, summary, trace: None }
}
