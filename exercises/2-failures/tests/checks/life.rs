//! The life of a server: what it has in its memory from one change to the next.

use std::sync::Arc;

use testkit::node::NodeId;

use super::entries;
use crate::subject::raft;
use crate::subject::raft::log::{Entry, Index, Log, Start, Term};
use crate::subject::snapshot::Durable;

/// An entry of `term` that can be told from others by its number.
pub fn entry(term: Term, number: usize) -> Entry {
    entries::put(term, (0, number), number as i64)
}

/// A server's memory, and how it changes.
#[derive(Clone)]
pub struct Life {
    /// What it is now.
    pub durable: Durable,
    /// What it was after each change.
    pub states: Vec<Durable>,
}

impl Life {
    pub fn new() -> Self {
        let raft = raft::Durable { term: 0, voted_for: None, log: Log::default() };
        Life { durable: Durable { snapshot: None, raft }, states: Vec::new() }
    }

    pub fn then(mut self, change: impl FnOnce(&mut raft::Durable)) -> Self {
        change(&mut self.durable.raft);
        self.states.push(self.durable.clone());
        self
    }

    /// A snapshot stands for the log up to `index`; of the log, what is cut off up to `cut` goes.
    pub fn snapshot(mut self, index: Index, term: Term, cut: Index) -> Self {
        self.durable.snapshot = Some(Arc::new(entries::snapshot(index, term)));
        let log = &mut self.durable.raft.log;
        if log.last_index() < index {
            *log = Log::beginning_after(Start { index, term });
        } else {
            log.cut_up_to(cut);
        }
        self.states.push(self.durable.clone());
        self
    }
}

/// A life with everything in it: votes, entries, entries that are replaced (by as many, by more, by fewer), snapshots.
pub fn life() -> Vec<Durable> {
    let push = |term, number| move |raft: &mut raft::Durable| raft.log.push(entry(term, number));
    let young = Life::new().then(|raft| raft.term = 1).then(|raft| raft.voted_for = Some(NodeId(2)));
    let grown = young.then(push(1, 0)).then(|raft| (1..=3).for_each(|number| raft.log.push(entry(1, number))));
    let outvoted = grown.then(|raft| (raft.term, raft.voted_for) = (2, None)).then(|raft| {
        raft.log.truncate(3);
        raft.log.push(entry(2, 4));
    });
    let replaced = outvoted.then(|raft| {
        raft.term = 3;
        raft.log.truncate(2);
        raft.log.push(entry(3, 5));
    });
    let shortened = replaced.then(push(3, 6)).snapshot(2, 1, 2).then(push(3, 7)).then(|raft| raft.log.truncate(3));
    let tail_kept = shortened.snapshot(3, 3, 2).then(push(3, 8)).snapshot(4, 3, 3).then(push(3, 9));
    tail_kept.then(|raft| raft.voted_for = Some(NodeId(0))).snapshot(9, 3, 9).then(push(3, 10)).states
}

/// A vote; entries that are replaced; a snapshot; a snapshot from another server and an entry.
pub fn run_states() -> [Vec<Durable>; 4] {
    let push = |term, number| move |raft: &mut raft::Durable| raft.log.push(entry(term, number));
    let voted = Life::new().then(|raft| (raft.term, raft.voted_for) = (1, Some(NodeId(1))));
    let grown = voted.then(push(1, 0)).then(push(1, 1)).then(|raft| {
        raft.term = 2;
        raft.voted_for = None;
        raft.log.truncate(1);
        raft.log.push(entry(2, 2));
    });
    let states = grown.snapshot(1, 1, 1).snapshot(5, 2, 5).then(push(2, 3)).states;
    [states[..1].to_vec(), states[1..4].to_vec(), states[4..5].to_vec(), states[5..].to_vec()]
}
