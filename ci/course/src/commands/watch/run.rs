//! One run of `cargo course check` that can be cut short.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

use super::Event;
use crate::error::Error;
use crate::group::{Group, own_path};

/// A run under way. Dropping it ends the run with all of its processes, and waits until they are gone.
pub struct Running {
    number: u64,
    group: Group,
    waiter: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts to check a task. The end of the run is sent as an event.
    pub fn start(task: &str, send: Sender<Event>) -> Result<Self, Error> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let program = own_path();
        let mut check = Command::new(program);
        check.args(["check", task]).stdin(Stdio::null()).process_group(0);
        let mut process = check.spawn().map_err(Error::io("run", program))?;
        let group = Group::of(process.id());
        let waiter = thread::spawn(move || {
            let code = process.wait().ok().and_then(|status| status.code());
            let _ = send.send(Event::Ended(number, code));
        });
        Ok(Self { number, group, waiter: Some(waiter) })
    }

    /// Tells this run from others.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        if waiter.is_finished() {
            self.group.is_gone();
        } else {
            self.group.end();
            if std::io::stderr().is_terminal() {
                eprint!("\r\x1b[K"); // what is left of a progress bar
            }
        }
        let _ = waiter.join();
    }
}
