//! The recorded run: the page and the plot that the book shows.

use std::path::Path;

use testkit::lab;

use super::experiment::Outcome;
use super::{plot, table};

/// Writes `durability.md` and `durability.svg` into `folder`.
///
/// # Errors
/// If something was not measured, or a file cannot be written.
pub fn record(outcome: &Outcome, folder: &Path, date: &str) -> Result<(), String> {
    if let Some(why) = outcome.syncs.as_ref().err().or(outcome.missing.as_ref()) {
        return Err(format!("Nothing was recorded. {why}"));
    }
    lab::record(folder, [("durability.md", page(outcome, date)), ("durability.svg", plot::draw(outcome))])
}

fn page(outcome: &Outcome, date: &str) -> String {
    let etcd = if outcome.stores.len() > 1 { "--etcd " } else { "" };
    let command = format!(
        "cargo run -p failures-solution --example durability -- {etcd}--record book/src/2-failures/labs {date}"
    );
    let comment = lab::comment("it anew, from the top of the workspace, on a machine that does nothing else", &command);
    let (tables, parameters) = (table::markdown(outcome), table::parameters(outcome));
    format!("{comment}\n{tables}\n*Recorded on {date}: {parameters}*\n")
}
