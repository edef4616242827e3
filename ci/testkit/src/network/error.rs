//! What can go wrong with a site that is not a finding about what its servers do.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// Why something could not be done with a process or a network.
#[derive(Debug)]
pub enum Error {
    /// The system refused. This is not the server's mistake.
    System {
        /// What was to be done: `start n0`.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// A server ended before it said where it listens.
    Ended {
        /// Who: `n0`.
        who: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it printed.
        printed: String,
    },
    /// A server did not say in time where it listens.
    Silent {
        /// Who: `n0`.
        who: String,
        /// How long it was waited for.
        after: Duration,
        /// The last lines that it printed.
        printed: String,
    },
    /// The first line of a server's output does not say where it listens.
    Unclear {
        /// Who: `n0`.
        who: String,
        /// The line.
        line: String,
    },
    /// Something is asked of a server that is not running.
    NotRunning {
        /// Who: `n0`.
        who: String,
    },
    /// A process did not end in time.
    StillRunning {
        /// Who: `n0`.
        who: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// Files are left.
    Left {
        /// Where.
        folder: std::path::PathBuf,
    },
}

impl Error {
    pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        |error| Error::System { what, error }
    }

    /// Whether a server's program is to blame, and not this machine or the check.
    pub fn is_the_servers(&self) -> bool {
        matches!(self, Error::Ended { .. } | Error::Silent { .. } | Error::Unclear { .. } | Error::StillRunning { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::System { what, error } => write!(f, "The system refused to {what}: {error}."),
            Error::Ended { who, status, printed } => {
                write!(f, "{who} ended ({status}) before it said where it listens. {}", last(printed))
            }
            Error::Silent { who, after, printed } => write!(
                f,
                "{who} did not print `listening on ADDRESS` within {} seconds. Print it as the first line, as soon as \
                 connections are accepted, and flush. {}",
                after.as_secs(),
                last(printed)
            ),
            Error::Unclear { who, line } => write!(
                f,
                "The first line that {who} printed is `{line}`. It must be `listening on ADDRESS`, with the address that \
                 the server listens at; whatever else there is to say belongs behind it or on standard error."
            ),
            Error::NotRunning { who } => write!(f, "{who} is not running."),
            Error::StillRunning { who, after } => {
                write!(f, "{who} was asked to end (SIGTERM), and still runs after {} seconds.", after.as_secs())
            }
            Error::Left { folder } => write!(f, "The folder {} could not be removed.", folder.display()),
        }
    }
}

fn last(printed: &str) -> String {
    if printed.is_empty() { "It printed nothing.".to_owned() } else { format!("It printed last:\n{printed}") }
}

impl std::error::Error for Error {}
