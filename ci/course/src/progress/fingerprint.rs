//! What a pass was a pass *of*: the code that was built, and the checks that judged it.
//!
//! A record keeps three hashes beside each pass, because three kinds of change mean different things to a learner:
//!
//! - of the task's **own** files;
//! - of all other **code** of the learner's that is built into the checks: the rest of the stage, the earlier stages that it stands on, and
//!   which those are;
//! - of what the **course** brings: the stage's checks, the testkit, and references in the place of earlier stages.
//!
//! If one of them differs, the pass was of something else, and is not shown as one of the code that is there. The points stay.
//!
//! The pages ask twice a second. So a file is read again only if the system says that it has changed ([`Files`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::Standing;
use crate::manifest::ground::Dependency;
use crate::manifest::{Course, Stage, Task};
use crate::workspace::Workspace;

/// A file that was written less than this before it was read may be written again under the same time.
const SETTLED: Duration = Duration::from_secs(2);

/// What a pass was a pass of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    own: u64,
    code: u64,
    course: u64,
}

/// The fingerprints of all tasks at one moment.
#[derive(Clone, Debug, Default)]
pub struct Prints(BTreeMap<String, Fingerprint>);

impl Prints {
    /// Looks at the files as they are now.
    pub fn take(course: &Course, workspace: &Workspace) -> Self {
        /// Kept by the process: only the book's server looks more than a few times.
        static FILES: Mutex<Option<Files>> = Mutex::new(None);
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        Self::take_with(course, workspace, files.get_or_insert_default())
    }

    fn take_with(course: &Course, workspace: &Workspace, files: &mut Files) -> Self {
        let prints = course.stages.iter().flat_map(|stage| of_stage(course, workspace, stage, files));
        Self(prints.collect())
    }

    /// What a pass of a task would be a pass of.
    pub fn of(&self, task: &Task) -> Option<&Fingerprint> {
        self.0.get(&task.id)
    }
}

/// The fingerprint of each task of a stage.
fn of_stage(course: &Course, workspace: &Workspace, stage: &Stage, files: &mut Files) -> Vec<(String, Fingerprint)> {
    let sources = |stage: &Stage| below(&stage.folder.join("src"));
    let code: BTreeSet<PathBuf> = course.own(stage).into_iter().chain([stage]).flat_map(sources).collect();
    let references = course.references(stage).into_iter().map(|stage| workspace.solution(&stage.id).join("src"));
    let testkit = ["ci/testkit/src", "ci/testkit-async/src"].map(|folder| workspace.root().join(folder));
    let brought = references.chain([stage.folder.join("tests/checks")]).chain(testkit);
    let mut brought: Vec<PathBuf> = brought.flat_map(|folder| below(&folder)).collect();
    brought.push(stage.folder.join("tests/graded.rs"));
    let course_hash = files.hash_all(workspace, &brought);
    let of_task = |task: &Task| {
        let paths = task.paths(stage);
        let others: Vec<PathBuf> = code.iter().filter(|file| !paths.contains(file)).cloned().collect();
        let code = ground(&stage.dependencies, files.hash_all(workspace, &others));
        (task.id.clone(), Fingerprint { own: files.hash_all(workspace, &paths), code, course: course_hash })
    };
    stage.tasks.iter().map(of_task).collect()
}

/// Adds which code of earlier stages a stage stands on.
fn ground(dependencies: &[Dependency], hash: u64) -> u64 {
    let texts = dependencies.iter().flat_map(|Dependency { name, package, path }| {
        [Some(name.as_str()), package.as_deref(), path.as_deref()].map(Option::unwrap_or_default)
    });
    texts.fold(hash, |hash, text| feed(hash, text.bytes().chain([0])))
}

impl Fingerprint {
    /// How a pass of what was `recorded` stands to what is there now.
    pub fn since(&self, recorded: &str) -> Standing {
        match Self::parse(recorded) {
            Some(then) if then.own != self.own => Standing::Changed,
            Some(then) if then.code != self.code => Standing::BeforeEdits,
            Some(then) if then.course != self.course => Standing::BeforeUpdate,
            Some(_) => Standing::Done,
            // Of an earlier version of the course, or written by hand: nothing is known.
            None => Standing::BeforeUpdate,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut hashes = text.split('-').map(|hash| u64::from_str_radix(hash, 16).ok());
        let print = Self { own: hashes.next()??, code: hashes.next()??, course: hashes.next()?? };
        hashes.next().is_none().then_some(print)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}-{:016x}", self.own, self.code, self.course)
    }
}

/// Every file below a folder, in order, but for what editors leave behind. A link to a folder is not followed: it may lead in a circle.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(below(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// The hashes of files, each kept until the file changes.
#[derive(Debug, Default)]
struct Files {
    known: HashMap<PathBuf, (Stamp, u64)>,
    /// How many files were read.
    reads: usize,
}

/// What the system says of a file. The time of its last change of any kind cannot be set by hand, as that of its text can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        let changed = (about.ctime(), about.ctime_nsec());
        Self { device: about.dev(), inode: about.ino(), length: about.len(), changed }
    }

    /// Whether the file has been left alone for so long that its next change will have another time.
    fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let changed = u64::try_from(self.changed.0).map(Duration::from_secs).unwrap_or(Duration::MAX);
        now.checked_sub(changed).is_some_and(|age| age > SETTLED)
    }
}

impl Files {
    /// The hash of some files: their names below the course's root, and what they hold.
    fn hash_all(&mut self, workspace: &Workspace, paths: &[PathBuf]) -> u64 {
        paths.iter().fold(START, |hash, path| {
            let hash = feed(hash, workspace.shown(path).to_string().bytes().chain([0]));
            feed(hash, self.hash(path).to_le_bytes())
        })
    }

    /// The hash of a file. One that is not there is empty.
    fn hash(&mut self, path: &Path) -> u64 {
        let stamp = fs::metadata(path).ok().map(|about| Stamp::of(&about));
        if let Some((known, hash)) = self.known.get(path)
            && Some(*known) == stamp
        {
            return *hash;
        }
        let now = SystemTime::now(); // before the file is read: a write after that has a later time
        self.reads += 1;
        // Line ends do not count, so that a record holds on another system.
        let hash = feed(START, fs::read(path).unwrap_or_default().into_iter().filter(|byte| *byte != b'\r'));
        match stamp.filter(|stamp| stamp.is_settled(now)) {
            Some(stamp) => drop(self.known.insert(path.to_owned(), (stamp, hash))),
            None => drop(self.known.remove(path)),
        }
        hash
    }
}

/// FNV-1a: the same on every machine and with every Rust.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn feed(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change_is_told_apart() {
        let now = Fingerprint { own: 1, code: 2, course: 0xffff_ffff_ffff_ffff };
        let text = now.to_string();
        let cases = [
            (text.clone(), Standing::Done),
            (text.replacen('1', "9", 1), Standing::Changed),
            (text.replacen('2', "9", 1), Standing::BeforeEdits),
            (text.replacen('f', "0", 1), Standing::BeforeUpdate),
            ("0123456789abcdef".into(), Standing::BeforeUpdate), // as earlier versions wrote it
            (format!("{text}-0"), Standing::BeforeUpdate),
            (String::new(), Standing::BeforeUpdate),
        ];
        for (recorded, standing) in cases {
            assert_eq!(now.since(&recorded), standing, "{recorded}");
        }
    }

    #[test]
    fn a_file_is_read_again_when_it_changes_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abd.rs");
        fs::write(&path, "one").unwrap();
        let stamp = |path: &Path| Stamp::of(&fs::metadata(path).unwrap());
        let settled = |stamp: Stamp, hash| Files { known: [(path.clone(), (stamp, hash))].into(), reads: 0 };
        let first = Files::default().hash(&path);
        let mut files = settled(stamp(&path), first);
        assert_eq!((files.hash(&path), files.reads), (first, 0), "nothing has changed");

        // Another text of the same length, with the old time put back by hand: only the system's own time tells.
        let earlier = Stamp { changed: (stamp(&path).changed.0 - 1, 0), ..stamp(&path) };
        fs::write(&path, "two").unwrap();
        let mut files = settled(earlier, first);
        assert_ne!(files.hash(&path), first);
        assert_eq!(files.reads, 1);
        fs::write(&path, "one\r").unwrap();
        assert_eq!(files.hash(&path), first, "line ends do not count");
        fs::remove_file(&path).unwrap();
        assert_eq!(files.hash(&path), START, "a file that is gone is empty");
    }

    #[test]
    fn only_what_was_left_alone_is_trusted() {
        let stamp = Stamp { device: 0, inode: 0, length: 0, changed: (1000, 0) };
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (now, settled) in [(999, false), (1000, false), (1002, false), (1003, true)] {
            assert_eq!(stamp.is_settled(at(now)), settled, "{now}");
        }
    }

    #[test]
    fn what_editors_leave_behind_is_no_code() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("raft")).unwrap();
        for name in ["lib.rs", ".lib.rs.swp", "lib.rs~", "raft/log.rs"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(below(folder.path()), ["lib.rs", "raft/log.rs"].map(|name| folder.path().join(name)));
    }
}
