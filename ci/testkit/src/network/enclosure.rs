//! Processes and files that do not outlive the check, however it ends.
//!
//! # The problem
//!
//! A check's process can end without a chance to clean up: by SIGKILL, by an abort, by a signal from the terminal. Whatever it has
//! started then belongs to nobody: servers that run forever, some of them stopped in the middle, and folders full of logs. Linux
//! can be asked to kill a child with its parent, but only by code between `fork` and `exec`, which is unsafe, and macOS cannot.
//!
//! # The answer
//!
//! Two helpers of one line of shell each, in a row. Each waits for the end of its standard input, which comes when the one before
//! it is gone, in whatever way:
//!
//! ```text
//! check's process ──lifeline──▸ guard ──its output──▸ cleaner
//! ```
//!
//! - The **guard** leads a process group of its own, and all processes are started as members of it. At the end of its input it
//!   sends SIGKILL to the whole group, which ends it, too. A stopped process is killed like any other.
//! - The **cleaner** stands outside of that group, and removes the folder when the guard is gone.
//!
//! Both ignore the signals of a terminal, and neither is in the terminal's process group. There is no moment in between at which
//! the check could die and leave something behind: the cleaner is there before the folder, the guard before the first process, and
//! a process joins the group before it runs its program. If the group is gone by then, the process is not started.
//!
//! What gets away: a process that leaves its process group, as daemons do.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Error, Log, Process};
use crate::check::verdict::unguessable;

/// Waits for the end of its input, and kills its process group. Nobody writes to it.
const GUARD: &str = "trap '' HUP INT QUIT TERM TSTP TTIN TTOU; read -r _; kill -KILL 0";

/// Waits for the end of its input, and removes the folder: again, should a process that was just killed have had its way.
const CLEANER: &str = "trap '' HUP INT QUIT TERM TSTP TTIN TTOU; read -r _; n=0; \
    while rm -rf -- \"$1\"; [ -e \"$1\" ] && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.05; done";

/// A process group and a folder, both empty at first. Dropping it ends all processes and removes the folder.
#[derive(Debug)]
pub struct Enclosure {
    folder: PathBuf,
    guard: Child,
    cleaner: Child,
    group: Pid,
    lifeline: Option<ChildStdin>,
}

impl Enclosure {
    /// Makes one. The folder is below the system's for temporary files.
    ///
    /// # Errors
    /// If the system does not start a shell or make the folder.
    pub fn new() -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("course-site-{}", unguessable()));
        let (cleaner, mut guard) = helpers(&folder).map_err(Error::system("start a shell"))?;
        let group = pid(&guard);
        let lifeline = guard.stdin.take();
        let enclosure = Self { folder, guard, cleaner, group, lifeline };
        let made = DirBuilder::new().mode(0o700).create(&enclosure.folder);
        made.map_err(Error::system(format!("make the folder {}", enclosure.folder.display())))?;
        Ok(enclosure)
    }

    /// The folder for the processes' files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a process in here, called `who` in messages. Its standard input is empty, and its output goes to a log.
    ///
    /// # Errors
    /// If the system does not start it.
    pub fn start(&self, who: &str, command: Command, log: &Log) -> Result<Process, Error> {
        Process::start(who, command, log, self.group.as_raw_nonzero().get())
    }

    /// Ends all processes, removes the folder, and says if that worked. Dropping does the same, without a word.
    ///
    /// # Errors
    /// If the folder is still there.
    pub fn end(mut self) -> Result<(), Error> {
        self.close();
        if self.folder.exists() { Err(Error::Left { folder: self.folder.clone() }) } else { Ok(()) }
    }

    /// Lets go of the lifeline, and waits for both helpers. The guard is killed by itself, and the cleaner tries only so often.
    fn close(&mut self) {
        if self.lifeline.take().is_some() {
            let _ = kill_process_group(self.group, Signal::KILL); // in case that the guard was stopped
            let _ = self.guard.wait();
            let _ = self.cleaner.wait();
        }
    }
}

impl Drop for Enclosure {
    fn drop(&mut self) {
        self.close();
    }
}

/// Starts the cleaner, and then the guard, whose output is the cleaner's input.
fn helpers(folder: &Path) -> io::Result<(Child, Child)> {
    let _alone = starting();
    let (input, output) = io::pipe()?;
    let cleaner = shell(CLEANER).arg(folder).stdin(input).stdout(Stdio::null()).spawn()?;
    let guard = shell(GUARD).stdin(Stdio::piped()).stdout(output).spawn()?;
    Ok((cleaner, guard))
}

/// A shell in a process group of its own, which nothing of the check's surroundings gets at.
fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "sh"]).process_group(0).current_dir("/").stderr(Stdio::null());
    shell.env_clear().env("PATH", "/usr/bin:/bin");
    shell
}

/// Held while something is started. Not every system makes a pipe that is closed in other children from its first moment on, and a
/// child that has inherited a lifeline would keep it open.
pub(super) fn starting() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The id of a child that has not been waited for.
pub(super) fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}
