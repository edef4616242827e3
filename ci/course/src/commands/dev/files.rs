//! Small things done with files that several of the maintainers' tools need.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Every file below a folder, in the order of their names. A folder that is not there holds none.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    if folder.is_dir() {
        collect(folder, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Writes a file together with the folders above it.
pub fn write(path: &Path, text: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    fs::write(path, text).map_err(Error::io("write", path))
}

/// Writes a file only if it does not hold the text already, so that cargo sees no change where there is none.
///
/// Says whether it wrote.
pub fn update(path: &Path, text: &[u8]) -> Result<bool, Error> {
    if fs::read(path).is_ok_and(|there| there == text) {
        return Ok(false);
    }
    write(path, text).map(|()| true)
}

/// A hash of named texts, to tell whether they are still the same.
#[derive(Debug, Clone)]
pub struct Digest(Sha256);

impl Digest {
    /// The hash of nothing.
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a text under a name.
    pub fn text(&mut self, name: &str, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        for part in [name.as_bytes(), text] {
            self.0.update(part.len().to_le_bytes());
            self.0.update(part);
        }
    }

    /// The first half of it, in hexadecimal.
    pub fn shown(self) -> String {
        self.0.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_names_from_texts() {
        let digest = |texts: &[(&str, &str)]| {
            let mut digest = Digest::new();
            texts.iter().for_each(|(name, text)| digest.text(name, text));
            digest.shown()
        };
        assert_eq!(digest(&[("a", "bc")]), digest(&[("a", "bc")]));
        assert_ne!(digest(&[("a", "bc")]), digest(&[("ab", "c")]));
        assert_ne!(digest(&[("a", ""), ("b", "")]), digest(&[("a", "b")]));
    }
}
