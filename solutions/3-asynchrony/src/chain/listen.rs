//! Between an asynchronous gateway and its clients: connections, and the signal to stop.
//!
//! A client connects, and sends a line for each request; it gets a line for each reply. It may send the next request on the same connection, or
//! connect anew, or close the connection while it waits: then it has left.
//!
//! When an operator deploys a new version, the old process is told to stop (SIGTERM). It takes no more work, finishes what it has, and ends. That
//! is called *draining*. A client should notice no more than a connection that is closed between two requests.

//# allow: dead_code, unused_imports, unused_variables
use std::future::Future;
//# private
use std::io;
use std::pin::pin;
//# end
use std::sync::Arc;
use std::time::Duration;

//# private
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
//# end
use tokio::net::TcpListener;
//# private
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
//# end
use tokio::time::Instant;
//# private
use tokio::time::{sleep, timeout};
//# end

use super::message::{Call, LONGEST, Message, Reply, Request};

/// How long clients and their server wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// For so long a client is taken to wait for its reply if it does not say. None is waited for longer.
    pub patience: Duration,
    /// For so long a server waits for a client: for the end of its next line, and until it has taken a reply.
    pub idle: Duration,
}

//# private
/// How long a gateway waits before it accepts again when the system has refused, since it has too many files open.
const PAUSE: Duration = Duration::from_millis(10);
//# end

/// What answers requests.
pub trait Answers: Send + Sync + 'static {
    /// Answers a request whose client leaves at `deadline`. To drop the future is to say that it has left.
    fn answer(&self, request: Request, deadline: Instant) -> impl Future<Output = Reply> + Send;

    /// Takes no more requests, and returns when those that were taken are answered.
    fn drain(&self) -> impl Future<Output = ()> + Send;
}

/// Serves clients until `stop` is ready. Time is tokio's.
///
/// Contract:
/// - Clients do not wait for each other. Each client's requests are answered in turn, with one reply each.
/// - A client waits for its reply as long as it says, but for `patience` at most, and for `patience` if it does not say. The time begins when its
///   request has been read.
/// - A line has [`LONGEST`] bytes at most, its newline counted. A line that is no request is [`Refused`](Reply::Refused), and the next one is read.
///   A line that is too long, or is cut off, is no request either, and is the last one that is read.
/// - When a client closes its connection, or only its own half of it, its request is dropped at once, and is called for no longer. A client that
///   has sent more has not left: what it has sent waits for its turn, and what comes after that need not be noticed before.
/// - A connection is closed if no line ends on it for `idle`, counted from when it was accepted or from its last reply. Bytes without the end of a
///   line do not count, and no time does while a request is under way. It is closed as well if its client has not taken a reply, all of it,
///   within `idle`.
/// - When `stop` is ready, be it from the beginning, no connection is accepted any more, and the port is free. The gateway is drained. Requests
///   that it has been given by then get their replies, and then their connections are closed. All others are closed at once, whatever
///   has been sent on them.
/// - It returns when the last reply is written or given up. Nothing of it goes on then.
/// - What goes wrong with one client is not felt by any other, even if the answer to its request panics. If no connection can be accepted for want
///   of open files, those that are there are served, and others are accepted when files are closed.
pub async fn serve(listener: TcpListener, gateway: Arc<impl Answers>, settings: Settings, stop: impl Future) {
    //# hole: Accept connections, and answer on each of them. What remains to be done when it is to stop?
    let (stopping, is_stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&gateway), settings, is_stopping.clone()));
                }
                Err(_) => sleep(PAUSE).await,
            },
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    gateway.drain().await;
    while connections.join_next().await.is_some() {}
    //# end
}

//# private
/// Answers one request after the other, until the client leaves, or the gateway stops.
async fn converse(
    stream: TcpStream,
    gateway: Arc<impl Answers>,
    Settings { patience, idle }: Settings,
    mut is_stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut stream).take(LONGEST);
        let heard = tokio::select! {
            biased;
            _ = is_stopping.wait_for(|stopping| *stopping) => return Ok(()),
            heard = timeout(idle, limited.read_until(b'\n', &mut line)) => heard,
        };
        let Ok(Ok(1..)) = heard else { return Ok(()) };
        let is_whole = line.ends_with(b"\n");
        let call = str::from_utf8(&line).ok().filter(|_| is_whole).and_then(Message::read).and_then(Message::call);
        let reply = match call {
            Some(call) => answer(call, &mut stream, &*gateway, patience).await,
            None => Some(Reply::Refused),
        };
        let Some(reply) = reply else { return Ok(()) };
        timeout(idle, stream.write_all(reply.written().as_bytes())).await??;
        if !is_whole {
            return Ok(());
        }
    }
}

/// What to say; nothing if the client leaves before that.
async fn answer(
    Call { request, left }: Call,
    stream: &mut BufReader<TcpStream>,
    gateway: &impl Answers,
    patience: Duration,
) -> Option<Reply> {
    let deadline = Instant::now() + left.unwrap_or(patience).min(patience);
    tokio::select! {
        reply = gateway.answer(request, deadline) => Some(reply),
        () = has_left(stream) => None,
    }
}

/// Is ready when the client has closed its connection. What it sends until then waits in the buffer for its turn.
async fn has_left(stream: &mut BufReader<TcpStream>) {
    match stream.fill_buf().await {
        Ok(bytes) if !bytes.is_empty() => std::future::pending().await,
        _ => {}
    }
}
//# end
