//! A disk that counts what is written to it.

use std::io;

use testkit::disk::{Disk, Memory};

/// A disk in memory, and how many bytes were ever written to it, whether they are still there or not.
#[derive(Clone, Debug)]
pub struct Counted {
    disk: Memory,
    /// In bytes.
    pub written: usize,
}

impl Counted {
    pub fn new() -> Self {
        Counted { disk: Memory::new(), written: 0 }
    }
}

impl Disk for Counted {
    fn list(&mut self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.disk.create(name)
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.disk.append(name, bytes)
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.disk.truncate(name, len)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.disk.sync(name)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        self.disk.sync_dir()
    }
}
