//! Clusters that do not start from nothing.

use testkit::check::FailureKind;
use testkit::cluster::{Cluster, Occurrence};
use testkit::node::{ClientId, NodeId};
use testkit::samples::{Again, Ask, Counter, Courier, Errand};
use testkit::schedule::Schedule;

use crate::puppet::{Do, Puppet};
use crate::sleeper::Sleeper;
use crate::walk::Walk;
use crate::{ALL, rule};

#[test]
fn a_saved_server_starts_with_what_it_would_have_saved() {
    let walk = Walk::new(Cluster::<Counter<true>>::new(2, ()).saved(1, 8));
    let counts: Vec<_> = walk.view().servers().map(|(_, counter)| counter.count()).collect();
    assert_eq!(counts, [0, 8]);
}

#[test]
fn a_staged_cluster_starts_after_its_schedule() {
    let schedule = Schedule::new().ask(0, 0, Ask::Add).cut(0, 1).ask(0, 1, Ask::Add);
    let cluster = Cluster::<Counter<false>>::new(2, ()).staged(&schedule).client(&[0], [Ask::Get]);
    let walk = Walk::new(cluster);
    let counts: Vec<_> = walk.view().servers().map(|(_, counter)| counter.count()).collect();
    assert_eq!(counts, [1, 2], "n0 has not heard of the second yet");
    assert!(walk.view().is_cut(NodeId(0), NodeId(1)));
    assert_eq!(walk.view().answered(ClientId(0)), 2, "the schedule's client comes first");
    assert_eq!(walk.possible(), ["c1 asks n0: Get"]);
}

#[test]
fn what_a_schedule_does_is_not_taken_from_the_budgets() {
    let schedule = Schedule::<Ask>::new().crash(0);
    let walk = Walk::new(Cluster::<Counter<false>>::new(3, ()).crashes(1).staged(&schedule));
    assert_eq!(walk.possible(), ["n1 crashes", "n2 crashes"]);
}

#[test]
fn a_run_of_a_staged_cluster_tells_how_the_scene_was_set() {
    let cluster = Cluster::<Counter<false>>::new(2, ()).staged(&Schedule::new().ask(0, 0, Ask::Add));
    let cluster = cluster.client(&[0], [Ask::Add]).always(rule("at most one"), |view| {
        if view.servers().any(|(_, counter)| counter.count() > 1) { Err("Two.".to_owned()) } else { Ok(()) }
    });
    let finding = cluster.prove(ALL, None).unwrap_err();
    let trace = finding.trace.clone().unwrap();
    let labels: Vec<_> = trace.steps.iter().map(|step| &*step.label).collect();
    assert_eq!(labels, ["c0 asks n0: Add", "n1 receives () from n0", "c1 asks n0: Add"]);
    assert_eq!(trace.staged, 2);
    assert_eq!(cluster.replay(&trace), Err(finding), "a replay sets the same scene");
}

#[test]
fn a_panic_in_the_schedule_of_a_staged_cluster_is_found() {
    let schedule = Schedule::with_timers().ask(0, 0, vec![Do::Panic]).ask(0, 0, vec![Do::Answer(1)]);
    let cluster = Cluster::<Puppet>::new(1, ()).staged(&schedule).client(&[0], [vec![Do::Answer(1)]]);
    let finding = cluster.prove(ALL, None).unwrap_err();
    assert_eq!(finding.kind, FailureKind::Panicked);
}

#[test]
fn a_schedule_fires_timers_and_restarts_servers() {
    let errand = || Schedule::with_timers().cut(0, 1).ask(0, 0, Errand).heal(0, 1);
    let parcels = |schedule: Schedule<Errand, Again>| {
        let played = Cluster::<Courier<true>>::new(2, ()).play(&schedule).map_err(|why| why.to_string())?;
        Ok::<_, String>(played.count(|step| matches!(step, Occurrence::Deliver { to: NodeId(1), .. })))
    };
    assert_eq!(parcels(errand()), Ok(1), "the parcel waited on the cut link");
    let fires_unarmed = Schedule::with_timers().fire(0, Again);
    let why = parcels(fires_unarmed).unwrap_err();
    assert!(why.ends_with("cannot be played: n0 has not armed its timer Again."), "{why}");
    let again = Schedule::with_timers().cut(0, 1).ask(0, 0, Errand).fire(0, Again).heal(0, 1);
    assert_eq!(parcels(again), Ok(2), "the timer sent it once more");

    let counter = Cluster::<Counter<false>>::new(1, ()).play(&Schedule::new().ask(0, 0, Ask::Add).restart(0)).unwrap();
    assert_eq!(counter.view().server(NodeId(0)).map(Counter::count), Some(0), "it had saved nothing");
}

#[test]
fn the_first_timer_to_fire_may_be_chosen() {
    let cluster = || Cluster::<Sleeper<false>>::new(2, ());
    let walk = Walk::new(cluster().fires_first(1, "slow"));
    assert_eq!(walk.view().servers().map(|(_, sleeper)| sleeper.fired.len()).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(walk.possible(), [r#"n0's timer "slow" fires"#]);
}

#[test]
fn a_program_that_cannot_take_the_steps_of_the_scene_is_at_fault() {
    let unarmed = Cluster::<Sleeper<false>>::new(2, ()).fires_first(0, "sleep");
    let finding = unarmed.prove(ALL, None).unwrap_err();
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "a run can begin"));
    assert_eq!(finding.summary, "n0 does not arm its timer \"sleep\" when it starts.");

    let schedule = Schedule::with_timers().fire(0, "slow").fire(0, "sleep").fire(1, "slow");
    let finding = Cluster::<Sleeper<false>>::new(2, ()).staged(&schedule).prove(ALL, None).unwrap_err();
    let why = "This run was to go on with `.fire(0, \"sleep\")`, but n0 has not armed its timer \"sleep\".";
    assert_eq!(finding.summary, why);
    assert_eq!(finding.trace.map(|trace| trace.steps.len()), Some(1), "what was possible is shown");
}
