//! Requests, replies, retries, and what reaches the history.

use testkit::cluster::{Cluster, Log};
use testkit::history::Operation;
use testkit::node::{ClientId, RequestId};

use crate::puppet::Do::{Answer, AnswerWhenTold, Remember, Tell};
use crate::puppet::{ANSWER, Puppet};
use crate::walk::Walk;

fn cluster() -> Cluster<Puppet, Log<Puppet>> {
    Cluster::new(2, Log::default())
}

/// What was answered to each request.
fn answers(walk: &Walk<Puppet, Log<Puppet>>) -> Vec<Option<u32>> {
    let answer = |operation: &Operation<_, u32>| operation.returned.map(|(_, answer)| answer);
    walk.view().history().operations.iter().map(answer).collect()
}

#[test]
fn a_client_makes_one_request_at_a_time() {
    let walk = Walk::new(cluster().client(&[0], [vec![], vec![Answer(1)]])).then(["c0 asks n0: []"]);
    assert!(walk.possible().is_empty(), "it waits for its first answer");
    assert_eq!(walk.view().waiting(ClientId(0)), Some(RequestId { client: ClientId(0), number: 0 }));
    assert_eq!((walk.view().answered(ClientId(0)), walk.view().is_finished()), (0, false));
}

#[test]
fn a_client_may_ask_any_of_its_servers() {
    let walk = Walk::new(cluster().client(&[0, 1], [vec![Answer(1)]]));
    assert_eq!(walk.possible(), ["c0 asks n0: [Answer(1)]", "c0 asks n1: [Answer(1)]"]);
    let walk = walk.then(["c0 asks n1: [Answer(1)]"]);
    assert_eq!(answers(&walk), [Some(1)]);
    assert!(walk.view().is_finished() && walk.view().waiting(ClientId(0)).is_none());
}

#[test]
fn a_client_asks_only_servers_that_are_up() {
    let walk = Walk::new(cluster().client(&[0, 1], [vec![Answer(1)]]).crashes(1)).then(["n0 crashes"]);
    assert_eq!(walk.possible(), ["c0 asks n1: [Answer(1)]"]);
}

#[test]
fn a_lost_reply_and_a_retry_are_one_operation() {
    let walk = Walk::new(cluster().client(&[0], [vec![Answer(1)]]).lost_replies(1).retries(1));
    let walk = walk.then(["c0 asks n0: [Answer(1)]; the reply is lost"]);
    assert_eq!(answers(&walk), [None]);
    let walk = walk.then(["c0 asks n0 again: [Answer(1)]"]);
    assert_eq!(answers(&walk), [Some(1)], "the retry is no second operation");
    assert!(walk.possible().is_empty());
}

#[test]
fn only_a_step_that_replies_can_lose_a_reply() {
    let walk = Walk::new(cluster().client(&[0], [vec![Tell(1, 5)]]).lost_replies(1));
    assert_eq!(walk.possible(), ["c0 asks n0: [Tell(1, 5)]"]);
}

#[test]
fn a_retry_may_go_to_another_server_within_the_budget() {
    let walk = Walk::new(cluster().client(&[0, 1], [vec![]]).retries(1)).then(["c0 asks n0: []"]);
    assert_eq!(walk.possible(), ["c0 asks n0 again: []", "c0 asks n1 again: []"]);
    assert!(walk.then(["c0 asks n1 again: []"]).possible().is_empty());
}

#[test]
fn a_second_reply_is_ignored() {
    let request = vec![AnswerWhenTold, Tell(0, ANSWER), Tell(0, ANSWER)];
    let walk = Walk::new(cluster().client(&[0], [request]));
    let walk = walk.then(["c0 asks n0: [AnswerWhenTold, Tell(0, 0), Tell(0, 0)]", "n0 receives 0 from n0"]);
    let before = walk.view().history().clone();
    let walk = walk.then(["n0 receives 0 from n0"]);
    assert_eq!((answers(&walk), walk.view().history()), (vec![Some(7)], &before));
}

#[test]
fn a_reply_to_an_earlier_request_is_ignored() {
    let first = vec![AnswerWhenTold, Tell(0, ANSWER), Tell(0, ANSWER)];
    let walk = Walk::new(cluster().client(&[0], [first, vec![]]));
    let walk =
        walk.then(["c0 asks n0: [AnswerWhenTold, Tell(0, 0), Tell(0, 0)]", "n0 receives 0 from n0", "c0 asks n0: []"]);
    let walk = walk.then(["n0 receives 0 from n0"]);
    assert_eq!(answers(&walk), [Some(7), None], "the second request still waits");
}

/// The answer 0 says that the server has not taken the request.
fn refusing() -> Cluster<Puppet, Log<Puppet>> {
    cluster().refusals(|answer| *answer == 0)
}

#[test]
fn a_refusal_is_no_answer_and_asking_elsewhere_costs_no_retry() {
    let walk = Walk::new(refusing().client(&[0, 1], [vec![Remember(1), Answer(0)]]));
    let walk = walk.then(["c0 asks n0: [Remember(1), Answer(0)]"]);
    assert_eq!(answers(&walk), [None]);
    assert_eq!(
        walk.possible(),
        ["c0 asks n1 again: [Remember(1), Answer(0)]"],
        "n0 would refuse again, and be the same"
    );
}

#[test]
fn a_refusal_that_changes_nothing_need_not_be_asked_for() {
    let walk = Walk::new(refusing().client(&[0, 1], [vec![Answer(0)]]));
    assert!(walk.possible().is_empty(), "{:?}", walk.possible());
    let walk = Walk::new(refusing().client(&[0, 1], [vec![Answer(1)]]));
    assert_eq!(walk.possible().len(), 2, "an answer is something else");
}

#[test]
fn a_lost_refusal_leaves_its_client_waiting() {
    let walk = Walk::new(refusing().client(&[0, 1], [vec![Remember(1), Answer(0)]]).lost_replies(1));
    let walk = walk.then(["c0 asks n0: [Remember(1), Answer(0)]; the reply is lost"]);
    assert!(walk.possible().is_empty(), "it knows nothing of the refusal, and has no retry: {:?}", walk.possible());
}
