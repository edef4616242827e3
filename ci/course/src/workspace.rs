//! Where things are.
//!
//! Everything is found from the workspace's root, which is the nearest folder at or above the current one that has a
//! `Cargo.toml` beside an `exercises` folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What git is told about the record's folder. A file that says something else stays as it is.
const IGNORED: &str = "\
# Written by `cargo course`. To be committed: progress.toml, which holds your points and goes with you to another machine.
# Everything else here is of this machine: config.toml (your editor) and backup/ (what `cargo course reset` has replaced).
/*
!/.gitignore
!/progress.toml
";

/// The same by earlier versions.
const IGNORED_BEFORE: &str = "/backup/\n";

/// The course's files on this machine.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the workspace from the current directory, or else from the package that cargo is running.
    pub fn find() -> Result<Self, Error> {
        let start = env::current_dir().map_err(Error::io("read", Path::new(".")))?;
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        Self::above(&start).or_else(|| package.as_deref().and_then(Self::above)).ok_or(Error::NotTheCourse { start })
    }

    /// The workspace at or above a folder.
    pub fn above(start: &Path) -> Option<Self> {
        let is_root = |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("exercises").is_dir();
        start.ancestors().find(is_root).map(|root| Self { root: root.to_owned() })
    }

    /// The workspace's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The mdBook: `book/`.
    pub fn book(&self) -> PathBuf {
        self.root.join("book")
    }

    /// What learners edit: `exercises/`.
    pub fn exercises(&self) -> PathBuf {
        self.root.join("exercises")
    }

    /// The reference of a stage: `solutions/1-cap`.
    pub fn solution(&self, stage: &str) -> PathBuf {
        self.root.join("solutions").join(stage)
    }

    /// The learner's record: `.course/`.
    pub fn record(&self) -> PathBuf {
        self.root.join(".course")
    }

    /// The same, to write into it. Git is told which of its files are to be committed: those that a second machine needs.
    pub fn open_record(&self) -> Result<PathBuf, Error> {
        let folder = self.record();
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() || fs::read_to_string(&ignore).is_ok_and(|text| text == IGNORED_BEFORE) {
            fs::write(&ignore, IGNORED).map_err(Error::io("write", &ignore))?;
        }
        Ok(folder)
    }

    /// Cargo's target directory.
    pub fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), |target| self.root.join(target))
    }

    /// What the course writes and nobody commits: `target/course/<name>`.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.target().join("course").join(name)
    }

    /// A path as it is shown: relative to the root where it lies in it.
    pub fn shown<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
