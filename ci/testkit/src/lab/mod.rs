//! What the labs have in common: the way from figures to a terminal, a page of the book and a plot.
//!
//! A lab is an example of a stage that runs an experiment on the learner's own code. What it measures, and what its plot shows, is its own.
//! The same for all of them are where plots lie ([`plots`]), how files are written ([`write()`], [`record`]) and tables set ([`table`]), what a
//! percentile is ([`percentile()`]), what is said of the machine ([`machine`]), and how a plot follows the reader's light or dark scheme ([`themed`]).
//!
//! Nothing here draws. A plot comes in as the text of an SVG and leaves as one, so that the checks of the course need no library for drawing.

mod files;
pub mod machine;
mod percentile;
pub mod table;
mod theme;

use std::process::ExitCode;

pub use files::{comment, plots, record, write};
pub use percentile::percentile;
pub use theme::{TEXT, themed};

/// How a lab's program ends: with 0, or with 1 and the error as a line on the standard error.
pub fn exit(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
