//! Walks through the states of a reader's code, each on behalf of one page.
//!
//! A walk is a `cargo course explore` in a process group of its own, as a job is, and a websocket: what the page says is handed to the
//! command, and what the command prints is handed to the page. When either goes away, the other one ends.

use std::io;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::Semaphore;

use super::jobs::{read, start};
use crate::workspace::Workspace;

/// How many walks there may be at once. Each holds a process with all that the reader's code has done on it.
const AT_ONCE: usize = 4;

/// All walks of a server.
#[derive(Clone)]
pub struct Walks {
    room: Arc<Semaphore>,
}

impl Default for Walks {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Walks {
    /// Guides a page through the states of a task's code, until it goes away.
    pub async fn guide(&self, workspace: &Workspace, task: &str, mut socket: WebSocket) {
        let Ok(_place) = self.room.try_acquire() else {
            let says = format!("{AT_ONCE} walks are open already, in this page or in others. Close one of them.");
            return refuse(&mut socket, &says).await;
        };
        match start(workspace, "explore", task) {
            Ok((child, _group)) => follow(child, socket).await,
            Err(says) => refuse(&mut socket, &says).await,
        }
    }
}

/// Hands on what either side says to the other, until one of them goes away.
async fn follow(mut child: Child, mut socket: WebSocket) {
    let complaint = tokio::spawn(read(child.stderr.take().expect("standard error is a pipe")));
    let mut requests = child.stdin.take().expect("standard input is a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is a pipe")).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => if socket.send(Message::text(line)).await.is_err() { return },
                _ => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(request))) => if ask(&mut requests, &request).await.is_err() { break },
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    let complaint = complaint.await.unwrap_or_default();
    if !complaint.trim().is_empty() {
        refuse(&mut socket, complaint.trim().trim_start_matches("error: ")).await;
    }
}

/// A request is a line: one with a line break inside would be two.
async fn ask(requests: &mut ChildStdin, request: &str) -> io::Result<()> {
    requests.write_all(format!("{}\n", request.replace(['\n', '\r'], " ")).as_bytes()).await
}

/// Says why there is nothing to walk through. A page that went away need not be told so.
async fn refuse(socket: &mut WebSocket, says: &str) {
    let _ = socket.send(Message::text(json!({ "event": "refused", "says": says }).to_string())).await;
}
