//! The monkey's audit log on the log of this stage: an entry is a record.
//!
//! Both need the same: that what comes next is on the disk before it happens. They know of each other only here.

use std::io;

use testkit::disk::Disk;

use crate::monkey::{Audit, Entry};
use crate::wal::Wal;

impl<D: Disk> Audit for Wal<D> {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.append(&entry.record());
        self.sync().map_err(io::Error::other)
    }
}
