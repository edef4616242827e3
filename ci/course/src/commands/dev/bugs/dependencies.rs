//! What the verdict of a check on a changed solution depends on, as a hash.
//!
//! It depends on the part of the solution, as the change leaves it, and of the earlier solutions, that the check [reaches](super::code);
//! on what the stage uses of the testkit; and on the check's own module with the modules that it names. Comments leave the hash alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::base::Base;
use super::code::Code;
use super::mutant::Mutant;
use super::reach::{self, Reach};
use crate::commands::dev::files::Digest;
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// What the verdicts of one stage depend on.
pub struct Dependencies {
    solution: PathBuf,
    testkit: Digest,
    code: Code,
    /// The code behind each check.
    checks: BTreeMap<String, String>,
}

/// A changed solution whose verdicts are in question.
pub struct Changed<'d> {
    dependencies: &'d Dependencies,
    /// The texts of the files that the change leaves different.
    files: Vec<(String, String)>,
}

impl Dependencies {
    /// Reads what the checks of a stage are built from when they are built with a base.
    pub fn new(workspace: &Workspace, stage: &Stage, base: &Base, reach: &Reach) -> Result<Self, Error> {
        let mut testkit = Digest::new();
        for file in reach::testkit_files(workspace, stage)? {
            let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
            testkit.text(&workspace.shown(&file).to_string(), without_comments(&text));
        }
        let checks = stage.tasks.iter().flat_map(|task| &task.checks);
        let behind = |check: &String| check.rsplit_once("::").map_or(String::new(), |(module, _)| reach.behind(module));
        let checks = checks.map(|check| (check.clone(), without_comments(&behind(check)))).collect();
        Ok(Self { solution: base.folder().to_owned(), testkit, code: Code::read(workspace, base)?, checks })
    }

    /// The solution as it is.
    pub fn unchanged(&self) -> Changed<'_> {
        Changed { dependencies: self, files: Vec::new() }
    }

    /// The solution with a change. One that does not apply counts by its diffs.
    pub fn of(&self, mutant: &Mutant) -> Changed<'_> {
        let diffs = || mutant.diffs().map(|(path, diff)| (path.to_owned(), diff.to_owned())).collect();
        Changed { dependencies: self, files: mutant.apply(&self.solution).unwrap_or_else(|_| diffs()) }
    }
}

impl Changed<'_> {
    /// What the verdicts of these checks depend on.
    pub fn hash<'c>(&self, checks: impl IntoIterator<Item = &'c String>) -> Digest {
        let Dependencies { testkit, code, checks: texts, .. } = self.dependencies;
        let mut digest = testkit.clone();
        self.files.iter().for_each(|(path, text)| digest.text(path, without_comments(text)));
        let mut behind = BTreeMap::new();
        for check in checks {
            let text = texts.get(check).map_or("", String::as_str);
            digest.text(check, text);
            behind.extend(code.behind(text, &self.files));
        }
        for ((solution, module), text) in behind {
            digest.text(&format!("{solution} {module}"), without_comments(text));
        }
        digest
    }
}

/// A Rust text without the lines that are comments.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn a_comment_is_not_code() {
        let one = "//! A file.\nfn f() {\n    // Nothing.\n    //# hole: Do nothing.\n}\n";
        assert_eq!(without_comments(one), "fn f() {\n}\n");
    }
}
