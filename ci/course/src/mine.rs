//! The learner's own tests, `tests/mine/mod.rs` of a stage: where a run is kept as a regression test.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use testkit::check::as_test;
use testkit::trace::Trace;

use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// A run that was kept as a test.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The file that holds the test, below the workspace's root.
    pub file: String,
    /// The name of the test's function.
    pub name: String,
    /// What runs it.
    pub command: String,
}

/// Where the learner's own tests of a stage stand.
pub fn file(stage: &Stage) -> PathBuf {
    stage.folder.join("tests/mine/mod.rs")
}

/// The test that takes the run of `trace` again, under a name that the learner's own tests do not have yet.
pub fn test_of(trace: &Trace, stage: &Stage) -> Result<String, Error> {
    Ok(as_test(trace, &text(stage)?))
}

/// Adds that test to the learner's own.
pub fn keep(trace: &Trace, stage: &Stage, workspace: &Workspace) -> Result<Kept, Error> {
    let file = file(stage);
    let (tests, test) = (text(stage)?, test_of(trace, stage)?);
    let text = format!("{}\n\n{test}", tests.trim_end());
    fs::write(&file, text.trim_start()).map_err(Error::io("write", &file))?;
    let name = name_of(&test).to_owned();
    let command = format!("cargo test -p {} {name}", stage.package);
    Ok(Kept { file: workspace.shown(&file).to_string(), name, command })
}

/// The learner's own tests; none if there is no such file.
fn text(stage: &Stage) -> Result<String, Error> {
    let file = file(stage);
    if !file.exists() {
        return Ok(String::new());
    }
    fs::read_to_string(&file).map_err(Error::io("read", &file))
}

/// The name of the one function in a test's text.
fn name_of(test: &str) -> &str {
    let head = test.lines().find_map(|line| line.strip_prefix("fn ")).unwrap_or_default();
    head.trim_end_matches("() {")
}
