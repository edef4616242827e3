//! A walk through states, as a person chooses: what is offered, what is told, and how the rules stand.

use testkit::cluster::{Choice, Cluster, Is, Place, Standing};
use testkit::node::{ClientId, NodeId};
use testkit::samples::{Ask, Counter, Courier, Errand};
use testkit::schedule::Schedule;
use testkit::trace::{Producer, StepKind};

use crate::puppet::{Do, Puppet};
use crate::{aloud, rule};

/// Two counters that must never count to two, and must once count to one.
fn counters() -> Cluster<Counter<false>> {
    Cluster::<Counter<false>>::new(2, ())
        .client(&[0], [Ask::Add, Ask::Add])
        .restarts(1)
        .always(rule("never two"), |view| match view.servers().find(|(_, counter)| counter.count() > 1) {
            Some((id, _)) => Err(format!("{id} counts two.")),
            None => Ok(()),
        })
        .sometimes(rule("one"), |view| view.servers().any(|(_, counter)| counter.count() == 1))
}

fn at(cluster: &mut Cluster<Counter<false>>, path: &[&str]) -> Place {
    cluster.place(&owned(path))
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|label| (*label).to_owned()).collect()
}

/// The labels of what a place offers, within the scope's budgets or beyond them.
fn offered(place: &Place, beyond: bool) -> Vec<&str> {
    place.choices.iter().filter(|choice| choice.beyond == beyond).map(|choice| &*choice.label).collect()
}

fn standing<'p>(place: &'p Place, name: &str) -> &'p Is {
    &place.rules.iter().find(|standing| standing.rule.name == name).expect("a rule of this name").is
}

const ADD: &str = "c0 asks n0: Add";
const HEAR: &str = "n1 receives () from n0";

#[test]
fn a_place_offers_what_can_happen_and_marks_what_the_check_would_not_do() {
    let place = at(&mut counters(), &[ADD]);
    assert_eq!(offered(&place, false), [ADD, HEAR, "n0 crashes and restarts", "n1 crashes and restarts"]);
    let beyond = offered(&place, true);
    for label in ["n0 crashes", "the network loses () from n0 to n1", "the link between n1 and n0 is cut"] {
        assert!(beyond.contains(&label), "{label} is not in {beyond:?}");
    }
    assert!(!beyond.iter().any(|label| label.contains("heals") || label.contains("works again")), "{beyond:?}");
    let heard = place.choices.iter().find(|choice| choice.label == HEAR).unwrap();
    let expected = Choice { label: HEAR.into(), kind: StepKind::Deliver, who: 2, from: Some(1), beyond: false };
    assert_eq!(*heard, expected, "participants are c0, n0, n1");
}

#[test]
fn a_link_is_cut_once_and_then_heals() {
    let cut = "the link between n1 and n0 is cut";
    let place = at(&mut counters(), &[cut]);
    assert!(!offered(&place, true).contains(&cut));
    let healed = at(&mut counters(), &[cut, "the link between n1 and n0 works again"]);
    assert_eq!(healed.refused, None);
    assert_eq!(healed.beyond, [1, 2]);
    assert!(offered(&healed, true).contains(&cut));
}

#[test]
fn a_link_that_is_cut_for_good_is_not_offered() {
    let mut cluster = Cluster::<Counter<false>>::new(2, ()).split(&[&[0], &[1]]);
    let place = cluster.place(&[]);
    assert!(place.choices.iter().all(|choice| !matches!(choice.kind, StepKind::Cut | StepKind::Heal)), "{place:?}");
}

#[test]
fn the_run_up_to_here_is_told() {
    let place = at(&mut counters(), &[ADD, HEAR]);
    let labels: Vec<_> = place.trace.steps.iter().map(|step| &*step.label).collect();
    assert_eq!((labels, place.trace.producer), (vec![ADD, HEAR], Producer::Walk));
    assert_eq!(place.trace.violation, None);
    assert_eq!(place.beyond, [0; 0]);
}

#[test]
fn rules_stand_as_the_run_leaves_them() {
    let mut cluster = counters();
    let place = at(&mut cluster, &[]);
    assert_eq!((standing(&place, "never two"), standing(&place, "one")), (&Is::Kept, &Is::Unseen));
    let place = at(&mut cluster, &[ADD]);
    assert_eq!((standing(&place, "never two"), standing(&place, "one")), (&Is::Kept, &Is::Seen));
    let place = at(&mut cluster, &[ADD, ADD, HEAR]);
    let broken = Is::Broken { why: "n0 counts two.".into(), since: 2 };
    assert_eq!(standing(&place, "never two"), &broken, "broken is since when it was");
    let violation = place.trace.violation.expect("the trace says so too");
    assert_eq!((violation.rule.as_str(), violation.explanation.as_str()), ("never two", "n0 counts two."));
}

#[test]
fn a_broken_rule_stays_broken_though_the_state_is_mended() {
    let place = at(&mut counters(), &[ADD, ADD, "n0 crashes and restarts"]);
    assert_eq!(standing(&place, "never two"), &Is::Broken { why: "n0 counts two.".into(), since: 2 });
}

#[test]
fn a_step_that_cannot_be_ends_the_walk_before_it() {
    let place = at(&mut counters(), &[ADD, "n1 receives (7) from n0", HEAR]);
    assert_eq!(place.refused.as_deref(), Some("n1 receives (7) from n0"));
    assert_eq!(place.trace.steps.len(), 1);
    assert!(!place.choices.is_empty(), "one can go on from there");
}

#[test]
fn budgets_are_spent_by_what_was_done_beyond_them_too() {
    let restart = "n1 crashes and restarts";
    let place = at(&mut counters(), &[restart, restart]);
    assert_eq!(place.beyond, [2]);
    assert!(offered(&place, true).contains(&restart));
}

#[test]
fn the_scene_is_part_of_the_run_and_not_of_the_path() {
    let cluster = Cluster::<Counter<false>>::new(2, ()).staged(&Schedule::new().ask(0, 0, Ask::Add));
    let mut cluster = cluster.client(&[0], [Ask::Add]).always(rule("never two"), |view| {
        if view.servers().any(|(_, counter)| counter.count() > 1) { Err("Two.".to_owned()) } else { Ok(()) }
    });
    let place = cluster.place(&owned(&["c1 asks n0: Add", "n0 crashes"]));
    assert_eq!((place.trace.staged, place.trace.steps.len()), (2, 4));
    assert_eq!(standing(&place, "never two"), &Is::Broken { why: "Two.".into(), since: 3 });
    assert_eq!(place.beyond, [4]);
}

#[test]
fn what_must_come_about_is_asked_of_the_place_alone() {
    let mut cluster =
        Cluster::<Courier<false>>::new(2, ()).client(&[0], [Errand]).drops(1).leads_to(rule("arrives"), 3, |view| {
            match view.waiting(ClientId(0)) {
                None => Ok(()),
                Some(request) => Err(format!("{request} waits.")),
            }
        });
    let begun = cluster.place(&[]);
    assert_eq!(standing(&begun, "arrives"), &Is::Kept);
    let asked = cluster.place(&owned(&[&begun.choices[0].label]));
    assert_eq!(standing(&asked, "arrives"), &Is::Kept);
    let lost = asked.choices.iter().find(|choice| choice.kind == StepKind::Drop).unwrap();
    let again = asked.choices.iter().filter(|choice| choice.kind == StepKind::Timeout).count();
    assert!(!lost.beyond && again <= 1);
    let path = owned(&[&begun.choices[0].label, &lost.label]);
    let place = cluster.place(&path);
    let fired = place.choices.iter().find(|choice| choice.kind == StepKind::Timeout).expect("its timer is armed");
    let mut path = path;
    path.push(fired.label.clone());
    let place = cluster.place(&path);
    let lost = place.choices.iter().find(|choice| choice.kind == StepKind::Drop).unwrap();
    path.push(lost.label.clone());
    let place = cluster.place(&path);
    assert_eq!(standing(&place, "arrives"), &Is::Broken { why: "c0#0 waits.".into(), since: 4 });
    assert_eq!(place.trace.violation.map(|violation| violation.rule), Some("arrives".to_owned()));
}

#[test]
fn a_panic_is_the_end_of_a_walk_and_its_first_rule() {
    aloud::listen();
    let mut cluster = Cluster::<Puppet>::new(1, ()).client(&[0], [vec![Do::Panic]]).always(rule("any"), |_| Ok(()));
    let place = cluster.place(&owned(&["c0 asks n0: [Panic]"]));
    assert_eq!(place.choices, []);
    let Standing { rule, is } = &place.rules[0];
    assert_eq!(rule.name, "no panic");
    assert!(matches!(is, Is::Broken { since: 1, why } if why.starts_with("pulled too hard")), "{is:?}");
    assert_eq!(place.trace.violation.unwrap().rule, "no panic");
}

#[test]
fn to_look_at_places_changes_nothing_for_a_search() {
    let mut cluster = counters();
    let before = cluster.prove(crate::ALL, None);
    at(&mut cluster, &[ADD, "n0 crashes", "n1 crashes"]);
    assert_eq!(cluster.prove(crate::ALL, None), before);
    assert_eq!(cluster.size(), NodeId(2).0);
}
