//! A process that can be ended together with all that it has started, and where this command finds itself to start one.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process_group};

/// The process group of a child that was started as the head of one. Dropping it ends the group.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// The group that the process with this id leads: it was started with `process_group(0)`.
    pub fn of(process: u32) -> Self {
        Self(i32::try_from(process).ok().and_then(Pid::from_raw))
    }

    /// Ends it now.
    pub fn end(&mut self) {
        let _ = self.0.take().map(|group| kill_process_group(group, Signal::KILL));
    }

    /// Lets it live: its head has been waited for, and its number may belong to another process by now.
    pub fn is_gone(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// The path of this program, as it was when this was asked first. It is asked at the start: a program that is built anew meanwhile
/// stands at that path, while the system calls the running one deleted.
pub fn own_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| env::current_exe().unwrap_or_else(|_| "course".into()))
}
