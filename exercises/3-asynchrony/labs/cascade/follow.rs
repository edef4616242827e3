//! Hears of each line that the store has stored, and how old it was by then. That shows what the chain is busy with: a line whose client left
//! long ago is stored like any other.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::subject::chain::message::{Message, Reply};

/// A line that was stored.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// When, from the start of the script on.
    pub at: Duration,
    /// How long before that it was due.
    pub age: Duration,
}

/// Listens until the program ends.
pub struct Follower {
    /// Where the store finds it.
    pub address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug)]
struct Heard {
    begun: Instant,
    stored: Vec<Stored>,
}

impl Follower {
    /// Begins to listen.
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0");
        let listener = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listener.map_err(|why| format!("The lab cannot listen: {why}."))?;
        let heard = Arc::new(Mutex::new(Heard { begun: Instant::now(), stored: Vec::new() }));
        let follower = Follower { address, heard: Arc::clone(&heard) };
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(hear(stream, &heard))));
        Ok(follower)
    }

    /// A script begins.
    pub fn begin(&self, begun: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Heard { begun, stored: Vec::new() };
    }

    /// What was stored since the script began.
    pub fn stored(&self) -> Vec<Stored> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).stored.clone()
    }
}

fn hear(mut stream: TcpStream, heard: &Mutex<Heard>) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    if let Some(Message::Stored { text, .. }) = Message::read(&line) {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, due) = (heard.begun.elapsed(), text.split(' ').next().and_then(|due| due.parse().ok()));
        heard.stored.extend(due.map(|due| Stored { at, age: at.saturating_sub(Duration::from_micros(due)) }));
    }
    stream.write_all(Reply::Stored.written().as_bytes())
}
