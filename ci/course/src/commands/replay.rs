//! `cargo course replay`: follows a failing run, step by step, on the code as it is now.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use testkit::check::{Ending, IMPOSSIBLE, Limits, Mode, Outcome, Run, RunRequest, Verdict, report, supervise};
use testkit::trace::Trace;

use crate::bars::Bars;
use crate::commands::check;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Task, sentence};
use crate::mine;
use crate::runner::{self, Build, Target};
use crate::shown::Shown;
use crate::style::{self, BAD, FAINT, GOOD, TYPE, WARN, paint, say, say_aside};
use crate::workspace::Workspace;

/// Replay a failing run on your code as it is now.
#[derive(clap::Args)]
pub struct Args {
    /// The trace's file, as a failing check printed it; without one, the failure that the last check showed.
    pub trace: Option<PathBuf>,
    /// Show every step of a long run.
    #[arg(long)]
    pub all: bool,
    /// Print a regression test that makes the same run, instead of running it.
    #[arg(long)]
    pub as_test: bool,
}

/// A trace that was chosen to be played.
struct Chosen {
    path: PathBuf,
    /// Why this one: "the failure that was shown last".
    what: &'static str,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let chosen = choose(args, workspace, &course)?;
    let trace = Trace::load(&chosen.path).map_err(|error| Error::Usage(error.to_string()))?;
    let (stage, task) = course.owner(&trace)?;
    if args.as_test {
        say(mine::test_of(&trace, stage)?.trim_end());
        let mine = workspace.shown(&mine::file(stage)).to_string();
        let package = &stage.package;
        say_aside(paint(FAINT, format!("\nPut it into {mine}, and `cargo test -p {package}` runs it.")));
        return Ok(Exit::Fine);
    }
    let executable = match runner::build(workspace.root(), &stage.package, &Target::Graded, &Bars::default())? {
        Build::Ready { executable, .. } => executable,
        Build::Broken { diagnostics, at } => return Ok(check::does_not_compile(workspace, stage, &diagnostics, &at)),
    };
    let Chosen { path, what } = chosen;
    let (name, shown) = (sentence(&trace.check), workspace.shown(&path));
    say(format!("\n{} {name}", paint(FAINT, format!("Replaying {what}, on your code as it is now:"))));
    say(paint(FAINT, format!("{shown}\n")));
    let request = RunRequest::new(Mode::Replay { trace: path }, workspace.scratch("traces").join(&stage.id));
    let run = supervise::run(&executable, &trace.check, &request, &Limits::default());
    tell(&check::with_page(run, task), &trace, task, args.all)
}

/// What came of it.
fn tell(run: &Run, trace: &Trace, task: &Task, all: bool) -> Result<Exit, Error> {
    let text = if all { report::text_in_full } else { report::text }(run, style::colour());
    let (_, body) = text.split_once('\n').unwrap_or(("", ""));
    let body = body.trim_end();
    let check_all = paint(TYPE, format!("cargo course check {}", task.id));
    match &run.ending {
        Ending::Verdict(Verdict { outcome: Outcome::Passed, evidence, .. }) => {
            let impossible = evidence.is_empty() || evidence.iter().any(|line| line.contains(IMPOSSIBLE));
            let (headline, then) = if impossible {
                let headline = paint(WARN, "~ This run cannot happen any more, so it shows nothing about your code.");
                (headline.to_string(), "Only a check can tell whether your code keeps the rule:")
            } else {
                let says = match &trace.violation {
                    Some(violation) => format!("The replayed run no longer breaks the rule: {}.", violation.rule),
                    None => "The replayed run breaks no rule.".to_owned(),
                };
                (format!("{} {says}", paint(GOOD, "✓")), "It is one run of many. All of them:")
            };
            say(format!("{headline}\n{body}"));
            say(format!("\n{} {check_all}", paint(FAINT, then)));
        }
        _ => say(format!("{}\n{body}", paint(BAD, format!("✗ {}", sentence(&run.check))))),
    }
    Ok(check::exit_of(run))
}

/// The trace that was named; else that of the failure that was shown last; else, if that is not known, the newest.
fn choose(args: &Args, workspace: &Workspace, course: &Course) -> Result<Chosen, Error> {
    if let Some(path) = &args.trace {
        return Ok(Chosen { path: resolve(path, workspace), what: "the run that you named" });
    }
    match Shown::last(workspace) {
        Some(Shown { trace: Some(path), .. }) => Ok(Chosen { path, what: "the failure that was shown last" }),
        Some(Shown { check, trace: None }) => Err(Error::Usage(format!(
            "The failure that was shown last, `{}`, has no run to replay: what is wrong there was found without one. To \
             replay another failure, name the file that its report names: `cargo course replay FILE`.",
            sentence(&check)
        ))),
        None => Ok(Chosen { path: newest(workspace, course)?, what: "the newest failing run" }),
    }
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
