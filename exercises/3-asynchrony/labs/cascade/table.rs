//! What was measured, as tables for the terminal and for the book.

use std::time::Duration;

use testkit::lab::table::{Row, aligned, compared, markdown, wrapped};
use testkit::text::thousands;

use super::load::{Way, capacity, tails};
use super::measure::{Latencies, goodput, is_void, lag, offered, peak, recovery, time, within};
use super::run::{Outcome, Run};
use super::script::{ILLNESS, OVERLOAD, Script};

/// Numbers of phases.
const HALF: usize = 1;
const TEN_TIMES: usize = 3;
const BACK: usize = 4;
const SLOW: usize = 1;
const WELL_AGAIN: usize = 2;
const DEAD: usize = 3;
const BACK_AGAIN: usize = 4;

const OVERLOADED: [Row<Run>; 12] = [
    Row { label: "lines at 50 %: goodput", cell: |run| share(run, Way::Line, HALF) },
    Row { label: "– p50", cell: |run| latency(run, HALF, 50.0) },
    Row { label: "– p99", cell: |run| latency(run, HALF, 99.0) },
    Row { label: "lines at 1,000 %, second half: goodput", cell: |run| format!("{:.0}/s", in_the_end(run, TEN_TIMES)) },
    Row { label: "– of the best phase", cell: |run| percent(in_the_end(run, TEN_TIMES), peak(run, Way::Line)) },
    Row { label: "– p50", cell: |run| latency(run, TEN_TIMES, 50.0) },
    Row { label: "– p99", cell: |run| latency(run, TEN_TIMES, 99.0) },
    Row { label: "tails meanwhile: goodput", cell: |run| share(run, Way::Tail, TEN_TIMES) },
    Row { label: "back at 50 %: lines well after", cell: |run| recovered(run, Way::Line, BACK) },
    Row { label: "– tails well after", cell: |run| recovered(run, Way::Tail, BACK) },
    Row { label: "gateway: most memory", cell: memory },
    Row { label: "– most threads", cell: threads },
];

const ILL: [Row<Run>; 8] = [
    Row { label: "store slow: goodput of lines", cell: |run| share(run, Way::Line, SLOW) },
    Row { label: "– of tails", cell: |run| share(run, Way::Tail, SLOW) },
    Row { label: "well again: lines well after", cell: |run| recovered(run, Way::Line, WELL_AGAIN) },
    Row { label: "store dead: goodput of lines", cell: |run| share(run, Way::Line, DEAD) },
    Row { label: "– of tails", cell: |run| share(run, Way::Tail, DEAD) },
    Row { label: "well again: lines well after", cell: |run| recovered(run, Way::Line, BACK_AGAIN) },
    Row { label: "– tails well after", cell: |run| recovered(run, Way::Tail, BACK_AGAIN) },
    Row { label: "gateway: most memory", cell: memory },
];

/// The goodput of lines in the second half of a phase: what lasts, when the reserves of the beginning are used up.
fn in_the_end(run: &Run, phase: usize) -> f64 {
    let (_, time) = time(run, phase);
    goodput(run, Way::Line, time.start + (time.end - time.start) / 2..time.end)
}

fn percent(part: f64, of: f64) -> String {
    if of > 0.0 { format!("{:.0} %", part / of * 100.0) } else { "–".to_owned() }
}

/// Of what came in a phase, how much was answered.
fn share(run: &Run, way: Way, phase: usize) -> String {
    let (_, time) = time(run, phase);
    percent(goodput(run, way, time.clone()), offered(run, way, time))
}

fn latency(run: &Run, phase: usize, percentile: f64) -> String {
    let latencies = Latencies::of(within(run, Way::Line, time(run, phase).1));
    latencies.percentile(percentile).map_or("–".to_owned(), milliseconds)
}

fn recovered(run: &Run, way: Way, phase: usize) -> String {
    match recovery(run, way, phase) {
        Some(after) => format!("{:.1} s", after.as_secs_f64()),
        None => format!("not within {} s", time(run, phase).0.seconds),
    }
}

fn memory(run: &Run) -> String {
    run.looks
        .iter()
        .map(|look| look.memory)
        .max()
        .map_or("–".to_owned(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6))
}

fn threads(run: &Run) -> String {
    run.looks.iter().map(|look| look.threads).max().map_or("–".to_owned(), |threads| threads.to_string())
}

/// With a digit after the point if there would be only one before it.
pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 9.95 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{} ms", thousands(milliseconds.round() as usize))
    }
}

fn table<const ROWS: usize>(outcome: &Outcome, script: Script, rows: &[Row<Run>; ROWS]) -> Vec<Vec<String>> {
    let runs: Vec<&Run> = outcome.of(script).filter(|run| !is_void(run)).collect();
    compared(runs.iter().map(|run| run.kind.told().to_owned()), runs.iter().map(|run| Some(*run)), rows)
}

/// What the figures stand on, in some sentences.
pub fn notes(outcome: &Outcome) -> String {
    let parameters = outcome.parameters;
    let capacity = format!(
        "100 % are {:.0} lines a second: the store has {} places, and each line takes {} ms. Beside them come {:.0} tails a second.",
        capacity(&parameters),
        parameters.store_places,
        parameters.store_takes,
        tails(&parameters)
    );
    let lags = outcome.runs.iter().map(lag).max().map_or("–".to_owned(), milliseconds);
    let busy = outcome.runs.iter().filter_map(|run| run.busy).reduce(f64::max);
    let busy = busy.map_or(String::new(), |busy| {
        format!(" The processors were busy for {:.0} % of the time at most.", busy * 100.0)
    });
    let void = outcome.runs.iter().filter(|run| is_void(run)).map(|run| {
        format!(
            " {}, {}: void, since the generator itself lagged by {}.",
            run.kind.told(),
            run.script.name,
            milliseconds(lag(run))
        )
    });
    let missing = outcome.missing.iter().map(|why| format!(" {why}"));
    format!(
        "{capacity} The generator's lag (p99) was {lags} at most.{busy}{}{}",
        void.collect::<String>(),
        missing.collect::<String>()
    )
}

/// Both tables, for a terminal.
pub fn terminal(outcome: &Outcome, whose: &str) -> String {
    let shown = tables(outcome).into_iter().filter(|table| table[0].len() > 1);
    let tables: String = shown.map(|table| aligned(&table, 1, 2) + "\n").collect();
    let whose = format!("The bounded async gateway is {whose}.");
    format!("{tables}{}\n{}", wrapped(&notes(outcome)), wrapped(&whose))
}

/// Both tables, for the book.
pub fn book(outcome: &Outcome) -> [String; 2] {
    tables(outcome).map(|table| markdown(&table, 1))
}

fn tables(outcome: &Outcome) -> [Vec<Vec<String>>; 2] {
    [table(outcome, OVERLOAD, &OVERLOADED), table(outcome, ILLNESS, &ILL)]
}
