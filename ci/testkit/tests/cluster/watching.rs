//! Histories that look at what becomes of servers.

use testkit::cluster::{Cluster, History, Invocation, Linearizable, Log, SequentialSpec};
use testkit::node::{NodeId, RequestId};
use testkit::samples::{Ask, Counter};

use crate::walk::Walk;

/// What each server counted before and after each change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Changes(Vec<(NodeId, Option<u32>, u32)>);

impl History<Counter<true>> for Changes {
    const WATCHES_SERVERS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Counter<true>>) {}

    fn returned(&mut self, _: RequestId, _: &u32) {}

    fn server_changed(&mut self, server: NodeId, before: Option<&Counter<true>>, after: &Counter<true>) {
        self.0.push((server, before.map(Counter::count), after.count()));
    }
}

#[test]
fn each_change_of_a_server_is_told_once() {
    let cluster =
        Cluster::<Counter<true>, _>::new(2, Changes::default()).client(&[0], [Ask::Add, Ask::Get]).restarts(1);
    let walk = Walk::new(cluster).then(["c0 asks n0: Add", "c0 asks n0: Get", "n0 crashes and restarts"]);
    let (n0, n1) = (NodeId(0), NodeId(1));
    // Both start; n0 adds; to get changes nothing; n0 starts anew, from nothing but what it saved.
    assert_eq!(walk.view().history().0, [(n0, None, 0), (n1, None, 0), (n0, Some(0), 1), (n0, None, 1)]);
}

/// One counter, when there is one copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Count(u32);

impl SequentialSpec for Count {
    type Op = Ask;
    type Ret = u32;

    fn invoke(&mut self, ask: &Ask) -> u32 {
        self.0 += u32::from(*ask == Ask::Add);
        self.0
    }
}

#[test]
fn two_histories_are_kept_side_by_side() {
    let history = (Linearizable::new(Count::default()), (Log::default(), Changes::default()));
    let cluster = Cluster::<Counter<true>, _>::new(2, history).client(&[0], [Ask::Add]).client(&[1], [Ask::Get]);
    let walk = Walk::new(cluster).then(["c0 asks n0: Add", "c1 asks n1: Get"]);
    let view = walk.view();
    let (linearizable, (log, changes)) = view.history();
    assert!(!linearizable.holds(), "n1 had not heard of the addition");
    assert_eq!((log.operations.len(), changes.0.len()), (2, 3));
}
