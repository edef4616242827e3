//! The failure that the last `cargo course check` showed, so that `cargo course replay` plays that one.

use std::fs;
use std::path::PathBuf;

use testkit::check::Run;

use crate::workspace::Workspace;

/// A failure that was shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// The check, by its test path.
    pub check: String,
    /// The file of the run that shows it, if it was found in a run.
    pub trace: Option<PathBuf>,
}

impl Shown {
    /// Of failures that are shown in this order, the one to replay: the first with a run, or else the first.
    pub fn choose(failed: &[&Run]) -> Option<Self> {
        let trace = |run: &Run| run.failure().and_then(|failure| failure.trace.clone());
        let run = failed.iter().find(|run| trace(run).is_some()).or_else(|| failed.first())?;
        Some(Self { check: run.check.clone(), trace: trace(run) })
    }

    /// Keeps it for a later command.
    pub fn keep(&self, workspace: &Workspace) {
        let trace = self.trace.as_ref().map(|trace| trace.display().to_string()).unwrap_or_default();
        // It is only help: without it, the newest run is played.
        let _ = fs::create_dir_all(workspace.scratch(""));
        let _ = fs::write(workspace.scratch("shown"), format!("{}\n{trace}\n", self.check));
    }

    /// What was kept last, if its run is still there.
    pub fn last(workspace: &Workspace) -> Option<Self> {
        let text = fs::read_to_string(workspace.scratch("shown")).ok()?;
        let mut lines = text.lines();
        let check = lines.next().filter(|check| !check.is_empty())?.to_owned();
        let trace = lines.next().filter(|trace| !trace.is_empty()).map(PathBuf::from);
        trace.as_ref().is_none_or(|trace| trace.is_file()).then_some(Self { check, trace })
    }
}
