//! The cluster in stateright's language, so that its checkers run on it too.

use std::borrow::Cow;

use stateright::{Model, Property};

use super::state::{Action, State};
use super::{Cluster, Expectation, History};
use crate::node::Node;
use crate::rule::Rule;

impl<N: Node, H: History<N>> Model for Cluster<N, H> {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.initial()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.enabled(state, actions);
    }

    fn next_state(&self, last_state: &State, action: Action) -> Option<State> {
        let mut state = last_state.with_room();
        self.apply(&mut state, action);
        Some(state)
    }

    /// The rules that stateright can test. Its `eventually` is another notion than a fair suffix, so those are left out.
    fn properties(&self) -> Vec<Property<Self>> {
        // A property is a plain function, without a closure's context. So rule number I gets the I-th of these.
        macro_rules! conditions {
            ($($rule:literal)*) => { [$(|cluster, state| cluster.test_rule($rule, state)),*] };
        }
        let conditions: [fn(&Self, &State) -> bool; 12] = conditions!(0 1 2 3 4 5 6 7 8 9 10 11);
        let faultless = Property::always("no fault", |cluster: &Self, state| cluster.view(state).fault().is_none());
        assert!(self.properties.len() <= conditions.len(), "a cluster has room for {} rules", conditions.len());
        let rules =
            self.properties.iter().zip(conditions).filter_map(|(property, condition)| match property.expectation {
                Expectation::Always(_) | Expectation::WholeRun(_) => {
                    Some(Property::always(name(&property.rule), condition))
                }
                Expectation::Sometimes(_) => Some(Property::sometimes(name(&property.rule), condition)),
                // A broken rule about a transition is a fault.
                Expectation::EachTransition(_) | Expectation::LeadsTo { .. } | Expectation::Settles { .. } => None,
            });
        std::iter::once(faultless).chain(rules).collect()
    }
}

fn name(rule: &Rule) -> &'static str {
    match &rule.name {
        Cow::Borrowed(name) => name,
        // A model lives as long as the check, and has a handful of rules.
        Cow::Owned(name) => name.clone().leak(),
    }
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    fn test_rule(&self, rule: usize, state: &State) -> bool {
        match &self.properties[rule].expectation {
            Expectation::Always(holds) | Expectation::WholeRun(holds) => holds(&self.view(state)).is_ok(),
            Expectation::Sometimes(happens) => happens(&self.view(state)),
            Expectation::EachTransition(_) | Expectation::LeadsTo { .. } | Expectation::Settles { .. } => true,
        }
    }
}
