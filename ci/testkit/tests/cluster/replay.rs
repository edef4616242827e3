//! A trace taken again: on the same code, on code that was mended, and on code in which it cannot happen.

use testkit::check::Finding;
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{ClientId, NodeId};
use testkit::samples::{Ask, Counter, Courier, Errand};
use testkit::trace::Trace;

use crate::puppet::{Do, Puppet, Puppetry};
use crate::{ALL, rule};

/// A counter that never counts down, if it saves what it counts.
fn counting<const SAVES: bool>() -> Cluster<Counter<SAVES>> {
    let cluster = Cluster::<Counter<SAVES>>::new(2, ()).client(&[0], [Ask::Add]).restarts(1);
    cluster.always(rule("never back"), |view| {
        let forgot = view.answered(ClientId(0)) == 1 && view.server(NodeId(0)).is_some_and(|one| one.count() == 0);
        if forgot { Err("n0 has forgotten what it counted.".to_owned()) } else { Ok(()) }
    })
}

fn trace_of(finding: Finding) -> Trace {
    *finding.trace.map(Box::new).expect("a finding with a run")
}

#[test]
fn on_the_same_code_the_same_rule_breaks_in_the_same_run() {
    let finding = *counting::<false>().prove(ALL, None).unwrap_err();
    let trace = trace_of(finding.clone());
    assert_eq!(trace.steps.len(), 2);
    assert_eq!(counting::<false>().replay(&trace), Err(Box::new(finding)));
}

#[test]
fn on_mended_code_the_run_breaks_no_rule() {
    let trace = trace_of(*counting::<false>().prove(ALL, None).unwrap_err());
    assert_eq!(counting::<true>().replay(&trace).unwrap(), "the run of 2 steps breaks no rule any more");
}

/// An errand that must be done in the end.
fn errand<const REARMS: bool>() -> Cluster<Courier<REARMS>> {
    let fires = |occurrence: &Occurrence<'_, _>| matches!(occurrence, Occurrence::Timeout { .. });
    let answered = |view: &View<'_, Courier<REARMS>, ()>| match view.waiting(ClientId(0)) {
        None => Ok(()),
        Some(request) => Err(format!("{request} waits.")),
    };
    Cluster::new(2, ()).client(&[0], [Errand]).drops(2).limit(2, fires).leads_to(rule("arrives"), 3, answered)
}

#[test]
fn a_run_that_gets_stuck_gets_stuck_again() {
    let finding = *errand::<false>().prove(ALL, None).unwrap_err();
    let trace = trace_of(finding.clone());
    assert_eq!(errand::<false>().replay(&trace), Err(Box::new(finding)));
}

#[test]
fn a_mended_run_may_take_longer_than_the_stuck_one_did() {
    let trace = trace_of(*errand::<false>().prove(ALL, None).unwrap_err());
    assert_eq!(errand::<true>().replay(&trace).unwrap(), "the run of 4 steps breaks no rule any more");
}

/// One server that does as it is told, and another that must not hear of 5.
fn told(request: Puppetry) -> Cluster<Puppet> {
    Cluster::<Puppet>::new(2, ()).client(&[0], [request]).always(rule("never five"), |view| {
        let heard = view.server(NodeId(1)).is_some_and(|node| node.heard.contains(&5));
        if heard { Err("n1 has heard of 5.".to_owned()) } else { Ok(()) }
    })
}

#[test]
fn where_a_step_is_gone_the_run_cannot_happen_any_more() {
    let trace = trace_of(*told(vec![Do::Tell(1, 5)]).prove(ALL, None).unwrap_err());
    let replayed = told(vec![Do::Remember(1)]).replay(&trace).unwrap();
    assert_eq!(
        replayed,
        "the run cannot happen any more: step 2 of 2, \"n1 receives 5 from n0\", is not possible now; no rule was broken up \
         to there"
    );
}

#[test]
fn a_message_whose_fields_have_changed_is_still_the_same_step() {
    let mut trace = trace_of(*told(vec![Do::Tell(1, 5)]).prove(ALL, None).unwrap_err());
    let step = &mut trace.steps[0];
    step.label = step.label.replace("Tell(1, 5)", "Tell(1, 5, \"an older field\")");
    assert!(told(vec![Do::Tell(1, 5)]).replay(&trace).is_err());
}

#[test]
fn budgets_do_not_stand_in_the_way_of_a_replay() {
    let trace = trace_of(*counting::<false>().prove(ALL, None).unwrap_err());
    assert!(counting::<false>().restarts(0).replay(&trace).is_err());
}

#[test]
fn a_trace_survives_its_file() {
    let trace = trace_of(*errand::<false>().prove(ALL, None).unwrap_err());
    let text = serde_json::to_string(&trace).unwrap();
    let again: Trace = serde_json::from_str(&text).unwrap();
    assert!(errand::<false>().replay(&again).is_err());
}
