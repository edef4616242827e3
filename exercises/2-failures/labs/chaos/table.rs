//! What was counted, as tables for the terminal and for the book.

use std::time::Duration;

use testkit::lab::table::{self, Row, aligned, compared, wrapped};
use testkit::text::thousands;

use super::measure::{BIN, latencies, longest_silence, percentile, same_fault, silence_of, silent_for, terms};
use super::options::Options;
use super::run::Run;
use crate::subject::chaos::{Broken, Injected};
use crate::subject::monkey::Kind;

const ROWS: [Row<Run>; 18] = [
    Row { label: "operations answered", cell: |run| thousands(run.report.answers.len()) },
    Row { label: "unknown", cell: |run| thousands(run.report.unknown) },
    Row { label: "not done", cell: |run| thousands(run.report.not_done) },
    Row { label: "longest time without an answer", cell: |run| milliseconds(longest_silence(run)) },
    Row { label: "all such times above 100 ms together", cell: |run| milliseconds(silent_for(run, BIN)) },
    Row { label: "latency: median", cell: |run| latency(run, 500) },
    Row { label: "latency: p99", cell: |run| latency(run, 990) },
    Row { label: "latency: p99.9", cell: |run| latency(run, 999) },
    Row { label: "terms with a leader that was seen", cell: |run| thousands(terms(run).0) },
    Row { label: "highest of them", cell: |run| terms(run).1.to_string() },
    Row { label: "faults", cell: |run| run.report.faults.len().to_string() },
    Row { label: "– kill", cell: |run| kinds(run, "kill") },
    Row { label: "– pause", cell: |run| kinds(run, "pause") },
    Row { label: "– cut", cell: |run| kinds(run, "cut") },
    Row { label: "– slow", cell: |run| kinds(run, "slow") },
    Row { label: "– disk full", cell: |run| kinds(run, "fill") },
    Row { label: "– disk fails", cell: |run| kinds(run, "fail") },
    Row { label: "linearizable", cell: linearizable },
];

fn latency(run: &Run, of_thousand: usize) -> String {
    percentile(&latencies(&run.report.answers), of_thousand).map_or("–".to_owned(), milliseconds)
}

/// With a digit behind the point if there would be only one in front of it.
fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 9.95 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{} ms", thousands(milliseconds.round() as usize))
    }
}

/// How many faults of a kind there were, and how many of them hit the leader.
fn kinds(run: &Run, kind: &str) -> String {
    let all: Vec<&Injected> = run.report.faults.iter().filter(|fault| fault.kind.word() == kind).collect();
    match all.iter().filter(|fault| run.hit_the_leader(fault)).count() {
        0 => all.len().to_string(),
        led => format!("{} ({led} led)", all.len()),
    }
}

/// What was done, in a word.
pub fn fault(fault: &Injected) -> &'static str {
    match fault.kind {
        Kind::Cut { .. } if !fault.from_all => "cut*",
        Kind::Fill { .. } => "full",
        Kind::Fail { .. } => "fails",
        kind => kind.word(),
    }
}

fn linearizable(run: &Run) -> String {
    let order = |broken: &Broken| matches!(broken, Broken::Order(_));
    match (run.report.broken.iter().any(order), run.report.broken.is_empty()) {
        (true, _) => "no".to_owned(),
        (false, true) => "yes".to_owned(),
        (false, false) => "yes, but see below".to_owned(),
    }
}

/// Run by run: the first line, and the others, each with its label.
fn by_run(runs: &[Run]) -> Vec<Vec<String>> {
    compared(runs.iter().map(|run| run.name.to_owned()), runs.iter().map(Some), &ROWS)
}

/// Fault by fault: how long nobody was answered after it.
fn by_fault(runs: &[Run]) -> Vec<Vec<String>> {
    let Some(first) = runs.first() else { return Vec::new() };
    let names = runs.iter().map(|run| run.name.to_owned());
    let mut lines: Vec<Vec<String>> = vec![["at", "fault"].map(str::to_owned).into_iter().chain(names).collect()];
    for done in &first.report.faults {
        let at = format!("{:.1} s", done.from.as_secs_f64());
        let what = format!("{} n{}", fault(done), done.server);
        let cells = runs.iter().map(|run| same_fault(run, done).map_or("–".to_owned(), |same| silence(run, same)));
        lines.push([at, what].into_iter().chain(cells).collect());
    }
    lines
}

fn silence(run: &Run, done: &Injected) -> String {
    let led = if run.servers > 1 && run.hit_the_leader(done) { ", led" } else { "" };
    let silence = silence_of(run, done).map_or("silent already".to_owned(), milliseconds);
    format!("{silence}{led}")
}

/// What comes between the tables.
pub const BY_DEED: &str = "The longest time without an answer that began after each fault, and before the next. \"led\": its victim was the leader. \
                           \"cut*\": clients could still reach it. \"–\": its victim suffered already, so it was left alone.";

/// What was run, in sentences.
pub fn parameters(runs: &[Run], options: &Options) -> String {
    let told = runs.iter().map(|run| format!("{}: {}", run.name, run.told)).collect::<Vec<_>>().join("; ");
    let Options { seed, days, .. } = options;
    format!(
        "Seed {seed}, {days} days of 1.4 seconds, four clients that each wait 5 ms from an answer to the next request. {told}."
    )
}

/// The tables, in at most 100 columns.
pub fn terminal(runs: &[Run], options: &Options, whose: &str) -> String {
    let about = wrapped(&format!("{} The code is {whose}.", parameters(runs, options)));
    format!("{about}\n\n{}\n{}\n\n{}", aligned(&by_run(runs), 1, 2), wrapped(BY_DEED), aligned(&by_fault(runs), 2, 2))
}

/// The tables of the book.
pub fn markdown(runs: &[Run]) -> [String; 2] {
    let tables = [table::markdown(&by_run(runs), 1), table::markdown(&by_fault(runs), 2)];
    tables.map(|table| table.replace('*', "\\*"))
}

/// What was wrong, if something was.
pub fn notes(runs: &[Run]) -> Vec<String> {
    let note = |run: &Run| {
        let says =
            run.report.broken.iter().map(|broken| format!("In the run \"{}\" a rule was broken: {broken}", run.name));
        says.collect::<Vec<_>>()
    };
    let mut notes: Vec<_> = runs.iter().flat_map(note).collect();
    if !notes.is_empty() {
        notes.push("What to look at: cargo course check chaos".to_owned());
    }
    notes
}
