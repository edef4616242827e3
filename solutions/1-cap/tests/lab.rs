//! The numbers of the lab `tradeoffs`: the same in each run, what the registers promise, and those in the book.

use std::fs;
use std::path::{Path, PathBuf};

use cap_solution as subject;

#[expect(dead_code, reason = "a test has no use for the lab's entry and its screen")]
#[path = "../../../exercises/1-cap/labs/tradeoffs/mod.rs"]
mod lab;

use lab::day::{Day, ROUNDS, SEEDS};
use lab::measure::Counts;
use lab::run::{Contender, contenders};
use lab::{record, table};

fn counts(contenders: &[Contender]) -> Vec<Counts> {
    contenders.iter().map(|contender| Counts::of(contender.runs.as_ref().unwrap())).collect()
}

#[test]
fn the_numbers_are_the_same_in_each_run() {
    assert_eq!(counts(&contenders("reference")), counts(&contenders("reference")));
}

#[test]
fn each_register_keeps_its_promise_and_pays_for_it() {
    let contenders = contenders("reference");
    let [naive, cp, ap] = counts(&contenders).try_into().unwrap();
    assert_eq!(table::notes(&contenders), [""; 0], "the reference falls short of nothing");

    assert_eq!((cp.all().stale, cp.lost, cp.disagreeing), (0, 0, 0), "CP is one register");
    assert_eq!(cp.linearizable, SEEDS.count());
    assert!(cp.partition.refused > 0, "CP refuses on the side without a majority");
    assert!(cp.percentile(50) > Some(0), "CP waits for others");

    assert_eq!((ap.all().refused, ap.percentile(100)), (0, Some(0)), "AP answers at once");
    assert_eq!(ap.disagreeing, 0, "AP agrees when everything has arrived");
    assert!(ap.partition.stale > 0 && ap.lost > 0 && ap.linearizable == 0, "AP pays with its answers");

    assert_eq!((naive.all().refused, naive.percentile(100)), (0, Some(0)), "naive answers at once");
    assert!(naive.all().stale > 0 && naive.lost > 0 && naive.disagreeing > 0, "naive keeps nothing: {naive:?}");
}

#[test]
fn all_registers_meet_the_same_operations() {
    let contenders = contenders("reference");
    let operations: Vec<_> = counts(&contenders).iter().map(|counts| counts.all().operations).collect();
    assert_eq!(operations, [operations[0]; 3]);
    for (number, seed) in SEEDS.enumerate() {
        let planned = Day::draw(seed).planned;
        assert!(planned.len() > 20 * ROUNDS);
        for contender in &contenders {
            let run = &contender.runs.as_ref().unwrap()[number];
            assert!(run.operations.iter().map(|operation| operation.planned).eq(planned.iter().copied()));
        }
    }
}

#[test]
fn the_book_shows_the_lab_as_it_is_now() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/1-cap/labs");
    let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let recorded = read(&book, "tradeoffs.md");
    let date = recorded.split("*Recorded on ").nth(1).and_then(|rest| rest.get(..10)).expect("the page has a date");
    let now = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("labs");
    record::record(&contenders("reference"), &now, date).unwrap();
    for name in ["tradeoffs.md", "tradeoffs.svg"] {
        assert!(
            read(&now, name) == read(&book, name),
            "{name} is not what the lab gives now. Record it anew: cargo run -p cap-solution --example tradeoffs -- --record \
             book/src/1-cap/labs {date}\nThen mend the figures in book/src/1-cap/choosing.md, which come from it."
        );
    }
}
