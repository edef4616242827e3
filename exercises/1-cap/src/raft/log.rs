//! The log: which commands, in which order. A list with two questions that a plain list does not answer: *do we agree up to
//! here?*, and *if not, where should we look?*
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 5.3.
//! Entries are counted from 1, as in the paper. Index 0 with term 0 is the place before the first entry, on which all logs agree.

#![expect(unused_variables, reason = "for the holes below: delete this line when all are filled")]
use std::fmt;

use testkit::node::RequestId;

use super::message::Hint;
use super::store::Request;

/// A period with at most one leader. Terms are counted up, and serve as a clock (section 5.1).
pub type Term = u64;

/// A place in the log, from 1. 0 is the place before the first entry.
pub type Index = u64;

/// One entry: a command, and the term of the leader that took it. Shown as `c0#0 Put('x', 1)@1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The term in which a leader put it into its log.
    pub term: Term,
    /// What it asks of the store.
    pub command: Command,
}

/// What an entry asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Nothing. Some leaders begin their term with one. Whether yours does is up to you.
    Noop,
    /// A client's request.
    Client {
        /// Which request of which client. A client that asks again sends the same id again.
        id: RequestId,
        /// What it asks.
        request: Request,
    },
}

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
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Log {
    entries: Vec<Entry>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

impl Log {
    /// All entries, from the first on: the entry with index 1 stands at position 0.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry at `index`, if the log has one there.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        let position = usize::try_from(index).ok()?.checked_sub(1)?;
        self.entries.get(position)
    }

    /// The index of the last entry; 0 if there is none.
    pub fn last_index(&self) -> Index {
        self.entries.len() as Index
    }

    /// The term of the last entry; 0 if there is none.
    pub fn last_term(&self) -> Term {
        self.entries.last().map_or(0, |entry| entry.term)
    }

    /// The term of the entry at `index`: 0 at index 0, none behind the end.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == 0 { Some(0) } else { self.entry(index).map(|entry| entry.term) }
    }

    /// The entries behind `index`, up to the end.
    pub fn after(&self, index: Index) -> &[Entry] {
        let from = usize::try_from(index).unwrap_or(usize::MAX).min(self.entries.len());
        &self.entries[from..]
    }

    /// Puts an entry at the end.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Takes a leader's `entries`, which follow the entry at `prev_index`. The caller has made sure that both logs agree up to
    /// `prev_index`.
    ///
    /// An entry that is here already stays. One that conflicts (same index, another term) goes, with all that follow it, and
    /// only then: what lies behind the leader's entries may be newer than this message, and somebody may count on it. Says
    /// whether the log has changed.
    ///
    /// Source: figure 2, AppendEntries RPC, receiver implementation, steps 3 and 4.
    pub fn merge(&mut self, prev_index: Index, entries: Vec<Entry>) -> bool {
        todo!("Take what is new. What must stay, and what has to go?")
    }

    /// What to tell a leader whose entry before the new ones is at `prev_index`, where this log has another entry, or none.
    ///
    /// With an entry of another term there: that term, and the first index that this log has of it. Without: the place just
    /// behind this log's end.
    ///
    /// Source: section 5.3, on reducing the number of rejected AppendEntries RPCs.
    pub fn hint(&self, prev_index: Index) -> Hint {
        todo!("Tell the leader what you hold at prev_index.")
    }

    /// Where a leader with this log continues after a follower's `hint`: the index of the first entry to send.
    ///
    /// If this log has entries of the hint's term, agreement can only be at the last of them or before: continue just behind it.
    /// If it has none, the follower's whole run of that term is wrong: continue at its beginning.
    ///
    /// Source: section 5.3, as for [`hint`](Self::hint).
    pub fn next_after(&self, hint: Hint) -> Index {
        todo!("Find the place where both logs may still agree.")
    }
}
