//! What the monkey sees and what it does: instances and their states, faults, and the executor that injects them.
//!
//! The monkey itself only decides. An [`Executor`] does the harm: in the checks it changes a state in a table, in the lab it sends
//! signals to processes and closes links in a proxy. A fault that lasts says how long, in real seconds; the executor ends it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of an instance at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs, and answers.
    Healthy,
    /// Its process exists but is stopped: it answers no request, and does not notice.
    Paused,
    /// It runs, but no message gets in or out.
    CutOff,
    /// It runs, but does not answer: it may be starting, full, or stuck.
    Silent,
    /// There is no such process.
    Gone,
}

/// What is known about all instances, by name. Nothing is known about an instance that is missing here, so it does not count as
/// healthy.
pub type View = BTreeMap<String, State>;

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// The process ends at once (SIGKILL).
    Kill,
    /// The process is stopped for a while (SIGSTOP, and later SIGCONT).
    Pause {
        /// How long, in real time.
        lasts: Duration,
    },
    /// The instance's link is cut for a while: nothing gets in or out.
    Cut {
        /// How long, in real time.
        lasts: Duration,
    },
    /// The instance's link is slow for a while.
    Slow {
        /// By how much each message comes later.
        by: Duration,
        /// How long, in real time.
        lasts: Duration,
    },
    /// The instance's disk is full for a while.
    Fill {
        /// How long, in real time.
        lasts: Duration,
    },
    /// The instance's disk fails for a while: it keeps nothing that it is given.
    Fail {
        /// How long, in real time.
        lasts: Duration,
    },
}

/// One failure of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The instant at which it was decided on: that of the tick.
    pub at: Timestamp,
    /// The group.
    pub group: String,
    /// The instance of this group that it hits.
    pub victim: String,
    /// What happens to it.
    pub kind: Kind,
}

/// Carries out the faults that the monkey decides on.
pub trait Executor {
    /// Injects a fault, and makes sure that it ends if it is one that lasts.
    ///
    /// # Errors
    /// If it could not be done, or only a part of it.
    fn carry_out(&mut self, fault: &Fault) -> io::Result<()>;
}

impl Kind {
    /// What it is called in a configuration, without how long it lasts.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Kill => "kill",
            Kind::Pause { .. } => "pause",
            Kind::Cut { .. } => "cut",
            Kind::Slow { .. } => "slow",
            Kind::Fill { .. } => "fill",
            Kind::Fail { .. } => "fail",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Kill => f.write_str("kill"),
            Kind::Pause { lasts } => write!(f, "pause for {lasts:?}"),
            Kind::Cut { lasts } => write!(f, "cut off for {lasts:?}"),
            Kind::Slow { by, lasts } => write!(f, "slow down by {by:?} for {lasts:?}"),
            Kind::Fill { lasts } => write!(f, "fill the disk for {lasts:?}"),
            Kind::Fail { lasts } => write!(f, "let the disk fail for {lasts:?}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of group {}: {}", self.victim, self.group, self.kind)
    }
}
