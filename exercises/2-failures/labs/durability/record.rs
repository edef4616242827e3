//! The recorded run: the page and the plot that the book shows.

use std::path::Path;

use super::experiment::Outcome;
use super::{plot, table, write};

/// Writes `durability.md` and `durability.svg` into `folder`.
///
/// # Errors
/// If something was not measured, or a file cannot be written.
pub fn record(outcome: &Outcome, folder: &Path, date: &str) -> Result<(), String> {
    if let Some(why) = outcome.syncs.as_ref().err().or(outcome.missing.as_ref()) {
        return Err(format!("Nothing was recorded. {why}"));
    }
    for (name, text) in [("durability.md", page(outcome, date)), ("durability.svg", plot::draw(outcome))] {
        let file = folder.join(name);
        write(&file, &text).map_err(|why| format!("Cannot write {}: {why}.", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

fn page(outcome: &Outcome, date: &str) -> String {
    let etcd = if outcome.stores.len() > 1 { "--etcd " } else { "" };
    format!(
        "<!-- Written by the lab itself. To write it anew, from the top of the workspace, on a machine that does nothing else:\n     cargo \
         run -p failures-solution --example durability -- {etcd}--record book/src/2-failures/labs {date} -->\n\n{}\n*Recorded \
         on {date}: {}*\n",
        table::markdown(outcome),
        table::parameters(outcome)
    )
}
