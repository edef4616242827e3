//! What servers of a Raft cluster send each other.

use serde::{Deserialize, Serialize};

use super::log::{Entry, Index, Term};

/// A message. Each carries its sender's term, which gives away old messages and old leaders.
///
/// The paper calls the first and the third RPCs, the other two their results (Ongaro & Ousterhout 2014, extended version, figure
/// 2). Here a reply is a message like any other: it may arrive late, twice, or never.
// ANCHOR: messages
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Message {
    /// From a candidate to all others: make me the leader of this term.
    RequestVote {
        /// The candidate's term.
        term: Term,
        /// The index of the last entry of the candidate's log.
        last_index: Index,
        /// The term of that entry.
        last_term: Term,
    },
    /// To a candidate that asked.
    Vote {
        /// The voter's term.
        term: Term,
        /// Does the voter vote for the candidate?
        granted: bool,
    },
    /// From the leader to each of the others: append these entries after that one. Without entries it is a heartbeat: it says
    /// that the leader is there, and asks whether the logs agree up to `prev_index`.
    AppendEntries {
        /// The leader's term.
        term: Term,
        /// The index of the entry just before `entries`.
        prev_index: Index,
        /// The term of that entry.
        prev_term: Term,
        /// What the receiver lacks, as far as the leader knows.
        entries: Vec<Entry>,
        /// How far the leader knows the log to be committed.
        commit_index: Index,
    },
    /// To a leader that sent entries.
    AppendReply {
        /// The sender's term.
        term: Term,
        /// What became of the entries.
        outcome: Outcome,
    },
}

/// What became of entries that a leader sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// They are in. The sender's log agrees with the leader's up to this entry, the last one that the leader's message spoke of.
    Matches(Index),
    /// They are not in, because the sender has no such entry before them.
    Conflict(Hint),
}

/// Where a leader should look for agreement next, so that it need not step back one entry at a time (section 5.3, last
/// paragraphs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hint {
    /// The term of the sender's entry at the leader's `prev_index`; none if its log ends before that.
    pub term: Option<Term>,
    /// The first entry of that term in the sender's log; without a term, the index after the log's last entry.
    pub index: Index,
}
// ANCHOR_END: messages

impl Message {
    /// The term that the sender was in.
    pub fn term(&self) -> Term {
        match *self {
            Message::RequestVote { term, .. }
            | Message::Vote { term, .. }
            | Message::AppendEntries { term, .. }
            | Message::AppendReply { term, .. } => term,
        }
    }
}
