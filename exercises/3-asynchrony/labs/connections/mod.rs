//! What do many connections cost, if each has a thread, and if each has a task?
//!
//! Two servers speak the protocol of the chain and answer from memory ([`server`]): one starts a thread for each connection, the other a task. A
//! generator connects 100 to 10,000 clients to one of them, lets them be idle, lets all of them ask as fast as they can, and lets them ask at a
//! steady pace ([`load`]). All the while it looks at the server's process ([`watch`]). Each of these is a process of its own, since a process may
//! have only so many files open. The lab goes through numbers and servers in rounds ([`run`]), so that what disturbs the machine disturbs both;
//! from these come tables with the spread ([`table`]), and a plot ([`plot`]). At last it opens 10,000 connections to a gateway of the chain.
//!
//! What the machine does not allow is said in words ([`refusal`]).
//!
//! ```console
//! $ cargo course lab connections                               # both servers, and your gateway: some two minutes
//! $ cargo course lab connections -- --connections 500          # one number of connections
//! $ cargo course lab connections --reference                   # the reference's gateway
//! $ cargo run -p asynchrony-solution --example connections -- --record book/src/3-asynchrony/labs 2026-11-30   # the run in the book
//! ```
//!
//! With `serve`, `load` or `gateway` as its first word, this program is one of the processes.

pub mod load;
pub mod options;
pub mod plot;
pub mod record;
pub mod refusal;
pub mod run;
pub mod server;
pub mod site;
pub mod spread;
pub mod table;
pub mod watch;

use std::env;
use std::process::ExitCode;

use options::Options;
use testkit::lab;

#[path = "../../bin/command/mod.rs"]
mod command;

#[path = "../customers.rs"]
mod customers;
#[path = "../open_files.rs"]
mod open_files;
#[path = "../process.rs"]
mod process;

/// Runs the lab, or a process of it. `whose` says whose gateway it is.
pub fn main(whose: &str) -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("gateway") => command::main(words),
        Some("serve") => lab::exit(server::main(&words[1..])),
        Some("load") => lab::exit(load::main(&words[1..])),
        _ => lab::exit(Options::read(&words).and_then(|options| start(whose, &options))),
    }
}

fn start(whose: &str, options: &Options) -> Result<(), String> {
    let outcome = run::all(whose, options)?;
    println!("\n{}", table::terminal(&outcome));
    match &options.record {
        Some((folder, date)) => record::record(&outcome, folder, date),
        None => lab::write(&lab::plots().join("connections.svg"), &plot::draw(&outcome)),
    }
}
