//! One follower, alone with its leader's messages: what it reports, and what is on its disk by then.

use testkit::alone::Alone;
use testkit::check::{Check, Proven, Rule};
use testkit::node::{Effect, NodeId};

use crate::subject::raft::log::{Entry, Index, Log, Term};
use crate::subject::raft::message::{Message, Outcome};
use crate::subject::raft::{Raft, Timer};

const SAVED_FIRST: Rule = Rule::new(
    "saved before reported",
    "A follower saves entries before it reports to hold them.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, persistent state: \"updated on stable storage before responding\"",
    "1-cap/raft-replication.md#log-not-saved",
);

const REPORTED: Rule = Rule::new(
    "entries that are taken are reported",
    "A follower that takes entries tells the leader how far their logs match.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, results",
    "1-cap/raft-replication.md#the-idea",
);

/// A log, or what can be said of it in short.
pub fn shown(log: &[Entry]) -> String {
    match log {
        [] => "empty".to_owned(),
        [.., last] if log.len() > 8 => format!("one of {} entries, the last of term {}", log.len(), last.term),
        entries => format!("{entries:?}"),
    }
}

/// The server n0, to which n1 sends entries.
pub struct Follower {
    server: Alone<Raft>,
    /// What it saved last.
    saved: Log,
    /// What it had saved when it reported of the last message, if it did.
    saved_when_reported: Option<Log>,
    /// The term of its answer to the last message, if it answered.
    pub replied_in: Option<Term>,
    /// Did the last message start its election timer anew?
    pub waits_anew: bool,
}

impl Follower {
    /// n0 of three servers. A task's `later` files may have holes.
    pub fn new(later: &[&'static str]) -> Self {
        let server = Alone::start(3, None, later);
        Follower { server, saved: Log::default(), saved_when_reported: None, replied_in: None, waits_anew: false }
    }

    /// Hands over entries that follow the one at `prev`, and says what n0 reports of its log.
    pub fn receives(&mut self, term: Term, prev: (Index, Term), entries: &[Entry]) -> Option<Outcome> {
        let (prev_index, prev_term) = prev;
        let entries = entries.to_vec();
        let message = Message::AppendEntries { term, prev_index, prev_term, entries, commit_index: 0 };
        let mut reported = None;
        self.replied_in = None;
        self.saved_when_reported = None;
        self.waits_anew = false;
        for effect in self.server.receives(NodeId(1), message) {
            match effect {
                Effect::Save { durable } => self.saved = durable.log,
                Effect::Arm { timer: Timer::Election } => self.waits_anew = true,
                Effect::Send { message: Message::AppendReply { term, outcome }, .. } => {
                    self.replied_in = Some(term);
                    self.saved_when_reported = Some(self.saved.clone());
                    reported = Some(outcome);
                }
                _ => {}
            }
        }
        reported
    }

    /// If it has reported of the last message, its disk held all of its log by then. Of entries that are `new` to it, it must.
    pub fn has_reported_what_is_saved(&self, check: &mut Check, log: &[Entry], new: bool) -> Proven {
        let Some(saved) = &self.saved_when_reported else {
            return check.requires(REPORTED, !new, || {
                let ended = self.server.hole().map(|at| {
                    format!(
                        " The handler ended at the `todo!` in {at}, which is left for a later task: what comes after it never happened. Report first."
                    )
                });
                format!(
                    "n0 has taken new entries up to index {}, but reports nothing to the leader.{}",
                    log.len(),
                    ended.unwrap_or_default()
                )
            });
        };
        check.requires(SAVED_FIRST, saved.entries() == log, || {
            format!(
                "n0 reported to the leader how far their logs match. n0's log was {}, but its disk held {}: after a crash n0 \
                 would not have what the leader counts on.",
                shown(log),
                shown(saved.entries())
            )
        })
    }

    pub fn log(&self) -> &[Entry] {
        self.server.log().entries()
    }

    pub fn holds(&self, entries: &[Entry]) -> bool {
        self.log() == entries
    }
}
