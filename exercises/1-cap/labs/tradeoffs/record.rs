//! The recorded run: the page and the plot that the book shows.

use std::path::Path;

use testkit::lab;

use super::run::Contender;
use super::{plot, table};

/// Writes `tradeoffs.md` and `tradeoffs.svg` into `folder`.
pub fn record(contenders: &[Contender], folder: &Path, date: &str) -> Result<(), String> {
    if let Some(why) = contenders.iter().find_map(|contender| contender.runs.as_ref().err()) {
        return Err(format!("Nothing was recorded. {why}"));
    }
    lab::record(folder, [("tradeoffs.md", page(contenders, date)), ("tradeoffs.svg", plot::draw(contenders))])
}

fn page(contenders: &[Contender], date: &str) -> String {
    let [days, requests, same] = table::parameters();
    let command = format!("cargo run -p cap-solution --example tradeoffs -- --record book/src/1-cap/labs {date}");
    let comment = lab::comment("it anew, from the top of the workspace", &command);
    format!("{comment}\n{}\n*Recorded on {date}. {days} {requests} {same}*\n", table::markdown(contenders))
}
