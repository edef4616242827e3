//! Stage 1: registers that choose a side of CAP, and Raft.
//!
//! A register holds one value, which clients read and write. Three servers each keep a copy, and the network between them may
//! split. What does a client see then? Each file of the first half gives another answer:
//!
//! - [`naive`] answers at once and hopes for the best. It is given; in [`schedules`] you break it by hand.
//! - [`abd`] never lies: a reader sees the newest value or gets no answer (CP). It relies on a majority ([`quorum`]).
//! - [`lww`] always answers, and the last writer wins once every server has heard of every write (AP).
//! - [`orset`] always answers too, but keeps a set, which need not lose one of two concurrent updates (AP).
//!
//! In the second half, one value is not enough: servers agree on a list of commands.
//!
//! - [`raft`] keeps the same log on all servers, by electing a leader for a while.
//! - [`paxos`] chooses one value without a leader. It is there for comparison.
//!
//! All are written as a [`Node`](testkit::node::Node): events in, effects out, no clock, no thread, no socket. Read the
//! documentation of that trait first; it is short.
//!
//! In the first half, a server that crashes does not come back. The second half asks what a server must remember across a crash.

pub mod abd;
pub mod lww;
pub mod naive;
pub mod orset;
pub mod paxos;
pub mod quorum;
pub mod raft;
pub mod register;
pub mod schedules;
