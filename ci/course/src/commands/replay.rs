//! `cargo course replay`: follows a failing run, step by step, on the code as it is now.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use testkit::check::{Limits, Mode, RunRequest, as_test, report, supervise};
use testkit::trace::Trace;

use crate::commands::check;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Stage, sentence};
use crate::runner::{self, Build, Target};
use crate::style::{self, BAD, FAINT, GOOD, TYPE, paint, say, say_aside};
use crate::workspace::Workspace;

/// Replay a failing run on your code as it is now.
#[derive(clap::Args)]
pub struct Args {
    /// The trace's file, as a failing check printed it; without one, the newest.
    pub trace: Option<PathBuf>,
    /// Print a regression test that makes the same run, instead of running it.
    #[arg(long)]
    pub as_test: bool,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let path = match &args.trace {
        Some(path) => resolve(path, workspace),
        None => newest(workspace, &course)?,
    };
    let trace = Trace::load(&path).map_err(|error| Error::Usage(error.to_string()))?;
    let stage = owner(&course, &trace)?;
    if args.as_test {
        say(as_test(&trace).trim_end());
        let mine = workspace.shown(&stage.folder.join("tests/mine/mod.rs")).to_string();
        let package = &stage.package;
        say_aside(paint(FAINT, format!("\nPut it into {mine}, and `cargo test -p {package}` runs it.")));
        return Ok(Exit::Fine);
    }
    let executable = match runner::build(workspace.root(), &stage.package, &Target::Graded)? {
        Build::Ready { executable, .. } => executable,
        Build::Broken { diagnostics, at } => return Ok(check::does_not_compile(workspace, &diagnostics, &at)),
    };
    replay(workspace, stage, &trace, &path, &executable)
}

fn replay(workspace: &Workspace, stage: &Stage, trace: &Trace, path: &Path, executable: &Path) -> Result<Exit, Error> {
    let request = RunRequest::new(Mode::Replay { trace: path.to_owned() }, workspace.scratch("traces").join(&stage.id));
    let run = supervise::run(executable, &trace.check, &request, &Limits::default());
    let name = sentence(&trace.check);
    say(paint(FAINT, format!("\nReplaying {} on your code as it is now.\n", workspace.shown(path))));
    let text = report::text(&run, style::colour());
    let (_, body) = text.split_once('\n').unwrap_or(("", ""));
    if run.passed() {
        say(format!("{} {name}: this run breaks no rule any more.\n{}", paint(GOOD, "✓"), body.trim_end()));
        say(format!(
            "\n{} {}",
            paint(FAINT, "It is one run out of many. All of them:"),
            paint(TYPE, "cargo course check")
        ));
    } else {
        say(format!("{}\n{}", paint(BAD, format!("✗ {name}")), body.trim_end()));
    }
    Ok(check::exit_of(&run))
}

/// The stage that made a trace, if it still has the check.
fn owner<'c>(course: &'c Course, trace: &Trace) -> Result<&'c Stage, Error> {
    let has = |stage: &&Stage| {
        let mut checks = stage.tasks.iter().flat_map(|task| &task.checks);
        stage.id == trace.stage && checks.any(|check| runner::test_path(check) == trace.check)
    };
    course.stages.iter().find(has).ok_or_else(|| {
        let Trace { check, stage, .. } = trace;
        Error::Usage(format!(
            "The trace was made by the check {check} of {stage}, which this course does not have. Make a new one with \
             `cargo course check`."
        ))
    })
}

/// A path from here, or else from the workspace's root, where paths are printed from.
fn resolve(path: &Path, workspace: &Workspace) -> PathBuf {
    let from_here = std::env::current_dir().unwrap_or_default().join(path);
    if from_here.exists() { from_here } else { workspace.root().join(path) }
}

fn newest(workspace: &Workspace, course: &Course) -> Result<PathBuf, Error> {
    let folders = course.stages.iter().map(|stage| workspace.scratch("traces").join(&stage.id));
    let files = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    let written = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).max_by_key(written).ok_or_else(
        || {
            Error::Usage(
                "There is no failing run to replay. `cargo course check` writes one when a check fails.".into(),
            )
        },
    )
}
