//! Checks: how the course decides whether a learner's code is right, and says why not.
//!
//! A check is a `#[test]` with one call of [`check`]:
//!
//! ```no_run
//! use testkit::check::{Rule, check};
//!
//! const ECHO: Rule = Rule::new("echo", "A reply repeats its request.", "RFC 862", "1-cap/README.md");
//!
//! #[test]
//! fn a_reply_repeats_its_request() {
//!     check(|check| {
//!         let reply = "hello";
//!         check.requires(ECHO, reply == "hello", || format!("The reply to `hello` was `{reply}`."))?;
//!         check.evidence("one request: the reply repeats it");
//!         Ok(())
//!     });
//! }
//! ```
//!
//! # Two processes
//!
//! Code under test may loop forever, abort, use up the memory or call `exit(0)`, which a test harness takes for a pass. So
//! a check's body never runs in the process that judges. The **supervisor** ([`supervise`]) starts the test executable once
//! more, with an environment variable that tells [`check`] to be the **subject** this time. The subject
//! runs the body and writes a [`Verdict`]. Only a verdict with the right nonce says "passed"; whatever else happens to the
//! subject is an [`Ending`] with a text of its own ([`report`]).
//!
//! `cargo test` makes the test itself the supervisor; `cargo course check` is a supervisor for many checks at once.
//!
//! # Whose mistake
//!
//! A panic in this library or in a stage's `tests/checks/` is the course's mistake, and is reported as that. Checks
//! therefore state what they demand of the code under test with [`Check`]'s methods, not with `assert!`.
//!
//! # Left out on purpose
//!
//! A sandbox. The learner's code is the learner's own, on the learner's own machine: it is kept from passing or hanging by
//! accident, and cannot read its own process's memory where the system helps ([`confine`]), but everything else that the learner
//! may do it may do, too.

mod capture;
mod confine;
mod leftovers;
mod patience;
mod regression;
pub mod report;
mod scopes;
mod subject;
pub mod supervise;
pub mod verdict;
mod walk;

use std::any;
use std::collections::BTreeSet;
use std::env;
use std::io::{self, IsTerminal};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use capture::Output;
pub use regression::{as_test, replays};
pub use supervise::{Ending, Limits, Run};
pub use verdict::{Failure, FailureKind, Finding, Mode, Outcome, Rule, RunRequest, Scope, Verdict};

use crate::trace::{self, Trace, TraceError};

/// What the evidence of a replay says, behind the scope, if the run could not be taken to its end: nothing is known then.
pub const IMPOSSIBLE: &str = "the run cannot happen any more";

/// What a step of a check comes to: `?` ends the check at its first failure.
pub type Proven = Result<(), Box<Failure>>;

/// The body of a `#[test]` that is a check. A test holds one call of this, and it stands directly in the test's function.
///
/// A failure is printed and ends the test. A pass prints its evidence, which the harness shows with `--nocapture`.
pub fn check<F>(body: F)
where
    F: FnOnce(&mut Check) -> Proven + Send,
{
    let run = observe(body, &Limits::default());
    let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    println!("{}", report::text(&run, colour));
    if !run.passed() {
        panic::resume_unwind(Box::new("the check failed")); // as a panic would, but without its message
    }
}

/// Runs a check in a process of its own and tells how that ended, as [`check`] does but without a word. In the check's own
/// process this does not return.
pub fn observe<F>(body: F, limits: &Limits) -> Run
where
    F: FnOnce(&mut Check) -> Proven + Send,
{
    let path = test_path_of_closure(any::type_name::<F>());
    if subject::is_here() {
        let asked = subject::asked();
        if asked.check != path {
            panic::resume_unwind(Box::new("another check is meant")); // as a panic would, but without a word
        }
        subject::run(path, asked, body);
    }
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let first = SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    assert!(first, "{path} holds two checks: the second would never run, so give it a test of its own");
    let executable = env::current_exe().expect("a running program has a path");
    supervise::run(&executable, path, &RunRequest::new(Mode::Grade, traces_dir(&executable)), limits)
}

/// The running check: what its steps report to.
#[derive(Debug)]
pub struct Check {
    path: String,
    mode: Mode,
    replayed: Option<Trace>,
    traces: PathBuf,
    evidence: Vec<String>,
}

impl Check {
    fn new(path: &str, request: &RunRequest) -> Result<Check, TraceError> {
        let replayed = match &request.mode {
            Mode::Replay { trace } => Some(Trace::load(trace)?),
            _ => None,
        };
        Ok(Check {
            path: path.to_owned(),
            mode: request.mode.clone(),
            replayed,
            traces: request.traces.clone(),
            evidence: Vec::new(),
        })
    }

    /// What the check is run for.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The trace to follow, in [`Mode::Replay`].
    pub fn replayed(&self) -> Option<&Trace> {
        self.replayed.as_ref()
    }

    /// Adds a line to what was shown: the scope, and how much of it was looked at. Where states are only looked at, nothing is.
    pub fn evidence(&mut self, line: impl Into<String>) {
        if !self.mode.is_a_look() {
            self.evidence.push(line.into());
        }
    }

    /// Demands that `rule` holds, where that can be seen without a model. `summary` says who broke it. Code that wants to look
    /// at states is not kept from it.
    pub fn requires(&mut self, rule: Rule, holds: bool, summary: impl FnOnce() -> String) -> Proven {
        if holds || self.mode.is_a_look() {
            return Ok(());
        }
        let finding = Finding { kind: FailureKind::Violated, rule, summary: summary(), trace: None };
        Err(Box::new(self.failure(finding)))
    }

    /// Takes the result of a search or a simulation: a line of evidence, or what it found wrong.
    pub fn prove(&mut self, result: Result<String, Box<Finding>>) -> Proven {
        match result {
            Ok(line) => {
                self.evidence(line);
                Ok(())
            }
            Err(finding) => Err(Box::new(self.failure(*finding))),
        }
    }

    /// Saves the run that shows what was found, and draws it.
    fn failure(&self, finding: Finding) -> Failure {
        let Finding { kind, rule, mut summary, trace } = finding;
        let mut failure = Failure { kind, rule, summary: String::new(), trace: None, diagram: None };
        if let Some(mut trace) = trace {
            self.sign(&mut trace);
            failure.diagram = Some(trace::terminal::render(&trace, &report::diagram_options(false, false)));
            let file = self.traces.join(format!("{}.json", self.path.replace("::", ".")));
            match trace.save(&file) {
                Ok(()) => failure.trace = Some(file),
                Err(error) => summary.push_str(&format!("\n{error}")),
            }
        }
        failure.summary = summary;
        failure
    }

    /// Writes into a trace which check it is of.
    fn sign(&self, trace: &mut Trace) {
        trace.stage = stage(&self.traces);
        trace.check = self.path.clone();
    }
}

/// The test path in the type name of a closure that stands in a test's function: the name without the crate.
///
/// # Panics
/// If it is no closure: the name of a function elsewhere would be that of another test, or of none.
fn test_path_of_closure(closure: &'static str) -> &'static str {
    const CLOSURE: &str = "::{{closure}}";
    assert!(
        closure.ends_with(CLOSURE),
        "the body of a check must be a closure in the test's own function, not {closure}"
    );
    test_path(closure.trim_end_matches(CLOSURE))
}

/// The test path in the type name of a test's function.
fn test_path(function: &'static str) -> &'static str {
    function.split_once("::").map_or(function, |(_, path)| path)
}

/// Where plain `cargo test` puts traces: `<target>/course/traces/<stage>`. Cargo runs a test executable from
/// `<target>/<profile>/deps` and in its package's folder, which has the stage's name.
fn traces_dir(executable: &Path) -> PathBuf {
    let deps = executable.parent().filter(|folder| folder.ends_with("deps"));
    let target = deps.and_then(|deps| deps.ancestors().nth(2)).map_or_else(env::temp_dir, Path::to_owned);
    let package = env::current_dir().unwrap_or_default();
    target.join("course/traces").join(stage(&package))
}

/// The stage that a folder is named after.
fn stage(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_finds_its_own_test_path() {
        assert_eq!(test_path_of_closure("graded::checks::abd::it_works::{{closure}}"), "checks::abd::it_works");
        assert_eq!(test_path_of_closure("hostile::it_works::{{closure}}::{{closure}}"), "it_works");
        assert_eq!(test_path("graded::checks::abd::it_works"), "checks::abd::it_works");
    }

    #[test]
    fn traces_go_below_cargos_target_folder() {
        let stage = stage(&env::current_dir().unwrap());
        let in_target = traces_dir(Path::new("/work/target/debug/deps/graded-0123"));
        assert_eq!(in_target, Path::new("/work/target/course/traces").join(&stage));
        let elsewhere = traces_dir(Path::new("/usr/bin/graded"));
        assert_eq!(elsewhere, env::temp_dir().join("course/traces").join(&stage));
    }
}
