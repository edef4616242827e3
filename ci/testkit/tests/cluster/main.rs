//! What a cluster does, claim by claim: servers, network, clients, faults of learner code, liveness, replay.

#[path = "../aloud/mod.rs"]
mod aloud;
mod cheats;
mod clients;
mod findings;
mod labels;
mod later;
mod liveness;
mod network;
mod notes;
mod peers;
mod places;
mod puppet;
mod replay;
mod servers;
mod sleeper;
mod staging;
mod walk;
mod watching;

use testkit::rule::Rule;
use testkit::search::Bounds;

/// A rule for tests, where only its name matters.
const fn rule(name: &'static str) -> Rule {
    Rule::new(name, "As the test says.", "this test", "")
}

/// More states than any cluster of these tests has.
const ALL: Bounds = Bounds { states: 100_000, depth: None };
