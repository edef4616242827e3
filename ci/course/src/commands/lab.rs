//! `cargo course lab`: experiments that run on the learner's own machine and draw what happened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::commands::check;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Lab, Stage};
use crate::runner::{self, Build, Target};
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

fn start(args: &Args, workspace: &Workspace, stage: &Stage, lab: &Lab) -> Result<Exit, Error> {
    let package = if args.reference { &stage.solution } else { &stage.package };
    let executable = match runner::build(workspace.root(), package, &Target::Example(lab.example.clone()))? {
        Build::Ready { executable, .. } => executable,
        Build::Broken { diagnostics, at } => return Ok(check::does_not_compile(workspace, &diagnostics, &at)),
    };
    let before = plots(&workspace.scratch("labs"));
    let mut process = Command::new(&executable);
    process.args(&args.rest).current_dir(workspace.root());
    let status = process.status().map_err(Error::io("run", &executable))?;
    if !status.success() {
        say(format!("\nThe lab ended early ({status}). On the reference: cargo course lab {} --reference", lab.name));
        return Ok(Exit::NotPassed);
    }
    for (plot, written) in plots(&workspace.scratch("labs")) {
        if before.get(&plot) != Some(&written) {
            say(format!("{} {}", paint(FAINT, "Plot:"), paint(TYPE, workspace.shown(&plot))));
        }
    }
    say(format!("{} book/src/{}", paint(FAINT, "What it means:"), lab.page));
    Ok(Exit::Fine)
}

/// The plots in a folder, with the time when each was drawn.
fn plots(folder: &Path) -> BTreeMap<PathBuf, Option<SystemTime>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let drawn = |path: &PathBuf| path.metadata().and_then(|about| about.modified()).ok();
    let plots = entries.filter(|path| path.extension().is_some_and(|end| end == "svg"));
    plots.map(|path| (path.clone(), drawn(&path))).collect()
}
