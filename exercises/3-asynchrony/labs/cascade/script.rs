//! What is done to a chain, and when.

use std::time::Duration;

/// How the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// As it should be.
    Well,
    /// It takes so many milliseconds longer for each line.
    Slow(u64),
    /// Its process stands still: connections are accepted by the system, and no one answers.
    Dead,
}

/// Some seconds of a script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// What the plot says above it.
    pub name: &'static str,
    /// How many lines come, as a share of what the chain can do.
    pub load: f64,
    /// How long it lasts, in seconds.
    pub seconds: u64,
    /// How the store is in it.
    pub store: Store,
}

/// One after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Script {
    /// Its name, in the names of files too.
    pub name: &'static str,
    /// What happens.
    pub told: &'static str,
    /// Its parts.
    pub phases: &'static [Phase],
}

/// Tails come at the same rate in all phases, as a share of what `tail` can do.
pub const TAILS: f64 = 0.0625;

const fn load(name: &'static str, load: f64, seconds: u64) -> Phase {
    Phase { name, load, seconds, store: Store::Well }
}

const fn half(name: &'static str, store: Store, seconds: u64) -> Phase {
    Phase { name, load: 0.5, seconds, store }
}

/// Up to ten times what the chain can do, and down again.
pub const OVERLOAD: Script = Script {
    name: "overload",
    told: "the load rises to ten times what the chain can do, and falls again",
    phases: &[
        load("10 %", 0.1, 4),
        load("50 %", 0.5, 5),
        load("90 %", 0.9, 5),
        load("1,000 %", 10.0, 10),
        load("50 %", 0.5, 20),
    ],
};

/// A slow store, and a dead one, at half of the load.
pub const ILLNESS: Script = Script {
    name: "illness",
    told: "the store gets slow, gets well, dies, and comes back",
    phases: &[
        half("all well", Store::Well, 5),
        half("store slow", Store::Slow(100), 8),
        half("well", Store::Well, 7),
        half("store dead", Store::Dead, 8),
        half("well", Store::Well, 10),
    ],
};

/// Both scripts, in the order in which they are played.
pub const SCRIPTS: [Script; 2] = [OVERLOAD, ILLNESS];

impl Script {
    /// The phases, each with the moment at which it begins.
    pub fn moments(&self) -> impl Iterator<Item = (Duration, Phase)> + use<> {
        let mut at = 0;
        self.phases.iter().map(move |&phase| {
            at += phase.seconds;
            (Duration::from_secs(at - phase.seconds), phase)
        })
    }

    /// How long it lasts.
    pub fn lasts(&self) -> Duration {
        Duration::from_secs(self.phases.iter().map(|phase| phase.seconds).sum())
    }
}
