//! The store of this stage: three processes on loopback, each with a folder of its own.
//!
//! Each is this program again, and does what `kv serve` does. Every write is on the disks of a majority before it is answered, and all that
//! have come meanwhile share one sync.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::time::Instant;

use testkit::network::Seat;
use testkit::panics;

use super::cluster::{Cluster, ELECTION, HEARTBEAT, READY, SERVERS, free, key};
use super::load;
use crate::subject::raft::store::Request;
use crate::subject::server::client;

/// A running cluster. Dropping it ends all of it.
pub struct Ours {
    addresses: Vec<SocketAddr>,
    _cluster: Cluster,
}

impl Ours {
    /// Starts three servers, and waits for a leader.
    ///
    /// # Errors
    /// If one does not start, or none becomes leader.
    pub fn start() -> Result<Self, String> {
        let mut cluster = Cluster::new()?;
        let addresses = free(SERVERS)?;
        let program = env::current_exe().map_err(|error| format!("This program cannot be found: {error}."))?;
        for (id, &listen) in addresses.iter().enumerate() {
            let data = cluster.folder(id);
            fs::create_dir(&data).map_err(|error| format!("Cannot make {}: {error}.", data.display()))?;
            let ailment = data.with_extension("ailment"); // nobody writes there
            let seat = Seat { id, data, ailment, listen, peers: addresses.clone() };
            let mut command = Command::new(&program);
            command.arg("serve").args(seat.arguments()).args(["--election", ELECTION, "--heartbeat", HEARTBEAT]);
            command.env("RUST_BACKTRACE", "0"); // a `todo!` is told in a line
            let server = cluster.start(&format!("n{id}"), command)?;
            server.listening(READY).map_err(|error| error.to_string())?;
        }
        let ours = Ours { addresses, _cluster: cluster };
        ours.wait_for_a_leader()?;
        Ok(ours)
    }

    fn wait_for_a_leader(&self) -> Result<(), String> {
        let begun = Instant::now();
        while self.client(0).ask(0)?.is_err() {
            if begun.elapsed() > READY {
                return Err("No server became leader.".to_owned());
            }
        }
        Ok(())
    }

    /// A client with a key of its own.
    pub fn client(&self, number: usize) -> Client {
        let config = client::Config::usual("kv", self.addresses.clone());
        Client { key: key(number), inside: client::Client::new(config) }
    }
}

/// A client of the cluster: the real one, around the route that you wrote.
pub struct Client {
    key: char,
    inside: client::Client,
}

impl Client {
    /// Asks, and says so if your route panics.
    fn ask(&mut self, value: i64) -> Result<Result<i64, client::Failed>, String> {
        let asked = panic::catch_unwind(AssertUnwindSafe(|| self.inside.ask(Request::Put(self.key, value))));
        asked.map_err(|panic| {
            let (says, at) = panics::take(panic);
            format!("The client has panicked at {at}: {says}")
        })
    }
}

impl load::Client for Client {
    fn put(&mut self, value: i64) -> Result<(), String> {
        self.ask(value)?.map(drop).map_err(|failed| failed.to_string())
    }
}
