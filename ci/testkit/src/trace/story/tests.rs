//! What is told of traces written by hand.

use super::{Arrow, Scene, alike, beginnings, brief, events, trimmed, wrap};
use crate::trace::{Kind, Participant, samples};

#[test]
fn text_is_broken_where_a_reader_would_break_it() {
    for (text, width, lines) in [
        ("", 10, vec![""]),
        ("one two three", 20, vec!["one two three"]),
        ("one two three", 8, vec!["one two", "three"]),
        ("R { a: 1, b: 2 }", 12, vec!["R { a: 1,", "b: 2 }"]),
        ("R { a: Inner { b: 1 } }", 12, vec!["R { a: Inner", "{ b: 1 } }"]),
        ("before → after", 8, vec!["before", "→ after"]),
        ("unbreakable", 5, vec!["unbre", "akabl", "e"]),
        ("語語語", 4, vec!["語語", "語"]),
        ("a\nb", 10, vec!["a\\nb"]),
    ] {
        assert_eq!(wrap(text, width), lines, "{text:?} in {width} columns");
    }
}

#[test]
fn idle_lifelines_are_left_out_of_a_crowd() {
    let wide = samples::wide();
    let (fewer, left_out) = trimmed(&wide);
    let names: Vec<&str> = fewer.participants.iter().map(|participant| participant.name.as_str()).collect();
    assert_eq!((names, left_out), (vec!["c0", "n0", "n4", "coordinator"], vec!["c1", "n1", "n2", "n3"]));
    assert_eq!((fewer.steps[1].who, fewer.steps[1].from), (1, Some(3)));
    assert!(trimmed(&samples::long()).1.is_empty(), "six lifelines are no crowd");
}

#[test]
fn states_that_differ_by_their_own_name_are_told_once() {
    let mut trace = samples::partition();
    for server in &mut trace.participants[2..] {
        server.state = format!("Abd {{ me: {}, tag: (0, n0) }}", server.name);
    }
    assert_eq!(beginnings(&trace), [("n0, n1, n2 start like n0:".to_string(), "Abd { me: n0, tag: (0, n0) }")]);
}

#[test]
fn a_long_value_that_is_gone_is_told_by_its_name() {
    for (value, told) in [
        ("Asking { answers: {n0} }", "Asking { answers: {n0} }"),
        ("Asking { request: Write(1), answers: {n0} }", "Asking { … }"),
        ("Some(Asking { request: Write(1), answers: {n0} })", "Some(…)"),
        (
            "\"a text that is long, and (as it happens) has brackets\"",
            "\"a text that is long, and (as it happens) has brackets\"",
        ),
        ("{n0: Entry { term: 1 }, n1: Entry { term: 2 }}", "{n0: Entry { term: 1 }, n1: Entry { term: 2 }}"),
    ] {
        assert_eq!(brief(value), told);
    }
}

#[test]
fn a_partition_is_read_from_its_label() {
    let events = events(&samples::partition());
    assert_eq!(events[0].scene, Scene::Sides(vec![(2, 0), (3, 1), (4, 0)]));
    assert_eq!(events[5].scene, Scene::Sides(vec![(2, 0), (3, 0), (4, 0)]));
    assert_eq!(events[6].scene, Scene::Link { ends: (2, 4), works: false });
}

#[test]
fn replies_are_arrows_and_equal_messages_are_told_once() {
    let events = events(&samples::partition());
    let told = |step: usize| events[step].lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>();
    assert_eq!(
        told(1),
        [
            "c0 asks n0: Write('A')",
            "clock: 0 → 1 · value: '-' → 'A'",
            "sends Update { clock: 1, value: 'A' } to n1, n2",
            "replies Written to c0"
        ]
    );
    let reply = |step: usize| events[step].lines.last().and_then(|line| line.reply);
    assert_eq!(reply(1), Some(Arrow { from: 2, to: 0, lost: false }));
    assert_eq!(reply(2), Some(Arrow { from: 3, to: 1, lost: true }));
}

#[test]
fn participants_are_alike_whose_states_differ_by_their_own_names() {
    let participant =
        |name: &str, state: &str| Participant { name: name.into(), kind: Kind::Server, state: state.into() };
    let first = participant("n1", "Abd { me: n1 of 12, held: 0@0.n0 }");
    for (name, state, expected) in [
        ("n2", "Abd { me: n2 of 12, held: 0@0.n0 }", true),
        ("n10", "Abd { me: n10 of 12, held: 0@0.n0 }", true),
        ("n2", "Abd { me: n2 of 12, held: 0@0.n2 }", false),
        ("n2", "Abd { me: n1 of 12, held: 0@0.n0 }", true),
        ("n2", "Abd { me: n3 of 12, held: 0@0.n0 }", false),
        ("n2", "Abd { me: n2 of 13, held: 0@0.n0 }", false),
    ] {
        assert_eq!(alike(&first, &participant(name, state)), expected, "{name}: {state}");
    }
}
