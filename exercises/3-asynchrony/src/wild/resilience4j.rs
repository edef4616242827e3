//! Resilience4j (Java), issue 544, in 2019: the half-open state of version 0.15, with its ring buffer and its permissions.
//!
//! Source: <https://github.com/resilience4j/resilience4j/issues/544>, mended by pull request 545.

use super::{SETTINGS, WildBreaker};
use crate::breaker::Outcome;
use crate::bulkhead::Call;
use crate::time::Millis;

/// A half-open breaker hands out as many permissions as it needs results.
#[derive(Clone, Debug)]
pub struct Resilience4j544 {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Millis },
    HalfOpen { permissions: u32, recorded: u32 },
}

impl WildBreaker for Resilience4j544 {
    const PROBES: u32 = SETTINGS.probes;

    fn new() -> Self {
        Resilience4j544 { state: State::Closed { failures: 0 } }
    }

    fn allows(&mut self, _: Call, now: Millis) -> bool {
        if matches!(self.state, State::Open { until } if now >= until) {
            self.state = State::HalfOpen { permissions: SETTINGS.probes, recorded: 0 };
        }
        match &mut self.state {
            State::Closed { .. } => true,
            State::Open { .. } => false,
            State::HalfOpen { permissions, .. } => {
                let is_left = *permissions > 0;
                *permissions = permissions.saturating_sub(1);
                is_left
            }
        }
    }

    fn is_over(&mut self, _: Call, outcome: Outcome, now: Millis) {
        match outcome {
            Outcome::Success => self.on_success(),
            Outcome::Failure => self.on_error(now),
            Outcome::Ignored => {} // an error that is not to be recorded
            Outcome::Dropped => self.release_permission(),
        }
    }
}

impl Resilience4j544 {
    fn on_success(&mut self) {
        match &mut self.state {
            State::Closed { failures } => *failures = 0,
            State::Open { .. } => {}
            State::HalfOpen { recorded, .. } => {
                *recorded += 1;
                if *recorded == SETTINGS.probes {
                    self.state = State::Closed { failures: 0 };
                }
            }
        }
    }

    fn on_error(&mut self, now: Millis) {
        match &mut self.state {
            State::Closed { failures } if *failures + 1 < SETTINGS.failures => *failures += 1,
            State::Open { .. } => {}
            State::Closed { .. } | State::HalfOpen { .. } => self.state = State::Open { until: now + SETTINGS.pause },
        }
    }

    fn release_permission(&mut self) {
        if let State::HalfOpen { permissions, .. } = &mut self.state {
            *permissions += 1;
        }
    }
}
