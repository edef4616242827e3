//! The log: which commands, in which order.
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 5.3.
//! Entries are counted from 1, as in the paper. Index 0 with term 0 comes before the first entry: all logs agree there.
//!
//! This file is given. A log cannot grow forever, so in stage 2 its beginning is cut off: then it starts at a later index, up to
//! which all agree as well. Go by indices, as all the methods here do, and nothing changes for you.

use std::fmt;

use serde::{Deserialize, Serialize};
use testkit::node::RequestId;

use super::store::Request;

/// A period with at most one leader. Terms are counted up, and serve as a clock (section 5.1).
pub type Term = u64;

/// A position in the log, counted from 1. 0 comes before the first entry.
pub type Index = u64;

/// One entry: a command, and the term of the leader that took it. Shown as `c0#0 Put('x', 1)@1`.
// ANCHOR: entry
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader put it into its log.
    pub term: Term,
    /// What it asks of the store.
    pub command: Command,
}

/// What an entry asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Nothing. Some leaders begin their term with such an entry. Whether yours does is up to you.
    Noop,
    /// A client's request.
    Client {
        /// Which request of which client. A client that asks again sends the same id again.
        id: RequestId,
        /// What it asks.
        request: Request,
    },
}
// ANCHOR_END: entry

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Noop => write!(f, "Noop"),
            Command::Client { id, request } => write!(f, "{id} {request:?}"),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}", self.command, self.term)
    }
}

/// A server's log.
///
/// Invariants:
/// - terms never fall from one entry to the next;
/// - if two servers' logs hold an entry with the same index and term, they are the same up to there (*log matching*).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Log {
    start: Start,
    entries: Vec<Entry>,
}

/// Where a log starts: the index and the term of the entry just before the first one that it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Start {
    /// 0, until the log's beginning is cut off.
    pub index: Index,
    /// 0 at index 0.
    pub term: Term,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.start.index > 0 {
            write!(f, "…{}@{} ", self.start.index, self.start.term)?;
        }
        self.entries.fmt(f)
    }
}

impl Log {
    /// The entries that it holds, with their indices, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Index, &Entry)> + ExactSizeIterator {
        let first = self.start.index + 1;
        self.entries.iter().enumerate().map(move |(at, entry)| (first + at as Index, entry))
    }

    /// The entries that it holds, in order. As long as nothing is cut off, the entry with index 1 is at position 0.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where it starts: just before the first entry that it holds.
    pub fn start(&self) -> Start {
        self.start
    }

    /// The entry at `index`, if the log has one there.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        let position = usize::try_from(index.checked_sub(self.start.index)?).ok()?.checked_sub(1)?;
        self.entries.get(position)
    }

    /// The index of the last entry; 0 if there is none.
    pub fn last_index(&self) -> Index {
        self.start.index + self.entries.len() as Index
    }

    /// The term of the last entry; 0 if there is none.
    pub fn last_term(&self) -> Term {
        self.entries.last().map_or(self.start.term, |entry| entry.term)
    }

    /// The term of the entry at `index`: 0 at index 0, none after the last entry.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.start.index { Some(self.start.term) } else { self.entry(index).map(|entry| entry.term) }
    }

    /// The entries after `index`, up to the end.
    pub fn after(&self, index: Index) -> &[Entry] {
        &self.entries[self.held_up_to(index)..]
    }

    /// Puts an entry at the end.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Drops the entries after `index`.
    pub fn truncate(&mut self, index: Index) {
        self.entries.truncate(self.held_up_to(index));
    }

    /// How many of the entries that it holds are at `index` or before.
    fn held_up_to(&self, index: Index) -> usize {
        let held = index.saturating_sub(self.start.index);
        usize::try_from(held).unwrap_or(usize::MAX).min(self.entries.len())
    }
}

/// What stage 2 does to a log.
impl Log {
    /// A log without entries, cut off up to `start`.
    pub fn beginning_after(start: Start) -> Self {
        Log { start, entries: Vec::new() }
    }

    /// Cuts off the beginning: the entries up to and including `index`. What is not there cannot be cut off.
    ///
    /// # Panics
    /// If the log ends before `index`.
    pub fn cut_up_to(&mut self, index: Index) {
        let end = self.last_index();
        assert!(index <= end, "the log ends at {end}, and was to be cut off up to {index}");
        let Some(term) = self.term_at(index) else { return };
        self.entries.drain(..self.held_up_to(index));
        self.start = Start { index, term };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_whose_beginning_is_cut_off_says_the_same_of_the_rest() {
        let mut whole = Log::default();
        [1, 1, 2, 4, 4].into_iter().for_each(|term| whole.push(Entry { term, command: Command::Noop }));
        for index in 0..=whole.last_index() {
            let mut cut = whole.clone();
            cut.cut_up_to(index);
            cut.cut_up_to(index.saturating_sub(1)); // is cut off already
            assert_eq!((cut.last_index(), cut.last_term()), (5, 4));
            for there in index..=6 {
                assert_eq!(cut.term_at(there), whole.term_at(there), "at {there}, cut up to {index}");
                assert_eq!(cut.after(there), whole.after(there), "behind {there}, cut up to {index}");
            }
            assert_eq!(index.checked_sub(1).and_then(|before| cut.term_at(before)), None, "cut up to {index}");
            assert!(cut.iter().eq(whole.iter().skip(index as usize)), "cut up to {index}");
        }
    }
}
