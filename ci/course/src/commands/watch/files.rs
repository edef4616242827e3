//! Notices saves by looking: which Rust files some folders hold, how long they are and when they were written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files, with the time and the length of each.
type Snapshot = BTreeMap<PathBuf, (SystemTime, u64)>;

/// A folder under watch, and what else counts as a change.
pub struct Files {
    folder: PathBuf,
    /// Folders of which the Rust files count, and files that count themselves. What is not there does not count.
    beside: Vec<PathBuf>,
    /// What was there when a save was last reported.
    reported: Snapshot,
    /// What was there at the last look.
    seen: Snapshot,
    lost: bool,
}

/// What a look found.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// The files are as they were, or still in motion.
    None,
    /// The files have changed, and have stayed the same for two looks.
    Saved,
    /// The folder cannot be read any more. Said once.
    Lost(String),
}

impl Files {
    /// Begins to watch a folder, and what counts beside it.
    pub fn of(folder: PathBuf, beside: Vec<PathBuf>) -> Self {
        let now = all(&folder, &beside).unwrap_or_default();
        Self { folder, beside, reported: now.clone(), seen: now, lost: false }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Looks once.
    pub fn look(&mut self) -> Change {
        let now = match all(&self.folder, &self.beside) {
            Ok(now) => now,
            Err(_) if self.lost => return Change::None,
            Err(error) => {
                self.lost = true;
                return Change::Lost(error.to_string());
            }
        };
        self.lost = false;
        let settled = now == self.seen;
        self.seen = now;
        if !settled || self.seen == self.reported {
            return Change::None;
        }
        self.reported.clone_from(&self.seen);
        Change::Saved
    }
}

fn all(folder: &Path, beside: &[PathBuf]) -> io::Result<Snapshot> {
    let mut all = snapshot(folder)?;
    for place in beside {
        match place.is_dir() {
            true => all.extend(snapshot(place).unwrap_or_default()),
            false => all.extend(state(place)?.map(|state| (place.clone(), state))),
        }
    }
    Ok(all)
}

/// When a file was written, and how long it is; nothing if it is not there.
fn state(path: &Path) -> io::Result<Option<(SystemTime, u64)>> {
    let Ok(about) = path.metadata() else { return Ok(None) };
    Ok(Some((about.modified()?, about.len())))
}

/// A file that vanishes between two calls is simply not there.
fn snapshot(folder: &Path) -> io::Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    for path in fs::read_dir(folder)?.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            snapshot.extend(self::snapshot(&path).unwrap_or_default());
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(state) = state(&path)?
        {
            snapshot.insert(path, state);
        }
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{Change, Files};

    /// A folder of its own for each test, with one file in it.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("course-watch-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("deeper")).unwrap();
        fs::write(folder.join("lib.rs"), "one").unwrap();
        folder
    }

    /// A change is reported at the second look, and once.
    fn reported(files: &mut Files) -> bool {
        let looks = [files.look(), files.look(), files.look()];
        looks == [Change::None, Change::Saved, Change::None]
    }

    #[test]
    fn every_way_to_save_is_noticed_once() {
        let folder = folder("ways");
        let (file, other) = (folder.join("lib.rs"), folder.join("other.rs"));
        let mut files = Files::of(folder.clone(), Vec::new());
        assert_eq!(files.look(), Change::None);
        fs::write(&file, "in place").unwrap();
        assert!(reported(&mut files), "written in place");
        fs::rename(&file, &other).unwrap();
        assert!(reported(&mut files), "renamed away");
        fs::rename(&other, &file).unwrap();
        assert!(reported(&mut files), "renamed back");
        fs::remove_file(&file).unwrap();
        assert!(reported(&mut files), "deleted");
        fs::write(&file, "anew").unwrap();
        assert!(reported(&mut files), "created anew");
        fs::write(folder.join("deeper/mod.rs"), "deep").unwrap();
        assert!(reported(&mut files), "in a folder below");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn files_that_are_not_rust_do_not_count() {
        let folder = folder("swap");
        let mut files = Files::of(folder.clone(), Vec::new());
        fs::write(folder.join(".lib.rs.swp"), "vim").unwrap();
        fs::write(folder.join("4913"), "vim").unwrap();
        assert_eq!([files.look(), files.look()], [Change::None, Change::None]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_a_stage_is_built_from_counts_as_well() {
        let (folder, earlier) = (folder("later"), folder("earlier"));
        let manifest = earlier.join("Cargo.toml");
        let mut files = Files::of(folder.clone(), vec![earlier.clone(), manifest.clone(), earlier.join("none")]);
        assert_eq!(files.look(), Change::None);
        fs::write(earlier.join("lib.rs"), "mended").unwrap();
        assert!(reported(&mut files), "a file of an earlier stage");
        fs::write(&manifest, "[package]").unwrap();
        assert!(reported(&mut files), "a manifest");
        fs::remove_dir_all(&earlier).unwrap();
        assert!(reported(&mut files), "an earlier stage that goes");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_goes_is_said_once_and_found_again() {
        let folder = folder("gone");
        let mut files = Files::of(folder.clone(), Vec::new());
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(files.look(), Change::Lost(_)));
        assert_eq!(files.look(), Change::None);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("lib.rs"), "it is back").unwrap();
        assert!(reported(&mut files));
        fs::remove_dir_all(&folder).unwrap();
    }
}
