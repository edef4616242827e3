//! `kv serve`: one server of the cluster.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use testkit::node::NodeId;

use super::{Cluster, Ended, Exit, address};
use crate::subject::server::{self, Config, Stopped};

/// Run a server until Ctrl-C or SIGTERM
#[derive(clap::Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Args {
    /// Which server this is: the first of `--peers` is 0
    #[arg(long)]
    id: usize,
    /// The folder for what it must remember: one for each server
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where it listens; with port 0, at any that is free
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: SocketAddr,
    #[command(flatten)]
    cluster: Cluster,
    /// How long a follower waits for its leader, in milliseconds: drawn anew from this range each time
    #[arg(long, value_name = "FROM-TO", default_value = "150-300", value_parser = range)]
    election: Range<u64>,
    /// How long a leader is silent at most, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat: u64,
    /// For rehearsals: the disk is full, or fails, while this file says `full` or `failing`
    #[arg(long, value_name = "FILE")]
    ailment: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<(), Ended> {
    let Args { id, data, listen, cluster: Cluster { peers, cluster }, election, heartbeat, ailment } = args;
    if id >= peers.len() {
        let says =
            format!("There is no server `--id {id}`: `--peers` names {} of them, and the first is 0.", peers.len());
        return Err((Exit::Usage, says));
    }
    let (id, heartbeat) = (NodeId(id), Duration::from_millis(heartbeat));
    let config = Config { cluster, id, data, listen, peers, election, heartbeat, ailment };
    server::run(&config).map_err(|stopped| (exit(&stopped), stopped.to_string()))
}

fn exit(stopped: &Stopped) -> Exit {
    match stopped {
        Stopped::System { .. } | Stopped::Folder { .. } => Exit::System,
        Stopped::Disk(_) => Exit::Disk,
        Stopped::Panicked => Exit::Panicked,
    }
}

fn range(word: &str) -> Result<Range<u64>, &'static str> {
    let ends = word.split_once('-').and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    ends.filter(|ends: &Range<u64>| !ends.is_empty())
        .ok_or("a range of milliseconds is written as 150-300, and the first is the smaller one")
}
