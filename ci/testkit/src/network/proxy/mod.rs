//! A proxy for the connections between parties: what passes can be held back, delayed or torn, while it runs.
//!
//! # Ports and ways
//!
//! For each pair of parties that talk, [`Proxy::open`] opens a port. Whatever connects there is `from` for sure, since nobody
//! else knows of it, and is put through to `to`. A connection carries bytes in both directions, so it uses two *ways*: from the
//! one to the other, and back. The [`Condition`] of a way holds for all connections that use it, whoever opened them. To cut one
//! way only is a failure that real networks have, too.
//!
//! # As TCP does it
//!
//! A program on TCP cannot tell a cut link from a slow peer: its bytes are not acknowledged, its system sends them again and again,
//! and if the link comes back in time, they arrive, all and in order. So a cut way *holds* bytes and drops none, and when it is
//! clear again, the connections go on. After some minutes a real system gives up and resets the connection;
//! [`Proxy::reset`] is that moment, whenever a check wants it. What was on its way is then lost, as it would be.
//!
//! The ends of streams and resets are carried like bytes, in their order: whoever is behind a cut does not learn that its peer is
//! gone. A connection that is opened over a cut goes on once both of its ways are clear, unless its opener has given up by then.
//!
//! # One thread
//!
//! All connections are served by one thread with `poll` (`board.rs`), not by two or four threads each: then nothing has to be
//! woken up to be ended, a delay is a date and not a sleep, and an order such as "cut" has taken effect when the call returns. A
//! sender who is too fast for its reader waits. Of each direction of each connection 1 MiB or 1,024 reads are held at most, so a
//! connection over a slow way carries no more than that in the time of one delay.

mod board;
mod connection;
mod stream;

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use board::Board;

use crate::node::NodeId;

/// How many open files a proxy asks for: macOS gives a process 256.
const FILES: u64 = 4_096;

/// The parties of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The server of this number.
    Server(usize),
    /// All clients together.
    Clients,
}

/// How it is with the way from one party to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Whatever comes passes.
    #[default]
    Clear,
    /// Whatever comes passes after this time, in its order.
    Slow(Duration),
    /// Nothing passes. It is held, and passes when the condition changes.
    Cut,
}

/// Serves connections until it is dropped; then all of them are closed, and all ports are free.
#[derive(Debug)]
pub struct Proxy {
    /// Taken away at the end, which the thread notices.
    orders: Option<Sender<Order>>,
    waker: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// Something to be done with the connections, between two moments at which something passes.
type Order = Box<dyn FnOnce(&mut Board) + Send>;

impl Proxy {
    /// Starts a proxy without a port.
    ///
    /// # Errors
    /// That of the system, if there is no thread or no file descriptor left.
    pub fn start() -> io::Result<Self> {
        let _ = rlimit::increase_nofile_limit(FILES); // without it some checks still work, and the others say so
        let (waker, woken) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let (orders, inbox) = mpsc::channel();
        let serve = move || board::serve(&woken, &inbox);
        let thread = thread::Builder::new().name("proxy".to_owned()).spawn(serve)?;
        Ok(Self { orders: Some(orders), waker, thread: Some(thread) })
    }

    /// Opens a port for connections of `from` to `to`, and says where.
    ///
    /// # Errors
    /// That of the system, if there is no port or no file descriptor left.
    pub fn open(&self, from: impl Into<Party>, to: impl Into<Party>) -> io::Result<SocketAddr> {
        let (from, to) = (from.into(), to.into());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        self.ask(move |board| board.listen(from, to, listener));
        Ok(address)
    }

    /// Says where a party listens now. While it is nowhere, connections to it are reset.
    pub fn is_at(&self, party: impl Into<Party>, address: Option<SocketAddr>) {
        let party = party.into();
        self.ask(move |board| board.is_at(party, address));
    }

    /// Changes the condition of the way from one party to another. When this returns, it has taken effect.
    pub fn set(&self, from: impl Into<Party>, to: impl Into<Party>, condition: Condition) {
        let (from, to) = (from.into(), to.into());
        self.ask(move |board| board.set(from, to, condition));
    }

    /// Resets all connections between two parties, whoever opened them. What was on its way is lost.
    pub fn reset(&self, one: impl Into<Party>, other: impl Into<Party>) {
        let (one, other) = (one.into(), other.into());
        self.ask(move |board| board.reset(one, other));
    }

    /// How many bytes have been carried from one party to another.
    pub fn carried(&self, from: impl Into<Party>, to: impl Into<Party>) -> u64 {
        let (from, to) = (from.into(), to.into());
        self.ask(move |board| board.carried(from, to))
    }

    /// How many connections are open between two parties, whoever opened them.
    pub fn connections(&self, one: impl Into<Party>, other: impl Into<Party>) -> usize {
        let (one, other) = (one.into(), other.into());
        self.ask(move |board| board.connections(one, other))
    }

    /// Has something done by the thread that serves, and waits for it.
    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&mut Board) -> T + Send + 'static) -> T {
        let (reply, answer) = mpsc::channel();
        let order: Order = Box::new(move |board| {
            let _ = reply.send(question(board)); // whoever asks waits for it
        });
        self.orders.as_ref().and_then(|orders| orders.send(order).ok()).expect("the proxy serves until it is dropped");
        self.wake();
        answer.recv().expect("the proxy answers every question")
    }

    /// A waker that is full wakes, too.
    fn wake(&self) {
        let _ = (&self.waker).write(&[0]);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.orders = None;
        self.wake();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl From<usize> for Party {
    fn from(server: usize) -> Self {
        Party::Server(server)
    }
}

impl From<NodeId> for Party {
    fn from(NodeId(server): NodeId) -> Self {
        Party::Server(server)
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Server(number) => write!(f, "n{number}"),
            Party::Clients => f.write_str("clients"),
        }
    }
}
