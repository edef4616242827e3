//! The audit of starters that are being filled: task after task, they compile without a warning.
//!
//! A learner fills one task and leaves the next ones for tomorrow. Given code that only a later task uses is never used until then, and
//! the compiler says so to a learner who can do nothing about it. So this does what a learner does, in a copy of the exercises: after each
//! task the compiler is asked for its opinion.

use std::collections::BTreeSet;
use std::fs;

use super::code::{MAKE_STARTERS, each_stage};
use super::{Audited, Finding, Subject};
use crate::commands::dev::{cargo, files, starters};
use crate::copy::{self, Copy};
use crate::error::Error;
use crate::manifest::{Stage, Task};
use crate::workspace::Workspace;

/// No step on the way from the starter to the solution compiles with a warning.
pub fn stay_free_of_warnings(subject: &Subject) -> Result<Audited, Error> {
    let workspace = subject.workspace;
    let copy = Copy::new(workspace, "dev verify", copy::texts(workspace, &["exercises".to_owned()])?)?;
    each_stage(subject, "steps", |stage| Learner { workspace, copy: &copy }.fill(stage))
}

/// Fills holes in a copy of the exercises.
struct Learner<'w> {
    workspace: &'w Workspace,
    copy: &'w Copy,
}

impl Learner<'_> {
    /// Fills the tasks of a stage, one after the other. Says how many steps that were, and which warnings came.
    fn fill(&self, stage: &Stage) -> Result<(usize, Vec<Finding>), Error> {
        let (mut steps, mut known, mut findings) = (0, BTreeSet::new(), Vec::new());
        for (number, task) in stage.tasks.iter().enumerate() {
            let later: Vec<&Task> = stage.tasks[number + 1..].iter().collect();
            let finished = task.files.iter().filter(|file| later.iter().all(|task| !task.files.contains(file)));
            let finished: Vec<&String> = finished.collect();
            if finished.is_empty() {
                continue;
            }
            finished.iter().try_for_each(|file| self.fill_file(stage, file))?;
            steps += 1;
            let target = self.workspace.target();
            let problems =
                cargo::check(self.copy.root(), &stage.package, &target)?.unwrap_or_else(|errors| vec![errors]);
            for problem in problems.into_iter().filter(|problem| known.insert(problem.clone())) {
                let what = format!("with all tasks filled up to `{}`, the compiler says:\n{problem}", task.id);
                findings.push(Finding::new(what, format!("edit solutions/{}/src, then {MAKE_STARTERS}", stage.id)));
            }
        }
        Ok((steps, findings))
    }

    fn fill_file(&self, stage: &Stage, file: &str) -> Result<(), Error> {
        let solution = self.workspace.solution(&stage.id).join(file);
        let text = fs::read_to_string(&solution).map_err(Error::io("read", &solution))?;
        let wrong = |why: starters::DeriveError| Error::Course(format!("{}: {why}", self.workspace.shown(&solution)));
        let filled = starters::filled(&text).map_err(wrong)?;
        let place = self.copy.place("exercises").join(&stage.id).join(file);
        files::update(&place, filled.as_bytes()).map(drop)
    }
}
