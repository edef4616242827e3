//! A label names one step: of all steps that are possible in a state, no two share theirs.

use std::collections::BTreeSet;

use stateright::Model;
use testkit::cluster::{Cluster, History, Occurrence};
use testkit::node::Node;
use testkit::samples::{Ask, Counter, Courier, Errand};

use crate::walk::reachable;

fn each_label_names_one_step<N: Node, H: History<N>>(cluster: &Cluster<N, H>) {
    for state in reachable(cluster) {
        let mut actions = Vec::new();
        cluster.actions(&state, &mut actions);
        let mut labels = BTreeSet::new();
        for action in actions {
            let label = cluster.label(&state, action);
            assert!(labels.insert(label.clone()), "two steps are called \"{label}\"");
        }
    }
}

#[test]
fn on_counters_with_every_fault() {
    let counters = || Cluster::<Counter<true>>::new(2, ()).client(&[0, 1], [Ask::Add]).client(&[0], [Ask::Add]);
    each_label_names_one_step(&counters().crashes(1).restarts(1));
    each_label_names_one_step(&counters().duplicates(1).drops(1));
    each_label_names_one_step(&counters().lost_replies(1).retries(1));
    each_label_names_one_step(&counters().partitions(&[&[&[0], &[1]]], 2).track_causes());
}

#[test]
fn on_couriers() {
    let fires = |occurrence: &Occurrence<'_, _>| matches!(occurrence, Occurrence::Timeout { .. });
    let cluster = Cluster::<Courier<true>>::new(2, ()).client(&[0], [Errand, Errand]).limit(2, fires);
    each_label_names_one_step(&cluster.drops(1).duplicates(1));
}
