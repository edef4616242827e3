//! `chain line` and `chain newest`: a client for use by hand.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::{Ended, Exit, address, say};
use crate::subject::chain::blocking::call;
use crate::subject::chain::message::{Call, Message, Reply, Request};

/// Send a line to the gateway
#[derive(clap::Args)]
pub struct Line {
    #[command(flatten)]
    at: At,
    /// Whose line it is
    #[arg(long, default_value_t = 1)]
    tenant: u64,
    /// What the line is called; without it, by the time of day. Under one key, a line is stored once
    #[arg(long)]
    key: Option<u64>,
    /// What it says
    text: String,
}

/// Show a customer's newest lines
#[derive(clap::Args)]
pub struct Newest {
    #[command(flatten)]
    at: At,
    /// Whose lines
    #[arg(long, default_value_t = 1)]
    tenant: u64,
}

#[derive(clap::Args)]
struct At {
    /// Where the service is
    #[arg(long, value_name = "ADDR", value_parser = address)]
    at: SocketAddr,
    /// How long to wait for it, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
}

impl Line {
    pub fn run(self) -> Result<(), Ended> {
        let Line { at, tenant, key, text } = self;
        let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros() as u64);
        at.ask(Request::Line { tenant, key: key.unwrap_or_else(now), text })
    }
}

impl Newest {
    pub fn run(self) -> Result<(), Ended> {
        self.at.ask(Request::Tail { tenant: self.tenant })
    }
}

impl At {
    /// Asks, and says for how long it waits.
    fn ask(&self, request: Request) -> Result<(), Ended> {
        let patience = Duration::from_millis(self.patience);
        match call(self.at, &Message::from(Call { request, left: Some(patience) }), patience) {
            Reply::Stored => say("done"),
            Reply::Lines(lines) => lines.iter().for_each(|line| say(line)),
            Reply::Failed => return Err((Exit::System, format!("There was no answer from {}.", self.at))),
            reply => return Err((Exit::NotDone, format!("It was not done: {reply:?}."))),
        }
        Ok(())
    }
}
