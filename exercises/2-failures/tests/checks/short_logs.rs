//! Clusters whose servers keep their logs short, and what they go through.

use testkit::check::Rule;
use testkit::cluster::{Cluster, History};
use testkit::schedule::Schedule;
use testkit::simulation::{Faults, Simulation};

use super::raft::servers::{Logged, Watched, busy, in_time};
use super::raft::somebody_lacks_what_is_cut_off;
use crate::subject::raft::Timer;
use crate::subject::raft::log::Index;
use crate::subject::raft::store::Request::{self, Add, Put};
use crate::subject::snapshot::Compacting;

pub const BOUNDED: Rule = Rule::new(
    "the log stays short",
    "No more than `LIMIT` applied entries stay in the log, in memory and in what is saved.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/snapshots.md#when",
);

pub const LACKS: Rule = Rule::new(
    "somebody lacks what is cut off",
    "There is a run in which a server lacks an entry that another one has cut off.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/snapshots.md#who-was-away",
);

/// A cluster whose servers keep their logs short.
pub fn short<const LIMIT: Index, H: History<Compacting<LIMIT>>>(
    cluster: Cluster<Compacting<LIMIT>, H>,
) -> Cluster<Compacting<LIMIT>, H> {
    cluster.always(BOUNDED, |view| {
        for (id, server) in view.servers() {
            let raft = server.raft();
            let held = raft.applied() - raft.log().start().index;
            if held > LIMIT {
                return Err(format!(
                    "The limit is {LIMIT}. {id} has applied {} entries, and holds {held} of them in its log.",
                    raft.applied()
                ));
            }
        }
        Ok(())
    })
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
