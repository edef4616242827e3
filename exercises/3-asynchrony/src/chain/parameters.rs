//! What a chain is like: one record for the prediction, the simulation and the processes, so that all three speak of the same chain.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// A chain `gateway` → `enrich` → `store`, and beside it `gateway` → `tail`.
///
/// A line takes one of the gateway's threads until it is stored; one of `enrich`'s from the moment `enrich` begins with it, and while `store` has
/// it; and one of the `store`'s places. A tail takes one of the gateway's threads, and one of `tail`'s places. A request that finds none
/// free waits for one, in turn. A caller that has waited for the timeout takes its own thread back; what it asked for stays where it is, and is
/// done all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameters {
    /// How many threads the gateway has, for lines and for tails.
    pub gateway_threads: u32,
    /// How many threads `enrich` has.
    pub enrich_threads: u32,
    /// How many lines `store` works on at a time.
    pub store_places: u32,
    /// How many tails `tail` works on at a time.
    pub tail_places: u32,
    /// How long `enrich` takes for a line, without the store.
    pub enrich_takes: Millis,
    /// How long `store` takes for a line that has a place.
    pub store_takes: Millis,
    /// How long `tail` takes for a tail that has a place.
    pub tail_takes: Millis,
    /// How long a service waits for the one that it calls.
    pub timeout: Millis,
    /// How long a client waits for the gateway.
    pub patience: Millis,
}

impl Parameters {
    /// The chain of the lab `cascade`, on any machine: what takes time in it is waiting, and not the processor.
    pub const LAB: Parameters = Parameters {
        gateway_threads: 32,
        enrich_threads: 16,
        store_places: 4,
        tail_places: 8,
        enrich_takes: 5,
        store_takes: 20,
        tail_takes: 10,
        timeout: 1000,
        patience: 2000,
    };
}

/// How many requests come to the gateway in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    /// Lines, per second.
    pub lines: u32,
    /// Tails, per second.
    pub tails: u32,
}
