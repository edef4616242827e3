//! `chain gateway`: the entrance, in one of four kinds.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use rand::Rng;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::{Ended, Exit, Service, address};
use crate::subject::admission::{limit, queue};
use crate::subject::breaker;
use crate::subject::chain::blocking::bounded;
use crate::subject::chain::blocking::gateway::{self as blocking, Below};
use crate::subject::chain::gateway::{Gateway, Settings};
use crate::subject::chain::link::Tcp;
use crate::subject::chain::listen::{self, Answers};
use crate::subject::chain::naive::Naive;
use crate::subject::chain::parameters::Parameters;
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;

/// Run the gateway. Your own and the naive one end on SIGTERM, when they have answered what they have taken
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    service: Service,
    /// Which one
    #[arg(long, value_enum, default_value_t = Kind::Yours)]
    kind: Kind,
    /// Where `enrich` is
    #[arg(long, value_name = "ADDR", value_parser = address)]
    enrich: SocketAddr,
    /// Where `tail` is
    #[arg(long, value_name = "ADDR", value_parser = address)]
    tail: SocketAddr,
}

/// The four gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Threads that block
    Blocking,
    /// Threads that block, with deadlines, and your admission queue in front of them
    Bounded,
    /// Tasks, as many as come
    Naive,
    /// What you have made of this stage
    Yours,
}

/// Waits of a queue that does not stay.
const ADMISSION: queue::Settings = queue::Settings { capacity: 64, target: 25, interval: 100 };

/// A client that sends nothing, or takes nothing, is forgotten after this time.
const IDLE: Duration = Duration::from_secs(60);

/// Runs the gateway.
pub fn run(args: &Args) -> Result<(), Ended> {
    let &Args { ref service, kind, enrich, tail } = args;
    let (listener, parameters) = (service.listen()?, service.parameters());
    let below = Below { enrich, tail };
    match kind {
        Kind::Blocking => blocking::serve(&listener, parameters, below),
        Kind::Bounded => bounded::serve(&listener, parameters, ADMISSION, below),
        Kind::Naive => {
            let timeout = Duration::from_millis(parameters.timeout);
            serve(listener, parameters, || Naive { enrich: Tcp(enrich), tail: Tcp(tail), timeout })
        }
        Kind::Yours => serve(listener, parameters, || {
            let draw = Box::new(|most| rand::rng().random_range(0..=most));
            Gateway::new(&settings(parameters), Tcp(enrich), Tcp(tail), draw)
        }),
    }
    .map_err(|why| (Exit::System, format!("The system does not let the gateway run: {why}.")))
}

/// What is right for such a chain. The limit begins low and finds its place.
fn settings(parameters: Parameters) -> Settings {
    Settings {
        queue: ADMISSION,
        limit: limit::Settings { least: 4, most: parameters.gateway_threads, first: 8, keeps: 90 },
        breaker: breaker::Settings { failures: 5, pause: 500, probes: 2, patience: parameters.timeout },
        retries: Policy { attempts: 3, backoff: Backoff { base: 10, cap: 100 } },
        budget: Budget::new(20, 100),
        slow: Duration::from_millis(75),
        timeout: Duration::from_millis(parameters.timeout / 2),
    }
}

/// Serves on one thread until SIGTERM.
fn serve<A: Answers>(listener: TcpListener, parameters: Parameters, gateway: impl FnOnce() -> A) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let settings = listen::Settings { patience: Duration::from_millis(parameters.patience), idle: IDLE };
        listen::serve(listener, Arc::new(gateway()), settings, terminated.recv()).await;
        Ok(())
    })
}
