//! What a command with `--json` prints: a line of JSON for each thing that happens, as it happens. The book's server reads them, and
//! so can any other program.

use std::io::{self, BufRead, Write};
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::process::{Signal, getpgrp, getpid, kill_process_group};
use serde::Serialize;

use crate::error::Exit;

/// From now on, the end of the standard input is the end of this command and of all that it has started: whoever reads the lines
/// cannot leave anything behind.
pub fn hold_on_to_reader() {
    drop(hear_reader());
}

/// As [`hold_on_to_reader`], and gives what the reader says meanwhile, line by line.
pub fn hear_reader() -> Receiver<String> {
    let (tell, heard) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let _ = tell.send(line); // a command that is asked for nothing does not listen
        }
        if getpgrp() == getpid() {
            let _ = kill_process_group(getpgrp(), Signal::KILL);
        }
        process::exit(Exit::Interrupted as i32);
    });
    heard
}

/// Prints a line. A reader that went away has closed the standard input as well.
pub fn print(line: &impl Serialize) {
    let line = serde_json::to_string(line).expect("text and numbers always have a JSON form");
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
