//! What happened in one run, event by event: the course's format for traces.
//!
//! A [`Trace`] lists the participants and the [`Step`]s of a run in the order in which they happened: who acted, on
//! what message, from whom, with which effects, and the acting participant's state before and after. If the run broke a
//! property, the trace ends with the [`Violation`]. The model checker, the simulation, schedules written by hand and
//! the real network all write this format, and every view reads it: [`terminal`] draws a space-time diagram in text,
//! [`svg`] draws it as a picture.
//!
//! States and messages are kept as the text of their [`Debug`](std::fmt::Debug) form. That makes a trace independent of
//! the types of the exercise it came from, and [`diff`] finds out from the text which fields changed.
//!
//! On disk a trace is JSON with a `version`. A file of another version is refused with a sentence that says what to do.

pub mod diff;
mod story;
pub mod svg;
pub mod terminal;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::FailureKind;
use crate::rule::Rule;

pub(crate) use story::wrap;

/// The version of the format that this library writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// One run of a system, from its start to where it ended or broke a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The version of the format: [`VERSION`].
    pub version: u32,
    /// The stage of the course: `1-cap`.
    pub stage: String,
    /// The check that made the run, by its test path: `checks::abd::every_history_is_linearizable`.
    pub check: String,
    /// Which of the check's scopes this is: `two writers, one reader`.
    pub scope: String,
    /// What made the run.
    pub producer: Producer,
    /// The seed of a simulated run.
    pub seed: Option<u64>,
    /// The participants. A step names a participant by its index here.
    pub participants: Vec<Participant>,
    /// How many of the first steps set the scene: the check takes them in every run.
    #[serde(default)]
    pub staged: usize,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// The property that the run broke, if it broke one.
    pub violation: Option<Violation>,
}

/// What made a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Producer {
    /// The model checker, which tries every order of events.
    Model,
    /// The simulation: one long run drawn from a seed.
    Simulation,
    /// A schedule written by hand.
    Schedule,
    /// The power that failed at every moment of a run.
    Crashes,
    /// Real processes on a real network.
    Network,
    /// A person who chose each step.
    Walk,
}

/// One lifeline of the diagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// A short name: `n0` for a server, `c0` for a client.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its state before the first step, as `{:?}` shows it.
    pub state: String,
}

/// What a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A node of the system.
    Server,
    /// Someone who asks the system for something.
    Client,
}

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Names the action, unlike any other that was possible at this point, so that a replay finds it again:
    /// `n1 receives Query { op: 1 } from n0`.
    pub label: String,
    /// What sort of event it is.
    pub kind: StepKind,
    /// The participant it happens to, by its index.
    pub who: usize,
    /// The participant where the arrow starts, by its index.
    pub from: Option<usize>,
    /// The message, request or timer that is handled, as `{:?}` shows it.
    pub message: Option<String>,
    /// What the participant noted, as `notes: votes {n0}`, and then what it did in answer, in order: `sends Ack { .. } to n0`, `replies Written to c0#0`, `reply lost`.
    pub effects: Vec<String>,
    /// The state of `who` before the step, as `{:?}` shows it; empty while it is down.
    pub before: String,
    /// The state of `who` after the step, as `{:?}` shows it; empty while it is down.
    pub after: String,
}

/// The sorts of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// A client's request reaches a server.
    Invoke,
    /// A message reaches its recipient.
    Deliver,
    /// A timer fires.
    Timeout,
    /// A server stops and forgets what it did not save.
    Crash,
    /// A server starts again with what it saved.
    Restart,
    /// The network loses a message.
    Drop,
    /// The network makes a second copy of a message.
    Duplicate,
    /// A link, or all links of a server, stop carrying messages.
    Cut,
    /// What was cut carries messages again.
    Heal,
    /// A client sends its request once more.
    Retry,
    /// Anything else; the label says what.
    Other,
}

/// The property that a run broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The sort of failure: `violated`, `stuck`, `panicked`.
    pub kind: String,
    /// The rule's name: `linearizable`.
    pub rule: String,
    /// The rule in one sentence.
    pub says: String,
    /// Where the rule comes from: a paper and its section.
    pub source: String,
    /// How this run breaks the rule.
    pub explanation: String,
}

impl Trace {
    /// A run that breaks nothing so far. The check that made it fills in its own names.
    pub(crate) fn new(producer: Producer, participants: Vec<Participant>, steps: Vec<Step>) -> Trace {
        Trace {
            version: VERSION,
            stage: String::new(),
            check: String::new(),
            scope: String::new(),
            producer,
            seed: None,
            participants,
            staged: 0,
            steps,
            violation: None,
        }
    }

    /// Reads a trace from a file.
    pub fn load(path: &Path) -> Result<Trace, TraceError> {
        let text = fs::read(path).map_err(|error| TraceError::reading(path, error))?;
        let json: Value = serde_json::from_slice(&text).map_err(|error| TraceError::garbled(path, &error))?;
        match json.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(TraceError::Version { path: path.into(), version }),
            None => return Err(TraceError::NotATrace { path: path.into(), why: "it has no version".into() }),
        }
        let trace: Trace = serde_json::from_value(json)
            .map_err(|error| TraceError::NotATrace { path: path.into(), why: error.to_string() })?;
        trace.coherent().map_err(|why| TraceError::NotATrace { path: path.into(), why })?;
        Ok(trace)
    }

    /// Writes the trace to a file, in place of what the file held. Folders on the way are made.
    pub fn save(&self, path: &Path) -> Result<(), TraceError> {
        let failed = |error: io::Error| TraceError::Unwritable { path: path.into(), why: error.to_string() };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        fs::write(path, text).map_err(failed)
    }

    /// Makes sure that the trace was made by `check` of `stage`, because only that check can replay it.
    pub fn expect_check(&self, stage: &str, check: &str) -> Result<(), TraceError> {
        if self.stage == stage && self.check == check {
            return Ok(());
        }
        Err(TraceError::OtherCheck {
            found: format!("{} of {}", self.check, self.stage),
            expected: format!("{check} of {stage}"),
        })
    }

    /// Whether every index points at a participant, and every number at a step.
    fn coherent(&self) -> Result<(), String> {
        let count = self.participants.len();
        let lost = |step: &Step| step.who >= count || step.from.is_some_and(|from| from >= count);
        match self.steps.iter().position(lost) {
            Some(at) => Err(format!("step {} names a participant that is not listed", at + 1)),
            None if self.staged > self.steps.len() => Err("more steps set the scene than there are".to_owned()),
            None => Ok(()),
        }
    }
}

impl Violation {
    /// The rule that was broken, in which way, and why.
    pub(crate) fn new(kind: FailureKind, rule: &Rule, why: &str) -> Violation {
        Violation {
            kind: format!("{kind:?}"),
            rule: rule.name.to_string(),
            says: rule.says.to_string(),
            source: rule.source.to_string(),
            explanation: why.to_owned(),
        }
    }
}

/// Why a trace could not be read, written or used. The text says what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceError {
    /// There is no such file.
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is there but cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file ends in the middle: its writer was stopped, or the copy was.
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// The file holds something else.
    NotATrace {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        why: String,
    },
    /// The file was written by another version of the course.
    Version {
        /// The file.
        path: PathBuf,
        /// The version that it says it has.
        version: u64,
    },
    /// The trace is fine, but belongs to another check.
    OtherCheck {
        /// The check that made it.
        found: String,
        /// The check that was asked to replay it.
        expected: String,
    },
    /// The file cannot be written.
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

impl TraceError {
    fn reading(path: &Path, error: io::Error) -> TraceError {
        match error.kind() {
            io::ErrorKind::NotFound => TraceError::Missing { path: path.into() },
            _ => TraceError::Unreadable { path: path.into(), why: error.to_string() },
        }
    }

    fn garbled(path: &Path, error: &serde_json::Error) -> TraceError {
        if error.is_eof() {
            TraceError::Truncated { path: path.into() }
        } else {
            TraceError::NotATrace { path: path.into(), why: error.to_string() }
        }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Missing { path } => write!(
                f,
                "There is no trace at {}. Run `cargo course check`: a check that fails writes a trace and says where.",
                path.display()
            ),
            TraceError::Unreadable { path, why } => {
                write!(f, "The trace {} cannot be read ({why}). Look at the file's permissions.", path.display())
            }
            TraceError::Truncated { path } => {
                write!(f, "The trace {} ends in the middle. Make it again with `cargo course check`.", path.display())
            }
            TraceError::NotATrace { path, why } => write!(
                f,
                "{} is not a trace of this course ({why}). Give the path that a failing `cargo course check` printed.",
                path.display()
            ),
            TraceError::Version { path, version } if *version > u64::from(VERSION) => write!(
                f,
                "The trace {} has version {version}, and this course reads version {VERSION}. Update the course, \
                 or make the trace again with `cargo course check`.",
                path.display()
            ),
            TraceError::Version { path, version } => write!(
                f,
                "The trace {} has the old version {version}, and this course reads version {VERSION}. Make it again \
                 with `cargo course check`.",
                path.display()
            ),
            TraceError::OtherCheck { found, expected } => write!(
                f,
                "The trace was made by {found}, not by {expected}. Replay it with the check that made it, or give a \
                 trace of this one."
            ),
            TraceError::Unwritable { path, why } => write!(
                f,
                "The trace {} cannot be written ({why}). Make room on the disk, or look at the folder's permissions.",
                path.display()
            ),
        }
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
