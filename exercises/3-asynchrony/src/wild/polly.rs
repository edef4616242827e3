//! Polly (.NET), issue 1979, in 2024: the breaker of version 8, rebuilt from its `CircuitStateController`.
//!
//! Source: <https://github.com/App-vNext/Polly/issues/1979>, mended by pull request 1991.

use super::{SETTINGS, WildBreaker};
use crate::breaker::Outcome;
use crate::bulkhead::Call;
use crate::time::Millis;

/// One probe at a time decides.
#[derive(Clone, Debug)]
pub struct Polly1979 {
    state: Circuit,
    failures: u32,
    blocked_until: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Circuit {
    Closed,
    Open,
    HalfOpen,
}

impl WildBreaker for Polly1979 {
    const PROBES: u32 = 1;

    fn new() -> Self {
        Polly1979 { state: Circuit::Closed, failures: 0, blocked_until: 0 }
    }

    fn allows(&mut self, _: Call, now: Millis) -> bool {
        if self.state == Circuit::Open && now >= self.blocked_until {
            self.state = Circuit::HalfOpen;
            return true; // the caller that finds the pause over is the probe
        }
        self.state == Circuit::Closed
    }

    fn is_over(&mut self, _: Call, outcome: Outcome, now: Millis) {
        match (outcome, self.state) {
            (Outcome::Success, Circuit::HalfOpen) => self.close(),
            (Outcome::Success, Circuit::Closed) => self.failures = 0,
            (Outcome::Failure, Circuit::HalfOpen) => self.open(now),
            (Outcome::Failure, Circuit::Closed) => {
                self.failures += 1;
                if self.failures >= SETTINGS.failures {
                    self.open(now);
                }
            }
            _ => {}
        }
    }
}

impl Polly1979 {
    fn close(&mut self) {
        self.state = Circuit::Closed;
        self.failures = 0;
    }

    fn open(&mut self, now: Millis) {
        self.state = Circuit::Open;
        self.blocked_until = now + SETTINGS.pause;
    }
}
