//! What a check's process is asked for, and what it answers: the words that the two sides share.
//!
//! Both travel as JSON. A [`RunRequest`] goes in through the process's standard input; a [`Verdict`] comes back in a file
//! that only this request names. The verdict carries the request's nonce, a word that nobody can guess, so that no file
//! lying about, and no code that only writes one, can pass for the check itself. ([`super::subject`] says how well it is kept.)

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use crate::rule::Rule;
use crate::trace::Trace;

/// The version of the verdict's JSON.
pub const VERSION: u32 = 1;

/// How much address space a check may use: 4 GiB.
pub const MEMORY_BYTES: u64 = 4 << 30;

/// What a check's process is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Grade the code under test, or look into it.
    pub mode: Mode,
    /// Where the verdict is to be written.
    pub verdict: PathBuf,
    /// A word that the verdict must repeat.
    pub nonce: String,
    /// The folder for traces of failures. Its last part is the stage: `target/course/traces/1-cap`.
    pub traces: PathBuf,
    /// The most address space that the process may use, in bytes.
    pub memory_bytes: u64,
}

impl RunRequest {
    /// A request with a nonce of its own and the usual memory limit.
    pub fn new(mode: Mode, traces: impl Into<PathBuf>) -> Self {
        let verdict = std::env::temp_dir().join(format!("course-verdict-{}.json", unguessable()));
        RunRequest { mode, verdict, nonce: unguessable(), traces: traces.into(), memory_bytes: MEMORY_BYTES }
    }
}

/// What goes in through standard input: a request, and the check that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The check's test path.
    pub check: String,
    pub request: RunRequest,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// The check came to its end.
    Judged(Verdict),
    /// The course is at fault. Without the nonce, anything could say so: an exit code is the code under test's.
    GraderFailed { nonce: String, why: String },
}

/// What a check is run for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Decide whether the code under test keeps the rules.
    Grade,
    /// Follow a trace on the code under test.
    Replay {
        /// The trace's file.
        trace: PathBuf,
    },
    /// Name the scopes that have states to walk through, as the evidence: each a [`Scope`] in JSON.
    Scopes,
    /// Guide a person through the states of one scope ([`Place`](crate::cluster::Place)) until the supervisor goes away.
    Walk {
        /// The socket at which the person's side listens.
        socket: PathBuf,
        /// Which scope of the check.
        scope: String,
    },
}

impl Mode {
    /// Whether states are looked at by a person, and nothing is judged.
    pub(super) fn is_a_look(&self) -> bool {
        matches!(self, Mode::Scopes | Mode::Walk { .. })
    }
}

/// A scope that has states to walk through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// What it is called, in words.
    pub name: String,
    /// Whether one server stands among peers that the check plays, so that little of it explains itself.
    pub among_peers: bool,
}

/// A check's judgement, written at its end. A check that did not reach its end has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The version of this format: [`VERSION`].
    pub version: u32,
    /// The request's nonce.
    pub nonce: String,
    /// The check, by its test path: `checks::abd::every_history_is_linearizable`.
    pub check: String,
    /// Passed or failed.
    pub outcome: Outcome,
    /// What was shown, one line for each scope.
    pub evidence: Vec<String>,
}

/// Passed or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that the check demands holds.
    Passed,
    /// Something does not.
    Failed(Box<Failure>),
}

/// What the code under test did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The sort of failure.
    pub kind: FailureKind,
    /// The rule that was broken.
    pub rule: Rule,
    /// Who broke what, in one or two sentences.
    pub summary: String,
    /// The file of the run that shows it.
    pub trace: Option<PathBuf>,
    /// That run as a diagram, without colour.
    pub diagram: Option<String>,
}

/// The sorts of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A `todo!` was reached.
    Unwritten,
    /// A state or a history breaks a rule.
    Violated,
    /// Something that must be possible happens in no run.
    Unreachable,
    /// A run goes on forever, or ends, without what must come about.
    Stuck,
    /// The code under test panicked.
    Panicked,
    /// The same event in the same state gave two different results.
    Nondeterministic,
    /// The search met its bound before it was through.
    OutOfScope,
}

impl FailureKind {
    /// Whether the code did something that it must not do, or did not do what it must. Code that is not written yet, that panics or that
    /// outgrows a scope has shown neither.
    pub fn judges(self) -> bool {
        match self {
            Self::Violated | Self::Unreachable | Self::Stuck | Self::Nondeterministic => true,
            Self::Unwritten | Self::Panicked | Self::OutOfScope => false,
        }
    }
}

/// What a search or a simulation found wrong. [`Check`](super::Check) makes a [`Failure`] of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The sort of failure.
    pub kind: FailureKind,
    /// The rule that was broken.
    pub rule: Rule,
    /// Who broke what, in one or two sentences.
    pub summary: String,
    /// The run that shows it.
    pub trace: Option<Trace>,
}

impl Finding {
    /// What a panic of the code under test means, given its message and its place in the source as
    /// [`panics::describe`](crate::panics::describe) tells them: a `todo!` is unwritten code, all else is a mistake.
    ///
    /// # Panics
    /// If it was the course that panicked: that is no finding about the code under test, so the panic goes on.
    pub fn panicked(message: &str, at: &str) -> Self {
        assert!(!is_ours(at), "the course panicked at {at}: {message}");
        let place = if at.is_empty() { String::new() } else { format!(" (at {at})") };
        let (kind, rule, said) = match message.strip_prefix("not yet implemented") {
            Some(rest) => (FailureKind::Unwritten, WRITTEN, rest.trim_start_matches(": ")),
            None => (FailureKind::Panicked, NO_PANIC, message),
        };
        let said = if said.is_empty() { "There is a `todo!()` without a word of what to do." } else { said };
        Finding { kind, rule, summary: format!("{said}{place}"), trace: None }
    }
}

/// The rule that a `todo!` breaks. Its page is that of the task, which is not known here.
const WRITTEN: Rule =
    Rule::new("it is written", "Replace this `todo!` by code. The page of the task says what is wanted.", "", "");

/// The rule that any other panic breaks.
const NO_PANIC: Rule = Rule::new(
    "no panic",
    "Whatever events come, in whatever order, the code handles them without a panic.",
    "contract of the Node trait",
    "1-cap/counterexamples.md#panics",
);

/// Whether a place in the source is the course's: in this library, or in a stage's checks. A learner's file may have any name, so
/// the folder of the checks is known by where it stands: `exercises/1-cap/tests/checks`.
pub(super) fn is_ours(at: &str) -> bool {
    let library = file!().trim_end_matches("check/verdict.rs");
    let Some((_, in_stage)) = at.split_once("exercises/") else { return at.starts_with(library) };
    let mut parts = in_stage.split('/').skip(1);
    parts.next() == Some("tests") && parts.next() == Some("checks") || at.starts_with(library)
}

impl Answer {
    /// Opens the file into which an answer to the request is written.
    pub fn open(request: &RunRequest) -> io::Result<File> {
        File::create_new(Self::unfinished(request))
    }

    /// Writes the answer into that file and puts it where the supervisor looks for it: whole, or not at all.
    pub fn save(&self, file: &mut File, request: &RunRequest) -> io::Result<()> {
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(Self::unfinished(request), &request.verdict)
    }

    /// Takes the answer to `request` about `check`, if there is one.
    pub fn take(request: &RunRequest, check: &str) -> Option<Answer> {
        let text = fs::read(&request.verdict);
        // A leftover in the temporary folder does no harm.
        let _ = fs::remove_file(&request.verdict);
        let _ = fs::remove_file(Self::unfinished(request));
        let answer: Answer = serde_json::from_slice(&text.ok()?).ok()?;
        let answers = match &answer {
            Answer::Judged(verdict) => {
                verdict.version == VERSION && verdict.nonce == request.nonce && verdict.check == check
            }
            Answer::GraderFailed { nonce, .. } => *nonce == request.nonce,
        };
        answers.then_some(answer)
    }

    fn unfinished(request: &RunRequest) -> PathBuf {
        request.verdict.with_extension("part")
    }
}

/// Thirty-two hexadecimal digits from the system's random numbers, through the seed of the standard hasher.
pub fn unguessable() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(request: &RunRequest) -> Verdict {
        Verdict {
            version: VERSION,
            nonce: request.nonce.clone(),
            check: "checks::abd::it_works".into(),
            outcome: Outcome::Failed(Box::new(Failure {
                kind: FailureKind::Violated,
                rule: NO_PANIC,
                summary: "n0 answered twice.".into(),
                trace: Some("traces/it.json".into()),
                diagram: None,
            })),
            evidence: vec!["one writer: exhausted 12 states".into()],
        }
    }

    fn save(verdict: &Verdict, request: &RunRequest) {
        Answer::Judged(verdict.clone()).save(&mut Answer::open(request).unwrap(), request).unwrap();
    }

    #[test]
    fn a_verdict_survives_its_file() {
        let request = RunRequest::new(Mode::Grade, "traces/1-cap");
        let verdict = verdict(&request);
        save(&verdict, &request);
        assert_eq!(Answer::take(&request, "checks::abd::it_works"), Some(Answer::Judged(verdict)));
        assert!(!request.verdict.exists(), "a verdict is taken once");
    }

    #[test]
    fn a_verdict_that_answers_another_request_does_not_count() {
        let request = RunRequest::new(Mode::Grade, "traces/1-cap");
        let good = verdict(&request);
        for forged in [
            Verdict { nonce: "0".repeat(32), ..good.clone() },
            Verdict { check: "checks::abd::another".into(), ..good.clone() },
            Verdict { version: VERSION + 1, ..good.clone() },
        ] {
            save(&forged, &request);
            assert_eq!(Answer::take(&request, "checks::abd::it_works"), None, "{forged:?}");
        }
        let forged = Answer::GraderFailed { nonce: "0".repeat(32), why: "It was the course.".into() };
        forged.save(&mut Answer::open(&request).unwrap(), &request).unwrap();
        assert_eq!(Answer::take(&request, "checks::abd::it_works"), None);
    }

    #[test]
    fn a_torn_or_missing_verdict_does_not_count() {
        let request = RunRequest::new(Mode::Grade, "traces/1-cap");
        assert_eq!(Answer::take(&request, "checks::abd::it_works"), None);
        fs::write(&request.verdict, "{\"version\": 1, \"nonce").unwrap();
        assert_eq!(Answer::take(&request, "checks::abd::it_works"), None);
    }

    #[test]
    fn a_request_survives_its_journey() {
        for mode in [
            Mode::Grade,
            Mode::Replay { trace: "traces/1-cap/it.json".into() },
            Mode::Scopes,
            Mode::Walk { socket: "walk.sock".into(), scope: "one writer".into() },
        ] {
            let request = RunRequest::new(mode, "traces/1-cap");
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<RunRequest>(&text).unwrap(), request);
        }
    }

    #[test]
    fn no_two_nonces_are_alike() {
        let (one, two) = (unguessable(), unguessable());
        assert_eq!((one.len(), two.len()), (32, 32));
        assert_ne!(one, two);
    }

    #[test]
    fn a_todo_is_unwritten_and_any_other_panic_a_mistake() {
        let todo = Finding::panicked("not yet implemented: Count each answer once.", "src/abd.rs:4:9");
        assert_eq!(todo.kind, FailureKind::Unwritten);
        assert_eq!(todo.summary, "Count each answer once. (at src/abd.rs:4:9)");
        let bare = Finding::panicked("not yet implemented", "");
        assert_eq!(bare.kind, FailureKind::Unwritten);
        assert_eq!(bare.summary, "There is a `todo!()` without a word of what to do.");
        let panic = Finding::panicked("index out of bounds", "src/abd.rs:4:9");
        assert_eq!(panic.kind, FailureKind::Panicked);
        assert_eq!(panic.summary, "index out of bounds (at src/abd.rs:4:9)");
    }

    #[test]
    fn a_place_in_the_source_is_the_courses_or_the_learners() {
        assert!(is_ours(file!()));
        assert!(is_ours("exercises/1-cap/tests/checks/abd.rs:10:5"));
        assert!(is_ours("solutions/1-cap/tests/../../../exercises/1-cap/tests/checks/abd.rs:10:5"));
        assert!(!is_ours("exercises/1-cap/src/abd.rs:10:5"));
        assert!(!is_ours("exercises/1-cap/src/tests/checks/abd.rs:10:5"), "a learner's folder may have that name");
        assert!(!is_ours("exercises/1-cap/tests/mine/tests/checks/abd.rs:10:5"));
        assert!(!is_ours("exercises/1-cap/src/exercises/1-cap/tests/checks/abd.rs:10:5"));
        assert!(!is_ours(""));
    }

    #[test]
    #[should_panic(expected = "the course panicked")]
    fn a_panic_of_the_course_is_no_finding() {
        Finding::panicked("index out of bounds", file!());
    }
}
