//! Audits of code: starters, solutions, and the bugs that the checks must catch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use indicatif::ProgressBar;

use super::{Audited, Finding, Subject};
use crate::commands::dev::bugs::matrix::{self, Matrix};
use crate::commands::dev::bugs::proofs::{Draw, Proofs};
use crate::commands::dev::bugs::{self, Base, Bench, Fate, Mutant, Outcome, figures};
use crate::commands::dev::starters::{self, Stale};
use crate::commands::dev::{cargo, files};
use crate::error::Error;
use crate::manifest::Stage;
use crate::needs::Needs;

pub(super) const MAKE_STARTERS: &str = "cargo course dev starters";
const MAKE_MATRIX: &str = "cargo course dev bugs";

/// Each starter is what its solution's marks say.
pub fn starters_are_current(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "files", |stage| {
        let stale = starters::stale(subject.workspace, &stage.id)?;
        let marked = starters::starters(subject.workspace, &stage.id)?;
        let finding = |stale: &Stale| {
            let why = match stale {
                Stale::Differs(_) => "differs from what its solution's marks say",
                Stale::Missing(_) => "is missing",
                Stale::Orphan(_) => "has no solution",
            };
            Finding::new(format!("{} {why}", subject.workspace.shown(stale.path())), MAKE_STARTERS)
        };
        Ok((marked.len(), stale.iter().map(finding).collect()))
    })
}

/// No solution has a `todo!` left.
pub fn solutions_hold_no_hole(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "files", |stage| {
        let files = files::below(&subject.workspace.solution(&stage.id).join("src"))?;
        let mut findings = Vec::new();
        for path in &files {
            let text = fs::read_to_string(path).unwrap_or_default();
            for (at, line) in text.lines().enumerate().filter(|(_, line)| is_hole(line)) {
                let place = format!("{}:{}", subject.workspace.shown(path), at + 1);
                findings.push(Finding::new(format!("{place} is a hole: {}", line.trim()), format!("write {place}")));
            }
        }
        Ok((files.len(), findings))
    })
}

fn is_hole(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["todo!(", "unimplemented!("].iter().any(|hole| code.contains(hole))
}

/// Starters compile without a warning, and no check passes on them.
///
/// A check that reaches a hole fails on the starter, and which holes each one reaches is [known](Needs) for the code as it is. So only the
/// stage that the commit draws is tried out, and what is not known.
pub fn starters_fail(subject: &Subject) -> Result<Audited, Error> {
    let drawn = Draw::one(subject.workspace, subject.course.stages.iter().map(|stage| stage.id.clone()));
    let mut tried = 0;
    let mut audited = each_stage(subject, "checks", |stage| {
        let needs = Needs::load(subject.workspace, stage);
        let is_known = needs.holds_for(&bugs::reference_hash(subject.workspace, stage)?);
        if !subject.all && is_known && drawn.as_ref() != Some(&stage.id) {
            return Ok((needs.checks.len(), reach_no_hole(&needs)));
        }
        tried += matrix::checks(stage).count();
        let mend = format!("edit solutions/{}/src, then {MAKE_STARTERS}", stage.id);
        let graded = match cargo::graded(subject.workspace.root(), &stage.package, &subject.workspace.target())? {
            Ok(graded) => graded,
            Err(errors) => {
                return Ok((0, vec![Finding::new(format!("`{}` does not compile:\n{errors}", stage.package), mend)]));
            }
        };
        let warning =
            |text: &String| Finding::new(format!("`{}` compiles with a warning:\n{text}", stage.package), mend.clone());
        let mut findings: Vec<Finding> = graded.warnings.iter().map(warning).collect();
        let fates = fates(subject, stage, &graded.executable);
        let honest = |fate: &Fate| matches!(fate, Fate::Unwritten | Fate::Caught(..));
        for (check, fate) in fates.iter().filter(|(_, fate)| !honest(fate)) {
            let what = format!("on the starter, `{check}` should fail for what is unwritten, but: {}", fate.shown());
            findings.push(Finding::new(what, mend.clone()));
        }
        Ok((fates.len(), findings))
    })?;
    audited.scope.push_str(&format!(", {tried} of them tried out"));
    Ok(audited)
}

/// The checks that would pass on a starter, since they need nothing that a learner writes.
fn reach_no_hole(needs: &Needs) -> Vec<Finding> {
    let idle = needs.checks.iter().filter(|(_, needs)| needs.is_empty());
    let finding = |check: &String| {
        let what = format!("`{check}` needs nothing that a learner writes, so it passes on the starter");
        Finding::new(what, "let the check look at something that the learner writes".to_owned())
    };
    idle.map(|(check, _)| finding(check)).collect()
}

/// Solutions pass every check, and each check belongs to exactly one task. Where the tests have just passed, they have shown the first.
pub fn solutions_pass(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "checks", |stage| {
        let mend = format!("edit solutions/{}/src", stage.id);
        let graded = match cargo::graded(subject.workspace.root(), &stage.solution, &subject.workspace.target())? {
            Ok(graded) => graded,
            Err(errors) => {
                return Ok((0, vec![Finding::new(format!("`{}` does not compile:\n{errors}", stage.solution), mend)]));
            }
        };
        let checks = cargo::checks(&graded.executable)?;
        let mut findings = owners(stage, &checks);
        if subject.tested {
            return Ok((checks.len(), findings));
        }
        let fates = fates(subject, stage, &graded.executable);
        for (check, fate) in fates.iter().filter(|(_, fate)| *fate != Fate::Passed) {
            findings
                .push(Finding::new(format!("the solution does not pass `{check}`: {}", fate.shown()), mend.clone()));
        }
        Ok((fates.len(), findings))
    })
}

/// Compares the checks that there are with those that the tasks name.
fn owners(stage: &Stage, there: &[String]) -> Vec<Finding> {
    let mend = format!("edit exercises/{}/Cargo.toml", stage.id);
    let mut owners: BTreeMap<&str, Vec<&str>> = there.iter().map(|check| (check.as_str(), Vec::new())).collect();
    for task in &stage.tasks {
        task.checks.iter().for_each(|check| owners.entry(check).or_default().push(&task.id));
    }
    let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    let problem = |(check, tasks): (&str, Vec<&str>)| match tasks[..] {
        [] => Some(format!("the check `{check}` belongs to no task")),
        [task] if !there.contains(check) => {
            Some(format!("task `{task}` names the check `{check}`, which does not exist"))
        }
        [_] => None,
        _ => Some(format!("the check `{check}` belongs to more than one task: {}", tasks.join(", "))),
    };
    owners.into_iter().filter_map(problem).map(|what| Finding::new(what, mend.clone())).collect()
}

/// The recorded matrix speaks of the bugs that there are.
pub fn matrix_is_current(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "bugs", |stage| {
        let record = matrix::record(subject.workspace, stage);
        let Some(matrix) = Matrix::load(&record)? else {
            return Ok((
                0,
                vec![Finding::new(format!("{} is missing", subject.workspace.shown(&record)), MAKE_MATRIX)],
            ));
        };
        let mut findings = Vec::new();
        let mutants = bugs::load(&subject.workspace.solution(&stage.id))?;
        if matrix != matrix.updated(stage, &mutants, &[], None) {
            let what = format!("{} speaks of other bugs than there are", subject.workspace.shown(&record));
            findings.push(Finding::new(what, MAKE_MATRIX));
        }
        Ok((matrix.bugs.len(), findings))
    })
}

/// Every check is named by a bug that it must catch.
pub fn checks_catch_something(subject: &Subject) -> Result<Audited, Error> {
    each_stage(subject, "checks", |stage| {
        let mutants = bugs::load(&subject.workspace.solution(&stage.id))?;
        let is_idle = |check: &&String| !mutants.iter().any(|mutant| mutant.caught_by().contains(check));
        let mend = format!("add one to solutions/{}/bugs, or name the check in one that is there", stage.id);
        let finding = |check| Finding::new(format!("`{check}` must catch no bug"), mend.clone());
        Ok((matrix::checks(stage).count(), matrix::checks(stage).filter(is_idle).map(finding).collect()))
    })
}

/// Each bug is caught by the checks that it names, and each variant passes all. What is proven already is tried out as a sample.
pub fn bugs_are_caught(subject: &Subject) -> Result<Audited, Error> {
    let draw = draw(subject)?;
    let mut tried = 0;
    let mut audited = each_stage(subject, "bugs and variants", |stage| {
        let proofs = Proofs::load(subject.workspace, stage);
        let (mut total, mut findings) = (0, Vec::new());
        for base in Base::all(subject.workspace, stage)? {
            let bench = Bench::new(subject.workspace, stage, &base)?;
            let is_due = |mutant: &&Mutant| {
                let is_drawn = draw.has(&base.shown(stage), mutant);
                subject.all || is_drawn || !proofs.hold(&base.qualified(mutant), &bench.hash(mutant))
            };
            let due: Vec<&Mutant> = base.mutants.iter().filter(is_due).collect();
            let outcomes = bench.try_out(&due, &ProgressBar::hidden(), &|_| {})?;
            for outcome in &outcomes {
                let mend = format!("cargo course dev bugs --only {}", base.qualified(outcome.mutant));
                findings.extend(outcome.complaints().into_iter().map(|what| Finding::new(what, mend.clone())));
            }
            if base.name.is_none() {
                findings.extend(stale_figures(subject, stage, &outcomes));
            }
            total += base.mutants.len();
            tried += due.len();
        }
        Ok((total, findings))
    })?;
    audited.scope.push_str(&format!(", {tried} of them tried out"));
    Ok(audited)
}

/// The sample of this commit.
fn draw(subject: &Subject) -> Result<Draw, Error> {
    let mut bases = Vec::new();
    for stage in &subject.course.stages {
        bases.extend(Base::all(subject.workspace, stage)?.iter().map(|base| base.shown(stage)));
    }
    Ok(Draw::new(subject.workspace, bases))
}

/// The runs in the book that are not those which the checks have just found. A bug without a recorded run is shown without one.
fn stale_figures(subject: &Subject, stage: &Stage, outcomes: &[Outcome]) -> Vec<Finding> {
    let finding = |mutant: &Mutant| {
        let what = format!("The run of `{}` that the book shows is not the one that its checks find.", mutant.name);
        Finding::new(what, format!("cargo course dev bugs --only {}", mutant.name))
    };
    figures::stale(subject.workspace, stage, outcomes).into_iter().map(finding).collect()
}

fn fates(subject: &Subject, stage: &Stage, executable: &Path) -> Vec<(String, Fate)> {
    let checks: Vec<String> = matrix::checks(stage).cloned().collect();
    bugs::fates(executable, &checks, &subject.workspace.scratch("scratch-traces").join(&stage.id))
}

/// Audits stage after stage and adds up what was looked at.
pub(super) fn each_stage(
    subject: &Subject,
    what: &str,
    mut audit: impl FnMut(&Stage) -> Result<(usize, Vec<Finding>), Error>,
) -> Result<Audited, Error> {
    let mut total = 0;
    let mut findings = Vec::new();
    for stage in &subject.course.stages {
        let (count, found) = audit(stage)?;
        total += count;
        findings.extend(found);
    }
    Ok(Audited { scope: format!("{total} {what}"), findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found_and_talk_of_them_is_not() {
        let cases = [
            ("    todo!(\"x\")", true),
            ("unimplemented!()", true),
            ("// todo!(\"x\")", false),
            ("let todo = 1;", false),
        ];
        for (line, is) in cases {
            assert_eq!(is_hole(line), is, "{line}");
        }
    }
}
