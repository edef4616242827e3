//! Snapshots: the result of the log's beginning, in its place.
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version), section 7, figure 13.
//!
//! # The problem
//!
//! The log of stage 1 grows with every command, and is read from its beginning at each start. (It holds changes of accounts,
//! keys and limits, not the log lines that customers send.) After a year of changes it fills the disk, and a start takes hours.
//! But the store that results from all these commands is small: most commands replace what others wrote.
//!
//! # The protocol
//!
//! Each server takes its own snapshots. A [`Snapshot`] holds the result of the applied entries, and says up to where. Then the
//! log's beginning may go. Two things follow:
//!
//! - A follower may need entries that the leader no longer has. The leader sends it the snapshot instead
//!   ([`Message::InstallSnapshot`]).
//! - A message may speak of entries that the receiver has cut off already. It is late, or arrives twice. What was cut off is
//!   committed, so nothing needs to be done about it; but the rest of the message may be new.
//!
//! # How it is built
//!
//! [`Compacting`] is a server around your [`Raft`] of stage 1, which stays as it is. What is meant for the inner server goes
//! through to it, and what it wants done is passed on. Three methods of the inner server help ([`cap::raft::compaction`]):
//! `cut_log`, `take_over` and `durable`.
//!
//! # Left out on purpose
//!
//! Snapshots in pieces: here a snapshot has to fit into one message. Taking a snapshot without stopping: a large store would be
//! written by another thread, from a copy. Forgetting the sessions of clients that are gone.

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

/// The result of the log, up to one of its entries.
// ANCHOR: snapshot
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry that it covers.
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
    /// From the leader to a follower that lacks entries that the leader no longer has. The answer is an
    /// [`AppendReply`](message::Message::AppendReply), as if entries up to the snapshot had been sent.
    InstallSnapshot {
        /// The leader's term.
        term: Term,
        /// The result of the entries.
        snapshot: Snapshot,
    },
}
// ANCHOR_END: messages

/// What survives a crash.
// ANCHOR: durable
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durable {
    /// The newest snapshot. It is shared, since each save names it.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What the inner server saves. Its log begins where the snapshot ends, or before.
    pub raft: raft::Durable,
}
// ANCHOR_END: durable

/// A server that cuts its log: as soon as more than `LIMIT` applied entries are in the log, it takes a snapshot.
///
/// Invariants:
/// - the log starts at the snapshot's index or before, and without a snapshot at 0;
/// - the snapshot goes up to an applied entry, and never back to an earlier one;
/// - on a leader, the next entry for each follower is after the log's start.
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
    /// Afterwards the log holds no more than `LIMIT` applied entries. If it held more, this server has taken a snapshot of what
    /// is applied, cut the log at the snapshot's end or before, and saved both. The entries that stay serve a follower that is
    /// only a little behind: it needs no snapshot.
    ///
    /// Source: section 7.
    fn compact(&mut self, out: &mut Outbox<Self>) {
        //# hole: Does the log hold too much? Then keep the result of the applied entries, cut the log, and save.
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

    /// Replaces the log up to the snapshot's index by the snapshot: its store and its sessions become this server's. If the log
    /// holds the snapshot's last entry, with the same index and term, the entries after it stay: the leader may have been told
    /// of them. If not, none of the log's entries stay.
    ///
    /// Source: section 7; figure 13, receiver implementation, steps 6 to 8.
    fn take_over(&mut self, snapshot: Arc<Snapshot>) {
        //# hole: Which entries of your log stay? Hand the result over to the inner server.
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

    /// On a leader: does an answer show that its sender lacks an entry that this log no longer holds? Only this answer counts:
    /// where would a leader continue that knows nothing else about the sender? Answers of other terms, and those to a server
    /// that does not lead, are the inner server's business.
    ///
    /// An answer may be late, and its sender may have everything by now. Then it gets a snapshot that it does not need, which
    /// costs a message and does no harm.
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

    /// The message without the entries that are cut off here. If its `prev_index` is before the log's start, the result begins
    /// at the log's start instead, with those of its entries that come after that, if any. All other messages stay as they are.
    ///
    /// Nothing is lost by this: what was cut off is committed, so every later leader has the same.
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

    /// Takes a leader's snapshot over if it is news: the leader is not deposed (its term is not below this server's), and the
    /// snapshot ends after what this server knows to be committed. Any other snapshot changes neither the log nor the store.
    /// What is taken over is saved before the leader is answered. The answer, the term, the election timer and the leader that
    /// this server knows are, in every case, what they would be after a heartbeat from that leader about the snapshot's last
    /// entry, with the snapshot's index as its commit index.
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

    /// Lets the inner server do something, and passes on what it wants done. After that there may be something to cut off.
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
