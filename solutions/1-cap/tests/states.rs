//! The testkit's search and stateright's own two find the same number of states on the models that stage 1 is graded on.

use std::collections::BTreeSet;

use cap_solution as subject;
use stateright::{Checker, Model};
use subject::abd::Abd;
use subject::lww::Lww;
use subject::naive::Naive;
use subject::orset::OrSet;
use subject::orset::Request::{Add, Elements, Remove};
use subject::paxos::{Paxos, Propose};
use subject::raft::prevote::PreVote;
use subject::raft::{Raft, Timer, store as kv};
use subject::register::Request::{Read, Write};
use testkit::cluster::{Cluster, History, Linearizable, Log, Occurrence, State};
use testkit::node::Node;
use testkit::search::{Bounds, Ended, Judge, search};

#[expect(dead_code, reason = "the checks use all of it, this test the objects")]
#[path = "../../../exercises/1-cap/tests/checks/spec.rs"]
mod spec;

#[path = "../../../exercises/1-cap/tests/checks/set.rs"]
mod set;

use set::Set;
use spec::{Register, register};

/// Passes every state.
struct Anything;

impl<M: Model> Judge<M> for Anything {
    type Violation = ();

    fn judge(&mut self, _: &M, _: &M::State) -> Result<(), ()> {
        Ok(())
    }
}

/// Searches all states of `cluster` three times. Its only property is that no learner code fails; it holds, so none of
/// stateright's searches stops early.
fn the_searches_agree<N: Node, H: History<N>>(cluster: impl Fn() -> Cluster<N, H>) {
    let ours = search(&cluster(), Bounds::exhaustive(20_000_000), &mut Anything);
    assert!(matches!(ours.ended, Ended::Exhausted));
    let breadth_first = cluster().checker().spawn_bfs().join().unique_state_count();
    assert_eq!(ours.states, breadth_first, "ours, and stateright's breadth-first search");
    let depth_first = cluster().checker().spawn_dfs().join().unique_state_count();
    assert_eq!(ours.states, depth_first, "ours, and stateright's depth-first search");
    println!("{} states, {} steps, {} deep", ours.states, ours.transitions, ours.depth);
}

fn abd(size: usize) -> Cluster<Abd, Linearizable<Register>> {
    Cluster::new(size, register())
}

#[test]
fn on_the_quorum_register() {
    the_searches_agree(|| abd(1).client(&[0], [Write(1), Read]));
    the_searches_agree(|| abd(2).client(&[0], [Write(1), Write(2)]).client(&[1], [Read, Read]));
    the_searches_agree(|| abd(2).client(&[0], [Write(1)]).client(&[1], [Read]).duplicates(1));
    the_searches_agree(|| abd(3).client(&[0], [Write(1)]).client(&[1], [Read]).leaving_out_ignored());
    the_searches_agree(|| abd(3).client(&[0], [Write(1)]).client(&[1], [Read]).crashes(1).leaving_out_ignored());
    the_searches_agree(|| abd(3).split(&[&[0], &[1, 2]]).client(&[0], [Write(1)]).client(&[1], [Write(2), Read]));
}

#[test]
fn no_two_steps_of_the_quorum_register_share_a_label() {
    /// Looks at the labels of all steps that a state allows.
    struct Labels;

    impl Judge<Cluster<Abd, Linearizable<Register>>> for Labels {
        type Violation = String;

        fn judge(&mut self, cluster: &Cluster<Abd, Linearizable<Register>>, state: &State) -> Result<(), String> {
            let (mut actions, mut labels) = (Vec::new(), BTreeSet::new());
            cluster.actions(state, &mut actions);
            let mut called = actions.into_iter().map(|action| cluster.label(state, action));
            called.find(|label| !labels.insert(label.clone())).map_or(Ok(()), Err)
        }
    }

    let cluster = abd(3).client(&[0, 1], [Write(1)]).client(&[1], [Read]).crashes(1).duplicates(1).lost_replies(1);
    let found = search(&cluster.leaving_out_ignored(), Bounds::exhaustive(30_000), &mut Labels);
    assert!(!matches!(found.ended, Ended::Violated { .. }), "shared: {:?}", found.ended);
}

#[test]
fn on_the_last_writer_wins_register() {
    let three = || Cluster::<Lww>::new(3, ()).client(&[0], [Write(1), Write(4)]).client(&[1], [Write(2)]);
    the_searches_agree(|| three().client(&[2], [Write(3)]));
    the_searches_agree(|| three().duplicates(1));
    the_searches_agree(|| three().crashes(2));
    the_searches_agree(|| Cluster::<Lww, _>::new(2, register()).client(&[0], [Write(1)]).client(&[1], [Read]));
}

#[test]
fn on_the_observed_remove_set() {
    let two = || Cluster::<OrSet, _>::new(2, Linearizable::new(Set::default())).client(&[0], [Add(1), Remove(1)]);
    the_searches_agree(|| two().client(&[1], [Elements, Add(1)]));
    the_searches_agree(|| two().client(&[1], [Remove(1)]).duplicates(1).track_causes());
    let three = || Cluster::<OrSet>::new(3, ()).client(&[0], [Add(1), Remove(1)]);
    the_searches_agree(|| three().client(&[1], [Add(1)]).client(&[2], [Remove(1)]));
    let concurrent = || Cluster::<OrSet>::new(3, ()).client(&[0], [Add(1)]).client(&[1], [Add(1), Remove(1)]);
    the_searches_agree(|| concurrent().client(&[2], [Remove(1)]).track_causes());
}

#[test]
fn on_the_naive_register() {
    let cluster = || Cluster::<Naive, _>::new(3, register()).client(&[0], [Write(1)]).client(&[1], [Write(2), Read]);
    the_searches_agree(cluster);
    the_searches_agree(|| cluster().partitions(&[&[&[0], &[1, 2]]], 2));
    the_searches_agree(|| cluster().crashes(1).drops(1));
    the_searches_agree(|| Cluster::<Naive, _>::new(2, Log::default()).client(&[0, 1], [Write(1), Read]).retries(1));
}

/// So many elections and heartbeats in all, and clients that are sent on.
fn raft<N>(size: usize, timeouts: u8) -> Cluster<N>
where
    N: Node<Request = kv::Request, Response = kv::Response>,
{
    let cluster = Cluster::new(size, ()).refusals(|response| matches!(response, kv::Response::NotLeader { .. }));
    cluster.limit(timeouts, |occurrence| matches!(occurrence, Occurrence::Timeout { .. }))
}

#[test]
fn on_raft() {
    let put = || [kv::Request::Put('x', 1)];
    the_searches_agree(|| raft::<Raft>(1, 3).client(&[0], put()).restarts(1));
    the_searches_agree(|| raft::<Raft>(2, 3).client(&[0, 1], put()));
    the_searches_agree(|| raft::<Raft>(2, 3).client(&[0, 1], put()).restarts(1).leaving_out_ignored());
    the_searches_agree(|| raft::<Raft>(2, 3).client(&[0, 1], put()).retries(1).lost_replies(1).leaving_out_ignored());
    the_searches_agree(|| raft::<Raft>(3, 1).fires_first(0, Timer::Election).leaving_out_ignored());
    the_searches_agree(|| raft::<PreVote>(2, 3).client(&[0, 1], put()).leaving_out_ignored());
}

#[test]
fn on_paxos() {
    let proposers = |size| Cluster::<Paxos>::new(size, ()).client(&[0], [Propose(1)]).client(&[1], [Propose(2)]);
    let paxos = move |size| proposers(size).limit(1, |step| matches!(step, Occurrence::Timeout { .. }));
    the_searches_agree(|| paxos(2));
    the_searches_agree(|| paxos(2).duplicates(1).restarts(1).leaving_out_ignored());
    the_searches_agree(|| paxos(3).limit(0, |step| matches!(step, Occurrence::Timeout { .. })).leaving_out_ignored());
}

#[test]
#[ignore = "takes a minute: cargo test -p cap-solution --test states -- --ignored"]
fn on_the_largest_models() {
    let writers = || abd(3).client(&[0], [Write(1)]).client(&[1], [Write(2)]).client(&[2], [Read]);
    the_searches_agree(|| writers().leaving_out_ignored());
    let at_one = || abd(3).client(&[0], [Write(1)]).client(&[0], [Read]).client(&[1], [Read]);
    the_searches_agree(|| at_one().leaving_out_ignored());
    let doubled = || abd(3).client(&[0], [Write(1), Write(2)]).client(&[1], [Read]).duplicates(1);
    the_searches_agree(|| doubled().leaving_out_ignored());
    let readers = || abd(3).client(&[0], [Write(1)]).client(&[1], [Read]).client(&[2], [Read]);
    the_searches_agree(|| readers().leaving_out_ignored());
    let elections = || raft::<Raft>(3, 3).fires_first(0, Timer::Election).client(&[0, 1], [kv::Request::Put('x', 1)]);
    the_searches_agree(|| elections().leaving_out_ignored());
    let four = || abd(4).client(&[0], [Write(1)]).client(&[1], [Read]).duplicates(1);
    the_searches_agree(|| four().leaving_out_ignored());
}
