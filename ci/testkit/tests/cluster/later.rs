//! Code that a later task writes.

use testkit::alone::Alone;
use testkit::check::FailureKind;
use testkit::cluster::Cluster;
use testkit::node::NodeId;

use crate::puppet::Do::{Answer, Panic, Remember, Tell, Todo};
use crate::puppet::{Do, Puppet};
use crate::walk::Walk;
use crate::{ALL, aloud};

fn told(request: Vec<Do>) -> Cluster<Puppet> {
    aloud::listen();
    Cluster::new(2, ()).client(&[0], [request])
}

#[test]
fn a_handler_ends_where_a_later_task_begins() {
    let cluster = told(vec![Remember(1), Tell(1, 5), Todo, Remember(2), Answer(0)]).later_tasks(&["cluster/puppet.rs"]);
    assert!(cluster.prove(ALL, None).is_ok());
    let walk = Walk::new(cluster).then(["c0 asks n0: [Remember(1), Tell(1, 5), Todo, Remember(2), Answer(0)]"]);
    assert_eq!(walk.view().server(NodeId(0)).map(|puppet| puppet.remembered), Some(1));
    assert_eq!(walk.possible(), ["n1 receives 5 from n0"], "what was done before it stays done");
}

#[test]
fn a_request_that_only_meets_a_later_task_is_not_made() {
    assert!(Walk::new(told(vec![Todo]).later_tasks(&["cluster/puppet.rs"])).possible().is_empty());
}

#[test]
fn a_todo_elsewhere_is_unwritten_code() {
    let finding =
        told(vec![Remember(1), Todo]).later_tasks(&["cluster/pup.rs", "other.rs"]).prove(ALL, None).unwrap_err();
    assert_eq!(finding.kind, FailureKind::Unwritten);
}

#[test]
fn a_panic_in_a_later_task_is_a_panic() {
    let finding = told(vec![Remember(1), Panic]).later_tasks(&["cluster/puppet.rs"]).prove(ALL, None).unwrap_err();
    assert_eq!(finding.kind, FailureKind::Panicked);
}

#[test]
fn a_server_alone_says_where_its_handler_ended() {
    aloud::listen();
    let mut puppet = Alone::<Puppet>::start(2, None, &["cluster/puppet.rs"]);
    assert_eq!(puppet.is_asked(vec![Tell(1, 5), Todo, Tell(1, 6)]).len(), 1);
    assert!(
        puppet.hole().is_some_and(|at| at.starts_with("ci/testkit/tests/cluster/puppet.rs:")),
        "{:?}",
        puppet.hole()
    );
    puppet.is_asked(vec![Tell(1, 5)]);
    assert_eq!(puppet.hole(), None);
}
