//! Stage 1, first half: registers that choose a side of CAP.
//!
//! A register holds one value, which clients read and write. Three servers each keep a copy, and the network between them
//! may fall apart. What does a client get to see then? Each file gives another answer:
//!
//! - [`naive`] answers at once and hopes for the best. It is given; in [`schedules`] you break it by hand.
//! - [`abd`] never lies: a reader sees the newest value or gets no answer (CP). It counts on a majority ([`quorum`]).
//! - [`lww`] always answers, and lets the last writer win once everybody hears of everything (AP).
//! - [`orset`] always answers too, but keeps a set, in which two concurrent updates need not cost one of them (AP).
//!
//! All are written as a [`Node`](testkit::node::Node): events in, effects out, no clock, no thread, no socket. Read the
//! documentation of that trait first; it is short.
//!
//! In this half a server that crashes does not come back. What a server must remember over a crash is a later question.

pub mod abd;
pub mod lww;
pub mod naive;
pub mod orset;
pub mod quorum;
pub mod register;
pub mod schedules;
