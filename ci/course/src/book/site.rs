//! A built book in memory: every file by its path below the root.
//!
//! The server holds a whole site, so a build that fails or is half done never shows. It can only give out what is in the
//! map, so no request reaches the file system.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use crate::error::Error;

/// A built book.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

/// What a request's path leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A file: its path below the root, and what it holds.
    File(&'a str, &'a [u8]),
    /// A folder, asked for without its last slash: relative links in its page would go wrong.
    Folder,
    /// Nothing.
    Nothing,
}

impl Site {
    /// Reads a built book.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let mut site = Self::default();
        site.collect(folder, folder)?;
        Ok(site)
    }

    fn collect(&mut self, root: &Path, folder: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            if path.is_dir() {
                self.collect(root, &path)?;
            } else {
                let text = fs::read(&path).map_err(Error::io("read", &path))?;
                self.files.insert(name(path.strip_prefix(root).unwrap_or(&path)), text);
            }
        }
        Ok(())
    }

    /// A site of a few files, for tests.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_owned());
        Self { files: files.iter().map(owned).collect() }
    }

    /// The file at a path below the root, such as `1-cap/abd.html`.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Every HTML page: its path and its text.
    pub fn pages(&self) -> impl Iterator<Item = (&str, &str)> {
        let html = self.files.iter().filter(|(path, _)| path.ends_with(".html"));
        html.filter_map(|(path, text)| Some((path.as_str(), std::str::from_utf8(text).ok()?)))
    }

    /// What the path of a request leads to: `/1-cap/` is `1-cap/index.html`.
    pub fn find(&self, path: &str) -> Found<'_> {
        let path = path.trim_start_matches('/');
        let index = format!("{path}index.html");
        let name = if path.is_empty() || path.ends_with('/') { index.as_str() } else { path };
        match self.files.get_key_value(name) {
            Some((path, text)) => Found::File(path, text),
            None if self.files.contains_key(&format!("{path}/index.html")) => Found::Folder,
            None => Found::Nothing,
        }
    }
}

/// A relative path with slashes on every system.
fn name(path: &Path) -> String {
    let part = |part: Component| part.as_os_str().to_string_lossy().into_owned();
    path.components().map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_files() {
        let site = Site::of(&[("index.html", "front"), ("1-cap/index.html", "cap"), ("1-cap/abd.html", "abd")]);
        let cases = [
            ("/", Found::File("index.html", b"front")),
            ("/index.html", Found::File("index.html", b"front")),
            ("/1-cap/", Found::File("1-cap/index.html", b"cap")),
            ("/1-cap", Found::Folder),
            ("/1-cap/abd.html", Found::File("1-cap/abd.html", b"abd")),
            ("/1-cap/abd", Found::Nothing),
            ("/../Cargo.toml", Found::Nothing),
        ];
        for (path, found) in cases {
            assert_eq!(site.find(path), found, "{path}");
        }
    }
}
