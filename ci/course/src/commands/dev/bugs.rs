//! `cargo course dev bugs`: shows that the checks catch what they are there to catch.
//!
//! Every known-wrong variant of a solution ([`mutant`]) is built in a [`scratch`] copy and run through the checks. A bug counts
//! as caught where a check reaches a verdict: a rule is broken, something cannot be reached, a run is stuck, the code is not
//! deterministic. A compile error, a panic, a crash or a time-out catches nothing. While one bug's checks run, the next is built.

mod figures;
pub mod matrix;
mod mutant;
mod reach;
mod scratch;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use testkit::check::supervise::{self, Limits, Run};
use testkit::check::{FailureKind, Mode, RunRequest, report};
use testkit::trace::Trace;

use crate::commands::dev::files;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Stage, nearest};
use crate::runner::test_path;
use crate::style::{self, BAD, FAINT, GOOD, STRONG, paint};
use crate::workspace::Workspace;
use matrix::{Matrix, Row, Variant};
pub use mutant::{Kind, Mutant, load};
use reach::Reach;
use scratch::{Planted, Scratch};

/// Run the checks on known bugs and on correct variants of the solutions
#[derive(clap::Args)]
pub struct Args {
    /// Only this stage
    #[arg(long)]
    stage: Option<String>,
    /// Every bug against every check, not only against those that must catch it; records the kill matrix
    #[arg(long)]
    full: bool,
    /// Only the bug or variant of this name; nothing is recorded then
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// What became of one check on one changed solution.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    let unknown = || Error::Unknown {
        what: "stage",
        name: name.into(),
        nearest: nearest(name, course.stages.iter().map(|stage| stage.id.as_str())),
        list: "cargo course",
    };
    course.stage(name).map(|stage| vec![stage]).ok_or_else(unknown)
}

fn run_stage(args: &Args, workspace: &Workspace, stage: &Stage) -> Result<usize, Error> {
    let mutants = chosen(load(&workspace.solution(&stage.id))?, args.only.as_deref())?;
    let checks = plan(workspace, stage, args.full)?;
    let bar = progress(mutants.len());
    let outcomes = try_out(workspace, stage, &mutants, &checks, &bar, &|outcome| {
        bar.suspend(|| style::say(outcome.line()));
        bar.inc(1);
    });
    bar.finish_and_clear();
    let outcomes = outcomes?;
    let mut complaints: Vec<String> = outcomes.iter().flat_map(Outcome::complaints).collect();
    if args.full && args.only.is_none() {
        complaints.extend(conclude(workspace, stage, &outcomes, complaints.is_empty())?);
    }
    for complaint in &complaints {
        style::say(format_args!("{} {complaint}", paint(BAD, "finding:")));
    }
    let count = mutants.iter().filter(|mutant| mutant.is_bug()).count();
    let text =
        format!("{}: {count} bugs and {} variants, {} findings.", stage.id, mutants.len() - count, complaints.len());
    style::say(paint(STRONG, text));
    Ok(complaints.len())
}

/// The checks that a changed solution is run through: a bug through those that must catch it, a variant (or with `full` a
/// bug) through all that can tell it from the reference.
pub fn plan<'s>(
    workspace: &Workspace,
    stage: &'s Stage,
    full: bool,
) -> Result<impl Fn(&Mutant) -> Vec<String> + Sync + use<'s>, Error> {
    let checks = workspace.exercises().join(&stage.id).join("tests/checks");
    let reach = Reach::new(&workspace.solution(&stage.id), &checks)?;
    Ok(move |mutant: &Mutant| {
        if mutant.is_bug() && !full {
            return mutant.caught_by().to_vec();
        }
        let reached = reach.of(mutant.files());
        let is_reached = |check: &&String| check.rsplit_once("::").is_some_and(|(module, _)| reached.contains(module));
        matrix::checks(stage).filter(is_reached).cloned().collect()
    })
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
fn conclude(workspace: &Workspace, stage: &Stage, outcomes: &[Outcome], fine: bool) -> Result<Vec<String>, Error> {
    let matrix = Matrix {
        hash: matrix::hash(workspace, stage)?,
        bugs: outcomes.iter().filter_map(Outcome::row).collect(),
        variants: outcomes.iter().filter_map(|outcome| Variant::new(outcome.mutant)).collect(),
    };
    style::say(table(&matrix, stage));
    let idle =
        |check: &&String| format!("`{check}` catches no bug: write one that it alone would catch, or drop the check.");
    let mut complaints: Vec<String> = matrix.idle(stage).iter().map(idle).collect();
    if fine {
        complaints.extend(figures::draw(workspace, stage, outcomes.iter().map(|outcome| outcome.mutant))?);
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

/// Builds every mutant and runs its checks; the next one is built meanwhile. `done` hears of each as it is through.
pub fn try_out<'m>(
    workspace: &Workspace,
    stage: &Stage,
    mutants: &'m [Mutant],
    checks: &(impl Fn(&Mutant) -> Vec<String> + Sync),
    bar: &ProgressBar,
    done: &(impl Fn(&Outcome) + Sync),
) -> Result<Vec<Outcome<'m>>, Error> {
    let scratch = Scratch::new(workspace)?;
    let (send, built) = mpsc::sync_channel::<(&Mutant, Instant, Planted)>(1);
    thread::scope(|scope| {
        let judge = scope.spawn(|| {
            let judge = |(mutant, start, planted): (&'m Mutant, Instant, Planted)| {
                let fates =
                    planted.map(|program| fates(&program, &checks(mutant), &figures::traces(workspace, stage, mutant)));
                let outcome = Outcome { mutant, fates, took: start.elapsed() };
                done(&outcome);
                outcome
            };
            built.into_iter().map(judge).collect::<Vec<_>>()
        });
        for mutant in mutants {
            bar.set_message(format!("building {}", mutant.name));
            let start = Instant::now();
            let planted = scratch.plant(stage, mutant, &checks(mutant))?;
            send.send((mutant, start, planted))
                .map_err(|_| Error::Course("The thread that runs checks has died.".into()))?;
        }
        bar.set_message("running the last checks");
        drop(send);
        judge.join().map_err(|_| Error::Course("The thread that runs checks has died.".into()))
    })
}

/// Runs checks of a program, two at once, in the order given.
pub fn fates(program: &Path, checks: &[String], traces: &Path) -> Vec<(String, Fate)> {
    let next = AtomicUsize::new(0);
    let fates = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..checks.len().min(2) {
            scope.spawn(|| {
                while let Some((at, check)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, checks.get(at)?)))
                {
                    let request = RunRequest::new(Mode::Grade, traces);
                    let fate = Fate::of(&supervise::run(program, &test_path(check), &request, &Limits::default()));
                    fates.lock().unwrap_or_else(PoisonError::into_inner).push((at, check.clone(), fate));
                }
            });
        }
    });
    let mut fates = fates.into_inner().unwrap_or_else(PoisonError::into_inner);
    fates.sort_by_key(|(at, ..)| *at);
    fates.into_iter().map(|(_, check, fate)| (check, fate)).collect()
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
        Row::new(self.mutant, checks, steps.into_iter().flatten().min())
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
