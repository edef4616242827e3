//! What does it cost to forget nothing?
//!
//! The lab measures three things, on the disk and the processors that you have:
//!
//! 1. a sync alone ([`syncs`]): records go into your [`Wal`](crate::subject::wal::Wal), with a sync for each, for each 8, for each 64;
//! 2. the whole store ([`ours`]): three `kv` processes on loopback, with 1, 8 and 64 clients ([`load`]);
//! 3. with `--etcd`, the same load on etcd ([`etcd`]), in turns with yours.
//!
//! It prints tables ([`table`]) and draws a plot ([`plot`]). Everything is measured in rounds, each of all three, since a machine that does
//! other things is never the same twice. Of a store the median round is shown, with the slowest and the fastest beside it, and of syncs all
//! rounds together.
//!
//! Servers and clients talk to each other directly: no proxy stands between them. They share the machine's processors, the clients'
//! threads too.
//!
//! ```console
//! $ cargo course lab durability                        # your store; the plot goes to target/course/labs/durability.svg
//! $ cargo course lab durability --reference            # the reference
//! $ cargo course lab durability -- --etcd              # beside etcd
//! $ cargo course lab durability -- --on /mnt/disk      # with the files on another disk
//! $ cargo run -p failures-solution --example durability -- --etcd --record book/src/2-failures/labs 2026-11-27
//! ```

pub mod cluster;
pub mod etcd;
pub mod experiment;
pub mod load;
pub mod ours;
pub mod plot;
pub mod record;
pub mod syncs;
pub mod table;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use testkit::lab;

#[path = "../../bin/command/mod.rs"]
mod command;

/// What the lab is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    /// Measure etcd, too.
    etcd: bool,
    /// The folder for all files that are written.
    on: Option<PathBuf>,
    /// Write the page and the plot of the book into this folder, with this date.
    record: Option<(PathBuf, String)>,
}

/// Runs the lab. `whose` says in the tables whose store this is.
pub fn main(whose: &str) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "serve") {
        return command::main(arguments); // one of the servers: what `kv` does
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    lab::exit(wishes(&words).and_then(|wishes| start(whose, &wishes)))
}

fn wishes(mut words: &[&str]) -> Result<Wishes, String> {
    let mut wishes = Wishes::default();
    while !words.is_empty() {
        words = match words {
            ["--etcd", rest @ ..] => {
                wishes.etcd = true;
                rest
            }
            ["--on", folder, rest @ ..] => {
                wishes.on = Some(folder.into());
                rest
            }
            ["--record", folder, date, rest @ ..] => {
                wishes.record = Some((folder.into(), (*date).to_owned()));
                rest
            }
            _ => {
                return Err("This lab takes `--etcd`, to measure etcd beside your store; `--on FOLDER`, for files on another disk; \
                            and `--record FOLDER DATE`, to write the page and the plot of the book."
                    .to_owned());
            }
        };
    }
    Ok(wishes)
}

fn start(whose: &str, wishes: &Wishes) -> Result<(), String> {
    let folder = wishes.on.clone().unwrap_or_else(lab::plots);
    stay_on(&folder)?;
    let outcome = experiment::run(whose, wishes.etcd, &folder)?;
    if outcome.syncs.is_err() && outcome.stores.is_empty() {
        return Err(table::notes(&outcome).join("\n"));
    }
    println!("{}", table::terminal(&outcome));
    if let Some((folder, date)) = &wishes.record {
        return record::record(&outcome, folder, date);
    }
    lab::write(&lab::plots().join("durability.svg"), &plot::draw(&outcome))
}

/// Makes sure that all files go into `folder`. The testkit takes the system's folder for temporary files, and on many systems
/// that is in memory, where a sync costs nothing and holds nothing. So this program begins again, with another such folder.
fn stay_on(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|why| format!("Cannot make {}: {why}.", folder.display()))?;
    let folder = folder.canonicalize().map_err(|why| format!("Cannot find {}: {why}.", folder.display()))?;
    if env::temp_dir() == folder {
        return Ok(());
    }
    let program = env::current_exe().map_err(|why| format!("This program cannot be found: {why}."))?;
    let why = Command::new(program).args(env::args_os().skip(1)).env("TMPDIR", folder).exec();
    Err(format!("This program cannot be started again: {why}."))
}
