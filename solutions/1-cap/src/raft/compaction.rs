//! What stage 2 builds on: a server whose log may lose its beginning, because a snapshot replaces it.
//!
//! Source: Ongaro & Ousterhout 2014 (extended version), section 7. This file is given, and nothing of it is needed in stage 1.
//!
//! A log grows with every command, but the resulting store does not. So a server may keep the store in place of the log's
//! beginning. *When* to do that, what has to be kept beside the store, and what to send to a server that needs what is gone:
//! that is stage 2. This file has the few things that only the server itself can do.

use std::collections::BTreeMap;

use testkit::node::ClientId;

use super::clients::Session;
use super::log::{Index, Log};
use super::store::Store;
use super::{Durable, Raft};

impl Raft {
    /// What of this server must survive a crash.
    pub fn durable(&self) -> Durable {
        Durable { term: self.term, voted_for: self.voted_for, log: self.log.clone() }
    }

    /// How far the log is applied.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// The result of the commands that are applied.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What each client asked last and was answered, as far as the commands are applied.
    pub fn sessions(&self) -> &BTreeMap<ClientId, Session> {
        &self.sessions
    }

    /// Cuts off the log's beginning, up to and including the entry at `index`. A leader continues with each follower after it.
    ///
    /// # Panics
    /// If that entry is not applied yet: its result would be lost.
    pub fn cut_log(&mut self, index: Index) {
        let applied = self.applied;
        assert!(index <= applied, "the log is applied up to {applied}, and was to be cut off up to {index}");
        self.log.cut_up_to(index);
        self.role.continue_behind(index);
    }

    /// Takes over another server's result: `store` and `sessions` as they are where `log` starts, followed by `log`. What this
    /// server had applied itself is forgotten, and so is what `log` does not hold.
    pub fn take_over(&mut self, log: Log, store: Store, sessions: BTreeMap<ClientId, Session>) {
        self.applied = log.start().index;
        self.commit_index = self.commit_index.clamp(self.applied, log.last_index());
        (self.log, self.store, self.sessions) = (log, store, sessions);
    }
}
