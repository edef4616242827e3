//! One file for each command. Each has its `Args` and a `run`.

pub mod check;
pub mod credit;
pub mod dev;
pub mod explore;
pub mod hint;
pub mod judge;
pub mod lab;
pub mod read;
pub mod replay;
pub mod report;
pub mod reset;
pub mod serve;
pub mod skip;
pub mod solution;
pub mod status;
pub mod watch;
