//! What failures of this stage's checks call a value: one function for each kind of it. For those of Raft see `raft/words.rs`.

#![allow(unreachable_patterns, reason = "a learner's servers may have more to say to each other")]

use testkit::text::or_nothing;

use crate::subject::abd::{self, Version};
use crate::subject::paxos;
use crate::subject::register::Response;

/// What a client of a register is told: "5", "that it is written".
pub fn response(response: Response) -> String {
    match response {
        Response::Read(value) => value.to_string(),
        Response::Written => "that it is written".to_owned(),
    }
}

/// "5 with the tag 2.n1"; the version that was there from the beginning has no writer.
pub fn version(version: Version) -> String {
    match version {
        Version::INITIAL => "the initial 0".to_owned(),
        Version { tag, value } => format!("{value} with the tag {tag:?}"),
    }
}

/// What servers of the quorum register say to each other.
pub fn abd(message: abd::Message) -> String {
    match message {
        abd::Message::Query { .. } => "a question for its version".to_owned(),
        abd::Message::QueryReply { held, .. } => format!("that it holds {}", version(held)),
        abd::Message::Store { version: told, .. } => format!("the order to hold {}", version(told)),
        abd::Message::StoreAck { .. } => "an acknowledgement".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What proposers and acceptors say to each other.
pub fn paxos(message: paxos::Message) -> String {
    use paxos::Message::{Accept, Accepted, Prepare, Promise, Refused};
    match message {
        Prepare { ballot } => format!("Prepare of ballot {ballot:?}"),
        Promise { ballot, accepted } => format!("Promise for ballot {ballot:?}, with {} accepted", proposal(accepted)),
        Accept { proposal } => format!("Accept of {}", self::proposal(Some(proposal))),
        Accepted { ballot } => format!("Accepted for ballot {ballot:?}"),
        Refused { ballot, promised } => format!("Refused to ballot {ballot:?}, since {promised:?} was promised"),
        other => format!("{other:?}"),
    }
}

/// "2.n1"; "none".
pub fn ballot(ballot: Option<paxos::Ballot>) -> String {
    ballot.map_or("none".to_owned(), |ballot| format!("{ballot:?}"))
}

/// "7 under ballot 2.n1".
pub fn proposal(proposal: Option<paxos::Proposal>) -> String {
    or_nothing(proposal, |paxos::Proposal { ballot, value }| format!("{value} under ballot {ballot:?}"))
}

/// What an acceptor has saved.
pub fn durable(saved: Option<&paxos::Durable>) -> String {
    or_nothing(saved, |saved| {
        format!("a promise of ballot {:?}, and {} accepted", saved.promised, proposal(saved.accepted))
    })
}
