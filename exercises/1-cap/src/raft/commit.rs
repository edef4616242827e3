//! Commitment: which entries will never change, and who applies them when.
//!
//! Source: Ongaro & Ousterhout 2014, sections 5.3 and 5.4.2, figure 8; figure 2, "Rules for Servers".
//!
//! # The problem
//!
//! An entry that a majority holds should be safe. It is not: figure 8 shows how an entry of an *earlier* term can stand on a
//! majority, and still be overwritten by a later leader. So a leader counts only entries of its own term. What stands before
//! one of those is committed along with it, since the logs match.

#![allow(unused_variables, unused_imports, reason = "for the holes below: delete this line when all are filled")]
#![allow(dead_code, reason = "the holes of other files will use it")]
use testkit::node::Outbox;

use super::log::Index;
use super::quorum::agreed;
use super::{Raft, Role};

impl Raft {
    /// On a leader: moves the commit index up to the last entry that a majority holds (the leader counts itself), if that is an
    /// entry of the leader's own term. Then applies what is new.
    ///
    /// Source: section 5.4.2; figure 2, rules for leaders.
    pub(super) fn advance_commit_index(&mut self, out: &mut Outbox<Self>) {
        todo!("How far has a majority come, and may that be counted? Then it is committed, and is to be applied.")
    }

    /// On a follower: moves the commit index up to the leader's, but no further than `matching`, the last index up to which
    /// this log is known to be the leader's: what stands behind that may be something else. And never down: an old message may know
    /// less. Then applies what is new.
    ///
    /// Source: figure 2, AppendEntries RPC, receiver implementation, step 5.
    pub(super) fn follow_commit_index(&mut self, leaders: Index, matching: Index, out: &mut Outbox<Self>) {
        todo!("Follow the leader's commit index as far as you may, and apply.")
    }
}
