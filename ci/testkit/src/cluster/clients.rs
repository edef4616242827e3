//! Clients: what each may do next, and what reaches it.

use super::Fault;
use super::state::{Causes, Event, Key, State};
use super::step::Budget;
use super::tables::{Handled, Output, Recorded};
use super::{Cluster, History};
use crate::node::{ClientId, Node, NodeId, RequestId};

impl<N: Node, H: History<N>> Cluster<N, H> {
    pub(super) fn client_events(&self, state: &State, events: &mut Vec<Event>) {
        for (at, (client, script)) in state.clients.iter().zip(&self.scripts).enumerate() {
            let id = ClientId(at);
            let up = script.servers.iter().copied().filter(|server| state.servers[server.0].up);
            if client.waiting && (client.refused || self.left(state, Budget::Retries)) {
                events.extend(up.map(|to| Event::Retry { client: id, to }));
            } else if !client.waiting && !self.has_asked_all(state, id) {
                events.extend(up.map(|to| Event::Invoke { client: id, to }));
            }
        }
    }

    /// Would `event` only bring a client, which has nothing to lose by it, a refusal? Then it need not be looked at: the client
    /// is where it was, and may ask elsewhere.
    pub(super) fn is_turned_away(&self, state: &State, event: Event) -> bool {
        let (Event::Invoke { client, .. } | Event::Retry { client, .. }) = event else { return false };
        let cannot_be = self.replaying || self.refusals.is_none() && self.tables.later.0.is_empty();
        let Some((server, input)) = self.input(state, event).filter(|_| !cannot_be) else { return false };
        let asked = state.clients[client.0];
        let refuses = |output: &Output| matches!(output, Output::Reply { response, .. } if self.is_refusal(*response));
        match self.handled(state, server, input) {
            Handled::Done { local, outputs, unfinished } => {
                let nothing_else = *local == state.servers[server.0].local && outputs.iter().all(refuses);
                nothing_else && (!outputs.is_empty() || *unfinished) && (asked.refused || !asked.waiting)
            }
            Handled::Fault(_) => false,
        }
    }

    /// Does this response say that the request was not taken?
    fn is_refusal(&self, response: Key) -> bool {
        self.refusals.as_ref().is_some_and(|refuses| refuses(self.tables.responses.get(response)))
    }

    /// Has `client` made every request of its script?
    pub(crate) fn has_asked_all(&self, state: &State, client: ClientId) -> bool {
        usize::from(state.clients[client.0].asked) == self.script(client).requests.len()
    }

    /// Does `client` wait for an answer that the server which it asked last has refused?
    pub(crate) fn has_been_refused(&self, state: &State, client: ClientId) -> bool {
        state.clients[client.0].refused
    }

    /// Has each client got all of its answers?
    pub(crate) fn has_answered_all(&self, state: &State) -> bool {
        (0..self.clients()).map(ClientId).all(|id| !state.clients[id.0].waiting && self.has_asked_all(state, id))
    }

    /// The servers that `client` may ask and that are up.
    pub(crate) fn servers_for(&self, state: &State, client: ClientId) -> Vec<NodeId> {
        self.script(client).servers.iter().copied().filter(|server| state.servers[server.0].up).collect()
    }

    pub(super) fn note_invocation(&self, state: &mut State, client: ClientId, to: NodeId) {
        let number = usize::from(state.clients[client.0].asked);
        let id = RequestId { client, number };
        let request = self.script(client).requests[number];
        let server = state.servers[to.0];
        let (local, causes) = (server.local, server.causes);
        let invoked = Recorded::Invoked { id, server: to, local, request, causes };
        state.history = self.tables.record(state.history, invoked);
        if self.tracks_causes {
            let nth: u32 = state.clients.iter().map(|client| u32::from(client.asked)).sum();
            assert!(nth < Causes::BITS, "causes are tracked for at most {} requests in a run", Causes::BITS);
            state.clients[client.0].causes = 1 << nth;
            state.servers[to.0].causes |= 1 << nth;
        }
        state.clients[client.0].asked += 1;
        state.clients[client.0].waiting = true;
    }

    pub(super) fn reply(&self, state: &mut State, server: NodeId, to: RequestId, response: u32, lost: bool) {
        let asked = state.clients.get(to.client.0).map_or(0, |client| usize::from(client.asked));
        if to.number >= asked {
            state.fault = self.tables.faults.key(Fault::AnswersNobody { server, to });
            return;
        }
        let refused = self.is_refusal(response);
        let client = &mut state.clients[to.client.0];
        // A reply to an earlier request, or a second reply, comes too late: the client has gone on.
        if lost || !client.waiting || to.number + 1 != asked {
            return;
        }
        client.refused = refused;
        if !refused {
            client.waiting = false;
            state.history = self.tables.record(state.history, Recorded::Returned { id: to, response });
        }
    }

    /// Would `event` send a reply to a client?
    pub(super) fn replies(&self, state: &State, event: Event) -> bool {
        let is_reply = |output: &Output| matches!(output, Output::Reply { .. });
        self.outputs(state, event).is_some_and(|(_, outputs)| outputs.iter().any(is_reply))
    }
}
