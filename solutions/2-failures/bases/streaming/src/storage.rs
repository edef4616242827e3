//! Storage: what a server saves, on a disk.
//!
//! # The problem
//!
//! In stage 1 a server said `save`, with all that must survive a crash, and it was saved. On a real disk that would mean writing the whole
//! log for each entry. A write-ahead log takes *changes*: a vote, some entries more. What was saved last is found again by going through
//! all changes from the first on.
//!
//! # What is in the log
//!
//! [`Record`]s, each of which changes one thing and leaves all else as the ones before have left it. What belongs together is synced
//! together, in one frame. When a server has cut its own log off behind a snapshot, the old records say nothing more that anybody needs:
//! the log is rewritten, with records that lead to the present state from nothing.
//!
//! # When it is written
//!
//! To save is to note the state in memory. Only a sync looks at what has changed since the last sync. So what was replaced in between costs
//! nothing.
//!
//! # This design
//!
//! To save only notes the state. A sync compares it with what was synced last, and writes the difference in up to two records, or a new
//! log if the snapshot or the log's start has changed.
//!
//! # Left out on purpose
//!
//! The format of old versions: a program that is in use for years must be able to read what its predecessor wrote, so it would
//! begin with a version number.

use std::sync::Arc;

use cap::raft;
use cap::raft::log::{Entry, Index, Log, Start, Term};
use serde::{Deserialize, Serialize};
use testkit::disk::Disk;
use testkit::node::NodeId;

use crate::snapshot::{Durable, Snapshot};
use crate::wal::{self, Wal, WalError};

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The server's log is empty, and begins at `start`. Up to there, or further, a snapshot stands for what it led to.
    Base {
        /// The newest snapshot.
        snapshot: Option<Arc<Snapshot>>,
        /// The place before the first entry.
        start: Start,
    },
    /// The server is in this term.
    Ballot {
        /// The term.
        term: Term,
        /// The candidate that it voted for in that term.
        voted_for: Option<NodeId>,
    },
    /// The log is cut off behind `after`, and goes on with these entries.
    Splice {
        /// The last entry that stays.
        after: Index,
        /// What stands behind it, which may be nothing.
        entries: Vec<Entry>,
    },
}

/// A server's memory on a disk.
///
/// Invariant: going through the records of the log leads to `synced`.
#[derive(Clone, Debug)]
pub struct Storage<D> {
    wal: Wal<D>,
    /// What is on the disk. Without anything saved: what a new server has.
    synced: Durable,
    /// What was saved since.
    latest: Option<Durable>,
}

impl<D: Disk> Storage<D> {
    /// Opens what is on a disk, or starts a new storage there. Returns it with what was saved last, or with `None` if nothing
    /// was ever saved.
    ///
    /// # Errors
    /// Those of [`Wal::open`], and [`WalError::Unknown`] for a record that no storage wrote.
    pub fn open(disk: D) -> Result<(Self, Option<Durable>), WalError> {
        let (wal, records) = Wal::open(disk)?;
        let mut synced = nothing();
        for (record, bytes) in (0..).zip(&records) {
            let change = postcard::from_bytes(bytes).map_err(|_| WalError::Unknown { record })?;
            carry_out(change, &mut synced);
        }
        let saved = (!records.is_empty()).then(|| synced.clone());
        Ok((Storage { wal, synced, latest: None }, saved))
    }

    /// Notes what must survive a crash, replacing what was saved before. Nothing is promised before the next
    /// [`sync`](Self::sync). The bytes written for it depend on how much has changed, not on the length of the log, unless the
    /// log's beginning was cut off.
    pub fn save(&mut self, durable: &Durable) {
        self.latest = Some(durable.clone());
    }

    /// Makes durable what was saved so far. Nothing may be promised to others before this has returned `Ok`.
    ///
    /// # Errors
    /// Those of [`Wal::sync`] and [`Wal::rewrite`]: after one of them, nothing more becomes durable.
    pub fn sync(&mut self) -> Result<(), WalError> {
        let Some(latest) = self.latest.take() else { return self.wal.sync() };
        if base(&latest) == base(&self.synced) {
            changes(&self.synced, &latest).iter().for_each(|record| self.wal.append(&encode(record)));
            self.wal.sync()?;
        } else {
            let records: Vec<_> = from_nothing(&latest).iter().map(encode).collect();
            self.wal.rewrite(&records)?;
        }
        self.synced = latest;
        Ok(())
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.wal.disk()
    }
}

/// What a server has before it saves anything.
fn nothing() -> Durable {
    Durable { snapshot: None, raft: raft::Durable { term: 0, voted_for: None, log: Log::default() } }
}

/// What changes only when a beginning of the log is cut off, or when a snapshot is taken over.
fn base(durable: &Durable) -> (Option<&Arc<Snapshot>>, Start) {
    (durable.snapshot.as_ref(), durable.raft.log.start())
}

/// The records that lead from one state to another with the same base.
fn changes(from: &Durable, to: &Durable) -> Vec<Record> {
    let (old, new) = (&from.raft, &to.raft);
    let mut records = Vec::new();
    if (old.term, old.voted_for) != (new.term, new.voted_for) {
        records.push(Record::Ballot { term: new.term, voted_for: new.voted_for });
    }
    let after = last_in_common(&old.log, &new.log);
    if after < old.log.last_index().max(new.log.last_index()) {
        records.push(Record::Splice { after, entries: new.log.after(after).to_vec() });
    }
    records
}

/// The records that lead to a state, whatever was before them.
fn from_nothing(to: &Durable) -> Vec<Record> {
    let base = Record::Base { snapshot: to.snapshot.clone(), start: to.raft.log.start() };
    let mut bare = nothing();
    carry_out(base.clone(), &mut bare);
    [vec![base], changes(&bare, to)].concat()
}

/// Changes a state as a record says.
fn carry_out(record: Record, state: &mut Durable) {
    match record {
        Record::Base { snapshot, start } => {
            state.snapshot = snapshot;
            state.raft.log = Log::beginning_after(start);
        }
        Record::Ballot { term, voted_for } => (state.raft.term, state.raft.voted_for) = (term, voted_for),
        Record::Splice { after, entries } => {
            state.raft.log.truncate(after);
            entries.into_iter().for_each(|entry| state.raft.log.push(entry));
        }
    }
}

/// The last place at which two logs with the same start hold the same entry. Up to there they are the same. Mostly it is near the end.
fn last_in_common(one: &Log, other: &Log) -> Index {
    let shared = one.start().index..=one.last_index().min(other.last_index());
    shared.rev().find(|&index| one.term_at(index) == other.term_at(index)).unwrap_or(one.start().index)
}

/// A record's bytes.
fn encode(record: &Record) -> wal::Record {
    postcard::to_stdvec(record).expect("memory takes whatever is written to it")
}
