//! Tables: everything large is kept once, and each handler runs once for each pair of local state and event.
//!
//! A cluster of three servers has millions of states but only thousands of different servers' states, because the states
//! are combinations. So a handler's outcome is remembered by what it depends on, and the search pays for it once. That is
//! also the moment to run the handler a second time and compare: code that is not deterministic is found at the place
//! where it happens, for nearly nothing.

use std::any::Any;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::history::{History, Invocation};
use super::state::{Causes, Key, NOTHING};
use super::transition::{Outcome, Taken};
use crate::node::{ClientId, Effect, Membership, Node, NodeId, Outbox, RequestId};
use crate::panics::{self, Later};
use crate::rule::Rule;

/// Values by index, each once.
pub(super) struct Table<T> {
    values: boxcar::Vec<T>,
    index: Mutex<HashTable<Entry>>,
}

/// A value's place in its table, with its hash: the code of learners hashes each value once.
struct Entry {
    hash: u64,
    key: Key,
}

/// Learner code (a comparison) may panic under a lock. It has changed nothing by then, so the table is as good as before.
fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Eq + Hash> Table<T> {
    pub fn new() -> Self {
        Table { values: boxcar::Vec::new(), index: Mutex::new(HashTable::new()) }
    }

    /// The index of `value`, which is added if it is new.
    pub fn key(&self, value: T) -> Key {
        let hash = FixedState::default().hash_one(&value);
        let mut index = lock(&self.index);
        if let Some(entry) = index.find(hash, |entry| entry.hash == hash && self.get(entry.key) == &value) {
            return entry.key;
        }
        let key = Key::try_from(self.values.push(value)).expect("fewer than 2^32 values");
        index.insert_unique(hash, Entry { hash, key }, |entry| entry.hash);
        key
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

/// What one call of a handler led to: the server after it, its effects, and whether it ended before its end.
#[derive(PartialEq)]
struct Call<N: Node> {
    node: N,
    out: Outbox<N>,
    unfinished: bool,
}

/// What learner code must never do, whatever it implements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Fault {
    /// A handler panicked; `at` is the file and line.
    Panicked { message: String, at: String },
    /// The same handler, called twice on the same state with the same event, did two different things.
    Nondeterministic { first: String, second: String },
    /// A server answered a request that its client never made.
    AnswersNobody { server: NodeId, to: RequestId },
    /// A server sent a message to a server that does not exist.
    SendsNowhere { server: NodeId, to: NodeId },
    /// A transition broke a rule.
    Breaks { rule: Rule, why: String },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Recorded {
    Invoked { id: RequestId, server: NodeId, local: Key, request: Key, causes: Causes },
    Returned { id: RequestId, response: Key },
    ServerChanged { server: NodeId, before: Key, after: Key },
    Transition(Taken),
}

/// All tables of one cluster.
pub(super) struct Tables<N: Node, H> {
    pub locals: Table<N>,
    pub saved: Table<N::Durable>,
    pub messages: Table<N::Message>,
    pub timers: Table<N::Timer>,
    pub requests: Table<N::Request>,
    pub responses: Table<N::Response>,
    pub histories: Table<H>,
    pub faults: Table<Fault>,
    /// What is left for later tasks.
    pub later: Later,
    handled: boxcar::Vec<Handled>,
    handled_by: Mutex<HashMap<(Key, Input), usize, FixedState>>,
    recorded: Mutex<HashMap<(Key, Recorded), Key, FixedState>>,
    /// By transition: the fault that it is, if it breaks a rule.
    judged: Mutex<HashMap<Taken, Option<Key>, FixedState>>,
}

impl<N: Node, H: History<N>> Tables<N, H> {
    pub fn new() -> Self {
        Tables {
            locals: Table::new(),
            saved: Table::new(),
            messages: Table::new(),
            timers: Table::new(),
            requests: Table::new(),
            responses: Table::new(),
            histories: Table::new(),
            faults: Table::new(),
            later: Later::default(),
            handled: boxcar::Vec::new(),
            handled_by: Mutex::default(),
            recorded: Mutex::default(),
            judged: Mutex::default(),
        }
    }

    /// What the server at `before` does with `input`. For a start, `before` is what was saved.
    pub fn handle(&self, before: Key, input: Input) -> &Handled {
        if let Some(&at) = lock(&self.handled_by).get(&(before, input)) {
            return &self.handled[at];
        }
        let is_start = matches!(input, Input::Start { .. });
        let node = (!is_start).then(|| self.locals.get(before));
        let handled = self.run(node, |node, out| match (input, node) {
            (Input::Start { membership }, node) => {
                let saved = (before != NOTHING).then(|| self.saved.get(before).clone());
                *node = Some(N::start(membership, saved, out));
            }
            (Input::Message { from, message }, Some(node)) => {
                node.on_message(NodeId(from.into()), self.messages.get(message).clone(), out);
            }
            (Input::Timer { timer }, Some(node)) => node.on_timer(self.timers.get(timer.into()).clone(), out),
            (Input::Request { id, request }, Some(node)) => {
                node.on_request(id, self.requests.get(request).clone(), out);
            }
            (_, None) => unreachable!("only a server that is up is handed anything"),
        });
        let at = self.handled.push(handled);
        lock(&self.handled_by).insert((before, input), at);
        &self.handled[at]
    }

    /// Runs learner code twice on a copy of `node`, and keeps what it did if both runs agree.
    fn run(&self, node: Option<&N>, step: impl Fn(&mut Option<N>, &mut Outbox<N>)) -> Handled {
        let call = || {
            let (mut node, mut out) = (node.cloned(), Outbox::new());
            let ended = catch_unwind(AssertUnwindSafe(|| step(&mut node, &mut out)));
            match (ended, node) {
                (Ok(()), Some(node)) => Ok(Call { node, out, unfinished: false }),
                (Err(payload), Some(node)) if self.later.covers(&*payload) => Ok(Call { node, out, unfinished: true }),
                (Err(payload), _) => Err(fault(payload)),
                (Ok(()), None) => unreachable!("a start makes a server"),
            }
        };
        match (call(), call()) {
            (Err(fault), _) | (_, Err(fault)) => Handled::Fault(self.faults.key(fault)),
            (Ok(first), Ok(second)) if first == second => {
                let Call { node, out, unfinished } = first;
                let outputs = out.into_effects().into_iter().map(|effect| self.output(effect)).collect();
                Handled::Done { local: self.locals.key(node), outputs, unfinished }
            }
            (Ok(first), Ok(second)) => {
                let shown = |Call { node, out, .. }| format!("{:?}", (node, out));
                let fault = Fault::Nondeterministic { first: shown(first), second: shown(second) };
                Handled::Fault(self.faults.key(fault))
            }
        }
    }

    fn output(&self, effect: Effect<N>) -> Output {
        match effect {
            Effect::Send { to, message } => Output::Send { to, message: self.messages.key(message) },
            Effect::Arm { timer } => Output::Arm { timer: self.timer(timer) },
            Effect::Disarm { timer } => Output::Disarm { timer: self.timer(timer) },
            Effect::Save { durable } => Output::Save { durable: self.saved.key(durable) },
            Effect::Reply { to, response } => Output::Reply { to, response: self.responses.key(response) },
        }
    }

    /// Empties the tables of what only one run needs. Requests, saved states and timers keep their keys.
    pub fn forget(&mut self) {
        self.locals = Table::new();
        self.messages = Table::new();
        self.responses = Table::new();
        self.histories = Table::new();
        self.handled = boxcar::Vec::new();
        self.handled_by = Mutex::default();
        self.recorded = Mutex::default();
        self.judged = Mutex::default();
    }

    /// The index of a timer. Armed timers are kept as bits, so there is room for 64 kinds.
    pub fn timer(&self, timer: N::Timer) -> u8 {
        let key = self.timers.key(timer);
        assert!(key < 64, "a server arms more than 64 different timers; a timer is a kind, not an occasion");
        key as u8
    }

    /// The history after a client asked the server at `local`.
    pub fn invoked(
        &self,
        history: Key,
        id: RequestId,
        server: NodeId,
        local: Key,
        request: Key,
        causes: Causes,
    ) -> Key {
        self.record(history, Recorded::Invoked { id, server, local, request, causes }, |history| {
            history.invoked(Invocation {
                id,
                server,
                request: self.requests.get(request),
                state: self.locals.get(local),
                causes,
            });
        })
    }

    /// The history after a client was answered.
    pub fn returned(&self, history: Key, client: ClientId, number: usize, response: Key) -> Key {
        let id = RequestId { client, number };
        self.record(history, Recorded::Returned { id, response }, |history| {
            history.returned(id, self.responses.get(response));
        })
    }

    /// The history after a server has changed.
    pub fn server_changed(&self, history: Key, server: NodeId, before: Key, after: Key) -> Key {
        self.record(history, Recorded::ServerChanged { server, before, after }, |history| {
            let was = (before != NOTHING).then(|| self.locals.get(before));
            history.server_changed(server, was, self.locals.get(after));
        })
    }

    /// The history after a server has handled something.
    pub fn made(&self, history: Key, taken: Taken, outcome: Outcome<'_>) -> Key {
        self.record(history, Recorded::Transition(taken), |history| {
            self.spell_out(taken, outcome, |transition| history.transition(transition));
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

    fn record(&self, history: Key, recorded: Recorded, change: impl FnOnce(&mut H)) -> Key {
        if let Some(&next) = lock(&self.recorded).get(&(history, recorded)) {
            return next;
        }
        let mut next = self.histories.get(history).clone();
        change(&mut next);
        let next = self.histories.key(next);
        lock(&self.recorded).insert((history, recorded), next);
        next
    }

    /// How many handler calls have been made (each counts once, though it ran twice).
    pub fn handler_calls(&self) -> usize {
        self.handled.count()
    }
}

fn fault(payload: Box<dyn Any + Send>) -> Fault {
    let (message, at) = panics::take(payload);
    Fault::Panicked { message, at }
}
