//! What `cargo course check --json` prints ([`lines`](crate::lines)).
//!
//! ```json
//! {"event":"stands-on","references":["1-cap"]}
//! {"event":"building","what":"compiling cap v0.1.0"}
//! {"event":"starting","checks":[{"check":"checks::abd::it_works","name":"it works"}]}
//! {"event":"begun","check":"checks::abd::it_works"}
//! {"event":"ended","check":"checks::abd::it_works","passed":true,"headline":"Your code passes.","evidence":[…],"seconds":0.4}
//! {"event":"graded","tasks":[{"id":"abd","passed":true,"points":20}],"suspects":[],"warnings":0}
//! ```
//!
//! The first line comes only if the stage stands on the reference of another. Code that is refused or
//! does not compile gives a `refused` or a `does-not-compile` in place of the lines from there on.

use std::path::Path;

use serde::Serialize;
use testkit::check::{Ending, FailureKind, Rule, Run, report};

use super::{Closing, Graded, Teller, blame};
use crate::error::Exit;
use crate::lines;
use crate::manifest::{Stage, sentence};
use crate::misconception::Misconception;
use crate::refusals::Refusal;
use crate::runner::{Diagnostic, Listener, test_path};
use crate::workspace::Workspace;

/// Tells a check in lines of JSON.
pub struct Lines;

/// One line.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    StandsOn { references: Vec<&'a str> },
    Building { what: &'a str },
    Starting { checks: Vec<Named> },
    Begun { check: String },
    Ended(Box<Ended<'a>>),
    Refused { refusals: &'a [Refusal] },
    DoesNotCompile { diagnostics: &'a [Diagnostic], says: &'a str },
    Graded { tasks: Vec<Outcome<'a>>, suspects: &'a [Misconception], warnings: usize },
}

/// A check, and its name as a sentence.
#[derive(Serialize)]
struct Named {
    check: String,
    name: String,
}

/// How a check ended.
#[derive(Serialize)]
struct Ended<'a> {
    check: &'a str,
    name: String,
    passed: bool,
    /// One line: whose mistake it is, and what sort of mistake.
    headline: String,
    /// What was shown, one line for each scope.
    evidence: &'a [String],
    /// What the check found.
    failure: Option<Failure<'a>>,
    /// The report of the terminal, for endings without a verdict.
    report: Option<String>,
    seconds: f64,
}

/// What a check found.
#[derive(Serialize)]
struct Failure<'a> {
    kind: FailureKind,
    rule: &'a Rule,
    summary: &'a str,
    /// The name of the trace's file in its stage's folder of traces.
    trace: Option<String>,
}

/// What a task's checks came to.
#[derive(Serialize)]
struct Outcome<'a> {
    id: &'a str,
    passed: bool,
    points: u32,
}

impl Line<'_> {
    fn print(&self) {
        lines::print(self);
    }
}

impl Listener for Lines {
    fn building(&self, what: &str) {
        Line::Building { what }.print();
    }

    fn built(&self) {}

    fn starting(&self, checks: &[&str]) {
        let named = |check: &&str| Named { check: test_path(check), name: sentence(check) };
        Line::Starting { checks: checks.iter().map(named).collect() }.print();
    }

    fn begun(&self, check: &str) {
        Line::Begun { check: test_path(check) }.print();
    }

    fn ended(&self, run: &Run) {
        Line::Ended(Box::new(Ended::of(run))).print();
    }

    fn finished(&self) {}
}

impl<'a> Ended<'a> {
    fn of(run: &'a Run) -> Self {
        let Run { check, ending, took, .. } = run;
        let evidence = match ending {
            Ending::Verdict(verdict) => &verdict.evidence[..],
            _ => &[],
        };
        Self {
            check,
            name: sentence(check),
            passed: run.passed(),
            headline: report::headline(ending),
            evidence,
            failure: run.failure().map(|failure| Failure {
                kind: failure.kind,
                rule: &failure.rule,
                summary: &failure.summary,
                trace: failure.trace.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into()),
            }),
            report: (!matches!(ending, Ending::Verdict(_))).then(|| report::text(run, false)),
            seconds: took.as_secs_f64(),
        }
    }
}

impl Lines {
    /// Tells the compiler's errors, and what they mean for the exit code.
    pub fn does_not_compile(workspace: &Workspace, stage: &Stage, diagnostics: &[Diagnostic], at: &Path) -> Exit {
        let (exit, says) = blame(workspace, stage, at);
        Line::DoesNotCompile { diagnostics, says: &says }.print();
        exit
    }
}

impl Teller for Lines {
    fn listener(&self) -> &dyn Listener {
        self
    }

    fn stands_on(&self, references: &[&Stage]) {
        if !references.is_empty() {
            Line::StandsOn { references: references.iter().map(|stage| stage.id.as_str()).collect() }.print();
        }
    }

    fn refused(&self, refusals: &[Refusal]) {
        Line::Refused { refusals }.print();
    }

    fn does_not_compile(&self, workspace: &Workspace, stage: &Stage, diagnostics: &[Diagnostic], at: &Path) -> Exit {
        Self::does_not_compile(workspace, stage, diagnostics, at)
    }

    fn graded<'g>(&self, _: &'g [Graded], _: &[Misconception]) -> Vec<&'g Run> {
        Vec::new() // each run was told when it ended
    }

    fn closing(&self, closing: &Closing) {
        let outcome = |graded: &'_ Graded<'_>| (graded.task.id.clone(), graded.passed(), graded.task.points);
        let outcomes: Vec<_> = closing.graded.iter().chain(closing.again).map(outcome).collect();
        let tasks = outcomes.iter().map(|(id, passed, points)| Outcome { id, passed: *passed, points: *points });
        Line::Graded { tasks: tasks.collect(), suspects: closing.suspects, warnings: closing.warnings }.print();
    }
}
