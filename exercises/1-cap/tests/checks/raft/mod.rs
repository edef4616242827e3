//! The checks of Raft: one file for each task, and what they share.
//!
//! - [`rules`]: what must hold of any Raft, in words, and on a view of the servers;
//! - [`chronicle`]: what a run has shown so far, for the rules about whole runs;
//! - [`servers`]: which servers are checked, and the clusters that they stand in.

pub mod chronicle;
pub mod clients;
pub mod commit;
pub mod election;
pub mod prevote;
pub mod replication;
pub mod rules;
pub mod servers;
