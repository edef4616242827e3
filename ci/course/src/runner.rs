//! Builds an exercise with cargo, and runs its checks side by side.
//!
//! Building shows a spinner with what cargo is at. What the compiler says about the code is kept apart from what cargo says
//! about itself, so that a learner whose code does not compile sees rustc's words and nothing else.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use testkit::check::supervise;
use testkit::check::{Limits, Mode, Run, RunRequest};

use crate::error::Error;
use crate::manifest::{Stage, sentence};
use crate::workspace::Workspace;

/// What to build: a target of a package.
#[derive(Clone, Debug)]
pub enum Target {
    /// The tests of `tests/graded.rs`.
    Graded,
    /// An example.
    Example(String),
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
        diagnostics: String,
        /// The first file that an error points at, relative to the workspace.
        at: PathBuf,
    },
}

/// Builds one target of a package and says how it went. Errors of cargo itself, not of the code, are an [`Error`].
pub fn build(root: &Path, package: &str, target: &Target) -> Result<Build, Error> {
    let name = match target {
        Target::Graded => "graded",
        Target::Example(name) => name,
    };
    let mut cargo = cargo(root, package, target);
    let mut process = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(no_cargo)?;
    let bar = spinner("starting cargo");
    let asides = follow_asides(&mut process, bar.clone());
    let mut said = Said::default();
    for line in BufReader::new(process.stdout.take().expect("standard output is a pipe")).lines().map_while(Result::ok)
    {
        said.hear(&line, name, package, &bar);
    }
    let status = process.wait().map_err(Error::io("run", Path::new("cargo")))?;
    let asides = asides.join().unwrap_or_default();
    bar.finish_and_clear();
    if status.success() { said.ready(name) } else { said.broken(&asides) }
}

/// Runs checks of a test executable, as many at once as there are cores, and returns their ends in the order asked for.
pub fn run_checks(
    workspace: &Workspace,
    stage: &Stage,
    executable: &Path,
    checks: &[&str],
    limits: &Limits,
) -> Vec<Run> {
    let traces = workspace.scratch("traces").join(&stage.id);
    let bar = progress_bar(checks.len());
    let runs = side_by_side(checks, &bar, |check| {
        let request = RunRequest::new(Mode::Grade, &traces);
        supervise::run(executable, &test_path(check), &request, limits)
    });
    bar.finish_and_clear();
    runs
}

/// A check's path as the test executable knows it.
pub fn test_path(check: &str) -> String {
    format!("checks::{check}")
}

/// A spinner on the standard error, if that is a terminal. It appears with its first tick.
pub fn spinner(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg:.dim} {elapsed:.dim}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(message.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn progress_bar(length: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner:.cyan} {bar:24.cyan/dim} {pos}/{len} {wide_msg:.dim} {elapsed:.dim}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─");
    let bar = ProgressBar::new(length as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A task lists its checks from the simplest to the costliest. So the last is begun first: none is left to run alone at the end.
fn side_by_side(checks: &[&str], bar: &ProgressBar, run: impl Fn(&str) -> Run + Sync) -> Vec<Run> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (next, under_way) = (AtomicUsize::new(1), UnderWay::default());
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores.min(checks.len()) {
            let (send, next, under_way, run) = (send.clone(), &next, &under_way, &run);
            scope.spawn(move || {
                let take = || checks.len().checked_sub(next.fetch_add(1, Ordering::Relaxed));
                while let Some(at) = take() {
                    let check = checks[at];
                    under_way.begin(check, bar);
                    let _ = send.send(run(check)); // the receiver outlives the scope
                    under_way.end(check, bar);
                }
            });
        }
    });
    drop(send);
    let mut runs: Vec<Run> = receive.into_iter().collect();
    runs.sort_by_key(|run| checks.iter().position(|check| test_path(check) == run.check));
    runs
}

/// The checks that run at this moment. The bar names the one that has run longest: it is what one waits for.
#[derive(Default)]
struct UnderWay(Mutex<Vec<String>>);

impl UnderWay {
    fn begin(&self, check: &str, bar: &ProgressBar) {
        self.change(bar, |running| running.push(check.to_owned()));
    }

    fn end(&self, check: &str, bar: &ProgressBar) {
        self.change(bar, |running| running.retain(|other| other != check));
        bar.inc(1);
    }

    fn change(&self, bar: &ProgressBar, change: impl FnOnce(&mut Vec<String>)) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        bar.set_message(running.first().map(|check| sentence(check)).unwrap_or_default());
    }
}

fn cargo(root: &Path, package: &str, target: &Target) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    match target {
        Target::Graded => cargo.args(["test", "--no-run", "--test", "graded"]),
        Target::Example(name) => cargo.args(["build", "--example", name]),
    };
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let format = if colour { "json-diagnostic-rendered-ansi" } else { "json" };
    cargo.args(["--package", package, "--message-format", format]).current_dir(root).stdin(Stdio::null());
    cargo
}

fn no_cargo(error: std::io::Error) -> Error {
    Error::Course(format!("`cargo` cannot be started: {error}. Install Rust from https://rustup.rs and try again."))
}

/// Reads what cargo says about itself: shown by the spinner while it lasts, kept for the case that it fails.
fn follow_asides(process: &mut Child, bar: ProgressBar) -> thread::JoinHandle<String> {
    let stream = process.stderr.take().expect("standard error is a pipe");
    thread::spawn(move || {
        let mut kept = String::new();
        for line in BufReader::new(stream.take(1 << 20)).lines().map_while(Result::ok) {
            let doing = line.trim();
            if doing.starts_with("Blocking") {
                bar.set_message("waiting for another cargo to finish");
            } else if doing.starts_with("Download") || doing.starts_with("Updating") || doing.starts_with("Compiling") {
                bar.set_message(doing.split(" (").next().unwrap_or(doing).to_lowercase());
            }
            kept.push_str(&line);
            kept.push('\n');
        }
        kept
    })
}

/// What cargo said in its JSON messages.
#[derive(Default)]
struct Said {
    executable: Option<PathBuf>,
    warnings: usize,
    errors: String,
    at: Option<PathBuf>,
}

impl Said {
    fn hear(&mut self, line: &str, target: &str, package: &str, bar: &ProgressBar) {
        let Ok(message) = serde_json::from_str::<Value>(line) else { return };
        let about = message["target"]["name"].as_str().unwrap_or_default();
        match message["reason"].as_str() {
            Some("compiler-artifact") if about == target => {
                self.executable = message["executable"].as_str().map(PathBuf::from).or(self.executable.take());
            }
            Some("compiler-artifact") if message["fresh"] == false => bar.set_message(format!("built {about}")),
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
            // A starter's own line about its holes, which says itself that it is to go when they are filled.
            Some("warning") if diagnostic["code"]["code"] == "unfulfilled_lint_expectations" => {}
            Some("warning") if own => self.warnings += 1,
            Some("error" | "error: internal compiler error") => {
                self.at.get_or_insert_with(|| PathBuf::from(span["file_name"].as_str().unwrap_or_default()));
                self.errors.push_str(diagnostic["rendered"].as_str().unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Errors without a place are kept too (a missing `main`, the linker), except for rustc's closing words.
    fn spanless(&mut self, diagnostic: &Value) {
        let message = diagnostic["message"].as_str().unwrap_or_default();
        if diagnostic["level"] == "error" && !message.starts_with("aborting due to") {
            self.errors.push_str(diagnostic["rendered"].as_str().unwrap_or_default());
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
        Ok(Build::Broken { diagnostics: self.errors, at: self.at.unwrap_or_default() })
    }
}

/// Whether a package id (`path+file:///course/exercises/1-cap#cap@0.1.0`) names a package.
fn is_of(id: &Value, package: &str) -> bool {
    let id = id.as_str().unwrap_or_default();
    let (folder, name) = id.split_once('#').unwrap_or((id, ""));
    name.split('@').next() == Some(package) || folder.ends_with(&format!("/{package}"))
}
