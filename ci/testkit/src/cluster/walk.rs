//! A walk through a cluster's states: a person chooses each step and sees what it comes to.
//!
//! A [`Place`] is named by the labels of the steps that lead to it. So nothing has to be undone: to go back is to name fewer
//! steps, to branch is to name others. Handlers are remembered, so it costs next to nothing to take the same steps again.
//!
//! A person may go where a check does not: crash a third server, lose one more message. Steps beyond the budgets of the check's
//! scope are offered too, and marked, because a rule that breaks behind one may be no fault of the program.

use std::collections::HashSet;

use serde::Serialize;

use super::judge::Broken;
use super::state::{Action, Event, State, link};
use super::{Cluster, Expectation, History, Property};
use crate::node::{Node, NodeId};
use crate::rule::Rule;
use crate::trace::{Producer, StepKind, Trace};

/// Where a walk has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The run up to here. Its violation is the first of the broken rules.
    pub trace: Trace,
    /// What can happen next; nothing, once learner code has done what no program may do.
    pub choices: Vec<Choice>,
    /// Every rule of the scope, and how it stands here. A fault of learner code comes first.
    pub rules: Vec<Standing>,
    /// The numbers, from 1, of the run's steps that the check would not have taken.
    pub beyond: Vec<usize>,
    /// The label of the step that was asked for and is not possible. The walk has ended before it.
    pub refused: Option<String>,
}

/// A step that can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Names it.
    pub label: String,
    /// What sort of event it is.
    pub kind: StepKind,
    /// The participant it happens to, by its index in the trace.
    pub who: usize,
    /// The participant where it comes from, by its index.
    pub from: Option<usize>,
    /// Whether the check would not take it, because its budget is spent.
    pub beyond: bool,
}

/// A rule, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// How it stands.
    #[serde(flatten)]
    pub is: Is,
}

/// How a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Is {
    /// It holds in every state up to here.
    Kept,
    /// It does not, since the step with this number (0: since before the first).
    Broken {
        /// How.
        why: String,
        /// Since which step.
        since: usize,
    },
    /// It has to happen in some run, and has happened in this one.
    Seen,
    /// It has to happen in some run, and has not happened in this one so far.
    Unseen,
}

/// The states of a walk, from its beginning, with the steps between them.
struct Walked {
    states: Vec<State>,
    steps: Vec<Action>,
    beyond: Vec<usize>,
    refused: Option<String>,
}

impl Walked {
    fn here(&self) -> &State {
        self.states.last().expect("a walk begins somewhere")
    }
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// The place that `path` leads to, step by step, by their labels. A step that is not possible ends the walk before it.
    pub fn place(&mut self, path: &[String]) -> Place {
        let walked = self.walk(path);
        let choices = self.choices(walked.here());
        let (rules, broken) = self.standings(&walked);
        let mut trace = self.trace(Producer::Walk, &walked.steps);
        trace.violation = broken.map(|broken| broken.violation());
        let choices = choices.into_iter().filter(|(action, _)| !is_twin(action.event));
        let choices = choices.map(|(action, beyond)| self.choice(walked.here(), action, beyond)).collect();
        Place { trace, choices, rules, beyond: walked.beyond, refused: walked.refused }
    }

    fn walk(&mut self, path: &[String]) -> Walked {
        let mut walked = Walked { states: vec![self.initial()], steps: Vec::new(), beyond: Vec::new(), refused: None };
        for label in path {
            let mut state = walked.here().clone();
            let choices = self.choices(&state);
            let Some((action, beyond)) = choices.into_iter().find(|(action, _)| self.label(&state, *action) == *label)
            else {
                walked.refused = Some(label.clone());
                break;
            };
            self.take(&mut state, action, &mut walked.steps);
            walked.states.push(state);
            if beyond {
                walked.beyond.push(self.staged.len() + walked.steps.len());
            }
        }
        walked
    }

    /// Every step that is possible in `state`, within the budgets or not, and whether it is beyond them.
    fn choices(&mut self, state: &State) -> Vec<(Action, bool)> {
        let (mut within, mut all) = (Vec::new(), Vec::new());
        self.enabled(state, &mut within);
        let before = std::mem::replace(&mut self.replaying, true);
        self.enabled(state, &mut all);
        self.replaying = before;
        let within: HashSet<Action> = within.into_iter().collect();
        let changes = |action: &Action| self.changes_links(state, action.event);
        all.into_iter().filter(changes).map(|action| (action, !within.contains(&action))).collect()
    }

    /// Is `event` no change of links, or one that changes something?
    fn changes_links(&self, state: &State, event: Event) -> bool {
        let is_cut_for_good = |a: NodeId, b: NodeId| self.cut & link(a, b) != 0;
        match event {
            Event::CutLink { a, b } => !self.is_cut(state, a, b),
            Event::HealLink { a, b } => self.is_cut(state, a, b) && !is_cut_for_good(a, b),
            Event::Partition { index } => self.cut_by(index) != state.cut,
            Event::Heal => state.cut != self.cut,
            _ => true,
        }
    }

    fn choice(&self, state: &State, action: Action, beyond: bool) -> Choice {
        let told = self.told(state, action.event);
        let who = self.clients() + told.who.0;
        Choice { label: self.label(state, action), kind: told.kind, who, from: told.from, beyond }
    }

    /// How each rule stands at the end of a walk, and the one that was broken first.
    fn standings(&self, walked: &Walked) -> (Vec<Standing>, Option<Box<Broken>>) {
        let fault = self.first_broken(walked, |state| self.can_be_judged(state));
        let fault = fault.map(|(at, broken)| (broken.rule.clone(), Err((at, broken))));
        let judge = |property: &Property<N, H>| (property.rule.clone(), self.judge_walk(walked, property));
        let judged: Vec<_> = fault.into_iter().chain(self.properties.iter().map(judge)).collect();
        let stands = |(rule, is): &(Rule, Result<Is, (usize, Box<Broken>)>)| {
            let rule = rule.clone();
            match is {
                Ok(is) => Standing { rule, is: is.clone() },
                Err((at, broken)) => {
                    Standing { rule, is: Is::Broken { why: broken.why.clone(), since: self.number(*at) } }
                }
            }
        };
        let rules = judged.iter().map(stands).collect();
        let first = judged.into_iter().filter_map(|(_, is)| is.err()).min_by_key(|(at, _)| *at);
        (rules, first.map(|(_, broken)| broken))
    }

    /// The number of the step that led to the state with this index.
    fn number(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.staged.len() + at }
    }

    fn first_broken(
        &self,
        walked: &Walked,
        test: impl Fn(&State) -> Result<(), Box<Broken>>,
    ) -> Option<(usize, Box<Broken>)> {
        let mut tests = walked.states.iter().map(test).enumerate();
        tests.find_map(|(at, tested)| tested.err().map(|broken| (at, broken)))
    }

    /// How a rule stands at the end of a walk, or where the walk first broke it. What the network's good behaviour would lead to
    /// is asked at the end alone. Where learner code did what no program may do, there is nothing to ask any more.
    fn judge_walk(&self, walked: &Walked, property: &Property<N, H>) -> Result<Is, (usize, Box<Broken>)> {
        let can_be_judged = self.can_be_judged(walked.here()).is_ok();
        match &property.expectation {
            Expectation::Sometimes(happens) => {
                let seen = walked.states.iter().any(|state| happens(&self.view(state)));
                return Ok(if seen { Is::Seen } else { Is::Unseen });
            }
            _ if !can_be_judged => {}
            // It would be a fault if it were broken.
            Expectation::EachTransition(_) => {}
            Expectation::Always(_) | Expectation::WholeRun(_) => {
                self.first_broken(walked, |state| self.test_claim(property, state)).map_or(Ok(()), Err)?;
            }
            Expectation::LeadsTo { .. } | Expectation::Settles { .. } => {
                let tested = self.test_promise(property, walked.here(), &mut Default::default());
                tested.map_err(|broken| (walked.steps.len(), broken))?;
            }
        }
        Ok(Is::Kept)
    }
}

/// A link has two ends, and its cut has two names: one is enough for a choice, and a saved run may use either.
fn is_twin(event: Event) -> bool {
    matches!(event, Event::CutLink { a, b } | Event::HealLink { a, b } if a < b)
}
