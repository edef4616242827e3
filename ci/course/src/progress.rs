//! What the learner has done: `.course/progress.toml`.
//!
//! Learners commit this file, so it must survive a newer version of the course and a second machine:
//!
//! - it is kept under the tasks' stable ids; a task that was renamed is found under its alias and moved on the next write;
//! - ids and keys that this version does not know are kept as they are;
//! - it is written to a second file that then takes the first one's place, so that it is never half written, and entries are
//!   sorted, so that two machines' changes merge.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::Error;
use crate::manifest::{Stage, Task};
use crate::workspace::Workspace;

const HEADER: &str = "# Written by `cargo course`. Commit this file: it holds your points.\n\n";
const VERSION: u32 = 1;

/// The learner's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    #[serde(default)]
    tasks: BTreeMap<String, Record>,
    /// For each quiz, for each question, whether the first answer was right.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    quizzes: Quizzes,
    #[serde(flatten)]
    unknown: toml::Table,
}

/// For each quiz, for each question, whether the first answer was right.
pub type Quizzes = BTreeMap<String, BTreeMap<String, bool>>;

/// What was done about one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// When the task was passed last, as RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<String>,
    /// The points that the pass was worth.
    pub points: u32,
    /// What the checks proved.
    pub evidence: Vec<String>,
    /// The learner's files at the pass, as [`fingerprint`] sees them.
    pub fingerprint: String,
    /// How many hints were shown.
    pub hints_shown: usize,
    /// Whether the reference was shown.
    pub solution_seen: bool,
    #[serde(flatten)]
    unknown: toml::Table,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not passed yet.
    Open,
    /// Passed, and the files are as they were.
    Done,
    /// Passed, but the files have changed since.
    Changed,
}

impl Default for Progress {
    fn default() -> Self {
        Self { version: VERSION, tasks: BTreeMap::new(), quizzes: Quizzes::new(), unknown: toml::Table::new() }
    }
}

impl Progress {
    /// Reads the record; a learner who has none yet has done nothing.
    pub fn load(workspace: &Workspace) -> Result<Self, Error> {
        let path = path(workspace);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|why| {
                let shown = workspace.shown(&path);
                Error::Course(format!(
                    "{shown} {why}. Mend it, or take an older one from git; without the file all tasks are open again."
                ))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Reads the record, changes it, and writes it, while no other command does.
    pub fn change(workspace: &Workspace, change: impl FnOnce(&mut Self)) -> Result<Self, Error> {
        let _lock = lock(workspace)?;
        let mut progress = Self::load(workspace)?;
        change(&mut progress);
        progress.save(workspace)?;
        Ok(progress)
    }

    /// What was done about a task, under its id or one that it had before.
    pub fn record(&self, task: &Task) -> Option<&Record> {
        names(task).find_map(|name| self.tasks.get(name))
    }

    /// The same, to change it. A record under an old id moves to the new one.
    pub fn record_mut(&mut self, task: &Task) -> &mut Record {
        let old = names(task).find(|name| self.tasks.contains_key(*name));
        let record = old.and_then(|name| self.tasks.remove(name)).unwrap_or_default();
        self.tasks.entry(task.id.clone()).or_insert(record)
    }

    /// Writes down a pass of the files with this fingerprint.
    pub fn pass(&mut self, task: &Task, evidence: Vec<String>, fingerprint: String) {
        let record = self.record_mut(task);
        record.passed_at = Some(clock::now());
        record.points = task.points;
        record.evidence = evidence;
        record.fingerprint = fingerprint;
    }

    /// Writes down an answer. Only the first to a question counts.
    pub fn answer(&mut self, quiz: &str, question: &str, right: bool) {
        self.quizzes.entry(quiz.to_owned()).or_default().entry(question.to_owned()).or_insert(right);
    }

    /// The answers to all quizzes.
    pub fn quizzes(&self) -> &Quizzes {
        &self.quizzes
    }

    /// Whether a task was passed, be it long ago.
    pub fn has_passed(&self, task: &Task) -> bool {
        self.record(task).is_some_and(|record| record.passed_at.is_some())
    }

    /// How far a task is.
    pub fn standing(&self, stage: &Stage, task: &Task) -> Standing {
        match self.record(task) {
            Some(record) if record.passed_at.is_some() => {
                if record.fingerprint == fingerprint(stage, task) {
                    Standing::Done
                } else {
                    Standing::Changed
                }
            }
            _ => Standing::Open,
        }
    }

    /// The points for a task: what it was worth when it was passed, or nothing.
    pub fn points(&self, task: &Task) -> u32 {
        self.record(task).filter(|record| record.passed_at.is_some()).map_or(0, |record| record.points)
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.lines().any(|line| line.starts_with("<<<<<<<")) {
            return Err("has marks of a merge conflict: keep the tasks of both sides".into());
        }
        let progress: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            format!("cannot be read: line {line}: {}", error.message())
        })?;
        match progress.version {
            VERSION => Ok(progress),
            newer => Err(format!("has version {newer}, and this course knows version {VERSION}: update the course")),
        }
    }

    fn save(&self, workspace: &Workspace) -> Result<(), Error> {
        let path = path(workspace);
        let text =
            toml::to_string(self).map_err(|error| Error::Course(format!("Progress cannot be written: {error}.")))?;
        let unfinished = path.with_extension("toml.part");
        fs::write(&unfinished, format!("{HEADER}{text}")).map_err(Error::io("write", &unfinished))?;
        fs::rename(&unfinished, &path).map_err(Error::io("write", &path))
    }
}

/// A short text that tells whether a task's files have changed. Line ends do not count, so that it holds on another system.
pub fn fingerprint(stage: &Stage, task: &Task) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a: the same on every machine and with every Rust
    let mut feed = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for path in task.paths(stage) {
        fs::read(path).unwrap_or_default().into_iter().filter(|byte| *byte != b'\r').for_each(&mut feed);
        feed(0);
    }
    format!("{hash:016x}")
}

fn names(task: &Task) -> impl Iterator<Item = &String> {
    std::iter::once(&task.id).chain(&task.aliases)
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.record().join("progress.toml")
}

/// Two commands at once (`watch` in one window, `hint` in another) change the record one after the other.
fn lock(workspace: &Workspace) -> Result<File, Error> {
    let folder = workspace.record();
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let place = workspace.scratch("progress.lock");
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let file = File::create(&place).map_err(Error::io("write", &place))?;
    file.lock().map_err(Error::io("lock", &place))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use crate::manifest::Task;

    const NEWER: &str = "version = 1\n\n[tasks.from-the-future]\npassed_at = \"2026-11-20T09:41:07Z\"\npoints = 7\n\
                         evidence = []\nfingerprint = \"\"\nhints_shown = 0\nsolution_seen = false\nstars = 3\n\n\
                         [tasks.uno]\npassed_at = \"2026-11-20T09:41:07Z\"\npoints = 5\nevidence = []\n\
                         fingerprint = \"\"\nhints_shown = 2\nsolution_seen = false\n\n[badges]\ngold = 1\n";

    fn task() -> Task {
        Task {
            id: "one".into(),
            aliases: vec!["uno".into()],
            title: "One".into(),
            points: 10,
            bonus: false,
            real_time: false,
            page: "one.md".into(),
            files: Vec::new(),
            checks: Vec::new(),
            hints: Vec::new(),
        }
    }

    #[test]
    fn what_a_newer_course_wrote_is_kept() {
        let mut progress = Progress::parse(NEWER).unwrap();
        progress.record_mut(&task()).hints_shown += 1;
        let text = toml::to_string(&progress).unwrap();
        for kept in ["[tasks.from-the-future]", "stars = 3", "gold = 1"] {
            assert!(text.contains(kept), "`{kept}` is lost:\n{text}");
        }
    }

    #[test]
    fn a_renamed_task_keeps_its_points_and_hints() {
        let mut progress = Progress::parse(NEWER).unwrap();
        assert_eq!(progress.points(&task()), 5);
        assert_eq!(progress.record_mut(&task()).hints_shown, 2);
        assert!(progress.tasks.contains_key("one") && !progress.tasks.contains_key("uno"));
    }

    #[test]
    fn a_record_that_cannot_be_read_says_where_and_what_to_do() {
        let complaint = |text: &str| Progress::parse(text).unwrap_err();
        assert!(complaint("<<<<<<< HEAD\nversion = 1").contains("keep the tasks of both sides"));
        assert!(complaint("version = 2").contains("update the course"));
        assert!(complaint("version = 1\n[tasks.one]\npoints = \"x\"").starts_with("cannot be read: line 3"));
    }
}
