//! Opossum (Node.js), issue 119, in 2017: the check at the head of `fire`, and the one at the end of `fail`.
//!
//! Source: <https://github.com/nodeshift/opossum/issues/119>, proposed in pull request 120 and mended by commit 04df6f7.

use super::{SETTINGS, WildBreaker};
use crate::breaker::Outcome;
use crate::bulkhead::Call;
use crate::time::Millis;

/// A timer makes an open breaker half open; here, the clock that it is told does.
#[derive(Clone, Debug)]
pub struct Opossum119 {
    /// While it is open: until when.
    opened: Option<Millis>,
    failures: u32,
}

impl WildBreaker for Opossum119 {
    const PROBES: u32 = 1;

    fn new() -> Self {
        Opossum119 { opened: None, failures: 0 }
    }

    fn allows(&mut self, _: Call, now: Millis) -> bool {
        if self.opened.is_some_and(|until| now >= until) {
            self.opened = None; // half open
        }
        self.opened.is_none()
    }

    fn is_over(&mut self, _: Call, outcome: Outcome, now: Millis) {
        match outcome {
            Outcome::Success => self.failures = 0,
            Outcome::Failure => {
                self.failures += 1;
                if self.failures >= SETTINGS.failures {
                    self.opened = Some(now + SETTINGS.pause);
                    self.failures = 0;
                }
            }
            Outcome::Ignored | Outcome::Dropped => {}
        }
    }
}
