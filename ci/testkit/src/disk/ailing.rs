//! A disk of a running process that can be made to fail from outside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Disk;

/// What a disk can be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// It is full (`ENOSPC`): no file is made, and of what is appended only the first half gets onto it.
    Full,
    /// It takes what is written and cannot keep it: every sync fails (`EIO`).
    Failing,
}

impl Ailment {
    const ALL: [(Ailment, &str); 2] = [(Ailment::Full, "full"), (Ailment::Failing, "failing")];

    /// Puts a note where a process looks for one: its disk has this ailment from its next call on.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn begin(self, note: &Path) -> io::Result<()> {
        let (_, word) = Self::ALL.into_iter().find(|(ailment, _)| *ailment == self).expect("all have a word");
        fs::write(note, word)
    }

    /// Takes the note away: the disk is well again. Without a note this does nothing.
    ///
    /// # Errors
    /// If the note cannot be removed.
    pub fn end(note: &Path) -> io::Result<()> {
        match fs::remove_file(note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn read(note: &Path) -> Option<Self> {
        let text = fs::read_to_string(note).ok()?;
        Self::ALL.into_iter().find(|(_, word)| *word == text).map(|(ailment, _)| ailment)
    }
}

/// A disk that looks for a note before each call, and fails as the note says. Without a place for notes it is the disk inside.
///
/// A process cannot be told by a check in another process that its disk fails, and filling a real one would hurt whoever else is
/// on it. A note in a file needs no root and works everywhere; it costs one failed look for a file on each call.
///
/// Reading always works: what was synced before is still there.
#[derive(Debug)]
pub struct Ailing<D> {
    disk: D,
    note: Option<PathBuf>,
}

impl<D: Disk> Ailing<D> {
    /// `disk`, made to fail by what is at `note`.
    pub fn new(disk: D, note: Option<PathBuf>) -> Self {
        Self { disk, note }
    }

    fn ailment(&self) -> Option<Ailment> {
        self.note.as_deref().and_then(Ailment::read)
    }

    fn has_room(&self) -> io::Result<()> {
        if self.ailment() == Some(Ailment::Full) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn keeps(&self) -> io::Result<()> {
        if self.ailment() == Some(Ailment::Failing) {
            return Err(io::Error::other("input/output error, as the note in a file demands"));
        }
        Ok(())
    }
}

impl<D: Disk> Disk for Ailing<D> {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.has_room()?;
        self.disk.create(name)
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if let Err(full) = self.has_room() {
            self.disk.append(name, &bytes[..bytes.len() / 2])?;
            return Err(full);
        }
        self.disk.append(name, bytes)
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.disk.truncate(name, len)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.keeps()?;
        self.disk.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        self.keeps()?;
        self.disk.sync_dir()
    }
}
