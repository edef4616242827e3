//! What earlier full runs found, so that a full run goes on where the last one stopped, and does again only what has changed.
//!
//! What a check says of a changed solution depends on the solution, the change, the testkit, the check's own module and the
//! modules that it names. A hash of these stands beside each finding, and a finding whose hash has changed is forgotten. What
//! could be the machine's doing (a time-out, a crash) is never remembered.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::reach::Reach;
use super::{Fate, Mutant};
use crate::commands::dev::files::{self, Digest};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// The findings of one stage.
pub struct Memory {
    folder: PathBuf,
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
        let mut foundation = Digest::new();
        for folder in [workspace.solution(&stage.id).join("src"), workspace.root().join("ci/testkit/src")] {
            foundation.folder(workspace.root(), &folder)?;
        }
        let checks = stage.tasks.iter().flat_map(|task| &task.checks);
        let behind = |check: &String| check.rsplit_once("::").map_or(String::new(), |(module, _)| reach.behind(module));
        Ok(Self {
            folder: workspace.scratch("scratch-fates").join(&stage.id),
            foundation,
            checks: checks.map(|check| (check.clone(), behind(check))).collect(),
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
        let holds = |(check, finding): (String, Finding)| {
            (finding.hash == self.hash(mutant, &check)).then_some((check, finding.fate))
        };
        self.findings(mutant).into_iter().filter_map(holds).collect()
    }

    /// Remembers what checks said of a changed solution.
    pub fn keep(&self, mutant: &Mutant, fates: &[(String, Fate)]) -> Result<(), Error> {
        let mut findings = self.findings(mutant);
        for (check, fate) in fates.iter().filter(|(_, fate)| !matches!(fate, Fate::Other(_))) {
            findings.insert(check.clone(), Finding { hash: self.hash(mutant, check), fate: fate.clone() });
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

    fn hash(&self, mutant: &Mutant, check: &str) -> String {
        let mut digest = self.foundation.clone();
        for (path, diff) in mutant.diffs() {
            digest.text(path, diff);
        }
        digest.text(check, self.checks.get(check).map_or("", String::as_str));
        digest.shown()
    }
}
