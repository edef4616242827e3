//! What both stores need: so many servers, at addresses that are known before they start, and none of them left behind.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use testkit::network::{Enclosure, Log, Process};

/// How many servers.
pub const SERVERS: usize = 3;

/// How long it may take until a cluster has a leader. This is only against hanging.
pub const READY: Duration = Duration::from_secs(30);

/// From when to when a server waits for its leader, in milliseconds, and how often a leader is heard: for both stores what etcd does if
/// nobody says otherwise. The shorter times of `kv` would have leaders deposed for a disk that is busy for 150 ms.
pub const ELECTION: &str = "1000-2000";
/// See [`ELECTION`]; in milliseconds.
pub const HEARTBEAT: &str = "100";

/// Running servers, with their files. Dropping it ends all of them, and so does whatever ends this program.
pub struct Cluster {
    /// Before the enclosure, so that each process is waited for while it still has a group.
    servers: Vec<Process>,
    enclosure: Enclosure,
}

impl Cluster {
    /// Without a server yet.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new() -> Result<Self, String> {
        let enclosure = Enclosure::new().map_err(|error| error.to_string())?;
        Ok(Cluster { servers: Vec::new(), enclosure })
    }

    /// A folder for a server's files.
    pub fn folder(&self, id: usize) -> std::path::PathBuf {
        self.enclosure.folder().join(format!("n{id}"))
    }

    /// Starts a server.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn start(&mut self, who: &str, command: Command) -> Result<&mut Process, String> {
        let process = self.enclosure.start(who, command, &Log::new()).map_err(|error| error.to_string())?;
        self.servers.push(process);
        self.servers.last_mut().ok_or_else(|| "It was put there just now.".to_owned())
    }
}

/// Addresses on loopback that are free now. Should another program take one before it is used, the server says so, and ends.
///
/// # Errors
/// If the system has none.
pub fn free(many: usize) -> Result<Vec<SocketAddr>, String> {
    let none = |error| format!("The system has no free port: {error}.");
    let held = (0..many).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<Vec<_>, _>>();
    held.map_err(none)?.iter().map(|listener| listener.local_addr().map_err(none)).collect()
}

/// Each client writes to a key of its own.
pub fn key(client: usize) -> char {
    u32::try_from(client).ok().and_then(|client| char::from_u32('0' as u32 + client)).unwrap_or('0')
}
