//! Audits of the order of a task's checks: a learner who writes one function after the other sees one check after the other pass.

use std::fs;

use super::code::each_stage;
use super::{Audited, Finding, Subject};
use crate::commands::dev::bugs::reference_hash;
use crate::commands::dev::needs::measure;
use crate::commands::dev::starters;
use crate::error::Error;
use crate::manifest::{Stage, Task};
use crate::needs::{Needs, function};

const MEASURE: &str = "cargo course dev needs";

/// Each task lists its checks in the order in which they can first pass, and every function that a learner writes is needed by one of them.
pub fn checks_come_as_they_can_pass(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "checks", |stage| {
        let needs = Needs::load(subject.workspace, stage);
        let mut findings = Vec::new();
        for task in stage.tasks.iter().filter(|task| !task.real_time) {
            let functions = functions(subject, stage, task)?;
            findings.extend(out_of_order(subject, stage, task, needs.in_order(task, &functions)));
        }
        findings.extend(unneeded(subject, stage, &needs)?);
        Ok((needs.checks.len(), findings))
    })
}

fn out_of_order(subject: &Subject, stage: &Stage, task: &Task, wanted: Vec<&str>) -> Option<Finding> {
    if task.checks == wanted {
        return None;
    }
    let what = format!("the checks of `{}` can first pass in another order:\n    {}", task.id, wanted.join("\n    "));
    Some(Finding::new(what, format!("edit {}", subject.workspace.shown(&stage.manifest()))))
}

/// The functions that no check of a task to which they belong needs.
fn unneeded(subject: &Subject, stage: &Stage, needs: &Needs) -> Result<Vec<Finding>, Error> {
    let mut all = Vec::new();
    for task in &stage.tasks {
        all.extend(functions(subject, stage, task)?);
    }
    all.dedup();
    let is_needed = |function: &String| stage.tasks.iter().any(|task| needs.of(task).contains(&**function));
    let what = |function: String| Finding::new(format!("no check needs `{function}`"), MEASURE);
    Ok(all.into_iter().filter(|function| !is_needed(function)).map(what).collect())
}

/// The functions of a task that a learner writes, in the order of its files.
fn functions(subject: &Subject, stage: &Stage, task: &Task) -> Result<Vec<String>, Error> {
    let mut functions = Vec::new();
    for file in &task.files {
        let solution = subject.workspace.solution(&stage.id).join(file);
        let text = fs::read_to_string(&solution).map_err(Error::io("read", &solution))?;
        let parts = starters::written(&text)
            .map_err(|error| Error::Course(format!("{}: {error}", subject.workspace.shown(&solution))))?;
        functions.extend(parts.iter().filter_map(|part| Some(function(stage, file, part.function?))));
    }
    Ok(functions)
}

/// What is written down of the checks' needs is what a run of them finds out. They run only if the code has changed since.
pub fn needs_are_current(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "checks", |stage| {
        let known = Needs::load(subject.workspace, stage);
        if known.holds_for(&reference_hash(subject.workspace, stage)?) {
            return Ok((known.checks.len(), Vec::new()));
        }
        let found = measure(subject.workspace, &subject.course, stage)?;
        let stale = found.checks.iter().filter(|(check, needs)| known.checks.get(*check) != Some(needs));
        let gone = known.checks.keys().filter(|check| !found.checks.contains_key(*check));
        let names = stale.map(|(check, _)| check).chain(gone);
        let file = Needs::file(subject.workspace, stage);
        let what = |check| format!("{} says something else of `{check}` than a run", subject.workspace.shown(&file));
        Ok((found.checks.len(), names.map(|check| Finding::new(what(check), MEASURE)).collect()))
    })
}
