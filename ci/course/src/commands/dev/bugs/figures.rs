//! The runs that the book shows of the reference's bugs: counterexamples that checks found, and never drawn by hand.
//!
//! Of each bug, the shortest run by which a check that it names caught it is recorded as `book/src/N/traces/BUG.json`. The catalogue of
//! bugs plays it, the section that explains the bug does, and so does a page with the line `{{#trace BUG}}`. A bug that has no run to
//! show is in `solutions/N/bugs/without-run.json`, with the reason.
//!
//! What a check finds depends on what its verdict depends on, so a recorded run is as current as the bug's proof and takes no part in
//! it. A bug that is proven and has neither a run nor a reason is tried out once more, to record one.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use testkit::check::FailureKind;
use testkit::trace::Trace;

use super::{Fate, Mutant, Outcome};
use crate::commands::dev::files;
use crate::error::Error;
use crate::manifest::Stage;
use crate::runner::test_path;
use crate::workspace::Workspace;

/// A run of more steps is not recorded: no reader would step through it.
const MOST_STEPS: usize = 60;

/// Why a bug has no run to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoRun {
    /// Its checks count or compare, and tell what is wrong without a run.
    NotNeeded,
    /// Its checks start processes, and no two runs of those are the same.
    RealTime,
    /// The same steps lead to other states each time.
    Nondeterministic,
    /// The shortest run has that many steps.
    TooLong(usize),
}

/// The bugs of a stage that have no run to show.
#[derive(Debug)]
pub struct Without {
    file: PathBuf,
    reasons: BTreeMap<String, NoRun>,
}

/// Where a check of a mutant leaves its trace. The mutant goes by its name among those of all bases.
pub fn traces(workspace: &Workspace, stage: &Stage, mutant: &str) -> PathBuf {
    workspace.scratch("scratch-traces").join(&stage.id).join(mutant)
}

/// Where the run that the book shows of a bug is recorded, if there is one.
pub fn file(workspace: &Workspace, stage: &Stage, bug: &str) -> PathBuf {
    workspace.book().join("src").join(&stage.id).join("traces").join(format!("{bug}.json"))
}

/// Records the runs of bugs that their checks have caught, or why there are none.
pub fn record<'o>(
    workspace: &Workspace,
    stage: &Stage,
    outcomes: impl Iterator<Item = &'o Outcome<'o>>,
) -> Result<(), Error> {
    let mut without = Without::load(workspace, stage)?;
    for outcome in outcomes.filter(|outcome| outcome.mutant.is_bug()) {
        let name = &outcome.mutant.name;
        let file = file(workspace, stage, name);
        match found(workspace, stage, outcome) {
            Some(Ok(trace)) => {
                trace.save(&file).map_err(|error| Error::Course(error.to_string()))?;
                without.reasons.remove(name);
            }
            Some(Err(why)) => {
                remove(&file)?;
                without.reasons.insert(name.clone(), why);
            }
            None => {}
        }
    }
    without.save()
}

/// The bugs whose recorded run is not the one that their checks have just found. One without a record is none of them.
pub fn stale<'m>(workspace: &Workspace, stage: &Stage, outcomes: &[Outcome<'m>]) -> Vec<&'m Mutant> {
    let is_stale = |outcome: &&Outcome| {
        let recorded = Trace::load(&file(workspace, stage, &outcome.mutant.name)).ok();
        let found = found(workspace, stage, outcome);
        recorded.is_some_and(|recorded| found.is_some_and(|found| found.ok() != Some(recorded)))
    };
    let bugs = outcomes.iter().filter(|outcome| outcome.mutant.is_bug() && outcome.complaints().is_empty());
    bugs.filter(is_stale).map(|outcome| outcome.mutant).collect()
}

/// The shortest run by which a check that a bug names has caught it, of equally short ones the first check's; or why there is none to
/// show. Nothing, if that check ran so long ago that its trace is gone.
fn found(workspace: &Workspace, stage: &Stage, outcome: &Outcome) -> Option<Result<Trace, NoRun>> {
    let fates = outcome.fates.as_ref().ok()?;
    let (check, steps) = match shortest(stage, outcome.mutant.caught_by(), fates) {
        Ok(shortest) => shortest,
        Err(why) => return Some(Err(why)),
    };
    let file = format!("{}.json", test_path(check).replace("::", "."));
    let mut trace = Trace::load(&traces(workspace, stage, &outcome.mutant.name).join(file)).ok()?;
    trace.stage.clone_from(&stage.id);
    (trace.steps.len() == steps).then_some(Ok(trace))
}

/// The check with the shortest run among those that a bug names, and the number of its steps.
fn shortest<'c>(stage: &Stage, named: &[String], fates: &'c [(String, Fate)]) -> Result<(&'c String, usize), NoRun> {
    let fates = || fates.iter().filter(|(check, _)| named.contains(check));
    if fates().any(|(_, fate)| matches!(fate, Fate::Caught(FailureKind::Nondeterministic, _))) {
        return Err(NoRun::Nondeterministic);
    }
    let steps = |(check, fate): &'c (String, Fate)| match fate {
        // A schedule that cannot even begin shows nothing in no steps.
        Fate::Caught(_, Some(steps)) if *steps > 0 && !stage.is_in_real_time(check) => Some((check, *steps)),
        _ => None,
    };
    match fates().filter_map(steps).min_by_key(|(_, steps)| *steps) {
        Some((_, steps)) if steps > MOST_STEPS => Err(NoRun::TooLong(steps)),
        Some(shortest) => Ok(shortest),
        None if fates().any(|(check, _)| stage.is_in_real_time(check)) => Err(NoRun::RealTime),
        None => Err(NoRun::NotNeeded),
    }
}

fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", file)(error)),
        _ => Ok(()),
    }
}

impl Without {
    /// Reads what is recorded. A file that is not there names no bug.
    pub fn load(workspace: &Workspace, stage: &Stage) -> Result<Self, Error> {
        let file = workspace.solution(&stage.id).join("bugs/without-run.json");
        if !file.is_file() {
            return Ok(Self { file, reasons: BTreeMap::new() });
        }
        let text = fs::read(&file).map_err(Error::io("read", &file))?;
        let wrong =
            |error| Error::Course(format!("{}: {error}. Remove it, and run `cargo course dev bugs`.", file.display()));
        let reasons = serde_json::from_slice(&text).map_err(wrong)?;
        Ok(Self { file, reasons })
    }

    /// Why a bug has no run to show, if that is known.
    pub fn reason(&self, bug: &str) -> Option<NoRun> {
        self.reasons.get(bug).copied()
    }

    /// Whether neither a run of a bug is recorded nor why there is none.
    pub fn lacks(&self, workspace: &Workspace, stage: &Stage, mutant: &Mutant) -> bool {
        mutant.is_bug() && self.reason(&mutant.name).is_none() && !file(workspace, stage, &mutant.name).is_file()
    }

    /// Forgets bugs that are gone.
    pub fn keep_only(&mut self, mutants: &[Mutant]) {
        self.reasons.retain(|name, _| mutants.iter().any(|mutant| mutant.name == *name));
    }

    /// Writes it.
    pub fn save(&self) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(&self.reasons).expect("text and numbers always have a JSON form");
        files::update(&self.file, format!("{json}\n").as_bytes()).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dev::bugs::matrix::samples::stage;

    fn caught(check: &str, steps: Option<usize>) -> (String, Fate) {
        (check.to_owned(), Fate::Caught(FailureKind::Violated, steps))
    }

    #[test]
    fn the_shortest_run_of_a_check_that_is_named_is_shown() {
        let named = ["abd::reads", "abd::writes", "abd::processes"].map(String::from);
        let mut stage = stage();
        stage.tasks[1].real_time = true;
        let of =
            |fates: &[(String, Fate)]| shortest(&stage, &named, fates).map(|(check, steps)| (check.clone(), steps));
        let run = |check: &str, steps| Ok((check.to_owned(), steps));
        let cases = [
            (vec![caught("abd::reads", Some(9)), caught("abd::writes", Some(7))], run("abd::writes", 7)),
            (vec![caught("abd::reads", Some(7)), caught("abd::writes", Some(7))], run("abd::reads", 7)),
            (vec![caught("abd::reads", Some(7)), caught("abd::others", Some(3))], run("abd::reads", 7)),
            (vec![caught("abd::reads", Some(0)), caught("abd::writes", Some(60))], run("abd::writes", 60)),
            (vec![caught("abd::reads", Some(61))], Err(NoRun::TooLong(61))),
            (vec![caught("abd::reads", None)], Err(NoRun::NotNeeded)),
            (vec![caught("abd::processes", Some(5))], Err(NoRun::RealTime)),
            (
                vec![
                    caught("abd::reads", Some(7)),
                    ("abd::writes".into(), Fate::Caught(FailureKind::Nondeterministic, Some(1))),
                ],
                Err(NoRun::Nondeterministic),
            ),
        ];
        for (fates, expected) in cases {
            assert_eq!(of(&fates), expected, "{fates:?}");
        }
    }
}
