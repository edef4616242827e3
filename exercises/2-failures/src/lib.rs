//! Stage 2: what survives a failure.
//!
//! Parts fail all the time, and at the worst moment. In this stage you build what is still correct afterwards, from the disk up:
//!
//! - [`wal`] keeps records across a crash: a write-ahead log, on a disk that loses, tears and reorders whatever was not synced.
//! - [`snapshot`] is a server around your Raft of stage 1, which cuts off its log before it grows without end.
//! - [`membership`] lets servers leave and come back, one at a time.
//! - [`storage`] keeps what that server saves in the write-ahead log.
//! - [`host`] puts both together, so that nothing leaves before what it promises is on the disk.
//! - [`server`] is a process around that: it reads bytes from anyone, and trusts few.
//! - [`monkey`] makes servers fail on purpose, on a schedule, while people are watching.
//! - [`faults`] are scripts of failures that expose wrong servers.
//! - [`chaos`] lets the monkey loose on a cluster of such servers, and judges what clients were told.
//! - [`audit_log`] keeps what the monkey does in a write-ahead log, before it is done.
//!
//! The log is written against the disk of [`testkit::disk`]. Read the documentation of that trait first; it is short, and it says
//! what a disk promises. It promises little.

pub mod audit_log;
pub mod chaos;
pub mod faults;
pub mod host;
pub mod membership;
pub mod monkey;
pub mod server;
pub mod snapshot;
pub mod storage;
pub mod wal;

pub use cap::raft; // your Raft of stage 1, on which all of this stands
