//! Snapshots: what the log led to, in place of the log's beginning.
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 7, figure 13.
//!
//! # The problem
//!
//! The log of stage 1 grows with every command, and is read from its beginning at each start. After a year of log lines no disk holds
//! it, and a start takes a day. But the store that all these commands lead to is small: most commands replace what others wrote.
//!
//! # The protocol
//!
//! Each server takes snapshots for itself. A [`Snapshot`] holds what the applied entries led to, and says up to where. Then the log's
//! beginning may go. Two things follow:
//!
//! - A follower may need entries that the leader has no more. The leader sends it the snapshot instead
//!   ([`Message::InstallSnapshot`]).
//! - A message may speak of entries that the receiver has cut off already. It was late, or it comes twice. What was cut off is
//!   committed, so nothing needs to be done about it; but the rest of the message may be new.
//!
//! # How it is built
//!
//! [`Compacting`] is a server around your [`Raft`] of stage 1, which stays as it is. What is for the inner server goes through to it,
//! and what it wants done is passed on. Three methods of the inner server help ([`cap::raft::compaction`]): `cut_log`, `take_over` and
//! `durable`.
//!
//! # Left out on purpose
//!
//! Snapshots in pieces: here one has to fit into a message. Taking a snapshot without stopping: a large store would be written by
//! another thread, from a copy. Forgetting the sessions of clients that are gone.

//# allow: unused_variables, unused_imports, dead_code
use std::collections::BTreeMap;
use std::sync::Arc;

use cap::raft::clients::Session;
use cap::raft::log::{Index, Log, Start, Term};
use cap::raft::message::{self, Outcome};
use cap::raft::store::{Request, Response, Store};
use cap::raft::{self, Raft, Timer};
use serde::{Deserialize, Serialize};
use testkit::node::{ClientId, Membership, Node, NodeId, Outbox, RequestId};

/// What the log led to, up to one of its entries.
// ANCHOR: snapshot
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry that it stands for.
    pub index: Index,
    /// The term of that entry.
    pub term: Term,
    /// The store, with all commands up to there carried out.
    pub store: Store,
    /// The sessions at that point.
    pub sessions: BTreeMap<ClientId, Session>,
}
// ANCHOR_END: snapshot

/// What servers that take snapshots send each other.
// ANCHOR: messages
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Message {
    /// What the inner servers say to each other.
    Raft(message::Message),
    /// From the leader to a follower that lacks entries which the leader has no more. The answer is an
    /// [`AppendReply`](message::Message::AppendReply), as if entries up to the snapshot had been sent.
    InstallSnapshot {
        /// The leader's term.
        term: Term,
        /// What the entries led to.
        snapshot: Snapshot,
    },
}
// ANCHOR_END: messages

/// What survives a crash.
// ANCHOR: durable
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durable {
    /// The newest snapshot. It is shared, since each save speaks of it.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What the inner server saves. Its log begins where the snapshot ends, or before.
    pub raft: raft::Durable,
}
// ANCHOR_END: durable

/// A server that cuts its log: as soon as more than `LIMIT` entries are applied and still there, it takes a snapshot.
///
/// Invariants:
/// - the log starts at the snapshot's index or before, and without a snapshot at 0;
/// - the snapshot goes up to an applied entry, and never back to an earlier one;
/// - the next entry for each follower, as the leader inside sees it, is behind the log's start.
// ANCHOR: server
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Compacting<const LIMIT: Index> {
    raft: Raft,
    snapshot: Option<Arc<Snapshot>>,
}
// ANCHOR_END: server

impl<const LIMIT: Index> Node for Compacting<LIMIT> {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        let (snapshot, saved) = saved.map_or((None, None), |saved| (saved.snapshot, Some(saved.raft)));
        let mut inner = Outbox::new();
        let mut server = Compacting { raft: Raft::start(me, saved, &mut inner), snapshot: None };
        if let Some(snapshot) = snapshot {
            server.take_over(snapshot);
        }
        server.pass_on(inner, out);
        server
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        match message {
            Message::Raft(message) if self.asks_for_what_is_gone(&message) => self.send_snapshot(from, out),
            Message::Raft(message) => {
                let message = self.without_what_is_gone(message);
                self.inside(out, |raft, out| raft.on_message(from, message, out));
            }
            Message::InstallSnapshot { term, snapshot } => self.on_install_snapshot(from, term, snapshot, out),
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        self.inside(out, |raft, out| raft.on_timer(timer, out));
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        self.inside(out, |raft, out| raft.on_request(id, request, out));
    }
}

impl<const LIMIT: Index> Compacting<LIMIT> {
    /// If more than `LIMIT` entries are applied and still in the log: takes a snapshot, cuts the log, and saves both. Some of the entries
    /// may stay, but no more than `LIMIT` that are applied: then a follower that is a little behind needs no snapshot.
    ///
    /// Source: section 7.
    fn compact(&mut self, out: &mut Outbox<Self>) {
        //# hole: Is it time? Then keep what the applied entries led to, cut the log, and save.
        let (start, applied) = (self.raft.log().start().index, self.raft.applied());
        if applied - start <= LIMIT {
            return;
        }
        self.snapshot = Some(Arc::new(Snapshot {
            index: applied,
            term: self.raft.log().term_at(applied).expect("what is applied is in the log"),
            store: self.raft.store().clone(),
            sessions: self.raft.sessions().clone(),
        }));
        self.raft.cut_log(applied - LIMIT / 2);
        self.save(out);
        //# end
    }

    /// Lets a snapshot stand for the log up to its index: its store and its sessions become this server's. If the log holds the
    /// snapshot's last entry, what stands behind that stays: it may have been promised to somebody. If not, all of the log goes.
    ///
    /// Source: section 7; figure 13, receiver implementation, steps 6 to 8.
    fn take_over(&mut self, snapshot: Arc<Snapshot>) {
        //# hole: Which entries of your log stay behind the snapshot? Hand it over to the inner server.
        let start = Start { index: snapshot.index, term: snapshot.term };
        let mut log = self.raft.log().clone();
        if log.term_at(start.index) == Some(start.term) {
            log.cut_up_to(start.index);
        } else {
            log = Log::beginning_after(start);
        }
        self.raft.take_over(log, snapshot.store.clone(), snapshot.sessions.clone());
        self.snapshot = Some(snapshot);
        //# end
    }

    /// On a leader: does an answer show that its sender lacks an entry that this log has no more? Go by this answer alone: by where a leader
    /// would continue that knows nothing else of its sender. Messages of other terms, and those to a server that does not lead, are the inner
    /// server's business.
    ///
    /// An answer may be late, and its sender may have all by now. Then it gets a snapshot that it does not need: that costs a message, and does no harm.
    fn asks_for_what_is_gone(&self, message: &message::Message) -> bool {
        //# hole: Where would the leader have to continue? Is that still there?
        let message::Message::AppendReply { term, outcome } = message else { return false };
        let next = match *outcome {
            Outcome::Matches(index) => index + 1,
            Outcome::Conflict(hint) => self.raft.log().next_after(hint),
        };
        self.raft.is_leader() && *term == self.raft.term() && next <= self.raft.log().start().index
        //# end
    }

    /// A message, without the entries that are cut off here. If it speaks of a place before the log's start, it is changed to speak of the
    /// start, with the entries that stand behind it, if it has any. All other messages stay as they are.
    ///
    /// Nothing is lost by that: what was cut off is committed, so whoever leads has the same.
    fn without_what_is_gone(&self, message: message::Message) -> message::Message {
        //# hole: What may be said of entries that begin before your log does?
        let start = self.raft.log().start();
        match message {
            message::Message::AppendEntries { term, prev_index, entries, commit_index, .. }
                if prev_index < start.index =>
            {
                let gone = usize::try_from(start.index - prev_index).unwrap_or(usize::MAX);
                let entries = entries.into_iter().skip(gone).collect();
                message::Message::AppendEntries {
                    term,
                    prev_index: start.index,
                    prev_term: start.term,
                    entries,
                    commit_index,
                }
            }
            other => other,
        }
        //# end
    }

    /// Takes a snapshot from a leader, unless the leader is deposed, or this server knows as much to be committed already: an old
    /// snapshot must not take back what came after it. What is taken is saved. Then the leader is answered, in each case as it would
    /// be to a heartbeat that speaks of the snapshot's last entry.
    ///
    /// Source: section 7; figure 13.
    fn on_install_snapshot(&mut self, leader: NodeId, term: Term, snapshot: Snapshot, out: &mut Outbox<Self>) {
        //# hole: Is it news? Then take it over, and save. Let the inner server answer, by handing it a heartbeat.
        let (prev_index, prev_term) = (snapshot.index, snapshot.term);
        if term >= self.raft.term() && snapshot.index > self.raft.commit_index() {
            self.take_over(Arc::new(snapshot));
            self.save(out);
        }
        let heartbeat =
            message::Message::AppendEntries { term, prev_index, prev_term, entries: vec![], commit_index: prev_index };
        let heartbeat = self.without_what_is_gone(heartbeat);
        self.inside(out, |raft, out| raft.on_message(leader, heartbeat, out));
        //# end
    }

    /// Sends the newest snapshot.
    fn send_snapshot(&self, to: NodeId, out: &mut Outbox<Self>) {
        if let Some(snapshot) = &self.snapshot {
            out.send(to, Message::InstallSnapshot { term: self.raft.term(), snapshot: (**snapshot).clone() });
        }
    }

    /// Saves what must survive a crash. It is on disk before anything that is put into `out` later.
    fn save(&self, out: &mut Outbox<Self>) {
        out.save(Durable { snapshot: self.snapshot.clone(), raft: self.raft.durable() });
    }

    /// Lets the inner server do something, and passes on what it wants done. Then there may be something to cut off.
    fn inside(&mut self, out: &mut Outbox<Self>, run: impl FnOnce(&mut Raft, &mut Outbox<Raft>)) {
        let mut inner = Outbox::new();
        run(&mut self.raft, &mut inner);
        self.pass_on(inner, out);
        self.compact(out);
    }

    fn pass_on(&self, inner: Outbox<Raft>, out: &mut Outbox<Self>) {
        out.pass_on(inner, Message::Raft, |raft| Durable { snapshot: self.snapshot.clone(), raft });
    }
}

/// What [`Member`](crate::membership::Member) needs: access to the inner server.
impl<const LIMIT: Index> Compacting<LIMIT> {
    /// See [`Raft::regroup`].
    pub fn regroup(&mut self, size: usize) {
        self.raft.regroup(size);
    }

    /// See [`Raft::resign`].
    pub fn resign(&mut self, out: &mut Outbox<Self>) {
        self.inside(out, |raft, out| raft.resign(out));
    }
}

/// What the checks look at.
impl<const LIMIT: Index> Compacting<LIMIT> {
    /// The inner server.
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    /// The newest snapshot, if there is one.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }
}
