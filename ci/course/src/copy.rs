//! A copy of the workspace's packages in which files may be replaced, below the target directory.
//!
//! It stays there from run to run. Files are written only where they differ, because cargo goes by their times.
//!
//! Cargo tells packages apart by their place in their workspace, and would take a package of the copy for the original if both
//! had the same. So the copy lies one folder deeper below its workspace's root, and its manifest is changed to say so.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::commands::dev::files;
use crate::error::Error;
use crate::workspace::Workspace;

/// Files by their path below the workspace's root.
pub type Texts = BTreeMap<PathBuf, Vec<u8>>;

/// All files of some parts of the workspace but those that were built in them.
pub fn texts(workspace: &Workspace, parts: &[String]) -> Result<Texts, Error> {
    let mut texts = Texts::new();
    for part in parts {
        texts.extend(below(workspace.root(), part)?);
    }
    Ok(texts)
}

/// The copy.
pub struct Copy {
    root: PathBuf,
    inside: String,
    wanted: Texts,
    /// Held as long as the copy is used: two runs would build each other's files.
    _lock: File,
}

impl Copy {
    /// Brings the copy for a `command` of `cargo course` up to date, as soon as no other run uses it: it consists of `texts`.
    /// Members of its workspace are the packages among them, and no others.
    pub fn new(workspace: &Workspace, command: &str, wanted: Texts) -> Result<Self, Error> {
        let name = command.replace(' ', "-");
        let lock = lock(&workspace.scratch(&format!("{name}.lock")), command)?;
        let copy = Self { root: workspace.scratch(&name), inside: format!("{name}-copy"), wanted, _lock: lock };
        copy.restore("")?;
        copy.manifests(workspace.root())?;
        Ok(copy)
    }

    /// The root of its cargo workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder below the root that replaces the original's root.
    pub fn inside(&self) -> &str {
        &self.inside
    }

    /// Where a file or folder of the workspace has its place in the copy.
    pub fn place(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(&self.inside).join(below)
    }

    /// Makes a part what it was in the beginning: changed files are written, others are removed.
    pub fn restore(&self, part: &str) -> Result<(), Error> {
        let inside = self.root.join(&self.inside);
        for path in files::below(&inside.join(part))? {
            if path.strip_prefix(&inside).is_ok_and(|below| !self.wanted.contains_key(below)) {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        let own = self.wanted.iter().filter(|(below, _)| below.starts_with(part));
        own.into_iter().try_for_each(|(below, text)| files::update(&inside.join(below), text).map(drop))
    }

    /// Writes the workspace's manifest, and the lock file that goes with it.
    fn manifests(&self, original: &Path) -> Result<(), Error> {
        let manifest = original.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(Error::io("read", &manifest))?;
        let packages = self.wanted.keys().filter(|below| below.file_name().is_some_and(|name| name == "Cargo.toml"));
        let member = |below: &PathBuf| format!("{}/{}", self.inside, below.parent().unwrap_or(below).display());
        let deeper = deeper(&text, original, &self.inside, packages.map(member).collect())
            .map_err(|why| Error::Course(format!("{}: {why}", manifest.display())))?;
        files::update(&self.root.join("Cargo.toml"), deeper.as_bytes())?;
        let lock = original.join("Cargo.lock");
        let lock = fs::read(&lock).map_err(Error::io("read", &lock))?;
        files::write(&self.root.join("Cargo.lock"), &lock)
    }
}

/// Takes the lock, and says so if that means to wait.
fn lock(path: &Path, command: &str) -> Result<File, Error> {
    files::write(path, b"")?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        crate::style::say_aside(format!(
            "Another `cargo course {command}` is under way here. This one goes on when that has ended."
        ));
        file.lock().map_err(Error::io("lock", path))?;
    }
    Ok(file)
}

/// A workspace's manifest with these members. Paths of dependencies lead into the copy if what they name is copied, and to the
/// original if not.
fn deeper(manifest: &str, original: &Path, inside: &str, members: Vec<String>) -> Result<String, toml::de::Error> {
    let mut manifest: Table = manifest.parse()?;
    let Some(workspace) = manifest.get_mut("workspace").and_then(Value::as_table_mut) else {
        return Ok(manifest.to_string());
    };
    let dependencies = workspace.get_mut("dependencies").and_then(Value::as_table_mut);
    for (_, dependency) in dependencies.into_iter().flat_map(Table::iter_mut) {
        let Some(Value::String(path)) = dependency.get_mut("path") else { continue };
        let moved = format!("{inside}/{path}");
        *path = if members.contains(&moved) { moved } else { original.join(&*path).display().to_string() };
    }
    workspace.insert("members".into(), members.into());
    workspace.remove("default-members");
    workspace.remove("exclude");
    Ok(manifest.to_string())
}

/// The files of one part.
fn below(root: &Path, part: &str) -> Result<Texts, Error> {
    let folder = root.join(part);
    let built = |file: &PathBuf| file.strip_prefix(&folder).is_ok_and(|below| below.starts_with("target"));
    let sources = files::below(&folder)?.into_iter().filter(|file| !built(file));
    let text = |file: PathBuf| {
        let text = fs::read(&file).map_err(Error::io("read", &file))?;
        Ok((file.strip_prefix(root).expect("parts lie in the workspace").to_owned(), text))
    };
    sources.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_the_copy_where_there_is_one() {
        let manifest = "[workspace]\nmembers = [\"ci/*\"]\nexclude = [\"x\"]\n\n[workspace.dependencies]\na = { path = \"ci/a\" }\nb = { path = \"ci/b\" }\nc = \"1\"\n";
        let moved = deeper(manifest, Path::new("/course"), "judge-copy", vec!["judge-copy/ci/a".into()]).unwrap();
        let moved: Table = moved.parse().unwrap();
        let dependencies = &moved["workspace"]["dependencies"];
        assert_eq!(moved["workspace"]["members"].as_array().unwrap().len(), 1);
        assert_eq!(dependencies["a"]["path"].as_str(), Some("judge-copy/ci/a"));
        assert_eq!(dependencies["b"]["path"].as_str(), Some("/course/ci/b"));
        assert_eq!(dependencies["c"].as_str(), Some("1"));
        assert!(moved["workspace"].get("exclude").is_none());
    }
}
