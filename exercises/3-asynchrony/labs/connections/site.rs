//! One try: a server and a generator, as processes.

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use testkit::network::{Enclosure, Log, Process};

use super::load::{Order, Seen};
use super::server::{Kind, REFUSED};

/// How long a server may take to start. This is only against hanging.
const STARTS: Duration = Duration::from_secs(10);

/// How long a generator may take. This is only against hanging: it has limits of its own.
const TAKES: Duration = Duration::from_secs(40);

/// So many of the last lines of a process are looked at.
const LINES: usize = 50;

/// What came of a try.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// What the generator has seen.
    pub seen: Seen,
    /// What the server said of refusals.
    pub refused: Vec<String>,
}

/// Where a try takes place. Dropping it ends all processes.
struct Site {
    enclosure: Enclosure,
    servers: Log,
    generator: Log,
}

/// Starts a server, connects clients to it, and measures. Only the servers of the lab itself are asked, once their clients are connected: the
/// gateway keeps an eye on its limits, and what it can do is the subject of another lab.
pub fn attempt(kind: Kind, connections: usize) -> Result<Tried, String> {
    let enclosure = Enclosure::new().map_err(|why| why.to_string())?;
    let site = Site { enclosure, servers: Log::new(), generator: Log::new() };
    let (server, _tail) = match kind {
        Kind::Threads | Kind::Tasks => (site.server(&["serve", kind.word()])?, None),
        Kind::Gateway => {
            let tail = site.server(&["serve", Kind::Tasks.word()])?;
            let at = tail.0.to_string();
            (site.server(&["gateway", "--kind", "yours", "--enrich", &at, "--tail", &at])?, Some(tail))
        }
    };
    let (address, mut server) = server;
    let order = Order { server: address, process: server.id(), connections, asks: kind != Kind::Gateway };
    let seen = site.load(&order);
    if server.ended().map_err(|why| why.to_string())?.is_some() {
        return Err(format!("the server has ended. It said:\n{}", site.servers.last(8)));
    }
    let lines = site.servers.last(LINES);
    let refused = lines.lines().filter_map(|line| line.strip_prefix(REFUSED).map(str::to_owned)).collect();
    Ok(Tried { seen: seen?, refused })
}

impl Site {
    fn start(&self, words: &[&str], log: &Log) -> Result<Process, String> {
        let program = env::current_exe().map_err(|why| format!("this program does not know where it is: {why}"))?;
        let mut command = Command::new(program);
        command.args(words).env("RUST_BACKTRACE", "0"); // what is not written yet should be said in a line
        self.enclosure.start(words[0], command, log).map_err(|why| why.to_string())
    }

    fn server(&self, words: &[&str]) -> Result<(SocketAddr, Process), String> {
        let mut process = self.start(words, &self.servers)?;
        let address = process.listening(STARTS).map_err(|why| why.to_string())?;
        Ok((address, process))
    }

    fn load(&self, order: &Order) -> Result<Seen, String> {
        let order = serde_json::to_string(order).map_err(|why| why.to_string())?;
        let mut process = self.start(&["load", &order], &self.generator)?;
        let ended = process.wait(TAKES).map_err(|why| why.to_string())?;
        let seen = serde_json::from_str(&self.generator.last(1)).ok();
        let seen = seen.filter(|_| ended.is_some_and(|status| status.success()));
        seen.ok_or_else(|| format!("the generator has measured nothing. It said:\n{}", self.generator.last(8)))
    }
}
