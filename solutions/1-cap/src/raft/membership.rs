//! What stage 2 builds on: servers that come and go.
//!
//! Source: Ongaro 2014, "Consensus: Bridging Theory and Practice", chapter 4.
//!
//! This file is given. When a change may be made, and when it counts, is not decided here: that is stage 2. This file has the
//! few things that only the server itself can do.

use testkit::node::{NodeId, Outbox};

use super::{Raft, Role, Timer};

impl Raft {
    /// From now on the servers are `n0` to `n(size-1)`. A leader forgets those that have gone, and assumes that a new server's
    /// log ends where its own does.
    pub fn regroup(&mut self, size: usize) {
        self.me.size = size;
        let next = self.log.last_index() + 1;
        self.role.lead_only(self.me, next);
    }

    /// How many servers this one counts.
    pub fn size(&self) -> usize {
        self.me.size
    }

    /// A leader steps down, and waits for another leader like any follower.
    pub fn resign(&mut self, out: &mut Outbox<Self>) {
        if self.is_leader() {
            self.role = Role::Follower { leader: None };
            out.disarm(Timer::Heartbeat);
            out.arm(Timer::Election);
        }
    }

    /// The leader of this server's term, as far as it knows: itself, or the leader that it has heard from. A candidate knows of
    /// none.
    pub fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Leader { .. } => Some(self.me.id),
            Role::Follower { leader } => leader,
            Role::Candidate { .. } => None,
        }
    }
}
