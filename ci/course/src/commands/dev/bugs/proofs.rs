//! What has been shown of each changed solution, so that it need not be shown again while nothing it depends on has changed.
//!
//! `solutions/N/bugs/proofs.json` holds the name of each bug that every check which it names has caught, and of each variant that every
//! check has let pass, with a hash of what these verdicts [depend on](super::dependencies). `cargo course dev bugs` writes it.
//! The audit tries out again what the file does not vouch for, and of the rest a sample that the commit [draws](Draw). So a file
//! that is out of date costs time and nothing else, and one that was edited by hand is found out in some commits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Mutant, Outcome};
use crate::commands::dev::files::{self, Digest};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// Of so many bases the audit tries out what is proven, however many stages there are.
const BASES: usize = 2;

/// Of the variants of such a base, it tries out one in so many: each is built by itself, while all bugs are built together.
const VARIANTS: u8 = 8;

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

/// A sample of what is proven. It is another one with each commit, and the same for everyone.
#[derive(Debug)]
pub struct Draw {
    lot: String,
    bases: Vec<String>,
}

impl Draw {
    /// Draws among the bases with these names.
    pub fn new(workspace: &Workspace, bases: Vec<String>) -> Self {
        let commit = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(workspace.root()).output();
        let lot = commit.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        Self::with(lot, bases)
    }

    /// One of these names.
    pub fn one(workspace: &Workspace, names: impl IntoIterator<Item = String>) -> Option<String> {
        let Draw { lot, .. } = Draw::new(workspace, Vec::new());
        names.into_iter().min_by_key(|name| hash(&lot, name))
    }

    fn with(lot: String, mut bases: Vec<String>) -> Self {
        bases.sort_by_key(|base| hash(&lot, base));
        bases.truncate(BASES);
        Self { lot, bases }
    }

    /// Whether the sample has this bug or variant of a base in it.
    pub fn has(&self, base: &str, mutant: &Mutant) -> bool {
        let is_drawn = || hash(&self.lot, &mutant.name)[0].is_multiple_of(VARIANTS);
        self.bases.iter().any(|drawn| drawn == base) && (mutant.is_bug() || is_drawn())
    }
}

fn hash(lot: &str, name: &str) -> Vec<u8> {
    let mut digest = Digest::new();
    digest.text(lot, name);
    digest.shown().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_commit_draws_other_bases_and_in_the_end_all() {
        let bases: Vec<String> = (0..18).map(|number| format!("base {number}")).collect();
        let draws: Vec<Draw> = (0..100).map(|commit| Draw::with(format!("commit {commit}"), bases.clone())).collect();
        assert!(draws.iter().all(|draw| draw.bases.len() == BASES));
        let drawn: BTreeSet<&String> = draws.iter().flat_map(|draw| &draw.bases).collect();
        assert_eq!(drawn.len(), bases.len());
    }
}
