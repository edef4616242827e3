//! The diagrams of traces written by hand.

use unicode_width::UnicodeWidthStr;

use super::{EXCERPT, LONG, Options, render};
use crate::trace::samples;

/// Removes ANSI colours.
fn plain(text: &str) -> String {
    let mut pieces = text.split('\x1b');
    let first = pieces.next().unwrap_or_default().to_string();
    pieces.fold(first, |text, piece| text + piece.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn a_diagram_reads_like_this() {
    let expected = "\
a split, and a write on each side
checks::abd::every_history_is_linearizable: 9 steps, a schedule written by hand

  n0, n1, n2 start as Lww { clock: 0, value: '-' }

      c0     c1     n0     n1     n2
      │      │      │      │      │
  1   │      │      ●  ╳   ●  ╳   ●   the network splits: n0 n2 | n1
      │      │      │      ║      │
  2   ├──────┼─────▶●      ║      │   c0 asks n0: Write('A')
      │      │      │      ║      │     clock: 0 → 1 · value: '-' → 'A'
      │      │      │      ║      │     sends Update { clock: 1, value: 'A' } to n1, n2
      ●◀─────┼──────┤      ║      │     replies Written to c0
      │      │      │      ║      │
  3   │      ├──────┼─────▶●      │   c1 asks n1: Write('B')
      │      │      │      ║      │     clock: 0 → 1 · value: '-' → 'B'
      │      │      │      ║      │     sends Update { clock: 1, value: 'B' } to n0, n2
      │      │ ✗────┼──────┤      │     replies Written to c1, but the reply is lost
      │      │      │      ║      │
  4   │      │      ├──────┼─────▶●   n2 receives Update { clock: 1, value: 'A' } from n0
      │      │      │      ║      │     clock: 0 → 1 · value: '-' → 'A'
      │      │      │      ║      │
  5   │      │      ├────✗ ║      │   the network loses Update { clock: 1, value: 'A' } from n0
      │      │      │      ║      │     to n1
      │      │      │      ║      │
  6   │      │      ●──────●──────●   the network heals
      │      │      │      │      │
  7   │      │      ├╌╌╌╌╌╌╳╌╌╌╌╌╌┤   the link between n0 and n2 is cut
      │      │      │      │      │
  8   │      │      ●◀─────┤      │   n0 receives Update { clock: 1, value: 'B' } from n1
      │      │      │      │      │     clock: 1 → 2 · value: 'A' → 'B'
      │      │      │      │      │
  9   │      │      ├──────✓──────┤   the link between n0 and n2 works again

    ├──▶● arrives   ├──✗ is lost   │ ║ ┃ sides of a partition
";
    let drawn = render(&samples::partition(), &Options::default());
    assert_eq!(drawn, expected, "\n{drawn}");
}

#[test]
fn a_crashed_server_has_no_lifeline_until_it_restarts() {
    let drawn = render(&samples::crash(), &Options::default());
    let expected = "\
  6   │         ✗         │         │   n0 crashes
      │                   │         │
  7   ├──────────────────▶●         │   c0 asks n1 again: Append(\"first line\")
      ●◀──────────────────┤         │     replies NotLeader to c0
      │                   │         │
  8   │         ↻         │         │   n0 crashes and restarts
      │         │         │         │     starts as Log { term: 2, entries: [], votes: {} }
";
    assert!(drawn.contains(expected), "\n{drawn}");
}

#[test]
fn the_broken_rule_stands_at_the_end() {
    let drawn = render(&samples::abd(), &Options::default());
    let expected = "
  ✗ Broken: every history is linearizable
    Rule:   What clients see is explained by one order of all operations, in which each takes effect
            between its call and its return.
    Here:   c1 read 'A' and afterwards '-': once a read has seen a value, no later read may see an
            older one.
    Source: Herlihy & Wing 1990, section 2
";
    assert!(drawn.ends_with(expected), "\n{drawn}");
}

#[test]
fn a_report_tells_the_check_and_the_broken_rule_itself() {
    let trace = samples::abd();
    let drawn = render(&trace, &Options { framed: false, ..Options::default() });
    assert!(!drawn.contains(&trace.check) && !drawn.contains("Broken"), "\n{drawn}");
}

#[test]
fn a_long_run_loses_steps_in_the_middle() {
    let mut trace = samples::crash();
    let steps = trace.steps.clone();
    let excerpt = Options { whole: false, ..Options::default() };
    assert_eq!(render(&trace, &excerpt), render(&trace, &Options::default()), "a short run is drawn whole");
    while trace.steps.len() <= LONG {
        trace.steps.extend(steps.clone());
    }
    let all = trace.steps.len();
    let left_out = all - EXCERPT.0 - EXCERPT.1;
    let drawn = render(&trace, &excerpt);
    assert!(drawn.contains(&format!("… {left_out} steps left out; `cargo course replay --all` shows")), "\n{drawn}");
    assert!(drawn.contains("n1 is now Log { "), "\n{drawn}");
    let numbers: Vec<usize> = drawn.lines().filter_map(|line| line.get(..4)?.trim().parse().ok()).collect();
    let kept: Vec<usize> = (1..=EXCERPT.0).chain(all - EXCERPT.1 + 1..=all).collect();
    assert_eq!(numbers, kept, "\n{drawn}");
}

#[test]
fn no_line_is_wider_than_asked_or_ends_with_spaces() {
    for (name, trace) in samples::all() {
        for width in [0, 60, 80, 100, 400] {
            let drawn = render(&trace, &Options { width, ..Options::default() });
            for line in drawn.lines() {
                assert!(line.width() <= width.clamp(60, 100), "{name} at {width}: {line}");
                assert_eq!(line.trim_end(), line, "{name} at {width}");
            }
        }
    }
}

#[test]
fn colours_change_nothing_else() {
    for (name, trace) in samples::all() {
        let coloured = render(&trace, &Options { colour: true, ..Options::default() });
        let drawn = render(&trace, &Options::default());
        assert!(coloured.contains('\x1b') && !drawn.contains('\x1b'), "{name}");
        let bare: Vec<String> = plain(&coloured).lines().map(|line| line.trim_end().to_string()).collect();
        assert_eq!(bare, drawn.lines().collect::<Vec<_>>(), "{name}");
    }
}
