//! The gateway, blocking, but bounded: with deadlines, with places of its own for each path, and with your [admission
//! queue](crate::admission::queue) in front of each.
//!
//! Its threads block like those of the first one. What it changes is only that it says no.

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::gateway::Below;
use super::{call, hear, pool, say};
use crate::admission::queue::{Queue, Settings};
use crate::chain::message::{Call, Message, Reply, Request};
use crate::chain::parameters::Parameters;
use crate::time::Millis;

/// So many threads hear what clients want.
const READERS: u32 = 4;

/// So many connections wait for them. What comes on top of that is closed.
const UNHEARD: usize = 256;

/// A call that waits for a thread.
struct Waiting {
    stream: TcpStream,
    request: Request,
    deadline: Instant,
}

/// What a path's threads share.
struct State {
    queue: Queue,
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

/// One of the two paths.
struct Path {
    begun: Instant,
    state: Mutex<State>,
    has_come: Condvar,
}

/// Serves clients forever. A client that does not say how long it waits is assumed to wait for `patience`.
pub fn serve(listener: &TcpListener, parameters: Parameters, admission: Settings, below: Below) -> ! {
    let tails = parameters.tail_places.min(parameters.gateway_threads / 2);
    let lines = parameters.gateway_threads - tails;
    let path = |threads| Path::start(threads, admission, parameters.timeout, below);
    let paths = Arc::new((path(lines), path(tails)));
    let (send, unheard) = mpsc::sync_channel(UNHEARD);
    let unheard = Arc::new(Mutex::new(unheard));
    let patience = Duration::from_millis(parameters.patience);
    for _ in 0..READERS {
        let (unheard, paths) = (Arc::clone(&unheard), Arc::clone(&paths));
        thread::spawn(move || read(&unheard, &paths, patience));
    }
    pool::accept(listener, |stream| drop(send.try_send(stream)))
}

fn read(unheard: &Mutex<Receiver<TcpStream>>, paths: &(Arc<Path>, Arc<Path>), patience: Duration) {
    loop {
        let next = unheard.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(stream) = next else { return };
        let _ = admit(stream, paths, patience);
    }
}

fn admit(stream: TcpStream, (lines, tails): &(Arc<Path>, Arc<Path>), patience: Duration) -> io::Result<()> {
    match hear(&stream)?.and_then(Message::call) {
        Some(Call { request, left }) => {
            let path = if matches!(request, Request::Line { .. }) { lines } else { tails };
            path.offer(Waiting { stream, request, deadline: Instant::now() + left.unwrap_or(patience).min(patience) });
        }
        None => say(&stream, &Reply::Refused),
    }
    Ok(())
}

impl Path {
    fn start(threads: u32, admission: Settings, timeout: Millis, below: Below) -> Arc<Self> {
        let state = State { queue: Queue::new(admission), waiting: BTreeMap::new(), next: 0 };
        let path = Arc::new(Path { begun: Instant::now(), state: Mutex::new(state), has_come: Condvar::new() });
        for _ in 0..threads {
            let path = Arc::clone(&path);
            thread::spawn(move || path.work(Duration::from_millis(timeout), below));
        }
        path
    }

    fn offer(&self, waiting: Waiting) {
        let mut state = self.state();
        let name = state.next;
        match state.queue.offer(name, self.millis(waiting.deadline), self.millis(Instant::now())) {
            Ok(()) => {
                state.next += 1;
                state.waiting.insert(name, waiting);
                self.has_come.notify_one();
            }
            Err(refusal) => say(&waiting.stream, &refusal.into()),
        }
    }

    fn work(&self, timeout: Duration, below: Below) {
        loop {
            let Waiting { stream, request, deadline } = self.take();
            let left = deadline.saturating_duration_since(Instant::now()).min(timeout);
            let reply = match left.is_zero() {
                true => Reply::TooLate,
                false => call(below.of(&request), &Message::from(Call { request, left: Some(left) }), left),
            };
            say(&stream, &reply);
        }
    }

    /// Waits for the next call that is to be worked on.
    fn take(&self) -> Waiting {
        let mut state = self.state();
        loop {
            let taken = state.queue.take(self.millis(Instant::now()));
            for (name, refusal) in taken.refused {
                if let Some(waiting) = state.waiting.remove(&name) {
                    say(&waiting.stream, &refusal.into());
                }
            }
            if let Some(next) = taken.start.and_then(|name| state.waiting.remove(&name)) {
                return next;
            }
            state = self.has_come.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self, at: Instant) -> Millis {
        at.saturating_duration_since(self.begun).as_millis() as Millis
    }
}
