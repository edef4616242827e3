//! `cargo course dev bugs`: shows that the checks catch what they are there to catch.
//!
//! Every known-wrong variant of a solution ([`mutant`]) is built in a [`scratch`] copy and run through the checks. A bug counts
//! as caught where a check reaches a verdict: a rule is broken, something cannot be reached, a run is stuck, the code is not
//! deterministic. A compile error, a panic, a crash or a time-out catches nothing.

mod bench;
pub mod figures;
pub mod matrix;
mod memory;
mod mutant;
mod reach;
mod scratch;

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use testkit::check::supervise::Run;
use testkit::check::{FailureKind, report};
use testkit::trace::Trace;

use crate::commands::dev::files;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Stage, nearest};
use crate::style::{self, BAD, FAINT, GOOD, STRONG, paint};
use crate::workspace::Workspace;
pub use bench::{Bench, fates};
use matrix::{Matrix, Row, Variant};
pub use mutant::{Kind, Mutant, load};
pub use reach::built_on;

/// Run the checks on known bugs and on correct variants of the solutions
#[derive(clap::Args)]
pub struct Args {
    /// Only this stage
    #[arg(long)]
    stage: Option<String>,
    /// Every bug against every check, not only against those that must catch it; records the kill matrix
    #[arg(long)]
    full: bool,
    /// With --full, do again also what an earlier full run has found and nothing has changed since
    #[arg(long, requires = "full")]
    afresh: bool,
    /// Only the bug or variant of this name; nothing is recorded then
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// What became of one check on one changed solution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The check passed.
    Passed,
    /// The check reached a verdict against the code, with a counterexample of that many steps.
    Caught(FailureKind, Option<usize>),
    /// The check came upon a `todo!`.
    Unwritten,
    /// Something else ended the check.
    Other(String),
}

/// What became of one changed solution.
#[derive(Debug)]
pub struct Outcome<'m> {
    /// Which it is.
    pub mutant: &'m Mutant,
    /// The checks that ran, or why none could.
    pub fates: Result<Vec<(String, Fate)>, String>,
    /// How many of these an earlier run had found.
    pub remembered: usize,
    /// From the start of its build to the end of its last check.
    pub took: Duration,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let stages = stages(&course, args.stage.as_deref())?;
    let mut complaints = 0;
    for stage in stages {
        complaints += run_stage(args, workspace, stage)?;
    }
    Ok(if complaints == 0 { Exit::Fine } else { Exit::NotPassed })
}

fn stages<'c>(course: &'c Course, name: Option<&str>) -> Result<Vec<&'c Stage>, Error> {
    let Some(name) = name else { return Ok(course.stages.iter().collect()) };
    Ok(vec![course.named_stage(name)?])
}

fn run_stage(args: &Args, workspace: &Workspace, stage: &Stage) -> Result<usize, Error> {
    let mutants = chosen(load(&workspace.solution(&stage.id))?, args.only.as_deref())?;
    let hash = matrix::hash(workspace, stage)?;
    let bench = if args.full { Bench::full(workspace, stage, args.afresh)? } else { Bench::new(workspace, stage)? };
    let bar = progress(mutants.len());
    let outcomes = bench.try_out(&mutants, &bar, &|outcome| {
        bar.suspend(|| style::say(outcome.line()));
        bar.inc(1);
    });
    bar.finish_and_clear();
    let outcomes = outcomes?;
    let mut complaints: Vec<String> = outcomes.iter().flat_map(Outcome::complaints).collect();
    if args.full && args.only.is_none() {
        if matrix::hash(workspace, stage)? != hash {
            complaints
                .push("something was edited while this run went on: run it again, it does only what changed.".into());
        }
        complaints.extend(conclude(workspace, stage, hash, &outcomes, complaints.is_empty())?);
    }
    for complaint in &complaints {
        style::say(format_args!("{} {complaint}", paint(BAD, "finding:")));
    }
    let count = mutants.iter().filter(|mutant| mutant.is_bug()).count();
    let remembered: usize = outcomes.iter().map(|outcome| outcome.remembered).sum();
    let known = if remembered == 0 { String::new() } else { format!(" {remembered} verdicts were known already.") };
    let (variants, findings) = (mutants.len() - count, complaints.len());
    let text = format!("{}: {count} bugs and {variants} variants, {findings} findings.{known}", stage.id);
    style::say(paint(STRONG, text));
    Ok(complaints.len())
}

fn chosen(mutants: Vec<Mutant>, only: Option<&str>) -> Result<Vec<Mutant>, Error> {
    let Some(only) = only else { return Ok(mutants) };
    let nearest = nearest(only, mutants.iter().map(|mutant| mutant.name.as_str()));
    let chosen: Vec<Mutant> = mutants.into_iter().filter(|mutant| mutant.name == only).collect();
    if chosen.is_empty() {
        return Err(Error::Unknown {
            what: "bug or variant",
            name: only.into(),
            nearest,
            list: "ls solutions/*/bugs solutions/*/variants",
        });
    }
    Ok(chosen)
}

/// Prints the matrix of a full run, and records it if the run has nothing against it.
fn conclude(
    workspace: &Workspace,
    stage: &Stage,
    hash: String,
    outcomes: &[Outcome],
    fine: bool,
) -> Result<Vec<String>, Error> {
    let matrix = Matrix {
        hash,
        bugs: outcomes.iter().filter_map(Outcome::row).collect(),
        variants: outcomes.iter().filter_map(|outcome| Variant::new(outcome.mutant)).collect(),
    };
    style::say(table(&matrix, stage));
    let idle =
        |check: &&String| format!("`{check}` catches no bug: write one that it alone would catch, or drop the check.");
    let mut complaints: Vec<String> = matrix.idle(stage).iter().map(idle).collect();
    if fine {
        complaints.extend(figures::record(workspace, stage, outcomes.iter().map(|outcome| outcome.mutant))?);
    }
    if fine && complaints.is_empty() {
        files::update(&matrix::record(workspace, stage), matrix.json().as_bytes())?;
        files::update(&matrix::page(workspace, stage), matrix.page(stage).as_bytes())?;
        style::say(format_args!(
            "{} recorded in {}.",
            paint(GOOD, "ok"),
            workspace.shown(&matrix::record(workspace, stage))
        ));
    } else {
        style::say("The matrix is not recorded while there are findings.");
    }
    Ok(complaints)
}

/// The matrix for the terminal: a row for each bug, a column for each check.
fn table(matrix: &Matrix, stage: &Stage) -> String {
    let checks: Vec<&String> = matrix::checks(stage).collect();
    let width = matrix.bugs.iter().map(|bug| bug.name.len()).max().unwrap_or(0);
    let mut lines: Vec<String> =
        checks.iter().enumerate().map(|(at, check)| format!("{:>4}  {check}", at + 1)).collect();
    let numbers: String = (1..=checks.len()).map(|number| format!("{number:>3}")).collect();
    lines.push(format!("\n{:width$} {numbers}  steps", ""));
    for bug in &matrix.bugs {
        let marks: String = checks.iter().map(|check| format!("  {}", bug.mark(check))).collect();
        let steps = bug.steps.map_or(String::new(), |steps| steps.to_string());
        lines.push(format!("{:width$} {marks}  {steps:>5}", bug.name));
    }
    lines.join("\n")
}

fn progress(length: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner:.cyan} {bar:24.cyan/dim} {pos}/{len} {wide_msg:.dim} {elapsed:.dim}");
    let bar = ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

impl Fate {
    fn of(run: &Run) -> Self {
        let Some(failure) = run.failure() else {
            return if run.passed() { Fate::Passed } else { Fate::Other(report::headline(&run.ending)) };
        };
        match failure.kind {
            FailureKind::Violated | FailureKind::Unreachable | FailureKind::Stuck | FailureKind::Nondeterministic => {
                Fate::Caught(failure.kind, failure.trace.as_ref().and_then(|trace| steps(trace)))
            }
            FailureKind::Unwritten => Fate::Unwritten,
            FailureKind::Panicked | FailureKind::OutOfScope => {
                Fate::Other(format!("{:?}: {}", failure.kind, failure.summary))
            }
        }
    }

    /// In a few words.
    pub fn shown(&self) -> String {
        match self {
            Fate::Passed => "passed".into(),
            Fate::Unwritten => "unwritten".into(),
            Fate::Caught(kind, Some(steps)) => format!("{} in {steps} steps", format!("{kind:?}").to_lowercase()),
            Fate::Caught(kind, None) => format!("{kind:?}").to_lowercase(),
            Fate::Other(what) => what.clone(),
        }
    }
}

fn steps(trace: &Path) -> Option<usize> {
    Trace::load(trace).ok().map(|trace| trace.steps.len())
}

impl Outcome<'_> {
    /// What is wrong with it: nothing, if a bug was caught by every check that it names, or a variant passed all.
    pub fn complaints(&self) -> Vec<String> {
        let name = format!("{} `{}`", if self.mutant.is_bug() { "bug" } else { "variant" }, self.mutant.name);
        let fates = match &self.fates {
            Ok(fates) => fates,
            Err(why) => return vec![format!("{name}: {why}")],
        };
        let expected = |check: &String| !self.mutant.is_bug() || self.mutant.caught_by().contains(check);
        let complaint = |(check, fate): &(String, Fate)| match (self.mutant.is_bug(), fate) {
            (true, Fate::Caught(..)) | (false, Fate::Passed) => None,
            (true, Fate::Passed) => Some(format!("{name} survives `{check}`, which must catch it.")),
            (true, fate) => Some(format!("{name} is not caught by `{check}` through a rule: {}", fate.shown())),
            (false, fate) => Some(format!("{name} is correct, but `{check}` says: {}", fate.shown())),
        };
        let unknown = self.mutant.caught_by().iter().filter(|check| !fates.iter().any(|(ran, _)| ran == *check));
        let unknown = unknown.map(|check| format!("{name} names the check `{check}`, which no task has."));
        let nameless = self.mutant.is_bug() && self.mutant.caught_by().is_empty();
        let nameless = nameless.then(|| format!("{name} names no check that must catch it."));
        fates.iter().filter(|(check, _)| expected(check)).filter_map(complaint).chain(unknown).chain(nameless).collect()
    }

    fn row(&self) -> Option<Row> {
        let fates = self.fates.as_deref().unwrap_or_default();
        let caught = fates.iter().filter_map(|(check, fate)| match fate {
            Fate::Caught(_, steps) => Some((check.clone(), *steps)),
            _ => None,
        });
        let (checks, steps): (Vec<String>, Vec<Option<usize>>) = caught.unzip();
        // A schedule that cannot even begin shows nothing in no steps.
        let shortest = steps.into_iter().flatten().filter(|steps| *steps > 0).min();
        Row::new(self.mutant, checks, shortest)
    }

    fn line(&self) -> String {
        let ok = if self.complaints().is_empty() { paint(GOOD, "ok  ") } else { paint(BAD, "BAD ") };
        let took = format!("{:5.1} s", self.took.as_secs_f64());
        let named = self.fates.iter().flatten().filter(|(check, _)| self.mutant.caught_by().contains(check));
        let named: Vec<String> = named.map(|(check, fate)| format!("{} by {check}", fate.shown())).collect();
        let story = if self.mutant.is_bug() { named.join("; ") } else { "a correct variant".into() };
        format!("{ok} {} {} {}", paint(FAINT, took), paint(STRONG, &self.mutant.name), story)
    }
}
