//! The lab `connections`: what it takes, when two servers differ, and what it says of refusals. Its numbers are not the same twice.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use asynchrony_solution as subject;

#[expect(dead_code, reason = "a test has no use for the lab's entry, its processes and its screen")]
#[path = "../../../exercises/3-asynchrony/labs/connections/mod.rs"]
mod lab;

use lab::load::{Busy, Paced, Seen};
use lab::options::Options;
use lab::refusal;
use lab::run::{Outcome, Try};
use lab::server::Kind;
use lab::spread::{Spread, ratio};
use lab::table::{self, rate};

fn read(line: &str) -> Result<Options, String> {
    Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn seen(connected: usize, rate: f64, lag: Duration) -> Seen {
    let (p50, p99) = (Duration::from_micros(100), Duration::from_micros(900));
    let (busy, paced) = (Some(Busy { rate, worked: None }), Some(Paced { p50, p99, lag }));
    let connecting = Duration::from_millis(3);
    Seen { connected, connecting, refused: BTreeMap::new(), fresh: None, idle: None, busy, paced }
}

/// Rounds with 100 connections, in which the servers do so many requests a second.
fn outcome(threads: [f64; 3], tasks: [f64; 3]) -> Outcome {
    let round = |kind, rate| Try { kind, count: 100, seen: seen(100, rate, Duration::ZERO) };
    let pairs = threads.into_iter().zip(tasks);
    let tries = pairs.flat_map(|(threads, tasks)| [round(Kind::Threads, threads), round(Kind::Tasks, tasks)]).collect();
    let (machine, whose) = ("a machine".to_owned(), "the reference's".to_owned());
    Outcome { machine, load: None, whose, counts: vec![100], tries, repeated: 0, refused: Vec::new() }
}

#[test]
fn the_command_line_is_read_or_explained() {
    assert_eq!(read("").unwrap().counts, [100, 1_000, 3_000, 10_000]);
    assert_eq!(read("--connections 7 --only tasks").unwrap().kinds, [Kind::Tasks]);
    for (line, says) in [
        ("--only fibers", "must be one of `threads`, `tasks`, `gateway`"),
        ("--connections 0", "a number from 1 to 100000"),
        ("--record a", "Nothing follows"),
        ("--record a b --only tasks", "The book shows all of it"),
        ("--frob", "does not know `--frob`"),
    ] {
        let why = read(line).unwrap_err();
        assert!(why.contains(says), "{line}: {why}");
    }
}

#[test]
fn what_differs_by_less_than_the_spread_is_undecided() {
    let near = outcome([100.0, 120.0, 110.0], [118.0, 130.0, 125.0]);
    assert_eq!(ratio(&near, 100, rate).as_deref(), Some("undecided"));
    let apart = outcome([100.0, 120.0, 110.0], [200.0, 200.0, 220.0]);
    assert_eq!(ratio(&apart, 100, rate).as_deref(), Some("0.50–0.60"), "of the two tries of a round");
    assert_eq!(ratio(&apart, 1_000, rate), None);
}

#[test]
fn a_spread_has_a_middle_that_was_measured() {
    let spread = Spread::new([30.0, 10.0, 20.0]).unwrap();
    assert_eq!((spread.least, spread.middle, spread.most), (10.0, 20.0, 30.0));
    assert_eq!(spread.told(" ms"), "10–30 ms");
    assert_eq!(Spread::new([]), None);
}

#[test]
fn a_try_that_is_not_complete_has_no_figures() {
    let mut outcome = outcome([1.0; 3], [2.0; 3]);
    outcome.tries.iter_mut().for_each(|tried| tried.seen.connected = 99);
    assert_eq!(Spread::of(&outcome, Kind::Threads, 100, rate), None);
    assert!(table::terminal(&outcome).contains('–'));
}

#[test]
fn latencies_of_a_generator_that_lagged_are_void() {
    let mut outcome = outcome([1.0; 3], [2.0; 3]);
    assert_eq!(table::void(&outcome), 0);
    outcome.tries[0].seen = seen(100, 1.0, Duration::from_millis(6));
    assert_eq!(table::void(&outcome), 1);
    assert_eq!(Spread::of(&outcome, Kind::Threads, 100, table::p99), Spread::new([900.0, 900.0]));
}

#[test]
fn a_refusal_is_told_in_words() {
    let told = |errno: rustix::io::Errno| refusal::told(&errno.into());
    assert!(told(rustix::io::Errno::MFILE).starts_with("EMFILE, the process has as many files open"));
    assert!(told(rustix::io::Errno::AGAIN).starts_with("EAGAIN, there is nothing left to make a thread of"));
    assert_eq!(refusal::told(&io::ErrorKind::UnexpectedEof.into()), told(rustix::io::Errno::CONNRESET));
}
