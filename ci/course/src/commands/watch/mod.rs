//! `cargo course watch`: checks the task at hand again on each save.
//!
//! A check runs in a process of its own (`cargo course check <task>`), at the head of a process group ([`run`]). A new save
//! ends the whole group, compiler and all, and starts again; whatever happens to a check cannot end the watch.
//!
//! Files are watched by looking at them a few times a second ([`files`]), not through the system's notifications. That costs
//! next to nothing for a handful of files and cannot fail silently: it does not matter whether an editor writes in place,
//! renames, or deletes and creates, whether the folder itself is replaced, or whether it lies on a network disk.

mod files;
mod keys;
mod run;

use std::io::IsTerminal;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::commands::hint;
use crate::error::{Error, Exit};
use crate::guide::{self, Next};
use crate::manifest::{Course, Stage};
use crate::progress::{Prints, Progress};
use crate::style::{FAINT, GOOD, TYPE, WARN, paint, say};
use crate::workspace::Workspace;
use files::{Change, Files};
use keys::Keys;
use run::Running;

/// How often the files are looked at. A change counts once it has stood for one more look.
const LOOK: Duration = Duration::from_millis(120);

/// Check the task at hand again on each save, and move on when it passes.
#[derive(clap::Args)]
pub struct Args {
    /// A task; without one, the next open one.
    pub name: Option<String>,
}

/// What a watch reacts to, besides saves.
enum Event {
    /// A key was pressed.
    Key(u8),
    /// The run with this number ended, with this exit code if it has one.
    Ended(u64, Option<i32>),
    /// Ctrl-C, or the terminal went away.
    Interrupted,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let (send, events) = mpsc::channel();
    forward_signals(send.clone())?;
    let _keys = Keys::listen(send.clone());
    let mut name = args.name.clone();
    let mut first = true;
    loop {
        let course = Course::load(workspace)?;
        let progress = Progress::load(workspace)?;
        let prints = Prints::take(&course, workspace);
        let Some(next) = guide::named_or_next(&course, &progress, &prints, name.take().as_deref())? else {
            if first {
                say(guide::outlook(&course, &progress, &prints, workspace));
            }
            return Ok(Exit::Fine); // or else the check that passed last has said that everything is done
        };
        let mut watch = Watch::new(&course, next, workspace, &send);
        if first {
            watch.begin()?;
        } else {
            watch.invite();
        }
        if let Some(exit) = watch.until_passed(&events)? {
            return Ok(exit);
        }
        first = false;
    }
}

fn forward_signals(send: Sender<Event>) -> Result<(), Error> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.map_err(|error| Error::Course(format!("Cannot listen for Ctrl-C: {error}.")))?;
    thread::spawn(move || signals.forever().for_each(|_| drop(send.send(Event::Interrupted))));
    Ok(())
}

/// What a check of a stage is built from: its own code, the learner's code of earlier stages that it stands on, and the manifests that
/// say which these are.
fn files(course: &Course, stage: &Stage) -> Files {
    let own = course.own(stage);
    let manifests = own.iter().copied().chain([stage]).map(Stage::manifest);
    let earlier = own.iter().map(|earlier| earlier.folder.join("src"));
    Files::of(stage.folder.join("src"), earlier.chain(manifests).collect())
}

/// One task under watch.
struct Watch<'c> {
    next: Next<'c>,
    workspace: &'c Workspace,
    files: Files,
    running: Option<Running>,
    send: &'c Sender<Event>,
}

impl<'c> Watch<'c> {
    fn new(course: &Course, next: Next<'c>, workspace: &'c Workspace, send: &'c Sender<Event>) -> Self {
        let files = files(course, next.stage);
        Self { next, workspace, files, running: None, send }
    }

    /// Watches until the task passes (then nothing is returned) or the learner leaves.
    fn until_passed(&mut self, events: &Receiver<Event>) -> Result<Option<Exit>, Error> {
        loop {
            match events.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => self.look()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(Some(Exit::Interrupted)),
                Ok(Event::Interrupted) => return Ok(Some(Exit::Interrupted)),
                Ok(Event::Key(b'q')) => return Ok(Some(Exit::Fine)),
                Ok(Event::Key(b'\n' | b'\r')) => self.begin()?,
                Ok(Event::Key(b'h')) if self.running.is_none() => self.hint()?,
                Ok(Event::Key(_)) => {}
                Ok(Event::Ended(number, code)) if self.is_current(number) => {
                    self.running = None;
                    if code == Some(Exit::Fine as i32) {
                        return Ok(None);
                    }
                    self.invite();
                }
                Ok(Event::Ended(..)) => {} // of a run that a save cut short
            }
        }
    }

    fn look(&mut self) -> Result<(), Error> {
        match self.files.look() {
            Change::None => Ok(()),
            Change::Saved => self.begin(),
            Change::Lost(why) => {
                let folder = self.workspace.shown(self.files.folder());
                say(format!("{} {folder} cannot be read ({why}). Waiting for it to come back.", paint(WARN, "!")));
                Ok(())
            }
        }
    }

    /// Ends the run that is under way, if any, and begins a new one.
    fn begin(&mut self) -> Result<(), Error> {
        self.running = None;
        self.look_at_all();
        if std::io::stdout().is_terminal() {
            say("\x1b[2J\x1b[H"); // a clean screen, so that what stands there is about this save
        }
        self.running = Some(Running::start(&self.next.task.id, self.send.clone())?);
        Ok(())
    }

    /// What the stage stands on may have changed: from now on, that counts. As long as a manifest has a mistake, what counted counts.
    fn look_at_all(&mut self) {
        let Ok(course) = Course::load(self.workspace) else { return };
        if let Some(stage) = course.stage(&self.next.stage.id) {
            self.files = files(&course, stage);
        }
    }

    fn is_current(&self, number: u64) -> bool {
        self.running.as_ref().is_some_and(|running| running.number() == number)
    }

    fn hint(&self) -> Result<(), Error> {
        let args = hint::Args { name: Some(self.next.task.id.clone()), all: false, again: false };
        hint::run(&args, self.workspace)?;
        self.invite();
        Ok(())
    }

    fn invite(&self) {
        let folder = self.workspace.shown(self.files.folder());
        let save = paint(FAINT, format!("A save in {folder} checks"));
        let key = |key: &str, does: &str| format!("{} {}", paint(TYPE, key), paint(FAINT, does));
        let keys = [key("Enter", "checks now"), key("h", "gives a hint"), key("q", "quits")].join(", ");
        say(format!("\n{} {save} {}. {keys}", paint(GOOD, "●"), self.next.task.id));
    }
}
