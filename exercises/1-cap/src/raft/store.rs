//! The replicated state machine: a map from keys to numbers. Every server that applies the same commands in the same order holds
//! the same map. Raft is for nothing else.
//!
//! This file is given. With one key the map is a register, as in the first half of this stage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use testkit::node::NodeId;

/// Names an entry of the map.
pub type Key = char;

/// The value of a key: 0 as long as no client has put anything there.
pub type Value = i64;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Request {
    /// What is the value of this key?
    Get(Key),
    /// Replace the value of this key.
    Put(Key, Value),
    /// Add to the value of this key. Doing this twice gives another result than doing it once.
    Add(Key, Value),
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Response {
    /// The request is done. This is the value of its key now.
    Done(Value),
    /// This server is not the leader, and has done nothing. The client may ask the leader, if it is named, or any other server.
    NotLeader {
        /// The leader of this server's term, if it has heard of one.
        leader: Option<NodeId>,
    },
}

/// The map.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Store {
    values: BTreeMap<Key, Value>,
}

impl Store {
    /// The value of a key.
    pub fn get(&self, key: Key) -> Value {
        self.values.get(&key).copied().unwrap_or(0)
    }

    /// Carries out a request, and returns the value of its key after that.
    pub fn execute(&mut self, request: Request) -> Value {
        let (Request::Get(key) | Request::Put(key, _) | Request::Add(key, _)) = request;
        let old = self.get(key);
        let new = match request {
            Request::Get(_) => return old,
            Request::Put(_, value) => value,
            Request::Add(_, amount) => old.wrapping_add(amount),
        };
        self.values.insert(key, new);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_answered_with_what_stands_there_after_it() {
        let mut store = Store::default();
        let answers = [Request::Get('x'), Request::Put('x', 3), Request::Add('x', 2), Request::Add('y', 1)];
        assert_eq!(answers.map(|request| store.execute(request)), [0, 3, 5, 1]);
        assert_eq!(store.execute(Request::Get('x')), 5);
    }
}
