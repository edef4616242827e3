//! Scratch copies of the course under `tests/fixture`.
//!
//! Building is slow, so copies are kept under cargo's target directory, and what they build they build in one folder. A file
//! is written only if it differs, so that cargo does not build again what a test leaves as it is. Each copy has packages
//! with names of its own, because cargo tells packages apart by name and place in their workspace, not by the workspace.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use assert_cmd::Command;

/// What the task `tally` begins with, what is right there, and its check with a model.
pub const STARTER: &str = "todo!(\"Add one and reply with the count.\")";
pub const COUNTS: &str = "self.count += 1; out.reply(id, self.count);";
pub const CHECK: &str = "checks::tally::each_addition_counts_once";

/// A copy of the fixture. Nobody else uses it at the same time.
pub struct Fixture {
    /// The copy's root.
    pub root: PathBuf,
    _lock: File,
}

/// The copy for tests that only read.
pub fn shared() -> &'static Fixture {
    static SHARED: OnceLock<Fixture> = OnceLock::new();
    SHARED.get_or_init(|| Fixture::new("shared"))
}

/// What is said when a build begins, where no spinner is seen.
pub const BUILDING: &str = "Building your code and the checks. The first time, this takes minutes.\n";

impl Fixture {
    /// A fresh copy, for the test of this name.
    pub fn new(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture");
        fs::create_dir_all(&place).unwrap();
        let lock = File::create(place.join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        let root = place.join(name);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture"), &root, &|path, text| {
            adapt(name, path, text)
        });
        let lockfile = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock")).unwrap();
        put(&root.join("Cargo.lock"), &lockfile);
        Self { root, _lock: lock }
    }

    /// The command, in the copy's root.
    pub fn course(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("course"));
        command.args(args).current_dir(&self.root);
        command.envs(self.settings());
        command.env_remove("CARGO_MANIFEST_DIR").env_remove("RUST_BACKTRACE");
        command
    }

    /// What the command finds in its environment.
    pub fn settings(&self) -> [(&'static str, PathBuf); 3] {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture-build");
        [("CARGO_TARGET_DIR", self.target()), ("CARGO_BUILD_BUILD_DIR", build), ("CARGO_NET_OFFLINE", "true".into())]
    }

    /// Runs the command and returns its exit code, its standard output and its standard error, without the line that says that a
    /// build has begun.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.course(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let stderr = text(output.stderr);
        let stderr = stderr.strip_prefix(BUILDING).map_or(stderr.clone(), str::to_owned);
        (output.status.code().unwrap(), text(output.stdout), stderr)
    }

    /// Runs the command and returns its standard output, after a look at its exit code.
    #[track_caller]
    pub fn says(&self, args: &[&str], code: i32) -> String {
        let (found, stdout, stderr) = self.run(args);
        assert_eq!(found, code, "cargo course {args:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        stdout
    }

    /// Runs a command that goes wrong and returns its only line on the standard error.
    #[track_caller]
    pub fn complains(&self, args: &[&str], code: i32) -> String {
        let (found, stdout, stderr) = self.run(args);
        assert_eq!((found, stdout.as_str()), (code, ""), "cargo course {args:?}\n--- stderr\n{stderr}");
        stderr.trim_end().strip_prefix("error: ").expect("an error begins with `error:`").to_owned()
    }

    /// The copy's target directory, where traces and plots go.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// A file of the exercise: `src/count.rs`.
    pub fn file(&self, path: &str) -> PathBuf {
        self.root.join("exercises/1-tiny").join(path)
    }

    /// Replaces a text in a file of the exercise.
    #[track_caller]
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let file = self.file(path);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "`{from}` is not in {path}:\n{text}");
        fs::write(file, text.replace(from, to)).unwrap();
    }

    /// Writes the answer of the task `count`.
    pub fn count_is(&self, body: &str) {
        self.edit("src/count.rs", "todo!(\"Count the items.\")", body);
    }

    /// The learner's record.
    pub fn progress(&self) -> String {
        fs::read_to_string(self.root.join(".course/progress.toml")).unwrap_or_default()
    }
}

/// The copy's text of one file: packages get names of their own, and the testkit is found from where the copy is.
fn adapt(name: &str, path: &Path, text: String) -> String {
    if !path.ends_with("Cargo.toml") {
        return text;
    }
    let testkit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit").canonicalize().unwrap();
    let text = text.replace("../../../testkit", testkit.to_str().unwrap());
    let text = text.replace("[package]\nname = \"tiny", &format!("[package]\nname = \"{name}-tiny"));
    text.replace("solution = \"tiny", &format!("solution = \"{name}-tiny"))
}

/// Makes `to` the same as `from`, file by file, with as few writes as can be.
fn copy(from: &Path, to: &Path, adapt: &dyn Fn(&Path, String) -> String) {
    fs::create_dir_all(to).unwrap();
    let names =
        |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    for stray in names(to).into_iter().filter(|name| !from.join(name).exists()).map(|name| to.join(name)) {
        if stray.is_dir() { fs::remove_dir_all(stray).unwrap() } else { fs::remove_file(stray).unwrap() }
    }
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to, adapt);
        } else {
            put(&to, &adapt(&from, fs::read_to_string(&from).unwrap()));
        }
    }
}

fn put(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::write(path, text).unwrap();
    }
}
