//! The reference under its own monkey, on as many seeds as one likes. One of them is run by the graded check of the task `chaos`, so this
//! is run on demand only:
//!
//! `CHAOS_SEEDS=1..31 cargo test -p failures-solution --test chaos -- --ignored --nocapture`

use std::process::Command;

use failures_solution::chaos::{Plan, run};

/// The seeds that are asked for, or the first.
fn seeds() -> std::ops::Range<u64> {
    let read = |range: String| {
        let (from, to) = range.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    };
    match std::env::var("CHAOS_SEEDS") {
        Ok(range) => read(range).expect("CHAOS_SEEDS must be a range, such as 0..10"),
        Err(_) => 1..2,
    }
}

#[test]
#[ignore = "the graded check of the task `chaos` runs one seed; this runs CHAOS_SEEDS"]
fn what_clients_are_told_has_an_order_whatever_the_monkey_does() {
    for seed in seeds() {
        let command = |seat: &testkit::network::Seat| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_kv-reference"));
            command.arg("serve").args(seat.arguments()).arg("--ailment").arg(&seat.ailment);
            command.args(["--election", "400-800", "--heartbeat", "100"]);
            command
        };
        let report = run(&Plan::usual(seed), command, &mut |_| ()).unwrap();
        println!("seed {seed}: {report}");
        assert!(report.broken.is_empty(), "seed {seed}: {report}");
        assert!(report.answers.len() > report.faults.len() && report.faults.len() > 2, "something happens: {report}");
    }
}
