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

//# allow: unused_variables, dead_code
//# private
use cap::raft;
use cap::raft::log::{Entry, Index, Log, Term};
use serde::{Deserialize, Serialize};
//# end
use testkit::disk::Disk;
//# private
use testkit::node::NodeId;
//# end

use crate::snapshot::Durable;
//# placeholder: use crate::wal::{Wal, WalError};
//# private
use crate::wal::{self, Wal, WalError};
//# end

//# private
/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// All that was saved at this point, whatever the records before it say.
    Whole(Durable),
    /// What has changed since the previous record.
    Change {
        /// The server's term.
        term: Term,
        /// The candidate that it voted for in that term.
        voted_for: Option<NodeId>,
        /// Up to where its log is unchanged.
        kept: Index,
        /// The entries after that.
        entries: Vec<Entry>,
    },
}
//# end

/// A server's memory on a disk.
///
/// Invariants:
/// - the records of the log, with those not yet synced, result in what was saved last;
/// - while the log is still to be rewritten, they result in what was synced last instead.
#[derive(Clone, Debug)]
pub struct Storage<D> {
    wal: Wal<D>,
    //# private
    /// What was saved last. Without anything saved: what a new server has.
    latest: Durable,
    /// Is the log to be rewritten with the next sync?
    rewrites: bool,
    //# end
}

impl<D: Disk> Storage<D> {
    /// Opens what is on a disk, or starts a new storage there. Returns it with what was saved last, or with `None` if nothing
    /// was ever saved.
    ///
    /// # Errors
    /// Those of [`Wal::open`], and [`WalError::Unknown`] for a record that no storage wrote.
    pub fn open(disk: D) -> Result<(Self, Option<Durable>), WalError> {
        //# hole: What is the result of the log's records?
        let (wal, records) = Wal::open(disk)?;
        let mut latest = nothing();
        for (at, record) in records.iter().enumerate() {
            let record = postcard::from_bytes(record).map_err(|_| WalError::Unknown { record: at as u64 })?;
            latest = carried_out(latest, record);
        }
        let saved = (!records.is_empty()).then(|| latest.clone());
        Ok((Storage { wal, latest, rewrites: false }, saved))
        //# end
    }

    /// Notes what must survive a crash, replacing what was saved before. Nothing is promised before the next
    /// [`sync`](Self::sync). The bytes written for it depend on how much has changed, not on the length of the log, unless the
    /// log's beginning was cut off.
    pub fn save(&mut self, durable: &Durable) {
        //# hole: What has changed since the last time, and how does the log say so?
        let (old, new) = (&self.latest.raft, &durable.raft);
        if durable.snapshot != self.latest.snapshot || new.log.start() != old.log.start() {
            self.rewrites = true;
        } else if old != new {
            let kept = agreement(&old.log, &new.log);
            let entries = new.log.after(kept).to_vec();
            let change = Record::Change { term: new.term, voted_for: new.voted_for, kept, entries };
            self.wal.append(&encode(&change));
        }
        self.latest = durable.clone();
        //# end
    }

    /// Makes durable what was saved so far. Nothing may be promised to others before this has returned `Ok`.
    ///
    /// # Errors
    /// Those of [`Wal::sync`] and [`Wal::rewrite`]: after one of them, nothing more becomes durable.
    pub fn sync(&mut self) -> Result<(), WalError> {
        //# hole: Sync the log, or rewrite it.
        if !self.rewrites {
            return self.wal.sync();
        }
        self.wal.rewrite(&[encode(&Record::Whole(self.latest.clone()))])?;
        self.rewrites = false;
        Ok(())
        //# end
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.wal.disk()
    }
}

//# private
/// What a server has before it saves anything.
fn nothing() -> Durable {
    Durable { snapshot: None, raft: raft::Durable { term: 0, voted_for: None, log: Log::default() } }
}

/// A record's bytes.
fn encode(record: &Record) -> wal::Record {
    postcard::to_stdvec(record).expect("memory takes whatever is written to it")
}

/// What was saved once a record is carried out.
fn carried_out(before: Durable, record: Record) -> Durable {
    match record {
        Record::Whole(durable) => durable,
        Record::Change { term, voted_for, kept, entries } => {
            let mut log = before.raft.log;
            log.truncate(kept);
            entries.into_iter().for_each(|entry| log.push(entry));
            Durable { raft: raft::Durable { term, voted_for, log }, ..before }
        }
    }
}

/// The last index at which both logs hold an entry of the same term. They are the same up to there (*log matching*).
fn agreement(old: &Log, new: &Log) -> Index {
    let (start, end) = (old.start().index, old.last_index().min(new.last_index()));
    (start..=end).rev().find(|&index| old.term_at(index) == new.term_at(index)).unwrap_or(start)
}
//# end
