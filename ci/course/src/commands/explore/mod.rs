//! `cargo course explore`: walks through the states of one's own code in the browser.
//!
//! In a terminal it serves stateright's Explorer. With `--json` it guides a walk step by step ([`walks`]), which is what the book's
//! pages show.

mod walks;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use testkit::check::{Ending, Limits, Mode, Run, RunRequest, report, supervise};

use crate::bars::Bars;
use crate::commands::check;
use crate::error::{Error, Exit};
use crate::guide;
use crate::manifest::{Course, Stage, nearest, sentence};
use crate::progress::{Prints, Progress};
use crate::runner::{self, Build, Target};
use crate::style::{self, FAINT, STRONG, TYPE, paint, say};
use crate::workspace::Workspace;

/// How many ports are tried after the first.
const PORTS: u16 = 20;

/// Walk through the states of your own code in the browser.
#[derive(clap::Args)]
pub struct Args {
    /// A task, or one of its checks (`abd::every_history_is_linearizable`).
    pub name: Option<String>,
    /// Which scope of the check; the first one if you name none.
    #[arg(long)]
    pub scope: Option<String>,
    /// The port to serve on; the next free one if it is taken.
    #[arg(long, default_value_t = 3100)]
    pub port: u16,
    /// Serve nothing: take the places to show from the standard input, print each as a line of JSON, and end when the input does.
    #[arg(long, conflicts_with_all = ["scope", "port"])]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let (stage, checks) = choose(args, &course, workspace)?;
    if args.json {
        return walks::guide(workspace, stage, &checks);
    }
    let executable = match runner::build(workspace.root(), &stage.package, &Target::Graded, &Bars::default())? {
        Build::Ready { executable, .. } => executable,
        Build::Broken { diagnostics, at } => return Ok(check::does_not_compile(workspace, stage, &diagnostics, &at)),
    };
    let mut last = None;
    for check in checks {
        let run = serve(args, workspace, stage, &executable, check)?;
        if !run.passed() {
            return Ok(ended_early(&run));
        }
        last = Some(check); // a check without a model passes at once: look at the next one
    }
    let check = last.map(sentence).unwrap_or_default();
    Err(Error::Usage(match &args.scope {
        Some(scope) => {
            format!("No scope is called `{scope}`. A pass of `cargo course check` shows the scopes of each check.")
        }
        None => format!("There are no states to walk through in `{check}`: it is checked without a model."),
    }))
}

/// The checks that may be meant: one, or all of a task until one has something to explore.
fn choose<'c>(args: &Args, course: &'c Course, workspace: &Workspace) -> Result<(&'c Stage, Vec<&'c str>), Error> {
    let all = || course.tasks().flat_map(|(stage, task)| task.checks.iter().map(move |check| (stage, check.as_str())));
    if let Some(name) = &args.name {
        let is_meant =
            |check: &str| check == name || runner::test_path(check) == *name || check.rsplit("::").next() == Some(name);
        if let Some((stage, check)) = all().find(|(_, check)| is_meant(check)) {
            return Ok((stage, vec![check]));
        }
        if course.task(name).is_err() {
            let names = course.tasks().map(|(_, task)| task.id.as_str()).chain(all().map(|(_, check)| check));
            let nearest = nearest(name, names);
            return Err(Error::Unknown { what: "task or check", name: name.clone(), nearest, list: "cargo course" });
        }
    }
    let (progress, prints) = (Progress::load(workspace)?, Prints::take(course, workspace));
    let next = guide::named_or_next(course, &progress, &prints, args.name.as_deref())?;
    let next = next.ok_or_else(|| Error::Usage("Every task is done. Name the one that you want to explore.".into()))?;
    Ok((next.stage, next.task.checks.iter().map(String::as_str).collect()))
}

/// Runs a check in explore mode. Comes back only if there is nothing to explore; Ctrl-C ends both processes.
fn serve(args: &Args, workspace: &Workspace, stage: &Stage, executable: &Path, check: &str) -> Result<Run, Error> {
    let address = free_address(args.port)?;
    let mode = Mode::Explore { address: address.to_string(), scope: args.scope.clone() };
    let request = RunRequest::new(mode, workspace.scratch("traces").join(&stage.id));
    let limits = Limits { hang: Duration::MAX, ..Limits::default() };
    let (path, executable) = (runner::test_path(check), executable.to_owned());
    let (send, ended) = mpsc::channel();
    thread::spawn(move || drop(send.send(supervise::run(&executable, &path, &request, &limits))));
    let mut announced = false;
    loop {
        match ended.recv_timeout(Duration::from_millis(50)) {
            Ok(run) => return Ok(run),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Course("The explorer got lost. Try again.".into()));
            }
            Err(RecvTimeoutError::Timeout) if !announced && answers(address) => {
                announced = true;
                say(format!("\n{} {}", paint(STRONG, "Exploring:"), sentence(check)));
                say(format!("\n  Open {}\n", paint(TYPE, format!("http://{address}/"))));
                say(paint(FAINT, "Ctrl-C ends it."));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Whether somebody listens. A port among those that the system gives to callers can also get through to itself.
fn answers(address: SocketAddr) -> bool {
    TcpStream::connect(address).and_then(|stream| stream.local_addr()).is_ok_and(|own| own != address)
}

fn free_address(port: u16) -> Result<SocketAddr, Error> {
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut ports = (port..=port.saturating_add(PORTS)).map(address);
    ports.find(|address| TcpListener::bind(address).is_ok()).ok_or_else(|| {
        Error::Usage(format!("Port {port} and the {PORTS} after it are taken. Choose another one with `--port`."))
    })
}

/// The check ended by itself, and not with a pass: the code under test broke before there was a state to show.
fn ended_early(run: &Run) -> Exit {
    if run.ending == Ending::Cancelled {
        return Exit::Interrupted;
    }
    say(report::text(run, style::colour()).trim_end());
    check::exit_of(run)
}
