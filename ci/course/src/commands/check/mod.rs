//! `cargo course check`: grades a task, a stage, or everything.

mod lines;
mod show;

use std::fs;
use std::path::Path;
use std::time::Duration;

use testkit::check::{Ending, Limits, Outcome, Run, Verdict};

use crate::error::{Error, Exit};
use crate::guide;
use crate::manifest::ground::Dependency;
use crate::manifest::{Course, Stage, Task, nearest};
use crate::misconception::{self, Misconception};
use crate::progress::{Prints, Progress, Standing};
use crate::refusals::{self, Refusal, Rules};
use crate::runner::{self, Build, Diagnostic, Listener, Target};
use crate::shown::Shown;
use crate::workspace::Workspace;

pub use lines::Lines;
pub use show::{Terminal, does_not_compile};

/// Check your code: the next open task, or the task or stage that you name.
#[derive(clap::Args)]
pub struct Args {
    /// A task (`abd`) or a stage (`cap` or `1-cap`).
    pub name: Option<String>,
    /// Check every task of every stage.
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Show every failure in full, not only the first.
    #[arg(long, short)]
    pub verbose: bool,
    /// After how many seconds a check counts as hung. It needs far less.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub patience: u64,
    /// Print each event as a line of JSON, and end when the standard input is closed.
    #[arg(long, conflicts_with = "verbose")]
    pub json: bool,
}

/// To whom a check is told: a person at a terminal, or a program that reads lines.
pub trait Teller {
    /// The listener that hears how the build and the checks come along.
    fn listener(&self) -> &dyn Listener;

    /// The stage that is to be checked stands on the reference of these.
    fn stands_on(&self, references: &[&Stage]);

    /// Code that is not even built, and why.
    fn refused(&self, refusals: &[Refusal]);

    /// The code of a stage does not compile. Says what that means for the exit code.
    fn does_not_compile(&self, workspace: &Workspace, stage: &Stage, diagnostics: &[Diagnostic], at: &Path) -> Exit;

    /// The checks that were asked for have ended. Returns the failures that were shown in full.
    fn graded<'g>(&self, graded: &'g [Graded], suspects: &[Misconception]) -> Vec<&'g Run>;

    /// All is over.
    fn closing(&self, closing: &Closing);
}

/// What is left to tell at the end.
pub struct Closing<'c> {
    workspace: &'c Workspace,
    course: &'c Course,
    stage: &'c Stage,
    /// The tasks that were asked for.
    graded: &'c [Graded<'c>],
    /// Tasks that passed earlier and were checked again.
    again: &'c [Graded<'c>],
    /// What may be behind the failures.
    suspects: &'c [Misconception],
    /// How many warnings the compiler has.
    warnings: usize,
    before: &'c Progress,
    after: &'c Progress,
}

/// Some tasks of one stage.
pub struct Selection<'c> {
    /// The stage.
    pub stage: &'c Stage,
    /// The tasks, in their order.
    pub tasks: Vec<&'c Task>,
}

/// A task with what its checks said, in the order of the manifest.
pub struct Graded<'c> {
    /// The task.
    pub task: &'c Task,
    /// How its checks ended.
    pub runs: Vec<Run>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    if args.json {
        crate::lines::hold_on_to_reader();
    }
    let teller: Box<dyn Teller> = if args.json { Box::new(Lines) } else { Box::new(Terminal::new(args.verbose)) };
    let course = Course::load(workspace)?;
    let progress = Progress::load(workspace)?;
    let limits = Limits { hang: Duration::from_secs(args.patience), ..Limits::default() };
    let mut worst = Exit::Fine;
    let mut shown = None;
    let prints = Prints::take(&course, workspace);
    for selection in select(args, &course, &progress, &prints)? {
        worst = worst.max(check_stage(&*teller, &limits, workspace, &course, &selection, &mut shown)?);
    }
    Ok(worst)
}

fn select<'c>(
    args: &Args,
    course: &'c Course,
    progress: &Progress,
    prints: &Prints,
) -> Result<Vec<Selection<'c>>, Error> {
    let all_that_is_asked = || course.stages.iter().filter(|stage| !course.is_skipped(stage)).map(whole).collect();
    match &args.name {
        None if args.all => Ok(everything(course)),
        None => Ok(match guide::next(course, progress, prints) {
            Some(next) => vec![Selection { stage: next.stage, tasks: next.tasks(progress, prints) }],
            None => all_that_is_asked(),
        }),
        Some(name) => named(course, name),
    }
}

/// Every task of every stage.
pub fn everything(course: &Course) -> Vec<Selection<'_>> {
    course.stages.iter().map(whole).collect()
}

fn whole(stage: &Stage) -> Selection<'_> {
    Selection { stage, tasks: stage.tasks.iter().collect() }
}

/// The task, or all tasks of the stage, that go by a name.
pub fn named<'c>(course: &'c Course, name: &str) -> Result<Vec<Selection<'c>>, Error> {
    match (course.task(name), course.stage(name)) {
        (Ok((stage, task)), _) => Ok(vec![Selection { stage, tasks: vec![task] }]),
        (Err(_), Some(stage)) => Ok(vec![whole(stage)]),
        (Err(_), None) => Err(course.still_to_come(name).unwrap_or_else(|| Error::Unknown {
            what: "task",
            name: name.into(),
            nearest: nearest(name, course.names()),
            list: "cargo course",
        })),
    }
}

/// Checks one stage's tasks. The first failure of all stages is kept as the one that was `shown`.
fn check_stage(
    teller: &dyn Teller,
    limits: &Limits,
    workspace: &Workspace,
    course: &Course,
    selection: &Selection,
    shown: &mut Option<Shown>,
) -> Result<Exit, Error> {
    let stage = selection.stage;
    teller.stands_on(&course.references(stage));
    let refusals = refusals(stage, &selection.tasks)?;
    if !refusals.is_empty() {
        teller.refused(&refusals);
        return Ok(Exit::NotPassed);
    }
    // Taken before the build: a save while the checks run is a change since the pass.
    let prints = Prints::take(course, workspace);
    let (executable, warnings) =
        match runner::build(workspace.root(), &stage.package, &Target::Graded, teller.listener())? {
            Build::Ready { executable, warnings } => (executable, warnings),
            Build::Broken { diagnostics, at } => {
                return Ok(teller.does_not_compile(workspace, stage, &diagnostics, &at));
            }
        };
    let before = Progress::load(workspace)?;
    let traces = workspace.scratch("traces").join(&stage.id);
    let grade = |tasks: &[&'_ Task]| -> Vec<Run> {
        let checks: Vec<&str> = tasks.iter().flat_map(|task| &task.checks).map(String::as_str).collect();
        runner::run_checks(&traces, &executable, &checks, limits, teller.listener())
    };
    let graded = sort_by_task(&selection.tasks, grade(&selection.tasks));
    let suspects = suspects(workspace, stage, &graded);
    let failed = teller.graded(&graded, &suspects);
    if shown.is_none() {
        *shown = Shown::choose(&failed);
        shown.iter().for_each(|shown| shown.keep(workspace));
    }
    let neighbours = neighbours(stage, &graded, &before, &prints);
    let again = if neighbours.is_empty() { Vec::new() } else { sort_by_task(&neighbours, grade(&neighbours)) };
    let passed: Vec<&Graded> = graded.iter().chain(&again).filter(|graded| graded.passed()).collect();
    let after = record(workspace, &before, &passed, &prints)?;
    let (graded, again, suspects) = (&graded[..], &again[..], &suspects[..]);
    teller.closing(&Closing {
        workspace,
        course,
        stage,
        graded,
        again,
        suspects,
        warnings,
        before: &before,
        after: &after,
    });
    Ok(graded.iter().chain(again).map(Graded::exit).fold(Exit::Fine, Exit::max))
}

/// What is refused in the files of some tasks, and in what their stage is built from.
fn refusals(stage: &Stage, tasks: &[&Task]) -> Result<Vec<Refusal>, Error> {
    let mut found: Vec<Refusal> = stands_on_its_own_reference(stage).into_iter().collect();
    for task in tasks {
        for (file, path) in task.files.iter().zip(task.paths(stage)) {
            let Ok(text) = fs::read_to_string(&path) else { continue }; // the compiler says what is missing
            let shown = Path::new("exercises").join(&stage.id).join(file);
            found.extend(refusals::of_text(&shown, &text, Rules { core: task.core, reference: &stage.solution }));
        }
    }
    found.dedup();
    Ok(found)
}

/// A stage that depends on its own reference would be checked in the reference's place.
fn stands_on_its_own_reference(stage: &Stage) -> Option<Refusal> {
    let is = |dependency: &Dependency| {
        let folder = dependency.path.as_deref().is_some_and(|path| path.ends_with(&format!("solutions/{}", stage.id)));
        folder || dependency.package.as_ref().unwrap_or(&dependency.name) == &stage.solution
    };
    let dependency = stage.dependencies.iter().find(|dependency| is(dependency))?;
    Some(Refusal {
        file: format!("exercises/{}/Cargo.toml", stage.id),
        line: 0,
        why: format!(
            "`{}` is the reference of this very stage. Take the dependency out: your own code is what is checked here.",
            dependency.name
        ),
    })
}

/// The misconceptions that fail exactly these checks. There is none to name where a check failed for anything but what the code does:
/// known bugs break rules, and neither panic nor end the program.
fn suspects(workspace: &Workspace, stage: &Stage, graded: &[Graded]) -> Vec<Misconception> {
    let runs: Vec<&Run> = graded.iter().flat_map(|graded| &graded.runs).collect();
    let is_judged = |run: &&Run| run.passed() || run.failure().is_some_and(|failure| failure.kind.judges());
    if !runs.iter().all(is_judged) {
        return Vec::new();
    }
    let below = |run: &&'_ Run| run.check.strip_prefix("checks::").unwrap_or(&run.check).to_owned();
    let ran: Vec<String> = runs.iter().map(below).collect();
    let failed: Vec<String> = runs.iter().filter(|run| !run.passed()).map(below).collect();
    misconception::behind(workspace, stage, &ran, &failed)
}

/// Whose fault it is that a stage does not compile, judged by the first place that an error points at, and what to do.
fn blame(workspace: &Workspace, stage: &Stage, at: &Path) -> (Exit, String) {
    let place = workspace.root().join(at);
    let in_checks = at.components().any(|part| part.as_os_str() == "tests");
    let Ok(own) = place.strip_prefix(workspace.exercises()) else { return (Exit::Course, NOT_YOURS.into()) };
    let (folder, number) = (own.iter().next().unwrap_or_default().to_string_lossy(), stage.number());
    if folder != *stage.id {
        let short = folder.split_once('-').map_or(&*folder, |(_, short)| short);
        let says = format!(
            "This is your own code in exercises/{folder}, which stage {number} stands on. It does not compile yet, so nothing was run. \
             `cargo course skip {short}` lets stage {number} stand on the reference."
        );
        return (Exit::NotPassed, says);
    }
    (Exit::NotPassed, if in_checks { LOST_NAMES } else { "Your code does not compile yet, so nothing was run." }.into())
}

const LOST_NAMES: &str = "The checks use something that your code no longer has: keep the starter's names and signatures. \
                          `cargo course reset --dry-run FILE` shows the starter.";

const NOT_YOURS: &str = "This is not in your code but in the course. `git status` shows if it was changed by accident; if not, \
                         please report it.";

/// Writes down what passed, and of what. If nothing did, nothing is written.
fn record(workspace: &Workspace, before: &Progress, passed: &[&Graded], prints: &Prints) -> Result<Progress, Error> {
    if passed.is_empty() {
        return Ok(before.clone());
    }
    Progress::change(workspace, |progress| {
        for graded in passed {
            progress.pass(graded.task, graded.evidence(), prints);
        }
    })
}

/// The runs of some tasks' checks, task by task.
pub fn sort_by_task<'c>(tasks: &[&'c Task], runs: Vec<Run>) -> Vec<Graded<'c>> {
    let mut runs = runs.into_iter();
    let mut runs_of = |task: &Task| runs.by_ref().take(task.checks.len()).map(|run| with_page(run, task)).collect();
    tasks.iter().map(|task| Graded { task, runs: runs_of(task) }).collect()
}

/// A run of a task's check. If it fails by a rule without a page, as a `todo!` does, the task's page is the one to read.
pub fn with_page(mut run: Run, task: &Task) -> Run {
    if let Ending::Verdict(Verdict { outcome: Outcome::Failed(failure), .. }) = &mut run.ending
        && failure.rule.page.is_empty()
    {
        failure.rule.page = task.page.clone().into();
    }
    run
}

/// Tasks that were not asked for, but passed earlier and share a file with one that passes now: are they still fine?
fn neighbours<'c>(stage: &'c Stage, graded: &[Graded], progress: &Progress, prints: &Prints) -> Vec<&'c Task> {
    let asked = |task: &Task| graded.iter().any(|graded| graded.task.id == task.id);
    let shares = |task: &Task| {
        let passed = graded.iter().filter(|graded| graded.passed());
        passed.into_iter().any(|graded| graded.task.files.iter().any(|file| task.files.contains(file)))
    };
    let changed = |task: &Task| progress.standing(prints, task) == Standing::Changed;
    stage.tasks.iter().filter(|task| !asked(task) && changed(task) && shares(task)).collect()
}

/// What one run says about the exit code.
pub fn exit_of(run: &Run) -> Exit {
    match run.ending {
        Ending::GraderFailed { .. } => Exit::Course,
        _ if run.passed() => Exit::Fine,
        _ => Exit::NotPassed,
    }
}

impl Graded<'_> {
    /// Whether all of its checks passed.
    pub fn passed(&self) -> bool {
        self.runs.iter().all(Run::passed)
    }

    /// What it says about the exit code.
    pub fn exit(&self) -> Exit {
        self.runs.iter().map(exit_of).fold(Exit::Fine, Exit::max)
    }

    fn evidence(&self) -> Vec<String> {
        let verdicts = self.runs.iter().filter_map(|run| match &run.ending {
            Ending::Verdict(verdict) => Some(&verdict.evidence),
            _ => None,
        });
        verdicts.flatten().cloned().collect()
    }
}
