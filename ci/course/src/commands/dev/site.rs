//! `cargo course dev site`: the book as files for a web host.

use std::path::PathBuf;

use crate::book::build::{Built, build_into};
use crate::error::{Error, Exit};
use crate::style::{self, GOOD, TYPE, WARN, paint};
use crate::workspace::Workspace;

/// Build the book as files that any web server can serve
#[derive(clap::Args)]
pub struct Args {
    /// Where to; `target/course/site` if it is not given. What is in there is replaced
    folder: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let folder = args.folder.clone().unwrap_or_else(|| workspace.scratch("site"));
    let folder = std::path::absolute(&folder).map_err(Error::io("find", &folder))?;
    let Built { complaints, .. } = build_into(workspace, &folder, None)?;
    for complaint in complaints {
        style::say(format_args!("{} {complaint}", paint(WARN, "mdBook:")));
    }
    style::say(format_args!("{} The book is in {}.", paint(GOOD, "ok"), paint(TYPE, workspace.shown(&folder))));
    Ok(Exit::Fine)
}
