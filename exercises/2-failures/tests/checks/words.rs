//! What failures of this stage's checks call a value: one function for each kind of it. For those of stage 1 see `raft/words.rs` there.

#![allow(unreachable_patterns, reason = "a learner's servers may have more to say to each other")]

use std::collections::BTreeMap;

use testkit::node::ClientId;
use testkit::text::{list, or_nothing};

use super::raft::words;
use crate::subject::host::{Input, Output};
use crate::subject::monkey::State;
use crate::subject::raft::Timer;
use crate::subject::raft::clients::Session;
use crate::subject::raft::log::Term;
use crate::subject::raft::store::{Request, Response};
use crate::subject::server::route::Next;
use crate::subject::snapshot::{Durable, Message, Snapshot};

/// What a server has saved: "term 2, no vote, the log []".
pub fn durable(durable: Option<&Durable>) -> String {
    or_nothing(durable, |Durable { snapshot, raft }| {
        let snapshot = snapshot.as_ref().map_or(String::new(), |snapshot| format!(", {}", self::snapshot(snapshot)));
        let vote = raft.voted_for.map_or("no vote".to_owned(), |id| format!("a vote for {id}"));
        format!("term {}, {vote}{snapshot}, the log {:?}", raft.term, raft.log)
    })
}

/// "a snapshot up to 3 in term 1, with 3 under 'x'".
pub fn snapshot(snapshot: &Snapshot) -> String {
    let Snapshot { index, term, store, sessions } = snapshot;
    let sessions = if sessions.is_empty() { String::new() } else { format!(" and {}", self::sessions(sessions)) };
    format!("a snapshot up to {index} in term {term}, with {}{sessions}", words::store(store))
}

/// "c7's request 0, answered 5".
pub fn sessions(sessions: &BTreeMap<ClientId, Session>) -> String {
    list(sessions.iter().map(|(client, session)| format!("{client}'s {}", self::session(session))), "no session")
}

/// "request 0, answered 5".
pub fn session(Session { number, value }: &Session) -> String {
    format!("request {number}, answered {value}")
}

/// "a vote in term 3".
pub fn message(message: &Message) -> String {
    match message {
        Message::Raft(message) => words::message(message),
        Message::InstallSnapshot { term, snapshot } => {
            format!("{} of the leader of term {term}", self::snapshot(snapshot))
        }
        other => format!("{other:?}"),
    }
}

/// What a server was handed, one after the other.
pub fn inputs(inputs: &[Input]) -> String {
    list(inputs.iter().map(input), "nothing")
}

fn input(input: &Input) -> String {
    match input {
        Input::Message { from, message } => format!("{} from {from}", self::message(message)),
        Input::Timeout { timer } => format!("the firing of its {}", self::timer(*timer)),
        Input::Request { id, request } => format!("the request {id}, {request:?}"),
    }
}

/// What a server wants done: "send n1 a vote in term 3".
pub fn outputs(outputs: &[Output]) -> String {
    list(outputs.iter().map(output), "nothing")
}

fn output(output: &Output) -> String {
    match output {
        Output::Send { to, message } => format!("send {to} {}", self::message(message)),
        Output::Arm { timer } => format!("arm the {}", self::timer(*timer)),
        Output::Disarm { timer } => format!("disarm the {}", self::timer(*timer)),
        Output::Reply { to, response } => format!("answer {to} {}", words::response(*response)),
    }
}

fn timer(timer: Timer) -> &'static str {
    match timer {
        Timer::Election => "election timer",
        Timer::Heartbeat => "heartbeat timer",
    }
}

/// What clients are told: "nothing", "5".
pub fn told(told: &[Response]) -> String {
    list(told.iter().map(|response| words::response(*response)), "nothing")
}

/// What the last entry of a log asks for.
pub fn request(request: Option<Request>) -> String {
    or_nothing(request, |request| format!("`{request:?}`"))
}

/// In which terms a server has voted, and whether with yes.
pub fn votes(votes: &[(Term, bool)]) -> String {
    let vote = |(term, granted): &(Term, bool)| format!("{} in term {term}", if *granted { "yes" } else { "no" });
    list(votes.iter().map(vote), "none")
}

/// What a client does next.
pub fn next(next: Next) -> String {
    match next {
        Next::Ask { server, after, .. } if after.is_zero() => format!("it asks {server}"),
        Next::Ask { server, after, .. } => format!("it asks {server} after {after:?}"),
        Next::Wait => "it waits".to_owned(),
        Next::Done(value) => format!("it says `Done`, with {value}"),
        Next::NotDone => "it says `NotDone`".to_owned(),
        Next::Unknown => "it says `Unknown`".to_owned(),
    }
}

/// What is known of an instance: "cut off".
pub fn state(state: Option<State>) -> &'static str {
    match state {
        Some(State::Healthy) => "healthy",
        Some(State::Paused) => "paused",
        Some(State::CutOff) => "cut off",
        Some(State::Silent) => "silent",
        Some(State::Gone) => "gone",
        None => "unknown",
    }
}
