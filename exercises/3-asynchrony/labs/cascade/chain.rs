//! The chain, as processes.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use clap::ValueEnum;
use testkit::network::{Enclosure, Log, Process};

use super::command::gateway::Kind;
use super::script::Store;
use crate::subject::chain::parameters::Parameters;

/// How long a service may take to start. This is only against hanging.
const LIMIT: Duration = Duration::from_secs(30);

impl Kind {
    /// Its name on a command line.
    pub fn word(self) -> String {
        self.to_possible_value().expect("each kind can be asked for").get_name().to_owned()
    }

    /// What it is.
    pub fn told(self) -> &'static str {
        match self {
            Kind::Blocking => "blocking",
            Kind::Bounded => "blocking, but bounded",
            Kind::Naive => "async, and nothing else",
            Kind::Yours => "async, and bounded",
        }
    }
}

/// Four processes. Dropping it ends them.
pub struct Chain {
    gateway: Process,
    store: Process,
    _enrich: Process,
    _tail: Process,
    /// Where clients go.
    pub entrance: SocketAddr,
    /// Says how much slower the store is.
    slower: PathBuf,
    log: Log,
    _enclosure: Enclosure,
}

impl Chain {
    /// Starts the services, the last of the chain first. `follower` is told of each line that is stored.
    pub fn start(kind: Kind, parameters: Parameters, follower: SocketAddr) -> Result<Self, String> {
        let program = env::current_exe().map_err(|why| format!("This program does not know where it is: {why}."))?;
        let parameters = serde_json::to_string(&parameters).map_err(|why| why.to_string())?;
        let enclosure = Enclosure::new().map_err(|why| why.to_string())?;
        let (data, slower, log) = (enclosure.folder().join("log"), enclosure.folder().join("slower"), Log::new());
        let start = |name: &str, words: &[String]| {
            let mut command = Command::new(&program);
            command.arg(name).args(["--parameters", &parameters]).args(words);
            let started = enclosure.start(name, command, &log);
            let started = started.and_then(|mut process| Ok((process.listening(LIMIT)?, process)));
            started.map_err(|why| format!("{why}"))
        };
        let words = |words: &[&dyn Display]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        let (tail, tails) = start("tail", &[])?;
        let followers = format!("{tail},{follower}");
        let at = words(&[&"--data", &data.display(), &"--slower", &slower.display(), &"--followers", &followers]);
        let (stores, store) = start("store", &at)?;
        let (enrich, enriches) = start("enrich", &words(&[&"--store", &stores]))?;
        let (entrance, gateway) =
            start("gateway", &words(&[&"--kind", &kind.word(), &"--enrich", &enrich, &"--tail", &tail]))?;
        let (_enrich, _tail, _enclosure) = (enriches, tails, enclosure);
        Ok(Chain { gateway, store, _enrich, _tail, entrance, slower, log, _enclosure })
    }

    /// The number of the gateway's process.
    pub fn gateway(&self) -> u32 {
        self.gateway.id()
    }

    /// Makes the store well, slow or dead.
    pub fn set(&mut self, store: Store) -> Result<(), String> {
        match store {
            Store::Dead => return self.store.pause().map_err(|why| why.to_string()),
            _ if self.store.is_paused() => self.store.resume().map_err(|why| why.to_string())?,
            _ => {}
        }
        let by = if let Store::Slow(by) = store { by } else { 0 };
        fs::write(&self.slower, by.to_string()).map_err(|why| format!("The lab cannot write a file: {why}."))
    }

    /// What the services printed last, if one of them has ended.
    pub fn has_ended(&mut self) -> Option<String> {
        let ended = self.gateway.ended().ok().flatten().is_some();
        ended.then(|| self.log.last(8))
    }
}
