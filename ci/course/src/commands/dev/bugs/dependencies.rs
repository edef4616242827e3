//! What the verdict of a check on a changed solution depends on, as a hash.
//!
//! It depends on the code of the solution, as the change leaves it, of the earlier solutions that it is built on, of what the stage
//! uses of the testkit, and of the check's own module with the modules that it names. Comments leave the hash alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::base::Base;
use super::mutant::Mutant;
use super::reach::{self, Reach};
use crate::commands::dev::files::{self, Digest};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// What the verdicts of one stage depend on.
pub struct Dependencies {
    solution: PathBuf,
    /// The solution with those that it is built on, and the testkit.
    foundation: Digest,
    /// The code behind each check.
    checks: BTreeMap<String, String>,
}

impl Dependencies {
    /// Reads what the checks of a stage are built from when they are built with a base.
    pub fn new(workspace: &Workspace, stage: &Stage, base: &Base, reach: &Reach) -> Result<Self, Error> {
        let mut foundation = Digest::new();
        let testkit = reach::testkit_files(workspace, stage)?;
        let sources = base.sources().map(|folder| files::below(&folder)).collect::<Result<Vec<_>, _>>()?;
        for file in sources.iter().flatten().chain(&testkit) {
            let text = fs::read_to_string(file).map_err(Error::io("read", file))?;
            foundation.text(&workspace.shown(file).to_string(), code(&text));
        }
        let checks = stage.tasks.iter().flat_map(|task| &task.checks);
        let behind = |check: &String| check.rsplit_once("::").map_or(String::new(), |(module, _)| reach.behind(module));
        let checks = checks.map(|check| (check.clone(), code(&behind(check)))).collect();
        Ok(Self { solution: base.folder().to_owned(), foundation, checks })
    }

    /// The solution with a change, and the testkit. A change that does not apply counts by its diff.
    pub fn of(&self, mutant: &Mutant) -> Digest {
        let mut digest = self.foundation.clone();
        match mutant.apply(&self.solution) {
            Ok(files) => files.iter().for_each(|(path, text)| digest.text(path, code(text))),
            Err(_) => mutant.diffs().for_each(|(path, diff)| digest.text(path, diff)),
        }
        digest
    }

    /// Adds what a check is made of.
    pub fn add_check(&self, digest: &mut Digest, check: &str) {
        digest.text(check, self.checks.get(check).map_or("", String::as_str));
    }
}

/// A Rust text without the lines that are comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_comment_is_not_code() {
        let one = "//! A file.\nfn f() {\n    // Nothing.\n    //# hole: Do nothing.\n}\n";
        assert_eq!(code(one), "fn f() {\n}\n");
    }
}
