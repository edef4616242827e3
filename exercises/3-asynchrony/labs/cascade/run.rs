//! Runs the scripts with each gateway.

use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use testkit::lab::machine;

use super::chain::Chain;
use super::command::gateway::Kind;
use super::follow::{Follower, Stored};
use super::load::{Clients, Sent, schedule};
use super::open_files;
use super::options::Options;
use super::script::Script;
use super::watch::{Look, Watch, processors};
use crate::subject::chain::parameters::Parameters;

/// A script that was played to a gateway.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which gateway.
    pub kind: Kind,
    /// Which script.
    pub script: Script,
    /// All requests, in the order in which their clients were through with them.
    pub sent: Vec<Sent>,
    /// All lines that were stored.
    pub stored: Vec<Stored>,
    /// How the gateway's process looked.
    pub looks: Vec<Look>,
    /// How busy the machine's processors were, from 0 to 1, if the system tells.
    pub busy: Option<f64>,
}

/// What came of all.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the chain is like.
    pub parameters: Parameters,
    /// The machine, in a few words.
    pub machine: String,
    /// The runs.
    pub runs: Vec<Run>,
    /// What could not be run, in a sentence each.
    pub missing: Vec<String>,
}

impl Outcome {
    /// The runs of a script.
    pub fn of(&self, script: Script) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.script == script)
    }
}

/// Runs what is wanted.
pub fn all(options: &Options) -> Result<Outcome, String> {
    open_files::allow_many(); // each client has a connection of its own
    let follower = Follower::start()?;
    let parameters = Parameters::LAB;
    let machine = machine::describe(&std::env::temp_dir());
    let mut outcome = Outcome { parameters, machine, runs: Vec::new(), missing: Vec::new() };
    for &script in &options.scripts {
        println!("\n{}: {}.", script.name, script.told);
        for &kind in &options.kinds {
            match one(kind, script, options, &follower)? {
                Ok(run) => outcome.runs.push(run),
                Err(why) => outcome.missing.push(why),
            }
        }
    }
    Ok(outcome)
}

/// Plays a script to a gateway. The inner error says that the gateway has ended: part of it may not be written yet.
fn one(kind: Kind, script: Script, options: &Options, follower: &Follower) -> Result<Result<Run, String>, String> {
    let parameters = Parameters::LAB;
    let mut chain = Chain::start(kind, parameters, follower.address)?;
    let bar = bar(kind, &script);
    let (before, begun) = (processors(), Instant::now());
    follower.begin(begun);
    let watch = Watch::start(chain.gateway(), begun);
    let patience = Duration::from_millis(parameters.patience);
    let clients = Clients { entrance: chain.entrance, patience, one_address: options.one_address, begun };
    let load = clients.start(schedule(&script, &parameters));
    for (at, phase) in script.moments() {
        wait(at, begun, &bar);
        bar.set_message(phase.name);
        chain.set(phase.store)?;
    }
    wait(script.lasts(), begun, &bar);
    let sent = load.join().map_err(|_| "The load has panicked: see above.".to_owned())?;
    bar.finish_and_clear();
    let (looks, stored) = (watch.end(), follower.stored());
    if let Some(says) = chain.has_ended() {
        return Ok(Err(format!("The gateway `{}` has ended, so it is left out. It said:\n{says}", kind.word())));
    }
    let busy = before
        .zip(processors())
        .map(|((worked, all), (now_worked, now_all))| (now_worked - worked) as f64 / (now_all - all).max(1) as f64);
    println!("  {}: done", kind.told());
    Ok(Ok(Run { kind, script, sent, stored, looks, busy }))
}

fn wait(until: Duration, begun: Instant, bar: &ProgressBar) {
    while begun.elapsed() < until {
        thread::sleep(Duration::from_millis(100).min(until.saturating_sub(begun.elapsed())));
        bar.set_position(begun.elapsed().as_millis() as u64);
    }
}

fn bar(kind: Kind, script: &Script) -> ProgressBar {
    let bar = ProgressBar::new(script.lasts().as_millis() as u64);
    let style = ProgressStyle::with_template("  {prefix:<24} {bar:30} {msg}").expect("the template is right");
    bar.with_style(style).with_prefix(kind.told())
}
