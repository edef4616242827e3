//! Commitment: which entries will never change, and when servers apply them.
//!
//! Source: Ongaro & Ousterhout 2014, sections 5.3 and 5.4.2, figure 8; figure 2, "Rules for Servers".
//!
//! # The problem
//!
//! An entry that a majority holds should be safe. It is not: figure 8 shows how a majority can hold an entry of an *earlier*
//! term, which a later leader still overwrites. So a leader counts only entries of its own term. What comes before one of those
//! is committed along with it, since the logs match.

//# allow: unused_variables, unused_imports
//# starter: #![allow(dead_code, reason = "the holes of other files will use it")]
use testkit::node::Outbox;

use super::log::Index;
use super::quorum::agreed;
use super::{Raft, Role};

impl Raft {
    /// On a leader: brings the commit index up to the last entry of the leader's own term that a majority holds, itself
    /// included. It stays where it is if there is no such entry further on. Everything committed is applied, in order, each
    /// entry once.
    ///
    /// Source: section 5.4.2; figure 2, rules for leaders.
    pub(super) fn advance_commit_index(&mut self, out: &mut Outbox<Self>) {
        //# hole: How far does a majority hold the log, and may that be counted? What is committed is applied.
        let Role::Leader { match_index, .. } = &self.role else { return };
        let held: Vec<Index> = match_index.values().copied().chain([self.log.last_index()]).collect();
        let agreed = agreed(&held);
        if agreed > self.commit_index && self.log.term_at(agreed) == Some(self.term) {
            self.commit_index = agreed;
            self.apply_committed(out);
        }
        //# end
    }

    /// On a follower: brings the commit index up to `leaders`, the leader's commit index, but no further than `matching`, up to
    /// which this log is known to be the leader's: what follows that may be different. It never falls, since an old message may
    /// know less. Everything committed is applied, in order, each entry once.
    ///
    /// Source: figure 2, AppendEntries RPC, receiver implementation, step 5.
    pub(super) fn follow_commit_index(&mut self, leaders: Index, matching: Index, out: &mut Outbox<Self>) {
        //# hole: Follow the leader's commit index as far as you may, and apply.
        let known = leaders.min(matching);
        if known > self.commit_index {
            self.commit_index = known;
            self.apply_committed(out);
        }
        //# end
    }

    //# private
    /// Applies what is committed and not applied yet, in the order of the log, each entry once.
    ///
    /// Source: figure 2, rules for all servers.
    fn apply_committed(&mut self, out: &mut Outbox<Self>) {
        while self.applied < self.commit_index {
            self.applied += 1;
            let entry = self.log.entry(self.applied).expect("what is committed is in the log");
            self.apply(entry.command.clone(), out);
        }
    }
    //# end
}
