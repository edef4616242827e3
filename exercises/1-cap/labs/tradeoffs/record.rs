//! The recorded run: the page and the plot that the book shows.

use std::path::Path;

use super::run::Contender;
use super::{plot, table, write};

/// Writes `tradeoffs.md` and `tradeoffs.svg` into `folder`.
pub fn record(contenders: &[Contender], folder: &Path, date: &str) -> Result<(), String> {
    if let Some(why) = contenders.iter().find_map(|contender| contender.runs.as_ref().err()) {
        return Err(format!("Nothing was recorded. {why}"));
    }
    for (name, text) in [("tradeoffs.md", page(contenders, date)), ("tradeoffs.svg", plot::draw(contenders))] {
        let file = folder.join(name);
        write(&file, &text).map_err(|why| format!("Cannot write {}: {why}.", file.display()))?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

fn page(contenders: &[Contender], date: &str) -> String {
    let [days, requests, same] = table::parameters();
    format!(
        "<!-- Written by the lab itself. To write it anew, from the top of the workspace:\n     cargo run -p cap-solution --example \
         tradeoffs -- --record book/src/1-cap/labs {date} -->\n\n{}\n*Recorded on {date}. {days} {requests} {same}*\n",
        table::markdown(contenders)
    )
}
