//! The recorded run: the page and the plot that the book shows.

use std::path::Path;

use testkit::lab;

use super::run::Outcome;
use super::{plot, table};

/// Writes `connections.md` and `connections.svg` into `folder`.
pub fn record(outcome: &Outcome, folder: &Path, date: &str) -> Result<(), String> {
    if table::void(outcome) > 0 {
        return Err(
            "Nothing was recorded, since the generator lagged: run it again when the machine is quiet.".to_owned()
        );
    }
    let command =
        format!("cargo run -p asynchrony-solution --example connections -- --record book/src/3-asynchrony/labs {date}");
    let comment = lab::comment("another run, from the top of the workspace", &command);
    let table = table::book(outcome);
    let notes = table::notes(outcome).join(" ");
    let about = format!("*Recorded on {date} ({}). {notes} Another run gives other numbers.*", outcome.machine);
    let pages =
        [("connections.md", format!("{comment}\n{table}\n{about}\n")), ("connections.svg", plot::draw(outcome))];
    lab::record(folder, pages)
}
