//! `cargo course dev bugs`: shows that the checks catch what they are there to catch.
//!
//! Every known-wrong variant of a solution ([`mutant`]) is built in a [`scratch`] copy and run through the checks. A bug counts
//! as caught where a check reaches a verdict: a rule is broken, something cannot be reached, a run is stuck, the code is not
//! deterministic. A compile error, a panic, a crash or a time-out catches nothing.
//!
//! A stage may have more than one correct solution in which bugs are planted ([`base`]).
//!
//! It records what it has shown ([`proofs`]), and what the book and the learners' checks say of it ([`matrix`], [`figures`]). What is
//! shown and has not changed since is not tried out again, unless the run that the book shows of it is missing.

mod base;
mod bench;
mod code;
mod dependencies;
pub mod figures;
pub mod matrix;
mod memory;
mod mutant;
pub mod proofs;
mod reach;
mod schemata;
mod scratch;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
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
pub use base::Base;
pub use bench::{Bench, fates};
use dependencies::Dependencies;
use figures::Without;
use matrix::Matrix;
pub use mutant::{Kind, Mutant, load};
use proofs::Proofs;
use reach::Reach;
pub use reach::built_on;

/// Run the checks on known bugs and on correct variants of the solutions
#[derive(clap::Args)]
pub struct Args {
    /// Only this stage
    #[arg(long)]
    stage: Option<String>,
    /// Every bug against every check, not only against those that must catch it; records the whole kill matrix
    #[arg(long)]
    full: bool,
    /// Do again also what an earlier run has found and nothing has changed since
    #[arg(long)]
    afresh: bool,
    /// Only the bug or variant of this name, or BASE/NAME; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
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
    are_there(workspace, &stages, &args.only)?;
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

/// Whether some base of the stages has a changed solution of each of these names.
fn are_there(workspace: &Workspace, stages: &[&Stage], wanted: &[String]) -> Result<(), Error> {
    let mut names = BTreeSet::new();
    for stage in stages {
        for base in Base::all(workspace, stage)? {
            names.extend(base.mutants.iter().map(|mutant| base.qualified(mutant)));
        }
    }
    let Some(unknown) = wanted.iter().find(|name| !names.contains(*name)) else { return Ok(()) };
    Err(Error::Unknown {
        what: "bug or variant",
        name: unknown.clone(),
        nearest: nearest(unknown, names.iter().map(String::as_str)),
        list: "ls solutions/*/bugs solutions/*/variants solutions/*/bases/*/bugs",
    })
}

/// A hash of all on which it depends what the checks of a stage do on its reference.
pub fn reference_hash(workspace: &Workspace, stage: &Stage) -> Result<String, Error> {
    let bases = Base::all(workspace, stage)?;
    let reach = Reach::of_stage(workspace, stage, &bases[0])?;
    let dependencies = Dependencies::new(workspace, stage, &bases[0], &reach)?;
    Ok(dependencies.unchanged().hash(matrix::checks(stage)).shown())
}

fn run_stage(args: &Args, workspace: &Workspace, stage: &Stage) -> Result<usize, Error> {
    let bases = Base::all(workspace, stage)?;
    let mut findings = 0;
    for base in &bases {
        findings += run_base(args, workspace, stage, base)?;
    }
    if args.only.is_empty() {
        let mut proofs = Proofs::load(workspace, stage);
        proofs.keep_only(
            &bases.iter().flat_map(|base| base.mutants.iter().map(|mutant| base.qualified(mutant))).collect(),
        );
        proofs.save()?;
        let mut without_run = Without::load(workspace, stage)?;
        without_run.keep_only(&bases[0].mutants);
        without_run.save()?;
    }
    Ok(findings)
}

/// Tries out the changed solutions of one base, and says how many findings there are.
fn run_base(args: &Args, workspace: &Workspace, stage: &Stage, base: &Base) -> Result<usize, Error> {
    let is_full = args.full && base.name.is_none();
    let bench =
        if is_full { Bench::full(workspace, stage, base, args.afresh)? } else { Bench::new(workspace, stage, base)? };
    let proofs = Proofs::load(workspace, stage);
    let without_run = Without::load(workspace, stage)?;
    let lacks_run = |mutant: &Mutant| base.name.is_none() && without_run.lacks(workspace, stage, mutant);
    let is_proven = |mutant: &Mutant| proofs.hold(&base.qualified(mutant), &bench.hash(mutant));
    let is_open = |mutant: &&Mutant| match &args.only[..] {
        [] => is_full || args.afresh || lacks_run(mutant) || !is_proven(mutant),
        only => only.contains(&base.qualified(mutant)),
    };
    let open: Vec<&Mutant> = base.mutants.iter().filter(is_open).collect();
    if open.is_empty() && !args.only.is_empty() {
        return Ok(0);
    }
    let hashes: Vec<String> = open.iter().map(|mutant| bench.hash(mutant)).collect();
    let bar = progress(open.len());
    let outcomes = bench.try_out(&open, &bar, &|outcome| {
        bar.suspend(|| style::say(outcome.line()));
        bar.inc(1);
    });
    bar.finish_and_clear();
    let outcomes = outcomes?;
    let mut complaints: Vec<String> = outcomes.iter().flat_map(Outcome::complaints).collect();
    if hashes.iter().zip(&open).any(|(hash, mutant)| *hash != bench.hash(mutant)) {
        complaints.push("something was edited while this run went on: run it again, it does only what changed.".into());
    } else {
        record(is_full, workspace, stage, base, &outcomes, &bench)?;
    }
    for complaint in &complaints {
        style::say(format_args!("{} {complaint}", paint(BAD, "finding:")));
    }
    style::say(paint(STRONG, summary(stage, base, &outcomes, base.mutants.len() - open.len(), complaints.len())));
    Ok(complaints.len())
}

fn summary(stage: &Stage, base: &Base, outcomes: &[Outcome], left_out: usize, findings: usize) -> String {
    let bugs = base.mutants.iter().filter(|mutant| mutant.is_bug()).count();
    let variants = base.mutants.len() - bugs;
    let remembered: usize = outcomes.iter().map(|outcome| outcome.remembered).sum();
    let mut text = format!("{}: {bugs} bugs and {variants} variants, {findings} findings.", base.shown(stage));
    if left_out > 0 {
        text.push_str(&format!(" {left_out} were not tried out again."));
    }
    if remembered > 0 {
        text.push_str(&format!(" {remembered} verdicts were known already."));
    }
    text
}

/// Records what a run has found: which changed solutions are what they are there for and, of the reference's, the runs that the book
/// shows and the matrix.
fn record(
    is_full: bool,
    workspace: &Workspace,
    stage: &Stage,
    base: &Base,
    outcomes: &[Outcome],
    bench: &Bench,
) -> Result<(), Error> {
    if base.name.is_none() {
        figures::record(workspace, stage, outcomes.iter().filter(|outcome| outcome.complaints().is_empty()))?;
        record_matrix(is_full, workspace, stage, base, outcomes)?;
    }
    let mut proofs = Proofs::load(workspace, stage);
    for outcome in outcomes {
        proofs.update(base.qualified(outcome.mutant), outcome, bench.hash(outcome.mutant));
    }
    proofs.save()
}

fn record_matrix(
    is_full: bool,
    workspace: &Workspace,
    stage: &Stage,
    base: &Base,
    outcomes: &[Outcome],
) -> Result<(), Error> {
    let file = matrix::record(workspace, stage);
    let day = is_full.then(today).transpose()?;
    let known = Matrix::load(&file)?.unwrap_or_default();
    let matrix = known.updated(stage, &base.mutants, outcomes, day.as_deref());
    if is_full {
        style::say(table(&matrix, stage));
    }
    files::update(&file, matrix.json().as_bytes())?;
    style::say(format_args!("{} recorded in {}.", paint(GOOD, "ok"), workspace.shown(&file)));
    Ok(())
}

/// The day, as in 2026-11-30.
fn today() -> Result<String, Error> {
    let said = Command::new("date").arg("+%F").output().map_err(Error::io("run", Path::new("date")))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
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
            FailureKind::Unwritten => Fate::Unwritten,
            kind if kind.judges() => Fate::Caught(kind, failure.trace.as_ref().and_then(|trace| steps(trace))),
            kind => Fate::Other(format!("{kind:?}: {}", failure.summary)),
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

    fn line(&self) -> String {
        let ok = if self.complaints().is_empty() { paint(GOOD, "ok  ") } else { paint(BAD, "BAD ") };
        let took = format!("{:5.1} s", self.took.as_secs_f64());
        let named = self.fates.iter().flatten().filter(|(check, _)| self.mutant.caught_by().contains(check));
        let named: Vec<String> = named.map(|(check, fate)| format!("{} by {check}", fate.shown())).collect();
        let story = if self.mutant.is_bug() { named.join("; ") } else { "a correct variant".into() };
        format!("{ok} {} {} {}", paint(FAINT, took), paint(STRONG, &self.mutant.name), story)
    }
}
