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

/// A client that is connected and asks nothing is forgotten after this time.
pub const IDLE: Duration = Duration::from_secs(60);

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

/// Serves clients until `stop` is ready. A client that does not say how long it waits is taken to wait for `patience`, and none is waited for
/// longer.
///
/// Contract:
/// - Clients do not wait for each other. Each client's requests are answered in turn, with one reply each.
/// - A line that is no request is [`Refused`](Reply::Refused), and the next one is read. A line that does not end within [`LONGEST`] bytes, or
///   is cut off, is the last one that is read.
/// - When a client closes its connection, its request is dropped at once, and is called for no longer. What it sent before that is still
///   a request that comes before: the next line in a buffer does not mean that it has left.
/// - A connection on which nothing is asked for [`IDLE`] is closed.
/// - When `stop` is ready, no connection is accepted any more, and the port is free. The gateway is drained. Requests that had been read by then
///   get their replies; connections without one are closed, at once.
/// - It returns when the last reply is written. Nothing of it goes on then.
/// - What goes wrong with one client is not felt by any other.
pub async fn serve(listener: TcpListener, gateway: Arc<impl Answers>, patience: Duration, stop: impl Future) {
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
                    connections.spawn(converse(stream, Arc::clone(&gateway), patience, is_stopping.clone()));
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
    patience: Duration,
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
            heard = timeout(IDLE, limited.read_until(b'\n', &mut line)) => heard,
            _ = is_stopping.wait_for(|stopping| *stopping) => return Ok(()),
        };
        let Ok(Ok(1..)) = heard else { return Ok(()) };
        let is_whole = line.ends_with(b"\n");
        let call = str::from_utf8(&line).ok().filter(|_| is_whole).and_then(Message::read).and_then(Message::call);
        let reply = match call {
            Some(call) => answer(call, &mut stream, &*gateway, patience).await,
            None => Some(Reply::Refused),
        };
        let Some(reply) = reply else { return Ok(()) };
        stream.write_all(reply.written().as_bytes()).await?;
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
