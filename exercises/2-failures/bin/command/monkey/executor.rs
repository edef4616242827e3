//! The executor on servers that you have started with `kv serve`: how each of them is, and what can be done to it from outside.
//!
//! A server's folder names its process, and only a server that answers is hit, so that process is alive. A pause ends by itself: the
//! process that waits for its end is no child that dies with this one.

use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testkit::disk::last_holder;

use crate::subject::monkey::{Executor, Fault, Kind, State, View};
use crate::subject::raft::store::Request;
use crate::subject::server::client::{Client, Config};
use crate::subject::server::route::Patience;
use crate::subject::server::waiting::Knows;

/// How long a server may take to answer if it is healthy.
const LIMIT: Duration = Duration::from_secs(1);

/// The servers that the monkey sees.
pub struct Servers {
    cluster: String,
    all: Vec<Server>,
}

struct Server {
    address: SocketAddr,
    data: PathBuf,
    /// Until when it is paused.
    paused: Option<Instant>,
}

impl Servers {
    /// Servers by their addresses and folders, n0 first.
    pub fn new(cluster: &str, peers: &[SocketAddr], data: &[PathBuf]) -> Self {
        let server = |(&address, data): (&SocketAddr, &PathBuf)| Server { address, data: data.clone(), paused: None };
        Servers { cluster: cluster.to_owned(), all: peers.iter().zip(data).map(server).collect() }
    }

    /// How each server is now.
    pub fn view(&self) -> View {
        let state = |(id, server): (usize, &Server)| (format!("n{id}"), server.state(&self.cluster));
        self.all.iter().enumerate().map(state).collect()
    }

    /// Waits until no server is paused any more.
    pub fn wait_for_all(&self) {
        let until = self.all.iter().filter_map(|server| server.paused).max();
        thread::sleep(until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now())));
    }
}

impl Server {
    fn state(&self, cluster: &str) -> State {
        if self.paused.is_some_and(|until| Instant::now() < until) {
            return State::Paused;
        }
        let patience = Patience { tries: 1, pause: Duration::ZERO };
        let config = Config { limit: LIMIT, patience, ..Config::usual(cluster, vec![self.address]) };
        let mut client = Client::new(config);
        let waiting = client.waiting();
        let _ = client.ask(Request::Get('x')); // whatever it says: it has answered, or it has not
        match waiting.servers()[0] {
            Knows::Answered | Knows::NotLeader(_) => State::Healthy,
            Knows::Unreachable => State::Gone,
            Knows::Nothing | Knows::Asked | Knows::Silent => State::Silent,
        }
    }
}

impl Executor for Servers {
    fn carry_out(&mut self, fault: &Fault) -> io::Result<()> {
        let server = self.all.iter_mut().enumerate().find(|(id, _)| fault.victim == format!("n{id}"));
        let (_, server) = server.ok_or_else(|| io::Error::other(format!("there is no server {}", fault.victim)))?;
        let process = last_holder(&server.data)?.to_string();
        match fault.kind {
            Kind::Kill => signal("-KILL", &process),
            Kind::Pause { lasts } => {
                go_on_after(lasts, &process)?;
                server.paused = Some(Instant::now() + lasts);
                signal("-STOP", &process)
            }
            kind => Err(io::Error::other(format!("from outside a server cannot be hit by `{}`", kind.word()))),
        }
    }
}

fn signal(signal: &str, process: &str) -> io::Result<()> {
    let output = Command::new("kill").args([signal, process]).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// Starts what lets a process go on after a while, even if this one has ended by then.
fn go_on_after(lasts: Duration, process: &str) -> io::Result<()> {
    let (script, seconds) = ("sleep \"$0\"; kill -CONT \"$1\"", lasts.as_secs_f64().to_string());
    let mut waits = Command::new("sh");
    waits.args(["-c", script, &seconds, process]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    waits.process_group(0).spawn().map(drop)
}
