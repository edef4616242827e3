//! Timers, crashes, restarts, and what survives them.

use testkit::cluster::{Cluster, Occurrence};
use testkit::node::{ClientId, NodeId};

use crate::puppet::Do::{Answer, Arm, Disarm, Remember, Save, Tell};
use crate::puppet::{Puppet, Puppetry};
use crate::walk::Walk;

/// Two servers, and a client of the first that makes these requests.
fn told<const COUNT: usize>(requests: [Puppetry; COUNT]) -> Cluster<Puppet> {
    Cluster::new(2, ()).client(&[0], requests)
}

fn puppet(walk: &Walk<Puppet, ()>) -> &Puppet {
    walk.view().server(NodeId(0)).expect("n0 is up")
}

#[test]
fn a_timer_fires_only_when_it_was_armed() {
    let walk = Walk::new(told([vec![Arm("tea"), Answer(0)]]));
    assert_eq!(walk.possible(), [r#"c0 asks n0: [Arm("tea"), Answer(0)]"#]);
    let walk = walk.then([r#"c0 asks n0: [Arm("tea"), Answer(0)]"#]);
    assert_eq!(walk.possible(), [r#"n0's timer "tea" fires"#]);
}

#[test]
fn a_timer_fires_once() {
    let walk = Walk::new(told([vec![Arm("tea")]])).then([r#"c0 asks n0: [Arm("tea")]"#, r#"n0's timer "tea" fires"#]);
    assert_eq!(puppet(&walk).rung, ["tea"]);
    assert!(walk.possible().is_empty());
}

#[test]
fn a_timer_that_is_armed_twice_fires_once() {
    let walk = Walk::new(told([vec![Arm("tea"), Arm("tea")]]));
    let walk = walk.then([r#"c0 asks n0: [Arm("tea"), Arm("tea")]"#, r#"n0's timer "tea" fires"#]);
    assert!(walk.possible().is_empty());
}

#[test]
fn a_timer_that_has_fired_can_be_armed_again() {
    let asks = r#"c0 asks n0: [Arm("tea"), Answer(0)]"#;
    let again = vec![Arm("tea"), Answer(0)];
    let walk = Walk::new(told([again.clone(), again]));
    let walk = walk.then([asks, r#"n0's timer "tea" fires"#, asks, r#"n0's timer "tea" fires"#]);
    assert_eq!(puppet(&walk).rung, ["tea", "tea"]);
}

#[test]
fn a_disarmed_timer_does_not_fire_and_the_others_do() {
    let walk = Walk::new(told([vec![Arm("tea"), Arm("coffee"), Disarm("tea")]]));
    let walk = walk.then([r#"c0 asks n0: [Arm("tea"), Arm("coffee"), Disarm("tea")]"#]);
    assert_eq!(walk.possible(), [r#"n0's timer "coffee" fires"#]);
}

#[test]
fn a_crash_stops_timers_and_requests_for_good() {
    let request = vec![Arm("tea"), Answer(0)];
    let walk = Walk::new(told([request.clone(), request]).crashes(1));
    let walk = walk.then([r#"c0 asks n0: [Arm("tea"), Answer(0)]"#, "n0 crashes"]);
    assert!(walk.view().server(NodeId(0)).is_none());
    assert_eq!(walk.view().servers().count(), 1);
    assert!(walk.possible().is_empty(), "the budget is spent, and n1 has nothing to do: {:?}", walk.possible());
}

#[test]
fn a_restart_loses_volatile_state_and_timers() {
    let walk = Walk::new(told([vec![Remember(3), Arm("tea")]]).restarts(1));
    let walk = walk.then(["c0 asks n0: [Remember(3), Arm(\"tea\")]", "n0 crashes and restarts"]);
    assert_eq!((puppet(&walk).remembered, puppet(&walk).started_with), (0, None));
    assert!(walk.possible().is_empty());
}

#[test]
fn a_restart_gets_what_was_saved_last() {
    let walk = Walk::new(told([vec![Save(1), Save(2)]]).restarts(1));
    let walk = walk.then(["c0 asks n0: [Save(1), Save(2)]"]);
    assert_eq!(puppet(&walk).started_with, None, "nothing was saved when it started first");
    assert_eq!(walk.view().saved(NodeId(0)), Some(&2));
    let walk = walk.then(["n0 crashes and restarts"]);
    assert_eq!(puppet(&walk).started_with, Some(2));
    assert_eq!(
        walk.possible(),
        [r#"n0's timer "up again" fires"#],
        "what a start asks for happens after a restart too"
    );
    assert_eq!(walk.view().server(NodeId(1)).unwrap().started_with, None);
}

#[test]
fn what_was_saved_can_be_seen_after_a_crash() {
    let walk = Walk::new(told([vec![Save(1)]]).crashes(1)).then(["c0 asks n0: [Save(1)]", "n0 crashes"]);
    assert_eq!(walk.view().saved(NodeId(0)), Some(&1));
}

#[test]
fn a_message_to_a_crashed_server_is_not_delivered() {
    let walk = Walk::new(told([vec![Tell(1, 5)]]).crashes(1));
    let walk = walk.then(["c0 asks n0: [Tell(1, 5)]"]);
    assert!(walk.can("n1 receives 5 from n0"));
    let walk = walk.then(["n1 crashes"]);
    assert!(walk.possible().is_empty());
    assert!(walk.view().is_quiet(), "nobody is there to receive it");
    assert_eq!(walk.view().in_flight().count(), 1);
}

#[test]
fn a_message_of_a_crashed_server_is_delivered_all_the_same() {
    let walk = Walk::new(told([vec![Tell(1, 5)]]).crashes(1));
    let walk = walk.then(["c0 asks n0: [Tell(1, 5)]", "n0 crashes", "n1 receives 5 from n0"]);
    assert_eq!(walk.view().server(NodeId(1)).unwrap().heard, [5]);
}

#[test]
fn a_message_waits_for_a_server_that_restarts() {
    let walk = Walk::new(told([vec![Tell(1, 5)]]).restarts(1));
    let walk = walk.then(["c0 asks n0: [Tell(1, 5)]", "n1 crashes and restarts", "n1 receives 5 from n0"]);
    assert_eq!(walk.view().server(NodeId(1)).unwrap().heard, [5]);
}

#[test]
fn budgets_count_all_crashes_and_restarts_of_a_run() {
    let walk = Walk::new(told([]).crashes(1).restarts(2));
    assert!(walk.can("n0 crashes") && walk.can("n0 crashes and restarts"));
    let walk = walk.then(["n0 crashes and restarts", "n1 crashes and restarts"]);
    assert_eq!(walk.possible(), ["n0 crashes", "n1 crashes"]);
    assert!(walk.then(["n1 crashes"]).possible().is_empty());
}

#[test]
fn a_limit_counts_what_it_was_told_to_count() {
    let teas = |occurrence: &Occurrence<'_, Puppet>| matches!(occurrence, &Occurrence::Timeout { timer: &"tea", .. });
    let request = vec![Arm("tea"), Arm("coffee"), Answer(0)];
    let asks = r#"c0 asks n0: [Arm("tea"), Arm("coffee"), Answer(0)]"#;
    let walk = Walk::new(told([request.clone(), request]).limit(1, teas));
    let walk = walk.then([asks, r#"n0's timer "tea" fires"#, r#"n0's timer "coffee" fires"#, asks]);
    assert_eq!(walk.possible(), [r#"n0's timer "coffee" fires"#], "one tea is all there is");
}

#[test]
fn a_server_may_send_to_itself() {
    let walk = Walk::new(told([vec![Tell(0, 5)]])).then(["c0 asks n0: [Tell(0, 5)]", "n0 receives 5 from n0"]);
    assert_eq!(puppet(&walk).heard, [5]);
}

#[test]
fn a_server_may_crash_between_what_it_tells_and_what_it_saves() {
    let cluster = || told([vec![Tell(1, 5), Save(8), Answer(0)]]).restarts(1);
    let walk = Walk::new(cluster());
    let torn = "c0 asks n0: [Tell(1, 5), Save(8), Answer(0)]; n0 crashes before its effect 2, a save, and restarts";
    assert!(walk.can(torn), "{:#?}", walk.possible());
    let walk = walk.then([torn]);
    assert_eq!(puppet(&walk).started_with, None, "it had saved nothing yet");
    assert!(walk.can("n1 receives 5 from n0"), "but n1 will hear of it");
    assert_eq!(walk.view().answered(ClientId(0)), 0);
    assert!(!walk.can("n0 crashes and restarts"), "that was the one restart");
    assert!(!Walk::new(told([vec![Tell(1, 5), Save(8)]])).can(torn), "without a budget nothing crashes");
}

#[test]
fn who_saves_before_it_tells_cannot_be_caught_between() {
    let walk = Walk::new(told([vec![Save(8), Tell(1, 5), Answer(0)]]).restarts(1));
    assert!(walk.possible().iter().all(|step| !step.contains("a save")), "{:#?}", walk.possible());
}
