//! A door for stage 2: servers that come and go.
//!
//! Source: Ongaro 2014, "Consensus: Bridging Theory and Practice", chapter 4.
//!
//! This file is given. When a change may be made, and when it counts, is not decided here: that is stage 2. Here stand the few things
//! that only the server itself can do.

use testkit::node::{NodeId, Outbox};

use super::{Raft, Role, Timer};

impl Raft {
    /// From now on the servers are `n0` to `n(size-1)`. A leader forgets those that have gone, and assumes of a new one that its log ends
    /// where its own does.
    pub fn regroup(&mut self, size: usize) {
        self.me.size = size;
        let next = self.log.last_index() + 1;
        if let Role::Leader { next_index, match_index, streaming } = &mut self.role {
            streaming.retain(|server| server.0 < size);
            next_index.retain(|server, _| server.0 < size);
            match_index.retain(|server, _| server.0 < size);
            for peer in self.me.peers() {
                next_index.entry(peer).or_insert(next);
                match_index.entry(peer).or_insert(0);
            }
        }
    }

    /// How many servers there are, as far as this one goes by them.
    pub fn size(&self) -> usize {
        self.me.size
    }

    /// A leader gives up its office, and waits for another one, as everybody else does.
    pub fn resign(&mut self, out: &mut Outbox<Self>) {
        if self.is_leader() {
            self.role = Role::Follower { leader: None };
            out.disarm(Timer::Heartbeat);
            out.arm(Timer::Election);
        }
    }

    /// The leader of this server's term, as far as it knows: itself, or whom it has heard. Who stands for election knows of none.
    pub fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Leader { .. } => Some(self.me.id),
            Role::Follower { leader } => leader,
            Role::Candidate { .. } => None,
        }
    }
}
