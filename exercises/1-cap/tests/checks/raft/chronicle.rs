//! What a run has shown so far of leaders and committed entries: the memory that the rules of figure 3 need.

use std::collections::BTreeMap;

use testkit::cluster::{History, Invocation};
use testkit::node::{NodeId, RequestId};

use super::rules::same;
use super::servers::Server;
use crate::subject::raft::log::{Entry, Term};
use crate::subject::raft::store::Response;

/// What has happened in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chronicle {
    /// Who has led each term.
    leaders: BTreeMap<Term, NodeId>,
    /// What was known to be committed, from index 1 on, and the term of the server that knew it first.
    pub committed: Vec<(Entry, Term)>,
    /// The first thing that must never happen, if it has.
    broken: Option<(Never, String)>,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Never {
    TwoLeaders,
    LeaderRewrites,
    CommittedDiffers,
    CommitFalls,
}

impl Chronicle {
    /// Says what happened if it was `never`.
    pub fn holds(&self, never: Never) -> Result<(), String> {
        match &self.broken {
            Some((broken, why)) if *broken == never => Err(why.clone()),
            _ => Ok(()),
        }
    }

    fn note(&mut self, never: Never, why: impl FnOnce() -> String) {
        self.broken.get_or_insert_with(|| (never, why()));
    }

    fn note_leader<N: Server>(&mut self, id: NodeId, server: &N) {
        let raft = server.raft();
        if !raft.is_leader() {
            return;
        }
        let first = *self.leaders.entry(raft.term()).or_insert(id);
        if first != id {
            self.note(Never::TwoLeaders, || {
                format!("{first} was the leader of term {}, and now {id} leads it as well.", raft.term())
            });
        }
    }

    fn note_rewriting<N: Server>(&mut self, id: NodeId, before: &N, after: &N) {
        let (before, after) = (before.raft(), after.raft());
        let led_on = before.is_leader() && after.is_leader() && before.term() == after.term();
        let start = after.log().start().index;
        let is_kept = |(index, entry)| index <= start || after.log().entry(index).is_some_and(|held| same(held, entry));
        if led_on && !before.log().iter().all(is_kept) {
            self.note(Never::LeaderRewrites, || {
                format!(
                    "{id} leads term {}, and its log went from {:?} to {:?}.",
                    after.term(),
                    before.log(),
                    after.log()
                )
            });
        }
    }

    fn note_commits<N: Server>(&mut self, id: NodeId, before: Option<&N>, server: &N) {
        let raft = server.raft();
        let (index, log) = (raft.commit_index(), raft.log());
        if let Some(before) = before.map(|before| before.raft().commit_index()).filter(|before| *before > index) {
            self.note(Never::CommitFalls, || format!("{id}'s commit index fell from {before} to {index}."));
        }
        if index > log.last_index() {
            self.note(Never::CommittedDiffers, || {
                format!("{id} considers index {index} committed, but its log ends at {}.", log.last_index())
            });
        }
        // A leader may commit an entry and cut it off in one step. It has not changed since the step before.
        let led = before.map(Server::raft).filter(|before| before.is_leader() && before.term() == raft.term());
        let held = |at| log.entry(at).or_else(|| led?.log().entry(at));
        for at in 1..=index {
            match (self.committed.get(at as usize - 1), held(at)) {
                (None, Some(entry)) => self.committed.push((entry.clone(), raft.term())),
                (None, None) => break, // it came, was committed and was cut off, all in one step
                (Some(_), None) => {}
                (Some((first, _)), Some(entry)) if same(first, entry) => {}
                (Some((first, _)), Some(entry)) => {
                    let first = first.clone();
                    self.note(Never::CommittedDiffers, || {
                        format!("{first:?} was committed at index {at}, but {id} considers {entry:?} committed there.")
                    });
                }
            }
        }
    }
}

impl<N: Server> History<N> for Chronicle {
    const WATCHES_SERVERS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, N>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn server_changed(&mut self, id: NodeId, before: Option<&N>, after: &N) {
        self.note_leader(id, after);
        if let Some(before) = before {
            self.note_rewriting(id, before, after);
        }
        self.note_commits(id, before, after);
    }
}
