//! Services as they are mostly written: a thread for each request that is being worked on, from a pool, and calls that block it.
//!
//! Nothing here is wrong. The pools are as large as they need to be, and some more. Each call has a timeout. A connection that breaks is an
//! error that is reported. Under a usual load, all of this works well for years.

pub mod bounded;
pub mod enrich;
pub mod gateway;
pub mod pool;
pub mod store;
pub mod tail;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::message::{LONGEST, Message, Reply};
use crate::time::Millis;

/// A client that has connected has so long to say what it wants.
const HANDSHAKE: Duration = Duration::from_secs(1);

/// Calls a service and waits for its reply, `timeout` at most. Whatever goes wrong on the way is [`Reply::Failed`].
pub fn call(service: SocketAddr, message: &Message, timeout: Duration) -> Reply {
    ask(service, message, timeout).unwrap_or(Reply::Failed)
}

fn ask(service: SocketAddr, message: &Message, timeout: Duration) -> io::Result<Reply> {
    let deadline = Instant::now() + timeout;
    let mut stream = TcpStream::connect_timeout(&service, timeout)?;
    stream.set_nodelay(true)?;
    stream.write_all(message.written().as_bytes())?;
    let left = deadline.saturating_duration_since(Instant::now());
    stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(Reply::read(&line))
}

/// Hears what a client has to say, once.
fn hear(stream: &TcpStream) -> io::Result<Option<Message>> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANDSHAKE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    Ok(Message::read(&line))
}

/// Says the reply. If the client has left, it is lost: no one is there to be told.
fn say(mut stream: &TcpStream, reply: &Reply) {
    let _ = stream.write_all(reply.written().as_bytes());
}

/// How long a service takes for a request.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Usually.
    pub takes: Millis,
    /// For experiments: while this file says a number, a request takes so many milliseconds longer.
    pub slower: Option<PathBuf>,
}

impl Pace {
    /// Does `work`, and returns when as much time has passed as the service takes; later, if the work itself takes longer.
    pub fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        thread::sleep(Duration::from_millis(self.takes + self.more()).saturating_sub(begun.elapsed()));
        done
    }

    fn more(&self) -> Millis {
        let said = self.slower.as_ref().and_then(|file| fs::read_to_string(file).ok());
        said.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    }
}
