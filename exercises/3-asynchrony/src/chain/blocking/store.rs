//! The service that stores lines: in the write-ahead log of stage 2.
//!
//! Why in the log, and not in the replicated `kv`? Both would do. But a cluster of three has a speed of its own, which depends on elections and on
//! the disk, and this stage is about what the *callers* of a slow service do. So there is one process, with as many places as it has been
//! given, and each line takes as long as it has been told.
//!
//! A line is acknowledged when it is durable. Lines that wait at the same time are synced together.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use failures::wal::{Wal, WalError};
use serde::{Deserialize, Serialize};
use testkit::disk::Folder;

use super::{Pace, call, pool};
use crate::chain::message::{Call, Message, Reply, Request, Tenant};
use crate::chain::parameters::Parameters;

/// So many lines wait for those that follow the store. If they do not keep up, they miss some.
const FOLLOWERS_BACKLOG: usize = 1024;

/// A line in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Whose it is.
    pub tenant: Tenant,
    /// What its client calls it.
    pub key: u64,
    /// What it says.
    pub text: String,
}

/// A line that is to be stored, and whom to tell.
struct Order {
    line: Stored,
    done: Sender<Reply>,
}

/// Serves `enrich` forever, out of the log in `folder`. Each line that is stored is told to `followers`.
///
/// # Errors
/// If the folder or the log cannot be opened.
pub fn serve(
    listener: &TcpListener,
    parameters: Parameters,
    slower: Option<PathBuf>,
    folder: &Path,
    followers: Vec<SocketAddr>,
) -> Result<(), WalError> {
    let (wal, records) = Wal::open(Folder::open(folder)?)?;
    let known = lines(&records).map(|line| (line.tenant, line.key)).collect();
    let (orders, queue) = mpsc::channel();
    let (tell, told) = mpsc::sync_channel(FOLLOWERS_BACKLOG);
    thread::spawn(move || follow(&told, &followers, Duration::from_millis(parameters.timeout)));
    thread::spawn(move || write(wal, known, &queue, &tell));
    let pace = Pace { takes: parameters.store_takes, slower };
    pool::serve(listener, parameters.store_places, move |message, waited| answer(&pace, &orders, message, waited))
}

/// The lines that are stored in a folder, in order. No store may have it open.
///
/// # Errors
/// If the folder or the log cannot be opened.
pub fn read(folder: &Path) -> Result<Vec<Stored>, WalError> {
    let (_, records) = Wal::open(Folder::open(folder)?)?;
    Ok(lines(&records).collect())
}

fn lines(records: &[Vec<u8>]) -> impl Iterator<Item = Stored> {
    records.iter().filter_map(|record| serde_json::from_slice(record).ok())
}

fn answer(pace: &Pace, orders: &Sender<Order>, message: Message, waited: Duration) -> Reply {
    match message.call() {
        Some(Call { left: Some(left), .. }) if left <= waited => Reply::TooLate,
        Some(Call { request: Request::Line { tenant, key, text }, .. }) => pace.work(|| {
            let (done, is_done) = mpsc::channel();
            let line = Stored { tenant, key, text };
            let sent = orders.send(Order { line, done }).is_ok();
            sent.then(|| is_done.recv().ok()).flatten().unwrap_or(Reply::Failed)
        }),
        _ => Reply::Refused,
    }
}

/// Writes what has been ordered, all of it with one sync. A line that is in the log already is not written again. When the log has failed this
/// ends, and with it all that waits.
fn write(
    mut wal: Wal<Folder>,
    mut known: BTreeSet<(Tenant, u64)>,
    orders: &Receiver<Order>,
    followers: &SyncSender<Stored>,
) {
    while let Ok(first) = orders.recv() {
        let batch: Vec<Order> = std::iter::once(first).chain(orders.try_iter()).collect();
        for Order { line, .. } in &batch {
            if known.insert((line.tenant, line.key)) {
                wal.append(&serde_json::to_vec(line).expect("a line is JSON"));
                let _ = followers.try_send(line.clone());
            }
        }
        if let Err(why) = wal.sync() {
            eprintln!("The log has failed: {why}. Nothing more is stored.");
            return;
        }
        batch.into_iter().for_each(|Order { done, .. }| drop(done.send(Reply::Stored)));
    }
}

fn follow(lines: &Receiver<Stored>, followers: &[SocketAddr], timeout: Duration) {
    for Stored { tenant, text, .. } in lines {
        for &follower in followers {
            call(follower, &Message::Stored { tenant, text: text.clone() }, timeout);
        }
    }
}
