//! The figures as tables, for the terminal and for the book.

use testkit::lab::table::{self, aligned, wrapped};
use testkit::text::thousands;

use super::cluster::SERVERS;
use super::experiment::{CLIENTS, Outcome, ROUNDS, Store};
use super::load::Measured;
use super::syncs::RECORD;

/// With a higher load before the lab has begun, something else is running.
const BUSY: f64 = 0.5;

/// A table: its first line is its head.
type Table = Vec<Vec<String>>;

/// A rate, in whole operations.
pub fn whole(rate: f64) -> String {
    thousands(rate.round() as usize)
}

/// A time in milliseconds, with three digits.
pub fn millis(time: f64) -> String {
    match time {
        time if time < 10.0 => format!("{time:.2}"),
        time if time < 100.0 => format!("{time:.1}"),
        time => format!("{time:.0}"),
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

/// What syncs cost.
fn syncs(outcome: &Outcome) -> Option<Table> {
    let groups = outcome.syncs.as_ref().ok()?;
    let mut table = vec![row(&["records for each sync", "syncs/s", "records/s", "p50 of a sync, ms", "p99, ms"])];
    table.extend(groups.iter().map(|group| {
        let Measured { rate, .. } = group.syncs;
        vec![
            group.records.to_string(),
            whole(rate),
            whole(rate * group.records as f64),
            millis(group.syncs.permille(500)),
            millis(group.syncs.permille(990)),
        ]
    }));
    Some(table)
}

/// How the stores did: for each number of clients a line for each of them.
fn stores(outcome: &Outcome) -> Option<Table> {
    if outcome.stores.is_empty() {
        return None;
    }
    let mut table =
        vec![row(&["clients", "store", "operations/s", "slowest to fastest round", "p50, ms", "p99, ms", "p99.9, ms"])];
    for (place, clients) in CLIENTS.iter().enumerate() {
        table.extend(outcome.stores.iter().map(|store| {
            let median = store.medians()[place];
            let mut line = vec![clients.to_string(), store.name.clone(), whole(median.rate), range(store, place)];
            line.extend([500, 990, 999].map(|permille| millis(median.permille(permille))));
            line
        }));
    }
    Some(table)
}

fn range(store: &Store, place: usize) -> String {
    let rounds = &store.rounds[place];
    let [slowest, fastest] = [rounds.first(), rounds.last()].map(|round| round.map_or(f64::NAN, |round| round.rate));
    format!("{} to {}", whole(slowest), whole(fastest))
}

/// How it was measured, in sentences.
pub fn parameters(outcome: &Outcome) -> String {
    let busy = outcome.load.map_or(String::new(), |load| match load {
        load if load > BUSY => format!(" Other programs were running too (load {load:.1})."),
        load => format!(" Nothing else was running (load {load:.1})."),
    });
    format!(
        "{}.{busy} A sync covers records of {RECORD} bytes. A store is {SERVERS} processes on loopback that sync each write on a \
         majority before they answer. A client has one request open at a time, and puts a number of 8 bytes under a key of its own. \
         The clients run on the same machine. Of {ROUNDS} rounds the median is shown, and of syncs all together.",
        outcome.machine
    )
}

/// What a reader should know before the figures are believed.
pub fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes: Vec<String> = outcome.syncs.as_ref().err().into_iter().chain(&outcome.missing).cloned().collect();
    let has_measured = outcome.syncs.is_ok() || !outcome.stores.is_empty();
    if has_measured && outcome.load.is_some_and(|load| load > BUSY) {
        notes.push(
            "Other programs were running when the lab began. Take orders of magnitude from it, not digits.".to_owned(),
        );
    }
    let in_no_time = |groups: &Vec<super::syncs::Group>| groups.iter().any(|group| group.syncs.permille(500) < 0.02);
    if outcome.syncs.as_ref().is_ok_and(in_no_time) {
        notes.push(
            "A sync takes no time here. The folder is in memory, or the disk only says that it has written. Choose a folder on \
             another disk: cargo course lab durability -- --on FOLDER"
                .to_owned(),
        );
    }
    if let [ours, etcd] = &outcome.stores[..] {
        let slower = (0..CLIENTS.len()).filter(|&place| ours.medians()[place].rate < etcd.medians()[place].rate);
        let slower: Vec<String> = slower.map(|place| CLIENTS[place].to_string()).collect();
        if !slower.is_empty() {
            notes.push(format!("{} is faster with this many clients: {}.", etcd.name, slower.join(", ")));
        }
    }
    notes
}

/// The tables, with how they came about.
pub fn terminal(outcome: &Outcome) -> String {
    let tables = [syncs(outcome), stores(outcome)].into_iter().flatten();
    let tables: String = tables.map(|table| aligned(&table, 0, 0) + "\n").collect();
    let notes: String = notes(outcome).into_iter().map(|note| wrapped(&note) + "\n").collect();
    format!("{}\n\n{tables}{notes}", wrapped(&parameters(outcome)))
}

/// The same as tables of the book.
pub fn markdown(outcome: &Outcome) -> String {
    let tables = [syncs(outcome), stores(outcome)].into_iter().flatten();
    let tables: Vec<String> = tables.map(|table| table::markdown(&table, 0)).collect();
    tables.join("\n")
}
