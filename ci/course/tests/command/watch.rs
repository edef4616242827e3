//! `cargo course watch`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use testkit::network::until;

use crate::fixture::{Fixture, shared};

/// A watch that is under way.
pub struct Watch {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watch {
    /// Starts one on a fixture.
    pub fn start(fixture: &Fixture, args: &[&str]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("course"));
        command.arg("watch").args(args).current_dir(&fixture.root).envs(fixture.settings());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Reads on until a line holds a text, and returns what was read.
    #[track_caller]
    pub fn reads(&mut self, text: &str) -> String {
        let mut read = String::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            read.push_str(&line);
            read.push('\n');
            if line.contains(text) {
                return read;
            }
        }
        panic!("`{text}` did not come:\n{read}");
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        self.process.stdin.as_mut().unwrap().write_all(key.as_bytes()).unwrap();
    }

    fn code(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill(); // ends nothing if the test went well
    }
}

#[test]
fn every_way_to_save_is_checked_and_a_pass_moves_on() {
    let fixture = Fixture::new("watch");
    let file = fixture.file("src/count.rs");
    let mut watch = Watch::start(&fixture, &[]);
    watch.reads("This part is not written yet.");
    watch.reads("A save in exercises/1-tiny/src checks count.");
    watch.press("h");
    watch.reads("Hint 1 of 3");
    watch.reads("A save in");

    let wrong = fs::read_to_string(&file).unwrap().replace("todo!(\"Count the items.\")", "items.len() + 1");
    fs::remove_file(&file).unwrap();
    fs::write(&file, &wrong).unwrap(); // as editors do that delete and write anew
    watch.reads("Two items were counted as 3.");
    watch.reads("A save in");

    fs::write(fixture.file("src/count.rs.new"), wrong.replace(" + 1", "")).unwrap();
    fs::rename(fixture.file("src/count.rs.new"), &file).unwrap(); // as editors do that write aside
    watch.reads("✓ Count passed: 10 points");
    watch.reads("A save in exercises/1-tiny/src checks tally.");
    watch.press("q");
    assert_eq!(watch.code(), Some(0));
}

#[test]
fn a_save_cuts_the_run_short_and_an_interrupt_leaves_nothing_behind() {
    let fixture = Fixture::new("cut-short");
    let pids = fixture.root.join("pids");
    let tell = format!("std::fs::write({pids:?}, std::process::id().to_string()).unwrap();");
    fixture.count_is(&format!("{{ {tell} loop {{}} }}"));
    let mut watch = Watch::start(&fixture, &["count"]);
    let first = pid_in(&pids);
    fs::remove_file(&pids).unwrap();
    fixture.edit("src/count.rs", "loop {}", "loop { /* for ever */ }");
    let second = pid_in(&pids);
    assert_ne!(first, second);
    until("the first check is gone", || is_gone(first));
    kill_process(Pid::from_child(&watch.process), Signal::INT).unwrap();
    assert_eq!(watch.code(), Some(130));
    until("the second check is gone", || is_gone(second));
}

#[test]
fn an_unknown_task_is_not_watched() {
    let says = shared().complains(&["watch", "tal"], 2);
    assert_eq!(says, "No task is called `tal`; did you mean `tally`? `cargo course` lists them.");
}

/// The process that tells its number in a file. Several may, one after the other, and the file is empty while one of them begins to write: what
/// was read counts, and is not read again.
fn pid_in(file: &std::path::Path) -> Pid {
    let read = || fs::read_to_string(file).ok().and_then(|text| text.parse().ok()).and_then(Pid::from_raw);
    let mut pid = None;
    until("a check has told its id", || {
        pid = read();
        pid.is_some()
    });
    pid.unwrap()
}

/// Whether a process has ended. Where nobody reaps orphans, they stay as zombies.
fn is_gone(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_err() || status.contains("State:\tZ")
}
