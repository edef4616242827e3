//! What the code under test has left running when its check ends: threads, and processes that it has started.
//!
//! Only Linux tells which those are.

use std::collections::BTreeSet;

/// How often a thread that is on its way out is looked at again.
#[cfg(target_os = "linux")]
const LOOKS: usize = 50;

/// What ran before the code under test did.
pub(super) struct Before {
    threads: BTreeSet<u32>,
}

impl Before {
    /// Looks at the threads that are there, and makes this process the parent of all orphans that the code under test leaves.
    pub fn now() -> Self {
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        Before { threads: system::threads() }
    }

    /// Ends the processes that are left, and says what was left, in one sentence; nothing if nothing was.
    pub fn clear(&self) -> Option<String> {
        let processes = system::end_children();
        let threads = self.new_threads();
        let processes = processes.iter().map(|name| format!("the process `{name}`"));
        let threads =
            (threads > 0).then(|| if threads == 1 { "a thread".into() } else { format!("{threads} threads") });
        let left: Vec<String> = processes.chain(threads).collect();
        (!left.is_empty()).then(|| format!("still running at the end, and ended then: {}", left.join(", ")))
    }

    #[cfg(target_os = "linux")]
    fn new_threads(&self) -> usize {
        let mut new: BTreeSet<u32> = system::threads().difference(&self.threads).copied().collect();
        // A thread that has ended, and was waited for, may still be listed for a moment.
        for _ in 0..LOOKS {
            if new.is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
            new = system::threads().intersection(&new).copied().collect();
        }
        new.len()
    }

    #[cfg(not(target_os = "linux"))]
    fn new_threads(&self) -> usize {
        system::threads().difference(&self.threads).count()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeSet;
    use std::fs;

    use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

    pub fn threads() -> BTreeSet<u32> {
        numbered("/proc/self/task")
    }

    /// Kills the children of this process, and theirs, which become its own then. Returns their names.
    pub fn end_children() -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let children: Vec<(Pid, String)> = numbered("/proc").into_iter().filter_map(child).collect();
            if children.is_empty() {
                return names;
            }
            for (child, name) in children {
                let _ = kill_process(child, Signal::KILL);
                // Without a look at how it ended: it may have ended by itself already.
                if let Ok(Some((_, status))) = waitpid(Some(child), WaitOptions::empty())
                    && status.terminating_signal() == Some(Signal::KILL.as_raw())
                {
                    names.push(name);
                }
            }
        }
    }

    /// The process with this number and its name, if it is a child of this one.
    fn child(number: u32) -> Option<(Pid, String)> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?; // the name may hold anything
        let parent: i32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        let own = parent == getpid().as_raw_nonzero().get();
        own.then(|| Some((Pid::from_raw(i32::try_from(number).ok()?)?, name.to_owned()))).flatten()
    }

    fn numbered(folder: &str) -> BTreeSet<u32> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::collections::BTreeSet;

    pub fn threads() -> BTreeSet<u32> {
        BTreeSet::new()
    }

    pub fn end_children() -> Vec<String> {
        Vec::new()
    }
}
