//! The network: what is on its way, which links are cut, and which messages need not be looked at.

use super::state::{Action, Envelope, Event, Key, NOTHING, State, link};
use super::step::Budget;
use super::tables::Input;
use super::{Cluster, Fault, History, cut_between};
use crate::node::{Node, NodeId};

/// So many messages are on their way at once only where each that arrives causes more than one other. The largest of the course's
/// own clusters have a few hundred.
const FLOOD: usize = 4_096;

impl<N: Node, H: History<N>> Cluster<N, H> {
    pub(super) fn network_events(&self, state: &State, events: &mut Vec<Event>) {
        let mut last = None;
        for &envelope in &state.network {
            // Equal messages stand side by side; to deliver one or the other is the same step.
            if last.replace(envelope) == Some(envelope) {
                continue;
            }
            if self.deliverable(state, envelope) {
                events.push(Event::Deliver { envelope, keep: false });
                if self.left(state, Budget::Duplicates) {
                    events.push(Event::Deliver { envelope, keep: true });
                }
            }
            if self.left(state, Budget::Drops) {
                events.push(Event::Drop { envelope });
            }
        }
    }

    pub(super) fn partition_events(&self, state: &State, events: &mut Vec<Event>) {
        if !self.left(state, Budget::Partitions) {
            return;
        }
        for index in 0..self.partitions.len() as u8 {
            if self.cut_by(index) != state.cut {
                events.push(Event::Partition { index });
            }
        }
        if state.cut != self.cut {
            events.push(Event::Heal);
        }
    }

    /// Only schedules and simulations cut single links, so only a replay of one may meet them.
    pub(super) fn link_events(&self, events: &mut Vec<Event>) {
        for b in (0..self.size).map(NodeId) {
            for a in (0..self.size).map(NodeId).filter(|&a| a != b) {
                events.extend([Event::CutLink { a, b }, Event::HealLink { a, b }]);
            }
        }
    }

    /// The step that `action` comes to in `state`: itself if it is possible, or the delivery of a message of the same variant
    /// between the same two servers.
    pub(crate) fn alike(&self, state: &State, action: Action) -> Option<Action> {
        if self.is_possible(state, action.event) {
            return Some(action);
        }
        let Event::Deliver { envelope, keep } = action.event else { return None };
        let wanted = self.variant(envelope);
        let alike = |other: &&Envelope| {
            (other.from, other.to) == (envelope.from, envelope.to) && self.variant(**other) == wanted
        };
        let event = Event::Deliver { envelope: *state.network.iter().find(alike)?, keep };
        self.is_possible(state, event).then_some(Action { event, ..action })
    }

    /// The variant of a message, as the start of what `{:?}` shows.
    fn variant(&self, envelope: Envelope) -> String {
        let shown = format!("{:?}", self.tables.messages.get(envelope.message));
        shown.chars().take_while(|c| c.is_alphanumeric()).collect()
    }

    /// Does `envelope` wait on a cut link?
    pub(crate) fn is_link_cut(&self, state: &State, envelope: Envelope) -> bool {
        self.is_cut(state, envelope.from(), envelope.to())
    }

    pub(super) fn deliverable(&self, state: &State, envelope: Envelope) -> bool {
        state.servers[usize::from(envelope.to)].up && !self.is_cut(state, envelope.from(), envelope.to())
    }

    pub(super) fn is_cut(&self, state: &State, a: NodeId, b: NodeId) -> bool {
        a != b && state.cut & link(a, b) != 0
    }

    /// The links that the partition `index` cuts, with those that are cut for good.
    pub(super) fn cut_by(&self, index: u8) -> u64 {
        cut_between(self.size, &self.partitions[usize::from(index)]) | self.cut
    }

    /// A message that `from` sends in `state`.
    pub(crate) fn sent(&self, state: &State, from: NodeId, to: NodeId, message: Key) -> Envelope {
        Envelope { from: from.0 as u8, to: to.0 as u8, message, causes: state.servers[from.0].causes }
    }

    /// Delivers what can be delivered, and what that causes, in rounds: each round delivers the messages that were on their
    /// way when it began. Says whether the network fell quiet within `rounds`.
    pub(crate) fn deliver_all(&self, state: &mut State, rounds: usize, actions: &mut Vec<Action>) -> bool {
        for _ in 0..rounds {
            let ready: Vec<_> =
                state.network.iter().copied().filter(|&envelope| self.deliverable(state, envelope)).collect();
            if ready.is_empty() || state.fault != NOTHING {
                return true;
            }
            for envelope in ready {
                // A message may have been left out since the round began, because its receiver would now ignore it.
                if state.fault == NOTHING && state.network.binary_search(&envelope).is_ok() {
                    self.take(state, Event::Deliver { envelope, keep: false }.into(), actions);
                }
                if state.network.len() > FLOOD {
                    state.fault = self.tables.faults.key(Fault::Floods { messages: FLOOD });
                }
            }
        }
        false
    }

    /// After `event`, only a server that it changed may ignore what it would not have ignored before; and what that server
    /// just sent has not been looked at yet.
    pub(super) fn leave_out_what_is_ignored_since(&self, state: &mut State, event: Event) {
        let changed = match event {
            Event::Invoke { to, .. } | Event::Retry { to, .. } => to,
            Event::Deliver { envelope, .. } | Event::Hear { envelope } => envelope.to(),
            Event::Timeout { server, .. } | Event::Crash { server } | Event::Restart { server } => server,
            _ => return,
        };
        self.leave_out_ignored(state, |envelope| envelope.to() == changed || envelope.from() == changed);
    }

    /// Leaves out those of the messages to `look_at` which their receivers would ignore.
    pub(super) fn leave_out_ignored(&self, state: &mut State, look_at: impl Fn(Envelope) -> bool) {
        let State { network, servers, .. } = state;
        network.retain(|&envelope| {
            if !look_at(envelope) {
                return true;
            }
            let server = &servers[usize::from(envelope.to)];
            if !server.up {
                return false;
            }
            let input = Input::Message { from: envelope.from, message: envelope.message };
            !self.tables.handle(server.local, input).is_ignored(server.local)
        });
    }
}

/// Puts a message on its way.
pub(super) fn insert(network: &mut Vec<Envelope>, envelope: Envelope) {
    let at = network.partition_point(|other| *other < envelope);
    network.insert(at, envelope);
}

/// Takes a message off its way.
pub(super) fn remove(network: &mut Vec<Envelope>, envelope: Envelope) {
    let at = network.binary_search(&envelope).expect("the message is on its way");
    network.remove(at);
}
