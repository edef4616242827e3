//! The checks of stage 2: one file for each task. They name the code under test only as `crate::subject`.

mod clock;
pub mod frame;
pub mod host;
pub mod machine;
pub mod monkey;
pub mod raft;
pub mod schedule;
pub mod snapshot;
pub mod spec;
pub mod storage;
pub mod wal;
