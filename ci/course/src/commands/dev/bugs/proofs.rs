//! What has been shown of each changed solution, so that it need not be shown again while nothing it depends on has changed.
//!
//! `solutions/N/bugs/proofs.json` holds the name of each bug that every check which it names has caught, and of each variant that every
//! check has let pass, with a hash of what these verdicts [depend on](super::dependencies). `cargo course dev bugs` writes it.
//! The audit tries out again what the file does not vouch for, and of the rest a sample that the commit draws. So a file
//! that is out of date costs time and nothing else, and one that was edited by hand is found out in a few commits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::Outcome;
use crate::commands::dev::files::{self, Digest};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// Of so many changed solutions that are proven, the audit tries out one.
const SAMPLE: u8 = 8;

/// What is proven of a stage's changed solutions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    file: PathBuf,
    hashes: BTreeMap<String, String>,
}

impl Proofs {
    /// Reads what is recorded. A file that is not there, or not whole, proves nothing.
    pub fn load(workspace: &Workspace, stage: &Stage) -> Self {
        let file = workspace.solution(&stage.id).join("bugs/proofs.json");
        let hashes = serde_json::from_slice(&fs::read(&file).unwrap_or_default()).unwrap_or_default();
        Self { file, hashes }
    }

    /// Whether a changed solution with this hash is proven. It goes by its name among those of all [bases](super::base).
    pub fn hold(&self, name: &str, hash: &str) -> bool {
        self.hashes.get(name).is_some_and(|proven| proven == hash)
    }

    /// Takes in what a run has shown of a changed solution.
    pub fn update(&mut self, name: String, outcome: &Outcome, hash: String) {
        if outcome.complaints().is_empty() {
            self.hashes.insert(name, hash);
        } else {
            self.hashes.remove(&name);
        }
    }

    /// Forgets changed solutions that are gone.
    pub fn keep_only(&mut self, names: &BTreeSet<String>) {
        self.hashes.retain(|name, _| names.contains(name));
    }

    /// Writes it.
    pub fn save(&self) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(&self.hashes).expect("texts always have a JSON form");
        files::update(&self.file, format!("{json}\n").as_bytes()).map(|_| ())
    }
}

/// What the sample of proven solutions is drawn with: the commit, so that it is another one each time and the same for everyone.
pub fn lot(workspace: &Workspace) -> String {
    let commit = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(workspace.root()).output();
    commit.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Whether the sample that is drawn with `lot` has a changed solution in it.
pub fn is_drawn(lot: &str, name: &str) -> bool {
    let mut digest = Digest::new();
    digest.text(lot, name);
    u8::from_str_radix(&digest.shown()[..2], 16).is_ok_and(|byte| byte % SAMPLE == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_commit_draws_another_eighth() {
        let names: Vec<String> = (0..800).map(|number| format!("bug-{number}")).collect();
        let drawn = |lot: &str| names.iter().filter(|name| is_drawn(lot, name)).count();
        assert!((60..140).contains(&drawn("a")), "{}", drawn("a"));
        let both = names.iter().filter(|name| is_drawn("a", name) && is_drawn("b", name)).count();
        assert!(both < 40, "{both}");
    }
}
