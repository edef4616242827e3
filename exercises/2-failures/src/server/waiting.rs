//! What a client that waits knows of the servers: for a person who wonders why there is no answer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cap::raft::store::Response;
use testkit::node::NodeId;

use super::route::Heard;

/// What a client knows of a server, from its last try there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Knows {
    /// It has not been asked.
    #[default]
    Nothing,
    /// It is being asked, and has not answered.
    Asked,
    /// There was no connection.
    Unreachable,
    /// It had the request, and then the time was over or the connection broke.
    Silent,
    /// It does not lead. The server that it believes to be the leader, if it knows one.
    NotLeader(Option<NodeId>),
    /// It has answered.
    Answered,
}

/// What a client knows of each server, for another thread to look at: a copy shows the same.
#[derive(Clone, Debug)]
pub struct Waiting(Arc<Mutex<Vec<Knows>>>);

impl Waiting {
    /// Nothing is known of so many servers.
    pub(super) fn new(servers: usize) -> Self {
        Waiting(Arc::new(Mutex::new(vec![Knows::Nothing; servers])))
    }

    /// What is known of each server now.
    pub fn servers(&self) -> Vec<Knows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, server: NodeId, knows: Knows) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[server.0] = knows;
    }
}

impl From<Heard> for Knows {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Answer { response: Response::Done(_), .. } => Knows::Answered,
            Heard::Answer { response: Response::NotLeader { leader }, .. } => Knows::NotLeader(leader),
            Heard::Unreachable => Knows::Unreachable,
            Heard::Silence => Knows::Silent,
        }
    }
}

impl fmt::Display for Knows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Knows::Nothing => write!(f, "was not asked yet"),
            Knows::Asked => write!(f, "has not answered yet"),
            Knows::Unreachable => write!(f, "cannot be reached"),
            Knows::Silent => write!(f, "did not answer"),
            Knows::NotLeader(None) => write!(f, "knows of no leader"),
            Knows::NotLeader(Some(leader)) => write!(f, "says that {leader} leads"),
            Knows::Answered => write!(f, "has answered"),
        }
    }
}
