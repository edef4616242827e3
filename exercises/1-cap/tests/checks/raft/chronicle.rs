//! What a run has shown so far of leaders and committed entries: the memory that the rules of figure 3 need.

use std::collections::BTreeMap;

use testkit::cluster::{History, Invocation};
use testkit::node::{NodeId, RequestId};

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
                format!("{first} was the leader of term {}, and now {id} is it too.", raft.term())
            });
        }
    }

    fn note_rewriting<N: Server>(&mut self, id: NodeId, before: &N, after: &N) {
        let (before, after) = (before.raft(), after.raft());
        let led_on = before.is_leader() && after.is_leader() && before.term() == after.term();
        if led_on && !after.log().entries().starts_with(before.log().entries()) {
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
                format!("{id} takes index {index} for committed, and its log ends at {}.", log.last_index())
            });
        }
        for (at, entry) in log.entries().iter().take(index as usize).enumerate() {
            match self.committed.get(at) {
                None => self.committed.push((entry.clone(), raft.term())),
                Some((first, _)) if first == entry => {}
                Some((first, _)) => {
                    let first = first.clone();
                    self.note(Never::CommittedDiffers, || {
                        format!(
                            "At index {}, {first:?} was committed, and {id} takes {entry:?} for committed there.",
                            at + 1
                        )
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
