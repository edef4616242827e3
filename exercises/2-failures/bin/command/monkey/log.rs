//! The audit log that is shown: what is written goes to the disk first, if there is one, and then onto the terminal.

use std::fmt;
use std::io;
use std::path::Path;

use testkit::disk::Folder;

use super::super::{Ended, Exit};
use crate::subject::monkey::{Audit, Entry};
use crate::subject::wal::Wal;

/// The log of a monkey that is run by hand.
pub struct Log {
    wal: Option<Wal<Folder>>,
    before: Vec<Entry>,
    written: Vec<Entry>,
}

impl Log {
    /// Opens the log in a folder and prints what is in it. Without a folder nothing is kept.
    pub fn open(folder: Option<&Path>) -> Result<Self, Ended> {
        let Some(folder) = folder else { return Ok(Log { wal: None, before: Vec::new(), written: Vec::new() }) };
        let shown = folder.display();
        let disk = Folder::open(folder).map_err(|error| {
            (
                Exit::System,
                format!("`--log {shown}` cannot be used ({error}): choose another folder, or end what uses it."),
            )
        })?;
        let (wal, records) = Wal::open(disk).map_err(|error| {
            (Exit::Disk, format!("`--log {shown}`: {error}. Look at that folder, or choose another one."))
        })?;
        let before: Option<Vec<Entry>> = records.iter().map(|record| Entry::read(record)).collect();
        let before = before.ok_or_else(|| {
            (Exit::Disk, format!("`--log {shown}` holds another log than a monkey's: choose a folder of its own."))
        })?;
        before.iter().for_each(|entry| println!("{entry}"));
        Ok(Log { wal: Some(wal), before, written: Vec::new() })
    }

    /// What was in it when it was opened.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.before.iter()
    }
}

impl Audit for Log {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.wal.iter_mut().try_for_each(|wal| wal.write(entry))?;
        println!("{entry}");
        self.written.push(entry.clone());
        Ok(())
    }
}

/// What came of it, in a few words.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |is: fn(&Entry) -> bool| self.written.iter().filter(|entry| is(entry)).count();
        let announced = count(|entry| matches!(entry, Entry::Will { .. }));
        let (done, failed) =
            (count(|entry| matches!(entry, Entry::Done { .. })), count(|entry| matches!(entry, Entry::Failed { .. })));
        let left_out = count(|entry| matches!(entry, Entry::Skipped { .. }));
        write!(f, "{announced} announced, {done} done, {failed} failed, {left_out} left out.")
    }
}

/// How the program ends when the log takes nothing any more.
pub fn ended(error: io::Error) -> Ended {
    (
        Exit::Disk,
        format!(
            "The audit log takes no entry ({error}), and nothing is done without one. Look at the disk of `--log`."
        ),
    )
}
