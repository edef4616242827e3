//! `cargo course judge`: what another person's code is worth, by the checks of this copy of the course.
//!
//! Of the learner's tree, only the Rust files of the stages' `src` folders are taken. They are put into a [copy](crate::copy) of this
//! course and built there: the learner's manifests, checks, build scripts and settings are never read. Files that no task names are
//! taken as well, since a learner may keep more in a type that is given, or write a module; the mentor is told which these are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use testkit::check::Limits;

use super::check::{self, Graded, Lines, Selection, Teller, Terminal};
use super::dev::{files, starters};
use crate::copy::{self, Copy};
use crate::error::{Error, Exit};
use crate::guide::{count, points};
use crate::lines;
use crate::manifest::{Course, Stage};
use crate::refusals::{self, Refusal, Rules};
use crate::runner::{self, Build, Diagnostic, Target};
use crate::source::{Source, Taken};
use crate::style::{BAD, FAINT, GOOD, STRONG, WARN, paint, say};
use crate::workspace::Workspace;

/// Judge a learner's code by the checks of your own copy of the course.
///
/// Only what is below `exercises/*/src` is taken from it; its manifests, checks, build scripts and settings have no effect. The code
/// runs on this machine with your rights: read it before you run it, or judge in a container.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes:
  0  every task that was judged passed
  1  a check failed, the code does not compile, or a file was refused
  2  there is no such folder, branch, tag, commit, task or stage
  3  the course itself failed")]
pub struct Args {
    /// The folder of a learner's copy of the course; or a branch, tag or commit of this repository.
    pub from: String,
    /// A task (`abd`) or a stage (`cap`). Every task of every stage, if it is not given.
    pub name: Option<String>,
    /// Show every failure in full, not only the first of each stage.
    #[arg(long, short)]
    pub verbose: bool,
    /// After how many seconds a check counts as hung. It needs far less.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub patience: u64,
    /// Print each event as a line of JSON, and end when the standard input is closed.
    #[arg(long, conflicts_with = "verbose")]
    pub json: bool,
}

/// What only judging tells, in lines of JSON; the rest is as in `cargo course check --json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    /// Which files were taken; which of them no task names, and are not as the course gives them; and of which the starter is judged
    /// because they are not there.
    Taken { files: Vec<&'a str>, beyond: &'a [String], missing: &'a [String] },
    /// What a stage came to.
    Judged { stage: &'a str, tasks: Vec<Outcome<'a>> },
}

#[derive(Serialize)]
struct Outcome<'a> {
    id: &'a str,
    passed: bool,
    points: u32,
}

/// The learner's files, by their path below the course's root.
#[derive(Default)]
struct Handed {
    texts: BTreeMap<PathBuf, String>,
    /// Those that no task names, and that are not as the course gives them.
    beyond: Vec<String>,
    missing: Vec<String>,
    refusals: Vec<Refusal>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    if args.json {
        lines::hold_on_to_reader();
    }
    let course = Course::load(workspace)?;
    let selections = match &args.name {
        Some(name) => check::named(&course, name)?,
        None => check::everything(&course),
    };
    let handed = Handed::take(workspace, &Source::find(&args.from, workspace)?, &course)?;
    let judge = Judge { args, workspace, course: &course, teller: teller(args) };
    judge.tell_taken(&handed);
    if !handed.refusals.is_empty() {
        judge.teller.refused(&handed.refusals);
        return Ok(Exit::NotPassed);
    }
    let copy = judge.lay_out(&handed)?;
    let mut judged = selections.iter().map(|selection| judge.stage(&copy, selection));
    judged.try_fold(Exit::Fine, |worst, exit| Ok(worst.max(exit?)))
}

fn teller(args: &Args) -> Box<dyn Teller> {
    if args.json { Box::new(Lines) } else { Box::new(Terminal::new(args.verbose)) }
}

impl Handed {
    /// Takes the code of all stages: a later one stands on the code of the earlier ones.
    fn take(workspace: &Workspace, source: &Source, course: &Course) -> Result<Self, Error> {
        let mut handed = Self::default();
        for stage in &course.stages {
            let folder = Path::new("exercises").join(&stage.id);
            let of_tasks: BTreeSet<&str> =
                stage.tasks.iter().flat_map(|task| &task.files).map(String::as_str).collect();
            let mut paths: BTreeSet<PathBuf> = source.rust_files(&folder.join("src"))?.into_iter().collect();
            paths.extend(of_tasks.iter().map(|file| folder.join(file)));
            for path in paths {
                let file = path.strip_prefix(&folder).unwrap_or(&path).to_str().unwrap_or_default();
                let shown = path.display().to_string();
                match source.take(&path)? {
                    Taken::Text(text) => {
                        let core = stage.tasks.iter().any(|task| task.core && task.files.iter().any(|own| own == file));
                        let rules = Rules { core, reference: &stage.solution };
                        handed.refusals.extend(refusals::of_text(&path, &text, rules));
                        if !of_tasks.contains(file) && !is_given(workspace, stage, file, &text)? {
                            handed.beyond.push(shown);
                        }
                        handed.texts.insert(path, text);
                    }
                    Taken::Missing => handed.missing.push(shown),
                    Taken::Refused(why) => handed.refusals.push(Refusal { file: shown, line: 0, why }),
                }
            }
        }
        Ok(handed)
    }
}

/// Whether a file has the text that the course gives it.
fn is_given(workspace: &Workspace, stage: &Stage, file: &str, text: &str) -> Result<bool, Error> {
    let solution = workspace.solution(&stage.id).join(file);
    Ok(solution.is_file() && starters::starter(workspace, &solution)? == text.as_bytes())
}

struct Judge<'j> {
    args: &'j Args,
    workspace: &'j Workspace,
    course: &'j Course,
    teller: Box<dyn Teller>,
}

impl Judge<'_> {
    /// Puts the learner's files, and for those that are not there the starter's, into a copy of the course.
    fn lay_out(&self, handed: &Handed) -> Result<Copy, Error> {
        let mut parts = vec!["ci/testkit".to_owned()];
        for stage in &self.course.stages {
            parts.push(format!("exercises/{}", stage.id));
            parts.extend(self.course.references(stage).iter().map(|stage| format!("solutions/{}", stage.id)));
        }
        parts.sort();
        parts.dedup();
        let mut texts = copy::texts(self.workspace, &parts)?;
        for stage in &self.course.stages {
            let own = Path::new("exercises").join(&stage.id);
            texts.retain(|path, _| !path.starts_with(own.join("src")));
            let solution = self.workspace.solution(&stage.id);
            for file in files::below(&solution.join("src"))? {
                let path = own.join(file.strip_prefix(&solution).unwrap_or(&file));
                if !handed.texts.contains_key(&path) {
                    texts.insert(path, starters::starter(self.workspace, &file)?);
                }
            }
        }
        texts.extend(handed.texts.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
        Copy::new(self.workspace, "judge", texts)
    }

    fn stage(&self, copy: &Copy, selection: &Selection) -> Result<Exit, Error> {
        let Selection { stage, tasks } = selection;
        self.teller.stands_on(&self.course.references(stage));
        let target = self.workspace.scratch("judge-target");
        let listener = self.teller.listener();
        let built = runner::build_into(&target, copy.root(), &stage.package, &Target::Graded, listener)?;
        let executable = match built {
            Build::Ready { executable, .. } => executable,
            Build::Broken { diagnostics, at } => {
                let at = at.strip_prefix(copy.inside()).unwrap_or(&at).to_owned();
                let exit = self.teller.does_not_compile(self.workspace, stage, &in_place(diagnostics, copy), &at);
                self.tell_outcome(stage, &[]);
                return Ok(exit);
            }
        };
        let checks: Vec<&str> = tasks.iter().flat_map(|task| &task.checks).map(String::as_str).collect();
        let traces = self.workspace.scratch("judge-traces").join(&stage.id);
        let limits = Limits { hang: Duration::from_secs(self.args.patience), ..Limits::default() };
        let runs = runner::run_checks(&traces, &executable, &checks, &limits, listener);
        let graded = check::sort_by_task(tasks, runs);
        self.teller.graded(&graded, &[]);
        self.tell_outcome(stage, &graded);
        Ok(graded.iter().map(Graded::exit).fold(Exit::Fine, Exit::max))
    }

    fn tell_taken(&self, handed: &Handed) {
        let Handed { texts, beyond, missing, .. } = handed;
        if self.args.json {
            lines::print(&Line::Taken {
                files: texts.keys().filter_map(|path| path.to_str()).collect(),
                beyond,
                missing,
            });
            return;
        }
        say(format!("{} taken from {}. They run with your permissions.", count(texts.len(), "file"), self.args.from));
        if !beyond.is_empty() {
            let which = beyond.join(", ");
            say(paint(
                WARN,
                format!("No task asks for these, and they differ from the course's; look at them: {which}"),
            ));
        }
        if !missing.is_empty() {
            let which = missing.join(", ");
            say(paint(WARN, format!("Not there, so the starter is judged instead: {which}")));
        }
    }

    fn tell_outcome(&self, stage: &Stage, graded: &[Graded]) {
        if self.args.json {
            let outcome = |graded: &Graded<'_>| (graded.task.id.clone(), graded.passed(), graded.task.points);
            let outcomes: Vec<_> = graded.iter().map(outcome).collect();
            let tasks = outcomes.iter().map(|(id, passed, points)| Outcome { id, passed: *passed, points: *points });
            lines::print(&Line::Judged { stage: &stage.id, tasks: tasks.collect() });
            return;
        }
        say(format!("\n{}", paint(STRONG, &stage.title)));
        for task in graded {
            let (style, mark) = if task.passed() { (GOOD, "✓") } else { (BAD, "✗") };
            say(format!("{} {}  {}", paint(style, mark), task.task.title, paint(FAINT, points(task.task.points))));
        }
        let won: u32 = graded.iter().filter(|task| task.passed()).map(|task| task.task.points).sum();
        say(format!("{} of {}", won, points(graded.iter().map(|task| task.task.points).sum())));
    }
}

/// The compiler's errors, with places as in the learner's tree.
fn in_place(diagnostics: Vec<Diagnostic>, copy: &Copy) -> Vec<Diagnostic> {
    let inside = format!("{}/", copy.inside());
    let mend = |Diagnostic { file, line, rendered }| Diagnostic {
        file: file.strip_prefix(copy.inside()).unwrap_or(&file).to_owned(),
        line,
        rendered: rendered.replace(&inside, ""),
    };
    diagnostics.into_iter().map(mend).collect()
}
