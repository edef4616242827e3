//! The chain as processes, and a check that is one of its services: nothing is decided by how fast they are.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use testkit::check::{Check, Failure, Rule};
use testkit::network::{Enclosure, Error, Log, Process, built_program};

use crate::subject::chain::blocking::call;
use crate::subject::chain::message::{Call, Message, Reply, Request};

const STANDS: Rule = Rule::new(
    "no service stops by itself",
    "A service of the chain runs until it is told to stop.",
    "contract of `serve`",
    "3-asynchrony/chain.md#the-task-serve",
);

/// This is only against hanging.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What a process did, or how it ended although it should not have. What the system refuses is nobody's fault.
pub fn tried<T>(check: &mut Check, result: Result<T, Error>) -> Result<T, Box<Failure>> {
    result.or_else(|error| {
        let says = error.to_string();
        not_written_yet(&says);
        check.requires(STANDS, !error.is_the_servers(), || says)?;
        panic!("{error}")
    })
}

/// Code that is not written yet panics in the service, and says so there: then it is reported as in any other check.
pub fn not_written_yet(says: &str) {
    if let Some(line) = says.lines().find(|line| line.contains("not yet implemented")) {
        panic::resume_unwind(Box::new(line.trim().to_owned()));
    }
}

/// The chain's processes, from the last one to the first.
pub struct Chain {
    pub gateway: Process,
    pub store: Process,
    pub entrance: SocketAddr,
    _others: [Process; 2],
    pub log: Log,
    _enclosure: Enclosure,
    /// Where the store's log is.
    pub folder: PathBuf,
}

/// Starts a service of the chain, and waits until it says where it listens.
pub fn start(enclosure: &Enclosure, log: &Log, words: &[&str]) -> Result<(SocketAddr, Process), Error> {
    let mut command = Command::new(built_program(crate::CHAIN));
    command.args(words);
    let mut process = enclosure.start(words[0], command, log)?;
    Ok((process.listening(LIMIT)?, process))
}

/// Starts all of them.
pub fn chain() -> Result<Chain, Error> {
    let (enclosure, log) = (Enclosure::new()?, Log::new());
    let folder = enclosure.folder().join("log");
    let (tails, tail) = start(&enclosure, &log, &["tail"])?;
    let data = folder.display().to_string();
    let (stores, store) = start(&enclosure, &log, &["store", "--data", &data, "--followers", &tails.to_string()])?;
    let (enriches, enrich) = start(&enclosure, &log, &["enrich", "--store", &stores.to_string()])?;
    let (entrance, gateway) =
        start(&enclosure, &log, &["gateway", "--enrich", &enriches.to_string(), "--tail", &tails.to_string()])?;
    Ok(Chain { gateway, store, entrance, _others: [enrich, tail], log, _enclosure: enclosure, folder })
}

/// Waits until the gateway calls its service, which is the check, as long as there is a gateway.
pub fn called(
    check: &mut Check,
    service: &TcpListener,
    gateway: &mut Process,
    log: &Log,
) -> Result<TcpStream, Box<Failure>> {
    service.set_nonblocking(true).expect("a listener can be asked without waiting");
    loop {
        if let Ok((stream, _)) = service.accept() {
            stream.set_nonblocking(false).expect("a connection can be waited for");
            return Ok(stream);
        }
        if let Some(status) = tried(check, gateway.ended())? {
            not_written_yet(&log.last(100));
            check.requires(STANDS, false, || {
                format!("Two lines are sent to the gateway. It has ended with {status}.")
            })?;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Asks the gateway, as a client on a connection of its own.
pub fn ask(entrance: SocketAddr, request: Request) -> Reply {
    call(entrance, &Message::from(Call { request, left: Some(LIMIT) }), LIMIT)
}
