//! What do clients see of a cluster whose servers are killed, paused, cut off, slowed down and left without a disk?
//!
//! The lab lets the monkey loose on five real processes, and shows on the terminal how it goes ([`screen`]). Then it does the same faults, at the
//! same moments, to others ([`run`]): to a single server, and to five whose timeouts are set badly. It counts what clients were told
//! ([`measure`]), prints tables ([`table`]) and draws a plot ([`plot`]).
//!
//! Nothing here can be repeated to the byte. The seed chooses which server is hit and how; who leads at that moment is up to the cluster, and
//! how fast an answer comes is up to the machine.
//!
//! ```console
//! $ cargo course lab chaos                         # your code; the plot goes to target/course/labs/chaos.svg
//! $ cargo course lab chaos -- --seed 7 --days 20   # another monkey, for longer
//! $ cargo course lab chaos -- --election 2000-4000 --heartbeat 500   # other bad timeouts
//! $ cargo course lab chaos --reference             # the reference
//! $ cargo run -p failures-solution --example chaos -- --record book/src/2-failures/labs 2026-11-27   # the run in the book
//! ```
//!
//! The servers are this program, too: with `serve` as its first word it is one.

pub mod measure;
pub mod options;
pub mod plot;
pub mod record;
pub mod run;
pub mod screen;
pub mod table;

use std::env;
use std::process::ExitCode;

use options::Options;
use testkit::lab;

#[path = "../../bin/command/mod.rs"]
mod command;

/// Runs the lab, or a server of it. `whose` says whose code this is.
pub fn main(whose: &str) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "serve") {
        return command::main(words);
    }
    lab::exit(Options::read(&words).and_then(|options| start(whose, &options)))
}

fn start(whose: &str, options: &Options) -> Result<(), String> {
    let runs = run::all(options)?;
    println!("\n{}", table::terminal(&runs, options, whose));
    for note in table::notes(&runs) {
        println!("{note}");
    }
    match &options.record {
        Some((folder, date)) => record::record(&runs, options, folder, date),
        None => lab::write(&lab::plots().join("chaos.svg"), &plot::draw(&runs)),
    }
}
