//! Peers that a check plays: the learner's server alone against everything that correct peers may say.
//!
//! A cluster of the learner's own servers never shows a mistake that these servers do not provoke in each other. A follower may
//! mishandle a message that this program's own leader never sends, though another correct leader would. So here only `n0` runs the
//! learner's code. All other servers are played by the check: [`Peers::may_say`] lists *every* message that a correct peer may send to
//! `n0`, given what has happened, and the search tries each of them in every state.
//!
//! What a peer may have sent once may still be on its way, or come again. So whatever `may_say` lists, it should go on listing: late
//! messages, duplicates and every order come from that alone, and no network has to be kept. What `n0` sends to its peers is gone as
//! soon as the history has seen it ([`History::transition`]); the history is the memory of all peers.
//!
//! Three sorts of rule judge `n0`: about each of its transitions ([`Cluster::each_transition`]), about each state, and about what may
//! be reached. A fair suffix has nothing to say: peers that a check plays owe nobody an answer.

use super::state::{Envelope, Event, State};
use super::{Cluster, History};
use crate::node::{Node, NodeId};

/// The memory of peers that a check plays, and what they may say.
pub trait Peers<N: Node>: History<N> {
    /// Every message that a correct peer may send to `server`, or may have sent earlier: from whom, and what.
    fn may_say(&self, server: &N) -> Vec<(NodeId, N::Message)>;
}

/// Lists what peers may say, by what they remember.
pub(super) type Says<N, H> = dyn Fn(&H, &N) -> Vec<(NodeId, <N as Node>::Message)> + Send + Sync;

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// What the peers that the check plays may say, as steps.
    pub(super) fn peer_events(&self, state: &State, events: &mut Vec<Event>) {
        let Some(says) = &self.peers else { return };
        let Some(server) = self.view(state).server(NodeId(0)) else { return };
        let said = says(self.tables.histories.get(state.history), server);
        events.extend(said.into_iter().map(|(from, message)| {
            assert!(from.0 > 0 && from.0 < self.size, "{from} is no peer of n0 in a cluster of {}", self.size);
            let message = self.tables.messages.key(message);
            Event::Hear { envelope: Envelope { from: from.0 as u8, to: 0, message, causes: 0 } }
        }));
    }

    /// Does the check play this server?
    pub(super) fn is_played(&self, server: NodeId) -> bool {
        self.peers.is_some() && server.0 > 0
    }
}
