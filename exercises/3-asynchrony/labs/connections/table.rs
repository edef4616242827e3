//! What was measured, as tables for the terminal and for the book.

use testkit::lab::table::{aligned, markdown, wrapped};
use testkit::text::thousands;

use super::load::{LAG, PACE, Paced, Seen};
use super::run::{Outcome, ROUNDS};
use super::server::Kind;
use super::spread::{Of, Spread, number, ratio};
use super::watch::Look;

/// What [`MANY`] connections of the reference may take, in bytes.
pub const DEMANDED: f64 = 200e6;

const MANY: usize = 10_000;

/// A figure that a table shows, of both servers.
struct Measure {
    name: &'static str,
    of: Of,
    unit: &'static str,
    /// Whether the two are compared.
    is_compared: bool,
}

const IDLE: [Measure; 5] = [
    Measure { name: "resident memory each", of: resident, unit: " KB", is_compared: true },
    Measure { name: "kernel stack, page tables each", of: kernel, unit: " KB", is_compared: false },
    Measure { name: "addresses set aside each", of: reserved, unit: " KB", is_compared: false },
    Measure { name: "threads in all", of: threads, unit: "", is_compared: false },
    Measure { name: "until all have an answer", of: connecting, unit: " ms", is_compared: true },
];

const BUSY: [Measure; 4] = [
    Measure { name: "all at once: requests a second", of: rate, unit: "", is_compared: true },
    Measure { name: "processor time for each", of: worked, unit: " µs", is_compared: true },
    Measure { name: "at a pace: p50", of: p50, unit: " µs", is_compared: true },
    Measure { name: "at a pace: p99", of: p99, unit: " µs", is_compared: true },
];

/// How much more of something there is with the clients than without, for each of them, in kilobytes.
fn grown(seen: &Seen, of: fn(&Look) -> u64) -> Option<f64> {
    let (fresh, idle) = seen.fresh.zip(seen.idle)?;
    Some((of(&idle) as f64 - of(&fresh) as f64) / seen.connected.max(1) as f64 / 1e3)
}

fn resident(seen: &Seen) -> Option<f64> {
    grown(seen, |look| look.resident)
}

fn kernel(seen: &Seen) -> Option<f64> {
    grown(seen, |look| look.page_tables + look.kernel_stacks)
}

fn reserved(seen: &Seen) -> Option<f64> {
    grown(seen, |look| look.reserved)
}

fn threads(seen: &Seen) -> Option<f64> {
    seen.idle.map(|look| look.threads as f64)
}

/// All of the server's process with idle clients, in megabytes.
pub fn in_all(seen: &Seen) -> Option<f64> {
    seen.idle.map(|look| look.resident as f64 / 1e6)
}

/// In milliseconds.
pub fn connecting(seen: &Seen) -> Option<f64> {
    Some(seen.connecting.as_secs_f64() * 1e3)
}

/// Requests a second.
pub fn rate(seen: &Seen) -> Option<f64> {
    seen.busy.map(|busy| busy.rate)
}

fn worked(seen: &Seen) -> Option<f64> {
    Some(seen.busy?.worked?.as_secs_f64() * 1e6)
}

fn p50(seen: &Seen) -> Option<f64> {
    not_void(seen).map(|paced| paced.p50.as_secs_f64() * 1e6)
}

/// In microseconds.
pub fn p99(seen: &Seen) -> Option<f64> {
    not_void(seen).map(|paced| paced.p99.as_secs_f64() * 1e6)
}

fn not_void(seen: &Seen) -> Option<Paced> {
    seen.paced.filter(|_| !seen.is_void())
}

/// How often latencies are void all the same.
pub fn void(outcome: &Outcome) -> usize {
    outcome.tries.iter().filter(|tried| tried.seen.is_void()).count()
}

fn table<const MEASURES: usize>(outcome: &Outcome, measures: &[Measure; MEASURES]) -> Vec<Vec<String>> {
    let head = outcome.counts.iter().map(|&count| thousands(count));
    let mut lines = vec![std::iter::once("connections".to_owned()).chain(head).collect()];
    for measure in measures {
        let mut line = |label: String, cell: &dyn Fn(usize) -> Option<String>| {
            let cells = outcome.counts.iter().map(|&count| cell(count).unwrap_or_else(|| "–".to_owned()));
            lines.push(std::iter::once(label).chain(cells).collect());
        };
        let spread = |kind, count| Some(Spread::of(outcome, kind, count, measure.of)?.told(measure.unit));
        line(format!("{}: threads", measure.name), &|count| spread(Kind::Threads, count));
        line("– tasks".to_owned(), &|count| spread(Kind::Tasks, count));
        if measure.is_compared {
            line("– threads / tasks".to_owned(), &|count| ratio(outcome, count, measure.of));
        }
    }
    lines
}

/// What the connections to the gateway took, in a sentence.
fn gateway(outcome: &Outcome) -> Option<String> {
    let most = *outcome.counts.last()?;
    let spread = Spread::of(outcome, Kind::Gateway, most, in_all)?;
    let demanded = number(DEMANDED / 1e6);
    let verdict = match spread.most * 1e6 < DEMANDED {
        _ if most != MANY => String::new(),
        true => format!(", of the {demanded} MB that this stage allows the reference"),
        false => format!(", which is not below the {demanded} MB that this stage allows the reference"),
    };
    let (whose, most, resident) = (&outcome.whose, thousands(most), spread.told(" MB"));
    Some(format!("The gateway of the chain ({whose}) with {most} idle connections: {resident} resident{verdict}."))
}

/// How much the generator was late.
fn lag(outcome: &Outcome) -> String {
    let Some(lag) = outcome.tries.iter().filter_map(|tried| Some(tried.seen.paced?.lag)).max() else {
        return String::new();
    };
    let allowed = LAG.as_millis();
    let repeated = match outcome.repeated {
        0 => String::new(),
        repeated => format!("; tries that were made again, since it was more than {allowed} ms: {repeated}"),
    };
    let void = match void(outcome) {
        0 => String::new(),
        void => format!(" The latencies of {void} tries are left out: there it was more than {allowed} ms."),
    };
    format!(" The generator's lag (p99) was {} ms at most{repeated}.{void}", number(lag.as_secs_f64() * 1e3))
}

/// What the figures are taken over, and what is missing, in a paragraph each.
pub fn notes(outcome: &Outcome) -> Vec<String> {
    let load = outcome.load.map_or(String::new(), |load| {
        format!(" When the lab began, {} threads ran or waited to run, on average of a minute.", number(load))
    });
    let about = format!(
        "Each cell is the least and the greatest of {ROUNDS} rounds; a ratio is that of the two tries of a round. \
         What differs by less than the spread is undecided. At a pace, {} requests a second come, in turn from all clients.{}{load}",
        thousands(PACE as usize),
        lag(outcome)
    );
    std::iter::once(about).chain(gateway(outcome)).chain(outcome.refused.iter().cloned()).collect()
}

/// Both tables, for a terminal.
pub fn terminal(outcome: &Outcome) -> String {
    let is_shown = outcome.tries.iter().any(|tried| tried.kind != Kind::Gateway);
    let tables: String = tables(outcome).iter().filter(|_| is_shown).map(|table| aligned(table, 1, 2) + "\n").collect();
    let notes: Vec<String> = notes(outcome).iter().map(|note| wrapped(note)).collect();
    format!("{tables}{}\n", notes.join("\n\n"))
}

/// Both tables, for the book.
pub fn book(outcome: &Outcome) -> String {
    tables(outcome).map(|table| markdown(&table, 1)).join("\n")
}

fn tables(outcome: &Outcome) -> [Vec<Vec<String>>; 2] {
    [table(outcome, &IDLE), table(outcome, &BUSY)]
}
