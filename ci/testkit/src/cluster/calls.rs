//! Calls of learner code: each handler runs once for each pair of local state and event, as far as the search can see.
//!
//! In truth it runs more than once, and must do the same each time:
//!
//! - a second time at once, on the same state: code that is not deterministic is found at the place where it happens;
//! - between the two, some earlier call is made again, of another server or in another run. Servers share nothing but
//!   messages. A `static` or a thread-local variable that they do share shows in the one or the other;
//! - on the doubles of values that the learner's `==` has merged ([`super::merged`]).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::History;
use super::merged::Pick;
use super::state::{Key, NOTHING};
use super::tables::{Handled, Input, Output, Tables, lock};
use crate::node::{Effect, Membership, Node, NodeId, Outbox, RequestId};
use crate::note;
use crate::panics;
use crate::rule::Rule;

/// What learner code must never do, whatever it implements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Fault {
    /// A handler panicked; `at` is the file and line.
    Panicked { message: String, at: String },
    /// The same handler, called twice on the same state with the same event, did two different things.
    Nondeterministic { first: String, second: String },
    /// The same handler did something else after handlers of other servers had run.
    Shares { first: String, second: String },
    /// Two values that are equal by their own `==` led to two different things.
    Unlike { first: String, second: String },
    /// A server answered a request that its client never made.
    AnswersNobody { server: NodeId, to: RequestId },
    /// A server sent a message to a server that does not exist.
    SendsNowhere { server: NodeId, to: NodeId },
    /// One more different timer than a cluster may have.
    TooManyTimers { timer: String },
    /// Messages multiply without end.
    Floods { messages: usize },
    /// A transition broke a rule.
    Breaks { rule: Rule, why: String },
}

/// An earlier call is made again in each of the first so many calls, and in one of so many later ones.
const ALL: usize = 256;
const SOME: usize = 4;

/// How many calls in a row are looked at to tell a shared variable from chance.
const ROW: usize = 8;

/// What one call of a handler led to: the server after it, its effects, and whether it ended before its end.
#[derive(PartialEq)]
struct Call<N: Node> {
    node: N,
    out: Outbox<N>,
    unfinished: bool,
}

/// A handler's event, spelled out.
#[derive(Clone)]
enum What<N: Node> {
    Start { membership: Membership, saved: Option<N::Durable> },
    Message { from: NodeId, message: N::Message },
    Timer { timer: N::Timer },
    Request { id: RequestId, request: N::Request },
}

/// A server, if it has started, and the event that it is handed.
struct Setting<N: Node> {
    node: Option<N>,
    what: What<N>,
}

impl<N: Node, H: History<N>> Tables<N, H> {
    /// What the server at `before` does with `input`. For a start, `before` is what was saved.
    pub fn handle(&self, before: Key, input: Input) -> &Handled {
        if let Some(&at) = lock(&self.handled_by).get(&(before, input)) {
            return &self.handled[at];
        }
        let first = self.setting(before, input, Pick::First);
        let double = self.has_doubles(before, input).then(|| self.setting(before, input, Pick::Double));
        let handled = self.run(&first);
        if let (Handled::Done { local, .. }, Some(double)) = (&handled, double) {
            self.test_double(&first, &double, *local, &handled);
        }
        let at = self.handled.push(handled);
        self.called.push((before, input));
        lock(&self.handled_by).insert((before, input), at);
        &self.handled[at]
    }

    /// What the handler notes when the server at `before` meets `input`. The call is made for that only.
    pub fn notes(&self, before: Key, input: Input) -> Vec<String> {
        let setting = self.setting(before, input, Pick::First);
        note::of(|| {
            let _ = self.call(&setting);
        })
    }

    /// Runs learner code twice, and an earlier call between the two; keeps what it did if both runs agree.
    fn run(&self, setting: &Setting<N>) -> Handled {
        let first = self.call(setting);
        self.call_an_earlier_one();
        match (first, self.call(setting)) {
            (Err(fault), _) | (_, Err(fault)) => Handled::Fault(self.faults.key(fault)),
            (Ok(first), Ok(second)) if first == second => {
                let Call { node, out, unfinished } = first;
                match out.into_effects().into_iter().map(|effect| self.output(effect)).collect() {
                    Ok(outputs) => Handled::Done { local: self.locals.key(node), outputs, unfinished },
                    Err(fault) => Handled::Fault(self.faults.key(fault)),
                }
            }
            (Ok(first), Ok(second)) => {
                let fault = self.unsteady(setting, first.shown(), second.shown());
                Handled::Fault(self.faults.key(fault))
            }
        }
    }

    fn call(&self, setting: &Setting<N>) -> Result<Call<N>, Fault> {
        let (mut node, mut out) = (setting.node.clone(), Outbox::new());
        let ended = catch_unwind(AssertUnwindSafe(|| setting.what.clone().happen(&mut node, &mut out)));
        match (ended, node) {
            (Ok(()), Some(node)) => Ok(Call { node, out, unfinished: false }),
            (Err(payload), Some(node)) if self.later.covers(&*payload) => Ok(Call { node, out, unfinished: true }),
            (Err(payload), _) => Err(fault(payload)),
            (Ok(()), None) => unreachable!("a start makes a server"),
        }
    }

    /// Makes some earlier call again. It must lead where it led then.
    fn call_an_earlier_one(&self) {
        let calls = self.called.count();
        if calls == 0 || calls > ALL && !calls.is_multiple_of(SOME) {
            return;
        }
        let at = calls.wrapping_mul(0x9E37_79B9) % calls.next_power_of_two() % calls; // any will do, but always the same
        let (before, input) = self.called[at];
        let setting = self.setting(before, input, Pick::First);
        let again = self.call(&setting);
        if !self.agrees(&self.handled[at], &again) {
            let fault = self.unsteady(&setting, self.shown(&self.handled[at]), shown(&again));
            let _ = self.caught.set(fault);
        }
    }

    /// Two calls did two different things. If more of them, one right after the other, all do the same, then it was what happened
    /// between the two that made the difference.
    fn unsteady(&self, setting: &Setting<N>, first: String, second: String) -> Fault {
        let again = self.call(setting);
        if (1..ROW).all(|_| self.call(setting) == again) {
            Fault::Shares { first, second }
        } else {
            Fault::Nondeterministic { first, second }
        }
    }

    /// Lets the doubles of a server and of its event do what the `first` ones did, which led to `local`.
    fn test_double(&self, first: &Setting<N>, double: &Setting<N>, local: Key, handled: &Handled) {
        let call = self.call(double);
        if self.agrees(handled, &call) {
            let _ = call.map(|call| self.locals.keep_if_shown_otherwise(local, call.node));
            return;
        }
        let (one, other) = (self.shown(handled), shown(&call));
        let fault = match self.agrees(handled, &self.call(first)) {
            true => Fault::Unlike { first: one, second: other },
            false => self.unsteady(first, one, other),
        };
        let _ = self.caught.set(fault);
    }

    fn has_doubles(&self, before: Key, input: Input) -> bool {
        let event = match input {
            Input::Start { .. } => return before != NOTHING && self.saved.has_double(before),
            Input::Message { message, .. } => self.messages.has_double(message),
            Input::Timer { timer } => self.timers.has_double(timer.into()),
            Input::Request { request, .. } => self.requests.has_double(request),
        };
        event || self.locals.has_double(before)
    }

    fn setting(&self, before: Key, input: Input, pick: Pick) -> Setting<N> {
        let what = match input {
            Input::Start { membership } => {
                let saved = (before != NOTHING).then(|| self.saved.pick(before, pick));
                return Setting { node: None, what: What::Start { membership, saved } };
            }
            Input::Message { from, message } => {
                What::Message { from: NodeId(from.into()), message: self.messages.pick(message, pick) }
            }
            Input::Timer { timer } => What::Timer { timer: self.timers.pick(timer.into(), pick) },
            Input::Request { id, request } => What::Request { id, request: self.requests.pick(request, pick) },
        };
        Setting { node: Some(self.locals.pick(before, pick)), what }
    }

    /// Did a call lead where an earlier one led?
    fn agrees(&self, handled: &Handled, call: &Result<Call<N>, Fault>) -> bool {
        match (handled, call) {
            (Handled::Done { local, outputs, unfinished }, Ok(call)) => {
                let effects = call.out.effects();
                *unfinished == call.unfinished
                    && *self.locals.get(*local) == call.node
                    && outputs.len() == effects.len()
                    && outputs.iter().zip(effects).all(|(output, effect)| self.effect(*output) == *effect)
            }
            (Handled::Fault(_), Err(_)) => true,
            _ => false,
        }
    }

    fn shown(&self, handled: &Handled) -> String {
        match handled {
            Handled::Done { local, outputs, .. } => {
                let effects: Vec<_> = outputs.iter().map(|output| self.effect(*output)).collect();
                format!("{:?}", (self.locals.get(*local), effects))
            }
            Handled::Fault(fault) => format!("{:?}", self.faults.get(*fault)),
        }
    }

    fn output(&self, effect: Effect<N>) -> Result<Output, Fault> {
        Ok(match effect {
            Effect::Send { to, message } => Output::Send { to, message: self.messages.key(message) },
            Effect::Arm { timer } => Output::Arm { timer: self.known_timer(timer)? },
            Effect::Disarm { timer } => Output::Disarm { timer: self.known_timer(timer)? },
            Effect::Save { durable } => Output::Save { durable: self.saved.key(durable) },
            Effect::Reply { to, response } => Output::Reply { to, response: self.responses.key(response) },
        })
    }

    fn known_timer(&self, timer: N::Timer) -> Result<u8, Fault> {
        let shown = format!("{timer:?}");
        self.timer(timer).ok_or(Fault::TooManyTimers { timer: shown })
    }
}

impl<N: Node> What<N> {
    fn happen(self, node: &mut Option<N>, out: &mut Outbox<N>) {
        match (self, node) {
            (What::Start { membership, saved }, node) => *node = Some(N::start(membership, saved, out)),
            (What::Message { from, message }, Some(node)) => node.on_message(from, message, out),
            (What::Timer { timer }, Some(node)) => node.on_timer(timer, out),
            (What::Request { id, request }, Some(node)) => node.on_request(id, request, out),
            (_, None) => unreachable!("only a server that is up is handed anything"),
        }
    }
}

impl<N: Node> Call<N> {
    fn shown(&self) -> String {
        format!("{:?}", (&self.node, self.out.effects()))
    }
}

fn shown<N: Node>(call: &Result<Call<N>, Fault>) -> String {
    match call {
        Ok(call) => call.shown(),
        Err(fault) => format!("{fault:?}"),
    }
}

fn fault(payload: Box<dyn Any + Send>) -> Fault {
    let (message, at) = panics::take(payload);
    Fault::Panicked { message, at }
}
