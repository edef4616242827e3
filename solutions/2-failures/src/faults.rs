//! Faults that tell: scripts that you write, each of which finds out one kind of wrong server.
//!
//! # The problem
//!
//! A cluster that is wrong answers rightly nearly always. What gives it away is a certain order of faults and requests: the chaos run
//! comes upon it by chance, and whoever knows what may be wrong can write it down.
//!
//! # The servers
//!
//! Three servers, `n0` to `n2` (five in one case), are your own [`Compacting`](crate::snapshot::Compacting), and hold two applied entries at most. Then something is
//! done to them that makes them wrong in one way; each function here says in which. Nobody looks inside. They are judged by what clients are
//! told, key by key, as in the chaos run.
//!
//! # The scripts
//!
//! A [`Schedule`] is a list of steps, as in stage 1. After each step the network delivers all that it can; a message on a cut link waits
//! until the link heals. Time stands still: a timer fires when the script says so, and only then. A client that has got no answer cannot ask
//! again, but another one can. That a server does not lead is no answer.
//!
//! Each script must fit two clusters: the wrong servers are found out by it, and your own, which are right, bear it.

use cap::raft::Timer;
use cap::raft::store::Request::{self, Get, Put};
use testkit::schedule::Schedule;

/// What is done to the servers, and asked of them.
pub type Script = Schedule<Request, Timer>;

/// An example, in which nobody is found out: `n0` is elected, a client writes, `n2` is cut off and comes back, `n1` starts again, and a
/// client reads.
// ANCHOR: example
pub fn a_quiet_day() -> Script {
    let elected = Schedule::with_timers().fire(0, Timer::Election).ask(0, 0, Put('x', 1));
    let beaten = elected.cut(0, 2).fire(0, Timer::Heartbeat).heal(0, 2);
    beaten.restart(1).fire(0, Timer::Heartbeat).ask(1, 0, Get('x'))
}
// ANCHOR_END: example

/// Finds out servers that answer a read from their own memory while they believe to lead.
pub fn reads_for_free() -> Script {
    //# hole: Who believes to lead, and does not? What must have happened elsewhere before a client reads there?
    let led = Schedule::with_timers().fire(0, Timer::Election).ask(0, 0, Put('x', 1)).fire(0, Timer::Heartbeat);
    let deposed = led.cut(0, 1).cut(0, 2).fire(1, Timer::Election).ask(1, 1, Put('x', 2));
    deposed.ask(2, 0, Get('x'))
    //# end
}

/// Finds out servers that answer a write as soon as it is in their own log.
pub fn answered_too_soon() -> Script {
    //# hole: Who must not have heard of the write, and who must be asked afterwards?
    let alone = Schedule::with_timers().fire(0, Timer::Election).cut(0, 1).cut(0, 2).ask(0, 0, Put('x', 1));
    alone.fire(1, Timer::Election).ask(1, 1, Get('x'))
    //# end
}

/// Finds out servers that start with nothing, whatever they have saved.
pub fn begun_anew() -> Script {
    //# hole: How many servers must start again, so that none is left that knows what was acknowledged?
    let written = Schedule::with_timers().fire(0, Timer::Election).ask(0, 0, Put('x', 1));
    written.restart(0).restart(1).restart(2).fire(1, Timer::Election).ask(1, 1, Get('x'))
    //# end
}

/// Finds out servers that save their term and their log, and forget at a start for whom they have voted. There are five of them, `n0` to
/// `n4`: of three, the one that votes twice elects each time, and may have a leader's first entry before it can forget.
pub fn two_votes() -> Script {
    //# hole: Let two servers be elected in one term, with the same vote. Which links must be cut so that neither hears of the other?
    let alone = Schedule::with_timers().cut(0, 2).cut(0, 3).cut(0, 4).cut(1, 2).cut(1, 3).cut(1, 4).cut(2, 3).cut(2, 4);
    let first = alone.fire(0, Timer::Election).cut(0, 1).restart(1).heal(0, 2);
    let second = first.heal(1, 4).fire(4, Timer::Election).ask(0, 4, Put('x', 2));
    second.ask(1, 0, Put('x', 1)).heal(0, 1).ask(2, 4, Get('x'))
    //# end
}

/// Finds out servers that take a snapshot from a leader with its index and its term, and without what is in it.
pub fn an_empty_snapshot() -> Script {
    //# hole: Who is sent a snapshot, and in place of what? How does a client get to read there?
    let away = Schedule::with_timers().cut(0, 2).cut(1, 2).fire(0, Timer::Election).ask(0, 0, Put('x', 1));
    let cut = (0..6).fold(away, |script, _| script.ask(0, 0, Get('x')).fire(0, Timer::Heartbeat));
    // What n0 has sent still waits on its link. n1 has sent nothing yet, and its log is cut as well.
    let back = cut.heal(1, 2).fire(1, Timer::Election).fire(1, Timer::Heartbeat).fire(1, Timer::Heartbeat);
    back.fire(2, Timer::Election).ask(1, 2, Get('x'))
    //# end
}
