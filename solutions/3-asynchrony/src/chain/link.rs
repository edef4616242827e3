//! How an asynchronous gateway calls a service: over TCP, on a connection for each call.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::message::{Call, LONGEST, Message, Reply, Request};

/// A service that can be called.
pub trait Downstream: Send + Sync + 'static {
    /// Makes one call, and says for how long its caller waits: `left`. To drop the future is to cancel the call.
    fn call(&self, request: Request, left: Duration) -> impl Future<Output = Reply> + Send;
}

/// A service at an address. What goes wrong on the way is [`Reply::Failed`]. If the future is dropped, the connection is closed.
#[derive(Clone, Copy, Debug)]
pub struct Tcp(pub SocketAddr);

impl Downstream for Tcp {
    async fn call(&self, request: Request, left: Duration) -> Reply {
        let call = Call { request, left: Some(left) };
        let reply = async { ask(TcpStream::connect(self.0).await?, call).await };
        reply.await.unwrap_or(Reply::Failed)
    }
}

/// Makes one call on a connection, and closes it.
///
/// # Errors
/// If the connection breaks.
pub async fn ask(mut stream: TcpStream, call: Call) -> io::Result<Reply> {
    stream.set_nodelay(true)?;
    stream.write_all(Message::from(call).written().as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line).await?;
    Ok(Reply::read(&line))
}
