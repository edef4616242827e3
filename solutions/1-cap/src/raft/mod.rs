//! Raft: a log that is the same on every server, kept by a leader that is replaced when it fails.
//!
//! Source: Ongaro & Ousterhout 2014, "In Search of an Understandable Consensus Algorithm" (extended version). Sections and
//! figures named in this folder are those of that paper. Figure 2 has the whole protocol on one page.
//!
//! # The problem
//!
//! A register holds one value, and a quorum is enough to keep it. Most services do more: they add, compare, append, check a
//! balance first. If every server carries out the same commands in the same order, all end up the same (*state machine
//! replication*). So what the servers have to agree on is a list of commands: the *log*. Messages may arrive late, out of order
//! or twice; servers stop, and some come back with what they saved.
//!
//! # The protocol
//!
//! Time is cut into *terms*, and in each at most one server is the leader. Only the leader takes commands. It puts them
//! into its own log, sends them to the others, and when a majority holds an entry, that entry is *committed*: it will never
//! change, and every server may apply it.
//!
//! - [`election`]: who is the leader? A server that has not heard from a leader for a while asks for votes in a new term
//!   ([`Message::RequestVote`], [`Message::Vote`]).
//! - [`replication`]: how do the others get the leader's log? ([`Message::AppendEntries`], [`Message::AppendReply`])
//! - [`commit`]: which entries are settled, and when do servers apply them?
//! - [`clients`]: what do clients see, and why is a command that was sent twice applied once?
//!
//! These four work with the [`message`]s, the [`log`] and the [`agreement`] of two logs, the arithmetic of [`quorum`]s, and the
//! [`store`] that the log drives. [`prevote`] is an addition that keeps a server that was away from disturbing the others.
//!
//! # Left out on purpose
//!
//! Snapshots, membership changes, real disks and real networks come in stage 2, for which [`compaction`] and [`membership`]
//! prepare. Reads that do not go through the log come in stage 6.

pub mod agreement;
pub mod clients;
pub mod commit;
pub mod compaction;
pub mod election;
pub mod log;
pub mod membership;
pub mod message;
pub mod prevote;
pub mod quorum;
pub mod replication;
pub mod store;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use testkit::node::{ClientId, Membership, Node, NodeId, Outbox, RequestId};

use clients::Session;
use log::{Command, Index, Log, Term};
use message::Message;
use store::{Request, Response, Store};

/// What a server is at the moment (section 5.1).
// ANCHOR: role
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It answers others, and waits to hear from a leader.
    Follower {
        /// The leader of this term, as soon as it has heard from one.
        leader: Option<NodeId>,
    },
    /// It asks for votes.
    Candidate {
        /// The servers that have voted for it in this term, itself included.
        votes: BTreeSet<NodeId>,
    },
    /// It takes commands, and brings the others' logs in line with its own. What it keeps about them is your choice: see
    /// [`replication`].
    Leader {
        /// For each other server, the index of the next entry to send to it.
        next_index: BTreeMap<NodeId, Index>,
        /// For each other server, how far its log is known to agree with this one.
        match_index: BTreeMap<NodeId, Index>,
    },
}
// ANCHOR_END: role

/// What wakes a server up.
// ANCHOR: timer
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// No leader has been heard for too long. Armed on followers and candidates.
    Election,
    /// The others should hear from the leader again. Armed on a leader.
    Heartbeat,
}
// ANCHOR_END: timer

/// What survives a crash (figure 2, persistent state).
// ANCHOR: durable
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durable {
    /// The latest term that this server has seen.
    pub term: Term,
    /// The candidate that it voted for in that term.
    pub voted_for: Option<NodeId>,
    /// Its log.
    pub log: Log,
}
// ANCHOR_END: durable

/// One server.
///
/// Invariants:
/// - `term` never falls, and `voted_for` changes at most once in a term;
/// - a leader only ever appends to its log;
/// - `applied` ≤ `commit_index` ≤ the last index of the log, and none of them ever falls while the server is up;
/// - what a message promises (a vote, an entry) was saved before it was sent.
// ANCHOR: server
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raft {
    me: Membership,
    role: Role,
    // Durable: saved before any other server hears of a change.
    term: Term,
    voted_for: Option<NodeId>,
    log: Log,
    // Volatile: lost in a crash, and recovered from the log.
    commit_index: Index,
    applied: Index,
    store: Store,
    sessions: BTreeMap<ClientId, Session>,
}
// ANCHOR_END: server

impl Node for Raft {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        let first = || Durable { term: 0, voted_for: None, log: Log::default() };
        let Durable { term, voted_for, log } = saved.unwrap_or_else(first);
        out.arm(Timer::Election);
        Raft {
            me,
            role: Role::Follower { leader: None },
            term,
            voted_for,
            log,
            commit_index: 0,
            applied: 0,
            store: Store::default(),
            sessions: BTreeMap::new(),
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        match timer {
            Timer::Election => self.start_election(out),
            Timer::Heartbeat => self.on_heartbeat(out),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        self.observe_term(message.term(), out);
        match message {
            Message::RequestVote { term, last_index, last_term } => {
                self.on_request_vote(from, term, last_index, last_term, out);
            }
            Message::Vote { term, granted } => self.on_vote(from, term, granted, out),
            Message::AppendEntries { term, prev_index, prev_term, entries, commit_index } => {
                if term == self.term {
                    self.follow(from, out);
                }
                self.on_append_entries(from, term, (prev_index, prev_term), entries, commit_index, out);
            }
            Message::AppendReply { term, outcome } => self.on_append_reply(from, term, outcome, out),
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match self.role {
            Role::Leader { .. } => self.propose(Command::Client { id, request }, out),
            Role::Follower { .. } | Role::Candidate { .. } => self.redirect(id, out),
        }
    }
}

impl Raft {
    /// Saves what must survive a crash. It is on disk before anything that is put into `out` later.
    //# starter: #[allow(dead_code, reason = "the holes will use it")]
    fn save(&self, out: &mut Outbox<Self>) {
        out.save(self.durable());
    }
}

/// What the checks look at. Whatever you change in a server, these must tell the truth.
impl Raft {
    /// The latest term that this server has seen.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Does this server believe that it leads its term?
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How far this server knows the log to be committed.
    pub fn commit_index(&self) -> Index {
        self.commit_index
    }
}
