//! Transitions: what one server makes of one event. Most rules of a protocol's papers are about nothing larger.

use super::calls::Fault;
use super::state::{Key, NOTHING, State};
use super::tables::{Input, Output, Tables};
use super::{Cluster, Expectation, History, Property};
use crate::node::{Effect, Node, NodeId, RequestId};

/// One server's step: what it was handed, and what it made of it.
#[derive(Debug)]
pub struct Transition<'a, N: Node> {
    /// Which server.
    pub server: NodeId,
    /// The server before; none if it starts.
    pub before: Option<&'a N>,
    /// What it was handed.
    pub given: Given<'a, N>,
    /// What was on its disk before.
    pub saved: Option<&'a N::Durable>,
    /// What it wanted done, in order.
    pub effects: &'a [Effect<N>],
    /// The server after.
    pub after: &'a N,
    /// It met a `todo!` of a later task and ended there, so nothing may be demanded that comes after it.
    pub unfinished: bool,
}

/// What a server is handed.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Given<'a, N: Node> {
    /// It starts, with what it saved.
    Start,
    /// A message.
    Message { from: NodeId, message: &'a N::Message },
    /// A timer that fired.
    Timer(&'a N::Timer),
    /// A client's request.
    Request { id: RequestId, request: &'a N::Request },
}

/// A test of one transition: its error says who broke the rule.
pub type Demand<N> = dyn Fn(&Transition<'_, N>) -> Result<(), String> + Send + Sync;

impl<'a, N: Node> Transition<'a, N> {
    /// The message that was handed over, if it was one, and who sent it.
    pub fn received(&self) -> Option<(NodeId, &'a N::Message)> {
        match self.given {
            Given::Message { from, message } => Some((from, message)),
            _ => None,
        }
    }

    /// Each message that was sent: to whom, what, and what was on the disk at that moment.
    pub fn sent(&self) -> impl Iterator<Item = (NodeId, &'a N::Message, Option<&'a N::Durable>)> + use<'a, N> {
        let mut disk = self.saved;
        self.effects.iter().filter_map(move |effect| match effect {
            Effect::Save { durable } => {
                disk = Some(durable);
                None
            }
            Effect::Send { to, message } => Some((*to, message, disk)),
            _ => None,
        })
    }

    /// What is on the disk afterwards.
    pub fn saved_after(&self) -> Option<&'a N::Durable> {
        let saves = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Save { durable } => Some(durable),
            _ => None,
        });
        saves.or(self.saved)
    }

    /// Was `timer` started anew?
    pub fn arms(&self, timer: &N::Timer) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Arm { timer: armed } if armed == timer))
    }
}

/// A transition in keys: on them depends all that a rule can say of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Taken {
    pub server: NodeId,
    pub before: Key,
    pub input: Input,
    pub saved: Key,
}

/// A transition's outcome in keys.
#[derive(Clone, Copy)]
pub(super) struct Outcome<'a> {
    pub local: Key,
    pub outputs: &'a [Output],
    pub unfinished: bool,
}

impl<N: Node, H: History<N>> Tables<N, H> {
    /// Spells out a transition.
    pub fn spell_out<T>(&self, taken: Taken, outcome: Outcome<'_>, look: impl FnOnce(&Transition<'_, N>) -> T) -> T {
        let effects: Vec<_> = outcome.outputs.iter().map(|output| self.effect(*output)).collect();
        let starts = matches!(taken.input, Input::Start { .. });
        look(&Transition {
            server: taken.server,
            before: (!starts).then(|| self.locals.get(taken.before)),
            given: self.given(taken.input),
            saved: (taken.saved != NOTHING).then(|| self.saved.get(taken.saved)),
            effects: &effects,
            after: self.locals.get(outcome.local),
            unfinished: outcome.unfinished,
        })
    }

    fn given(&self, input: Input) -> Given<'_, N> {
        match input {
            Input::Start { .. } => Given::Start,
            Input::Message { from, message } => {
                Given::Message { from: NodeId(from.into()), message: self.messages.get(message) }
            }
            Input::Timer { timer } => Given::Timer(self.timers.get(timer.into())),
            Input::Request { id, request } => Given::Request { id, request: self.requests.get(request) },
        }
    }

    pub(super) fn effect(&self, output: Output) -> Effect<N> {
        match output {
            Output::Send { to, message } => Effect::Send { to, message: self.messages.get(message).clone() },
            Output::Arm { timer } => Effect::Arm { timer: self.timers.get(timer.into()).clone() },
            Output::Disarm { timer } => Effect::Disarm { timer: self.timers.get(timer.into()).clone() },
            Output::Save { durable } => Effect::Save { durable: self.saved.get(durable).clone() },
            Output::Reply { to, response } => Effect::Reply { to, response: self.responses.get(response).clone() },
        }
    }
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// Tests the rules about single transitions on one, and lets the history see it.
    pub(super) fn note_transition(&self, state: &mut State, taken: Taken, outcome: Outcome<'_>) {
        if self.demands > 0
            && let Some(fault) = self.tables.judged(taken, || self.broken_by(taken, outcome))
        {
            state.fault = fault;
        }
        if H::WATCHES_TRANSITIONS {
            state.history = self.tables.made(state.history, taken, outcome);
        }
    }

    fn broken_by(&self, taken: Taken, outcome: Outcome<'_>) -> Option<Key> {
        self.tables.spell_out(taken, outcome, |transition| {
            let broken = |property: &Property<N, H>| {
                let Expectation::EachTransition(demand) = &property.expectation else { return None };
                let why = demand(transition).err()?;
                Some(Fault::Breaks { rule: property.rule.clone(), why })
            };
            self.properties.iter().find_map(broken).map(|fault| self.tables.faults.key(fault))
        })
    }
}
