//! Between an asynchronous gateway and its clients: connections, and the signal to stop.
//!
//! A client connects, and sends a line for each request; it gets a line for each reply. It may send the next request on the same connection, or
//! connect anew, or close the connection while it waits: then it has left.
//!
//! When an operator deploys a new version, the old process is told to stop (SIGTERM). It takes no more work, finishes what it has, and ends. That
//! is called *draining*. A client should notice no more than a connection that is closed between two requests.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

use super::message::{Call, LONGEST, Message, Reply, Request};

/// A client that is connected and asks nothing is forgotten after this time.
pub const IDLE: Duration = Duration::from_secs(60);

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
    todo!("Accept connections, and answer on each of them. What remains to be done when it is to stop?")
}
