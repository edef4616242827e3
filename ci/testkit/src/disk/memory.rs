//! A disk that is a value: it can be cloned, compared and hashed, and so stand in the state of a model.

use std::collections::BTreeMap;
use std::io;

use super::Disk;

/// A disk in memory on which nothing goes wrong until [`after_crash`](Self::after_crash).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// What programs see.
    seen: Folder,
    /// The folder as it was synced last.
    names: BTreeMap<String, usize>,
    /// What was synced of each file.
    synced: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Folder {
    names: BTreeMap<String, usize>,
    contents: Vec<Vec<u8>>,
}

impl Memory {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The disk that is found if the power fails now, and nothing has survived but what was synced.
    pub fn after_crash(&self) -> Self {
        let seen = Folder { names: self.names.clone(), contents: self.synced.clone() };
        Memory { seen, ..self.clone() }
    }

    fn contents(&mut self, name: &str) -> io::Result<&mut Vec<u8>> {
        let file = *self.seen.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut self.seen.contents[file])
    }
}

impl Disk for Memory {
    fn list(&mut self) -> io::Result<Vec<String>> {
        Ok(self.seen.names.keys().cloned().collect())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        if self.seen.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.seen.names.insert(name.to_owned(), self.seen.contents.len());
        self.seen.contents.push(Vec::new());
        self.synced.push(Vec::new());
        Ok(())
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.contents(name)?.clone())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.contents(name)?.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, name: &str, len: u64) -> io::Result<()> {
        self.contents(name)?.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let contents = self.contents(name)?.clone();
        let file = self.seen.names[name];
        self.synced[file] = contents;
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.seen.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.seen.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.seen.names.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        self.names = self.seen.names.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_leaves_what_was_synced() -> io::Result<()> {
        let mut disk = Memory::new();
        disk.create("a")?;
        disk.append("a", b"kept")?;
        disk.sync("a")?;
        assert_eq!(disk.after_crash().list()?, [""; 0], "the folder does not know the file");
        disk.sync_dir()?;
        disk.append("a", b" and lost")?;
        disk.rename("a", "b")?;
        disk.create("c")?;
        assert_eq!(disk.read("b")?, b"kept and lost");
        let mut found = disk.after_crash();
        assert_eq!(found.list()?, ["a"]);
        assert_eq!(found.read("a")?, b"kept");
        disk.sync_dir()?;
        assert_eq!(disk.after_crash().list()?, ["b", "c"]);
        Ok(())
    }
}
