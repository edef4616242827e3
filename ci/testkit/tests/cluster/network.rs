//! Order, duplicates, losses, partitions, causes, and what may be left out.

use std::collections::BTreeSet;

use testkit::cluster::{Causes, Cluster, History, Invocation, Occurrence};
use testkit::node::{ClientId, NodeId, RequestId};
use testkit::samples::{Courier, Errand, Parcel};

use crate::puppet::Do::{Answer, Tell};
use crate::puppet::{Puppet, Puppetry};
use crate::walk::{Walk, reachable};

fn told(size: usize, request: Puppetry) -> Walk<Puppet, ()> {
    Walk::new(Cluster::new(size, ()).client(&[0], [request]))
}

fn heard(walk: &Walk<Puppet, ()>, server: usize) -> &[u32] {
    &walk.view().server(NodeId(server)).expect("it is up").heard
}

#[test]
fn messages_arrive_in_any_order() {
    let walk = told(2, vec![Tell(1, 5), Tell(1, 6)]).then(["c0 asks n0: [Tell(1, 5), Tell(1, 6)]"]);
    assert_eq!(walk.possible(), ["n1 receives 5 from n0", "n1 receives 6 from n0"]);
    assert_eq!(heard(&walk.then(["n1 receives 6 from n0", "n1 receives 5 from n0"]), 1), [6, 5]);
}

#[test]
fn equal_messages_are_one_step_and_arrive_both() {
    let walk = told(2, vec![Tell(1, 5), Tell(1, 5)]).then(["c0 asks n0: [Tell(1, 5), Tell(1, 5)]"]);
    assert_eq!(walk.possible(), ["n1 receives 5 from n0"]);
    assert_eq!(heard(&walk.then(["n1 receives 5 from n0", "n1 receives 5 from n0"]), 1), [5, 5]);
}

#[test]
fn a_message_arrives_once_unless_a_duplicate_is_allowed() {
    let walk = told(2, vec![Tell(1, 5)]).then(["c0 asks n0: [Tell(1, 5)]", "n1 receives 5 from n0"]);
    assert!(walk.possible().is_empty());
    let twice = Walk::new(Cluster::new(2, ()).client(&[0], [vec![Tell(1, 5)]]).duplicates(1));
    let walk = twice.then(["c0 asks n0: [Tell(1, 5)]", "n1 receives 5 from n0, and a copy stays on its way"]);
    assert_eq!(walk.possible(), ["n1 receives 5 from n0"], "the budget is spent");
    let walk = walk.then(["n1 receives 5 from n0"]);
    assert_eq!(heard(&walk, 1), [5, 5]);
    assert!(walk.possible().is_empty());
}

#[test]
fn a_loss_takes_the_message_and_the_budget() {
    let losing = Walk::new(Cluster::<Puppet>::new(2, ()).client(&[0], [vec![Tell(1, 5), Tell(1, 6)]]).drops(1));
    let walk = losing.then(["c0 asks n0: [Tell(1, 5), Tell(1, 6)]", "the network loses 5 from n0 to n1"]);
    assert_eq!(walk.possible(), ["n1 receives 6 from n0"]);
}

#[test]
fn a_partition_holds_messages_and_heals() {
    let cluster = Cluster::new(3, ()).client(&[0], [vec![Tell(1, 5), Tell(2, 6)]]);
    let walk = Walk::new(cluster.partitions(&[&[&[0, 2], &[1]]], 2));
    let walk = walk.then(["c0 asks n0: [Tell(1, 5), Tell(2, 6)]", "the network splits: n0 n2 | n1"]);
    assert!(walk.view().is_cut(NodeId(0), NodeId(1)) && walk.view().is_cut(NodeId(1), NodeId(2)));
    assert!(!walk.view().is_cut(NodeId(0), NodeId(2)));
    assert_eq!(walk.possible(), ["n2 receives 6 from n0", "the network heals"]);
    let walk = walk.then(["the network heals", "n1 receives 5 from n0"]);
    assert_eq!(heard(&walk, 1), [5]);
    assert!(!walk.can("the network splits: n0 n2 | n1"), "the budget is spent");
}

#[test]
fn a_server_that_no_group_names_is_alone() {
    let walk = Walk::new(Cluster::<Puppet>::new(3, ()).partitions(&[&[&[0, 1]]], 1));
    let walk = walk.then(["the network splits: n0 n1"]);
    assert!(walk.view().is_cut(NodeId(0), NodeId(2)) && walk.view().is_cut(NodeId(1), NodeId(2)));
    assert!(!walk.view().is_cut(NodeId(0), NodeId(1)));
}

#[test]
fn a_split_is_there_from_the_start_and_stays() {
    let cluster = || Cluster::<Puppet>::new(3, ()).client(&[0], [vec![Tell(1, 5)]]).split(&[&[0], &[1, 2]]);
    let walk = Walk::new(cluster()).then(["c0 asks n0: [Tell(1, 5)]"]);
    assert!(walk.possible().is_empty());
    // A partition on top of it heals; the split does not.
    let walk = Walk::new(cluster().partitions(&[&[&[0, 1], &[2]]], 2)).then(["the network splits: n0 n1 | n2"]);
    assert!(walk.view().is_cut(NodeId(0), NodeId(1)) && walk.view().is_cut(NodeId(1), NodeId(2)));
    let walk = walk.then(["the network heals"]);
    assert!(walk.view().is_cut(NodeId(0), NodeId(1)) && !walk.view().is_cut(NodeId(1), NodeId(2)));
}

/// What each request's server can have heard of before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Heard(Vec<Causes>);

impl History<Puppet> for Heard {
    fn invoked(&mut self, invocation: Invocation<'_, Puppet>) {
        self.0.push(invocation.causes);
    }

    fn returned(&mut self, _: RequestId, _: &u32) {}
}

#[test]
fn causes_follow_messages_and_nothing_else() {
    let cluster = Cluster::new(3, Heard::default())
        .track_causes()
        .client(&[0], [vec![Tell(1, 5), Answer(0)]])
        .client(&[1], [vec![Answer(0)], vec![Answer(0)]])
        .client(&[2], [vec![Answer(0)]]);
    let walk = Walk::new(cluster).then([
        "c0 asks n0: [Tell(1, 5), Answer(0)]",
        "c1 asks n1: [Answer(0)]",
        "n1 receives 5 from n0 (caused by request 1)",
        "c1 asks n1: [Answer(0)]",
        "c2 asks n2: [Answer(0)]",
    ]);
    assert_eq!(walk.view().history().0, [0b0000, 0b0000, 0b0011, 0b0000]);
}

#[test]
fn a_retry_carries_its_request_to_another_server() {
    let cluster = Cluster::new(2, Heard::default()).track_causes().retries(1);
    let walk = Walk::new(cluster.client(&[0, 1], [vec![]]).client(&[1], [vec![Answer(0)]]));
    let walk = walk.then(["c0 asks n0: []", "c0 asks n1 again: []", "c1 asks n1: [Answer(0)]"]);
    assert_eq!(walk.view().history().0, [0b00, 0b01]);
}

fn errand() -> Cluster<Courier<true>> {
    let fires = |occurrence: &Occurrence<'_, _>| matches!(occurrence, Occurrence::Timeout { .. });
    Cluster::new(2, ()).client(&[0], [Errand, Errand]).limit(2, fires).duplicates(1)
}

/// What the servers and clients of each reachable state look like, whatever is on its way.
fn looks(cluster: &Cluster<Courier<true>>) -> BTreeSet<String> {
    let look = |state| {
        let view = cluster.view(state);
        let servers: Vec<_> = view.servers().collect();
        format!("{servers:?}, {:?}", view.waiting(ClientId(0)))
    };
    reachable(cluster).iter().map(look).collect()
}

#[test]
fn leaving_out_ignored_messages_adds_no_behaviour() {
    let (all, some) = (errand(), errand().leaving_out_ignored());
    assert!(looks(&some).is_subset(&looks(&all)));
    assert!(reachable(&some).len() < reachable(&all).len());
}

#[test]
fn no_message_on_its_way_would_be_ignored_where_those_are_left_out() {
    let cluster = errand().leaving_out_ignored();
    for state in reachable(&cluster) {
        for (_, to, parcel) in cluster.view(&state).in_flight() {
            let receiver = format!("{:?}", cluster.view(&state).server(to).unwrap());
            let idle = receiver.contains("None");
            assert!(!(idle && *parcel == Parcel::Receipt), "{receiver} would ignore {parcel:?}");
        }
    }
}
