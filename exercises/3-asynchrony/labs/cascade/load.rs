//! The load: requests that are sent when the script says so, whether earlier ones were answered or not: an *open loop*.
//!
//! A client in a closed loop sends its next request when it has the answer to the one before. If the service stands still, it sends nothing, and has
//! one bad measurement where a thousand users had one each: *coordinated omission*. Here each request has a moment at which it is due, and its
//! latency counts from that moment, even if the generator itself was late.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::customers;
use super::script::{Phase, Script, TAILS};
use crate::subject::chain::link::ask;
use crate::subject::chain::message::{Call, Reply, Request};
use crate::subject::chain::parameters::{Load, Parameters};

/// How many customers send lines.
const TENANTS: u64 = 16;

/// One of the two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// gateway, `enrich`, store.
    Line,
    /// gateway, `tail`.
    Tail,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// What it wanted.
    Answer,
    /// That there is too much to do.
    Refusal,
    /// That something went wrong.
    Failure,
    /// Nothing, for so long that it has left.
    Nothing,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When it was due, from the start of the script on.
    pub due: Duration,
    /// How much later than that it was sent: the generator's own lag.
    pub lag: Duration,
    /// How long its client had to wait, counted from when it was due.
    pub took: Duration,
    /// On which path.
    pub way: Way,
    /// What came of it.
    pub told: Told,
}

/// How many lines a second the chain can store: that of its slowest part.
pub fn capacity(parameters: &Parameters) -> f64 {
    f64::from(parameters.store_places) * 1e3 / parameters.store_takes as f64
}

/// How many tails a second come.
pub fn tails(parameters: &Parameters) -> f64 {
    TAILS * f64::from(parameters.tail_places) * 1e3 / parameters.tail_takes as f64
}

/// What comes in a phase.
pub fn of_phase(phase: &Phase, parameters: &Parameters) -> Load {
    Load { lines: (capacity(parameters) * phase.load).round() as u32, tails: tails(parameters).round() as u32 }
}

/// When each request is due, in order.
pub fn schedule(script: &Script, parameters: &Parameters) -> Vec<(Duration, Way)> {
    let mut due = Vec::new();
    for (begin, phase) in script.moments() {
        let Load { lines, tails } = of_phase(&phase, parameters);
        for (rate, way) in [(lines, Way::Line), (tails, Way::Tail)] {
            let count = rate * phase.seconds as u32;
            due.extend((0..count).map(|number| (begin + Duration::from_secs(1) * number / rate, way)));
        }
    }
    due.sort_unstable_by_key(|(due, way)| (*due, *way == Way::Tail));
    due
}

/// The clients of a run.
#[derive(Clone, Copy, Debug)]
pub struct Clients {
    /// Where they go.
    pub entrance: SocketAddr,
    /// How long each waits.
    pub patience: Duration,
    /// Whether all come from one address.
    pub one_address: bool,
    /// When the script begins.
    pub begun: std::time::Instant,
}

impl Clients {
    /// Sends all of a script's requests, out of a thread of its own.
    pub fn start(self, schedule: Vec<(Duration, Way)>) -> JoinHandle<Vec<Sent>> {
        thread::spawn(move || {
            let (send, sent) = mpsc::channel();
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("the system gives the load's runtime what it needs");
            runtime.block_on(async move {
                let begun = Instant::from_std(self.begun);
                let mut last = begun;
                for (number, (due, way)) in (0..).zip(schedule) {
                    last = begun + due;
                    sleep_until(last).await;
                    let send = send.clone();
                    tokio::spawn(async move { send.send(self.one(number, begun, due, way).await) });
                }
                drop(send);
                sleep_until(last + self.patience + Duration::from_millis(200)).await;
            });
            sent.into_iter().collect()
        })
    }

    async fn one(self, number: u64, begun: Instant, due: Duration, way: Way) -> Sent {
        let lag = begun.elapsed().saturating_sub(due);
        let tenant = number % TENANTS;
        let request = match way {
            Way::Line => Request::Line { tenant, key: number, text: due.as_micros().to_string() },
            Way::Tail => Request::Tail { tenant },
        };
        let left = (due + self.patience).saturating_sub(begun.elapsed());
        let call = Call { request, left: Some(left) };
        let reply = async { ask(self.connect(tenant).await?, call).await };
        let told = match timeout_at(begun + due + self.patience, reply).await {
            Err(_) => Told::Nothing,
            Ok(Err(_)) => Told::Failure,
            Ok(Ok(reply)) => told(&reply),
        };
        Sent { due, lag, took: begun.elapsed().saturating_sub(due), way, told }
    }

    async fn connect(self, tenant: u64) -> io::Result<TcpStream> {
        if self.one_address {
            TcpStream::connect(self.entrance).await
        } else {
            customers::connect(tenant, self.entrance).await
        }
    }
}

fn told(reply: &Reply) -> Told {
    match reply {
        Reply::Stored | Reply::Lines(_) => Told::Answer,
        Reply::Overloaded | Reply::Closing => Told::Refusal,
        Reply::Refused | Reply::Failed | Reply::GivenUp | Reply::TooLate => Told::Failure,
    }
}
