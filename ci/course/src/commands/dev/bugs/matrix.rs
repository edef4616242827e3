//! The kill matrix: which check catches which bug.
//!
//! It is recorded in `solutions/N/bugs/matrix.json`. By it a learner's failing set is matched to a misconception, and the book's makers'
//! part [shows it](crate::book::widgets). Of each bug it says which checks must catch it, and that is always current: the audit makes
//! sure of it. Which others catch it as well is only interesting. `cargo course dev bugs --full` finds it out, and records on which
//! day; it may be older than the code.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mutant::{Kind, Mutant};
use super::{Fate, Outcome};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// The recorded matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// The bugs, in the order of their names.
    pub bugs: Vec<Row>,
    /// The variants that every check lets pass.
    pub variants: Vec<Variant>,
}

/// One bug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The bug's name.
    pub name: String,
    /// What a programmer who writes this believes.
    pub misconception: String,
    /// Who was seen to believe it.
    pub who: String,
    /// The page of the book that sets it right.
    pub page: String,
    /// The checks that must catch it.
    pub named: Vec<String>,
    /// All checks that are known to catch it, in the order of the tasks.
    pub caught_by_all: Vec<String>,
    /// The number of steps of the shortest counterexample that is known.
    pub steps: Option<usize>,
    /// The day on which it last met all checks that can tell it from the reference, as in 2026-11-30; never, if there is none.
    pub met_all: Option<String>,
}

/// One variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The variant's name.
    pub name: String,
    /// What is different.
    pub what: String,
    /// Why it is right all the same.
    pub why_correct: String,
}

/// Where a stage's matrix is recorded.
pub fn record(workspace: &Workspace, stage: &Stage) -> PathBuf {
    workspace.solution(&stage.id).join("bugs/matrix.json")
}

impl Matrix {
    /// Reads what is recorded, if anything is.
    pub fn load(path: &Path) -> Result<Option<Self>, Error> {
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read(path).map_err(Error::io("read", path))?;
        let wrong =
            |error| Error::Course(format!("{}: {error}. Remove it, and run `cargo course dev bugs`.", path.display()));
        serde_json::from_slice(&text).map(Some).map_err(wrong)
    }

    /// The matrix as it is recorded.
    pub fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("text and numbers always have a JSON form");
        format!("{json}\n")
    }

    /// The matrix of the changed solutions that there are now: with what `self` records of them, and with what a run has just found.
    pub fn updated(&self, stage: &Stage, mutants: &[Mutant], outcomes: &[Outcome], met_all: Option<&str>) -> Self {
        let known = |name: &String| self.bugs.iter().find(|row| row.name == *name);
        let found = |name: &String| outcomes.iter().find(|outcome| outcome.mutant.name == *name);
        let row = |bug: &Mutant| {
            let mut row = Row::new(bug, known(&bug.name))?;
            if let Some(outcome) = found(&bug.name) {
                row.learn(outcome, met_all);
            }
            row.caught_by_all = checks(stage).filter(|check| row.caught_by_all.contains(check)).cloned().collect();
            Some(row)
        };
        Self {
            bugs: mutants.iter().filter_map(row).collect(),
            variants: mutants.iter().filter_map(Variant::new).collect(),
        }
    }
}

impl Row {
    /// A bug with what is recorded of it. The checks that must catch it do.
    fn new(bug: &Mutant, known: Option<&Self>) -> Option<Self> {
        let Kind::Bug { misconception, who, page, caught_by, .. } = bug.kind.clone() else { return None };
        let mut caught_by_all = known.map_or_else(Vec::new, |known| known.caught_by_all.clone());
        caught_by_all.extend(caught_by.iter().cloned());
        Some(Self {
            name: bug.name.clone(),
            misconception,
            who,
            page,
            named: caught_by,
            caught_by_all,
            steps: known.and_then(|known| known.steps),
            met_all: known.and_then(|known| known.met_all.clone()),
        })
    }

    /// Takes in what a run has found. One in which the bug met all checks replaces what earlier ones found.
    fn learn(&mut self, outcome: &Outcome, met_all: Option<&str>) {
        if let Some(day) = met_all {
            self.caught_by_all.clone_from(&self.named);
            self.steps = None;
            self.met_all = Some(day.to_owned());
        }
        for (check, fate) in outcome.fates.iter().flatten() {
            if let Fate::Caught(_, steps) = fate {
                self.caught_by_all.push(check.clone());
                // A schedule that cannot even begin shows nothing in no steps.
                let steps = steps.filter(|steps| *steps > 0);
                self.steps = [self.steps, steps].into_iter().flatten().min();
            }
        }
    }

    /// How the bug's row marks a check.
    pub fn mark(&self, check: &String) -> char {
        match (self.named.contains(check), self.caught_by_all.contains(check)) {
            (true, true) => '●',
            (false, true) => '○',
            (true, false) => '!',
            (false, false) => ' ',
        }
    }
}

impl Variant {
    /// A variant as it is recorded.
    pub fn new(mutant: &Mutant) -> Option<Self> {
        let Kind::Variant { what, why_correct } = mutant.kind.clone() else { return None };
        Some(Self { name: mutant.name.clone(), what, why_correct })
    }
}

/// A stage's checks, in the order of its tasks.
pub fn checks(stage: &Stage) -> impl Iterator<Item = &String> + Clone {
    stage.tasks.iter().flat_map(|task| &task.checks)
}

#[cfg(test)]
pub mod samples {
    use super::*;
    use crate::manifest::Task;

    fn task(id: &str, title: &str, checks: &[&str]) -> Task {
        Task {
            id: id.into(),
            aliases: Vec::new(),
            title: title.into(),
            points: 1,
            bonus: false,
            real_time: false,
            core: false,
            page: format!("1-cap/{id}.md"),
            files: Vec::new(),
            checks: checks.iter().map(ToString::to_string).collect(),
            hints: Vec::new(),
        }
    }

    /// A stage of two tasks.
    pub fn stage() -> Stage {
        Stage {
            id: "1-cap".into(),
            title: "CAP".into(),
            summary: String::new(),
            start: "1-cap/README.md".into(),
            package: "cap".into(),
            solution: "cap-solution".into(),
            folder: PathBuf::new(),
            dependencies: Vec::new(),
            tasks: vec![
                task("abd", "The register", &["abd::reads", "abd::writes"]),
                task("server", "Servers & clients", &["abd::processes"]),
            ],
            labs: Vec::new(),
        }
    }

    /// What is recorded of a bug.
    pub fn row(name: &str, named: &[&str], also: &[&str]) -> Row {
        let owned = |checks: &[&str]| checks.iter().map(ToString::to_string).collect::<Vec<_>>();
        Row {
            name: name.into(),
            misconception: "A read may answer at once.".into(),
            who: "Section 4.".into(),
            page: "1-cap/README.md#inversion".into(),
            named: owned(named),
            caught_by_all: [owned(named), owned(also)].concat(),
            steps: Some(9),
            met_all: Some("2026-11-01".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matrix.json");
        assert_eq!(Matrix::load(&path).unwrap(), None);
        let matrix = Matrix { bugs: vec![samples::row("no-write-back", &["abd::reads"], &[])], variants: Vec::new() };
        fs::write(&path, matrix.json()).unwrap();
        assert_eq!(Matrix::load(&path).unwrap(), Some(matrix));
        fs::write(&path, "{}").unwrap();
        assert!(Matrix::load(&path).unwrap_err().to_string().contains("cargo course dev bugs"));
    }
}
