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
// ANCHOR: example
pub fn a_quiet_day() -> Schedule<Request> {
    Schedule::new().ask(0, 0, Request::Write(7)).cut(0, 1).ask(1, 1, Request::Read)
}
// ANCHOR_END: example

/// A run of the [naive register](crate::naive) that is not linearizable: no single copy of a register could have given
/// these answers in this order.
///
/// Contract: at least one answer in it contradicts what was answered before. Shortest possible: three steps.
pub fn stale_read() -> Schedule<Request> {
    //# hole: Build a schedule with Schedule::new().cut(…).ask(…)… after which no order of the operations explains the answers.
    Schedule::new().cut(0, 1).ask(0, 0, Request::Write(1)).ask(1, 1, Request::Read)
    //# end
}

/// A run of your own [quorum register](crate::abd) in which a server that is up leaves a client without an answer, because the
/// network cuts the server off from a majority.
///
/// Contract: at the end, some client waits for an answer from a server that is up, but whose working links reach less than a
/// majority of the servers, itself included. Links count, not crashes. Shortest possible: three steps.
pub fn silent_minority() -> Schedule<Request> {
    //# hole: Build a schedule that leaves a server with less than a majority, and let a client ask it.
    Schedule::new().cut(0, 1).cut(0, 2).ask(0, 0, Request::Read)
    //# end
}

/// A run of three Raft servers that count copies: their leaders consider an entry committed as soon as a majority holds it,
/// whatever its term. In all else they are Raft. A leader sends its log when it is elected, when it takes a command, and when
/// its [`Timer::Heartbeat`] fires; all other servers, and candidates, wait for [`Timer::Election`].
///
/// Contract: a client is told that its command is done, and a later answer shows that it is not. The same steps must do no harm
/// to servers that count only entries of their own term.
pub fn figure_8() -> Schedule<store::Request, Timer> {
    //# hole: Schedule::with_timers().fire(…).cut(…)…: which server must lead when, which must not hear of it, and which is asked at the end?
    let put = |value| store::Request::Put('x', value);
    let alone = Schedule::with_timers().fire(0, Timer::Election).cut(0, 1).cut(0, 2).ask(0, 0, put(1));
    let other = alone.fire(2, Timer::Election).cut(1, 2).ask(1, 2, store::Request::Get('y'));
    let counted = other.heal(0, 1).fire(0, Timer::Election).cut(0, 1);
    counted.heal(1, 2).fire(2, Timer::Election).ask(2, 2, store::Request::Get('x'))
    //# end
}
