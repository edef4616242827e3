//! Replication: the leader's log becomes every server's log.
//!
//! Source: Ongaro & Ousterhout 2014, section 5.3; figure 2, "AppendEntries RPC" and "Rules for Servers".
//!
//! # The problem
//!
//! Followers may lack entries, or have others that an earlier leader left behind. The leader never changes its own log; it
//! finds, for each follower, the last index at which both logs agree, and sends what comes after it. Messages may overtake each
//! other, arrive twice, or come from a leader that was deposed long ago.
//!
//! # The protocol
//!
//! Each [`Message::AppendEntries`] names the entry just before the new ones. A follower that has that entry takes the new ones;
//! a follower that does not says so, with a hint where to look. So if two logs agree on an entry's index and term, they agree up
//! to there. The leader keeps two numbers for each follower: where it will continue (`next_index`, a guess that may be wrong)
//! and how far the logs are known to agree (`match_index`, which must never be wrong: commits are counted on it). Nothing
//! outside of `election`, `replication` and `commit` knows these two: keep something else in [`Role::Leader`] if you like, such
//! as one struct for each follower, and adapt the end of this file.
//!
//! How much a leader sends at once, and whether it sends more before it knows what became of the last message, is up to you. The
//! reference moves `next_index` only when an answer comes, and repeats what is not acknowledged. A leader that moves it when it
//! sends (*pipelining*) is just as right, if it goes back when something was lost.

//# allow: unused_variables, unused_imports
//# starter: #![allow(dead_code, reason = "the holes of other files will use it")]
use testkit::node::{Membership, NodeId, Outbox};

use super::log::{Command, Entry, Index, Term};
use super::message::{Message, Outcome};
use super::{Raft, Role, Timer};

impl Raft {
    /// On a leader: the command becomes the last entry of its log, in its own term, and is saved before any other server hears
    /// of it. The others are sent it. In a cluster of one, a majority holds it at once.
    ///
    /// Source: section 5.3; figure 2, rules for leaders.
    pub(super) fn propose(&mut self, command: Command, out: &mut Outbox<Self>) {
        //# hole: Take the command into your log, and send it to the others. Then see what is committed.
        self.log.push(Entry { term: self.term, command });
        self.save(out);
        self.send_entries_to_all(out);
        self.advance_commit_index(out);
        //# end
    }

    /// The heartbeat timer has fired. If this server leads, it sends something to each of the others, and arms the timer again.
    /// Whatever was lost on the way must get there in the end, with this message or with those that its answer causes: nothing
    /// else will bring it.
    ///
    /// Source: section 5.2; figure 2, rules for leaders.
    pub(super) fn on_heartbeat(&mut self, out: &mut Outbox<Self>) {
        //# hole: If you lead, make yourself heard.
        if self.is_leader() {
            out.arm(Timer::Heartbeat);
            self.send_entries_to_all(out);
        }
        //# end
    }

    //# private
    fn send_entries_to_all(&self, out: &mut Outbox<Self>) {
        self.me.peers().for_each(|peer| self.send_entries(peer, out));
    }
    //# end

    /// On a leader: sends a follower what it lacks, as far as the leader knows. That may be nothing. The entries, and the entry
    /// before them, are those of the leader's own log; none lies before the log's start.
    ///
    /// Source: figure 2, rules for leaders.
    fn send_entries(&self, follower: NodeId, out: &mut Outbox<Self>) {
        //# hole: Send what the follower lacks, as far as you know.
        let Role::Leader { next_index, .. } = &self.role else { return };
        let prev_index = next_index[&follower] - 1;
        let message = Message::AppendEntries {
            term: self.term,
            prev_index,
            prev_term: self.log.term_at(prev_index).expect("next_index is at most one past the log's end"),
            entries: self.log.after(prev_index).to_vec(),
            commit_index: self.commit_index,
        };
        out.send(follower, message);
        //# end
    }

    /// Takes entries from a leader, and says what became of them. `prev` is the index and the term of the leader's entry before
    /// them.
    ///
    /// Afterwards this log holds the entries if they fit, and is what it was if they do not. A leader of an earlier term has
    /// changed nothing, and learns from the answer that it is deposed, whatever hint comes with it. The answer claims no more
    /// than what is on disk by then, and what this message has shown: how far the two logs are *known* to agree, or a
    /// [`hint`](Log::hint) where to try next. What the leader's `commit_index` means for this server,
    /// [`follow_commit_index`](Self::follow_commit_index) says.
    ///
    /// Source: section 5.3; figure 2, AppendEntries RPC, receiver implementation.
    pub(super) fn on_append_entries(
        &mut self,
        leader: NodeId,
        term: Term,
        prev: (Index, Term),
        entries: Vec<Entry>,
        commit_index: Index,
        out: &mut Outbox<Self>,
    ) {
        //# hole: Take the entries if they fit, and say what became of them.
        let (prev_index, prev_term) = prev;
        if term < self.term || self.log.term_at(prev_index) != Some(prev_term) {
            let outcome = Outcome::Conflict(self.log.hint(prev_index));
            out.send(leader, Message::AppendReply { term: self.term, outcome });
            return;
        }
        let last_new = prev_index + entries.len() as Index;
        if self.log.merge(prev_index, entries) {
            self.save(out);
        }
        out.send(leader, Message::AppendReply { term: self.term, outcome: Outcome::Matches(last_new) });
        self.follow_commit_index(commit_index, last_new, out);
        //# end
    }

    /// On a leader: learns what became of entries that it sent in its current term. Replies of earlier terms change nothing.
    ///
    /// Replies may arrive late, twice, and out of order. Afterwards
    /// - what the leader knows to match (`match_index`) is the most that this reply or an earlier one has shown, so it never
    ///   falls;
    /// - if the follower now matches further than before and still lacks something, that is on its way to it;
    /// - after a conflict that is news, the leader has tried again further back: where the hint says, but never below what is
    ///   known to match;
    /// - everything that can be committed is committed;
    /// - a reply that is no news has caused no message: a match that goes no further than what the leader knows already, or a
    ///   conflict whose hint leads no further back than where the leader continues. Otherwise old replies would cause messages
    ///   forever.
    ///
    /// Source: section 5.3; figure 2, rules for leaders.
    pub(super) fn on_append_reply(&mut self, follower: NodeId, term: Term, outcome: Outcome, out: &mut Outbox<Self>) {
        //# hole: Learn from the reply, and send what is still missing. Then see what is committed.
        if term != self.term {
            return;
        }
        let Role::Leader { next_index, match_index } = &mut self.role else { return };
        let (next, matched) = match (next_index.get_mut(&follower), match_index.get_mut(&follower)) {
            (Some(next), Some(matched)) => (next, matched),
            _ => return,
        };
        match outcome {
            Outcome::Matches(index) if index > *matched => {
                *matched = index;
                *next = index + 1;
                if index < self.log.last_index() {
                    self.send_entries(follower, out);
                }
                self.advance_commit_index(out);
            }
            Outcome::Conflict(hint) if self.log.next_after(hint) < *next && *next > *matched + 1 => {
                *next = self.log.next_after(hint).max(*matched + 1);
                self.send_entries(follower, out);
            }
            Outcome::Matches(_) | Outcome::Conflict(_) => {}
        }
        //# end
    }
}

/// What later stages need from a leader's memory of its followers. It is written for the two fields of [`Role::Leader`]; if you
/// keep something else there, say here what this means for it.
impl Role {
    /// The log's beginning is cut off, up to `index`: a leader continues with each follower after that, or further on.
    pub(super) fn continue_behind(&mut self, index: Index) {
        let Role::Leader { next_index, .. } = self else { return };
        next_index.values_mut().for_each(|next| *next = (*next).max(index + 1));
    }

    /// The servers are now those of `membership`. A leader forgets the others, and continues with each new server at `next`; it
    /// knows nothing of that server's log.
    pub(super) fn lead_only(&mut self, membership: Membership, next: Index) {
        let Role::Leader { next_index, match_index, .. } = self else { return };
        next_index.retain(|server, _| server.0 < membership.size);
        match_index.retain(|server, _| server.0 < membership.size);
        for peer in membership.peers() {
            next_index.entry(peer).or_insert(next);
            match_index.entry(peer).or_insert(0);
        }
    }
}
