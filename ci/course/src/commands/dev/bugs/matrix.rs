//! The kill matrix: which check catches which bug.
//!
//! It is recorded twice: `solutions/N/bugs/matrix.json`, by which a learner's failing set is matched to a misconception, and
//! `book/src/N/matrix.md`, which is made from the first. Of each bug it says which checks must catch it, and that is always current:
//! the audit sees to it. Which others catch it as well is only interesting. `cargo course dev bugs --full` finds it out, and records
//! on which day; it may be older than the code.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mutant::{Kind, Mutant};
use super::{Fate, Outcome};
use crate::error::Error;
use crate::manifest::{Stage, sentence};
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
    /// What somebody who writes this believes.
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

/// Where its page is.
pub fn page(workspace: &Workspace, stage: &Stage) -> PathBuf {
    workspace.book().join("src").join(&stage.id).join("matrix.md")
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
        let json = serde_json::to_string_pretty(self).expect("texts and numbers always have a JSON form");
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

    /// The page of the book.
    pub fn page(&self, stage: &Stage) -> String {
        let mut page = String::from("<!-- Made by `cargo course dev bugs`. Do not edit. -->\n\n# The kill matrix\n\n");
        let checks: Vec<&String> = checks(stage).collect();
        let _ = write!(
            page,
            "A check is only as good as the bugs it catches. Each of the {} bugs below was put into the reference solution, \
             to be caught by the {} checks. A filled circle (●) marks a check that must catch the bug: no change of the course \
             goes in that lets one get past it. An open circle (○) marks a check that was seen to catch the bug as well{}. The \
             numbers above the columns stand for the checks below the table, and *steps* is the length of the shortest run that \
             shows the bug.\n\n",
            self.bugs.len(),
            checks.len(),
            self.days()
        );
        if checks.iter().any(|check| stage.is_in_real_time(check)) {
            page.push_str(
                "No two runs of a check that starts processes are the same. Such a check is run only on the bugs that it must catch.\n\n",
            );
        }
        self.table(&mut page, &checks);
        self.lists(&mut page, stage);
        page
    }

    /// When open circles were last looked for.
    fn days(&self) -> String {
        let mut days: Vec<&String> = self.bugs.iter().filter_map(|bug| bug.met_all.as_ref()).collect();
        days.sort();
        let newer = self.bugs.iter().filter(|bug| bug.met_all.is_none()).count();
        let looked = match (days.first(), days.last()) {
            (Some(first), Some(last)) if first == last => format!(" (last looked for on {first}"),
            (Some(first), Some(last)) => format!(" (last looked for between {first} and {last}"),
            _ => return String::new(),
        };
        if newer == 0 { format!("{looked})") } else { format!("{looked}; {newer} bugs are newer and have none yet)") }
    }

    fn table(&self, page: &mut String, checks: &[&String]) {
        let numbers: String = (1..=checks.len()).map(|number| format!(" {number} |")).collect();
        let rule = ":-:|".repeat(checks.len());
        let _ = write!(page, "<div class=\"matrix\">\n\n| bug | steps |{numbers}\n|:--|--:|{rule}\n");
        for bug in &self.bugs {
            let marks: String = checks.iter().map(|check| format!(" {} |", bug.mark(check))).collect();
            let steps = bug.steps.map_or(String::new(), |steps| steps.to_string());
            let _ = writeln!(page, "| [{0}](#{0}) | {steps} |{marks}", bug.name);
        }
        page.push_str("\n</div>\n\n");
    }

    fn lists(&self, page: &mut String, stage: &Stage) {
        page.push_str("## The checks\n\n");
        let mut number = 0;
        for task in &stage.tasks {
            for check in &task.checks {
                number += 1;
                let _ = writeln!(page, "{number}. [{}]({}): {}", task.title, link(&task.page), sentence(check));
            }
        }
        page.push_str("\n## The bugs\n");
        for bug in &self.bugs {
            let (who, to) = (&bug.who, link(&bug.page));
            let _ = write!(page, "\n### {}\n\n{} *{who}* [Set right here]({to}).\n", bug.name, bug.misconception);
        }
        if !self.variants.is_empty() {
            page.push_str("\n## What the checks let pass\n\nChecks state properties, not one way to write the code. These look different and are right:\n\n");
        }
        for variant in &self.variants {
            let _ = writeln!(page, "- **{}**: {} {}", variant.name, variant.what, variant.why_correct);
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

/// A link from the matrix's page. mdBook makes a folder's `README.md` its `index.html`, but does not tell the links.
fn link(page: &str) -> String {
    format!("../{}", page.replace("/README.md", "/index.md"))
}

/// A stage's checks, in the order of its tasks.
pub fn checks(stage: &Stage) -> impl Iterator<Item = &String> + Clone {
    stage.tasks.iter().flat_map(|task| &task.checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Task;

    fn stage() -> Stage {
        let checks = ["abd::reads", "abd::writes"].map(String::from).to_vec();
        let task = Task {
            id: "abd".into(),
            aliases: Vec::new(),
            title: "The register".into(),
            points: 1,
            bonus: false,
            real_time: false,
            core: false,
            page: "1-cap/abd.md".into(),
            files: Vec::new(),
            checks,
            hints: Vec::new(),
        };
        Stage {
            id: "1-cap".into(),
            title: "CAP".into(),
            summary: String::new(),
            start: "1-cap/README.md".into(),
            package: "cap".into(),
            solution: "cap-solution".into(),
            folder: PathBuf::new(),
            dependencies: Vec::new(),
            tasks: vec![task],
            labs: Vec::new(),
        }
    }

    fn matrix() -> Matrix {
        let bug = Row {
            name: "no-write-back".into(),
            misconception: "A read may answer at once.".into(),
            who: "Section 4.".into(),
            page: "1-cap/README.md#inversion".into(),
            named: vec!["abd::reads".into()],
            caught_by_all: vec!["abd::reads".into()],
            steps: Some(9),
            met_all: Some("2026-11-01".into()),
        };
        Matrix { bugs: vec![bug], variants: Vec::new() }
    }

    #[test]
    fn a_page_shows_what_catches_what() {
        let page = matrix().page(&stage());
        assert!(page.contains("| bug | steps | 1 | 2 |\n|:--|--:|:-:|:-:|\n"), "{page}");
        assert!(page.contains("| [no-write-back](#no-write-back) | 9 | ● |   |"), "{page}");
        assert!(page.contains("1. [The register](../1-cap/abd.md): reads\n"), "{page}");
        assert!(page.contains("(../1-cap/index.md#inversion)"), "{page}");
    }

    #[test]
    fn a_page_says_when_open_circles_were_looked_for() {
        let mut matrix = matrix();
        assert_eq!(matrix.days(), " (last looked for on 2026-11-01)");
        matrix.bugs.push(Row { met_all: Some("2026-11-03".into()), ..matrix.bugs[0].clone() });
        matrix.bugs.push(Row { met_all: None, ..matrix.bugs[0].clone() });
        let days = " (last looked for between 2026-11-01 and 2026-11-03; 1 bugs are newer and have none yet)";
        assert_eq!(matrix.days(), days);
    }

    #[test]
    fn a_matrix_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matrix.json");
        assert_eq!(Matrix::load(&path).unwrap(), None);
        fs::write(&path, matrix().json()).unwrap();
        assert_eq!(Matrix::load(&path).unwrap(), Some(matrix()));
        fs::write(&path, "{}").unwrap();
        assert!(Matrix::load(&path).unwrap_err().to_string().contains("cargo course dev bugs"));
    }
}
