//! The command line of the server, and of a client for use by hand.
//!
//! ```text
//! kv serve --id 0 --data DIR --listen 127.0.0.1:0 --peers ADDR,ADDR,ADDR [--cluster NAME] [--election 150-300] [--heartbeat 50]
//!          [--ailment FILE]
//! kv get KEY         --peers ADDR,ADDR,ADDR [--cluster NAME]
//! kv put KEY NUMBER  --peers …
//! kv add KEY NUMBER  --peers …
//! ```
//!
//! `--ailment` is for rehearsals: the disk fails as a note in that file says ([`Ailing`](testkit::disk::Ailing)).
//!
//! # Exit codes
//!
//! | code | what it means |
//! |---|---|
//! | 0 | the request is done; or the server was asked to end, and did |
//! | 1 | the system refused: the address is taken, the folder cannot be opened |
//! | 2 | the command line is wrong |
//! | 3 | the disk has failed, or what is on it is damaged |
//! | 4 | nobody knows whether the request was done |
//! | 5 | the request was not done |
//! | 101 | the server inside has panicked |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use testkit::node::NodeId;

use super::client::{self, Client, Failed};
use super::{Config, Stopped};

const USAGE: &str = "Use `kv serve --id 0 --data DIR --listen 127.0.0.1:0 --peers ADDR,ADDR,ADDR`, or `kv get KEY --peers …`, `kv put KEY \
                     NUMBER --peers …`, `kv add KEY NUMBER --peers …`. A key is one character.";

/// Does what the words of a command line say.
pub fn main(words: impl IntoIterator<Item = String>) -> ExitCode {
    let words: Vec<String> = words.into_iter().collect();
    let (code, says) = match Line::read(&words) {
        Ok(Line { words, options }) if words == ["serve"] => serve(options),
        Ok(line) => ask(line),
        Err(wrong) => (2, Some(format!("{wrong} {USAGE}"))),
    };
    if let Some(says) = says {
        eprintln!("{says}");
    }
    ExitCode::from(code)
}

fn serve(options: Options) -> (u8, Option<String>) {
    let config = match options.server() {
        Ok(config) => config,
        Err(wrong) => return (2, Some(format!("{wrong} {USAGE}"))),
    };
    let code = |stopped: &Stopped| match stopped {
        Stopped::System { .. } => 1,
        Stopped::Disk(_) => 3,
        Stopped::Panicked => 101,
    };
    match super::run(&config) {
        Ok(()) => (0, None),
        Err(stopped) => (code(&stopped), Some(stopped.to_string())),
    }
}

fn ask(line: Line) -> (u8, Option<String>) {
    let (request, options) = (client::request(&line.words), line.options);
    let (Some(request), Ok(servers)) = (request, options.peers()) else { return (2, Some(USAGE.to_owned())) };
    match Client::new(client::Config::usual(&options.cluster(), servers)).ask(request) {
        Ok(value) => {
            println!("{value}");
            (0, None)
        }
        Err(failed @ Failed::Unknown) => (4, Some(failed.to_string())),
        Err(failed @ Failed::NotDone) => (5, Some(failed.to_string())),
    }
}

/// A command line, taken apart.
struct Line<'a> {
    words: Vec<&'a str>,
    options: Options<'a>,
}

/// What stands behind each `--name`.
struct Options<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Line<'a> {
    fn read(line: &'a [String]) -> Result<Self, String> {
        let (mut words, mut options) = (Vec::new(), BTreeMap::new());
        let mut rest = line.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            match word.strip_prefix("--") {
                None => words.push(word),
                Some(name) => {
                    let value = rest.next().ok_or_else(|| format!("Nothing stands behind `{word}`."))?;
                    options.insert(name, value);
                }
            }
        }
        let known = ["id", "data", "listen", "peers", "cluster", "election", "heartbeat", "ailment"];
        match options.keys().find(|name| !known.contains(name)) {
            Some(unknown) => Err(format!("There is no option `--{unknown}`.")),
            None => Ok(Line { words, options: Options(options) }),
        }
    }
}

impl Options<'_> {
    fn server(&self) -> Result<Config, String> {
        let config = Config {
            cluster: self.cluster(),
            id: NodeId(self.value("id")?),
            data: self.value("data")?,
            listen: self.value("listen")?,
            peers: self.peers()?,
            election: self.election()?,
            heartbeat: Duration::from_millis(self.value_or("heartbeat", "50")?),
            ailment: self.0.get("ailment").map(PathBuf::from),
        };
        match config.me() {
            me if me.id.0 < me.size => Ok(config),
            me => Err(format!("There is no server {} among {}: they count from 0.", me.id.0, me.size)),
        }
    }

    fn peers(&self) -> Result<Vec<SocketAddr>, String> {
        let peers: String = self.value("peers")?;
        let peers: Option<Vec<_>> = peers.split(',').map(|peer| peer.parse().ok()).collect();
        peers.ok_or_else(|| "`--peers` must be addresses with commas between them.".to_owned())
    }

    fn cluster(&self) -> String {
        self.0.get("cluster").map_or("kv", |name| *name).to_owned()
    }

    /// From when to when an election may wait, in milliseconds.
    fn election(&self) -> Result<Range<u64>, String> {
        let range: String = self.value_or("election", "150-300")?;
        let ends = range.split_once('-').and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
        let ends = ends.filter(|ends: &Range<u64>| !ends.is_empty());
        ends.ok_or_else(|| format!("`--election {range}` must be a range of milliseconds, such as `150-300`."))
    }

    fn value<T: std::str::FromStr>(&self, name: &str) -> Result<T, String> {
        let value = self.0.get(name).ok_or_else(|| format!("`--{name}` is missing."))?;
        value.parse().map_err(|_| format!("`--{name} {value}` cannot be understood."))
    }

    fn value_or<T: std::str::FromStr>(&self, name: &str, otherwise: &str) -> Result<T, String> {
        let value = self.0.get(name).map_or(otherwise, |value| *value);
        value.parse().map_err(|_| format!("`--{name} {value}` cannot be understood."))
    }
}
