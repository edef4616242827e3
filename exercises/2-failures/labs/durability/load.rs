//! The load: so many clients, each with one request open at a time, for as long as the measurement lasts.
//!
//! Each client has a thread and a connection of its own, and sends its next request when it has the answer to the one before: a
//! *closed loop*. So with one client the rate is one divided by the latency, and more clients show what the store gains by
//! handling several requests together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use testkit::lab;

/// How long the clients run before anything counts: leaders are found, connections opened, files have grown.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long is measured.
const LASTS: Duration = Duration::from_secs(3);

/// No measurement takes more operations than these.
const OPERATIONS: usize = 200_000;

/// A client of some store.
pub trait Client {
    /// Stores `value` under this client's key, and returns when the store has said that it is durable.
    ///
    /// # Errors
    /// What the store, or the way to it, has said.
    fn put(&mut self, value: i64) -> Result<(), String>;
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Operations a second.
    pub rate: f64,
    /// How long each took in microseconds, from short to long.
    latencies: Vec<u32>,
}

impl Measured {
    /// Of what was done one after the other: how long each took.
    pub fn new(lasted: Duration, mut latencies: Vec<u32>) -> Self {
        latencies.sort_unstable();
        Measured { rate: latencies.len() as f64 / lasted.as_secs_f64(), latencies }
    }

    /// The latency that so many of a thousand operations do not exceed, in milliseconds.
    pub fn permille(&self, permille: usize) -> f64 {
        lab::percentile(&self.latencies, permille).map_or(f64::NAN, |micros| f64::from(micros) / 1000.0)
    }
}

/// Microseconds since `begun`.
pub fn micros(begun: Instant) -> u32 {
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}

/// Lets clients put one value after the other.
///
/// # Errors
/// That of the first client that could not go on.
pub fn run<C: Client + Send>(clients: Vec<C>) -> Result<Measured, String> {
    let (ready, is_over, left) =
        (Barrier::new(clients.len() + 1), AtomicBool::new(false), AtomicUsize::new(OPERATIONS));
    let all = Mutex::new(Ok(Vec::new()));
    let mut lasted = Duration::ZERO;
    thread::scope(|scope| {
        for client in clients {
            let (ready, is_over, left, all) = (&ready, &is_over, &left, &all);
            scope.spawn(move || {
                let done = one(client, ready, is_over, left);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                match (&mut *all, done) {
                    (Ok(all), Ok(latencies)) => all.extend(latencies),
                    (Ok(_), Err(why)) => *all = Err(why),
                    (Err(_), _) => {}
                }
            });
        }
        ready.wait();
        let begun = Instant::now();
        while begun.elapsed() < LASTS && !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        is_over.store(true, Ordering::Relaxed);
        lasted = begun.elapsed();
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner).map(|latencies| Measured::new(lasted, latencies))
}

/// One client: warms up, waits for the others, and goes on until it is over.
fn one(mut client: impl Client, ready: &Barrier, is_over: &AtomicBool, left: &AtomicUsize) -> Result<Vec<u32>, String> {
    let begun = Instant::now();
    let warm = (0..).take_while(|_| begun.elapsed() < WARM_UP).try_for_each(|value| client.put(value));
    ready.wait(); // all get here, also those that cannot go on
    warm.inspect_err(|_| is_over.store(true, Ordering::Relaxed))?;
    let mut latencies = Vec::new();
    for value in 0.. {
        let begun = Instant::now();
        client.put(value).inspect_err(|_| is_over.store(true, Ordering::Relaxed))?;
        if is_over.load(Ordering::Relaxed) {
            break; // its end is not within the time
        }
        latencies.push(micros(begun));
        if left.fetch_sub(1, Ordering::Relaxed) <= 1 {
            is_over.store(true, Ordering::Relaxed);
        }
    }
    Ok(latencies)
}
