//! Commitment: which entries will never change, and when servers apply them.
//!
//! Source: Ongaro & Ousterhout 2014, sections 5.3 and 5.4.2, figure 8; figure 2, "Rules for Servers".
//!
//! # The problem
//!
//! An entry that a majority holds should be safe. It is not: figure 8 shows how a majority can hold an entry of an *earlier*
//! term, which a later leader still overwrites. So a leader counts only entries of its own term. What comes before one of those
//! is committed along with it, since the logs match.
//!
//! # This design
//!
//! Leader and follower share one function that moves the commit index, which takes a maximum and so never falls.

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
        let Role::Leader { match_index, .. } = &self.role else { return };
        let held: Vec<_> = match_index.values().copied().chain([self.log.last_index()]).collect();
        let agreed = agreed(&held);
        if self.log.term_at(agreed) == Some(self.term) {
            self.commit_up_to(agreed, out);
        }
    }

    /// On a follower: brings the commit index up to `leaders`, the leader's commit index, but no further than `matching`, up to
    /// which this log is known to be the leader's: what follows that may be different. It never falls, since an old message may
    /// know less. Everything committed is applied, in order, each entry once.
    ///
    /// Source: figure 2, AppendEntries RPC, receiver implementation, step 5.
    pub(super) fn follow_commit_index(&mut self, leaders: Index, matching: Index, out: &mut Outbox<Self>) {
        self.commit_up_to(leaders.min(matching), out);
    }

    /// Takes the log for committed up to `index`, and applies what is new by that. What was committed stays so.
    fn commit_up_to(&mut self, index: Index, out: &mut Outbox<Self>) {
        self.commit_index = self.commit_index.max(index);
        let behind = self.log.after(self.applied).iter().take((self.commit_index - self.applied) as usize);
        let commands: Vec<_> = behind.map(|entry| entry.command.clone()).collect();
        for command in commands {
            self.applied += 1;
            self.apply(command, out);
        }
    }
}
