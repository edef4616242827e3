//! The cluster in stateright's language, so that its checkers and its Explorer run on it too.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use stateright::{Model, Path, Property};

use super::state::{Action, State};
use super::{Cluster, Expectation, History};
use crate::node::Node;
use crate::rule::Rule;
use crate::trace::{Producer, svg};

/// A model whose states are, at their core, states of a cluster.
trait OfCluster<N: Node, H: History<N>>: Model {
    fn look<'a>(&'a self, state: &'a Self::State) -> (&'a Cluster<N, H>, &'a State);

    /// The rules that stateright can test. Its `eventually` is another notion than a fair suffix, so those are left out.
    fn rules_for_stateright(&self, cluster: &Cluster<N, H>) -> Vec<Property<Self>> {
        // A property is a plain function, without a closure's context. So rule number I gets the I-th of these.
        macro_rules! conditions {
            ($($rule:literal)*) => {
                [$(|model, state| { let (cluster, state) = model.look(state); cluster.test_rule($rule, state) }),*]
            };
        }
        let conditions: [fn(&Self, &Self::State) -> bool; 12] = conditions!(0 1 2 3 4 5 6 7 8 9 10 11);
        let faultless = Property::always("no fault", |model: &Self, state| {
            let (cluster, state) = model.look(state);
            cluster.view(state).fault().is_none()
        });
        assert!(cluster.properties.len() <= conditions.len(), "a cluster has room for {} rules", conditions.len());
        let rules =
            cluster.properties.iter().zip(conditions).filter_map(|(property, condition)| match property.expectation {
                Expectation::Always(_) | Expectation::WholeRun(_) => {
                    Some(Property::always(name(&property.rule), condition))
                }
                Expectation::Sometimes(_) => Some(Property::sometimes(name(&property.rule), condition)),
                Expectation::LeadsTo { .. } | Expectation::Settles { .. } => None,
            });
        std::iter::once(faultless).chain(rules).collect()
    }
}

impl<N: Node, H: History<N>> OfCluster<N, H> for Cluster<N, H> {
    fn look<'a>(&'a self, state: &'a State) -> (&'a Cluster<N, H>, &'a State) {
        (self, state)
    }
}

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
        let mut state = last_state.clone();
        self.apply(&mut state, action);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.rules_for_stateright(self)
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
            Expectation::LeadsTo { .. } | Expectation::Settles { .. } => true,
        }
    }

    /// A state in words, for a person.
    pub fn describe(&self, state: &State) -> String {
        let view = self.view(state);
        let mut text = String::new();
        for id in (0..self.size).map(crate::node::NodeId) {
            match view.server(id) {
                Some(node) => text += &format!("{id}: {node:#?}\n"),
                None => text += &format!("{id}: crashed\n"),
            }
        }
        for (from, to, message) in view.in_flight() {
            text += &format!("on its way from {from} to {to}: {message:?}\n");
        }
        for client in (0..self.clients()).map(crate::node::ClientId) {
            if let Some(request) = view.waiting(client) {
                text += &format!("{client} waits for the answer to {request}\n");
            }
        }
        text + &format!("history: {:?}", view.history())
    }
}

/// A cluster for stateright's Explorer: states and steps carry their own words.
pub struct Explorable<N: Node, H: History<N>> {
    cluster: Cluster<N, H>,
}

impl<N: Node, H: History<N>> From<Cluster<N, H>> for Explorable<N, H> {
    fn from(cluster: Cluster<N, H>) -> Self {
        Explorable { cluster }
    }
}

/// A value together with how it is shown. Only the value counts when two are compared.
#[derive(Clone)]
pub struct Worded<T> {
    value: T,
    words: String,
}

impl<T: PartialEq> PartialEq for Worded<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Hash> Hash for Worded<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.value.hash(hasher);
    }
}

impl<T> fmt::Debug for Worded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl<N: Node, H: History<N>> Explorable<N, H> {
    fn worded(&self, state: State) -> Worded<State> {
        Worded { words: self.cluster.describe(&state), value: state }
    }
}

impl<N: Node, H: History<N>> OfCluster<N, H> for Explorable<N, H> {
    fn look<'a>(&'a self, state: &'a Worded<State>) -> (&'a Cluster<N, H>, &'a State) {
        (&self.cluster, &state.value)
    }
}

impl<N: Node, H: History<N>> Model for Explorable<N, H> {
    type State = Worded<State>;
    type Action = Worded<Action>;

    fn init_states(&self) -> Vec<Self::State> {
        vec![self.worded(self.cluster.initial())]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        let mut plain = Vec::new();
        self.cluster.enabled(&state.value, &mut plain);
        actions.extend(plain.into_iter().map(|value| Worded { words: self.cluster.label(&state.value, value), value }));
    }

    fn next_state(&self, last_state: &Self::State, action: Self::Action) -> Option<Self::State> {
        self.cluster.next_state(&last_state.value, action.value).map(|state| self.worded(state))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.rules_for_stateright(&self.cluster)
    }

    fn as_svg(&self, path: Path<Self::State, Self::Action>) -> Option<String> {
        let steps: Vec<_> = path.into_actions().into_iter().map(|action| action.value).collect();
        Some(svg::render(&self.cluster.trace(Producer::Model, &steps)))
    }
}
