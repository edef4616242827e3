//! Which steps are possible in a state, and what a step does.

use super::network::{insert, remove};
use super::state::{Action, Envelope, Event, Key, NOTHING, State, link};
use super::tables::{Handled, Input, Output, Recorded};
use super::transition::{Outcome, Taken};
use super::{Cluster, Fault, History};
use crate::node::{ClientId, Membership, Node, NodeId, RequestId};

/// What a cluster may spend; the limits that a check adds come behind.
#[derive(Clone, Copy)]
pub(super) enum Budget {
    Crashes,
    Restarts,
    Duplicates,
    Drops,
    Retries,
    LostReplies,
    Partitions,
}

impl Budget {
    pub const COUNT: usize = 8;
}

/// A step with everything spelled out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Occurrence<'a, N: Node> {
    /// A client makes a request.
    Invoke { client: ClientId, server: NodeId, request: &'a N::Request },
    /// A client repeats its request.
    Retry { client: ClientId, server: NodeId, request: &'a N::Request },
    /// A message arrives; with `kept`, a copy of it stays on its way.
    Deliver { from: NodeId, to: NodeId, message: &'a N::Message, kept: bool },
    /// A message is lost.
    Drop { from: NodeId, to: NodeId, message: &'a N::Message },
    /// A timer fires.
    Timeout { server: NodeId, timer: &'a N::Timer },
    /// A server stops for good.
    Crash { server: NodeId },
    /// A server stops and starts again.
    Restart { server: NodeId },
    /// The network splits into groups.
    Partition { groups: &'a [Vec<usize>] },
    /// All links work again.
    Heal,
    /// One link is cut.
    CutLink { a: NodeId, b: NodeId },
    /// One link works again.
    HealLink { a: NodeId, b: NodeId },
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// Spells out an event.
    pub fn occurrence(&self, state: &State, event: Event) -> Occurrence<'_, N> {
        let asked = |client: ClientId, number: usize| self.tables.requests.get(self.script(client).requests[number]);
        match event {
            Event::Invoke { client, to } => {
                let number = usize::from(state.clients[client.0].asked);
                Occurrence::Invoke { client, server: to, request: asked(client, number) }
            }
            Event::Retry { client, to } => {
                let number = usize::from(state.clients[client.0].asked) - 1;
                Occurrence::Retry { client, server: to, request: asked(client, number) }
            }
            Event::Deliver { envelope, keep } => Occurrence::Deliver {
                from: envelope.from(),
                to: envelope.to(),
                message: self.tables.messages.get(envelope.message),
                kept: keep,
            },
            Event::Hear { envelope } => Occurrence::Deliver {
                from: envelope.from(),
                to: envelope.to(),
                message: self.tables.messages.get(envelope.message),
                kept: false,
            },
            Event::Drop { envelope } => Occurrence::Drop {
                from: envelope.from(),
                to: envelope.to(),
                message: self.tables.messages.get(envelope.message),
            },
            Event::Timeout { server, timer } => {
                Occurrence::Timeout { server, timer: self.tables.timers.get(timer.into()) }
            }
            Event::Crash { server } => Occurrence::Crash { server },
            Event::Restart { server } => Occurrence::Restart { server },
            Event::Partition { index } => Occurrence::Partition { groups: &self.partitions[usize::from(index)] },
            Event::Heal => Occurrence::Heal,
            Event::CutLink { a, b } => Occurrence::CutLink { a, b },
            Event::HealLink { a, b } => Occurrence::HealLink { a, b },
        }
    }

    /// Adds the steps that are possible in `state`, within the budgets, in an order that is always the same.
    pub(super) fn enabled(&self, state: &State, actions: &mut Vec<Action>) {
        if state.fault != NOTHING {
            return;
        }
        let mut events = Vec::with_capacity(state.network.len() + 4);
        self.client_events(state, &mut events);
        self.network_events(state, &mut events);
        self.peer_events(state, &mut events);
        self.server_events(state, &mut events);
        self.partition_events(state, &mut events);
        if self.replaying {
            self.link_events(&mut events);
        }
        events.retain(|&event| self.within_limits(state, event) && !self.is_turned_away(state, event));
        for event in events {
            actions.push(event.into());
            if self.left(state, Budget::LostReplies) && self.replies(state, event) {
                actions.push(Action { replies_lost: true, ..event.into() });
            }
            if self.left(state, Budget::Restarts) {
                actions.extend(self.tears(state, event).map(|at| Action { torn_at: Some(at), ..event.into() }));
            }
        }
    }

    /// The moments in which a crash in the middle of `event` would matter: just before something is saved, when another party
    /// has been told of it already.
    fn tears(&self, state: &State, event: Event) -> impl Iterator<Item = u8> + use<N, H> {
        let outputs = self.outputs(state, event).map_or(&[][..], |(_, outputs)| outputs);
        let told = |output: &Output| matches!(output, Output::Send { .. } | Output::Reply { .. });
        let mut saves = Vec::new();
        let mut anybody_knows = false;
        for (at, output) in outputs.iter().enumerate() {
            anybody_knows |= told(output);
            if anybody_knows && matches!(output, Output::Save { .. }) {
                saves.extend(u8::try_from(at));
            }
        }
        saves.into_iter()
    }

    fn server_events(&self, state: &State, events: &mut Vec<Event>) {
        for (id, server) in state.servers.iter().enumerate().filter(|(_, server)| server.up) {
            let id = NodeId(id);
            events.extend(server.armed().map(|timer| Event::Timeout { server: id, timer }));
            if self.left(state, Budget::Crashes) {
                events.push(Event::Crash { server: id });
            }
            if self.left(state, Budget::Restarts) {
                events.push(Event::Restart { server: id });
            }
        }
    }

    pub(super) fn left(&self, state: &State, budget: Budget) -> bool {
        self.replaying || state.spent[budget as usize] < self.budgets[budget as usize]
    }

    /// Can `event` happen in `state`, whatever the budgets say?
    pub(crate) fn is_possible(&self, state: &State, event: Event) -> bool {
        let up = |server: NodeId| state.servers[server.0].up;
        let unasked = |client: ClientId| !self.has_asked_all(state, client);
        state.fault == NOTHING
            && match event {
                Event::Invoke { client, to } => up(to) && !state.clients[client.0].waiting && unasked(client),
                Event::Retry { client, to } => up(to) && state.clients[client.0].waiting,
                Event::Deliver { envelope, .. } => {
                    self.deliverable(state, envelope) && state.network.binary_search(&envelope).is_ok()
                }
                Event::Hear { envelope } => up(envelope.to()),
                Event::Drop { envelope } => state.network.binary_search(&envelope).is_ok(),
                Event::Timeout { server, timer } => state.servers[server.0].armed().any(|armed| armed == timer),
                Event::Crash { server } | Event::Restart { server } => up(server),
                Event::Partition { .. } | Event::Heal | Event::CutLink { .. } | Event::HealLink { .. } => true,
            }
    }

    /// The index of a timer.
    pub(crate) fn timer(&self, timer: N::Timer) -> u8 {
        self.tables.timer(timer).expect("a check names few timers")
    }

    /// The firing of `timer`, if `server` has armed it.
    pub(crate) fn firing(&self, state: &State, server: NodeId, timer: &N::Timer) -> Option<Event> {
        let armed = state.servers[server.0].armed();
        armed.map(|timer| Event::Timeout { server, timer }).find(|event| {
            matches!(self.occurrence(state, *event), Occurrence::Timeout { timer: other, .. } if other == timer)
        })
    }

    /// The messages on their way, and the timers that are armed.
    pub(crate) fn pending(&self, state: &State) -> (Vec<Envelope>, Vec<(NodeId, u8)>) {
        let servers = state.servers.iter().enumerate();
        let armed = servers.flat_map(|(id, server)| server.armed().map(move |timer| (NodeId(id), timer)));
        (state.network.clone(), armed.collect())
    }

    fn within_limits(&self, state: &State, event: Event) -> bool {
        let spent = &state.spent[Budget::COUNT..];
        self.replaying
            || self
                .limits
                .iter()
                .zip(spent)
                .all(|(limit, &spent)| spent < limit.most || !(limit.counts)(&self.occurrence(state, event)))
    }

    /// What a server does in answer to `event`: its effects, and which server it is.
    pub(crate) fn outputs(&self, state: &State, event: Event) -> Option<(NodeId, &[Output])> {
        let (server, input) = self.input(state, event)?;
        match self.handled(state, server, input) {
            Handled::Done { outputs, .. } => Some((server, outputs)),
            Handled::Fault(_) => None,
        }
    }

    pub(super) fn handled(&self, state: &State, server: NodeId, input: Input) -> &Handled {
        self.tables.handle(before(state, server, input), input)
    }

    /// What a server notes when it is handed `event`.
    pub(super) fn notes(&self, state: &State, event: Event) -> Vec<String> {
        let input = self.input(state, event);
        input.map_or_else(Vec::new, |(server, input)| self.tables.notes(before(state, server, input), input))
    }

    /// What a server is handed when it starts.
    pub(super) fn starting(&self, id: NodeId) -> Input {
        Input::Start { membership: Membership { id, size: self.size } }
    }

    /// Which server is handed what, if any.
    pub(super) fn input(&self, state: &State, event: Event) -> Option<(NodeId, Input)> {
        match event {
            Event::Invoke { client, to } => {
                let number = usize::from(state.clients[client.0].asked);
                let request = self.script(client).requests[number];
                Some((to, Input::Request { id: RequestId { client, number }, request }))
            }
            Event::Retry { client, to } => {
                let number = usize::from(state.clients[client.0].asked) - 1;
                let request = self.script(client).requests[number];
                Some((to, Input::Request { id: RequestId { client, number }, request }))
            }
            Event::Deliver { envelope, .. } | Event::Hear { envelope } => {
                Some((envelope.to(), Input::Message { from: envelope.from, message: envelope.message }))
            }
            Event::Timeout { server, timer } => Some((server, Input::Timer { timer })),
            Event::Restart { server } => Some((server, self.starting(server))),
            _ => None,
        }
    }

    /// Does `action` to `state`. The action must be possible there; budgets are counted, not enforced.
    pub(super) fn apply(&self, state: &mut State, action: Action) {
        self.spend(state, action);
        let input = self.input(state, action.event);
        match action.event {
            Event::Invoke { client, to } => self.note_invocation(state, client, to),
            Event::Deliver { envelope, keep } => {
                if !keep {
                    remove(&mut state.network, envelope);
                }
                state.servers[usize::from(envelope.to)].causes |= envelope.causes;
            }
            Event::Hear { .. } => {}
            Event::Drop { envelope } => remove(&mut state.network, envelope),
            Event::Timeout { server, timer } => state.servers[server.0].timers &= !(1 << timer),
            Event::Crash { server } => self.stop(state, server),
            Event::Restart { server } => self.stop_for_a_moment(state, server),
            Event::Partition { index } => state.cut = self.cut_by(index),
            Event::Heal => state.cut = self.cut,
            Event::CutLink { a, b } => state.cut |= link(a, b),
            Event::HealLink { a, b } => state.cut = (state.cut & !link(a, b)) | self.cut,
            Event::Retry { client, to } => {
                state.servers[to.0].causes |= state.clients[client.0].causes;
                state.clients[client.0].refused = false;
            }
        }
        if let Some((server, input)) = input {
            self.hand_over(state, server, input, action);
            if action.torn_at.is_some() && state.fault == NOTHING {
                self.stop_for_a_moment(state, server);
                self.hand_over(state, server, self.starting(server), Event::Restart { server }.into());
            }
        }
        if self.leaves_out_ignored {
            self.leave_out_what_is_ignored_since(state, action.event);
        }
    }

    fn spend(&self, state: &mut State, action: Action) {
        for (at, limit) in self.limits.iter().enumerate() {
            if (limit.counts)(&self.occurrence(state, action.event)) {
                let spent = &mut state.spent[Budget::COUNT + at];
                *spent = spent.saturating_add(1);
            }
        }
        let budget = match action.event {
            Event::Crash { .. } => Some(Budget::Crashes),
            Event::Restart { .. } => Some(Budget::Restarts),
            Event::Deliver { keep: true, .. } => Some(Budget::Duplicates),
            Event::Drop { .. } => Some(Budget::Drops),
            Event::Retry { client, .. } if !state.clients[client.0].refused => Some(Budget::Retries),
            Event::Partition { .. } | Event::Heal => Some(Budget::Partitions),
            _ => None,
        };
        let lost = action.replies_lost.then_some(Budget::LostReplies);
        let torn = action.torn_at.map(|_| Budget::Restarts);
        for budget in budget.into_iter().chain(lost).chain(torn) {
            let spent = &mut state.spent[budget as usize];
            // What nobody limits is not counted: the count would only tell equal states apart.
            *spent = (*spent + 1).min(self.budgets[budget as usize]);
        }
    }

    fn stop(&self, state: &mut State, server: NodeId) {
        let server = &mut state.servers[server.0];
        server.up = false;
        server.timers = 0;
        server.causes = 0;
        server.local = NOTHING;
    }

    fn stop_for_a_moment(&self, state: &mut State, server: NodeId) {
        // What a server saved is still caused by what it had seen, so its causes survive too.
        let causes = state.servers[server.0].causes;
        self.stop(state, server);
        state.servers[server.0].up = true;
        state.servers[server.0].causes = causes;
    }

    /// Lets a server handle `input`, as a part of `action`, and what it wants done happen.
    pub(super) fn hand_over(&self, state: &mut State, server: NodeId, input: Input, action: Action) {
        match self.handled(state, server, input) {
            Handled::Fault(fault) => state.fault = *fault,
            Handled::Done { local, outputs, unfinished } => {
                let before = std::mem::replace(&mut state.servers[server.0].local, *local);
                if H::WATCHES_SERVERS && before != *local {
                    let changed = Recorded::ServerChanged { server, before, after: *local };
                    state.history = self.tables.record(state.history, changed);
                }
                if (self.demands > 0 || H::WATCHES_TRANSITIONS) && action.torn_at.is_none() {
                    let saved = state.servers[server.0].saved;
                    let outcome = Outcome { local: *local, outputs, unfinished: *unfinished };
                    let before = if matches!(input, Input::Start { .. }) { NOTHING } else { before };
                    self.note_transition(state, Taken { server, before, input, saved }, outcome);
                }
                let happen = action.torn_at.map_or(outputs.len(), usize::from);
                self.emit(state, server, &outputs[..happen], action.replies_lost);
            }
        }
    }

    /// Lets the effects of one handler happen, in their order.
    fn emit(&self, state: &mut State, from: NodeId, outputs: &[Output], replies_lost: bool) {
        for &output in outputs {
            let server = &mut state.servers[from.0];
            match output {
                Output::Send { to, .. } if to.0 >= self.size => {
                    state.fault = self.tables.faults.key(Fault::SendsNowhere { server: from, to });
                }
                Output::Send { to, .. } if self.is_played(to) => {}
                Output::Send { to, message } => {
                    let envelope = self.sent(state, from, to, message);
                    insert(&mut state.network, envelope);
                }
                Output::Arm { timer } => server.timers |= 1 << timer,
                Output::Disarm { timer } => server.timers &= !(1 << timer),
                Output::Save { durable } => server.saved = durable,
                Output::Reply { to, response } => self.reply(state, from, to, response, replies_lost),
            }
        }
    }

    /// Takes one step and writes it down.
    pub(crate) fn take(&self, state: &mut State, action: Action, actions: &mut Vec<Action>) {
        self.apply(state, action);
        actions.push(action);
    }
}

/// What the call of a handler begins with: the server's state, or for a start what is on its disk.
fn before(state: &State, server: NodeId, input: Input) -> Key {
    let server = &state.servers[server.0];
    if matches!(input, Input::Start { .. }) { server.saved } else { server.local }
}
