//! Disks: what a program that stores something may count on, and disks that fail.
//!
//! # The problem
//!
//! A write that has returned is not on the disk. It stands in the memory of the operating system, which writes it down when it
//! pleases, in whatever order and in pieces, unless the program asks for more. Two calls ask for it: [`Disk::sync`] for what a file
//! holds, [`Disk::sync_dir`] for which files there are. What a crash leaves of everything else differs between file systems, and a
//! program that is to survive on all of them may count on none of it (Pillai et al. 2014, "All File Systems Are Not Created Equal").
//!
//! # The disks
//!
//! Programs are written against the trait [`Disk`]: one folder of files, which grow at their ends. They run, unchanged, on
//!
//! - [`Folder`], a folder of the real file system;
//! - [`Ailing`], which makes another disk fill up or fail, when a note in a file says so: for a process that runs;
//! - [`Faulty`], a disk in memory that crashes where a check wants it to, and of which [`Faulty::aftermath`] lists all that may be
//!   found afterwards. [`Check::survives`](crate::check::Check::survives) does so for every point at which a run can crash;
//! - [`Memory`], a disk that is a value, for a server with a disk in a [model](crate::cluster): of what a crash may leave it knows the
//!   least only.
//!
//! # Left out on purpose
//!
//! Writes into the middle of a file: a log needs none. Subfolders. Reads that fail: what was corrupted on the way is found by flipping
//! bytes ([`Faulty::flip`]).

mod ailing;
pub mod crash;
mod faulty;
mod folder;
mod lock;
mod memory;

use std::io;

pub use ailing::{Ailing, Ailment};
pub use faulty::{Faulty, Trouble};
pub use folder::Folder;
pub use lock::last_holder;
pub use memory::Memory;

/// A folder of files on some disk. Files go by their names, which hold no `/`.
///
/// Every method fails with the error of the operating system. After an error nothing is known about how much of the call was done.
///
/// Changes of the folder are made one after the other, and get to the disk in no order that can be relied on: a crash may undo one and leave
/// a later one (Pillai et al. 2014, table 1, "directory operations"). Only [`sync_dir`](Self::sync_dir) puts an order between them.
pub trait Disk {
    /// The names of the files, in alphabetical order.
    fn list(&mut self) -> io::Result<Vec<String>>;

    /// Makes an empty file. Until the next [`sync_dir`](Self::sync_dir) a crash may undo that, whatever the file holds by then.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if there is a file of this name.
    fn create(&mut self, name: &str) -> io::Result<()>;

    /// Everything that a file holds.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;

    /// Adds `bytes` at the end of a file. Until the next [`sync`](Self::sync) of the file a crash may leave any part of them, or
    /// zeros in their place.
    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off behind its first `len` bytes. Until the next [`sync`](Self::sync) of the file a crash may undo that.
    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()>;

    /// Waits until all that a file holds is on the disk (`fsync`, or `fdatasync`).
    ///
    /// If it fails, what was appended since the last one may be lost for good, and another call that succeeds proves nothing about it:
    /// the system may have forgotten that it was never written (Rebello et al. 2020, "Can Applications Recover from fsync Failures?").
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Gives a file another name, in place of the file that has it, if there is one. Until the next
    /// [`sync_dir`](Self::sync_dir) a crash may undo that.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Until the next [`sync_dir`](Self::sync_dir) a crash may undo that.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Waits until the disk knows which files there are and what they are called (`fsync` of the folder).
    fn sync_dir(&mut self) -> io::Result<()>;
}
