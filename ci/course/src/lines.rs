//! What a command with `--json` prints: a line of JSON for each thing that happens, as it happens. The book's server reads them, and
//! so can any other program.

use std::io::{self, Write};
use std::process;
use std::thread;

use rustix::process::{Signal, getpgrp, getpid, kill_process_group};
use serde::Serialize;

use crate::error::Exit;

/// From now on, the end of the standard input is the end of this command and of all that it has started: whoever reads the lines
/// cannot leave anything behind.
pub fn hold_on_to_reader() {
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        if getpgrp() == getpid() {
            let _ = kill_process_group(getpgrp(), Signal::KILL);
        }
        process::exit(Exit::Interrupted as i32);
    });
}

/// Prints a line. A reader that went away has closed the standard input as well.
pub fn print(line: &impl Serialize) {
    let line = serde_json::to_string(line).expect("texts and numbers always have a JSON form");
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
