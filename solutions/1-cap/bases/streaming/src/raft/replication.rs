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
//! # This design
//!
//! A follower is probed or streamed to. To a streaming follower `next_index` moves when entries are *sent*. A heartbeat takes it back to
//! what is known to match, and a conflict makes it a probe again.

use testkit::node::{Membership, NodeId, Outbox};

use super::log::{Command, Entry, Index, Term};
use super::message::{Message, Outcome};
use super::{Raft, Role, Timer};

impl Raft {
    /// On a leader: takes a command into its log, and sends it to the others. A cluster of one has a majority at once, so see
    /// what is committed now.
    ///
    /// Source: section 5.3; figure 2, rules for leaders.
    pub(super) fn propose(&mut self, command: Command, out: &mut Outbox<Self>) {
        self.log.push(Entry { term: self.term, command });
        self.save(out);
        self.send_to_all(out);
        self.advance_commit_index(out);
    }

    /// The heartbeat timer has fired: makes the leader heard, sends again what may have been lost, and arms the timer anew.
    ///
    /// Source: section 5.2; figure 2, rules for leaders.
    pub(super) fn on_heartbeat(&mut self, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, match_index, streaming } = &mut self.role else { return };
        let start = self.log.start().index;
        for follower in streaming.iter() {
            if let (Some(next), Some(&matching)) = (next_index.get_mut(follower), match_index.get(follower)) {
                *next = matching.max(start) + 1;
            }
        }
        self.send_to_all(out);
        out.arm(Timer::Heartbeat);
    }

    /// Sends each of the others what it lacks.
    fn send_to_all(&mut self, out: &mut Outbox<Self>) {
        for follower in self.me.peers() {
            self.send_entries(follower, out);
        }
    }

    /// On a leader: sends a follower what it lacks, as far as `next_index` knows. That may be nothing. If it is known where the logs
    /// agree, the leader goes on behind what it has sent, without waiting for the answer: a conflict, or the next heartbeat, takes it back.
    ///
    /// Source: figure 2, rules for leaders.
    fn send_entries(&mut self, follower: NodeId, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, streaming, .. } = &mut self.role else { return };
        let Some(next) = next_index.get_mut(&follower) else { return };
        let prev_index = *next - 1;
        let Some(prev_term) = self.log.term_at(prev_index) else { return };
        if streaming.contains(&follower) {
            *next = self.log.last_index() + 1;
        }
        let (term, entries, commit_index) = (self.term, self.log.after(prev_index).to_vec(), self.commit_index);
        out.send(follower, Message::AppendEntries { term, prev_index, prev_term, entries, commit_index });
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
        out.send(leader, Message::AppendReply { term: self.term, outcome: Outcome::Matches(matching) });
        self.follow_commit_index(commit_index, matching, out);
    }

    /// On a leader: learns what became of entries that it sent in its present term. A reply that says nothing new is left alone, or
    /// old replies would cause messages forever.
    ///
    /// Source: section 5.3; figure 2, rules for leaders.
    pub(super) fn on_append_reply(&mut self, follower: NodeId, term: Term, outcome: Outcome, out: &mut Outbox<Self>) {
        if term != self.term {
            return;
        }
        match outcome {
            Outcome::Matches(index) => self.on_match(follower, index, out),
            Outcome::Conflict(hint) => self.on_conflict(follower, self.log.next_after(hint), out),
        }
    }

    /// A follower's log agrees up to `index`. That moves `match_index` up, never down: replies may overtake each other. From now on
    /// entries are streamed; those that were not sent yet are sent now. And there may be more to commit.
    fn on_match(&mut self, follower: NodeId, index: Index, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, match_index, streaming } = &mut self.role else { return };
        let (Some(next), Some(matching)) = (next_index.get_mut(&follower), match_index.get_mut(&follower)) else {
            return;
        };
        let news = streaming.insert(follower) || index > *matching;
        *matching = index.max(*matching);
        *next = (*next).max(*matching + 1);
        if news && *next <= self.log.last_index() {
            self.send_entries(follower, out);
        }
        self.advance_commit_index(out);
    }

    /// A follower could not take what was sent, and the logs may agree before `continue_at`. The leader probes there. It does not, if
    /// it is there or before already, nor if the place is known to match: then the reply is an old one.
    fn on_conflict(&mut self, follower: NodeId, continue_at: Index, out: &mut Outbox<Self>) {
        let Role::Leader { next_index, match_index, streaming } = &mut self.role else { return };
        let (Some(next), Some(&matching)) = (next_index.get_mut(&follower), match_index.get(&follower)) else { return };
        if matching < continue_at && continue_at < *next {
            *next = continue_at;
            streaming.remove(&follower);
            self.send_entries(follower, out);
        }
    }
}

/// What later stages need from a leader's memory of its followers.
impl Role {
    /// The log's beginning is cut off, up to `index`: a leader continues with each follower after that, or further on.
    pub(super) fn continue_behind(&mut self, index: Index) {
        let Role::Leader { next_index, .. } = self else { return };
        next_index.values_mut().for_each(|next| *next = (*next).max(index + 1));
    }

    /// The servers are those of `membership` now. A leader forgets the others, and probes each new one at `next`: it knows nothing of
    /// its log.
    pub(super) fn lead_only(&mut self, membership: Membership, next: Index) {
        let Role::Leader { next_index, match_index, streaming } = self else { return };
        streaming.retain(|server| server.0 < membership.size);
        next_index.retain(|server, _| server.0 < membership.size);
        match_index.retain(|server, _| server.0 < membership.size);
        for peer in membership.peers() {
            next_index.entry(peer).or_insert(next);
            match_index.entry(peer).or_insert(0);
        }
    }
}
