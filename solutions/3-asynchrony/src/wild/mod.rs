//! Four machines that real libraries got wrong, each rebuilt in small from the report. You catch them at it, with a script.
//!
//! A script says what the world does, event by event. The machine under test says which calls it allows. It is judged by the contracts of
//! [`breaker`](crate::breaker) and [`bulkhead`](crate::bulkhead): a script catches a machine if it gets the machine to break one of their
//! rules. That a machine hangs forever is not needed: the first call that it rejects without a right to is enough.
//!
//! Each file names its report. Read the machine and not the report, if you can: all four are right at first sight.

mod failsafe;
mod opossum;
mod polly;
mod resilience4j;

pub use failsafe::Failsafe393;
pub use opossum::Opossum119;
pub use polly::Polly1979;
pub use resilience4j::Resilience4j544;

use crate::breaker::{Outcome, Settings};
use crate::bulkhead::{Call, Entry};
use crate::time::Millis;

/// How the three breakers are set: two failures open them, the pause takes ten milliseconds, and a half-open one needs two probes. (Opossum and
/// Polly need one, whatever is set.) A probe may take an hour.
pub const SETTINGS: Settings = Settings { failures: 2, pause: 10, probes: 2, patience: 3_600_000 };

/// What the world does with a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// So many milliseconds pass.
    Wait(Millis),
    /// A call asks for a permit. Calls have numbers of your own choice, and none asks twice.
    Ask(Call),
    /// A call that was allowed is over.
    Over(Call, Outcome),
}

/// What the world does with a bulkhead of one place, with room for one call that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visit {
    /// A call asks for a place.
    Ask(Call),
    /// A call that is inside is over.
    Over(Call),
    /// A call that waits has waited for too long.
    GiveUp(Call),
}

/// A breaker of another library.
pub trait WildBreaker {
    /// How many probes it needs before it closes.
    const PROBES: u32;

    /// A closed breaker.
    fn new() -> Self;

    /// Whether a call may be made now.
    fn allows(&mut self, call: Call, now: Millis) -> bool;

    /// A call that was allowed is over.
    fn is_over(&mut self, call: Call, outcome: Outcome, now: Millis);
}

/// A bulkhead of another library, with one place and room for one call that waits.
pub trait WildBulkhead {
    /// An empty bulkhead.
    fn new() -> Self;

    /// A call asks for a place.
    fn ask(&mut self, call: Call) -> Entry;

    /// A call that was inside is over. Says which call gets its place.
    fn is_over(&mut self, call: Call) -> Option<Call>;

    /// A call does not wait any more.
    fn gives_up(&mut self, call: Call);
}
