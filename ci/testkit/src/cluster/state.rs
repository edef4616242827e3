//! The state of a cluster and the steps between states, in small integers.
//!
//! Whatever is large or written by a learner (a server's fields, a message, a history) stands in a table once and is named
//! here by its index ([`super::tables`]). A state is then a few dozen bytes, and comparing two states compares integers.

use std::hash::{Hash, Hasher};
use std::iter;

use crate::node::{ClientId, NodeId};

/// Index into one of the tables of a cluster.
pub(crate) type Key = u32;

/// Stands for "nothing saved yet" and "no fault".
pub(super) const NOTHING: Key = Key::MAX;

/// The numbers of requests in a party's causal past, as a set of bits ([`super::Cluster::track_causes`]).
pub type Causes = u32;

/// How many steps of each kind have been spent: the built-in budgets first, then the limits that a check adds.
pub(super) type Spent = [u8; 12];

/// One server as the model sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Server {
    pub local: Key,
    pub saved: Key,
    /// Armed timers, as a set of bits over the table of timers.
    pub timers: u64,
    pub causes: Causes,
    pub up: bool,
}

impl Server {
    /// The timers that are armed, by their index.
    #[inline]
    pub fn armed(self) -> impl Iterator<Item = u8> {
        let mut left = self.timers;
        iter::from_fn(move || {
            let lowest = u8::try_from(left.trailing_zeros()).ok().filter(|&timer| timer < 64)?;
            left &= left - 1;
            Some(lowest)
        })
    }
}

/// A message on its way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Envelope {
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) message: Key,
    pub(super) causes: Causes,
}

impl Envelope {
    /// Who sent it.
    #[inline]
    pub fn from(self) -> NodeId {
        NodeId(self.from.into())
    }

    /// Whom it is for.
    #[inline]
    pub fn to(self) -> NodeId {
        NodeId(self.to.into())
    }
}

// What the search does for each message of each state is inlined into the crate of the check: there it is instantiated.
//
// Most of a state is servers and messages, and each state is hashed. Whole words are twice as fast as field by field.

impl Hash for Server {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(pair(self.local, self.saved));
        hasher.write_u64(self.timers);
        hasher.write_u64(pair(self.causes, u32::from(self.up)));
    }
}

impl Hash for Envelope {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(pair(self.message, self.causes));
        hasher.write_u16(u16::from_be_bytes([self.from, self.to]));
    }
}

#[inline]
fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// One client: how many requests it has made, and whether the last is still open.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Client {
    pub asked: u16,
    pub waiting: bool,
    /// The server that it asked last has refused: to ask another one costs no retry.
    pub refused: bool,
    /// Names its last request, while causes are tracked.
    pub causes: Causes,
}

/// A state of the whole cluster: servers, network, clients, history, and what has been spent of each budget.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    pub(super) servers: Vec<Server>,
    /// In order, so that equal networks are equal states.
    pub(super) network: Vec<Envelope>,
    pub(super) clients: Vec<Client>,
    pub(super) history: Key,
    /// Links that are cut, one bit for each pair of servers.
    pub(super) cut: u64,
    pub(super) spent: Spent,
    /// Learner code panicked, was not deterministic, or answered a request that nobody made: nothing happens after that.
    pub(super) fault: Key,
}

impl State {
    /// A copy with room for the messages that a step sends.
    pub(super) fn with_room(&self) -> Self {
        const SENT: usize = 8;
        let mut network = Vec::with_capacity(self.network.len() + SENT);
        network.extend_from_slice(&self.network);
        let (servers, clients) = (self.servers.clone(), self.clients.clone());
        State { servers, network, clients, ..*self }
    }
}

/// What happens in one step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Event {
    /// A client makes its next request, at the server `to`.
    Invoke { client: ClientId, to: NodeId },
    /// A client that has no answer yet asks again, with the same request id.
    Retry { client: ClientId, to: NodeId },
    /// A message arrives. With `keep`, the network delivers a copy, and the message stays on its way.
    Deliver { envelope: Envelope, keep: bool },
    /// A message arrives that a peer which the check plays may send.
    Hear { envelope: Envelope },
    /// The network loses a message.
    Drop { envelope: Envelope },
    /// An armed timer fires; `timer` is its index in the cluster's table.
    Timeout { server: NodeId, timer: u8 },
    /// A server stops for good.
    Crash { server: NodeId },
    /// A server stops and starts again, with what it had saved.
    Restart { server: NodeId },
    /// The network splits, by the index of one of the cluster's partitions.
    Partition { index: u8 },
    /// All links work again.
    Heal,
    /// One link is cut, in both directions.
    CutLink { a: NodeId, b: NodeId },
    /// One link works again.
    HealLink { a: NodeId, b: NodeId },
}

/// A step: what happens, and whether the replies that it causes are lost on their way to the clients.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Action {
    /// What happens.
    pub event: Event,
    /// The clients never see the replies that this step sends.
    pub replies_lost: bool,
    /// The server stops in the middle: what it wanted done before the effect with this index has happened, and the rest never
    /// does. Then it starts again, with what it had saved.
    pub torn_at: Option<u8>,
}

impl From<Event> for Action {
    #[inline]
    fn from(event: Event) -> Self {
        Action { event, replies_lost: false, torn_at: None }
    }
}

/// The bit of the link between `a` and `b`, the same in both directions.
#[inline]
pub(super) fn link(a: NodeId, b: NodeId) -> u64 {
    let (low, high) = (a.0.min(b.0), a.0.max(b.0));
    // The pairs below `high` come first: (0,1), (0,2), (1,2), (0,3), …
    1 << (high * (high.max(1) - 1) / 2 + low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_servers_has_a_link_of_its_own() {
        let mut seen = 0;
        for high in 1..8 {
            for low in 0..high {
                let bit = link(NodeId(low), NodeId(high));
                assert_eq!(bit, link(NodeId(high), NodeId(low)), "n{low}–n{high} differs by direction");
                assert_eq!(seen & bit, 0, "n{low}–n{high} shares its bit");
                seen |= bit;
            }
        }
        assert_eq!(seen.count_ones(), 8 * 7 / 2);
    }
}
