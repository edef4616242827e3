//! The server: the replicated map as a real process, on a disk and a network.
//!
//! # The problem
//!
//! Your Raft is a state machine that is handed events, and your [`host`](crate::host) gives it a disk. A process has to bring it
//! the events: bytes come in on connections, any of which may be hostile, timers fire, an operator asks the process to end. And
//! one slow part must not stop another: a disk that takes 50 ms for a sync is no reason to stop reading bytes.
//!
//! # The parts
//!
//! ```text
//! connection ──▸ Inbound ──▸ ┐                       ┌──▸ link to n1   (a bounded queue, which drops)
//! connection ──▸ Inbound ──▸ ├─ queue ─▸ engine ─────┼──▸ link to n2
//! clock ────────────────▸ ┘  (full: wait)  │      ├──▸ the clients' connections
//!                                        disk     └──▸ clock
//! ```
//!
//! - [`wire`]: what bytes mean, and which connections are refused. You write this.
//! - [`route`]: which server a client asks next. You write this.
//! - [`client`]: a client's connections around a [`route`], and [`waiting`]: what it knows while it waits.
//! - [`engine`]: the host, on a thread of its own. Whatever has come while the last batch was carried out is the next one.
//! - `coalesce`: of messages in a batch that say the same, the last.
//! - [`links`]: connections to the other servers, and [`inbound`]: those from servers and clients.
//! - [`clock`]: timers. How long an election waits is drawn at random each time.
//!
//! All but the first two are given: they are written in asynchronous Rust, with `tokio`, and that is the next stage's subject.
//!
//! # What is bounded
//!
//! Everything that another program can make grow: frames ([`wire::LIMIT`]), connections, events that wait for the engine (then
//! connections are no longer read, and TCP slows the sender down), messages that wait for a link (then they are dropped: Raft
//! sends them again), log lines about closed connections.
//!
//! # Left out on purpose
//!
//! Encryption, and proof of identity. A client that is believed may also make the log grow faster than it commits.

pub mod client;
pub mod clock;
mod coalesce;
pub mod engine;
pub mod inbound;
pub mod links;
pub mod route;
pub mod waiting;
pub mod wire;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, thread};

use cap::raft::log::Index;
use testkit::disk::{Ailing, Folder};
use testkit::node::{Membership, NodeId};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::host::{Host, Output};
use crate::wal::WalError;
use engine::{Engine, Event};
use wire::{Greeting, Identity, Speaker};

/// How many applied entries a server keeps in its log before it takes a snapshot.
pub const KEPT: Index = 256;

/// How many events wait for the engine.
const WAITING: usize = 1024;

/// What a server is told when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of the cluster.
    pub cluster: String,
    /// Which server this is.
    pub id: NodeId,
    /// Where it keeps what it must remember.
    pub data: PathBuf,
    /// Where it listens. Port 0 means any that is free.
    pub listen: SocketAddr,
    /// Where each server is reached, itself included.
    pub peers: Vec<SocketAddr>,
    /// How long a follower waits for its leader, in milliseconds: drawn from this range each time.
    pub election: Range<u64>,
    /// How long a leader is silent at most.
    pub heartbeat: Duration,
    /// Where a note may say that the disk is to fail, for a rehearsal.
    pub ailment: Option<PathBuf>,
}

impl Config {
    /// Which server of how many this is.
    pub fn me(&self) -> Membership {
        Membership { id: self.id, size: self.peers.len() }
    }

    fn identity(&self) -> Identity {
        Identity { cluster: self.cluster.clone(), me: self.me() }
    }

    fn greeting(&self) -> Greeting {
        Greeting { cluster: self.cluster.clone(), speaker: Speaker::Server(self.id) }
    }
}

/// Why a server has ended without being asked to.
#[derive(Debug)]
pub enum Stopped {
    /// The address could not be listened at, or the system refuses what every process needs.
    System {
        /// What was to be done.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// The folder for its data cannot be used: another process has it, say.
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What [`Folder::open`] said.
        error: io::Error,
    },
    /// The disk has failed, or what is on it is damaged.
    Disk(WalError),
    /// The inner server has panicked.
    Panicked,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::System { what, error } => {
                write!(f, "The system refused to {what}: {error}. Choose another, or free it.")
            }
            Stopped::Folder { folder, error } => write!(f, "{}", unusable(&folder.display().to_string(), error)),
            Stopped::Disk(error) => {
                write!(
                    f,
                    "The disk cannot be relied on, so this server has stopped: {error}. Look at the disk, then start it again."
                )
            }
            Stopped::Panicked => {
                write!(f, "The inner server has panicked, see above; nothing was answered after that.")
            }
        }
    }
}

impl std::error::Error for Stopped {}

/// Why a folder cannot be used, and what to do about it.
fn unusable(folder: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ResourceBusy => format!(
            "Another server uses {folder} ({error}): give each server a folder of its own with `--data`, or end that one first."
        ),
        io::ErrorKind::Unsupported => format!(
            "{folder} cannot be locked ({error}), and without a lock two servers could overwrite each other's logs: choose a folder on a \
             local disk with `--data`."
        ),
        _ => format!(
            "The system refused to open {folder} ({error}): choose another folder with `--data`, or correct its permissions."
        ),
    }
}

/// Runs a server until it is asked to end, by SIGTERM or SIGINT. Says on standard output where it listens.
///
/// # Errors
/// Why it had to end by itself.
pub fn run(config: &Config) -> Result<(), Stopped> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(refused("start a runtime"))?;
    let ended = runtime.block_on(serve(config));
    runtime.shutdown_background();
    ended
}

async fn serve(config: &Config) -> Result<(), Stopped> {
    let stop = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.map_err(refused(format!("listen at {}", config.listen)))?;
    let recovered = recover(config)?;
    let address = listener.local_addr().map_err(refused("say where it listens"))?;
    announce(address).map_err(refused("print where it listens"))?; // before the engine prints anything
    let (events, inbox) = mpsc::channel(WAITING);
    let ended = start_engine(config, recovered, &events, inbox)?;
    tokio::spawn(inbound::accept(listener, config.identity(), events.clone()));
    tokio::select! {
        () = asked_to_end(stop) => drop(events.send(Event::End).await),
        () = events.closed() => {} // the engine has stopped by itself
    }
    ended.await.unwrap_or(Err(Stopped::Panicked))
}

/// A server with what its disk remembers, and what it wants done first.
type Recovered = (Host<Ailing<Folder>, KEPT>, Vec<Output>);

/// Reads what is on the disk.
fn recover(config: &Config) -> Result<Recovered, Stopped> {
    let folder = &config.data;
    let disk = Folder::open(folder).map_err(|error| Stopped::Folder { folder: folder.clone(), error })?;
    Host::start(config.me(), Ailing::new(disk, config.ailment.clone())).map_err(Stopped::Disk)
}

/// Starts the engine on a thread of its own.
fn start_engine(
    config: &Config,
    (host, outputs): Recovered,
    events: &mpsc::Sender<Event>,
    inbox: mpsc::Receiver<Event>,
) -> Result<oneshot::Receiver<Result<(), Stopped>>, Stopped> {
    let links = links::open_all(config);
    let engine = Engine::new(host, links, clock::start(config, events.clone()));
    let (end, ended) = oneshot::channel();
    let body = move || drop(end.send(engine.run(outputs, inbox).map_err(Stopped::Disk)));
    thread::Builder::new().name("engine".to_owned()).spawn(body).map_err(refused("start a thread"))?;
    Ok(ended)
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// Returns when one of the signals comes.
async fn asked_to_end(signals: [io::Result<Signal>; 2]) {
    let [terminate, interrupt] = signals;
    tokio::select! {
        () = next(terminate) => {}
        () = next(interrupt) => {}
    }
}

/// Waits for a signal. One that the system does not give us never comes.
async fn next(signal: io::Result<Signal>) {
    match signal {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

fn refused(what: impl Into<String>) -> impl FnOnce(io::Error) -> Stopped {
    let what = what.into();
    |error| Stopped::System { what, error }
}
