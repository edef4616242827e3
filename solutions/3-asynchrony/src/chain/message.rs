//! What the services say to each other: a line of JSON each way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admission::queue::Refusal;
use crate::deadline::wire;

/// How many bytes a line has at most, its newline counted. What is longer is no message.
pub const LONGEST: u64 = 64 * 1024;

/// A customer.
pub type Tenant = u64;

/// What a client asks of the gateway, and the gateway of the services below.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Store a log line.
    Line {
        /// Whose it is.
        tenant: Tenant,
        /// What the client calls it: under one key, a tenant's line is stored once, however often it is sent.
        key: u64,
        /// What it says.
        text: String,
    },
    /// Show the newest lines.
    Tail {
        /// Whose lines.
        tenant: Tenant,
    },
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The line is stored, and stays so.
    Stored,
    /// The newest lines, the oldest of them first.
    Lines(Vec<String>),
    /// The request is wrong, and would be wrong again.
    Refused,
    /// There is too much to do. Nothing was done for this request, here or further down.
    Overloaded,
    /// Something went wrong, and there is no telling what has been done by then.
    Failed,
    /// It was tried again further down, or must not be tried again. There is no telling what has been done.
    GivenUp,
    /// There was no time left. There is no telling what has been done.
    TooLate,
    /// The service is about to stop, and has done nothing for this request. Another gateway may take it.
    Closing,
}

/// A request, and for how long its sender waits for the reply.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// How long the sender waits; `None` if it does not say.
    pub left: Option<Duration>,
}

/// All that a service may be told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A request.
    Ask {
        /// What is asked.
        request: Request,
        /// How much time is left, as [`wire`] writes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<String>,
    },
    /// The store has stored a line. It says so to those that follow it.
    Stored {
        /// Whose line.
        tenant: Tenant,
        /// The line.
        text: String,
    },
}

impl From<Call> for Message {
    fn from(Call { request, left }: Call) -> Self {
        Message::Ask { request, left: left.and_then(wire::written) }
    }
}

impl Message {
    /// What is said on the wire, with the end of its line.
    pub fn written(&self) -> String {
        written(self)
    }

    /// Reads a line. `None` if it is no message, or names a time that cannot be read.
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// The call, if it is one that can be read.
    pub fn call(self) -> Option<Call> {
        match self {
            Message::Ask { request, left: None } => Some(Call { request, left: None }),
            Message::Ask { request, left: Some(left) } => Some(Call { request, left: Some(wire::read(&left)?) }),
            Message::Stored { .. } => None,
        }
    }
}

impl From<Refusal> for Reply {
    /// What a client is told when an admission queue has refused its request.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full | Refusal::Overloaded => Reply::Overloaded,
            Refusal::Expired => Reply::TooLate,
        }
    }
}

impl Reply {
    /// What is said on the wire, with the end of its line.
    pub fn written(&self) -> String {
        written(self)
    }

    /// Reads a line. What is no reply is a service that has gone wrong.
    pub fn read(line: &str) -> Self {
        serde_json::from_str(line).unwrap_or(Reply::Failed)
    }
}

fn written(what: &impl Serialize) -> String {
    let line = serde_json::to_string(what).expect("a message has no map with keys that are not text");
    line + "\n"
}
