//! The lab `chaos`: what it takes, how it counts, and that it draws whatever a run has shown. Its numbers are not the same twice.

use std::time::Duration;

use failures_solution as subject;

#[expect(dead_code, reason = "a test has no use for the lab's entry and its screen")]
#[path = "../../../exercises/2-failures/labs/chaos/mod.rs"]
mod lab;

use lab::measure::{longest_silence, percentile, same_fault, silence_of, terms, throughput, windows};
use lab::options::Options;
use lab::run::{Glimpse, Run};
use lab::{plot, table};
use subject::chaos::clients::Answered;
use subject::chaos::{Broken, Injected, Report};
use subject::monkey::Kind;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn read(line: &str) -> Result<Options, String> {
    Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

/// An answer every 10 ms, but none from 1,000 ms to 1,400 ms; the leader was killed at 1,005 ms, and another server at 2,000 ms.
fn run() -> Run {
    let at = (0..300).map(|tenth| tenth * 10).filter(|at| !(1_001..1_400).contains(at));
    let answers = at.map(|at| Answered { at: ms(at), took: ms(if at == 1_400 { 401 } else { 1 }) }).collect();
    let kill =
        |server, from| Injected { server, kind: Kind::Kill, from_all: true, from: ms(from), until: ms(from + 600) };
    let report = Report { answers, faults: vec![kill(2, 1_005), kill(0, 2_000)], ..Report::default() };
    let leader = |at| if at < 1_400 { (2, 1) } else { (1, 3) };
    let glimpses = (0..30).map(|tenth| Glimpse { at: ms(tenth * 100), leader: Some(leader(tenth * 100)) }).collect();
    Run { name: "five servers", told: "--election 150-300".to_owned(), servers: 5, end: ms(3_000), report, glimpses }
}

#[test]
fn the_command_line_is_read_or_refused_in_a_sentence() {
    let options = read("--seed 7 --days 3 --election 10-20 --heartbeat 5 --record folder 2026-11-27").unwrap();
    assert_eq!((options.seed, options.days, options.election.as_str()), (7, 3, "10-20"));
    assert_eq!(options.record, Some(("folder".into(), "2026-11-27".to_owned())));
    let wrong = "--seed|--seed -1|--seed x|--days 0|--days 101|--days 1.5|--election 60|--election 60-30|--election 0-5|--heartbeat 0|--record x|--fast|7";
    for line in wrong.split('|') {
        let says = read(line).expect_err(line);
        assert!(says.ends_with('.') && says.contains(line.split(' ').next().unwrap_or_default()), "{line}: {says}");
    }
}

#[test]
fn a_percentile_is_what_so_many_did_not_exceed() {
    let sorted: Vec<Duration> = (1..=1_000).map(ms).collect();
    for (of_thousand, expected) in [(500, 500), (990, 990), (999, 999), (1_000, 1_000), (0, 1)] {
        assert_eq!(percentile(&sorted, of_thousand), Some(ms(expected)), "{of_thousand} of a thousand");
    }
    assert_eq!(percentile(&sorted[..1], 500), Some(ms(1)));
    assert_eq!(percentile(&[], 500), None);
}

#[test]
fn silence_belongs_to_the_fault_before_it() {
    let run = run();
    assert_eq!(longest_silence(&run), ms(400));
    let [leader, other] = run.report.faults.as_slice() else { panic!("two faults") };
    assert_eq!((silence_of(&run, leader), silence_of(&run, other)), (Some(ms(400)), Some(ms(10))));
    assert!(run.hit_the_leader(leader) && !run.hit_the_leader(other));
    assert_eq!(same_fault(&run, leader), Some(leader));
    assert_eq!(terms(&run), (2, 3));
}

#[test]
fn a_run_without_any_answer_is_one_silence() {
    let run = Run { report: Report::default(), glimpses: Vec::new(), ..run() };
    assert_eq!(longest_silence(&run), ms(3_000));
    assert!(windows(&run).iter().all(Option::is_none) && throughput(&run).iter().all(|answers| *answers == 0));
    assert!(plot::draw(&[run]).ends_with("</svg>\n"));
}

#[test]
fn answers_are_counted_where_they_came() {
    let run = run();
    let bins = throughput(&run);
    assert_eq!((bins[0], bins[10], bins[11], bins[14]), (10, 1, 0, 10));
    let windows = windows(&run);
    assert_eq!(windows[6], None, "from 1,200 to 1,400 ms nobody was answered");
    assert_eq!(windows[7].map(|window| (window.p50, window.p99)), Some((ms(1), ms(401))));
}

#[test]
fn what_was_wrong_is_told() {
    let options = read("").unwrap();
    let mut run = run();
    assert_eq!(table::notes(&[]), [""; 0]);
    assert!(table::terminal(std::slice::from_ref(&run), &options, "yours").contains("400 ms, led"));
    run.report.broken.push(Broken::Order("No order explains it.".to_owned()));
    assert!(table::notes(&[run]).iter().any(|note| note.contains("No order explains it.")));
}
