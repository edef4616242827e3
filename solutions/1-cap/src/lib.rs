//! Stage 1: registers that choose a side of CAP, and Raft.
//!
//! A register holds one value, which clients read and write. Three servers each keep a copy, and the network between them
//! may fall apart. What does a client get to see then? Each file of the first half gives another answer:
//!
//! - [`naive`] answers at once and hopes for the best. It is given; in [`schedules`] you break it by hand.
//! - [`abd`] never lies: a reader sees the newest value or gets no answer (CP). It counts on a majority ([`quorum`]).
//! - [`lww`] always answers, and lets the last writer win once everybody hears of everything (AP).
//! - [`orset`] always answers too, but keeps a set, in which two concurrent updates need not cost one of them (AP).
//!
//! In the second half one value is not enough: servers agree on a list of commands.
//!
//! - [`raft`] keeps the same log on all servers, by electing a leader for a while.
//! - [`paxos`] chooses one value without a leader. It is there to compare.
//!
//! All are written as a [`Node`](testkit::node::Node): events in, effects out, no clock, no thread, no socket. Read the
//! documentation of that trait first; it is short.
//!
//! In the first half a server that crashes does not come back. What a server must remember over a crash is a question of the
//! second.

pub mod abd;
pub mod lww;
pub mod naive;
pub mod orset;
pub mod paxos;
pub mod quorum;
pub mod raft;
pub mod register;
pub mod schedules;
