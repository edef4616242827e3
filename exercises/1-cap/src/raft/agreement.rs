//! Agreement: two questions about logs that a plain list does not answer. *Do we agree up to here?* And *if not, where should we
//! look?*
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 5.3.

#![allow(unused_variables, reason = "for the holes below: delete this line when all are filled")]
use super::log::{Entry, Index, Log};
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
        todo!("Take what is new. What must stay, and what has to go?")
    }

    /// What to tell a leader whose entry before the new ones is at `prev_index`, where this log has a different entry, or none.
    ///
    /// If this log has an entry of another term there: that term, and the first index that this log has of it. If it has none:
    /// the index after its last entry.
    ///
    /// Source: section 5.3, on reducing the number of rejected AppendEntries RPCs.
    pub fn hint(&self, prev_index: Index) -> Hint {
        todo!("Tell the leader what you hold at prev_index.")
    }

    /// The index of the first entry that a leader with this log sends after a follower's `hint`: as far on as the two logs may
    /// still agree, by what the hint says, and no further. So each answer settles a whole term of the conflict, and not one
    /// entry.
    ///
    /// Source: section 5.3, as for [`hint`](Self::hint).
    pub fn next_after(&self, hint: Hint) -> Index {
        todo!("Find the last index at which both logs may still agree.")
    }
}
