//! What histories are judged by.

use testkit::check::Rule;

/// The rule that a replicated map keeps if it behaves as one copy.
pub const LINEARIZABLE: Rule = Rule::new(
    "linearizability",
    "The answers are those that one copy of the map would give, if each operation took effect at one moment between its request and \
     its answer.",
    "Herlihy & Wing 1990, Linearizability: A Correctness Condition for Concurrent Objects, section 2",
    "1-cap/counterexamples.md#linearizability",
);
