//! Builds what the maintainers' tools look at, without a word on the terminal.
//!
//! Learners' builds go through the runner, which shows them as rustc does. Here the warnings matter, and builds go on beside
//! runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::error::Error;

/// A test executable, and what the compiler thought of its package.
#[derive(Debug)]
pub struct Graded {
    /// The program that holds the checks.
    pub executable: PathBuf,
    /// The package's programs, which its checks may start.
    pub programs: Vec<PathBuf>,
    /// The compiler's warnings about the package that was asked for, as it shows them.
    pub warnings: Vec<String>,
}

/// Builds the graded checks of a package of the workspace in `root`.
///
/// The outer error is cargo's, the inner one holds the compiler's errors.
pub fn graded(root: &Path, package: &str, target: &Path) -> Result<Result<Graded, String>, Error> {
    let said = match said(root, &["test", "--no-run", "--test", "graded"], package, target)? {
        Ok(said) => said,
        Err(errors) => return Ok(Err(errors)),
    };
    let executable = said.executable.ok_or_else(|| {
        Error::Course(format!(
            "`{package}` has no test called `graded`. Write tests/graded.rs, as the other stages have it."
        ))
    })?;
    Ok(Ok(Graded { executable, programs: said.programs, warnings: said.warnings }))
}

/// The compiler's warnings about a package's library and programs. Nothing is built of them.
///
/// The outer error is cargo's, the inner one holds the compiler's errors.
pub fn check(root: &Path, package: &str, target: &Path) -> Result<Result<Vec<String>, String>, Error> {
    Ok(said(root, &["check"], package, target)?.map(|said| said.warnings))
}

/// Runs cargo on a package. The outer error is cargo's, the inner one holds the compiler's errors.
fn said(root: &Path, command: &[&str], package: &str, target: &Path) -> Result<Result<Said, String>, Error> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(command)
        .args(["--message-format", "json", "--package", package, "--target-dir"])
        .arg(target)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("run", Path::new("cargo")))?;
    let said = Said::read(&String::from_utf8_lossy(&output.stdout), package);
    if output.status.success() {
        return Ok(Ok(said));
    }
    if said.errors.is_empty() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Course(format!("Cargo could not build `{package}`. It says:\n\n{}", words.trim_end())));
    }
    Ok(Err(said.errors))
}

/// The test paths of an executable's checks, without the leading `checks::`.
pub fn checks(executable: &Path) -> Result<Vec<String>, Error> {
    let output = Command::new(executable)
        .args(["--list", "--format", "terse", "--include-ignored"])
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io("run", executable))?;
    let list = String::from_utf8_lossy(&output.stdout);
    let paths = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let mut checks: Vec<String> = paths.map(|path| path.strip_prefix("checks::").unwrap_or(path).to_owned()).collect();
    checks.sort();
    Ok(checks)
}

#[derive(Default)]
struct Said {
    executable: Option<PathBuf>,
    programs: Vec<PathBuf>,
    warnings: Vec<String>,
    errors: String,
}

impl Said {
    fn read(json: &str, package: &str) -> Self {
        let mut said = Self::default();
        for message in json.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            said.hear(&message, package);
        }
        said
    }

    fn hear(&mut self, message: &Value, package: &str) {
        if message["target"]["name"] == "graded" && message["executable"].is_string() {
            self.executable = message["executable"].as_str().map(PathBuf::from);
        }
        if message["target"]["kind"][0] == "bin" && is_of(&message["package_id"], package) {
            self.programs.extend(message["executable"].as_str().map(PathBuf::from));
        }
        let rendered = message["message"]["rendered"].as_str().unwrap_or_default();
        match message["message"]["level"].as_str() {
            Some("error") => self.errors.push_str(rendered),
            Some("warning") if is_of(&message["package_id"], package) && !message["message"]["spans"][0].is_null() => {
                self.warnings.push(rendered.to_owned());
            }
            _ => {}
        }
    }
}

/// Whether a package id (`path+file:///course/exercises/1-cap#cap@0.1.0`) names a package.
fn is_of(id: &Value, package: &str) -> bool {
    let id = id.as_str().unwrap_or_default();
    let (folder, name) = id.split_once('#').unwrap_or((id, ""));
    name.split('@').next() == Some(package) || folder.ends_with(&format!("/{package}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_the_package_are_kept_and_summaries_are_not() {
        let json = r#"{"reason":"compiler-message","package_id":"path+file:///c/exercises/1-cap#cap@0.1.0","message":{"level":"warning","rendered":"unused","spans":[{}]}}
{"reason":"compiler-message","package_id":"path+file:///c/exercises/1-cap#cap@0.1.0","message":{"level":"warning","rendered":"1 warning emitted","spans":[]}}
{"reason":"compiler-message","package_id":"path+file:///c/ci/testkit#0.1.0","message":{"level":"warning","rendered":"not ours","spans":[{}]}}
{"reason":"compiler-artifact","target":{"name":"graded"},"executable":"/t/graded-1"}"#;
        let said = Said::read(json, "cap");
        assert_eq!(said.warnings, ["unused"]);
        assert_eq!(said.executable.as_deref(), Some(Path::new("/t/graded-1")));
        assert_eq!(said.errors, "");
    }
}
