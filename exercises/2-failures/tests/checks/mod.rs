//! The checks of stage 2: one file for each task. They name the code under test only as `crate::subject`.
//!
//! - [`clock`]: what the clock on the wall says;
//! - [`trial`]: a monkey that is woken at given instants, and all that it does;
//! - [`ward`]: instances that fall ill and get well again.

mod clock;
mod trial;
mod ward;

pub mod chaos;
pub mod frame;
pub mod host;
pub mod machine;
pub mod monkey;
pub mod raft;
pub mod schedule;
pub mod server;
pub mod snapshot;
pub mod spec;
pub mod storage;
pub mod wal;
