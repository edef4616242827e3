//! What stands between an asynchronous gateway and its clients: connections, and the signal to stop.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::message::{Call, LONGEST, Message, Reply, Request};

/// A client that is connected and asks nothing is forgotten after this time.
const IDLE: Duration = Duration::from_secs(60);

/// How long a gateway waits before it accepts again when the system has refused, since it has too many files open.
const PAUSE: Duration = Duration::from_millis(10);

/// What answers requests.
pub trait Answers: Send + Sync + 'static {
    /// Answers a request whose client leaves at `deadline`. To drop the future is to say that it has left.
    fn answer(&self, request: Request, deadline: Instant) -> impl Future<Output = Reply> + Send;

    /// Takes no more requests, and returns when those that were taken are answered.
    fn drain(&self) -> impl Future<Output = ()> + Send;
}

/// Serves clients until `stop` is ready; then it accepts no more, drains the gateway, and returns when the last reply is written. A client that does
/// not say how long it waits is taken to wait for `patience`, and none is waited for longer.
pub async fn serve(listener: TcpListener, gateway: Arc<impl Answers>, patience: Duration, stop: impl Future) {
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
    connections.join_all().await;
}

/// Answers one request after the other, until the client leaves, or the gateway stops.
async fn converse(
    stream: TcpStream,
    gateway: Arc<impl Answers>,
    patience: Duration,
    mut is_stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        let mut limited = (&mut stream).take(LONGEST);
        let heard = tokio::select! {
            biased;
            heard = timeout(IDLE, limited.read_line(&mut line)) => heard,
            _ = is_stopping.wait_for(|stopping| *stopping) => return Ok(()),
        };
        let Ok(Ok(1..)) = heard else { return Ok(()) };
        let Some(reply) = answer(&line, &mut stream, &*gateway, patience).await else { return Ok(()) };
        stream.write_all(reply.written().as_bytes()).await?;
    }
}

/// What to say; nothing if the client leaves before that.
async fn answer(
    line: &str,
    stream: &mut BufReader<TcpStream>,
    gateway: &impl Answers,
    patience: Duration,
) -> Option<Reply> {
    let Some(Call { request, left }) = Message::read(line).and_then(Message::call) else {
        return Some(Reply::Refused);
    };
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
