//! Visits: a speaker opens an inbound connection, and is let in or not.

use testkit::check::{Check, Failure};
use testkit::node::{Membership, NodeId};

use super::harmless::guarded;
use super::speakers::LIMIT;
use crate::subject::server::wire::{Arrival, Identity, Inbound, Refusal};

/// What the connection says to some bytes, or to their end.
type Taken = Result<Result<(), Refusal>, Box<Failure>>;

/// An inbound connection, and what has arrived on it.
pub struct Visit {
    pub inbound: Inbound,
    pub arrived: Vec<Arrival>,
}

impl Visit {
    pub fn new() -> Self {
        Visit { inbound: Inbound::new(identity(), LIMIT), arrived: Vec::new() }
    }

    pub fn take(&mut self, check: &mut Check, bytes: &[u8]) -> Taken {
        let Visit { inbound, arrived } = self;
        guarded(check, bytes.len(), || inbound.take(bytes, arrived))
    }

    pub fn end(&mut self, check: &mut Check) -> Taken {
        guarded(check, 0, || self.inbound.end())
    }
}

fn identity() -> Identity {
    Identity { cluster: "logs".to_owned(), me: Membership { id: NodeId(1), size: 3 } }
}

/// What an inbound connection has said, in words.
pub fn shown(result: &Result<(), Refusal>) -> String {
    match result {
        Ok(()) => "it is not refused".to_owned(),
        Err(refusal) => format!("it is refused because {refusal}"),
    }
}
