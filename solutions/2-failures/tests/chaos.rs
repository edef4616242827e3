//! The reference under its own monkey: five real processes, four clients, every kind of failure that a site can do.
//!
//! `CHAOS_SEEDS=10..20 cargo test -p failures-solution --test chaos -- --nocapture` runs others than the one seed that is always run.

use std::process::Command;

use failures_solution::chaos::{Plan, run};

/// The seeds that are asked for, or one.
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
fn what_clients_are_told_has_an_order_whatever_the_monkey_does() {
    for seed in seeds() {
        let report = run(Plan::usual(seed), |seat| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_kv-reference"));
            // Wider than usual: where tests run side by side, a sync may take longer than 150 ms.
            command.arg("serve").args(seat.arguments()).args(["--election", "400-800", "--heartbeat", "100"]);
            command
        })
        .unwrap();
        println!("seed {seed}: {report}");
        assert!(report.wrong.is_empty(), "seed {seed}: {report}");
        assert!(report.answered > 100 && report.deeds.values().sum::<usize>() > 5, "something happens: {report}");
    }
}
