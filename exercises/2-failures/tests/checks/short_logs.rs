//! Clusters whose servers keep their logs short, and what they go through.

use std::collections::BTreeMap;

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, View};
use testkit::node::NodeId;
use testkit::schedule::Schedule;
use testkit::simulation::{Faults, Simulation};

use super::raft::servers::{Logged, Watched, busy, in_time};
use super::raft::somebody_lacks_what_is_cut_off;
use super::raft::words as raft_words;
use super::words;
use crate::subject::raft::Timer;
use crate::subject::raft::log::Index;
use crate::subject::raft::store::Request::{self, Add, Put};
use crate::subject::snapshot::{Compacting, Snapshot};

pub const BOUNDED: Rule = Rule::new(
    "the log stays short",
    "The log holds no more than `LIMIT` applied entries, in memory and on disk, and nothing is cut off before it is applied.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/snapshots.md#when",
);

pub const LACKS: Rule = Rule::new(
    "a server lacks what is cut off",
    "There is a run in which a server lacks an entry that another server has cut off.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/snapshots.md#who-was-away",
);

pub const STANDS_FOR: Rule = Rule::new(
    "a snapshot replaces what is gone",
    "In memory and on disk, the log starts where a snapshot ends, or before. A snapshot goes up to an applied entry, holds the \
     result of all entries up to it, and is the same on every server that has one at that index.",
    "Ongaro & Ousterhout 2014 (extended version), section 7, figure 12",
    "2-failures/snapshots.md#cut-too-far",
);

/// A cluster whose servers keep their logs short.
pub fn short<const LIMIT: Index, H: History<Compacting<LIMIT>>>(
    cluster: Cluster<Compacting<LIMIT>, H>,
) -> Cluster<Compacting<LIMIT>, H> {
    cluster.always(STANDS_FOR, snapshots_stand_for_what_is_gone).always(BOUNDED, |view| {
        for (id, server) in view.servers() {
            let raft = server.raft();
            let (applied, start) = (raft.applied(), raft.log().start().index);
            match applied.checked_sub(start) {
                Some(held) if held <= LIMIT => {}
                Some(held) => {
                    return Err(format!(
                        "The limit is {LIMIT}. {id} has applied {applied} entries, and holds {held} of them in its log."
                    ));
                }
                None => {
                    return Err(format!(
                        "{id} has applied {applied} entries, but has cut off its log up to index {start}: what it cut off \
                         before it was applied is lost."
                    ));
                }
            }
        }
        Ok(())
    })
}

fn snapshots_stand_for_what_is_gone<const LIMIT: Index, H: History<Compacting<LIMIT>>>(
    view: &View<'_, Compacting<LIMIT>, H>,
) -> Result<(), String> {
    let mut seen: BTreeMap<Index, (NodeId, &Snapshot)> = BTreeMap::new();
    for (id, server) in view.servers() {
        let (raft, newest) = (server.raft(), server.snapshot());
        let (start, end) = (raft.log().start(), newest.map_or(0, |snapshot| snapshot.index));
        if end < start.index || end > raft.applied() {
            let applied = raft.applied();
            return Err(format!(
                "{id}'s log starts at {}, its snapshot goes up to {end}, and {applied} entries are applied.",
                start.index
            ));
        }
        if let Some(saved) = view.saved(id) {
            let saved_end = saved.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
            if saved_end < saved.raft.log.start().index {
                return Err(format!(
                    "{id} has saved a log that starts at {}, and a snapshot up to {saved_end}.",
                    saved.raft.log.start().index
                ));
            }
        }
        let Some(snapshot) = newest else { continue };
        let is_now = end == raft.applied();
        if is_now && (snapshot.store != *raft.store() || snapshot.sessions != *raft.sessions()) {
            return Err(format!(
                "{id} has {}, and has applied nothing beyond that. But its store holds {}, and of clients it knows {}.",
                words::snapshot(snapshot),
                raft_words::store(raft.store()),
                words::sessions(raft.sessions())
            ));
        }
        if raft.log().term_at(end).is_some_and(|term| term != snapshot.term) {
            return Err(format!(
                "{id}'s log is {:?}, but its snapshot up to {end} names term {}.",
                raft.log(),
                snapshot.term
            ));
        }
        if let Some((other, first)) = seen.insert(end, (id, snapshot))
            && first != snapshot
        {
            return Err(format!(
                "{other} and {id} have snapshots up to the same entry that differ: {} and {}.",
                words::snapshot(first),
                words::snapshot(snapshot)
            ));
        }
    }
    Ok(())
}

/// n0 leads, and has committed two commands with n1. n2 cannot be reached, and has heard of nothing.
pub fn behind() -> Schedule<Request, Timer> {
    let alone = Schedule::with_timers().cut(0, 2).cut(1, 2).fire(0, Timer::Election);
    alone.ask(0, 0, Put('x', 1)).fire(0, Timer::Heartbeat).ask(0, 0, Add('x', 1)).fire(0, Timer::Heartbeat)
}

/// A cluster after `schedule`, in which n2 can be reached again at some moment.
pub fn healing<const LIMIT: Index>(
    cluster: Cluster<Compacting<LIMIT>, Watched>,
    schedule: &Schedule<Request, Timer>,
) -> Cluster<Compacting<LIMIT>, Watched> {
    short(cluster.staged(schedule)).partitions(&[&[&[0, 1], &[2]]], 1)
}

/// Long runs of servers that keep their logs short.
pub fn long_run<const LIMIT: Index>(faults: Faults) -> Simulation<Compacting<LIMIT>, Logged<Compacting<LIMIT>>> {
    in_time(short(busy()).sometimes(LACKS, somebody_lacks_what_is_cut_off), faults)
}
