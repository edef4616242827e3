//! What earlier full runs found, so that a full run goes on where the last one stopped, and does again only what has changed.
//!
//! What a check says of a changed solution depends on the code of the solution, as the change leaves it, of the earlier solutions that it
//! is built on, of what the stage uses of the testkit, and of the check's own module with the modules that it names. A hash of these stands beside each finding, and a finding whose hash
//! has changed is forgotten. Comments leave the hash alone. What could be the machine's doing (a time-out, a crash) is never
//! remembered.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::reach::{self, Reach};
use super::{Fate, Mutant};
use crate::commands::dev::files::{self, Digest};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// The findings of one stage.
pub struct Memory {
    folder: PathBuf,
    solution: PathBuf,
    /// The solution with those that it is built on, and the testkit.
    foundation: Digest,
    checks: BTreeMap<String, String>,
}

/// A finding, and the hash of what it depends on.
#[derive(Serialize, Deserialize)]
struct Finding {
    hash: String,
    fate: Fate,
}

/// The findings about one changed solution, by the check.
type Findings = BTreeMap<String, Finding>;

impl Memory {
    /// Opens what is remembered of a stage.
    pub fn open(workspace: &Workspace, stage: &Stage, reach: &Reach) -> Result<Self, Error> {
        let solution = workspace.solution(&stage.id);
        let mut foundation = Digest::new();
        let testkit = reach::testkit_files(workspace, stage)?;
        let sources =
            reach::sources(&solution)?.iter().map(|folder| files::below(folder)).collect::<Result<Vec<_>, _>>()?;
        for file in sources.iter().flatten().chain(&testkit) {
            let text = fs::read_to_string(file).map_err(Error::io("read", file))?;
            foundation.text(&workspace.shown(file).to_string(), code(&text));
        }
        let checks = stage.tasks.iter().flat_map(|task| &task.checks);
        let behind = |check: &String| check.rsplit_once("::").map_or(String::new(), |(module, _)| reach.behind(module));
        Ok(Self {
            folder: workspace.scratch("scratch-fates").join(&stage.id),
            solution,
            foundation,
            checks: checks.map(|check| (check.clone(), code(&behind(check)))).collect(),
        })
    }

    /// Forgets everything.
    pub fn forget(&self) -> Result<(), Error> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(Error::io("remove", &self.folder))?;
        }
        Ok(())
    }

    /// What is known of a changed solution and still holds.
    pub fn recall(&self, mutant: &Mutant) -> BTreeMap<String, Fate> {
        let changed = self.changed(mutant);
        let holds = |(check, finding): (String, Finding)| {
            (finding.hash == self.hash(&changed, &check)).then_some((check, finding.fate))
        };
        self.findings(mutant).into_iter().filter_map(holds).collect()
    }

    /// Remembers what checks said of a changed solution.
    pub fn keep(&self, mutant: &Mutant, fates: &[(String, Fate)]) -> Result<(), Error> {
        let changed = self.changed(mutant);
        let mut findings = self.findings(mutant);
        for (check, fate) in fates.iter().filter(|(_, fate)| !matches!(fate, Fate::Other(_))) {
            findings.insert(check.clone(), Finding { hash: self.hash(&changed, check), fate: fate.clone() });
        }
        let json = serde_json::to_vec_pretty(&findings).expect("texts and numbers always have a JSON form");
        files::write(&self.file(mutant), &json)
    }

    /// A file that is not there, or not whole, holds nothing.
    fn findings(&self, mutant: &Mutant) -> Findings {
        let text = fs::read(self.file(mutant)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn file(&self, mutant: &Mutant) -> PathBuf {
        self.folder.join(format!("{}.json", mutant.name))
    }

    /// The solution with its change, and the testkit. A change that does not apply counts by its diff.
    fn changed(&self, mutant: &Mutant) -> Digest {
        let mut digest = self.foundation.clone();
        match mutant.apply(&self.solution) {
            Ok(files) => files.iter().for_each(|(path, text)| digest.text(path, code(text))),
            Err(_) => mutant.diffs().for_each(|(path, diff)| digest.text(path, diff)),
        }
        digest
    }

    fn hash(&self, changed: &Digest, check: &str) -> String {
        let mut digest = changed.clone();
        digest.text(check, self.checks.get(check).map_or("", String::as_str));
        digest.shown()
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
