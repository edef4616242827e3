//! The recorded run: the page and the plot that the book shows.

use std::path::Path;
use std::thread::available_parallelism;

use testkit::lab;

use super::options::Options;
use super::run::Run;
use super::{plot, table};

/// Writes `chaos.md`, `chaos-faults.md` and `chaos.svg` into `folder`.
pub fn record(runs: &[Run], options: &Options, folder: &Path, date: &str) -> Result<(), String> {
    if runs.iter().any(|run| !run.report.broken.is_empty()) {
        return Err("Nothing was recorded, since a rule was broken.".to_owned());
    }
    let [by_run, by_fault] = table::markdown(runs);
    let (comment, about) = (comment(options, date), about(runs, options, date));
    let pages = [
        ("chaos.md", format!("{comment}\n{by_run}\n{about}\n")),
        ("chaos-faults.md", format!("{comment}\n{by_fault}\n")),
        ("chaos.svg", plot::draw(runs)),
    ];
    lab::record(folder, pages)
}

fn comment(options: &Options, date: &str) -> String {
    let Options { seed, days, election, heartbeat, .. } = options;
    let command = format!(
        "cargo run -p failures-solution --example chaos -- --seed {seed} --days {days} --election {election} --heartbeat {heartbeat} --record \
         book/src/2-failures/labs {date}"
    );
    lab::comment("another run, from the top of the workspace", &command)
}

fn about(runs: &[Run], options: &Options, date: &str) -> String {
    let cores = available_parallelism().map_or("an unknown number of".to_owned(), |cores| cores.to_string());
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    format!(
        "*Recorded on {date} with the reference, on a machine with {cores} cores ({system}, {processor}). {} Another run gives other numbers.*",
        table::parameters(runs, options)
    )
}
