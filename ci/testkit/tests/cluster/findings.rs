//! Learner code that does what no program may do, and rules that break: each becomes a finding with its run.

use testkit::check::{FailureKind, Finding};
use testkit::cluster::Cluster;
use testkit::node::NodeId;

use testkit::search::Bounds;

use crate::puppet::{Do, Puppet};
use crate::{ALL, aloud, rule};

/// What is found when `n0` hands on to `n1`, which then gets `what` to do from another client.
fn found(what: Do) -> Finding {
    aloud::listen();
    let cluster = Cluster::<Puppet>::new(2, ()).client(&[0], [vec![Do::Answer(1)], vec![what]]);
    *cluster.prove(ALL, None).expect_err("it does what no program may do")
}

/// The labels of a finding's run.
fn steps(finding: &Finding) -> Vec<&str> {
    finding.trace.iter().flat_map(|trace| &trace.steps).map(|step| step.label.as_str()).collect()
}

#[test]
fn a_panic_is_found_with_its_place_and_its_run() {
    let finding = found(Do::Panic);
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Panicked, "no panic"));
    assert!(
        finding.summary.starts_with("pulled too hard (at ci/testkit/tests/cluster/puppet.rs:"),
        "{}",
        finding.summary
    );
    assert_eq!(steps(&finding), ["c0 asks n0: [Answer(1)]", "c0 asks n0: [Panic]"], "the step that panics is in it");
    assert_eq!(finding.trace.unwrap().violation.unwrap().kind, "Panicked");
}

#[test]
fn a_todo_is_unwritten_code_with_its_instruction() {
    let finding = found(Do::Todo);
    assert_eq!(finding.kind, FailureKind::Unwritten);
    assert!(finding.summary.starts_with("Tie the strings. (at "), "{}", finding.summary);
    assert_eq!(steps(&finding).len(), 2);
}

#[test]
fn what_is_not_deterministic_is_named_as_that() {
    for what in [Do::IterateHashMap, Do::CountCalls, Do::ReadClock] {
        let shown = format!("c0 asks n0: [{what:?}]");
        let finding = found(what);
        assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Nondeterministic, "determinism"), "{shown}");
        assert!(finding.summary.contains("Once:") && finding.summary.contains("Twice:"), "{}", finding.summary);
        assert_eq!(steps(&finding).last(), Some(&shown.as_str()));
    }
}

#[test]
fn a_reply_to_a_request_that_nobody_made_is_found() {
    let finding = found(Do::AnswerStranger);
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "addresses"));
    assert_eq!(finding.summary, "n0 replied to request c0#2, but no client has made that request.");
    assert_eq!(steps(&finding).len(), 2);
}

#[test]
fn a_message_to_a_server_that_does_not_exist_is_found() {
    let finding = found(Do::Tell(2, 5));
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "addresses"));
    assert_eq!(finding.summary, "n0 sent a message to n2, but there is no such server.");
    assert_eq!(steps(&finding).len(), 2);
}

#[test]
fn a_broken_rule_comes_with_a_shortest_run_and_its_explanation() {
    let heard = |node: &Puppet, number| node.heard.contains(&number);
    let cluster = Cluster::<Puppet>::new(2, ())
        .client(&[0], [vec![Do::Tell(1, 5), Do::Tell(1, 6)]])
        .duplicates(1)
        .always(rule("never six"), move |view| match view.server(NodeId(1)).is_some_and(|node| heard(node, 6)) {
            true => Err("n1 has heard of 6.".to_owned()),
            false => Ok(()),
        });
    let finding = cluster.prove(ALL, None).unwrap_err();
    assert_eq!(
        (finding.kind, finding.rule.clone(), &*finding.summary),
        (FailureKind::Violated, rule("never six"), "n1 has heard of 6.")
    );
    assert_eq!(steps(&finding), ["c0 asks n0: [Tell(1, 5), Tell(1, 6)]", "n1 receives 6 from n0"]);
    let violation = finding.trace.unwrap().violation.unwrap();
    assert_eq!((&*violation.rule, &*violation.explanation), ("never six", "n1 has heard of 6."));
}

#[test]
fn what_never_happens_is_unreachable() {
    let cluster = Cluster::<Puppet>::new(1, ()).client(&[0], [vec![Do::Remember(1)]]);
    let cluster = cluster.sometimes(rule("finishes"), |view| view.is_finished());
    let finding = cluster.prove(ALL, None).unwrap_err();
    assert_eq!((finding.kind, finding.trace), (FailureKind::Unreachable, None));
    assert_eq!(
        finding.summary,
        "No run does what is wanted (exhausted 2 states, 1 steps deep). A single one that does would have been enough."
    );
}

#[test]
fn the_evidence_says_how_much_was_seen() {
    let cluster = || Cluster::<Puppet>::new(1, ()).client(&[0], vec![vec![Do::Answer(1)]; 5]);
    assert_eq!(cluster().prove(ALL, None).unwrap(), "exhausted 6 states, 5 steps deep");
    assert_eq!(cluster().prove(Bounds { states: 10, depth: Some(3) }, None).unwrap(), "bounded at depth 3, 4 states");
}

#[test]
fn more_states_than_the_check_allows_is_a_failure() {
    let cluster = Cluster::<Puppet>::new(1, ()).client(&[0], vec![vec![Do::Answer(1)]; 5]);
    let finding = cluster.prove(Bounds::exhaustive(4), None).unwrap_err();
    assert_eq!(finding.kind, FailureKind::OutOfScope);
    assert!(finding.summary.starts_with("The search visited 5 states and was not done."), "{}", finding.summary);
}
