//! Clusters whose servers keep their logs short, and what they go through.

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, Log as Judged, View};
use testkit::schedule::Schedule;
use testkit::simulation::{Faults, Simulation};

use super::raft::chronicle::Chronicle;
use super::raft::servers::{Cell, Watched, servers};
use super::raft::{FINISHES, somebody_lacks_what_is_cut_off};
use super::spec::LINEARIZABLE;
use crate::subject::raft::Timer;
use crate::subject::raft::log::Index;
use crate::subject::raft::store::Key;
use crate::subject::raft::store::Request::{self, Add, Get, Put};
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

/// Four clients with 30 requests each, on three keys.
pub fn simulation<const LIMIT: Index>(
    faults: Faults,
) -> Simulation<Compacting<LIMIT>, (Judged<Compacting<LIMIT>>, Chronicle)> {
    let mut cluster = short(servers::<Compacting<LIMIT>, _>(5, (Judged::default(), Chronicle::default())));
    for client in 0..4 {
        cluster = cluster.client(&[0, 1, 2, 3, 4], script(client, 30));
    }
    let cluster = cluster
        .whole_run(LINEARIZABLE, |view: &View<'_, Compacting<LIMIT>, _>| {
            view.history().0.linearizable_by_key(|_| Cell::default(), key)
        })
        .sometimes(LACKS, somebody_lacks_what_is_cut_off)
        .sometimes(FINISHES, |view| view.is_finished());
    Simulation::new(cluster, faults)
        .timer_waits(Timer::Election, 150..=300)
        .timer_waits(Timer::Heartbeat, 40..=50)
        .clients_ask_again(200..=400)
        .steps(20_000)
}

fn script(client: usize, requests: usize) -> impl Iterator<Item = Request> {
    (0..requests).map(move |number| {
        let key = ['x', 'y', 'z'][(client + number / 2) % 3];
        match number % 4 {
            0 => Add(key, 1),
            1 => Put(key, (1_000 * (client + 1) + number) as i64),
            _ => Get(key),
        }
    })
}

fn key(request: &Request) -> Key {
    let (Get(key) | Put(key, _) | Add(key, _)) = request;
    *key
}
