//! `cargo course report`: what you have done, as a file for a mentor.

use std::path::PathBuf;

use crate::error::{Error, Exit};
use crate::server::state;
use crate::style::{FAINT, GOOD, TYPE, paint, say};
use crate::workspace::Workspace;

/// Write what you have done into a file that a mentor can open in the book's dashboard
#[derive(clap::Args)]
pub struct Args {
    /// Where to
    #[arg(default_value = "report.json")]
    file: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let report = state::report(workspace)?;
    std::fs::write(&args.file, report + "\n").map_err(Error::io("write", &args.file))?;
    say(format!("{} written to {}.", paint(GOOD, "ok"), paint(TYPE, args.file.display())));
    say(paint(
        FAINT,
        "It says what your record says. A mentor who wants proof runs the checks: cargo course check --all",
    ));
    Ok(Exit::Fine)
}
