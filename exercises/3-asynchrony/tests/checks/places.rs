//! What a bulkhead has to say, by its contract.

use std::collections::{BTreeSet, VecDeque};

use testkit::node::{ClientId, RequestId};

use crate::subject::bulkhead::{Call, Entry};

/// The calls at a bulkhead with places for `at_once` and room for `room` that wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Places {
    at_once: usize,
    room: usize,
    pub inside: BTreeSet<Call>,
    pub waiting: VecDeque<Call>,
}

impl Places {
    pub fn new(at_once: usize, room: usize) -> Self {
        Places { at_once, room, inside: BTreeSet::new(), waiting: VecDeque::new() }
    }

    /// A call asks for a place.
    pub fn ask(&mut self, call: Call) -> Entry {
        if self.inside.len() < self.at_once {
            self.inside.insert(call);
            Entry::Enter
        } else if self.waiting.len() < self.room {
            self.waiting.push_back(call);
            Entry::Wait
        } else {
            Entry::Full
        }
    }

    /// A call leaves. Says which call gets its place.
    pub fn leave(&mut self, call: Call) -> Option<Call> {
        self.waiting.retain(|&other| other != call);
        let next = if self.inside.remove(&call) { self.waiting.pop_front() } else { None };
        self.inside.extend(next);
        next
    }

    pub fn has(&self, call: Call) -> bool {
        self.inside.contains(&call) || self.waiting.contains(&call)
    }
}

/// The request that a call is: each client makes one.
pub fn request(call: Call) -> RequestId {
    RequestId { client: ClientId(call as usize), number: 0 }
}
