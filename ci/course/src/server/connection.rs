//! Connections: how long one may take to say what it wants.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// A browser sends the head of a request at once. A client that takes longer holds a connection for nothing.
const HEAD: Duration = Duration::from_secs(10);

/// How long to wait when the system has no room for one more connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Answers every connection, until the process ends.
pub async fn accept(listener: TcpListener, router: Router) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, router.clone(), HEAD))),
            Err(_) => tokio::time::sleep(NO_ROOM).await,
        }
    }
}

/// Answers the requests of one connection. One that breaks off, or is too slow, is over, and no client is left to tell.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router, head: Duration) {
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(head);
    let connection = protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let _ = connection.with_upgrades().await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    /// A connection to a server with one page.
    fn connect(head: Duration) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(answer(theirs, Router::new().route("/", get(async || "the page")), head));
        ours
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_loses_its_connection() {
        let mut connection = connect(Duration::from_millis(20));
        connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap(); // ends with the connection, and never without the limit
        assert!(!answer.contains("the page"), "{answer}");
    }

    #[tokio::test]
    async fn a_head_that_comes_in_parts_is_answered() {
        let mut connection = connect(Duration::from_secs(3600));
        for part in ["GET / HTTP/1.1\r\nHo", "st: localhost\r\n", "Connection: close\r\n\r\n"] {
            connection.write_all(part.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("the page"), "{answer}");
    }
}
