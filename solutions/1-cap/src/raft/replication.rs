//! Replication: the leader's log becomes everybody's log.
//!
//! Source: Ongaro & Ousterhout 2014, section 5.3; figure 2, "AppendEntries RPC" and "Rules for Servers".
//!
//! # The problem
//!
//! Followers may lack entries, or have others that an earlier leader left behind. The leader never changes its own log; it finds, for
//! each follower, the last place where both logs agree, and sends what comes behind it. Its messages may overtake each other, come
//! twice, or come from a leader that was deposed long ago.
//!
//! # The protocol
//!
//! Each [`Message::AppendEntries`] names the entry just before the new ones. A follower that has that entry takes the new ones;
//! one that has not says so, with a hint where to look. So if two logs agree on an entry's index and term, they agree up to
//! there. The leader keeps two numbers for each follower: where it will continue (`next_index`, a guess that may be wrong)
//! and how far the logs are known to agree (`match_index`, which must never be wrong: commits are counted on it). Nothing outside of
//! `election`, `replication` and `commit` knows these two: keep something else in [`Role::Leader`] if you like, such as one struct for each
//! follower, and see to it at the end of this file.
//!
//! How much a leader sends at once, and whether it sends more before it has heard what became of the last message, is up to you.
//! The reference moves `next_index` by answers only, and repeats what is not acknowledged. One that moves it when it sends
//! (*pipelining*) is as right, if it goes back when something was lost.

//# allow: unused_variables, unused_imports
//# starter: #![allow(dead_code, reason = "the holes of other files will use it")]
use testkit::node::{Membership, NodeId, Outbox};

use super::log::{Command, Entry, Index, Term};
use super::message::{Message, Outcome};
use super::{Raft, Role, Timer};

impl Raft {
    /// On a leader: takes a command into its log, and saves it; then the others are to hear of it. A cluster of one has a majority at
    /// once.
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

    /// The heartbeat timer has fired. If this server leads, each of the others hears from it, and the timer is armed anew. What was lost on its
    /// way comes again in the end, by this message or by those that its answer causes: nothing else will bring it.
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

    /// On a leader: sends a follower what it lacks, as far as the leader knows. That may be nothing. The message speaks of the leader's own
    /// log, and of no place before the log's start.
    ///
    /// Source: figure 2, rules for leaders.
    fn send_entries(&self, follower: NodeId, out: &mut Outbox<Self>) {
        //# hole: Send what the follower lacks, as far as you know.
        let Role::Leader { next_index, .. } = &self.role else { return };
        let prev_index = next_index[&follower] - 1;
        let message = Message::AppendEntries {
            term: self.term,
            prev_index,
            prev_term: self.log.term_at(prev_index).expect("next_index is at most one behind the log's end"),
            entries: self.log.after(prev_index).to_vec(),
            commit_index: self.commit_index,
        };
        out.send(follower, message);
        //# end
    }

    /// Takes entries from a leader, and says what became of them.
    ///
    /// A leader of an earlier term is refused; the reply's term tells it that it is deposed, and any hint will do. If this
    /// server's log has no entry with the index and term of `prev`, the entries do not fit: the reply is a conflict, with a
    /// hint. Otherwise they are merged into the log and saved, and the reply says how far both logs are now *known* to agree:
    /// up to the last entry that this message spoke of, whatever stands behind it. How far the leader's `commit_index` counts
    /// here too is for [`follow_commit_index`](Self::follow_commit_index) to say.
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

    /// On a leader: learns what became of entries that it sent in its present term. Replies of earlier terms are left alone.
    ///
    /// Replies may come late, twice, and in another order. Afterwards
    /// - what the leader knows to match (`match_index`) is as much as this reply or an earlier one has shown, and never less than before;
    /// - if a match leaves something missing, that is on its way to the follower;
    /// - after a conflict that is news, the leader has tried again further back: where the hint says, but never at what is known to match;
    /// - what can be committed by now is committed;
    /// - a reply that says nothing new has caused no message. Otherwise old replies would cause messages forever.
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

/// What later stages need of a leader's memory of its followers. It is written for the two fields of [`Role::Leader`]; if you keep
/// something else there, say here what this means for it.
impl Role {
    /// The log's beginning is cut off, up to `index`: a leader continues with each follower behind that, or further on.
    pub(super) fn continue_behind(&mut self, index: Index) {
        let Role::Leader { next_index, .. } = self else { return };
        next_index.values_mut().for_each(|next| *next = (*next).max(index + 1));
    }

    /// The servers are those of `membership` now. A leader forgets the others, and continues with each new one at `next`, of whose
    /// log it knows nothing.
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
