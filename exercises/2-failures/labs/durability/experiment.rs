//! The experiment: which stores take which load, and in which order.

use std::path::Path;

use testkit::panics;

use super::load::{self, Measured};
use super::syncs::{Group, Syncs};
use super::{etcd, ours};
use testkit::lab::machine;

/// How many clients.
pub const CLIENTS: [usize; 3] = [1, 8, 64];

/// Each store is started and measured so many times, in turns with the other.
pub const ROUNDS: usize = 3;

/// All that was found.
#[derive(Debug)]
pub struct Outcome {
    /// The machine, in a few words.
    pub machine: String,
    /// How busy it was before the lab began, if the system says so: how many threads ran or waited to run, on average of a minute.
    pub load: Option<f64>,
    /// What syncs cost, or one line that says why that is not known.
    pub syncs: Result<Vec<Group>, String>,
    /// The stores: yours, and perhaps etcd. None of them if yours does not run.
    pub stores: Vec<Store>,
    /// Why yours does not run, if it does not.
    pub missing: Option<String>,
}

/// A store, and how it did.
#[derive(Debug)]
pub struct Store {
    /// What it is called.
    pub name: String,
    /// For each number of clients of [`CLIENTS`], the rounds, from slow to fast.
    pub rounds: [Vec<Measured>; CLIENTS.len()],
}

impl Store {
    fn new(name: String) -> Self {
        Store { name, rounds: Default::default() }
    }

    /// The median round of each number of clients.
    pub fn medians(&self) -> [&Measured; CLIENTS.len()] {
        self.rounds.each_ref().map(|rounds| &rounds[rounds.len() / 2])
    }

    /// Measures this store once: a cluster that was just started, and one number of clients after the other.
    fn measure<C: load::Client + Send>(&mut self, clients: impl Fn(usize) -> Result<C, String>) -> Result<(), String> {
        for (rounds, many) in self.rounds.iter_mut().zip(CLIENTS) {
            let clients = (0..many).map(&clients).collect::<Result<_, _>>()?;
            rounds.push(load::run(clients).map_err(|why| format!("{}, {many} clients: {why}", self.name))?);
            rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        }
        Ok(())
    }
}

/// Measures everything. `folder` is where the files are.
///
/// # Errors
/// If etcd cannot be measured, with what to do about it.
pub fn run(whose: &str, with_etcd: bool, folder: &Path) -> Result<Outcome, String> {
    panics::listen(); // a `todo!` is told in a line, not by a panic's message
    let outcome = measure(whose, with_etcd, folder);
    let _ = std::panic::take_hook();
    outcome
}

fn measure(whose: &str, with_etcd: bool, folder: &Path) -> Result<Outcome, String> {
    let version = with_etcd.then(etcd::version).transpose()?;
    let (machine, load) = (machine::describe(folder), machine::load());
    let (mut ours, mut yardstick) = (Store::new(whose.to_owned()), version.map(Store::new));
    let (mut syncs, mut missing) = (Ok(Syncs::default()), None);
    for round in 1..=ROUNDS {
        let begins = |what: &str| eprintln!("round {round} of {ROUNDS}: {what} …");
        begins("syncs"); // in each round, so that they meet the same machine as the stores
        syncs = syncs.and_then(Syncs::round);
        begins(&ours.name);
        let measured = ours::Ours::start().and_then(|cluster| ours.measure(|number| Ok(cluster.client(number))));
        if let Err(why) = measured {
            missing = Some(format!("{why}\nThe store runs when all tasks up to `server` are done: cargo course"));
            break;
        }
        if let Some(etcd) = &mut yardstick {
            begins(&etcd.name);
            let cluster = etcd::Etcd::start()?; // ours has ended: they are never on the machine together
            etcd.measure(|number| cluster.client(number))?;
        }
    }
    let stores = if missing.is_some() { Vec::new() } else { std::iter::once(ours).chain(yardstick).collect() };
    Ok(Outcome { machine, load, syncs: syncs.map(Syncs::groups), stores, missing })
}
