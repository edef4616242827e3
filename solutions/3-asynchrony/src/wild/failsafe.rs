//! Failsafe (Java), issue 393: the bulkhead's permits and its queue of futures.
//!
//! Source: <https://github.com/failsafe-lib/failsafe/issues/393>; pull request 400 has the code in question.

use std::collections::VecDeque;

use super::WildBulkhead;
use crate::bulkhead::{Call, Entry};

/// One permit, and calls that wait for it.
#[derive(Clone, Debug)]
pub struct Failsafe393 {
    permits: usize,
    futures: VecDeque<Call>,
    /// How many calls wait for their futures.
    waiting: usize,
}

impl WildBulkhead for Failsafe393 {
    fn new() -> Self {
        Failsafe393 { permits: 1, futures: VecDeque::new(), waiting: 0 }
    }

    fn ask(&mut self, call: Call) -> Entry {
        if self.permits > 0 {
            self.permits -= 1;
            Entry::Enter
        } else if self.waiting < 1 {
            self.waiting += 1;
            self.futures.push_back(call);
            Entry::Wait
        } else {
            Entry::Full
        }
    }

    fn is_over(&mut self, _: Call) -> Option<Call> {
        self.permits += 1;
        let next = self.futures.pop_front()?;
        self.permits -= 1;
        self.waiting = self.waiting.saturating_sub(1);
        Some(next)
    }

    fn gives_up(&mut self, _: Call) {
        self.waiting = self.waiting.saturating_sub(1); // the call goes away, and says that it got no permit in time
    }
}
