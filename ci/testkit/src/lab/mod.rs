//! What the labs have in common: the way from figures to a terminal, a page of the book and a plot.
//!
//! A lab is an example of a stage that runs an experiment on the learner's own code. What it measures, and what its plot shows, is its own.
//! The same for all of them are where plots lie ([`plots`]), how files are written ([`write()`], [`record`]) and tables set ([`table`]), what a
//! percentile is ([`percentile()`]), and what is said of the machine ([`machine`]).
//!
//! Nothing here draws: plots have a crate of their own, so that the checks of the course do not wait for a library that draws.

mod files;
pub mod machine;
mod percentile;
pub mod table;

use std::process::ExitCode;

pub use files::{comment, plots, record, write};
pub use percentile::percentile;

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
