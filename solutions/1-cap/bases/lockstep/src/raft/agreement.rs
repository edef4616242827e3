//! Agreement: two questions about logs that a plain list does not answer. *Do we agree up to here?* And *if not, where should we
//! look?*
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 5.3.

use super::log::{Entry, Index, Log, Term};
use super::message::Hint;

impl Log {
    /// Takes a leader's `entries`, which follow the entry at `prev_index`. The caller has made sure that both logs agree up to
    /// `prev_index`.
    ///
    /// Afterwards this log holds all of `entries`. An entry that it held already stays. Only an entry that conflicts (same
    /// index, different term) is deleted, together with all that follow it: what follows the leader's entries may be newer than
    /// this message, and the leader may count on it. Returns whether the log has changed.
    ///
    /// Source: figure 2, AppendEntries RPC, receiver implementation, steps 3 and 4.
    pub fn merge(&mut self, prev_index: Index, entries: Vec<Entry>) -> bool {
        let mut has_changed = false;
        for (index, entry) in (prev_index + 1..).zip(entries) {
            let here = self.term_at(index);
            if here == Some(entry.term) {
                continue;
            }
            if here.is_some() {
                self.truncate(index - 1);
            }
            self.push(entry);
            has_changed = true;
        }
        has_changed
    }

    /// What to tell a leader whose entry before the new ones is at `prev_index`, where this log has a different entry, or none.
    ///
    /// If this log has an entry of another term there: that term, and the first index that this log has of it. If it has none:
    /// the index after its last entry.
    ///
    /// Source: section 5.3, on reducing the number of rejected AppendEntries RPCs.
    pub fn hint(&self, prev_index: Index) -> Hint {
        match self.entry(prev_index) {
            Some(Entry { term, .. }) => Hint { term: Some(*term), index: self.end_of_terms(|other| other < *term) + 1 },
            None => Hint { term: None, index: self.last_index() + 1 },
        }
    }

    /// The index of the first entry that a leader with this log sends after a follower's `hint`.
    ///
    /// If this log has entries of the hint's term, the logs can only agree at the last of them or before: continue after it. If
    /// it has none, the follower's whole run of that term is wrong: continue at its beginning.
    ///
    /// Source: section 5.3, as for [`hint`](Self::hint).
    pub fn next_after(&self, hint: Hint) -> Index {
        let Some(theirs) = hint.term else { return hint.index };
        let last = self.end_of_terms(|term| term <= theirs);
        if self.term_at(last) == Some(theirs) { last + 1 } else { hint.index }
    }

    /// The index of the last entry whose term is one of the early ones; the log's start if there is none. `is_early` holds for
    /// all terms up to one, and for none behind it. Terms never fall, so half of the log need not be looked at, again and again.
    fn end_of_terms(&self, is_early: impl Fn(Term) -> bool) -> Index {
        self.start().index + self.entries().partition_point(|entry| is_early(entry.term)) as Index
    }
}
