//! `cargo course lab`: experiments that run on the learner's own machine and draw what happened.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::SystemTime;

use serde::Serialize;

use crate::bars::Bars;
use crate::commands::check::{self, Lines};
use crate::error::{Error, Exit};
use crate::lines;
use crate::manifest::{Course, Lab, Stage};
use crate::runner::{self, Build, Listener, Target};
use crate::style::{FAINT, STRONG, TYPE, paint, say};
use crate::workspace::Workspace;

/// Run an experiment on your own code, or list them.
#[derive(clap::Args)]
pub struct Args {
    /// The lab; without one, all are listed.
    pub name: Option<String>,
    /// Run it on the reference instead of your own code.
    #[arg(long, requires = "name")]
    pub reference: bool,
    /// Print each event as a line of JSON, and end when the standard input is closed.
    #[arg(long, requires = "name")]
    pub json: bool,
    /// What the lab itself is told.
    #[arg(last = true)]
    pub rest: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    match &args.name {
        None => list(&course),
        Some(name) => {
            let (stage, lab) = course.lab(name)?;
            start(args, workspace, stage, lab)
        }
    }
}

fn list(course: &Course) -> Result<Exit, Error> {
    if course.labs().next().is_none() {
        say("There are no labs yet.");
        return Ok(Exit::Fine);
    }
    say("");
    for (stage, lab) in course.labs() {
        say(format!("  {:<16} {}", paint(TYPE, &lab.name), paint(STRONG, &lab.title)));
        say(paint(FAINT, format!("  {:<16} stage {}, book/src/{}", "", stage.number(), lab.page)));
    }
    say(format!("\nRun one: {}\n", paint(TYPE, "cargo course lab NAME")));
    Ok(Exit::Fine)
}

/// What `--json` prints ([`lines`]), behind what is printed of the build as for a check.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    /// The lab printed a line.
    Printed { text: &'a str },
    /// The names of the plots that it drew.
    Drawn { plots: Vec<String> },
}

fn start(args: &Args, workspace: &Workspace, stage: &Stage, lab: &Lab) -> Result<Exit, Error> {
    let (package, folder) = if args.reference {
        (&stage.solution, workspace.solution(&stage.id))
    } else {
        (&stage.package, stage.folder.clone())
    };
    let target = Target::Example { name: lab.example.clone(), features: lab.features(&folder) };
    if args.json {
        lines::hold_on_to_reader();
    }
    let bars = Bars::default();
    let listener: &dyn Listener = if args.json { &Lines } else { &bars };
    let executable = match runner::build(workspace.root(), package, &target, listener)? {
        Build::Ready { executable, .. } => executable,
        Build::Broken { diagnostics, at } if args.json => {
            return Ok(Lines::does_not_compile(workspace, stage, &diagnostics, &at));
        }
        Build::Broken { diagnostics, at } => return Ok(check::does_not_compile(workspace, stage, &diagnostics, &at)),
    };
    let before = plots(&workspace.scratch("labs"));
    let status = experiment(args, workspace, &executable)?;
    if !status.success() {
        let says =
            format!("The lab ended early ({status}). On the reference: cargo course lab {} --reference", lab.name);
        if args.json {
            lines::print(&Line::Printed { text: &says })
        } else {
            say(format!("\n{says}"))
        }
        return Ok(Exit::NotPassed);
    }
    let drawn = plots(&workspace.scratch("labs"));
    let new: Vec<&PathBuf> =
        drawn.iter().filter(|(plot, at)| before.get(*plot) != Some(at)).map(|(plot, _)| plot).collect();
    if args.json {
        let name = |plot: &&PathBuf| plot.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lines::print(&Line::Drawn { plots: new.iter().map(name).collect() });
        return Ok(Exit::Fine);
    }
    for plot in new {
        say(format!("{} {}", paint(FAINT, "Plot:"), paint(TYPE, workspace.shown(plot))));
    }
    say(format!("{} book/src/{}", paint(FAINT, "What it means:"), lab.page));
    Ok(Exit::Fine)
}

/// Runs the lab's program to its end.
fn experiment(args: &Args, workspace: &Workspace, executable: &Path) -> Result<ExitStatus, Error> {
    let mut process = Command::new(executable);
    process.args(&args.rest).current_dir(workspace.root());
    if !args.json {
        return process.status().map_err(Error::io("run", executable));
    }
    let mut process =
        process.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(Error::io("run", executable))?;
    let printed = BufReader::new(process.stdout.take().expect("standard output is a pipe"));
    printed.lines().map_while(Result::ok).for_each(|text| lines::print(&Line::Printed { text: &text }));
    process.wait().map_err(Error::io("run", executable))
}

/// The plots in a folder, with the time when each was drawn.
fn plots(folder: &Path) -> BTreeMap<PathBuf, Option<SystemTime>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let drawn = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
    let plots = entries.filter(|path| path.extension().is_some_and(|end| end == "svg"));
    plots.map(|path| (path.clone(), drawn(&path))).collect()
}
