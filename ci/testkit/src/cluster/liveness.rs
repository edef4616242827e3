//! Liveness by a fair suffix: what must become true once the network behaves.
//!
//! No protocol can promise progress while the network is free to lose everything (Fischer, Lynch & Paterson 1985). What can
//! be asked is this: from *every* reachable state, if from now on links work, messages arrive and armed timers fire in
//! turn, the goal is reached. One fair continuation is played from each state. If it fails, a real run has been found that
//! never gets there; so there are no false alarms. It is not a proof for all fair runs, and says so nowhere.

use std::collections::HashMap;

use super::state::{Action, Event, Server, State};
use super::{Claim, Cluster, Expectation, History};
use crate::check::FailureKind;
use crate::node::{ClientId, Node, NodeId};
use crate::search::fingerprint;

/// How many rounds of deliveries may pass between two timers. Servers that send without end are not quiet, but fair.
const DELIVERIES: usize = 64;

/// How often the other timers fire before the slowest does, where there is one.
pub(super) const BETWEEN: usize = 2;

/// When the goal is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Whenever the network is quiet: once is enough.
    Reached,
    /// At the end of the suffix.
    End,
}

/// What must come true on a fair suffix.
pub(super) struct Promise<'a, N: Node, H: History<N>> {
    rounds: usize,
    moment: Moment,
    goal: &'a Claim<N, H>,
}

impl<N: Node, H: History<N>> Promise<'_, N, H> {
    /// The sort of failure if it does not come true.
    pub fn failure(&self) -> FailureKind {
        match self.moment {
            Moment::Reached => FailureKind::Stuck,
            Moment::End => FailureKind::Violated,
        }
    }
}

impl<N: Node, H: History<N>> Expectation<N, H> {
    /// What it asks of fair suffixes, if anything.
    pub(super) fn promise(&self) -> Option<Promise<'_, N, H>> {
        let (rounds, goal, moment) = match self {
            Expectation::LeadsTo { rounds, goal } => (rounds, goal, Moment::Reached),
            Expectation::Settles { rounds, goal } => (rounds, goal, Moment::End),
            Expectation::Always(_)
            | Expectation::EachTransition(_)
            | Expectation::WholeRun(_)
            | Expectation::Sometimes(_) => return None,
        };
        Some(Promise { rounds: *rounds, moment, goal })
    }
}

/// Remembers how suffixes end, by the first quiet state on them: most states lead to the same few.
pub(super) type Known = HashMap<u64, Result<(), String>>;

/// A fair suffix: its steps, and the state at its end.
pub(super) struct Suffix {
    pub steps: Vec<Action>,
    pub end: State,
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// Does the fair suffix from `state` keep `promise`? The error is what the goal says at its end.
    pub(super) fn keeps(&self, promise: &Promise<'_, N, H>, state: &State, known: &mut Known) -> Result<(), String> {
        let mut suffix = self.calm(state);
        let quiet = fingerprint(&suffix.end);
        if let Some(ending) = known.get(&quiet) {
            return ending.clone();
        }
        let ending = self.play_timers(&mut suffix, promise);
        known.insert(quiet, ending.clone());
        ending
    }

    /// The fair suffix from `state`, to show it.
    pub(super) fn fair_suffix(&self, promise: &Promise<'_, N, H>, state: &State) -> Suffix {
        let mut suffix = self.calm(state);
        let _ = self.play_timers(&mut suffix, promise);
        suffix
    }

    /// The network heals, unless the check keeps it split, and delivers everything.
    fn calm(&self, state: &State) -> Suffix {
        // What was spent of the budgets does not matter any more, and would only tell equal suffixes apart.
        let mut suffix = Suffix { steps: Vec::new(), end: State { spent: Default::default(), ..state.clone() } };
        if suffix.end.cut != self.cut {
            self.take(&mut suffix.end, Event::Heal.into(), &mut suffix.steps);
        }
        self.deliver_all(&mut suffix.end, DELIVERIES, &mut suffix.steps);
        suffix
    }

    fn play_timers(&self, suffix: &mut Suffix, promise: &Promise<'_, N, H>) -> Result<(), String> {
        let Suffix { steps, end } = suffix;
        self.let_clients_ask(end, steps);
        self.let_quick_timers_fire(promise, end, steps);
        for _ in 0..promise.rounds {
            for event in self.armed(end) {
                if self.is_reached(promise, end) {
                    return Ok(());
                }
                if self.is_possible(end, event) {
                    self.let_timer_fire(end, event, steps);
                    self.let_quick_timers_fire(promise, end, steps);
                }
            }
        }
        self.ask(promise, end)
    }

    /// Is that so already for which once is enough?
    fn is_reached(&self, promise: &Promise<'_, N, H>, state: &State) -> bool {
        promise.moment == Moment::Reached && self.ask(promise, state).is_ok()
    }

    fn let_timer_fire(&self, state: &mut State, event: Event, steps: &mut Vec<Action>) {
        self.take(state, event.into(), steps);
        self.deliver_all(state, DELIVERIES, steps);
        self.let_clients_ask(state, steps);
    }

    /// Where one timer is the slowest, all others fire a few times.
    fn let_quick_timers_fire(&self, promise: &Promise<'_, N, H>, state: &mut State, steps: &mut Vec<Action>) {
        let Some(slowest) = self.slowest else { return };
        for _ in 0..BETWEEN {
            for event in self.armed(state) {
                let quick = matches!(event, Event::Timeout { timer, .. } if timer != slowest);
                if quick && self.is_possible(state, event) && !self.is_reached(promise, state) {
                    self.let_timer_fire(state, event, steps);
                }
            }
        }
    }

    /// Clients that persist ask each of their servers in turn, as long as that brings them answers.
    fn let_clients_ask(&self, state: &mut State, steps: &mut Vec<Action>) {
        let clients = if self.clients_persist { self.clients() } else { 0 };
        for client in (0..clients).map(ClientId) {
            let mut answered = true;
            while std::mem::take(&mut answered) {
                for to in self.servers_for(state, client) {
                    let waiting = state.clients[client.0].waiting;
                    let event = if waiting { Event::Retry { client, to } } else { Event::Invoke { client, to } };
                    if self.is_possible(state, event) && !self.is_turned_away(state, event) {
                        self.take(state, event.into(), steps);
                        self.deliver_all(state, DELIVERIES, steps);
                        answered |= !state.clients[client.0].waiting;
                    }
                }
            }
        }
    }

    /// What the goal says of `state`. Where learner code did what no program may do, no goal is reached.
    fn ask(&self, promise: &Promise<'_, N, H>, state: &State) -> Result<(), String> {
        let view = self.view(state);
        match view.fault() {
            Some(fault) => Err(fault.describe().2),
            None => (promise.goal)(&view),
        }
    }

    fn armed(&self, state: &State) -> Vec<Event> {
        let servers = state.servers.iter().enumerate();
        let events = |(id, server): (usize, &Server)| {
            server.armed().map(move |timer| Event::Timeout { server: NodeId(id), timer })
        };
        servers.flat_map(events).collect()
    }
}
