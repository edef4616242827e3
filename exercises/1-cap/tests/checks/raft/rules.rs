//! What must hold of any Raft: the five rules of figure 3 of Ongaro & Ousterhout 2014 (extended version), and the rules beside
//! them.

use std::collections::BTreeMap;

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, Transition, View};
use testkit::node::{ClientId, NodeId};

use super::chronicle::{Chronicle, Never};
use super::servers::{Asked, Server};
use super::words;
use crate::subject::raft::Raft;
use crate::subject::raft::log::{Command, Entry, Index, Log};
use crate::subject::raft::store::Store;

/// A server's store, from its log.
pub const APPLIED: Rule = Rule::new(
    "what is applied",
    "A server has applied everything that it knows to be committed, in log order and each request once, and its store is the \
     result.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for all servers, and section 8",
    "1-cap/raft-commit.md#skips-or-reorders",
);

/// The rule that a replicated map keeps if it behaves as one copy.
pub const LINEARIZABLE: Rule = Rule::new(
    "linearizability",
    "The answers are those that one copy of the map would give, if each operation took effect at one moment between its request and \
     its answer.",
    "Herlihy & Wing 1990, Linearizability: A Correctness Condition for Concurrent Objects, section 2",
    "1-cap/counterexamples.md#linearizability",
);

/// A history that keeps a chronicle.
pub trait Chronicled {
    fn chronicle(&self) -> &Chronicle;
}

impl Chronicled for Chronicle {
    fn chronicle(&self) -> &Chronicle {
        self
    }
}

impl<A> Chronicled for (A, Chronicle) {
    fn chronicle(&self) -> &Chronicle {
        &self.1
    }
}

pub const ELECTION_SAFETY: Rule = Rule::new(
    "election safety",
    "At most one server leads a term.",
    "Ongaro & Ousterhout 2014 (extended version), figure 3 and section 5.2",
    "1-cap/raft-election.md#invariants-to-keep",
);

pub const APPEND_ONLY: Rule = Rule::new(
    "leader append-only",
    "A leader never overwrites or deletes entries of its log; it only adds some.",
    "Ongaro & Ousterhout 2014 (extended version), figure 3 and section 5.3",
    "1-cap/raft-replication.md#invariants-to-keep",
);

pub const LOG_MATCHING: Rule = Rule::new(
    "log matching",
    "If two logs hold an entry with the same index and term, they are the same from the first entry up to that one.",
    "Ongaro & Ousterhout 2014 (extended version), figure 3 and section 5.3",
    "1-cap/raft-replication.md#invariants-to-keep",
);

pub const LEADER_COMPLETENESS: Rule = Rule::new(
    "leader completeness",
    "An entry that was committed in some term is in the log of each leader of a later term.",
    "Ongaro & Ousterhout 2014 (extended version), figure 3 and section 5.4",
    "1-cap/raft-commit.md#invariants-to-keep",
);

pub const STATE_MACHINE_SAFETY: Rule = Rule::new(
    "state machine safety",
    "No two servers ever consider different entries committed at the same index.",
    "Ongaro & Ousterhout 2014 (extended version), figure 3 and section 5.4.3",
    "1-cap/raft-commit.md#invariants-to-keep",
);

pub const COMMIT_NEVER_FALLS: Rule = Rule::new(
    "commit index",
    "As long as a server is up, its commit index never falls.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, volatile state: \"increases monotonically\"",
    "1-cap/raft-commit.md#invariants-to-keep",
);

/// The rules of safety, for every check.
pub fn safe<N: Server, H: History<N> + Chronicled>(cluster: Cluster<N, H>) -> Cluster<N, H> {
    cluster
        .always(ELECTION_SAFETY, |view| view.history().chronicle().holds(Never::TwoLeaders))
        .always(APPEND_ONLY, |view| view.history().chronicle().holds(Never::LeaderRewrites))
        .always(LOG_MATCHING, logs_match)
        .always(STATE_MACHINE_SAFETY, |view| view.history().chronicle().holds(Never::CommittedDiffers))
        .always(LEADER_COMPLETENESS, leaders_are_complete)
        .always(COMMIT_NEVER_FALLS, |view| view.history().chronicle().holds(Never::CommitFalls))
}

/// A server's store is what its log leads to, as far as it knows that to be committed.
pub fn applies_its_log<N: Server>(step: &Transition<'_, N>) -> Result<(), String> {
    has_applied(step.server, step.after.raft())
}

/// Each server's store is.
pub fn all_have_applied<N: Server, H: History<N>>(view: &View<'_, N, H>) -> Result<(), String> {
    view.servers().try_for_each(|(id, server)| has_applied(id, server.raft()))
}

fn has_applied(id: NodeId, raft: &Raft) -> Result<(), String> {
    let (applied, known) = (raft.applied(), raft.commit_index());
    if applied != known {
        return Err(format!(
            "{id} knows its log to be committed up to index {known}, but has applied it up to {applied}."
        ));
    }
    // A log whose beginning is cut off does not say any more what it led to.
    let expected = led_to(raft.log(), applied);
    match raft.log().start().index > 0 || *raft.store() == expected {
        true => Ok(()),
        false => Err(format!(
            "{id} has applied its log {:?} up to index {applied}. The result should be {}, but its store holds {}.",
            raft.log(),
            words::store(&expected),
            words::store(raft.store())
        )),
    }
}

/// What a log leads to, up to `applied`: a client counts its requests up, and an older number is one that comes again.
fn led_to(log: &Log, applied: Index) -> Store {
    let mut store = Store::default();
    let mut newest: BTreeMap<ClientId, usize> = BTreeMap::new();
    for (_, entry) in log.iter().take_while(|(index, _)| *index <= applied) {
        let Command::Client { id, request } = entry.command else { continue };
        if newest.get(&id.client).is_none_or(|newest| *newest < id.number) {
            newest.insert(id.client, id.number);
            store.execute(request);
        }
    }
    store
}

fn logs_match<N: Server, H: History<N>>(view: &View<'_, N, H>) -> Result<(), String> {
    let mut others: Vec<(NodeId, &Log)> = Vec::new();
    for (id, server) in view.servers() {
        let log = server.raft().log();
        for &(other, its) in &others {
            if let Some(index) = disagreement(log, its) {
                return Err(format!(
                    "{other} and {id} hold an entry of the same term at index {index}, but their logs differ up to there: {its:?} \
                     and {log:?}."
                ));
            }
        }
        others.push((id, log));
    }
    Ok(())
}

/// Are two entries the same? Part by part: what `==` says of entries is the code under test's.
pub fn same(one: &Entry, other: &Entry) -> bool {
    let command = |entry: &Entry| match entry.command {
        Command::Noop => None,
        Command::Client { id, request } => Some((id, Asked::from(request))),
    };
    let terms: [u64; 2] = [one.term, other.term];
    terms[0] == terms[1] && command(one) == command(other)
}

/// The last index at which two logs have an entry of the same term, if they are not the same up to there.
fn disagreement(one: &Log, other: &Log) -> Option<Index> {
    let held_by_both = || one.iter().filter_map(|(index, entry)| Some((index, entry, other.entry(index)?)));
    let (last, ..) = held_by_both().rfind(|(_, one, other)| one.term == other.term)?;
    held_by_both().take_while(|(index, ..)| *index <= last).any(|(_, one, other)| !same(one, other)).then_some(last)
}

fn leaders_are_complete<N: Server, H: History<N> + Chronicled>(view: &View<'_, N, H>) -> Result<(), String> {
    let committed = &view.history().chronicle().committed;
    for (id, server) in view.servers() {
        let raft = server.raft();
        if !raft.is_leader() {
            continue;
        }
        let cut_off = raft.log().start().index as usize;
        for (at, (entry, term)) in committed.iter().enumerate().skip(cut_off) {
            let index = at as Index + 1;
            if *term < raft.term() && !raft.log().entry(index).is_some_and(|held| same(held, entry)) {
                return Err(format!(
                    "{entry:?} was committed at index {index} in term {term}, and {id}, which leads term {}, does not have it: its \
                     log is {:?}.",
                    raft.term(),
                    raft.log()
                ));
            }
        }
    }
    Ok(())
}
