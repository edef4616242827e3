//! Inbound: the connections from other servers and from clients, on which they speak.
//!
//! Each connection has a task of its own with an [`Inbound`] that says what its bytes mean. A speaker that is refused is
//! disconnected, with a line in the log, and no other connection notices. Only so many lines are written a second: a log that
//! can be filled from the outside is a disk that can be filled from the outside.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::engine::{Event, Replies};
use super::wire::{Arrival, Identity, Inbound, LIMIT, Refusal};

/// How many connections there are at once.
const CONNECTIONS: usize = 512;

/// How many bytes are read in one piece.
const PIECE: usize = 16 << 10;

/// How many answers wait for a client. It has one request open, so more than a few are not wanted.
const REPLIES: usize = 16;

/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(5);

/// How many lines a second are written about connections that were closed.
const LINES: u32 = 10;

/// Accepts connections forever.
pub(super) async fn accept(listener: TcpListener, identity: Identity, events: mpsc::Sender<Event>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let log = Arc::new(Mutex::new(Complaints::default()));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, from)) => {
                let (inbound, events, log) = (Inbound::new(identity.clone(), LIMIT), events.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    let ended = serve(socket, inbound, events).await;
                    drop(place);
                    if let Err(refusal) = ended {
                        complain(&log, from, &refusal);
                    }
                });
            }
            Err(_) => sleep(Duration::from_millis(100)).await, // out of files, most likely: some will be closed
        }
    }
}

/// Serves a connection until it ends.
///
/// # Errors
/// Why it was closed from this side, or ended as it must not.
async fn serve(socket: TcpStream, inbound: Inbound, events: mpsc::Sender<Event>) -> Result<(), Refusal> {
    let _ = socket.set_nodelay(true);
    let (reader, writer) = socket.into_split();
    let (replies, queue) = mpsc::channel(REPLIES);
    let writing = tokio::spawn(write(writer, queue));
    let ended = listen(reader, inbound, &events, &replies).await;
    writing.abort(); // whoever hangs up wants no answer; the engine sees that there is nobody any more
    ended
}

/// Reads what comes, and hands it to the engine. While the engine has enough to do, nothing is read.
async fn listen(
    mut reader: OwnedReadHalf,
    mut inbound: Inbound,
    events: &mpsc::Sender<Event>,
    replies: &Replies,
) -> Result<(), Refusal> {
    let (mut piece, mut arrived) = (vec![0; PIECE], Vec::new());
    let mut has_greeted = false;
    loop {
        let patience = if has_greeted { Duration::MAX } else { GREETING };
        let len = match timeout(patience, reader.read(&mut piece)).await {
            Ok(Ok(0)) => return inbound.end(),
            Ok(Ok(len)) => len,
            Ok(Err(_)) => return Ok(()), // reset: nobody's mistake
            Err(_) => return Err(Refusal::NotGreeted),
        };
        let taken = inbound.take(&piece[..len], &mut arrived);
        for arrival in arrived.drain(..) {
            has_greeted = true;
            if let Some(event) = event(arrival, replies) {
                let _ = events.send(event).await;
            }
        }
        taken?;
    }
}

/// What an arrival means for the engine.
fn event(arrival: Arrival, replies: &Replies) -> Option<Event> {
    match arrival {
        Arrival::Greeted(_) => None,
        Arrival::Message { from, message } => Some(Event::Message { from, message }),
        Arrival::Call(call) => Some(Event::Call { call, replies: replies.clone() }),
    }
}

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(frame) = queue.recv().await {
        writer.write_all(&frame).await?;
    }
    Ok(())
}

fn complain(log: &Mutex<Complaints>, from: SocketAddr, refusal: &Refusal) {
    let line = log.lock().unwrap_or_else(PoisonError::into_inner).line(Instant::now(), from, refusal);
    if let Some(line) = line {
        eprintln!("{line}");
    }
}

/// Says which lines about closed connections are written: so many a second, and then how many were not.
#[derive(Debug, Default)]
struct Complaints {
    /// When the second began.
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Complaints {
    fn line(&mut self, now: Instant, from: SocketAddr, refusal: &Refusal) -> Option<String> {
        if self.since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            (self.since, self.written) = (Some(now), 0);
        }
        if self.written == LINES {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        let before = match std::mem::take(&mut self.left_out) {
            0 => String::new(),
            many => format!(" ({many} before it are not shown)"),
        };
        Some(format!("A connection from {from} was closed: {refusal}.{before}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_lines_are_written_a_second() {
        let (mut log, begin) = (Complaints::default(), Instant::now());
        let from = "127.0.0.1:1".parse().unwrap();
        let mut written = |ms| log.line(begin + Duration::from_millis(ms), from, &Refusal::NotGreeted);
        assert_eq!((0..999).filter_map(&mut written).count(), 10);
        let first = written(1000).unwrap();
        assert!(first.ends_with("(989 before it are not shown)"), "{first}");
        assert!(written(1001).unwrap().ends_with("no greeting of this protocol."));
    }
}
