//! What the simulated chain does near its capacity, in an overload, and with a slow store; and what was predicted.
//!
//! The first table needs no prediction. It shows why nobody plans for a chain that is 99 % busy. The others play the chain of the lab
//! `cascade`, [`Parameters::LAB`], and show predictions beside what the simulation counts. All of it comes from seeds: it is the same on
//! every machine.
//!
//! ```console
//! $ cargo course lab predict                                  # your predictions
//! $ cargo run -p asynchrony-solution --example predict        # the reference's
//! ```

use std::process::ExitCode;

use crate::subject::chain::parameters::{Load, Parameters};
use crate::subject::predict::simulation::{Change, DEAD, Ending, Path, Request, Run, Scenario, Spans, mean, run};
use crate::subject::predict::{capacity, exhausted_after, growth, hopeless_after, in_use, recovers_after};
use crate::subject::time::Millis;

const CHAIN: Parameters = Parameters::LAB;

/// Runs the lab. `whose` says whose predictions these are.
pub fn main(whose: &str) -> ExitCode {
    near_the_capacity();
    println!("\nPredictions: {whose}.");
    on_a_quiet_day();
    overload();
    slow_store();
    ExitCode::SUCCESS
}

/// Lines only, and so patient that nothing is given up: what waiting alone does.
fn near_the_capacity() {
    println!(
        "Near the capacity of 200 lines a second: milliseconds until a line is answered, over 200 simulated seconds\n"
    );
    println!(
        "| lines per second | utilisation of the store | constant: mean | varying: mean | varying: 99th percentile |"
    );
    println!("|--:|--:|--:|--:|--:|");
    for lines in [20, 100, 140, 160, 180, 190, 198] {
        let latencies = |spans| {
            let parameters = Parameters { timeout: 1_000_000, patience: 1_000_000, ..CHAIN };
            let load = Load { lines, tails: 0 };
            run(&Scenario { parameters, load, spans, changes: vec![], lasts: 200_000 }).latencies(Path::Line)
        };
        let (constant, varying) = (latencies(Spans::Constant), latencies(Spans::Exponential(3)));
        let p99 = varying[varying.len() * 99 / 100];
        let (constant, varying) = (mean(constant.into_iter()), mean(varying.into_iter()));
        println!("| {lines} | {} % | {constant:.0} | {varying:.0} | {p99:.0} |", lines / 2);
    }
}

fn on_a_quiet_day() {
    let load = Load { lines: 100, tails: 100 };
    let counted = play(load, vec![], 20_000);
    let told = in_use(&CHAIN, load);
    let most = capacity(&CHAIN, load.tails);
    println!("\nA quiet day, 100 lines and 100 tails a second: mean in use\n");
    println!("| | predicted | simulated |");
    println!("|---|--:|--:|");
    println!("| gateway's threads | {:.2} | {:.2} |", told.gateway, counted.gateway_in_use);
    println!("| enrich's threads | {:.2} | {:.2} |", told.enrich, counted.enrich_in_use);
    println!("| store's places | {:.2} | {:.2} |", told.store, counted.store_in_use);
    println!("| tail's places | {:.2} | {:.2} |", told.tail, counted.tail_in_use);
    println!(
        "\nPredicted: it keeps up with {:.0} lines a second, and the bottleneck is {:?}.",
        most.lines, most.bottleneck
    );
}

/// Ten times the capacity, for five seconds.
fn overload() {
    let (quiet, rush) = (Load { lines: 20, tails: 5 }, Load { lines: 2_000, tails: 500 });
    let changes = vec![(5_000, Change::Load(rush)), (10_000, Change::Load(quiet))];
    let run = play(quiet, changes, 70_000);
    println!("\nTen times the capacity from second 5 to second 10; simulated, at the end of each second or in it\n");
    println!("| second | queue | threads with lines | age of what is served, s | lines in time | tails in time |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for second in [4, 5, 6, 7, 9, 10, 20, 40, 55, 58, 60, 65] {
        let (from, until) = (second * 1_000_000, (second + 1) * 1_000_000);
        let age = run.age(until) as f64 / 1e6;
        let good = |path| run.in_time(path, from, until);
        let (queue, held) = (run.queue(until), run.held(Path::Line, until));
        println!("| {second} | {queue} | {held} | {age:.1} | {} | {} |", good(Path::Line), good(Path::Tail));
    }
    let backlog = run.queue(10_000_000);
    let in_the_rush = |request: &&Request| {
        let good = request.ended.is_some_and(|(_, ending)| ending == Ending::InTime);
        request.path == Path::Line && good && (5_000_000..10_000_000).contains(&request.arrived)
    };
    let last = run.requests.iter().rfind(in_the_rush).map(|request| request.arrived as f64 / 1e6 - 5.0);
    let hopeless = shown(hopeless_after(&CHAIN, rush));
    let recovers = shown(recovers_after(&CHAIN, quiet, backlog as u32));
    let emptied = shown(run.emptied(10_000_000).map(|at| at as f64 / 1e6 - 10.0));
    println!(
        "\nPredicted: the queue grows by {:.0} a second; no line that comes is in time {hopeless}.",
        growth(&CHAIN, rush)
    );
    println!("Simulated: the last line of the rush that is answered in time comes {}.", shown(last));
    println!(
        "{backlog} requests are in the queue when the rush ends. Predicted: it is empty {recovers}. Simulated: {emptied}."
    );
}

fn slow_store() {
    println!("\nThe store becomes slow: seconds until a request finds no thread of the gateway free\n");
    println!("| lines per second | tails per second | store takes | predicted | simulated |");
    println!("|--:|--:|--:|--:|--:|");
    for lines in [25, 100, 150] {
        for (store_takes, what) in [(40, "40 ms"), (120, "120 ms"), (DEAD, "forever")] {
            let load = Load { lines, tails: 100 };
            let run = play(load, vec![(2_000, Change::StoreTakes(store_takes))], 30_000);
            let counted = shown(run.exhausted(2_000_000).map(|at| at as f64 / 1e6 - 2.0));
            let told = shown(exhausted_after(&CHAIN, load, store_takes));
            println!("| {lines} | 100 | {what} | {told} | {counted} |");
        }
    }
}

fn play(load: Load, changes: Vec<(Millis, Change)>, lasts: Millis) -> Run {
    run(&Scenario { parameters: CHAIN, load, spans: Spans::Constant, changes, lasts })
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or("never".into(), |seconds| format!("after {seconds:.2} s"))
}
