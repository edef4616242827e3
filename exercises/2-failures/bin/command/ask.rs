//! `kv get`, `kv put`, `kv add`: one request, and what came of it.
//!
//! While a majority is missing there is no answer, and there will be none. So a client that waits says for whom, before you wonder.

use std::fmt::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Cluster, Ended, Exit};
use crate::subject::raft::store::{Key, Request, Value};
use crate::subject::server::client::{Client, Config, Failed};
use crate::subject::server::waiting::Waiting;

/// After so long without an answer it says what it waits for.
const SILENT: Duration = Duration::from_millis(700);

/// And again as often.
const AGAIN: Duration = Duration::from_secs(3);

/// What a client that was told to end may take longer.
const GRACE: Duration = Duration::from_secs(1);

/// Show the value of a key; one that was never written is 0
#[derive(clap::Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Get {
    /// One character
    #[arg(value_parser = key)]
    key: Key,
    #[command(flatten)]
    pub asking: Asking,
}

/// Set a key, and show its value
#[derive(clap::Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Put {
    /// One character
    #[arg(value_parser = key)]
    key: Key,
    /// A whole number
    #[arg(allow_negative_numbers = true)]
    number: Value,
    #[command(flatten)]
    pub asking: Asking,
}

/// Add to a key, and show its value
#[derive(clap::Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Add {
    /// One character
    #[arg(value_parser = key)]
    key: Key,
    /// A whole number
    #[arg(allow_negative_numbers = true)]
    number: Value,
    #[command(flatten)]
    pub asking: Asking,
}

/// Whom to ask, and for how long.
#[derive(clap::Args)]
pub struct Asking {
    #[command(flatten)]
    cluster: Cluster,
    /// How many seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = super::seconds)]
    timeout: Duration,
}

impl Get {
    pub fn request(&self) -> Request {
        Request::Get(self.key)
    }
}

impl Put {
    pub fn request(&self) -> Request {
        Request::Put(self.key, self.number)
    }
}

impl Add {
    pub fn request(&self) -> Request {
        Request::Add(self.key, self.number)
    }
}

/// Asks, and prints the answer.
pub fn run(request: &Request, asking: &Asking) -> Result<(), Ended> {
    let Asking { cluster: Cluster { peers, cluster }, timeout } = asking;
    let mut client = Client::new(Config::within(cluster, peers.clone(), *timeout));
    let waiting = client.waiting();
    let (answer, answered) = mpsc::channel();
    let (begun, request) = (Instant::now(), *request);
    thread::spawn(move || answer.send(client.ask(request)));
    let mut pause = SILENT;
    while begun.elapsed() < *timeout + GRACE {
        match answered.recv_timeout(pause) {
            Ok(Ok(value)) => {
                println!("{value}");
                return Ok(());
            }
            Ok(Err(failed)) => return Err(ended(&request, failed, asking)),
            Err(RecvTimeoutError::Timeout) => eprintln!("{}", waits(asking, &waiting)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err((Exit::Panicked, "The client has panicked, see above.".to_owned()));
            }
        }
        pause = AGAIN;
    }
    Err(ended(&request, Failed::Unknown, asking))
}

/// What is waited for, in a line.
fn waits(asking: &Asking, waiting: &Waiting) -> String {
    let Asking { cluster: Cluster { peers, .. }, timeout } = asking;
    let mut says = format!("Waiting for a leader that answers, {} s at most", timeout.as_secs_f64());
    for (server, (peer, knows)) in peers.iter().zip(waiting.servers()).enumerate() {
        let _ = write!(says, "{} n{server} ({peer}) {knows}", if server == 0 { ":" } else { ";" });
    }
    format!("{says}. {}", needed(asking))
}

/// What must be true for an answer to come.
fn needed(asking: &Asking) -> String {
    let servers = asking.cluster.peers.len();
    format!("It takes a majority of the servers, {} of {servers}.", servers / 2 + 1)
}

/// What is known when there was no answer. A read changes nothing, so of that nothing is unknown.
fn ended(request: &Request, failed: Failed, asking: &Asking) -> Ended {
    let (seconds, needed) = (asking.timeout.as_secs_f64(), needed(asking));
    match (request, failed) {
        (Request::Get(_), _) => {
            (Exit::NotDone, format!("No answer came in {seconds} s. {needed} Start some, and ask again."))
        }
        (_, Failed::NotDone) => (
            Exit::NotDone,
            format!(
                "No server took the request in {seconds} s, so nothing was done. {needed} Start some, and ask again."
            ),
        ),
        (Request::Put(key, _) | Request::Add(key, _), Failed::Unknown) => (
            Exit::Unknown,
            format!(
                "No answer came in {seconds} s, so nobody knows whether it was done, or will be. {needed} Look with `kv get {key}` before you \
                 ask again."
            ),
        ),
    }
}

fn key(word: &str) -> Result<Key, &'static str> {
    word.parse().map_err(|_| "a key is one character, such as x")
}
