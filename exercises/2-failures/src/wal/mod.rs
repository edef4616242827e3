//! A write-ahead log: what it has acknowledged survives any crash.
//!
//! # The problem
//!
//! A server may promise something only when it can keep the promise after a crash: a vote, an entry, a payment. So before it
//! answers, it writes down what it promises, and waits until that is on the disk. When it starts again it reads what it wrote.
//! The crash may have come at any moment, even in the middle of a write.
//!
//! # The file
//!
//! One file, [`FILE`], which grows at its end. Its content is one [`frame`] after the other. Each frame holds the records of one
//! [`sync`](Wal::sync), with a checksum and with the index of its first record, counted from 0.
//!
//! # Torn and corrupt
//!
//! At most one frame may be incomplete on the disk: the last one, which was being written when the crash came. So what is wrong
//! at the end of the file is a *torn tail*. It was never acknowledged, and is cut off. What is wrong *before* a whole frame was
//! on the disk once, and was acknowledged: the disk has lost it. That cannot be mended here, and to skip it would be to lie. The
//! log says [`WalError::Corrupt`], touches nothing, and leaves it to people, or to the other servers, which have copies.
//!
//! # Left out on purpose
//!
//! Checking that the last frame was not damaged later: this file alone cannot tell that from a torn write. Records that contain
//! whole frames: if the frame around them is torn, such a frame could pass for one of the log's own.

#![allow(unused_variables, unused_mut, dead_code, reason = "for the holes below: delete this line when all are filled")]
pub mod frame;
mod rewrite;

use std::fmt;
use std::io;

use testkit::disk::Disk;

/// The name of the log's file.
pub const FILE: &str = "log";

/// A record: any bytes, even none.
pub type Record = Vec<u8>;

/// A log of records on a disk.
///
/// Invariants:
/// - every frame in the file but the last is synced, and so is the last unless a sync is under way;
/// - `batch` holds what was appended since the last sync, and nothing of it is in the file;
/// - once something has failed, nothing more is written.
#[derive(Clone, Debug)]
pub struct Wal<D> {
    disk: D,
    /// The index of the next record of the file: how many are durable.
    next: u64,
    batch: Vec<Record>,
    has_failed: bool,
}

/// Why the log cannot go on.
#[derive(Debug)]
pub enum WalError {
    /// The disk refused. What was in the batch may be on it or not: there is no way to know.
    Disk(io::Error),
    /// A frame that was on the disk once is damaged, at this offset in bytes. Nothing was changed.
    Corrupt {
        /// Where the damage begins.
        at: u64,
    },
    /// The disk has refused before, and nothing more is kept.
    HasFailed,
    /// The log holds a record, whole and undamaged, that this program did not write.
    Unknown {
        /// Its number, counted from 0.
        record: u64,
    },
}

impl<D: Disk> Wal<D> {
    /// Opens the log in a folder, or starts one there. Returns it with the records that it holds, from the first on.
    ///
    /// When this returns, all of these records are durable, whatever they were before: the caller may rely on what was read. The
    /// file ends with a whole frame, and the folder's entry for the file is durable.
    ///
    /// # Errors
    /// [`WalError::Corrupt`] if a whole frame follows a damaged one; [`WalError::Disk`].
    pub fn open(mut disk: D) -> Result<(Self, Vec<Record>), WalError> {
        todo!(
            "Which records are in the file? Is what follows them torn, or damaged? And what must be durable before you return?"
        )
    }

    /// Adds a record to those that the next [`sync`](Self::sync) will make durable. Until then, nothing is promised.
    pub fn append(&mut self, record: &[u8]) {
        self.batch.push(record.to_vec());
    }

    /// Makes all records durable that were appended so far. They may not be acknowledged before this has returned `Ok`.
    ///
    /// They share one write and one sync. If nothing was appended, the disk is not touched.
    ///
    /// # Errors
    /// [`WalError::Disk`] if the disk refuses, and [`WalError::HasFailed`] from then on. A sync that has failed is not tried again: the
    /// second one would succeed and prove nothing (see [`Disk::sync`]).
    pub fn sync(&mut self) -> Result<(), WalError> {
        todo!("Write the batch as one frame and sync it, once. After a failure, refuse forever.")
    }

    /// How many records are durable.
    pub fn durable(&self) -> u64 {
        self.next
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        &self.disk
    }
}

impl From<io::Error> for WalError {
    fn from(error: io::Error) -> Self {
        WalError::Disk(error)
    }
}

impl fmt::Display for WalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WalError::Disk(error) => {
                write!(f, "the disk refuses ({error}): see to the disk, and then open the log again")
            }
            WalError::Corrupt { at } => {
                write!(f, "the log is damaged at byte {at}, before records that are whole: restore it from a copy")
            }
            WalError::HasFailed => {
                f.write_str("the disk has refused before: see to the disk, and then open the log again")
            }
            WalError::Unknown { record } => {
                write!(
                    f,
                    "nobody can read record {record} of the log: start the program that wrote it, or use another folder"
                )
            }
        }
    }
}

impl std::error::Error for WalError {}
