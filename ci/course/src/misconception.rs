//! What a learner probably thinks, judged by which checks fail.
//!
//! The maintainers run every known bug through all checks and keep the result in `solutions/<stage>/bugs/matrix.json`
//! (`cargo course dev bugs`). If a learner's code fails exactly the checks that a known bug fails, the bug's misconception is
//! likely the learner's own.

use std::collections::BTreeSet;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::manifest::Stage;
use crate::workspace::Workspace;

/// More than this many candidates are no help.
const MOST: usize = 2;

/// The part of the kill matrix that is needed here.
#[derive(Debug, Deserialize)]
struct Matrix {
    bugs: Vec<Misconception>,
}

/// A known bug, and the thought behind it.
#[derive(Debug, Deserialize, Serialize)]
pub struct Misconception {
    /// The thought, in one sentence.
    pub misconception: String,
    /// The page of the book that puts it right.
    pub page: String,
    /// The checks that the bug fails.
    #[serde(skip_serializing)]
    caught_by_all: Vec<String>,
}

/// The known bugs that fail exactly the checks that failed, out of those that were run. None if too many do.
///
/// Both lists hold paths below `checks::`. A matrix that is missing or cannot be read gives no answer: this is only help.
pub fn behind(workspace: &Workspace, stage: &Stage, run: &[String], failed: &[String]) -> Vec<Misconception> {
    let path = workspace.solution(&stage.id).join("bugs/matrix.json");
    let matrix = fs::read(path).ok().and_then(|text| serde_json::from_slice::<Matrix>(&text).ok());
    let bugs = matrix.map_or_else(Vec::new, |matrix| matrix.bugs);
    let mut alike: Vec<_> = bugs.into_iter().filter(|bug| bug.fails(run, failed)).collect();
    alike.dedup_by(|one, two| one.misconception == two.misconception);
    if alike.len() > MOST { Vec::new() } else { alike }
}

impl Misconception {
    fn fails(&self, run: &[String], failed: &[String]) -> bool {
        let caught: BTreeSet<&str> = self.caught_by_all.iter().map(|check| below(check)).collect();
        !failed.is_empty() && run.iter().all(|check| caught.contains(check.as_str()) == failed.contains(check))
    }
}

fn below(check: &str) -> &str {
    check.strip_prefix("checks::").unwrap_or(check)
}

#[cfg(test)]
mod tests {
    use super::Misconception;

    #[test]
    fn only_the_same_failures_among_the_checks_that_ran_point_at_a_bug() {
        let bug = Misconception {
            misconception: String::new(),
            page: String::new(),
            caught_by_all: vec!["checks::abd::safe".into(), "lww::agree".into()],
        };
        let fails = |run: &[&str], failed: &[&str]| {
            let owned = |checks: &[&str]| checks.iter().map(ToString::to_string).collect::<Vec<_>>();
            bug.fails(&owned(run), &owned(failed))
        };
        assert!(fails(&["abd::safe", "abd::live"], &["abd::safe"]));
        assert!(!fails(&["abd::safe", "abd::live"], &["abd::safe", "abd::live"]));
        assert!(!fails(&["abd::safe", "lww::agree"], &["abd::safe"]));
        assert!(!fails(&["orset::merge"], &[]));
    }
}
