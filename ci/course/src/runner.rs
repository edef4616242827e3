//! Builds an exercise with cargo, and runs its checks side by side.
//!
//! A [`Listener`] hears how it comes along: the terminal's [`Bars`](crate::bars::Bars), or the page in the browser. What the
//! compiler says about the code is kept apart from what cargo says about itself, so that a learner whose code does not compile
//! sees rustc's words and nothing else.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde::Serialize;
use serde_json::Value;
use testkit::check::supervise;
use testkit::check::{Limits, Mode, Run, RunRequest};

use crate::error::Error;

/// A listener that wants to know how a build, or a run of checks, comes along.
pub trait Listener: Sync {
    /// Cargo is at something: "compiling cap v0.1.0".
    fn building(&self, what: &str);
    /// The build is over.
    fn built(&self);
    /// These checks will be run.
    fn starting(&self, checks: &[&str]);
    /// One of them was begun.
    fn begun(&self, check: &str);
    /// One of them has ended.
    fn ended(&self, run: &Run);
    /// All of them have.
    fn finished(&self);
}

/// What to build: a target of a package.
#[derive(Clone, Debug)]
pub enum Target {
    /// The tests of `tests/graded.rs`.
    Graded,
    /// An example.
    Example {
        /// What it is called.
        name: String,
        /// The features that it requires, and that nothing else needs.
        features: Vec<String>,
    },
}

/// What came of a build.
#[derive(Debug)]
pub enum Build {
    /// There is something to run.
    Ready {
        /// The program.
        executable: PathBuf,
        /// How many warnings the compiler has about the package that was asked for.
        warnings: usize,
    },
    /// The compiler refused the code.
    Broken {
        /// The compiler's errors, as it shows them.
        diagnostics: Vec<Diagnostic>,
        /// The first file that an error points at, relative to the workspace.
        at: PathBuf,
    },
}

/// An error of the compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file that it points at, relative to the workspace; empty for an error without a place.
    pub file: PathBuf,
    /// The line, from 1; 0 without a place.
    pub line: u64,
    /// What the compiler shows.
    pub rendered: String,
}

/// Builds one target of a package and says how it went. Errors of cargo itself, not of the code, are an [`Error`].
pub fn build(root: &Path, package: &str, target: &Target, listener: &dyn Listener) -> Result<Build, Error> {
    build_with(cargo(root, package, target), package, target, listener)
}

/// As [`build`], with a target directory of its own.
pub fn build_into(
    folder: &Path,
    root: &Path,
    package: &str,
    target: &Target,
    listener: &dyn Listener,
) -> Result<Build, Error> {
    let mut cargo = cargo(root, package, target);
    cargo.arg("--target-dir").arg(folder);
    build_with(cargo, package, target, listener)
}

fn build_with(mut cargo: Command, package: &str, target: &Target, listener: &dyn Listener) -> Result<Build, Error> {
    let name = match target {
        Target::Graded => "graded",
        Target::Example { name, .. } => name,
    };
    let mut process = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(no_cargo)?;
    listener.building("starting cargo");
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let stderr = stderr.expect("standard error is a pipe");
    let (said, asides) = thread::scope(|scope| {
        let asides = scope.spawn(|| follow_asides(stderr, listener));
        let mut said = Said::default();
        for line in BufReader::new(stdout.expect("standard output is a pipe")).lines().map_while(Result::ok) {
            said.hear(&line, name, package, listener);
        }
        (said, asides.join().unwrap_or_default())
    });
    let status = process.wait().map_err(Error::io("run", Path::new("cargo")))?;
    listener.built();
    if status.success() { said.ready(name) } else { said.broken(&asides) }
}

/// Runs checks of a test executable, as many at once as there are cores, and returns their ends in the order asked for. Traces of
/// failures go to `traces`, a folder with the stage's name.
pub fn run_checks(
    traces: &Path,
    executable: &Path,
    checks: &[&str],
    limits: &Limits,
    listener: &dyn Listener,
) -> Vec<Run> {
    listener.starting(checks);
    let runs = side_by_side(checks, |check| {
        listener.begun(check);
        let request = RunRequest::new(Mode::Grade, traces);
        let run = supervise::run(executable, &test_path(check), &request, limits);
        listener.ended(&run);
        run
    });
    listener.finished();
    runs
}

/// A check's path as the test executable knows it.
pub fn test_path(check: &str) -> String {
    format!("checks::{check}")
}

/// Runs the last first: a task lists its checks in the order in which they can first pass, and the costliest are mostly among the last. So none
/// of those is left to run alone at the end.
fn side_by_side(checks: &[&str], run: impl Fn(&str) -> Run + Sync) -> Vec<Run> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(1);
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores.min(checks.len()) {
            let (send, next, run) = (send.clone(), &next, &run);
            scope.spawn(move || {
                let take = || checks.len().checked_sub(next.fetch_add(1, Ordering::Relaxed));
                while let Some(at) = take() {
                    let _ = send.send(run(checks[at])); // the receiver outlives the scope
                }
            });
        }
    });
    drop(send);
    let mut runs: Vec<Run> = receive.into_iter().collect();
    runs.sort_by_key(|run| checks.iter().position(|check| test_path(check) == run.check));
    runs
}

fn cargo(root: &Path, package: &str, target: &Target) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    match target {
        Target::Graded => cargo.args(["test", "--no-run", "--test", "graded"]),
        Target::Example { name, features } => {
            cargo.args(["build", "--example", name, "--features", &features.join(",")])
        }
    };
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let format = if colour { "json-diagnostic-rendered-ansi" } else { "json" };
    cargo.args(["--package", package, "--message-format", format]).current_dir(root).stdin(Stdio::null());
    cargo
}

fn no_cargo(error: std::io::Error) -> Error {
    Error::Course(format!("`cargo` cannot be started: {error}. Install Rust from https://rustup.rs and try again."))
}

/// Reads what cargo says about itself: told while it lasts, kept for the case that it fails.
fn follow_asides(stream: ChildStderr, listener: &dyn Listener) -> String {
    let mut kept = String::new();
    for line in BufReader::new(stream.take(1 << 20)).lines().map_while(Result::ok) {
        let doing = line.trim();
        if doing.starts_with("Blocking") {
            listener.building("waiting for another cargo to finish");
        } else if doing.starts_with("Download") || doing.starts_with("Updating") || doing.starts_with("Compiling") {
            listener.building(&doing.split(" (").next().unwrap_or(doing).to_lowercase());
        }
        kept.push_str(&line);
        kept.push('\n');
    }
    kept
}

/// What cargo said in its JSON messages.
#[derive(Default)]
struct Said {
    executable: Option<PathBuf>,
    warnings: usize,
    errors: Vec<Diagnostic>,
}

impl Said {
    fn hear(&mut self, line: &str, target: &str, package: &str, listener: &dyn Listener) {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        let about = message["target"]["name"].as_str().unwrap_or_default();
        match message["reason"].as_str() {
            Some("compiler-artifact") if about == target => {
                self.executable = message["executable"].as_str().map(PathBuf::from).or(self.executable.take());
            }
            Some("compiler-artifact") if message["fresh"] == false => listener.building(&format!("built {about}")),
            Some("compiler-message") => self.diagnostic(&message["message"], is_of(&message["package_id"], package)),
            _ => {}
        }
    }

    fn diagnostic(&mut self, diagnostic: &Value, own: bool) {
        // The summary ("aborting due to 2 previous errors; 1 warning emitted") points nowhere.
        let Some(span) = diagnostic["spans"].as_array().and_then(|spans| spans.first()) else {
            return self.spanless(diagnostic);
        };
        match diagnostic["level"].as_str() {
            Some("warning") if own => self.warnings += 1,
            Some("error" | "error: internal compiler error") => {
                let file = PathBuf::from(span["file_name"].as_str().unwrap_or_default());
                let line = span["line_start"].as_u64().unwrap_or_default();
                self.errors.push(Diagnostic { file, line, rendered: rendered(diagnostic) });
            }
            _ => {}
        }
    }

    /// Errors without a place are kept too (a missing `main`, the linker), except for rustc's closing words.
    fn spanless(&mut self, diagnostic: &Value) {
        let message = diagnostic["message"].as_str().unwrap_or_default();
        if diagnostic["level"] == "error" && !message.starts_with("aborting due to") {
            self.errors.push(Diagnostic { file: PathBuf::new(), line: 0, rendered: rendered(diagnostic) });
        }
    }

    fn ready(self, target: &str) -> Result<Build, Error> {
        match self.executable {
            Some(executable) => Ok(Build::Ready { executable, warnings: self.warnings }),
            None => Err(Error::Course(format!(
                "Cargo built nothing called `{target}`. `cargo course dev verify` says what the stage lacks."
            ))),
        }
    }

    fn broken(self, asides: &str) -> Result<Build, Error> {
        if self.errors.is_empty() {
            let asides = asides.trim_end();
            return Err(Error::Course(format!("Cargo could not build the exercise. It says:\n\n{asides}")));
        }
        let at = self.errors.iter().map(|error| &error.file).find(|file| !file.as_os_str().is_empty());
        Ok(Build::Broken { at: at.cloned().unwrap_or_default(), diagnostics: self.errors })
    }
}

fn rendered(diagnostic: &Value) -> String {
    diagnostic["rendered"].as_str().unwrap_or_default().to_owned()
}

/// Whether a package id (`path+file:///course/exercises/1-cap#cap@0.1.0`) names a package.
fn is_of(id: &Value, package: &str) -> bool {
    let id = id.as_str().unwrap_or_default();
    let (folder, name) = id.split_once('#').unwrap_or((id, ""));
    name.split('@').next() == Some(package) || folder.ends_with(&format!("/{package}"))
}
