//! The counts as a table, for the terminal and for the book.

use super::day::{CALM, DELAY, GAP, ONE_WRITE_IN, PARTITION, PATIENCE, ROUNDS, SEEDS, SERVERS, SILENCE};
use super::measure::Counts;
use super::run::Contender;
use testkit::lab::table::{self, Row, aligned, compared, wrapped};
use testkit::text::thousands;

const ROWS: [Row<Counts>; 11] = [
    Row { label: "operations answered", cell: |c| thousands(c.all().operations - c.all().refused) },
    Row { label: "operations refused", cell: |c| thousands(c.all().refused) },
    Row { label: "  of those asked during a partition", cell: |c| part(c.partition.refused, c.partition.operations) },
    Row { label: "stale reads", cell: |c| thousands(c.all().stale) },
    Row { label: "  of those answered while all links work", cell: |c| part(c.calm.stale, c.calm.reads) },
    Row { label: "  of those answered during a partition", cell: |c| part(c.partition.stale, c.partition.reads) },
    Row { label: "lost writes", cell: |c| thousands(c.lost) },
    Row { label: "partitions after which servers disagree", cell: |c| format!("{} of {}", c.disagreeing, c.looks) },
    Row {
        label: "refused writes that were read later",
        cell: |c| format!("{} of {}", thousands(c.late), thousands(c.refused_writes)),
    },
    Row { label: "latency in ticks: median, 99th, longest", cell: latency },
    Row { label: "days that are linearizable", cell: linearizable },
];

/// A share of a whole: `19% of 1,234`.
fn part(some: usize, all: usize) -> String {
    format!("{} of {}", percent(some, all), thousands(all))
}

/// A share, rounded; but neither 0% nor 100% unless it is exactly that.
pub fn percent(some: usize, all: usize) -> String {
    let rounded = (200 * some + all).checked_div(2 * all).unwrap_or(0);
    match rounded {
        0 if some > 0 => "under 1%".to_owned(),
        100 if some < all => "over 99%".to_owned(),
        _ => format!("{rounded}%"),
    }
}

fn latency(counts: &Counts) -> String {
    let show = |percent| counts.percentile(percent).map_or("–".to_owned(), |ticks| ticks.to_string());
    [50, 99, 100].map(show).join(", ")
}

fn linearizable(counts: &Counts) -> String {
    let undecided = match counts.undecided {
        0 => String::new(),
        days => format!(" ({days} undecided)"),
    };
    format!("{} of {}{undecided}", counts.linearizable, counts.days)
}

/// The first line and the others, each with its label.
fn cells(contenders: &[Contender]) -> Vec<Vec<String>> {
    let counts: Vec<_> = contenders.iter().map(|contender| contender.runs.as_deref().ok().map(Counts::of)).collect();
    let names = contenders.iter().map(|contender| format!("{} ({})", contender.name, contender.whose));
    compared(names, counts.iter().map(Option::as_ref), &ROWS)
}

/// What the days are made of, in sentences.
pub fn parameters() -> [String; 3] {
    let days = SEEDS.end - SEEDS.start;
    let ticks = |range: &std::ops::RangeInclusive<u64>| format!("{} to {}", range.start(), range.end());
    [
        format!(
            "{days} days (seeds {} to {}) of {ROUNDS} rounds, {SERVERS} servers. A round: all links work for {} ticks, then one \
             server is cut off for {} ticks, then {SILENCE} ticks of silence until everything has arrived.",
            SEEDS.start,
            SEEDS.end - 1,
            ticks(&CALM),
            ticks(&PARTITION),
        ),
        format!(
            "A request every {} ticks at a random server; one in {ONE_WRITE_IN} is a write. A message takes {} ticks. A client \
             gives up after {PATIENCE} ticks.",
            ticks(&GAP),
            ticks(&DELAY),
        ),
        "It is a simulation drawn from the seeds: the same code gives the same numbers on every machine.".to_owned(),
    ]
}

/// The table with its parameters, in at most 100 columns.
pub fn terminal(contenders: &[Contender]) -> String {
    format!("{}\n\n{}", wrapped(&parameters().join("\n")), aligned(&cells(contenders), 1, 0))
}

/// The same as a table of the book.
pub fn markdown(contenders: &[Contender]) -> String {
    table::markdown(&cells(contenders), 1).replace("  of those", "– of those")
}

/// What a register that falls short of its promise should hear.
pub fn notes(contenders: &[Contender]) -> Vec<String> {
    contenders.iter().filter_map(note).collect()
}

fn note(contender: &Contender) -> Option<String> {
    let runs = match &contender.runs {
        Ok(runs) => runs,
        Err(why) => return Some(why.clone()),
    };
    let counts = Counts::of(runs);
    let all = counts.all();
    let broken = match contender.name {
        "CP" if all.stale + counts.lost > 0 || counts.linearizable < counts.days => "is not consistent",
        "AP" if all.refused > 0 => "is not available",
        _ => return None,
    };
    let task = contender.task.unwrap_or_default();
    Some(format!("The {} register {broken}: cargo course check {task}", contender.name))
}
