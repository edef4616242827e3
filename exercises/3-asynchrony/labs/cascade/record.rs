//! The recorded run: the pages and the plots that the book shows.

use std::path::Path;

use testkit::lab;

use super::measure::is_void;
use super::run::Outcome;
use super::script::{ILLNESS, OVERLOAD};
use super::{plot, table};

/// Writes `cascade-overload.md` and `cascade-illness.md`, and a plot beside each, into `folder`.
pub fn record(outcome: &Outcome, folder: &Path, date: &str) -> Result<(), String> {
    if outcome.runs.iter().any(is_void) || !outcome.missing.is_empty() {
        return Err("Nothing was recorded, since a run is void or missing.".to_owned());
    }
    let command =
        format!("cargo run -p asynchrony-solution --example cascade -- --record book/src/3-asynchrony/labs {date}");
    let comment = lab::comment("another run, from the top of the workspace", &command);
    let about = format!(
        "*Recorded on {date} with the reference ({}). {} Another run gives other numbers.*",
        outcome.machine,
        table::notes(outcome)
    );
    let [overload, illness] = table::book(outcome).map(|table| format!("{comment}\n{table}\n{about}\n"));
    let pages = [
        ("cascade-overload.md", overload),
        ("cascade-illness.md", illness),
        ("cascade-overload.svg", plot::draw(outcome, OVERLOAD)),
        ("cascade-illness.svg", plot::draw(outcome, ILLNESS)),
    ];
    lab::record(folder, pages)
}
