//! However a check's process ends, nothing of what it started is left.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::PathBuf;
use std::process::{self, Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs, thread};

use testkit::check::{Ending, Limits, observe};
use testkit::network::{Enclosure, Log, until};

use super::{LIMIT, REGISTER, started};

/// The helper program, with signals as a terminal's shell hands them on. In the background, and under `nohup`, a program ignores some
/// of them and hands that on; where GNU's `env` is there, it puts that right.
fn as_from_a_terminal() -> Command {
    const PUT_RIGHT: &str = "--default-signal=HUP,INT,QUIT,TERM";
    let puts_right = Command::new("env").args([PUT_RIGHT, "true"]).stderr(Stdio::null()).status();
    if puts_right.is_ok_and(|status| status.success()) {
        let mut command = Command::new("env");
        command.args([PUT_RIGHT, REGISTER]);
        return command;
    }
    Command::new(REGISTER)
}

/// A process that holds a site like a check does, with its last server paused.
struct Holder {
    process: Child,
    folder: PathBuf,
    servers: Vec<String>,
    /// Held open, so that it is not a closed pipe that ends it.
    _output: BufReader<ChildStdout>,
}

impl Holder {
    fn start() -> Self {
        let mut process = as_from_a_terminal()
            .args(["check", "3"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let folder = PathBuf::from(words.next().unwrap());
        let servers: Vec<String> = words.collect();
        assert!(folder.join("n2").is_dir() && servers.len() == 3, "{line}");
        assert!(servers.iter().all(|server| is_alive(server)));
        Self { process, folder, servers, _output: output }
    }

    /// Sends a signal to its whole process group, as a terminal does.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        assert!(Command::new("kill").args([signal, "--", &group]).status().unwrap().success());
    }

    fn tell(&mut self, how: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{how}").unwrap();
    }

    fn leaves_nothing(mut self) {
        let pipe = self.process.stdin.take();
        self.process.wait().unwrap();
        drop(pipe);
        until("its servers are gone", || !self.servers.iter().any(|server| is_alive(server)));
        until("its folder is gone", || !self.folder.exists());
        let named = self.folder.display().to_string();
        until("its helpers are gone", || !processes().contains(&named));
    }
}

/// Whether a process runs or is stopped. One that has ended may be listed until somebody asks after it.
fn is_alive(id: &str) -> bool {
    let listed = Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
    let state = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

fn processes() -> String {
    String::from_utf8_lossy(&Command::new("ps").args(["-A", "-o", "args="]).output().unwrap().stdout).into_owned()
}

#[test]
fn a_killed_check_leaves_nothing() {
    let holder = Holder::start();
    holder.signal("-KILL");
    holder.leaves_nothing();
}

#[test]
fn control_c_leaves_nothing() {
    let holder = Holder::start();
    holder.signal("-INT");
    holder.leaves_nothing();
}

#[test]
fn a_terminated_check_leaves_nothing() {
    let holder = Holder::start();
    holder.signal("-TERM");
    holder.leaves_nothing();
}

#[test]
fn a_closed_terminal_leaves_nothing() {
    let holder = Holder::start();
    holder.signal("-HUP");
    holder.leaves_nothing();
}

#[test]
fn a_check_that_panics_aborts_exits_or_ends_leaves_nothing() {
    for how in ["panic", "abort", "exit", "end"] {
        let mut holder = Holder::start();
        holder.tell(how);
        holder.leaves_nothing();
    }
}

#[test]
fn a_check_that_is_stopped_from_outside_leaves_nothing() {
    // The body runs in a process of its own, to which this one is the parent.
    let note = |process: u32| env::temp_dir().join(format!("course-held-{process}"));
    let told = note(process::id());
    let flag = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let (flag, told) = (Arc::clone(&flag), told.clone());
        move || {
            until("the body holds a site", || told.exists());
            flag.store(true, Ordering::Relaxed);
        }
    });
    let run = observe(
        |_| {
            let site = started(2);
            let ids = [0, 1].map(|server| site.id(server).unwrap().to_string());
            let unfinished = note(process::id());
            fs::write(&unfinished, format!("{} {}", site.seat(0).data.display(), ids.join(" "))).unwrap();
            fs::rename(unfinished, note(parent_id())).unwrap();
            loop {
                thread::park();
            }
        },
        &Limits { hang: 2 * LIMIT, cancel: Some(flag) },
    );
    watcher.join().unwrap();
    assert!(matches!(run.ending, Ending::Cancelled), "{run:?}");
    let line = fs::read_to_string(&told).unwrap();
    fs::remove_file(told).unwrap();
    let (folder, servers) = line.split_once(' ').unwrap();
    until("its servers are gone", || !servers.split(' ').any(is_alive));
    until("its folder is gone", || !PathBuf::from(folder).exists());
}

#[test]
fn an_end_waits_until_everything_is_gone() {
    let mut site = started(3);
    let ids: Vec<String> = (0..3).map(|server| site.id(server).unwrap().to_string()).collect();
    let folder = site.seat(0).data.clone();
    site.pause(1).unwrap();
    site.end().unwrap();
    assert!(!ids.iter().any(|id| is_alive(id)) && !folder.exists());
}

#[test]
fn children_of_servers_are_ended_too() {
    let enclosure = Enclosure::new().unwrap();
    let log = Log::new();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "sleep 1000 & echo $!; wait"]);
    let process = enclosure.start("it", command, &log).unwrap();
    until("it says the id of its child", || !log.last(1).is_empty());
    let child = log.last(1);
    assert!(is_alive(&child));
    enclosure.end().unwrap();
    until("its child is gone", || !is_alive(&child));
    drop(process);
}
