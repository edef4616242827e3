//! One run of a cluster, step by step. A step is named as a trace names it: "n1 receives 5 from n0".

use stateright::Model;
use testkit::cluster::{Action, Cluster, History, State, View};
use testkit::node::Node;

pub struct Walk<N: Node, H: History<N>> {
    cluster: Cluster<N, H>,
    state: State,
}

impl<N: Node, H: History<N>> Walk<N, H> {
    pub fn new(cluster: Cluster<N, H>) -> Self {
        Walk { state: cluster.initial(), cluster }
    }

    /// Takes the steps with these labels.
    pub fn then<const COUNT: usize>(mut self, labels: [&str; COUNT]) -> Self {
        for label in labels {
            let action = self.actions().into_iter().find(|action| self.cluster.label(&self.state, *action) == label);
            let action = action.unwrap_or_else(|| panic!("\"{label}\" is not possible, but {:#?}", self.possible()));
            self.state = self.cluster.next_state(&self.state, action).expect("a possible step leads to a state");
        }
        self
    }

    /// What may happen next.
    pub fn possible(&self) -> Vec<String> {
        self.actions().into_iter().map(|action| self.cluster.label(&self.state, action)).collect()
    }

    pub fn can(&self, label: &str) -> bool {
        self.possible().iter().any(|possible| possible == label)
    }

    pub fn view(&self) -> View<'_, N, H> {
        self.cluster.view(&self.state)
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        self.cluster.actions(&self.state, &mut actions);
        actions
    }
}

/// Every reachable state of a small cluster.
pub fn reachable<N: Node, H: History<N>>(cluster: &Cluster<N, H>) -> Vec<State> {
    let mut states = vec![cluster.initial()];
    let mut next = 0;
    while next < states.len() {
        let mut actions = Vec::new();
        cluster.actions(&states[next], &mut actions);
        for action in actions {
            let state = cluster.next_state(&states[next], action).expect("a possible step leads to a state");
            if !states.contains(&state) {
                states.push(state);
            }
        }
        next += 1;
    }
    states
}
