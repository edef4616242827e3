//! The audit log: what the monkey is about to do, what came of it, and what it has left out.
//!
//! People read it when something broke and no one knows why. The monkey reads it when it restarts, and so knows what it has done
//! today. Both need the same: that a fault is in the log *before* it is done. It is a write-ahead log, and yours will do: the
//! module `audit_log` joins the two.

use std::fmt;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// The fault comes next. In a dry run it does not.
    Will {
        /// What is to be done.
        fault: Fault,
        /// Whether this is a dry run.
        dry: bool,
    },
    /// The fault was carried out.
    Done {
        /// What was done.
        fault: Fault,
    },
    /// The executor could not do it, or only a part of it.
    Failed {
        /// What was to be done.
        fault: Fault,
        /// What the executor said.
        error: String,
    },
    /// The group's turn came, and was left out.
    Skipped {
        /// When.
        at: Timestamp,
        /// The group whose turn it was.
        group: String,
        /// Why.
        why: Why,
    },
}

/// Why a turn was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// With one healthy instance less, the group would have fewer than it needs.
    TooFewHealthy,
    /// Every healthy instance of the group is spared.
    AllSpared,
}

/// Where the audit log is kept.
pub trait Audit {
    /// Adds an entry. When this returns `Ok`, the entry is kept whatever happens next.
    ///
    /// # Errors
    /// If it is not certain that the entry is kept.
    fn write(&mut self, entry: &Entry) -> io::Result<()>;
}

impl Entry {
    /// The group that it is about.
    pub fn group(&self) -> &str {
        match self {
            Entry::Will { fault, .. } | Entry::Done { fault } | Entry::Failed { fault, .. } => &fault.group,
            Entry::Skipped { group, .. } => group,
        }
    }

    /// The instant of the tick that it comes from.
    pub fn at(&self) -> Timestamp {
        match self {
            Entry::Will { fault, .. } | Entry::Done { fault } | Entry::Failed { fault, .. } => fault.at,
            Entry::Skipped { at, .. } => *at,
        }
    }

    /// The entry that a record of the log holds. `None` if it holds none.
    pub fn read(record: &[u8]) -> Option<Entry> {
        serde_json::from_slice(record).ok()
    }

    /// The record that holds this entry: one line of JSON.
    pub fn record(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an entry has only text and numbers")
    }
}

/// In memory, for tests.
impl Audit for Vec<Entry> {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.push(entry.clone());
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ", self.at())?;
        match self {
            Entry::Will { fault, dry: false } => write!(f, "will do    {fault}"),
            Entry::Will { fault, dry: true } => write!(f, "would do   {fault}"),
            Entry::Done { fault } => write!(f, "done       {fault}"),
            Entry::Failed { fault, error } => write!(f, "failed     {fault} ({error})"),
            Entry::Skipped { group, why: Why::TooFewHealthy, .. } => {
                write!(f, "left out   group {group}: too few are healthy")
            }
            Entry::Skipped { group, why: Why::AllSpared, .. } => write!(f, "left out   group {group}: all are spared"),
        }
    }
}
