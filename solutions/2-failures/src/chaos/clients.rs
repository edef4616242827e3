//! The clients of a chaos run: threads that ask all the time, and note what they are told.
//!
//! A client shares some keys with all others. It reads them, and writes values that no other client writes, so that an answer
//! shows which write it saw. To a key of its own it adds 1 again and again. No other client does, so it knows between which two
//! numbers the value must lie: what was acknowledged counts once, and what is unknown at most once.

use std::net::SocketAddr;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cap::raft::store::Request::{Add, Get, Put};
use cap::raft::store::{Key, Request, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use testkit::history::Operation;
use testkit::network::Recorder;

use super::{Broken, PATIENCE, Plan};
use crate::server::client::{Client, Config, Failed};
use crate::server::route::Patience;

/// The keys that all share. A judge looks at each by itself.
const SHARED: [Key; 10] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

/// How long a client waits from one operation to the next.
const PACE: Duration = Duration::from_millis(5);

/// All clients of a run.
pub(super) struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Own>>,
    servers: Vec<SocketAddr>,
}

/// What all clients write to.
struct Shared {
    recorder: Recorder<Request, Value>,
    stop: AtomicBool,
    begun: AtomicUsize,
    most: usize,
    start: Instant,
    answers: Mutex<Answers>,
}

/// An answer: when it came, counted from the start of the run, and how long it was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it came.
    pub at: Duration,
    /// How long the client had waited.
    pub took: Duration,
}

/// All answers, and when the latest asked of those was asked that were answered.
#[derive(Default)]
struct Answers {
    all: Vec<Answered>,
    newest_served: Duration,
}

/// What a client knows for itself.
#[derive(Clone, Debug, Default)]
struct Own {
    key: Key,
    /// What its own key must hold at least, and at most.
    least: Value,
    most: Value,
    unknown: usize,
    not_done: usize,
    wrong: Vec<Broken>,
}

/// What all clients were told.
pub(super) struct Told {
    pub(super) history: Vec<Operation<Request, Value>>,
    pub(super) answers: Vec<Answered>,
    pub(super) unknown: usize,
    pub(super) not_done: usize,
    pub(super) wrong: Vec<Broken>,
    recorder: Recorder<Request, Value>,
    owns: Vec<Own>,
    servers: Vec<SocketAddr>,
}

fn client(servers: &[SocketAddr], tries: usize) -> Client {
    let patience = Patience { tries, pause: Duration::from_millis(50) };
    Client::new(Config { patience, limit: Duration::from_millis(400), ..Config::usual("kv", servers.to_vec()) })
}

impl Clients {
    pub(super) fn start(plan: &Plan, servers: Vec<SocketAddr>) -> Self {
        let (stop, begun, recorder) = (AtomicBool::new(false), AtomicUsize::new(0), Recorder::new());
        let (most, start, answers) = (plan.operations, Instant::now(), Mutex::default());
        let shared = Arc::new(Shared { recorder, stop, begun, most, start, answers });
        let start = |number| {
            let (shared, client, seed) = (Arc::clone(&shared), client(&servers, 20), plan.seed);
            thread::spawn(move || shared.ask_all_the_time(number, client, seed))
        };
        let threads = (0..plan.clients).map(start).collect();
        Clients { shared, threads, servers }
    }

    /// Whether as many operations were begun as there are to be.
    pub(super) fn have_enough(&self) -> bool {
        self.shared.begun.load(Ordering::Relaxed) >= self.shared.most
    }

    /// The time since the run's start.
    pub(super) fn elapsed(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// How many operations were answered so far.
    pub(super) fn answered(&self) -> usize {
        self.shared.answers().all.len()
    }

    /// Of all operations that were answered, when the one was asked that was asked last.
    pub(super) fn newest_served(&self) -> Duration {
        self.shared.answers().newest_served
    }

    /// Lets all clients finish what they have begun.
    ///
    /// # Panics
    /// If one of them has panicked: with the same panic.
    pub(super) fn stop(self) -> Told {
        self.shared.stop.store(true, Ordering::Relaxed);
        let own = |thread: JoinHandle<Own>| thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload));
        let mut owns: Vec<Own> = self.threads.into_iter().map(own).collect();
        let sum = |count: fn(&Own) -> usize| owns.iter().map(count).sum();
        Told {
            history: self.shared.recorder.history(),
            answers: std::mem::take(&mut self.shared.answers().all),
            unknown: sum(|own| own.unknown),
            not_done: sum(|own| own.not_done),
            wrong: owns.iter_mut().flat_map(|own| std::mem::take(&mut own.wrong)).collect(),
            recorder: self.shared.recorder.clone(),
            owns,
            servers: self.servers,
        }
    }
}

impl Shared {
    fn ask_all_the_time(&self, number: usize, mut client: Client, seed: u64) -> Own {
        let mut dice = ChaCha8Rng::seed_from_u64(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let letter = u8::try_from(number).map_or('Z', |number| char::from(b'A' + number % 26));
        let mut own = Own { key: letter, ..Own::default() };
        let mut written = 0;
        while !self.stop.load(Ordering::Relaxed) && self.begun.fetch_add(1, Ordering::Relaxed) < self.most {
            let key = SHARED[dice.next_u32() as usize % SHARED.len()];
            match dice.next_u32() % 8 {
                0 => own.add(&mut client, self),
                1..4 => {
                    written += 1;
                    let value = Value::from(written) * 1_000 + number as Value;
                    self.ask(number, &mut client, Put(key, value), &mut own);
                }
                _ => self.ask(number, &mut client, Get(key), &mut own),
            }
            thread::sleep(PACE);
        }
        own
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something about a key that all share, and puts it on record.
    fn ask(&self, number: usize, client: &mut Client, request: Request, own: &mut Own) {
        let (asked, call) = (self.start.elapsed(), self.recorder.invoke(number, request));
        let told = client.ask(request);
        match told {
            Ok(value) => call.returned(value),
            Err(Failed::NotDone) => call.void(),
            Err(Failed::Unknown) if matches!(request, Get(_)) => call.void(),
            Err(Failed::Unknown) => call.unknown(),
        }
        self.count(asked, told, own);
    }

    fn count(&self, asked: Duration, told: Result<Value, Failed>, own: &mut Own) {
        match told {
            Err(Failed::Unknown) => own.unknown += 1,
            Err(Failed::NotDone) => own.not_done += 1,
            Ok(_) => {
                let mut answers = self.answers();
                let at = self.start.elapsed();
                answers.newest_served = answers.newest_served.max(asked);
                answers.all.push(Answered { at, took: at.saturating_sub(asked) });
            }
        }
    }
}

impl Own {
    /// Adds 1 to its own key.
    fn add(&mut self, client: &mut Client, shared: &Shared) {
        let asked = shared.start.elapsed();
        let told = client.ask(Add(self.key, 1));
        match told {
            Ok(value) => {
                (self.least, self.most) = (self.least + 1, self.most + 1);
                self.see(value);
                self.most = value; // an addition that is not in by now comes too late: its number is lower
            }
            Err(Failed::Unknown) => self.most += 1,
            Err(Failed::NotDone) => {}
        }
        shared.count(asked, told, self);
    }

    /// Its key holds this now.
    fn see(&mut self, value: Value) {
        if !(self.least..=self.most).contains(&value) {
            let Own { key, least, most, .. } = self;
            let says = format!(
                "`{key}` holds {value}. One client alone adds to it, and by what it was told that must be from {least} to {most}."
            );
            self.wrong.push(Broken::Count(says));
        }
        self.least = self.least.max(value);
    }
}

impl Told {
    /// Reads each key once more, after everything was started again.
    pub(super) fn look_again(&mut self) {
        let mut client = client(&self.servers, 20);
        let begun = Instant::now();
        let mut read = |key| loop {
            match client.ask(Get(key)) {
                Ok(value) => return Ok(value),
                Err(_) if begun.elapsed() < PATIENCE => {} // a read may be asked again
                Err(failed) => return Err(unreadable(key, failed)),
            }
        };
        for key in SHARED {
            let call = self.recorder.invoke(usize::MAX, Get(key));
            match read(key) {
                Ok(value) => call.returned(value),
                Err(broken) => self.wrong.push(broken),
            }
        }
        for mut own in std::mem::take(&mut self.owns) {
            match read(own.key) {
                Ok(value) => own.see(value),
                Err(broken) => own.wrong.push(broken),
            }
            self.wrong.append(&mut own.wrong);
        }
        self.history = self.recorder.history();
    }
}

fn unreadable(key: Key, failed: Failed) -> Broken {
    Broken::Progress(format!("All servers were started again, and `{key}` cannot be read. {failed}"))
}
