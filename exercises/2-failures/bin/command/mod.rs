//! The command line of `kv`: what can be asked, and which file answers.
//!
//! It belongs to the program and not to the crate. So a change of your code does not wait for it: it is compiled beside the checks.

mod ask;
mod monkey;
mod serve;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0    the request is done; or the server or the monkey has ended as it was asked to
  1    the address is taken, another process uses the folder, or a file cannot be read
  2    the command line or the monkey's configuration is wrong
  3    the disk has failed, or what is on it is damaged
  4    no answer came in time, and the request may have been done, or may yet be
  5    no answer came in time, and nothing was done
  101  a panic";

/// How the program ends: the exit codes of [`EXIT_CODES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    System = 1,
    Usage = 2,
    Disk = 3,
    Unknown = 4,
    NotDone = 5,
    Panicked = 101,
}

/// A replicated map of numbers: its server, a client for use by hand, and the monkey
#[derive(Parser)]
#[command(name = "kv", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Get(ask::Get),
    Put(ask::Put),
    Add(ask::Add),
    Monkey(monkey::Args),
}

/// Which cluster.
#[derive(clap::Args)]
struct Cluster {
    /// Where each server is reached, n0 first, with commas between the addresses
    #[arg(long, value_name = "ADDR,ADDR,…", required = true, value_delimiter = ',', value_parser = address)]
    peers: Vec<SocketAddr>,
    /// The name of the cluster: servers and clients with another one are refused
    #[arg(long, value_name = "NAME", default_value = "kv")]
    cluster: String,
}

/// Does what the words of a command line say. If they say nothing that it knows, the process ends here, with the exit code 2.
pub fn main(words: impl IntoIterator<Item = String>) -> ExitCode {
    let done = match Cli::parse_from(std::iter::once("kv".to_owned()).chain(words)).command {
        Command::Serve(args) => serve::run(args),
        Command::Get(args) => ask::run(&args.request(), &args.asking),
        Command::Put(args) => ask::run(&args.request(), &args.asking),
        Command::Add(args) => ask::run(&args.request(), &args.asking),
        Command::Monkey(args) => monkey::run(&args),
    };
    let exit = done.err().map_or(Exit::Done, |(exit, says)| {
        eprintln!("{says}");
        exit
    });
    ExitCode::from(exit as u8)
}

/// What ends the program early: with which code, and what it says.
type Ended = (Exit, String);

fn address(word: &str) -> Result<SocketAddr, &'static str> {
    word.parse().map_err(|_| "an address is an IP and a port, such as 127.0.0.1:7000")
}

fn seconds(word: &str) -> Result<Duration, &'static str> {
    let seconds = word.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|seconds| !seconds.is_zero() && *seconds < Duration::from_secs(1_000_000))
        .ok_or("a number of seconds above 0, such as 10 or 0.5")
}
