//! Storage: what a server saves, on a disk.
//!
//! # The problem
//!
//! In stage 1 a server said `save`, with all that must survive a crash, and it was saved. On a real disk that would mean writing
//! the whole log for each entry. A write-ahead log takes *changes*: a new term, a vote, a few more entries. What was saved last
//! is recovered by going through all changes from the first on.
//!
//! # What is yours
//!
//! This is the open task of the stage. No other program reads this log, so what its records say, how they are written as bytes,
//! and when the log is rewritten, are for you to design. (`serde` and `postcard` are at hand: what is saved can be turned into
//! bytes and back.)
//!
//! When a server has cut off its own log at a snapshot, the old records are no longer needed. What is on the disk stays in
//! proportion to what was saved last.
//!
//! # Left out on purpose
//!
//! Rewriting for other reasons: a server that tries for a year to become leader writes a small record for each term, and without
//! a snapshot the reference keeps them all.
//!
//! The format of old versions: a program that is in use for years must be able to read what its predecessor wrote, so it would
//! begin with a version number.

#![allow(unused_variables, dead_code, reason = "for the holes below: delete this line when all are filled")]
use testkit::disk::Disk;

use crate::snapshot::Durable;
use crate::wal::{Wal, WalError};

/// A server's memory on a disk.
///
/// Invariants:
/// - the records of the log, with those not yet synced, result in what was saved last;
/// - while the log is still to be rewritten, they result in what was synced last instead.
#[derive(Clone, Debug)]
pub struct Storage<D> {
    wal: Wal<D>,
}

impl<D: Disk> Storage<D> {
    /// Opens what is on a disk, or starts a new storage there. Returns it with what was saved last, or with `None` if nothing
    /// was ever saved.
    ///
    /// # Errors
    /// Those of [`Wal::open`], and [`WalError::Unknown`] for a record that no storage wrote.
    pub fn open(disk: D) -> Result<(Self, Option<Durable>), WalError> {
        todo!("What is the result of the log's records?")
    }

    /// Notes what must survive a crash, replacing what was saved before. Nothing is promised before the next
    /// [`sync`](Self::sync). The bytes written for it depend on how much has changed, not on the length of the log, unless the
    /// log's beginning was cut off.
    pub fn save(&mut self, durable: &Durable) {
        todo!("What has changed since the last time, and how does the log say so?")
    }

    /// Makes durable what was saved so far. Nothing may be promised to others before this has returned `Ok`.
    ///
    /// # Errors
    /// Those of [`Wal::sync`] and [`Wal::rewrite`]: after one of them, nothing more becomes durable.
    pub fn sync(&mut self) -> Result<(), WalError> {
        todo!("Sync the log, or rewrite it.")
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.wal.disk()
    }
}
