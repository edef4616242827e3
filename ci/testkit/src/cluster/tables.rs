//! Tables: everything large is kept once, and each handler runs once for each pair of local state and event.
//!
//! A cluster of three servers has millions of states but only thousands of different servers' states, because the states
//! are combinations. So a handler's outcome is remembered by what it depends on, and the search pays for it once
//! ([`super::calls`]).

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::calls::Fault;
use super::history::{History, Invocation};
use super::merged::{Merged, Pick};
use super::state::{Causes, Key, NOTHING};
use super::transition::{Outcome, Taken};
use crate::node::{Membership, Node, NodeId, RequestId};
use crate::panics::Later;

/// Values by index, each once.
pub(super) struct Table<T> {
    values: boxcar::Vec<T>,
    index: Mutex<HashTable<Entry>>,
}

/// How many different timers there may be in a cluster.
pub(super) const TIMERS: Key = 64;

/// A value's place in its table, with its hash: the code of learners hashes each value once.
struct Entry {
    hash: u64,
    key: Key,
}

/// Where a value stands in its table now.
pub(super) enum Entered<T> {
    New(Key),
    /// It equals the one with this key, and is handed back.
    Known(Key, T),
}

/// Learner code (a comparison) may panic under a lock. It has changed nothing by then, so the table is as good as before.
pub(super) fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Eq + Hash> Table<T> {
    pub fn new() -> Self {
        Table { values: boxcar::Vec::new(), index: Mutex::new(HashTable::new()) }
    }

    /// The index of `value`, which is added if it is new.
    pub fn key(&self, value: T) -> Key {
        match self.enter(value) {
            Entered::New(key) | Entered::Known(key, _) => key,
        }
    }

    /// Adds `value` if it is new.
    pub fn enter(&self, value: T) -> Entered<T> {
        let hash = FixedState::default().hash_one(&value);
        let mut index = lock(&self.index);
        if let Some(entry) = index.find(hash, |entry| entry.hash == hash && self.get(entry.key) == &value) {
            return Entered::Known(entry.key, value);
        }
        let key = Key::try_from(self.values.push(value)).expect("fewer than 2^32 values");
        index.insert_unique(hash, Entry { hash, key }, |entry| entry.hash);
        Entered::New(key)
    }

    pub fn get(&self, key: Key) -> &T {
        &self.values[key as usize]
    }
}

/// What a server is handed, in keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Input {
    /// It starts: from what it saved, where the other inputs find it as it is.
    Start {
        membership: Membership,
    },
    Message {
        from: u8,
        message: Key,
    },
    Timer {
        timer: u8,
    },
    Request {
        id: RequestId,
        request: Key,
    },
}

/// An effect, in keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Output {
    Send { to: NodeId, message: Key },
    Arm { timer: u8 },
    Disarm { timer: u8 },
    Save { durable: Key },
    Reply { to: RequestId, response: Key },
}

/// What a handler did: the server after it, and its effects in order.
pub(super) enum Handled {
    /// With `unfinished`, it met a `todo!` of a later task, and ended there.
    Done {
        local: Key,
        outputs: Vec<Output>,
        unfinished: bool,
    },
    Fault(Key),
}

impl Handled {
    /// Would the server at `local` be the same had the event not come?
    pub fn is_ignored(&self, before: Key) -> bool {
        matches!(self, Handled::Done { local, outputs, .. } if *local == before && outputs.is_empty())
    }
}

/// What a history is told, in keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Recorded {
    Invoked { id: RequestId, server: NodeId, local: Key, request: Key, causes: Causes },
    Returned { id: RequestId, response: Key },
    ServerChanged { server: NodeId, before: Key, after: Key },
    Transition(Taken),
}

/// All tables of one cluster.
pub(super) struct Tables<N: Node, H> {
    pub locals: Merged<N>,
    pub saved: Merged<N::Durable>,
    pub messages: Merged<N::Message>,
    pub timers: Merged<N::Timer>,
    pub requests: Merged<N::Request>,
    pub responses: Merged<N::Response>,
    pub histories: Table<H>,
    pub faults: Table<Fault>,
    /// What is left for later tasks.
    pub later: Later,
    /// Found while something else was looked at: it is about no run in particular.
    pub caught: OnceLock<Fault>,
    pub(super) handled: boxcar::Vec<Handled>,
    /// Which calls they are of.
    pub(super) called: boxcar::Vec<(Key, Input)>,
    pub(super) handled_by: Mutex<HashMap<(Key, Input), usize, FixedState>>,
    recorded: Mutex<HashMap<(Key, Recorded), Key, FixedState>>,
    /// By transition: the fault that it is, if it breaks a rule.
    judged: Mutex<HashMap<Taken, Option<Key>, FixedState>>,
}

impl<N: Node, H: History<N>> Tables<N, H> {
    pub fn new() -> Self {
        Tables {
            locals: Merged::new(),
            saved: Merged::new(),
            messages: Merged::new(),
            timers: Merged::new(),
            requests: Merged::new(),
            responses: Merged::new(),
            histories: Table::new(),
            faults: Table::new(),
            later: Later::default(),
            caught: OnceLock::new(),
            handled: boxcar::Vec::new(),
            called: boxcar::Vec::new(),
            handled_by: Mutex::default(),
            recorded: Mutex::default(),
            judged: Mutex::default(),
        }
    }

    /// Empties the tables of what only one run needs. Requests, saved states and timers keep their keys.
    pub fn forget(&mut self) {
        self.locals.clear();
        self.messages.clear();
        self.responses.clear();
        self.histories = Table::new();
        self.handled = boxcar::Vec::new();
        self.called = boxcar::Vec::new();
        self.handled_by = Mutex::default();
        self.recorded = Mutex::default();
        self.judged = Mutex::default();
    }

    /// The index of a timer. Armed timers are kept as bits, so there is room for [`TIMERS`] kinds, and none for more.
    pub fn timer(&self, timer: N::Timer) -> Option<u8> {
        let key = self.timers.key(timer);
        (key < TIMERS).then_some(key as u8)
    }

    /// The history after a server has handled something.
    pub fn made(&self, history: Key, taken: Taken, outcome: Outcome<'_>) -> Key {
        self.remember(history, Recorded::Transition(taken), || {
            let mut next = self.histories.get(history).clone();
            self.spell_out(taken, outcome, |transition| next.transition(transition));
            next
        })
    }

    /// The fault that a transition is, if `judge` says so. It is asked once for each transition.
    pub fn judged(&self, taken: Taken, judge: impl FnOnce() -> Option<Key>) -> Option<Key> {
        if let Some(&known) = lock(&self.judged).get(&taken) {
            return known;
        }
        let fault = judge();
        lock(&self.judged).insert(taken, fault);
        fault
    }

    /// The history after what is `recorded`. It must be the same for all values that the learner's `==` calls the same.
    pub fn record(&self, history: Key, recorded: Recorded) -> Key {
        self.remember(history, recorded, || {
            let next = self.after(history, recorded, Pick::First);
            if self.is_doubled(recorded) && self.after(history, recorded, Pick::Double) != next {
                let shown = |pick| format!("{:?}", self.after(history, recorded, pick));
                let _ = self.caught.set(Fault::Unlike { first: shown(Pick::First), second: shown(Pick::Double) });
            }
            next
        })
    }

    /// The history after what is `recorded`, which is worked out once.
    fn remember(&self, history: Key, recorded: Recorded, next: impl FnOnce() -> H) -> Key {
        if let Some(&next) = lock(&self.recorded).get(&(history, recorded)) {
            return next;
        }
        let next = self.histories.key(next());
        lock(&self.recorded).insert((history, recorded), next);
        next
    }

    fn after(&self, history: Key, recorded: Recorded, pick: Pick) -> H {
        let mut next = self.histories.get(history).clone();
        match recorded {
            Recorded::Invoked { id, server, local, request, causes } => {
                let (request, state) = (&self.requests.pick(request, pick), &self.locals.pick(local, pick));
                next.invoked(Invocation { id, server, request, state, causes });
            }
            Recorded::Returned { id, response } => next.returned(id, &self.responses.pick(response, pick)),
            Recorded::Transition(_) => unreachable!("a transition is spelled out by `made`"),
            Recorded::ServerChanged { server, before, after } => {
                let was = (before != NOTHING).then(|| self.locals.pick(before, pick));
                next.server_changed(server, was.as_ref(), &self.locals.pick(after, pick));
            }
        }
        next
    }

    fn is_doubled(&self, recorded: Recorded) -> bool {
        match recorded {
            Recorded::Invoked { local, request, .. } => {
                self.requests.has_double(request) || self.locals.has_double(local)
            }
            Recorded::Returned { response, .. } => self.responses.has_double(response),
            Recorded::ServerChanged { after, .. } => self.locals.has_double(after),
            Recorded::Transition(_) => false,
        }
    }

    /// How many handler calls have been made (each counts once, though it ran twice).
    pub fn handler_calls(&self) -> usize {
        self.handled.count()
    }
}
