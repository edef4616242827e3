//! What do clients see of a chain when more comes in than it can do, and when one of its services gets slow, or dies?
//!
//! The lab starts the chain's services as processes, with each of the four gateways in turn ([`chain`]), and plays two scripts to each
//! ([`script`]): one in which the load rises to ten times what the chain can do, and falls again; and one in which the store gets slow, gets well,
//! dies, and comes back. Clients send on schedule, whether they are answered or not ([`load`]). It looks at the gateway's memory and threads
//! ([`watch`]), and hears of each line that is stored ([`follow`]). Then it prints tables ([`table`]) and draws plots
//! ([`plot`]), with what the simulation of stage 3 and your predictions say of the blocking one ([`forecast`]).
//!
//! ```console
//! $ cargo course lab cascade                       # your gateway, and the three that are given: some seven minutes
//! $ cargo course lab cascade -- --only yours       # yours alone
//! $ cargo course lab cascade --reference           # the reference
//! $ cargo run -p asynchrony-solution --example cascade -- --record book/src/3-asynchrony/labs 2026-11-30   # the run in the book
//! ```
//!
//! The services are this program, too: with `gateway`, `enrich`, `store` or `tail` as its first word it is one of them.

pub mod chain;
pub mod follow;
pub mod forecast;
pub mod load;
pub mod measure;
pub mod options;
pub mod plot;
pub mod record;
pub mod run;
pub mod script;
pub mod table;
pub mod watch;

use std::env;
use std::process::ExitCode;

use options::Options;
use testkit::lab;

#[path = "../../bin/command/mod.rs"]
mod command;

#[path = "../customers.rs"]
mod customers;
#[path = "../open_files.rs"]
mod open_files;
#[path = "../process.rs"]
mod process;

/// The words that make this program a service.
const SERVICES: [&str; 4] = ["gateway", "enrich", "store", "tail"];

/// Runs the lab, or a service of it. `whose` says whose gateway the fourth one is.
pub fn main(whose: &str) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| SERVICES.contains(&word.as_str())) {
        return command::main(words);
    }
    lab::exit(Options::read(&words).and_then(|options| start(whose, &options)))
}

fn start(whose: &str, options: &Options) -> Result<(), String> {
    let outcome = run::all(options)?;
    println!("\n{}", table::terminal(&outcome, whose));
    match &options.record {
        Some((folder, date)) => record::record(&outcome, folder, date),
        None => options.scripts.iter().try_for_each(|&script| {
            lab::write(&lab::plots().join(format!("cascade-{}.svg", script.name)), &plot::draw(&outcome, script))
        }),
    }
}
