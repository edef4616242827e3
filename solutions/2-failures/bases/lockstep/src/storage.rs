//! Storage: what a server saves, on a disk.
//!
//! # The problem
//!
//! In stage 1 a server said `save`, with all that must survive a crash, and it was saved. On a real disk that would mean writing
//! the whole log for each entry. A write-ahead log takes *changes*: a new term, a vote, a few more entries. What was saved last
//! is recovered by going through all changes from the first on.
//!
//! # What is in the log
//!
//! [`Record`]s. The first may be [`Whole`](Record::Whole); the others are changes to what the ones before led to, one for each sync. A
//! server that has cut its own log off behind a snapshot says so in a change too ([`Cut`]), as long as the file is small. When it has grown, most of
//! what stands there says nothing that anybody needs: then the log is rewritten at the next cut, with one whole record.
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
    /// All that was saved at this point, whatever the records before it say.
    Whole(Durable),
    /// What has changed since the previous record.
    Change {
        /// The server's term.
        term: Term,
        /// The candidate that it voted for in that term.
        voted_for: Option<NodeId>,
        /// Its new snapshot and its log's new start, if one of them is another one. This comes before what follows.
        cut: Option<Cut>,
        /// Up to where its log is unchanged.
        kept: Index,
        /// The entries after that.
        entries: Vec<Entry>,
    },
}

/// Where a log starts, and what stands for what came before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    snapshot: Option<Arc<Snapshot>>,
    start: Start,
}

/// How many bytes of records may stand in the log before it is rewritten, if the last whole record was of size 0.
const ROOM: usize = 1 << 10;

/// A server's memory on a disk.
///
/// Invariants:
/// - going through the records of the log leads to `synced`;
/// - `unsynced` is what was saved last, if that was after the last sync. Nothing of it is in the log.
#[derive(Clone, Debug)]
pub struct Storage<D> {
    wal: Wal<D>,
    /// What is on the disk. Without anything saved: what a new server has.
    synced: Durable,
    /// What is to be on it next.
    unsynced: Option<Durable>,
    /// How many bytes of records the log holds.
    size: usize,
    /// How many may be there before it is worth writing it anew.
    room: usize,
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
        for (number, record) in (0..).zip(&records) {
            let known = decode(record).ok_or(WalError::Unknown { record: number })?;
            synced = known.after(synced);
        }
        let saved = (!records.is_empty()).then(|| synced.clone());
        let size = records.iter().map(Vec::len).sum();
        let room = room(records.first().map_or(0, Vec::len));
        Ok((Storage { wal, synced, unsynced: None, size, room }, saved))
    }

    /// Notes what must survive a crash, replacing what was saved before. Nothing is promised before the next
    /// [`sync`](Self::sync). The bytes written for it depend on how much has changed, not on the length of the log, unless the
    /// log's beginning was cut off.
    pub fn save(&mut self, durable: &Durable) {
        self.unsynced = Some(durable.clone());
    }

    /// Makes durable what was saved last: by one record of what has changed since the last sync, or by a new log.
    ///
    /// # Errors
    /// Those of [`Wal::sync`] and [`Wal::rewrite`]: after one of them, nothing more becomes durable.
    pub fn sync(&mut self) -> Result<(), WalError> {
        let Some(next) = self.unsynced.take().filter(|next| *next != self.synced) else { return self.wal.sync() };
        let change = Record::between(&self.synced, &next);
        let bytes = encode(&change);
        if matches!(change, Record::Change { cut: Some(_), .. }) && self.size + bytes.len() > self.room {
            self.rewrite(&next)?;
        } else {
            self.wal.append(&bytes);
            self.wal.sync()?;
            self.size += bytes.len();
        }
        self.synced = next;
        Ok(())
    }

    /// Begins the log anew, with one record.
    fn rewrite(&mut self, next: &Durable) -> Result<(), WalError> {
        let whole = encode(&Record::Whole(next.clone()));
        (self.size, self.room) = (whole.len(), room(whole.len()));
        self.wal.rewrite(&[whole])
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.wal.disk()
    }
}

impl Record {
    /// What has changed from one state to another.
    fn between(old: &Durable, new: &Durable) -> Record {
        let (was, is) = (&old.raft.log, &new.raft.log);
        let is_cut = old.snapshot != new.snapshot || was.start() != is.start();
        let cut = is_cut.then(|| Cut { snapshot: new.snapshot.clone(), start: is.start() });
        let kept = match was.term_at(is.start().index) == Some(is.start().term) {
            true => last_common(was, is),
            false => is.start().index,
        };
        let (term, voted_for, entries) = (new.raft.term, new.raft.voted_for, is.after(kept).to_vec());
        Record::Change { term, voted_for, cut, kept, entries }
    }

    /// The state that this record leads to from another.
    fn after(self, mut state: Durable) -> Durable {
        match self {
            Record::Whole(whole) => return whole,
            Record::Change { term, voted_for, cut, kept, entries } => {
                if let Some(Cut { snapshot, start }) = cut {
                    state.snapshot = snapshot;
                    begin_at(&mut state.raft.log, start);
                }
                (state.raft.term, state.raft.voted_for) = (term, voted_for);
                state.raft.log.truncate(kept);
                entries.into_iter().for_each(|entry| state.raft.log.push(entry));
            }
        }
        state
    }
}

/// Lets a log begin at `start`: with what it holds behind that place, if it knows the place.
fn begin_at(log: &mut Log, start: Start) {
    if log.term_at(start.index) == Some(start.term) {
        log.cut_up_to(start.index);
    } else {
        *log = Log::beginning_after(start);
    }
}

/// The last index at which both logs hold the same: the same term is enough, since logs match. They agree where the second starts.
fn last_common(one: &Log, other: &Log) -> Index {
    let start = other.start().index;
    let end = one.last_index().min(other.last_index());
    (start..=end).rev().find(|index| one.term_at(*index) == other.term_at(*index)).unwrap_or(start)
}

/// How large the log may become behind a whole record of this size.
fn room(whole: usize) -> usize {
    ROOM + 3 * whole
}

/// What a server has before it saves anything.
fn nothing() -> Durable {
    Durable { snapshot: None, raft: raft::Durable { term: 0, voted_for: None, log: Log::default() } }
}

/// A record's bytes.
fn encode(record: &Record) -> wal::Record {
    postcard::to_stdvec(record).expect("memory takes whatever is written to it")
}

/// The record that these bytes hold, if they hold one, and nothing behind it.
fn decode(bytes: &[u8]) -> Option<Record> {
    let (record, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(record)
}
