//! A channel for one value, whose receiver is a future written by hand.
//!
//! A server that asks another one something has to wait for the answer, once. [`tokio::sync::oneshot`] is what such code usually waits with,
//! and `await` hides how. Here it is not hidden: the receiver's `poll` is yours, and so is the promise that comes with it. If `poll` says
//! [`Pending`](std::task::Poll::Pending), its waker has to be called later. If it is not, the task sleeps forever, and no error says so.
//!
//! A wake-up is lost between two steps of one thread, because of a step of another one. A test may run for a week and not see it. So the file
//! [`channel`](real::channel) is compiled twice:
//!
//! - [`real`] has the locks and atomics of the standard library, and this is what programs use;
//! - [`explored`] has those of the crate `loom`, which decides at each of them which thread goes on, and tries everything that can happen.
//!
//! What `loom` cannot see it cannot explore: a lock or an atomic has to come from `super::sync`. Sequentially consistent loads and stores
//! count there as acquire and release. Where two threads each write and then read what the other one writes, use a read-modify-write
//! operation (`swap`, `fetch_or`), or a lock.
//!
//! A channel and not a semaphore, because it asks every question that a future by hand asks, and asks it once: one value, one waker, two
//! halves that may go at any moment. A semaphore adds a queue of wakers, and what that needs is in [`bulkhead`](crate::bulkhead).

#![allow(clippy::duplicate_mod, reason = "the same file, on two sets of locks and atomics")]

pub mod explored;
pub mod real;

pub use real::channel::{Closed, Receiver, Sender, channel};
