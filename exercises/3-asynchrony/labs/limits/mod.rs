//! Three limits on concurrency, and what each of them makes of the same service: the AIMD limit of this stage, and two that measure the delay.
//!
//! The service is simulated, event by event, in virtual time ([`simulation`]): it has ten places and a queue without an end. So ten calls at a
//! time are right, always, and each limit has to find that out ([`law`]) in five scenarios ([`scenario`]). All chance comes from a seed: the
//! table and the plot are the same in each run.
//!
//! ```console
//! $ cargo course lab limits                # your limit, and the two others
//! $ cargo course lab limits --reference    # the reference's
//! $ cargo run -p asynchrony-solution --example limits -- --record book/src/3-asynchrony/labs   # what the book shows
//! ```

pub mod law;
pub mod plot;
pub mod scenario;
pub mod simulation;
pub mod table;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use law::Kind;
use scenario::SCENARIOS;
use simulation::Run;
use testkit::lab;
use testkit::lab::table::{aligned, markdown, wrapped};

/// Runs the lab. `whose` says whose AIMD limit it is.
pub fn main(whose: &str) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    lab::exit(match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => show(whose),
        ["--record", folder] => record(Path::new(folder)),
        _ => {
            Err("This lab takes `--record FOLDER`, to write the table and the plot of the book, or nothing.".to_owned())
        }
    })
}

/// All scenarios, each with all limits.
pub fn runs() -> Vec<Run> {
    SCENARIOS.iter().flat_map(|scenario| Kind::ALL.map(|kind| simulation::run(scenario, kind))).collect()
}

fn show(whose: &str) -> Result<(), String> {
    let runs = runs();
    println!("{}", aligned(&table::table(&runs), 2, 2));
    println!("{}", wrapped(&format!("{} The AIMD limit is {whose}.", table::notes())));
    lab::write(&lab::plots().join("limits.svg"), &plot::draw(&runs))
}

/// Writes `limits.md` and `limits.svg` into `folder`.
pub fn record(folder: &Path) -> Result<(), String> {
    let runs = runs();
    let command = "cargo run -p asynchrony-solution --example limits -- --record book/src/3-asynchrony/labs";
    let comment = lab::comment("it again, from the top of the workspace", command);
    let (table, notes) = (markdown(&table::table(&runs), 2), table::notes());
    let page = format!("{comment}\n{table}\n*Simulated with the reference; all chance comes from a seed. {notes}*\n");
    lab::record(folder, [("limits.md", page), ("limits.svg", plot::draw(&runs))])
}
