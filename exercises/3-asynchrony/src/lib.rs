//! Stage 3: a chain of services that does not collapse.
//!
//! Blocking calls kill performance, and the slowest part of a chain backs up all the others. In this stage you build what keeps one slow
//! service from taking the rest with it. Each mechanism is a **machine**: a value that is told what has happened and at which [time], and
//! says what to do. It has no clock, no socket and no source of random numbers, so that the checks can explore it event by event, as they
//! did with your servers.
//!
//! - [`predict`] says what a chain that blocks will do, before it does.
//! - [`wild`] holds four machines that real libraries got wrong, and [`scripts`] those with which you catch them at it.
//! - [`breaker`] stops calling a downstream that fails, and finds out when it is well again.
//! - [`bulkhead`] keeps calls to one downstream from taking all the places.
//! - [`deadline`] ends work for which no client waits any more, wherever it is.
//! - [`retry`] makes a call again where that helps, and only there.
//! - [`admission`] refuses at the entrance what cannot be done in time.
//! - [`idempotency`] makes it safe: what is asked twice under one key is done once.
//! - [`credit`] lets a sender send no more than its receiver has room for.
//! - [`chain`] is the services themselves, and the gateway in which all of it meets.
//! - [`hedging`] sends a request twice where that helps, and seldom.
//! - [`oneshot`] is a future by hand: a channel for one value, and the waker of the task that waits for it.

pub mod admission;
pub mod breaker;
pub mod bulkhead;
pub mod chain;
pub mod credit;
pub mod deadline;
pub mod hedging;
pub mod idempotency;
pub mod oneshot;
pub mod predict;
pub mod retry;
pub mod scripts;
pub mod time;
pub mod wild;
