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
//! and how far the logs are known to agree (`match_index`, which must never be wrong: commits are counted on it).
//!
//! # One entry at a time
//!
//! A message brings one entry at most, and the next one goes out when the answer has come. So for each follower the leader remembers
//! up to where the answer that it waits for will speak (`awaited`). A heartbeat brings nothing. It asks whether the logs agree before
//! `next_index`, and its answer sets going again what was lost.

use testkit::node::{Membership, NodeId, Outbox};

use super::log::{Command, Entry, Index, Term};
use super::message::{Hint, Message, Outcome};
use super::{Raft, Role, Timer};

impl Raft {
    /// On a leader: takes a command into its log, and sends it to the others that wait for nothing. A cluster of one has a majority
    /// at once, so see what is committed now.
    ///
    /// Source: section 5.3; figure 2, rules for leaders.
    pub(super) fn propose(&mut self, command: Command, out: &mut Outbox<Self>) {
        self.log.push(Entry { term: self.term, command });
        self.save(out);
        for peer in self.me.peers() {
            if self.awaited(peer).is_none() {
                self.send_entry(peer, out);
            }
        }
        self.advance_commit_index(out);
    }

    /// The heartbeat timer has fired: makes the leader heard, asks everybody whether the logs agree so far, and arms the timer anew.
    /// What was lost goes out again behind the answers.
    ///
    /// Source: section 5.2; figure 2, rules for leaders.
    pub(super) fn on_heartbeat(&mut self, out: &mut Outbox<Self>) {
        if self.is_leader() {
            out.arm(Timer::Heartbeat);
            self.me.peers().for_each(|peer| self.send(peer, 0, out));
        }
    }

    /// On a leader: sends a follower the first entry that it lacks, as far as `next_index` knows. There may be none.
    ///
    /// Source: figure 2, rules for leaders.
    fn send_entry(&mut self, follower: NodeId, out: &mut Outbox<Self>) {
        self.send(follower, 1, out);
    }

    /// On a leader: sends a follower up to `most` entries from `next_index` on, and waits for the answer to them.
    fn send(&mut self, follower: NodeId, most: usize, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, awaited, .. } = &mut self.role else { return };
        let prev_index = next_index[&follower] - 1;
        let Some(prev_term) = self.log.term_at(prev_index) else { return };
        let entries: Vec<Entry> = self.log.after(prev_index).iter().take(most).cloned().collect();
        awaited.insert(follower, prev_index + entries.len() as Index);
        let (term, commit_index) = (self.term, self.commit_index);
        out.send(follower, Message::AppendEntries { term, prev_index, prev_term, entries, commit_index });
    }

    /// On a leader: up to where the answer will speak that it waits for, if it waits for one of this follower.
    fn awaited(&self, follower: NodeId) -> Option<Index> {
        let Role::Leader { awaited, .. } = &self.role else { return None };
        awaited.get(&follower).copied()
    }

    /// Takes entries from a leader, and says what became of them.
    ///
    /// A leader of an earlier term is refused: the reply's term tells it that it is deposed, and any hint will do. If this
    /// server's log has no entry with the index and term of `prev`, the entries do not fit: the reply is a conflict, with a
    /// [`hint`](Log::hint). Otherwise the entries are [merged](Log::merge) into the log and saved, and the reply says how far
    /// both logs are now *known* to agree: up to the last entry that this message spoke of, whatever follows it here.
    /// [`follow_commit_index`](Self::follow_commit_index) says what the leader's `commit_index` means for this server. What a
    /// reply reports is on disk before the reply is sent.
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
        let (prev_index, prev_term) = prev;
        if term < self.term || self.log.term_at(prev_index) != Some(prev_term) {
            let outcome = Outcome::Conflict(self.log.hint(prev_index));
            return out.send(leader, Message::AppendReply { term: self.term, outcome });
        }
        let matching = prev_index + entries.len() as Index;
        if self.log.merge(prev_index, entries) {
            self.save(out);
        }
        out.send(leader, Message::AppendReply { term, outcome: Outcome::Matches(matching) });
        self.follow_commit_index(commit_index, matching, out);
    }

    /// On a leader: learns what became of entries that it sent in its present term.
    ///
    /// A match moves `match_index` up, never down: replies may overtake each other. `next_index` goes just behind it, what is
    /// still missing is sent, and there may be more to commit. A conflict moves `next_index` down to where the hint says, but
    /// never to what is known to match, and the leader tries again there. A reply that says nothing new is left alone, or old
    /// replies would cause messages forever.
    ///
    /// Source: section 5.3; figure 2, rules for leaders.
    pub(super) fn on_append_reply(&mut self, follower: NodeId, term: Term, outcome: Outcome, out: &mut Outbox<Self>) {
        if term != self.term {
            return;
        }
        match outcome {
            Outcome::Matches(index) => self.on_match(follower, index, out),
            Outcome::Conflict(hint) => self.on_conflict(follower, hint, out),
        }
    }

    /// A follower's log agrees up to `index`. If that is news, or what was waited for, the next entry follows. A server that does not count
    /// any more may have been sent something while it did: its answer says nothing.
    fn on_match(&mut self, follower: NodeId, index: Index, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, match_index, awaited } = &mut self.role else { return };
        let Some(matching) = match_index.get_mut(&follower) else { return };
        if index > *matching || awaited.get(&follower).is_some_and(|awaited| index >= *awaited) {
            *matching = index.max(*matching);
            next_index.insert(follower, *matching + 1);
            awaited.remove(&follower);
            if index < self.log.last_index() {
                self.send_entry(follower, out);
            }
        }
        self.advance_commit_index(out);
    }

    /// A follower's log does not agree where it was asked: it is asked where its hint says, if that is news.
    fn on_conflict(&mut self, follower: NodeId, hint: Hint, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, match_index, .. } = &mut self.role else { return };
        let (Some(&next), Some(&matching)) = (next_index.get(&follower), match_index.get(&follower)) else { return };
        let lower = self.log.next_after(hint).max(matching + 1);
        if lower < next {
            next_index.insert(follower, lower);
            self.send_entry(follower, out);
        }
    }
}

/// What later stages need from a leader's memory of its followers.
impl Role {
    /// The log's beginning is cut off, up to `index`: a leader continues with each follower after that, or further on. What it
    /// waits for stays: an answer to what was sent before may still come.
    pub(super) fn continue_behind(&mut self, index: Index) {
        let Role::Leader { next_index, .. } = self else { return };
        next_index.values_mut().for_each(|next| *next = (*next).max(index + 1));
    }

    /// The servers are now those of `membership`. A leader forgets the others, and continues with each new server at `next`; it
    /// knows nothing of that server's log.
    pub(super) fn lead_only(&mut self, membership: Membership, next: Index) {
        let Role::Leader { next_index, match_index, awaited } = self else { return };
        next_index.retain(|server, _| server.0 < membership.size);
        match_index.retain(|server, _| server.0 < membership.size);
        awaited.retain(|server, _| server.0 < membership.size);
        for peer in membership.peers() {
            next_index.entry(peer).or_insert(next);
            match_index.entry(peer).or_insert(0);
        }
    }
}
