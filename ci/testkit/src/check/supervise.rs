//! Runs one check in a process of its own and finds out how that ended.
//!
//! The supervisor holds the write end of the process's standard input, and writes nothing to it but the request. This is
//! the process's lifeline: it closes when the supervisor lets go of it or dies, however it dies, and then the process ends
//! itself (see [`subject`]).

use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::capture::{Capture, Output};
use super::patience::Spent;
use super::subject;
use super::verdict::{Answer, Asked, Failure, Outcome, RunRequest, Verdict};

/// How often a waiting supervisor looks whether the process has ended or is to be stopped.
const POLL: Duration = Duration::from_millis(5);

/// How long the output of an ended process may take to drain, should some other process hold it open.
const GRACE: Duration = Duration::from_secs(1);

/// When to stop a check from outside.
#[derive(Clone, Debug)]
pub struct Limits {
    /// When its process has had this much time the check counts as hung. What other programs take from it does not count.
    pub hang: Duration,
    /// The check is stopped as soon as this flag is up.
    pub cancel: Option<Arc<AtomicBool>>,
}

impl Default for Limits {
    /// Two minutes, and no flag.
    fn default() -> Self {
        Limits { hang: Duration::from_secs(120), cancel: None }
    }
}

/// One run of a check: how it ended, and what it printed.
#[derive(Clone, Debug)]
pub struct Run {
    /// The check, by its test path.
    pub check: String,
    /// How it ended.
    pub ending: Ending,
    /// What the check, and the code under test in it, printed.
    pub output: Output,
    /// How long it took.
    pub took: Duration,
}

/// How a check's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The check came to its end and judged.
    Verdict(Verdict),
    /// It was stopped because it took too long.
    DidNotFinish {
        /// How long it was given.
        after: Duration,
    },
    /// The process ended itself before the check was through.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended the process.
    Aborted {
        /// The signal's number.
        signal: i32,
    },
    /// The process asked for more memory than it may have.
    OutOfMemory {
        /// The most address space that it may have, in bytes.
        limit: u64,
    },
    /// A stack overflowed.
    Overflowed,
    /// The caller raised the cancel flag.
    Cancelled,
    /// The course itself is at fault.
    GraderFailed {
        /// What went wrong.
        why: String,
    },
}

impl Run {
    /// Whether the check passed: it came to its end and found nothing wrong.
    pub fn passed(&self) -> bool {
        matches!(&self.ending, Ending::Verdict(Verdict { outcome: Outcome::Passed, .. }))
    }

    /// What the check found wrong, if it came to its end.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.ending {
            Ending::Verdict(Verdict { outcome: Outcome::Failed(failure), .. }) => Some(failure),
            _ => None,
        }
    }
}

/// Runs the check with the test path `check` of a test executable, and waits for its end. Nothing of the process is left
/// when this returns, nor of processes that it has started, unless they have left its process group and it ended without a verdict.
pub fn run(executable: &Path, check: &str, request: &RunRequest, limits: &Limits) -> Run {
    let begun = Instant::now();
    if subject::is_here() {
        let why = "A check cannot start another one.".to_owned();
        return Run {
            check: check.to_owned(),
            ending: Ending::GraderFailed { why },
            output: Output::default(),
            took: begun.elapsed(),
        };
    }
    let (ending, output) = match Subject::start(executable, check, request) {
        Ok(subject) => subject.observe(check, request, limits),
        Err(error) => {
            let why = format!("{} could not be started: {error}.", executable.display());
            (Ending::GraderFailed { why }, Output::default())
        }
    };
    Run { check: check.to_owned(), ending, output, took: begun.elapsed() }
}

/// A check's process on its way.
struct Subject {
    process: Child,
    capture: Capture,
    /// Held open as long as the process may live.
    _lifeline: ChildStdin,
}

/// Why the waiting came to an end.
enum Wait {
    Ended,
    Hung,
    Cancelled,
    Lost(io::Error),
}

impl Subject {
    fn start(executable: &Path, check: &str, request: &RunRequest) -> io::Result<Subject> {
        let (reader, writer) = io::pipe()?; // one pipe for both streams keeps their order
        let mut process = Command::new(executable)
            // The same for every check. A learner's own tests would run code of theirs before the check does.
            .args(["--nocapture", "--test-threads=1", "--include-ignored", "--skip", "mine::"])
            .env(subject::VARIABLE, "1")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()?;
        let mut lifeline = process.stdin.take().expect("standard input is a pipe");
        // A process that ended already cannot read this. How it ended tells more than the failed write.
        let asked = Asked { check: check.to_owned(), request: request.clone() };
        let _ = writeln!(lifeline, "{}", serde_json::to_string(&asked)?);
        Ok(Subject { process, capture: Capture::start(reader), _lifeline: lifeline })
    }

    fn observe(mut self, check: &str, request: &RunRequest, limits: &Limits) -> (Ending, Output) {
        let wait = self.wait(limits);
        let status = self.end();
        let answer = Answer::take(request, check);
        let printed = self.capture.finish(GRACE);
        let (started, output) = subject::strip_banner(printed);
        let ending = match (answer, wait) {
            (Some(Answer::Judged(verdict)), _) => Ending::Verdict(verdict),
            (Some(Answer::GraderFailed { why, .. }), _) => Ending::GraderFailed { why },
            (None, Wait::Cancelled) => Ending::Cancelled,
            (None, Wait::Hung) => Ending::DidNotFinish { after: limits.hang },
            (None, Wait::Lost(error)) => {
                Ending::GraderFailed { why: format!("The check's process got lost: {error}.") }
            }
            (None, Wait::Ended) => match status {
                Err(error) => Ending::GraderFailed { why: format!("The check's process got lost: {error}.") },
                Ok(status) if !started => {
                    let why = format!("The check's process ended ({status}) before the check `{check}` began.");
                    Ending::GraderFailed { why }
                }
                Ok(status) => without_verdict(status, &output.text, request.memory_bytes),
            },
        };
        (ending, output)
    }

    /// Ends the process, and those that it has started and that have not left its group.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        self.process.wait()
    }

    fn wait(&mut self, limits: &Limits) -> Wait {
        let mut spent = Spent::by(Pid::from_child(&self.process));
        loop {
            // It is not reaped yet: as long as it is there, its group's number belongs to nobody else.
            let watch = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            match waitid(WaitId::Pid(Pid::from_child(&self.process)), watch) {
                Ok(Some(_)) => return Wait::Ended,
                Ok(None) => {}
                Err(error) => return Wait::Lost(error.into()),
            }
            if limits.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                return Wait::Cancelled;
            }
            if spent.now() >= limits.hang {
                return Wait::Hung;
            }
            thread::sleep(POLL);
        }
    }
}

/// Tells the ways to end without a verdict apart. The runtime's last words are the only trace of some of them.
fn without_verdict(status: ExitStatus, output: &str, memory_limit: u64) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited { code },
        (None, _) if output.contains("has overflowed its stack") => Ending::Overflowed,
        (None, _) if output.contains("memory allocation of") => Ending::OutOfMemory { limit: memory_limit },
        (None, Some(signal)) => Ending::Aborted { signal },
        (None, None) => Ending::GraderFailed { why: format!("The check's process ended unclearly ({status}).") },
    }
}
