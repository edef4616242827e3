//! Faults that tell: scripts that you write, each of which exposes one kind of wrong server.
//!
//! # The problem
//!
//! A wrong cluster gives the right answer nearly always. What gives it away is a certain order of faults and requests: the chaos
//! run comes upon it by chance, but if you know what may be wrong, you can write it down.
//!
//! # The servers
//!
//! Three servers, `n0` to `n2` (five in one case), are your own [`Compacting`](crate::snapshot::Compacting), and hold two
//! applied entries at most. Then something is done to them that makes them wrong in one way; each function here says in which.
//! The check does not look inside. It judges what clients are told, key by key, as in the chaos run.
//!
//! # The scripts
//!
//! A [`Schedule`] is a list of steps, as in stage 1. After each step the network delivers all that it can; a message on a cut
//! link waits until the link heals. Time stands still: a timer fires when the script says so, and only then. A client that has
//! no answer yet cannot ask again, but another client can. "I do not lead" is not an answer.
//!
//! Each script is run on two clusters: it must expose the wrong servers, and your own, which are right, must survive it.

use cap::raft::Timer;
use cap::raft::store::Request::{self, Get, Put};
use testkit::schedule::Schedule;

/// What is done to the servers, and asked of them.
pub type Script = Schedule<Request, Timer>;

/// An example, which exposes no server: `n0` is elected, a client writes, `n2` is cut off and comes back, `n1` starts again, and
/// a client reads.
pub fn a_quiet_day() -> Script {
    let elected = Schedule::with_timers().fire(0, Timer::Election).ask(0, 0, Put('x', 1));
    let beaten = elected.cut(0, 2).fire(0, Timer::Heartbeat).heal(0, 2);
    beaten.restart(1).fire(0, Timer::Heartbeat).ask(1, 0, Get('x'))
}

/// Exposes servers that answer a read from their own memory while they believe that they lead.
pub fn reads_for_free() -> Script {
    todo!(
        "Which server believes that it leads, and does not? What must have happened elsewhere before a client reads there?"
    )
}

/// Exposes servers that answer a write as soon as it is in their own log.
pub fn answered_too_soon() -> Script {
    todo!("Which server must not have heard of the write, and which must be asked afterwards?")
}

/// Exposes servers that start with nothing, whatever they have saved.
pub fn begun_anew() -> Script {
    todo!("How many servers must restart, so that none is left that knows what was acknowledged?")
}

/// Exposes servers that save their term and their log, but forget at a start which candidate they voted for. There are five of
/// them, `n0` to `n4`: with three, the server that votes twice would elect both leaders, and might have a leader's first entry
/// before it can forget.
pub fn two_votes() -> Script {
    todo!(
        "Let two servers be elected in one term, with the same vote. Which links must be cut so that neither hears of the other?"
    )
}

/// Exposes servers that take a snapshot's index and term from a leader, but not what is in it.
pub fn an_empty_snapshot() -> Script {
    todo!("Which server is sent a snapshot, and in place of what? How does a client get to read there?")
}
