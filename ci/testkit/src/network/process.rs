//! One process: what can be done to it, and what it has printed.

use std::env;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::enclosure::{pid, starting};
use super::{Error, Log};

/// How often a waiting check looks.
const POLL: Duration = Duration::from_millis(2);

/// How long a killed or stopped process may take to be so. This is only against hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// How long the output of an ended process may take to drain, should some other process hold it open.
const GRACE: Duration = Duration::from_secs(1);

/// How many of the last lines an error shows.
const SHOWN: usize = 20;

/// What the first line of a server's output begins with.
const LISTENING: &str = "listening on ";

/// A program that cargo has built with a check: where cargo has put it, or beside the running executable, if it is there.
///
/// Cargo's next build replaces what `built` names (`env!("CARGO_BIN_EXE_kv")`). So whoever keeps a check's executable for later keeps
/// the program in the same folder.
pub fn built_program(built: &str) -> PathBuf {
    let built = Path::new(built);
    let here = env::current_exe().unwrap_or_default();
    let beside = built.file_name().map(|name| here.with_file_name(name)).filter(|beside| beside.is_file());
    beside.unwrap_or_else(|| built.to_owned())
}

/// A process in an [`Enclosure`](super::Enclosure). Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    who: String,
    child: Child,
    log: Log,
    is_paused: bool,
    ended: Option<ExitStatus>,
    first_line: Receiver<String>,
    /// Hangs up when both streams have ended.
    printed_all: Receiver<()>,
}

impl Process {
    /// Starts a process as a member of a process group.
    pub(super) fn start(who: &str, mut command: Command, log: &Log, group: i32) -> Result<Self, Error> {
        command.process_group(group).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = {
            let _alone = starting();
            command.spawn()
        };
        let mut child = spawned.map_err(Error::system(format!("start {who} ({})", program(&command))))?;
        let (first, first_line) = mpsc::channel();
        let (end, printed_all) = mpsc::channel();
        let mut first = Some(first);
        let tell = move |line: &str| {
            if let Some(first) = first.take() {
                let _ = first.send(line.to_owned()); // whoever is not interested has hung up
            }
        };
        follow(child.stdout.take(), log, end.clone(), tell);
        follow(child.stderr.take(), log, end, |_| ());
        let (who, log) = (who.to_owned(), log.clone());
        Ok(Self { who, child, log, is_paused: false, ended: None, first_line, printed_all })
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it was paused, and neither resumed nor ended since.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Waits until it has printed where it listens, as its first line. This can be asked once.
    ///
    /// # Errors
    /// If it ends, says something else, or says nothing within `limit`.
    pub fn listening(&mut self, limit: Duration) -> Result<SocketAddr, Error> {
        let who = self.who.clone();
        match self.first_line.recv_timeout(limit) {
            Ok(line) => line
                .strip_prefix(LISTENING)
                .and_then(|address| address.trim().parse().ok())
                .ok_or(Error::Unclear { who, line }),
            Err(RecvTimeoutError::Timeout) => Err(Error::Silent { who, after: limit, printed: self.log.last(SHOWN) }),
            Err(RecvTimeoutError::Disconnected) => match self.wait(limit)? {
                Some(status) => Err(Error::Ended { who, status, printed: self.log.last(SHOWN) }),
                None => Err(Error::Silent { who, after: limit, printed: self.log.last(SHOWN) }),
            },
        }
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// If the system has lost it.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        if self.ended.is_none() {
            let looked = self.child.try_wait();
            self.ended = looked.map_err(Error::system(format!("look after {}", self.who)))?;
            if self.ended.is_some() {
                self.is_paused = false;
                let _ = self.printed_all.recv_timeout(GRACE);
            }
        }
        Ok(self.ended)
    }

    /// Waits until it has ended, and no longer than `limit`.
    ///
    /// # Errors
    /// If the system has lost it.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, Error> {
        self.until(limit, Self::ended)
    }

    /// Kills it (SIGKILL), and waits for its end.
    ///
    /// # Errors
    /// If the system does not, or has lost it.
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        match self.signal(Signal::KILL) {
            Ok(()) | Err(Error::NotRunning { .. }) => {} // it may end by itself at this very moment
            Err(error) => return Err(error),
        }
        self.wait(LIMIT)?.ok_or_else(|| Error::StillRunning { who: self.who.clone(), after: LIMIT })
    }

    /// Asks it to end (SIGTERM), and waits for that. A paused one does not hear it before it is resumed.
    ///
    /// # Errors
    /// [`Error::StillRunning`] if it does not end within `limit`, [`Error::NotRunning`] if it did before.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::TERM)?;
        self.wait(limit)?.ok_or_else(|| Error::StillRunning { who: self.who.clone(), after: limit })
    }

    /// Pauses it (SIGSTOP). When this returns, none of its threads runs.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it has ended.
    pub fn pause(&mut self) -> Result<(), Error> {
        if self.is_paused && self.ended()?.is_none() {
            return Ok(());
        }
        self.signal(Signal::STOP)?;
        self.is_paused = true;
        let stands = self.until(LIMIT, |process| {
            let seen = waitid(WaitId::Pid(process.pid()), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
            Ok(seen.ok().flatten().map(Ok).or(process.ended()?.map(|_| Err(()))))
        })?;
        if matches!(stands, Some(Ok(_))) { Ok(()) } else { Err(self.is_not_running()) }
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it has ended.
    pub fn resume(&mut self) -> Result<(), Error> {
        self.signal(Signal::CONT)?;
        self.is_paused = false;
        Ok(())
    }

    /// Sends a signal, unless it has ended: its id may be another's by then.
    fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        if self.ended()?.is_some() {
            return Err(self.is_not_running());
        }
        let sent = kill_process(self.pid(), signal);
        sent.map_err(|error| Error::system(format!("send a signal to {}", self.who))(error.into()))
    }

    fn pid(&self) -> Pid {
        pid(&self.child)
    }

    fn is_not_running(&self) -> Error {
        Error::NotRunning { who: self.who.clone() }
    }

    /// Looks again and again until there is something to be seen, or the time is over.
    fn until<T>(
        &mut self,
        limit: Duration,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let begun = Instant::now();
        loop {
            match look(self)? {
                None if begun.elapsed() < limit => thread::sleep(POLL),
                seen => return Ok(seen),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// Reads a stream to its end in a thread of its own, so that the process that writes it never has to wait.
fn follow<R, F>(stream: Option<R>, log: &Log, end: mpsc::Sender<()>, seen: F)
where
    R: Read + Send + 'static,
    F: FnMut(&str) + Send + 'static,
{
    let log = log.clone();
    thread::spawn(move || {
        if let Some(stream) = stream {
            log.follow(stream, seen);
        }
        drop(end); // hanging up is the signal
    });
}
