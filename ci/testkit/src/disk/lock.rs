//! The lock on a folder: one process at a time writes to it.
//!
//! A file that says "in use" outlives the process that wrote it, and the id of a process may belong to another one by then. So this is a
//! lock that the operating system holds (`flock`), on a file that stays. It is gone when the process is, however that ended.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::process;

/// The file that is locked. It holds the id of the process that has locked it last, for people who look for that process.
pub(super) const FILE: &str = ".lock";

/// Takes the lock on a folder, and gives the file that holds it until it is closed.
///
/// # Errors
/// [`ResourceBusy`](io::ErrorKind::ResourceBusy) if another has it, [`Unsupported`](io::ErrorKind::Unsupported) if the file system refuses
/// locks.
pub(super) fn take(folder: &Path) -> io::Result<File> {
    // Opened for writing: NFS turns the lock into one on the file's bytes, and gives that only to those who may write them.
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(FILE))?;
    file.try_lock().map_err(|why| explained(why, last_holder(folder).ok()))?;
    file.set_len(0)?;
    writeln!(file, "{}", process::id())?;
    Ok(file)
}

/// The id of the process that has locked a folder last. If that has ended, the id may be another's by now.
///
/// # Errors
/// If the folder was never locked, or cannot be read.
pub fn last_holder(folder: &Path) -> io::Result<u32> {
    fs::read_to_string(folder.join(FILE))?.trim().parse().map_err(io::Error::other)
}

fn explained(why: TryLockError, holder: Option<u32>) -> io::Error {
    match (why, holder) {
        (TryLockError::WouldBlock, Some(id)) => {
            io::Error::new(io::ErrorKind::ResourceBusy, format!("process {id} holds its lock"))
        }
        (TryLockError::WouldBlock, None) => io::Error::new(io::ErrorKind::ResourceBusy, "a process holds its lock"),
        (TryLockError::Error(error), _) => {
            io::Error::new(io::ErrorKind::Unsupported, format!("its file system refuses locks: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_and_one_that_is_refused_are_told_apart() {
        for (holder, says) in [(Some(7), "process 7 holds its lock"), (None, "a process holds its lock")] {
            let held = explained(TryLockError::WouldBlock, holder);
            assert_eq!((held.kind(), held.to_string().as_str()), (io::ErrorKind::ResourceBusy, says));
        }
        let no_locks = io::Error::from_raw_os_error(37); // ENOLCK on Linux: what NFS says without its lock service
        let refused = explained(TryLockError::Error(no_locks), None);
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
        assert!(refused.to_string().starts_with("its file system refuses locks: "), "{refused}");
    }
}
