//! What failures of Raft's checks call a value: one function for each kind of it.

#![allow(unreachable_patterns, reason = "a learner's servers may have more to say to each other")]

use testkit::text::list;

use crate::subject::raft::message::{Hint, Message, Outcome};
use crate::subject::raft::store::{Response, Store};

/// "a match up to 4", "a conflict at 4 in term 2".
pub fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Matches(index) => format!("a match up to {index}"),
        Outcome::Conflict(hint) => format!("a conflict at {}", self::hint(hint)),
    }
}

/// "4 in term 2", "4 in no term".
pub fn hint(hint: Hint) -> String {
    match hint.term {
        Some(term) => format!("{} in term {term}", hint.index),
        None => format!("{} in no term", hint.index),
    }
}

/// "a vote in term 3".
pub fn message(message: &Message) -> String {
    match message {
        Message::RequestVote { term, last_index, last_term } => {
            format!("a request for a vote in term {term}, with a log that ends at {last_index} in term {last_term}")
        }
        Message::Vote { term, granted: true } => format!("a vote in term {term}"),
        Message::Vote { term, granted: false } => format!("a refusal to vote in term {term}"),
        Message::AppendEntries { term, prev_index, prev_term, entries, commit_index } => {
            let what = if entries.is_empty() { "a heartbeat".to_owned() } else { format!("the entries {entries:?}") };
            let place = format!("after index {prev_index} in term {prev_term}");
            format!("{what} of the leader of term {term}, {place}, with {commit_index} committed")
        }
        Message::AppendReply { term, outcome } => format!("a reply of term {term}: {}", self::outcome(*outcome)),
        other => format!("{other:?}"),
    }
}

/// What a client is told: "5", "that it does not lead, and that n2 does".
pub fn response(response: Response) -> String {
    match response {
        Response::Done(value) => value.to_string(),
        Response::NotLeader { leader: Some(leader) } => format!("that it does not lead, and that {leader} does"),
        Response::NotLeader { leader: None } => "that it does not lead, and knows of no leader".to_owned(),
    }
}

/// The keys that checks put something under, and what a store holds: "1 under 'x'".
pub fn store(store: &Store) -> String {
    let held = ['x', 'y', 'z', '#'].into_iter().filter_map(|key| match store.get(key) {
        0 => None,
        value => Some(format!("{value} under '{key}'")),
    });
    list(held, "nothing")
}
