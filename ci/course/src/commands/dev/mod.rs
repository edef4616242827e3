//! `cargo course dev`: tools for those who maintain the course.

pub mod bugs;
mod cargo;
pub mod files;
mod needs;
mod preprocess;
mod site;
pub mod starters;
mod verify;

use clap::Subcommand;

use crate::error::{Error, Exit};
use crate::workspace::Workspace;

/// Tools for those who maintain the course
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Args),
    Starters(starters::Args),
    /// Run every check, and write which functions of the learner's it needs into solutions/*/needs.toml
    Needs,
    Bugs(bugs::Args),
    Site(site::Args),
    Preprocess(preprocess::Args),
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    match &args.command {
        Command::Verify(args) => verify::run(args, workspace),
        Command::Starters(args) => starters::run(args, workspace),
        Command::Needs => needs::run(workspace),
        Command::Bugs(args) => bugs::run(args, workspace),
        Command::Site(args) => site::run(args, workspace),
        Command::Preprocess(args) => preprocess::run(args, workspace),
    }
}
