//! The command line: what can be asked, and which file answers.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{
    check, credit, dev, explore, hint, judge, lab, read, replay, report, reset, serve, skip, solution, status, watch,
};
use crate::error::{Error, Exit};
use crate::group;
use crate::style;
use crate::workspace::Workspace;

const EXIT_CODES: &str = "\
Exit codes:
  0    fine
  1    your code failed a check, or does not compile
  2    the command line asks for something that does not exist
  3    the course itself failed: a broken manifest, a defect of a check, a missing tool
  130  interrupted by Ctrl-C";

/// In at the Deep End: distributed systems in Rust, from theory to a working system.
///
/// Without a command: where you are, and the one next thing to do.
#[derive(Parser)]
#[command(name = "course", bin_name = "cargo course", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Watch(watch::Args),
    Read(read::Args),
    Hint(hint::Args),
    Credit(credit::Args),
    Judge(judge::Args),
    Replay(replay::Args),
    Explore(explore::Args),
    Lab(lab::Args),
    Reset(reset::Args),
    Skip(skip::Args),
    Solution(solution::Args),
    Serve(serve::Args),
    Report(report::Args),
    Dev(dev::Args),
}

/// Reads the command line, runs the command, and turns its end into an exit code.
pub fn run() -> ExitCode {
    group::own_path(); // as long as it is certain
    match dispatch(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            style::complain(&error);
            error.exit().into()
        }
    }
}

fn dispatch(cli: Cli) -> Result<Exit, Error> {
    let workspace = Workspace::find()?;
    match cli.command {
        None => status::run(&workspace),
        Some(Command::Check(args)) => check::run(&args, &workspace),
        Some(Command::Watch(args)) => watch::run(&args, &workspace),
        Some(Command::Read(args)) => read::run(&args, &workspace),
        Some(Command::Hint(args)) => hint::run(&args, &workspace),
        Some(Command::Credit(args)) => credit::run(&args, &workspace),
        Some(Command::Judge(args)) => judge::run(&args, &workspace),
        Some(Command::Replay(args)) => replay::run(&args, &workspace),
        Some(Command::Explore(args)) => explore::run(&args, &workspace),
        Some(Command::Lab(args)) => lab::run(&args, &workspace),
        Some(Command::Reset(args)) => reset::run(&args, &workspace),
        Some(Command::Skip(args)) => skip::run(&args, &workspace),
        Some(Command::Solution(args)) => solution::run(&args, &workspace),
        Some(Command::Serve(args)) => serve::run(&args, &workspace),
        Some(Command::Report(args)) => report::run(&args, &workspace),
        Some(Command::Dev(args)) => dev::run(&args, &workspace),
    }
}
