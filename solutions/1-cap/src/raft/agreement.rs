//! Agreement: two questions about logs that a plain list does not answer. *Do we agree up to here?* And *if not, where should we
//! look?*
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 5.3.

//# allow: unused_variables
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
        //# hole: Take what is new. What must stay, and what has to go?
        let held = entries.iter().zip(self.after(prev_index));
        let known = held.take_while(|(new, old)| new.term == old.term).count();
        let new = &entries[known..];
        if !new.is_empty() {
            self.truncate(prev_index + known as Index);
            new.iter().for_each(|entry| self.push(entry.clone()));
        }
        !new.is_empty()
        //# end
    }

    /// What to tell a leader whose entry before the new ones is at `prev_index`, where this log has a different entry, or none.
    ///
    /// If this log has an entry of another term there: that term, and the first index that this log has of it. If it has none:
    /// the index after its last entry.
    ///
    /// Source: section 5.3, on reducing the number of rejected AppendEntries RPCs.
    pub fn hint(&self, prev_index: Index) -> Hint {
        //# hole: Tell the leader what you hold at prev_index.
        match self.term_at(prev_index) {
            None => Hint { term: None, index: self.last_index() + 1 },
            Some(term) => {
                let first = self.iter().find(|(_, entry)| entry.term == term);
                Hint { term: Some(term), index: first.map_or(prev_index, |(index, _)| index) }
            }
        }
        //# end
    }

    /// The index of the first entry that a leader with this log sends after a follower's `hint`: as far on as the two logs may
    /// still agree, by what the hint says, and no further. So each answer settles a whole term of the conflict, and not one
    /// entry.
    ///
    /// Source: section 5.3, as for [`hint`](Self::hint).
    pub fn next_after(&self, hint: Hint) -> Index {
        //# hole: Find the last index at which both logs may still agree.
        let last_of = |term| self.iter().rfind(|(_, entry)| entry.term == term);
        match hint.term.and_then(last_of) {
            Some((index, _)) => index + 1,
            None => hint.index,
        }
        //# end
    }
}
