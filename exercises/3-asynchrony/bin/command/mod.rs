//! The command line of `chain`: one service of the chain for each process, and a client for use by hand.
//!
//! It belongs to the program and not to the crate. So a change of your code does not wait for it: it is compiled beside the checks.

mod ask;
pub mod gateway;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::subject::chain::blocking::{enrich, store, tail};
use crate::subject::chain::parameters::Parameters;

const EXIT_CODES: &str = "\
Exit codes:
  0    the request is done; or the gateway has drained, and ended as it was asked to
  1    the address is taken, the store's folder cannot be opened, or a service is not there
  2    the command line is wrong
  3    the service has answered that it has not done what was asked
  101  a panic";

/// How the program ends: the exit codes of [`EXIT_CODES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    System = 1,
    NotDone = 3,
}

/// What ends the program early: with which code, and what it says.
pub type Ended = (Exit, String);

/// A chain of services for log lines: gateway, enrich, store and tail, each a process of its own
#[derive(Parser)]
#[command(name = "chain", after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Gateway(gateway::Args),
    Enrich(Enrich),
    Store(Store),
    Tail(Tail),
    Line(ask::Line),
    Newest(ask::Newest),
}

/// What all services are told.
#[derive(clap::Args)]
pub struct Service {
    /// Where it listens; with port 0, at any that is free
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What the chain is like, in JSON; without it, as in the lab `cascade`
    #[arg(long, value_name = "JSON", value_parser = parameters)]
    parameters: Option<Parameters>,
    /// For experiments: while this file says a number, each request takes so many milliseconds longer
    #[arg(long, value_name = "FILE")]
    slower: Option<PathBuf>,
}

/// Run `enrich`, which adds to a line what is known of its sender
#[derive(clap::Args)]
struct Enrich {
    #[command(flatten)]
    service: Service,
    /// Where the store is
    #[arg(long, value_name = "ADDR", value_parser = address)]
    store: SocketAddr,
}

/// Run the store, which writes lines to a write-ahead log
#[derive(clap::Args)]
struct Store {
    #[command(flatten)]
    service: Service,
    /// The folder of its log
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Who is told of each line that is stored
    #[arg(long, value_name = "ADDR", value_parser = address, value_delimiter = ',')]
    followers: Vec<SocketAddr>,
}

/// Run `tail`, which shows the newest lines
#[derive(clap::Args)]
struct Tail {
    #[command(flatten)]
    service: Service,
}

/// Does what the words of a command line say. If they say nothing that it knows, the process ends here, with the exit code 2.
pub fn main(words: impl IntoIterator<Item = String>) -> ExitCode {
    let done = match Cli::parse_from(std::iter::once("chain".to_owned()).chain(words)).command {
        Command::Gateway(args) => gateway::run(&args),
        Command::Enrich(args) => args.run(),
        Command::Store(args) => args.run(),
        Command::Tail(args) => args.run(),
        Command::Line(args) => args.run(),
        Command::Newest(args) => args.run(),
    };
    let exit = done.err().map_or(Exit::Done, |(exit, says)| {
        eprintln!("{says}");
        exit
    });
    ExitCode::from(exit as u8)
}

impl Service {
    fn parameters(&self) -> Parameters {
        self.parameters.unwrap_or(Parameters::LAB)
    }

    /// Listens, and says where.
    fn listen(&self) -> Result<TcpListener, Ended> {
        let listener = TcpListener::bind(self.listen).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listener.map_err(|why| {
            (Exit::System, format!("Nothing can listen at {}: {why}. Choose another address, or port 0.", self.listen))
        })?;
        say(&format!("listening on {address}"));
        Ok(listener)
    }
}

impl Enrich {
    fn run(self) -> Result<(), Ended> {
        enrich::serve(&self.service.listen()?, self.service.parameters(), self.service.slower, self.store)
    }
}

impl Store {
    fn run(self) -> Result<(), Ended> {
        let Store { service, data, followers } = self;
        let served = store::serve(&service.listen()?, service.parameters(), service.slower, &data, followers);
        served.map_err(|why| (Exit::System, format!("The log in {} cannot be opened: {why}.", data.display())))
    }
}

impl Tail {
    fn run(self) -> Result<(), Ended> {
        tail::serve(&self.service.listen()?, self.service.parameters(), self.service.slower)
    }
}

/// Prints a line at once: the program that started this process waits for it.
fn say(line: &str) {
    println!("{line}");
    let _ = io::stdout().flush();
}

fn address(word: &str) -> Result<SocketAddr, &'static str> {
    word.parse().map_err(|_| "an address is an IP and a port, such as 127.0.0.1:7000")
}

fn parameters(word: &str) -> Result<Parameters, String> {
    serde_json::from_str(word).map_err(|why| format!("{why}; `src/chain/parameters.rs` says what it holds"))
}
