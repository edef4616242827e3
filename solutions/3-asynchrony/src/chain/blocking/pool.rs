//! A pool of threads, and a queue of connections in front of it.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{hear, say};
use crate::chain::message::{Message, Reply};

/// How long a service waits before it accepts again when the system has refused, since it has too many files open.
const PAUSE: Duration = Duration::from_millis(10);

/// A connection that waits for a thread.
struct Waiting {
    stream: TcpStream,
    since: Instant,
}

/// Serves clients forever: each of `threads` threads takes the next connection, hears one message, and answers it. `answer` is told how
/// long the connection has waited for its thread.
pub fn serve(
    listener: &TcpListener,
    threads: u32,
    answer: impl Fn(Message, Duration) -> Reply + Send + Sync + 'static,
) -> ! {
    let (send, queue) = mpsc::channel();
    let (queue, answer) = (Arc::new(Mutex::new(queue)), Arc::new(answer));
    for _ in 0..threads {
        let (queue, answer) = (Arc::clone(&queue), Arc::clone(&answer));
        thread::spawn(move || work(&queue, &*answer));
    }
    accept(listener, |stream| {
        let _ = send.send(Waiting { stream, since: Instant::now() });
    })
}

/// Accepts connections forever.
pub(super) fn accept(listener: &TcpListener, mut next: impl FnMut(TcpStream)) -> ! {
    loop {
        match listener.accept() {
            Ok((stream, _)) => next(stream),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

// ANCHOR: work
fn work(queue: &Mutex<Receiver<Waiting>>, answer: &impl Fn(Message, Duration) -> Reply) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Waiting { stream, since }) = next else { return };
        let _ = handle(&stream, since, answer);
    }
}

fn handle(stream: &TcpStream, since: Instant, answer: &impl Fn(Message, Duration) -> Reply) -> io::Result<()> {
    let waited = since.elapsed();
    let reply = hear(stream)?.map_or(Reply::Refused, |message| answer(message, waited));
    say(stream, &reply);
    Ok(())
}
// ANCHOR_END: work
