//! How a command ends: an exit code, or one kind of error whose text says what to do next.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a command ended. The numbers are documented in `cargo course --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// The learner's code failed a check, or does not compile.
    NotPassed = 1,
    /// The command line asks for something that does not exist.
    Usage = 2,
    /// The course itself failed.
    Course = 3,
    /// Ctrl-C, or another command that ended this one.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do what it was asked. Each text ends with the next step.
#[derive(Debug)]
pub enum Error {
    /// A name on the command line that means nothing here.
    Unknown {
        /// What was looked for: "task", "lab".
        what: &'static str,
        /// The name as it was typed.
        name: String,
        /// The nearest name that exists.
        nearest: Option<String>,
        /// The command that lists all names.
        list: &'static str,
    },
    /// The command does not fit the situation: the learner should ask for something else.
    Usage(String),
    /// The command was started outside the course.
    NotTheCourse {
        /// Where the search began.
        start: PathBuf,
    },
    /// A manifest under `exercises/` is wrong.
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// Where in it: `package.metadata.course.tasks[2].page`.
        key: String,
        /// What is wrong, and how to mend it.
        problem: String,
    },
    /// A file could not be read, written or run.
    Io {
        /// "read", "write", "create", "run", "watch".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Anything else by which the course itself fails; the text carries the next step.
    Course(String),
}

impl Error {
    /// An [`Error::Io`], for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    }

    /// The exit code that this error stands for.
    pub fn exit(&self) -> Exit {
        match self {
            Error::Unknown { .. } | Error::Usage(_) | Error::NotTheCourse { .. } => Exit::Usage,
            Error::Manifest { .. } | Error::Io { .. } | Error::Course(_) => Exit::Course,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unknown { what, name, nearest, list } => {
                write!(f, "No {what} is called `{name}`")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean `{nearest}`? `{list}` lists them."),
                    None => write!(f, ". `{list}` lists them."),
                }
            }
            Error::Usage(text) | Error::Course(text) => f.write_str(text),
            Error::NotTheCourse { start } => write!(
                f,
                "{} is not inside the course: no folder above it has a Cargo.toml beside `exercises`. \
                 Change to the folder where you cloned the course and run `cargo course` again.",
                start.display()
            ),
            Error::Manifest { file, key, problem } => write!(f, "{}: `{key}` {problem}", file.display()),
            Error::Io { action, path, source } => write!(f, "Cannot {action} {}: {source}.", path.display()),
        }
    }
}
