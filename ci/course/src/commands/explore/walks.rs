//! `cargo course explore TASK --json`: walks through the states of a task's code, for a program that shows them.
//!
//! What is told stands in [`lines`], the first of them those of the build:
//!
//! ```json
//! {"event":"scopes","checks":[{"check":"checks::abd::it_works","name":"it works","scopes":["one writer"]}]}
//! {"event":"place","check":"checks::abd::it_works","scope":"one writer","place":{…}}
//! {"event":"ended","says":"…"}
//! {"event":"refused","says":"…"}
//! ```
//!
//! What is asked for comes through the standard input, a line for each [`Place`](testkit::cluster::Place):
//!
//! ```json
//! {"check":"checks::abd::it_works","scope":"one writer","path":["c0 asks n0: Write(1)"]}
//! ```
//!
//! The code under test runs in a process of its own, as in a check. If it brings that process down, the walk has `ended`; the next
//! request begins a new one.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use testkit::check::verdict::unguessable;
use testkit::check::{Ending, Limits, Mode, Run, RunRequest, Scope, report, supervise};

use crate::commands::check::Lines;
use crate::error::{Error, Exit};
use crate::lines;
use crate::manifest::{Stage, sentence};
use crate::runner::{self, Build, Target, test_path};
use crate::workspace::Workspace;

/// How often a walk that begins is looked for.
const LOOK: Duration = Duration::from_millis(5);

/// One line that is told.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    /// What there is to walk through.
    Scopes { checks: Vec<Scopes> },
    /// The place that was asked for.
    Place { check: &'a str, scope: &'a str, place: &'a RawValue },
    /// The code under test has brought the walk to its end.
    Ended { says: String },
    /// A request that cannot be done.
    Refused { says: String },
}

/// A check with the scopes that have states.
#[derive(Serialize)]
struct Scopes {
    check: String,
    name: String,
    scopes: Vec<String>,
    /// Whether one server stands among made-up peers, in all of them. A first look is better taken at a whole cluster.
    #[serde(skip)]
    among_peers: bool,
}

/// How long a check may take to name its scopes. It looks at no states for that, and whoever waits wants to walk through another one.
const LISTED: Duration = Duration::from_secs(5);

/// One line that is heard.
#[derive(Deserialize)]
struct Request {
    check: String,
    scope: String,
    path: Vec<String>,
}

/// Guides walks through the states of some checks' code until the standard input ends.
pub fn guide(workspace: &Workspace, stage: &Stage, checks: &[&str]) -> Result<Exit, Error> {
    let requests = lines::hear_reader();
    let executable = match runner::build(workspace.root(), &stage.package, &Target::Graded, &Lines)? {
        Build::Ready { executable, .. } => executable,
        Build::Broken { diagnostics, at } => return Ok(Lines::does_not_compile(workspace, stage, &diagnostics, &at)),
    };
    let traces = workspace.scratch("traces").join(&stage.id);
    let guide = Guide { executable: &executable, traces: &traces };
    let mut checks: Vec<Scopes> = checks.iter().filter_map(|check| guide.scopes(check)).collect();
    checks.sort_by_key(|check| check.among_peers);
    lines::print(&Line::Scopes { checks });
    let mut walk = None;
    for request in requests {
        match serde_json::from_str(&request) {
            Ok(request) => guide.answer(&request, &mut walk),
            Err(error) => lines::print(&Line::Refused { says: format!("This is no request: {error}.") }),
        }
    }
    Ok(Exit::Fine)
}

/// What every walk needs.
struct Guide<'a> {
    executable: &'a Path,
    traces: &'a Path,
}

/// A walk on its way.
struct Walk {
    check: String,
    scope: String,
    socket: BufReader<UnixStream>,
    /// Raised to end its process.
    cancel: Arc<AtomicBool>,
    ended: Receiver<Run>,
}

impl Guide<'_> {
    /// The scopes of a check, if it has any. A check of which the code under test fails an early part has those up to there; one in
    /// which it does not answer has none.
    fn scopes(&self, check: &str) -> Option<Scopes> {
        let request = RunRequest::new(Mode::Scopes, self.traces);
        let run = supervise::run(self.executable, &test_path(check), &request, &Limits { hang: LISTED, cancel: None });
        match run.ending {
            Ending::Verdict(verdict) if !verdict.evidence.is_empty() => {
                let scopes = verdict.evidence.iter().filter_map(|line| serde_json::from_str(line).ok());
                let mut scopes: Vec<Scope> = scopes.collect();
                scopes.sort_by_key(|scope| scope.among_peers);
                let among_peers = scopes.iter().all(|scope| scope.among_peers);
                let scopes = scopes.into_iter().map(|scope| scope.name).collect();
                Some(Scopes { check: run.check, name: sentence(check), scopes, among_peers })
            }
            _ => None,
        }
    }

    /// Shows the place that is asked for, on the walk that goes on or on a new one.
    fn answer(&self, request: &Request, walk: &mut Option<Walk>) {
        let Request { check, scope, path } = request;
        let goes_on = |walk: &Walk| (&walk.check, &walk.scope) == (check, scope);
        let begun = match walk.take().filter(goes_on) {
            Some(walk) => Ok(walk),
            None => self.begin(check, scope),
        };
        match begun.and_then(|walk| walk.ask(path)) {
            Ok((place, going)) => {
                lines::print(&Line::Place { check, scope, place: &place });
                *walk = Some(going);
            }
            Err(Lost::Ended(run)) if run.passed() => {
                lines::print(&Line::Refused { says: format!("The check has no scope called `{scope}`.") });
            }
            Err(Lost::Ended(run)) => lines::print(&Line::Ended { says: report::text(&run, false) }),
            Err(Lost::Failed(error)) => {
                lines::print(&Line::Refused { says: format!("The walk got lost: {error}. Start it again.") });
            }
        }
    }

    fn begin(&self, check: &str, scope: &str) -> Result<Walk, Lost> {
        let path = std::env::temp_dir().join(format!("course-walk-{}.socket", unguessable()));
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let mode = Mode::Walk { socket: path.clone(), scope: scope.to_owned() };
        let request = RunRequest::new(mode, self.traces);
        let cancel = Arc::new(AtomicBool::new(false));
        let limits = Limits { hang: Duration::MAX, cancel: Some(Arc::clone(&cancel)) };
        let (executable, of) = (self.executable.to_owned(), check.to_owned());
        let (send, ended) = mpsc::channel();
        thread::spawn(move || drop(send.send(supervise::run(&executable, &of, &request, &limits))));
        let met = meet(&listener, &ended);
        let _ = fs::remove_file(&path); // a leftover in the temporary folder does no harm
        let socket = BufReader::new(met?);
        Ok(Walk { check: check.to_owned(), scope: scope.to_owned(), socket, cancel, ended })
    }
}

/// Waits for the process of a walk to come to the socket, or to end.
fn meet(listener: &UnixListener, ended: &Receiver<Run>) -> Result<UnixStream, Lost> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        match ended.recv_timeout(LOOK) {
            Ok(run) => return Err(Lost::Ended(Box::new(run))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("its process got lost").into()),
        }
    }
}

impl Walk {
    /// Asks for the place at the end of a path. A walk that gets no answer is over.
    fn ask(mut self, path: &[String]) -> Result<(Box<RawValue>, Self), Lost> {
        let request = serde_json::to_string(path).map_err(io::Error::from)?;
        // A process that has ended cannot read this. How it ended tells more than the failed write.
        let _ = writeln!(self.socket.get_mut(), "{request}");
        let mut answer = String::new();
        if self.socket.read_line(&mut answer).is_ok_and(|read| read > 0) {
            return Ok((RawValue::from_string(answer).map_err(io::Error::from)?, self));
        }
        match self.ended.recv() {
            Ok(run) => Err(Lost::Ended(Box::new(run))),
            Err(_) => Err(io::Error::other("its process got lost").into()),
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

/// Why there is no place to show.
enum Lost {
    /// The process of the walk has ended.
    Ended(Box<Run>),
    /// It could not be begun, or be talked to.
    Failed(io::Error),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Lost::Failed(error)
    }
}
