//! The clients of a chaos run: threads that ask all the time, and note what they are told.
//!
//! A client shares some keys with all others. It reads them, and writes values that nobody else writes, so that an answer shows which
//! write it saw. To a key of its own it adds 1 again and again. Nobody else does, so it knows between which two numbers that must stand: what was
//! acknowledged counts once, and what is unknown once at most.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cap::raft::store::Request::{Add, Get, Put};
use cap::raft::store::{Key, Request, Value};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use testkit::history::Operation;
use testkit::network::Recorder;

use super::Plan;
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
    gap: Mutex<Gap>,
}

/// The time since the last answer, and the longest one.
struct Gap {
    last: Instant,
    longest: Duration,
}

/// What a client knows for itself.
#[derive(Clone, Debug, Default)]
struct Own {
    key: Key,
    /// What its own key must hold at least, and at most.
    least: Value,
    most: Value,
    answered: usize,
    unknown: usize,
    not_done: usize,
    wrong: Vec<String>,
}

/// What all clients were told.
pub(super) struct Told {
    pub(super) history: Vec<Operation<Request, Value>>,
    pub(super) answered: usize,
    pub(super) unknown: usize,
    pub(super) not_done: usize,
    pub(super) longest_gap: Duration,
    pub(super) wrong: Vec<String>,
    recorder: Recorder<Request, Value>,
    owns: Vec<Own>,
    servers: Vec<SocketAddr>,
}

fn client(servers: &[SocketAddr], tries: usize) -> Client {
    let patience = Patience { tries, pause: Duration::from_millis(50) };
    Client::new(Config { patience, limit: Duration::from_millis(400), ..Config::usual("kv", servers.to_vec()) })
}

impl Clients {
    pub(super) fn start(plan: Plan, servers: Vec<SocketAddr>) -> Self {
        let gap = Mutex::new(Gap { last: Instant::now(), longest: Duration::ZERO });
        let (stop, begun, recorder) = (AtomicBool::new(false), AtomicUsize::new(0), Recorder::new());
        let shared = Arc::new(Shared { recorder, stop, begun, most: plan.operations, gap });
        let start = |number| {
            let (shared, client) = (Arc::clone(&shared), client(&servers, 20));
            thread::spawn(move || shared.ask_all_the_time(number, client, plan.seed))
        };
        let threads = (0..plan.clients).map(start).collect();
        Clients { shared, threads, servers }
    }

    /// Whether as many operations were begun as there are to be.
    pub(super) fn have_enough(&self) -> bool {
        self.shared.begun.load(Ordering::Relaxed) >= self.shared.most
    }

    /// Lets all clients finish what they have begun.
    pub(super) fn stop(self) -> Told {
        self.shared.stop.store(true, Ordering::Relaxed);
        let panicked = || Own { wrong: vec!["A client has panicked.".to_owned()], ..Own::default() };
        let owns: Vec<Own> =
            self.threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| panicked())).collect();
        let sum = |count: fn(&Own) -> usize| owns.iter().map(count).sum();
        Told {
            history: Vec::new(),
            answered: sum(|own| own.answered),
            unknown: sum(|own| own.unknown),
            not_done: sum(|own| own.not_done),
            longest_gap: self.shared.gap.lock().unwrap_or_else(PoisonError::into_inner).longest,
            wrong: owns.iter().flat_map(|own| own.wrong.clone()).collect(),
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

    /// Asks something about a key that all share, and puts it on record.
    fn ask(&self, number: usize, client: &mut Client, request: Request, own: &mut Own) {
        let call = self.recorder.invoke(number, request);
        let told = client.ask(request);
        match told {
            Ok(value) => call.returned(value),
            Err(Failed::NotDone) => call.void(),
            Err(Failed::Unknown) if matches!(request, Get(_)) => call.void(),
            Err(Failed::Unknown) => call.unknown(),
        }
        self.count(told, own);
    }

    fn count(&self, told: Result<Value, Failed>, own: &mut Own) {
        match told {
            Ok(_) => own.answered += 1,
            Err(Failed::Unknown) => own.unknown += 1,
            Err(Failed::NotDone) => own.not_done += 1,
        }
        if told.is_ok() {
            let mut gap = self.gap.lock().unwrap_or_else(PoisonError::into_inner);
            gap.longest = gap.longest.max(gap.last.elapsed());
            gap.last = Instant::now();
        }
    }
}

impl Own {
    /// Adds 1 to its own key.
    fn add(&mut self, client: &mut Client, shared: &Shared) {
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
        shared.count(told, self);
    }

    /// Its key holds this now.
    fn see(&mut self, value: Value) {
        if !(self.least..=self.most).contains(&value) {
            let Own { key, least, most, .. } = self;
            self.wrong.push(format!("`{key}` holds {value}; by what was acknowledged it is from {least} to {most}."));
        }
        self.least = self.least.max(value);
    }
}

impl Told {
    /// Reads each key once more, after everything was started again.
    pub(super) fn look_again(&mut self) {
        let mut client = client(&self.servers, 400);
        for key in SHARED {
            let call = self.recorder.invoke(usize::MAX, Get(key));
            match client.ask(Get(key)) {
                Ok(value) => call.returned(value),
                Err(failed) => {
                    self.wrong.push(format!("After all servers were started again, `{key}` cannot be read: {failed}"))
                }
            }
        }
        for mut own in std::mem::take(&mut self.owns) {
            own.wrong.clear();
            match client.ask(Get(own.key)) {
                Ok(value) => own.see(value),
                Err(failed) => own.wrong.push(format!("After all servers were started again: {failed}")),
            }
            self.wrong.append(&mut own.wrong);
        }
        self.history = self.recorder.history();
    }
}
