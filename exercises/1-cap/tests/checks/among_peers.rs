//! A server of which the check plays all peers, one message at a time.

use testkit::alone::Alone;
use testkit::node::{Effect, Node, NodeId};

/// `n0` of a cluster, and all that it has wanted done. What it sends to itself arrives at once.
pub struct AmongPeers<N: Node> {
    server: Alone<N>,
    effects: Vec<Effect<N>>,
}

impl<N: Node> AmongPeers<N> {
    /// `n0` of so many servers.
    pub fn start(size: usize) -> Self {
        AmongPeers { server: Alone::start(size, None, &[]), effects: Vec::new() }
    }

    /// The client `c0` makes its request.
    pub fn is_asked(&mut self, request: N::Request) {
        let effects = self.server.is_asked(request);
        self.carry_out(effects);
    }

    /// A peer's message arrives.
    pub fn receives(&mut self, from: usize, message: N::Message) {
        let effects = self.server.receives(NodeId(from), message);
        self.carry_out(effects);
    }

    /// A timer fires.
    pub fn fires(&mut self, timer: N::Timer) {
        let effects = self.server.fires(timer);
        self.carry_out(effects);
    }

    /// Whether a client was answered.
    pub fn has_answered(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Reply { .. }))
    }

    /// What it has sent to its peers, the last first.
    pub fn sent(&self) -> impl Iterator<Item = &N::Message> {
        self.effects.iter().rev().filter_map(|effect| match effect {
            Effect::Send { to, message } if to.0 > 0 => Some(message),
            _ => None,
        })
    }

    fn carry_out(&mut self, effects: Vec<Effect<N>>) {
        for effect in effects {
            if let Effect::Send { to: NodeId(0), message } = &effect {
                self.receives(0, message.clone());
            }
            self.effects.push(effect);
        }
    }
}
