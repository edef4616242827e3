//! Rewriting: a new log in place of the old one, in one step.
//!
//! # The problem
//!
//! A log that only grows fills the disk. When a snapshot covers the old records, they may go. But a file cannot be replaced by
//! overwriting it: a crash in the middle would leave neither the old log nor the new one.
//!
//! # The way
//!
//! The new log is written beside the old one, under another name, and synced. Then it takes the old one's name. Whenever the
//! crash comes, that name belongs either to all of the old log or to all of the new one.
//!
//! # This design
//!
//! A leftover of an earlier rewrite is emptied and used; a remove would be one more thing that a crash can interrupt.

use std::io;

use testkit::disk::Disk;

use super::{FILE, Record, Wal, WalError, frame};

/// The name of a new log that is not complete yet. After a crash it may be left over; it means nothing.
pub const NEW: &str = "log.new";

impl<D: Disk> Wal<D> {
    /// Replaces the whole log by `records`, durably. What was appended since the last sync is dropped: the caller appends it
    /// again, or does not need it.
    ///
    /// A crash at any moment leaves a log that opens with what was durable before, or with `records`. Once this has returned
    /// `Ok`, the log opens with `records`.
    ///
    /// # Errors
    /// [`WalError::Disk`] if the disk refuses, and [`WalError::HasFailed`] from then on.
    pub fn rewrite(&mut self, records: &[Record]) -> Result<(), WalError> {
        let bytes = frame::encode(0, records);
        self.batch.clear();
        self.attempt(|disk| {
            begin_anew(disk, NEW)?;
            disk.append(NEW, &bytes)?;
            disk.sync(NEW)?;
            disk.rename(NEW, FILE)?;
            disk.sync_dir()
        })?;
        self.next = records.len() as u64;
        Ok(())
    }
}

/// Makes an empty file of a name, whether one is left over or not.
fn begin_anew(disk: &mut impl Disk, name: &str) -> io::Result<()> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.truncate(name, 0),
        done => done,
    }
}
