//! Storage: what a server saves, on a disk.
//!
//! # The problem
//!
//! In stage 1 a server said `save`, with all that must survive a crash, and it was saved. On a real disk that would mean writing the whole
//! log for each entry. A write-ahead log takes *changes*: a new term, a vote, some entries more. What was saved last is found again by
//! going through all changes from the first on.
//!
//! # What is yours
//!
//! This is the open task of the stage. Nobody else reads this log, so what its records say, how they are written as bytes, and when the log is
//! rewritten, are for you to design. (`serde` and `postcard` are at hand: what is saved can be turned into bytes and back.)
//!
//! When a server has cut its own log off behind a snapshot, the old records say nothing more that anybody needs. What is on the disk stays in
//! proportion to what was saved last.
//!
//! # Left out on purpose
//!
//! Rewriting for other reasons: a server that stands for election in vain for a year writes a small record for each term, and without a
//! snapshot the reference keeps them all.
//!
//! The format of old versions: a program that is in use for years must be able to read what its predecessor wrote, so it would put a
//! version number in front.

#![allow(unused_variables, dead_code, reason = "for the holes below: delete this line when all are filled")]
use testkit::disk::Disk;

use crate::snapshot::Durable;
use crate::wal::{Wal, WalError};

/// A server's memory on a disk.
///
/// Invariants:
/// - the records of the log, with those not yet synced, lead to what was saved last;
/// - unless the log is to be rewritten: then it leads to what was synced last, until the new one has taken its place.
#[derive(Clone, Debug)]
pub struct Storage<D> {
    wal: Wal<D>,
}

impl<D: Disk> Storage<D> {
    /// Opens what is on a disk, or begins there. Gives it with what was saved last; none if nothing ever was.
    ///
    /// # Errors
    /// Those of [`Wal::open`], and [`WalError::Unknown`] for a record that nobody can read.
    pub fn open(disk: D) -> Result<(Self, Option<Durable>), WalError> {
        todo!("What do the records of the log lead to?")
    }

    /// Notes what must survive a crash, in place of what was saved before. Nothing is promised before the next [`sync`](Self::sync). What is
    /// written for it depends on how much has changed, and not on how long the log is, unless the log's beginning was cut off.
    pub fn save(&mut self, durable: &Durable) {
        todo!("What has changed since the last time, and how does the log come to say so?")
    }

    /// Makes durable what was saved so far. Only when it has returned `Ok` may anybody hear of it.
    ///
    /// # Errors
    /// Those of [`Wal::sync`] and [`Wal::rewrite`]: after one of them, nothing is durable any more that was not before.
    pub fn sync(&mut self) -> Result<(), WalError> {
        todo!("Sync the log, or write it anew.")
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.wal.disk()
    }
}
