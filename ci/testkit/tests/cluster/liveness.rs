//! What must come true once the network behaves.

use testkit::check::{FailureKind, Finding};
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{ClientId, Membership, Never, Node, NodeId, Outbox, RequestId};
use testkit::samples::{Ask, Counter, Courier, Errand};

use crate::puppet::{Do, Puppet};
use crate::sleeper::Sleeper;
use crate::{ALL, rule};

fn answered<const REARMS: bool>(view: &View<'_, Courier<REARMS>, ()>) -> Result<(), String> {
    if view.answered(ClientId(0)) == 1 { Ok(()) } else { Err("c0 has no answer.".to_owned()) }
}

/// An errand on a network that may lose parcels.
fn errand<const REARMS: bool>() -> Cluster<Courier<REARMS>> {
    let fires = |occurrence: &Occurrence<'_, _>| matches!(occurrence, Occurrence::Timeout { .. });
    let cluster = Cluster::new(2, ()).client(&[0], [Errand]).drops(2).limit(2, fires);
    cluster.sometimes(rule("finishes"), |view| view.is_finished())
}

/// Before its only request is made, a client needs no answer.
fn in_time<const REARMS: bool>(view: &View<'_, Courier<REARMS>, ()>) -> Result<(), String> {
    if view.waiting(ClientId(0)).is_none() { Ok(()) } else { answered(view) }
}

fn stuck(finding: &Finding) -> Vec<&str> {
    finding.trace.iter().flat_map(|trace| &trace.steps).map(|step| step.label.as_str()).collect()
}

#[test]
fn a_lost_wake_up_is_found() {
    let finding = errand::<false>().leads_to(rule("arrives"), 5, in_time).prove(ALL, None).unwrap_err();
    assert_eq!(
        (finding.kind, &*finding.summary),
        (FailureKind::Stuck, "c0 has no answer.\nAfter step 4 there is nothing more to deliver.")
    );
    let run = [
        "c0 asks n0: Errand",
        "the network loses Delivery from n0 to n1",
        "n0's timer Again fires",
        "the network loses Delivery from n0 to n1",
    ];
    assert_eq!(stuck(&finding), run);
}

#[test]
fn a_courier_that_tries_again_arrives() {
    assert!(errand::<true>().leads_to(rule("arrives"), 1, in_time).prove(ALL, None).is_ok());
}

#[test]
fn a_fair_suffix_heals_partitions_but_not_a_split() {
    let counters = || Cluster::<Counter<false>>::new(2, ()).client(&[0], [Ask::Add]);
    let agree = |view: &View<'_, Counter<false>, ()>| {
        let counts: Vec<_> = view.servers().map(|(_, counter)| counter.count()).collect();
        if counts.iter().all(|count| *count == counts[0]) { Ok(()) } else { Err(format!("{counts:?}")) }
    };
    let partitioned = counters().partitions(&[&[&[0], &[1]]], 1);
    assert!(partitioned.settles(rule("agree"), 1, agree).prove(ALL, None).is_ok());
    let finding = counters().split(&[&[0], &[1]]).settles(rule("agree"), 1, agree).prove(ALL, None).unwrap_err();
    assert_eq!((finding.kind, &*finding.summary), (FailureKind::Violated, "[1, 0]"));
}

#[test]
fn what_settles_is_asked_at_the_end_and_what_is_led_to_at_any_quiet_moment() {
    // The puppet's timer rings in the suffix: then "has not rung" was so before, and is not so at the end.
    let cluster = || Cluster::<Puppet>::new(1, ()).client(&[0], [vec![Do::Arm("tea")]]);
    let silent = |view: &View<'_, Puppet, ()>| {
        let rung = view.servers().any(|(_, node)| !node.rung.is_empty());
        if rung { Err("It rang.".to_owned()) } else { Ok(()) }
    };
    let finding = cluster().settles(rule("silence"), 1, silent).prove(ALL, None).unwrap_err();
    assert_eq!(stuck(&finding), [r#"c0 asks n0: [Arm("tea")]"#, r#"n0's timer "tea" fires"#], "the suffix is shown");
    let before_it_rings = cluster().limit(0, |occurrence| matches!(occurrence, Occurrence::Timeout { .. }));
    assert!(before_it_rings.leads_to(rule("silence"), 1, silent).prove(ALL, None).is_ok());
}

#[test]
fn a_panic_in_a_suffix_is_a_panic_even_if_the_goal_would_be_reached() {
    // The search may not deliver; only the suffix does.
    let undelivered = |occurrence: &Occurrence<'_, Fragile>| matches!(occurrence, Occurrence::Deliver { .. });
    let cluster = || Cluster::<Fragile>::new(2, ()).client(&[0], [()]).limit(0, undelivered);
    for promised in [cluster().settles(rule("fine"), 1, |_| Ok(())), cluster().leads_to(rule("fine"), 1, |_| Ok(()))] {
        let finding = promised.prove(ALL, None).unwrap_err();
        assert_eq!(finding.kind, FailureKind::Panicked);
        assert!(finding.summary.starts_with("It broke."), "{}", finding.summary);
        assert_eq!(stuck(&finding), ["c0 asks n0: ()", "n1 receives () from n0"]);
    }
}

/// Panics on its first message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fragile;

impl Node for Fragile {
    type Message = ();
    type Timer = Never;
    type Request = ();
    type Response = ();
    type Durable = ();

    fn start(_: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        Fragile
    }

    fn on_message(&mut self, _: NodeId, (): (), _: &mut Outbox<Self>) {
        panic!("It broke.");
    }

    fn on_request(&mut self, _: RequestId, (): (), out: &mut Outbox<Self>) {
        out.send(NodeId(1), ());
    }
}

#[test]
fn clients_that_persist_ask_again_on_a_fair_suffix() {
    let finishes = |view: &View<'_, Puppet, ()>| if view.is_finished() { Ok(()) } else { Err("c0 waits.".to_owned()) };
    // Both answer whoever asks, and one reply may be lost.
    let cluster = || {
        let request = vec![Do::Remember(1), Do::Answer(1)];
        let cluster = Cluster::<Puppet>::new(2, ()).client(&[0, 1], [request.clone(), request]).lost_replies(1);
        cluster.leads_to(rule("finishes"), 1, finishes)
    };
    assert_eq!(cluster().prove(ALL, None).unwrap_err().kind, FailureKind::Stuck);
    assert!(cluster().persistent_clients().prove(ALL, None).is_ok());
}

#[test]
fn the_slowest_timer_waits_for_the_others() {
    let won = |view: &View<'_, Sleeper<true>, ()>| match view
        .servers()
        .all(|(_, sleeper)| sleeper.fired.contains(&"quick"))
    {
        true => Ok(()),
        false => Err("Its quick timer has not fired.".to_owned()),
    };
    let racers = || Cluster::<Sleeper<true>>::new(2, ()).leads_to(rule("wins"), 1, won);
    assert_eq!(racers().prove(ALL, None).unwrap_err().kind, FailureKind::Stuck, "one round fires each timer once");
    assert!(racers().slowest("slow").prove(ALL, None).is_ok());
}
