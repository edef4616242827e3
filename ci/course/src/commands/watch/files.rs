//! Notices saves by looking: which Rust files a folder holds, how long they are and when they were written.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The Rust files of a folder, with the time and the length of each.
type Snapshot = BTreeMap<PathBuf, (SystemTime, u64)>;

/// A folder under watch.
pub struct Files {
    folder: PathBuf,
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
    /// Begins to watch a folder.
    pub fn of(folder: PathBuf) -> Self {
        let now = snapshot(&folder).unwrap_or_default();
        Self { folder, reported: now.clone(), seen: now, lost: false }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Looks once.
    pub fn look(&mut self) -> Change {
        let now = match snapshot(&self.folder) {
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

/// A file that vanishes between two calls is simply not there.
fn snapshot(folder: &Path) -> io::Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    for path in fs::read_dir(folder)?.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            snapshot.extend(self::snapshot(&path).unwrap_or_default());
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Ok(about) = path.metadata()
        {
            snapshot.insert(path, (about.modified()?, about.len()));
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
        let mut files = Files::of(folder.clone());
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
        let mut files = Files::of(folder.clone());
        fs::write(folder.join(".lib.rs.swp"), "vim").unwrap();
        fs::write(folder.join("4913"), "vim").unwrap();
        assert_eq!([files.look(), files.look()], [Change::None, Change::None]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_goes_is_said_once_and_found_again() {
        let folder = folder("gone");
        let mut files = Files::of(folder.clone());
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(files.look(), Change::Lost(_)));
        assert_eq!(files.look(), Change::None);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("lib.rs"), "it is back").unwrap();
        assert!(reported(&mut files));
        fs::remove_dir_all(&folder).unwrap();
    }
}
