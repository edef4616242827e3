//! Commitment: which entries will never change, and when servers apply them.
//!
//! Source: Ongaro & Ousterhout 2014, sections 5.3 and 5.4.2, figure 8; figure 2, "Rules for Servers".
//!
//! # The problem
//!
//! An entry that a majority holds should be safe. It is not: figure 8 shows how a majority can hold an entry of an *earlier*
//! term, which a later leader still overwrites. So a leader counts only entries of its own term. What comes before one of those
//! is committed along with it, since the logs match.

use testkit::node::Outbox;

use super::log::{Command, Index};
use super::{Raft, Role};
use crate::quorum::majority;

impl Raft {
    /// On a leader: brings the commit index up to the last entry of the leader's own term that a majority holds, itself
    /// included. It stays where it is if there is no such entry further on. Everything committed is applied, in order, each
    /// entry once.
    ///
    /// Source: section 5.4.2; figure 2, rules for leaders.
    pub(super) fn advance_commit_index(&mut self, out: &mut Outbox<Self>) {
        let unsettled = self.commit_index + 1..=self.log.last_index();
        let held = unsettled.take_while(|index| self.is_held_by_majority(*index));
        let own = held.filter(|index| self.log.term_at(*index) == Some(self.term));
        if let Some(last) = own.last() {
            self.commit_up_to(last, out);
        }
    }

    /// On a follower: brings the commit index up to `leaders`, the leader's commit index, but no further than `matching`, up to
    /// which this log is known to be the leader's: what follows that may be different. It never falls, since an old message may
    /// know less. Everything committed is applied, in order, each entry once.
    ///
    /// Source: figure 2, AppendEntries RPC, receiver implementation, step 5.
    pub(super) fn follow_commit_index(&mut self, leaders: Index, matching: Index, out: &mut Outbox<Self>) {
        let known = leaders.min(matching);
        if known > self.commit_index {
            self.commit_up_to(known, out);
        }
    }

    /// Does a majority hold this leader's log at least up to `index`? It holds that itself.
    fn is_held_by_majority(&self, index: Index) -> bool {
        let Role::Leader { match_index, .. } = &self.role else { return false };
        let others = match_index.values().filter(|matching| **matching >= index).count();
        1 + others >= majority(self.me.size)
    }

    /// Takes the log up to `index` for settled, and applies what was not applied yet, in its order.
    fn commit_up_to(&mut self, index: Index, out: &mut Outbox<Self>) {
        self.commit_index = index;
        let due: Vec<Command> = (self.applied + 1..=index)
            .filter_map(|index| self.log.entry(index))
            .map(|entry| entry.command.clone())
            .collect();
        for command in due {
            self.applied += 1;
            self.apply(command, out);
        }
    }
}
