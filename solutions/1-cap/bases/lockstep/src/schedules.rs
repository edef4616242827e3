//! Runs that you write by hand: which links are cut, which client asks which server for what, and in which order.
//!
//! A [`Schedule`] is a list of steps. After each step the network delivers everything that it can: each message whose link
//! works, and the messages that those cause, until nothing moves. A message on a cut link waits until the link heals.
//!
//! The cluster has three servers, `n0` to `n2`. Clients are numbered from 0, and there are as many as you name. A client that
//! has no answer yet cannot ask again, but another client can.

use testkit::schedule::Schedule;

use crate::raft::{Timer, store};
use crate::register::Request;

/// An example, in which nothing goes wrong: client 0 writes at `n0`, the link to `n1` is cut, and client 1 reads at `n1` what
/// had arrived there before.
pub fn a_quiet_day() -> Schedule<Request> {
    Schedule::new().ask(0, 0, Request::Write(7)).cut(0, 1).ask(1, 1, Request::Read)
}

/// A run of the [naive register](crate::naive) that is not linearizable: no single copy of a register could have given
/// these answers in this order.
///
/// Contract: at least one answer in it contradicts what was answered before. Shortest possible: three steps.
pub fn stale_read() -> Schedule<Request> {
    Schedule::new().cut(2, 1).ask(0, 2, Request::Write(5)).ask(1, 1, Request::Read)
}

/// A run of your own [quorum register](crate::abd) in which a server that is up leaves a client without an answer, because the
/// network cuts the server off from a majority.
///
/// Contract: at the end, some client waits for an answer from a server that is up, but whose working links reach less than a
/// majority of the servers, itself included. Links count, not crashes. Shortest possible: three steps.
pub fn silent_minority() -> Schedule<Request> {
    Schedule::new().cut(1, 0).cut(1, 2).ask(0, 1, Request::Write(3))
}

/// A run of three servers of Raft that count copies, in which an answer is taken back.
pub fn figure_8() -> Schedule<store::Request, Timer> {
    let first =
        Schedule::with_timers().fire(1, Timer::Election).cut(1, 0).cut(1, 2).ask(4, 1, store::Request::Add('z', 3));
    let second = first.fire(0, Timer::Election).cut(0, 2).ask(5, 0, store::Request::Get('y')).restart(0);
    let third = second.heal(1, 2).fire(1, Timer::Election).restart(1).cut(1, 2);
    third.heal(0, 2).fire(0, Timer::Election).ask(6, 0, store::Request::Get('z'))
}
