//! Agreement: two questions about logs that a plain list does not answer. *Do we agree up to here?* And *if not, where should we
//! look?*
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 5.3.
//!
//! # This design
//!
//! Terms never fall along a log, so the ends of terms are found by halves.

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
        let here = |(entry, index): &(&Entry, Index)| self.term_at(*index) == Some(entry.term);
        let known = entries.iter().zip(prev_index + 1..).take_while(here).count();
        let changes = known < entries.len();
        if changes {
            self.truncate(prev_index + known as Index);
            entries.into_iter().skip(known).for_each(|entry| self.push(entry));
        }
        changes
    }

    /// What to tell a leader whose entry before the new ones is at `prev_index`, where this log has a different entry, or none.
    ///
    /// If this log has an entry of another term there: that term, and the first index that this log has of it. If it has none:
    /// the index after its last entry.
    ///
    /// Source: section 5.3, on reducing the number of rejected AppendEntries RPCs.
    pub fn hint(&self, prev_index: Index) -> Hint {
        match self.term_at(prev_index) {
            Some(term) => Hint { term: Some(term), index: (self.end_of_terms_below(term) + 1).min(prev_index) },
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
        let last_of_it =
            |term| Some(self.end_of_terms_below(term + 1)).filter(|&last| self.term_at(last) == Some(term));
        hint.term.and_then(last_of_it).map_or(hint.index, |last| last + 1)
    }

    /// The last place in this log with a term below `term`; its start, if there is no such entry. Terms never fall, so the place is found
    /// by halves.
    fn end_of_terms_below(&self, term: Term) -> Index {
        self.start().index + self.entries().partition_point(|entry| entry.term < term) as Index
    }
}
