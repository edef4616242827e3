//! Two servers of one protocol: a line of JSON comes, and the newest lines go back, from memory. One has a thread for each connection, the other a
//! task. What they do with a line is the same code, and no request waits for anything.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::runtime;

use super::refusal;
use crate::subject::chain::message::{Call, LONGEST, Message, Reply, Request};
use testkit::text::thousands;

/// What a customer's newest lines are, here.
const NEWEST: &str = "backup finished after 93 s, 0 errors";

/// How long a server waits before it accepts again when the system has refused.
const PAUSE: Duration = Duration::from_millis(10);

/// What a server prints before it says what was refused.
pub const REFUSED: &str = "refused: ";

/// What clients are connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A thread for each connection, with the stack that the standard library gives it.
    Threads,
    /// A task for each connection, and one thread for all tasks.
    Tasks,
    /// The gateway of the chain.
    Gateway,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Threads, Kind::Tasks, Kind::Gateway];

    /// Its name on a command line.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Threads => "threads",
            Kind::Tasks => "tasks",
            Kind::Gateway => "gateway",
        }
    }

    /// The one with that name.
    pub fn read(word: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What it is.
    pub fn told(self) -> &'static str {
        match self {
            Kind::Threads => "a thread for each",
            Kind::Tasks => "a task for each",
            Kind::Gateway => "the gateway",
        }
    }
}

/// Serves until the process is ended: `serve threads` or `serve tasks`.
pub fn main(words: &[String]) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = listener.map_err(|why| format!("The server cannot listen: {why}."))?;
    println!("listening on {address}");
    match words.first().and_then(|word| Kind::read(word)) {
        Some(Kind::Threads) => with_threads(&listener),
        Some(Kind::Tasks) => with_tasks(listener).map_err(|why| format!("The server cannot run: {why}.")),
        Some(Kind::Gateway) | None => Err("The server is called with `serve threads` or `serve tasks`.".to_owned()),
    }
}

fn answer(line: &str) -> String {
    let reply = match Message::read(line).and_then(Message::call) {
        Some(Call { request: Request::Tail { .. }, .. }) => Reply::Lines(vec![NEWEST.to_owned()]),
        _ => Reply::Refused,
    };
    reply.written()
}

fn with_threads(listener: &TcpListener) -> ! {
    let mut count = Count::default();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let started = thread::Builder::new().spawn(move || converse(&stream));
                count.add("a thread for one more", started.map(drop));
            }
            Err(why) => {
                count.add("one more", Err(why));
                thread::sleep(PAUSE);
            }
        }
    }
}

fn converse(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.by_ref().take(LONGEST).read_line(&mut line)? > 0 {
        stream.write_all(answer(&line).as_bytes())?;
        line.clear();
    }
    Ok(())
}

fn with_tasks(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut count = Count::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(converse_async(stream));
                    count.add("one more", Ok(()));
                }
                Err(why) => {
                    count.add("one more", Err(why));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}

async fn converse_async(stream: tokio::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = tokio::io::BufReader::new(stream);
    let mut line = String::new();
    while (&mut stream).take(LONGEST).read_line(&mut line).await? > 0 {
        stream.write_all(answer(&line).as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

/// Counts connections, and says once for each reason that there are no more.
#[derive(Debug, Default)]
struct Count {
    connections: usize,
    told: BTreeSet<String>,
}

impl Count {
    /// A connection has come, or `what` was refused.
    fn add(&mut self, what: &str, done: io::Result<()>) {
        let Err(why) = done else {
            self.connections += 1;
            return;
        };
        let told = refusal::told(&why);
        if self.told.insert(told.clone()) {
            eprintln!(
                "{REFUSED}after {} connections, the system refused the server {what}: {told}.",
                thousands(self.connections)
            );
        }
    }
}
