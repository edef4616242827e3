//! What earlier full runs found, so that a full run goes on where the last one stopped, and does again only what has changed.
//!
//! A hash of what it [depends on](super::dependencies) is kept beside each finding, and a finding whose hash has changed is forgotten.
//! What could be the machine's doing (a time-out, a crash) is never remembered.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::dependencies::Dependencies;
use super::{Fate, Mutant};
use crate::commands::dev::files;
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// The findings of one stage.
pub struct Memory {
    folder: PathBuf,
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
    pub fn open(workspace: &Workspace, stage: &Stage) -> Self {
        Self { folder: workspace.scratch("scratch-fates").join(&stage.id) }
    }

    /// Forgets everything.
    pub fn forget(&self) -> Result<(), Error> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(Error::io("remove", &self.folder))?;
        }
        Ok(())
    }

    /// What is known of a changed solution and still holds.
    pub fn recall(&self, dependencies: &Dependencies, mutant: &Mutant) -> BTreeMap<String, Fate> {
        let changed = dependencies.of(mutant);
        let holds = |(check, finding): (String, Finding)| {
            (finding.hash == changed.hash([&check]).shown()).then_some((check, finding.fate))
        };
        self.findings(mutant).into_iter().filter_map(holds).collect()
    }

    /// Remembers what checks said of a changed solution.
    pub fn keep(&self, dependencies: &Dependencies, mutant: &Mutant, fates: &[(String, Fate)]) -> Result<(), Error> {
        let changed = dependencies.of(mutant);
        let mut findings = self.findings(mutant);
        for (check, fate) in fates.iter().filter(|(_, fate)| !matches!(fate, Fate::Other(_))) {
            let hash = changed.hash([check]).shown();
            findings.insert(check.clone(), Finding { hash, fate: fate.clone() });
        }
        let json = serde_json::to_vec_pretty(&findings).expect("text and numbers always have a JSON form");
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
}
