//! The checks of Raft: one file for each task, and what they share.
//!
//! - [`rules`]: what must hold of any Raft, in words, and on a view of the servers;
//! - [`chronicle`]: what a run has shown so far, for the rules about whole runs;
//! - [`transitions`]: what must hold of each single step of any Raft;
//! - [`leaders`]: everything that leaders and candidates may say to one server alone;
//! - [`followers`]: everything that voters and followers may answer to one candidate and leader alone;
//! - [`lone_follower`]: one follower, alone with its leader's messages;
//! - [`counting`]: servers that are right, or wrong in how they count;
//! - [`words`]: what failures call a value;
//! - [`servers`]: which servers are checked, and the clusters that they stand in.

pub mod chronicle;
pub mod clients;
pub mod commit;
pub mod counting;
pub mod election;
pub mod figure_8;
pub mod followers;
pub mod leaders;
pub mod lone_follower;
pub mod prevote;
pub mod prevoters;
pub mod replication;
pub mod rules;
pub mod servers;
pub mod transitions;
pub mod words;
