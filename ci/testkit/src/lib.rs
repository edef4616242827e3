//! What the checks of the course stand on: everything that turns "my protocol works" into a claim that a machine can refute.
//!
//! # The problem
//!
//! A distributed program is wrong in the runs that nobody thought of: the acknowledgement that comes twice, the vote that was
//! forgotten in a crash, the read that overtakes a write. Tests that start processes and hope to meet such a run meet it once in
//! a thousand times, and then cannot repeat it. So the course does not test like this. Learners write each protocol as a
//! [`Node`](node::Node): a state machine without clock, network, disk or chance, which is handed one event at a time and says
//! what it wants done. Its caller decides what happens in which order, and can decide the same again.
//!
//! ```
//! use testkit::cluster::Cluster;
//! use testkit::node::NodeId;
//! use testkit::rule::Rule;
//! use testkit::samples::{Ask, Counter};
//! use testkit::search::Bounds;
//!
//! const ONCE: Rule = Rule::new("once", "What was added once is counted once.", "this example", "");
//!
//! // Two servers that count, one client, and a network that may deliver one message twice.
//! let cluster = Cluster::<Counter<true>>::new(2, ()).client(&[0], [Ask::Add]).duplicates(1).always(ONCE, |view| {
//!     match view.server(NodeId(1)) {
//!         Some(server) if server.count() > 1 => Err(format!("n1 counts {}.", server.count())),
//!         _ => Ok(()),
//!     }
//! });
//! let finding = cluster.prove(Bounds::exhaustive(1_000), None).unwrap_err();
//! assert_eq!(finding.summary, "n1 counts 2.");
//! let run: Vec<_> = finding.trace.unwrap().steps.into_iter().map(|step| step.label).collect();
//! assert_eq!(run, [
//!     "c0 asks n0: Add",
//!     "n1 receives () from n0, and a copy stays on its way",
//!     "n1 receives () from n0",
//! ]);
//! ```
//!
//! # The tiers
//!
//! The same code runs, unchanged, in three worlds. Each gives up something that the others have:
//!
//! | tier | looks at | gives up |
//! |---|---|---|
//! | the model: [`cluster`], [`search`] | every run of a small scope | size: three servers, a few requests |
//! | the simulation: [`simulation`] | long runs of a larger scope, drawn from seeds | completeness |
//! | the network (from stage 2 on): [`network`] | real processes, disks and links | repeatability |
//!
//! Beside them stand the [`schedule`], one run that is written by hand, and a server [`alone`]. What clients were told is judged in all tiers alike
//! ([`history`]), and a run that breaks a rule is told in all tiers alike ([`trace`]).
//!
//! # In which order to read
//!
//! 1. [`node`]: what a participant is. All of the learners' code is written against this file.
//! 2. [`samples`]: two participants of a few lines.
//! 3. [`cluster`]: participants, clients and a network as one model; then its `step` (what can happen, and what it does),
//!    `tables` (why that is fast, and how code that is not deterministic is caught) and `liveness`.
//! 4. [`search`]: how every run is looked at. Small, and free of everything above.
//! 5. [`simulation`], with its `world` and `shrink`.
//! 6. [`trace`] and [`history`]: what is shown, and what it is judged by.
//! 7. [`disk`]: what a program that stores something may count on, and every crash of it.
//! 8. [`network`]: servers as processes, what a check can do to them and to what is between them, and why nothing of them is left.
//! 9. [`check`]: from all this to a verdict, in a process that learner code may bring down.
//! 10. [`lab`]: what experiments print, record and draw; no check looks at it.
//!
//! # What holds everywhere
//!
//! - The same input gives the same verdict, the same counts and the same counterexample, on every machine: no clock decides
//!   anything, and nothing depends on the order in which a hash table is iterated. Only in the [`network`] the system decides what
//!   happens; the same history is judged alike there, too.
//! - What a bound left out is said. A check names a depth that must be reached; a bound on states that is hit before is a failure.
//! - Learner code may panic wherever it is called. That is a finding with the run that led there.
//! - Nothing here knows a stage. What a stage demands stands in its `tests/checks/`.

pub mod alone;
pub mod check;
pub mod cluster;
pub mod disk;
pub mod history;
pub mod lab;
pub mod network;
pub mod node;
pub mod note;
pub mod panics;
pub mod rule;
pub mod samples;
pub mod schedule;
pub mod search;
pub mod simulation;
pub mod text;
pub mod trace;
