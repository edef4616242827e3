//! The checks of stage 1: one file for each task. They name the code under test only as `crate::subject`.

pub mod abd;
pub mod acceptors;
pub mod among_peers;
pub mod break_it;
pub mod holders;
pub mod lww;
pub mod minority;
pub mod orset;
pub mod paxos;
pub mod raft;
pub mod replicas;
pub mod set;
pub mod spec;
pub mod tags;
pub mod words;
