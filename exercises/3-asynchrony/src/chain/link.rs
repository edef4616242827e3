//! How an asynchronous gateway calls a service: over TCP, on a connection for each call.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::message::{Call, Message, Reply, Request};

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
        ask(self.0, Call { request, left: Some(left) }).await.unwrap_or(Reply::Failed)
    }
}

async fn ask(service: SocketAddr, call: Call) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(service).await?;
    stream.set_nodelay(true)?;
    stream.write_all(Message::from(call).written().as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(Reply::read(&line))
}
