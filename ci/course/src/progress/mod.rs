//! What the learner has done: `.course/progress.toml`.
//!
//! Learners commit this file, so it must survive a newer version of the course and a second machine:
//!
//! - it is kept under the tasks' stable ids; a task that was renamed is found under its alias and moved on the next write;
//! - ids and keys that this version does not know are kept as they are, and passes among them are named;
//! - a task never brings more points than it is worth, whatever the file says;
//! - it is written to a second file that then takes the first one's place, so that it is never half written, and entries are
//!   sorted, so that two machines' changes merge.

mod fingerprint;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use fingerprint::Prints;

use crate::clock;
use crate::error::Error;
use crate::manifest::{Course, Task};
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
    /// What was passed: the code and the checks, as [`Prints`] saw them before the checks were built.
    pub fingerprint: String,
    /// How many hints were shown.
    pub hints_shown: usize,
    /// Whether the reference was shown.
    pub solution_seen: bool,
    /// What help there was, in the learner's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    #[serde(flatten)]
    unknown: toml::Table,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not passed yet.
    Open,
    /// Passed, by this code and these checks.
    Done,
    /// Passed, but the task's own files have changed since.
    Changed,
    /// Passed, but other code that it is built with has changed since: of the stage, or of an earlier one.
    BeforeEdits,
    /// Passed, but the checks, the testkit or a reference have changed since.
    BeforeUpdate,
}

impl Standing {
    /// Whether there was a pass, but perhaps not of what is there now.
    pub fn is_stale(self) -> bool {
        matches!(self, Standing::BeforeEdits | Standing::BeforeUpdate)
    }
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
                    "{shown} {why}. Fix it, or take an older one from git; without the file all tasks are open again."
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

    /// What was done about a task, under its id or one that it had before; a pass before anything else.
    pub fn record(&self, task: &Task) -> Option<&Record> {
        let records = || names(task).filter_map(|name| self.tasks.get(name));
        records().find(|record| record.passed_at.is_some()).or_else(|| records().next())
    }

    /// The same, to change it. A record under an old id moves to the new one. If there are two, because one machine had a newer course
    /// than the other, they become one.
    pub fn record_mut(&mut self, task: &Task) -> &mut Record {
        let mut record = self.record(task).cloned().unwrap_or_default();
        for other in names(task).filter_map(|name| self.tasks.remove(name)) {
            record.hints_shown = record.hints_shown.max(other.hints_shown);
            record.solution_seen |= other.solution_seen;
            let new = other.help.into_iter().filter(|help| !record.help.contains(help)).collect::<Vec<_>>();
            record.help.extend(new);
        }
        self.tasks.entry(task.id.clone()).or_insert(record)
    }

    /// Writes down a pass of the code and the checks of `prints`.
    pub fn pass(&mut self, task: &Task, evidence: Vec<String>, prints: &Prints) {
        let record = self.record_mut(task);
        record.passed_at = Some(clock::now());
        record.points = task.points;
        record.evidence = evidence;
        record.fingerprint = prints.of(task).map(ToString::to_string).unwrap_or_default();
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

    /// How far a task is, with the code and the checks of `prints`.
    pub fn standing(&self, prints: &Prints, task: &Task) -> Standing {
        match (self.record(task).filter(|record| record.passed_at.is_some()), prints.of(task)) {
            (None, _) => Standing::Open,
            (Some(record), Some(print)) => print.since(&record.fingerprint),
            (Some(_), None) => Standing::BeforeUpdate,
        }
    }

    /// The points for a task: what it was worth when it was passed, or nothing. Never more than it is worth.
    pub fn points(&self, task: &Task) -> u32 {
        self.record(task).filter(|record| record.passed_at.is_some()).map_or(0, |record| record.points.min(task.points))
    }

    /// What to say about passes of tasks that this course does not have, if there are any.
    pub fn unclaimed(&self, course: &Course) -> Option<String> {
        let is_unclaimed = |(id, record): &(&String, &Record)| {
            record.passed_at.is_some() && !course.tasks().any(|(_, task)| task.is_called(id))
        };
        let found: Vec<_> = self.tasks.iter().filter(is_unclaimed).map(|(id, _)| format!("`{id}`")).collect();
        if found.is_empty() {
            return None;
        }
        Some(format!(
            "Your record has a pass of {}, and this course has no such task. If the record is from a newer course, update \
             this one; if not, a task was renamed and its old name forgotten: please report it. The record keeps the points.",
            found.join(", ")
        ))
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

fn names(task: &Task) -> impl Iterator<Item = &String> {
    std::iter::once(&task.id).chain(&task.aliases)
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.record().join("progress.toml")
}

/// Two commands at once (`watch` in one window, `hint` in another) change the record one after the other.
fn lock(workspace: &Workspace) -> Result<File, Error> {
    workspace.open_record()?;
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
            core: false,
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
    fn records_of_two_machines_under_the_old_and_the_new_name_become_one() {
        let newer = "\n[tasks.one]\nhints_shown = 1\nsolution_seen = true\n";
        let mut progress = Progress::parse(&format!("{NEWER}{newer}")).unwrap();
        assert_eq!(progress.points(&task()), 5, "the pass under the old name counts");
        let record = progress.record_mut(&task()).clone();
        assert_eq!((record.points, record.hints_shown, record.solution_seen), (5, 2, true));
        assert!(!progress.tasks.contains_key("uno"));
    }

    #[test]
    fn a_task_never_brings_more_than_it_is_worth() {
        let record = |points: u32| format!("version = 1\n[tasks.one]\npassed_at = \"today\"\npoints = {points}\n");
        for (points, counts) in [(0, 0), (9, 9), (10, 10), (11, 10), (u32::MAX, 10)] {
            assert_eq!(Progress::parse(&record(points)).unwrap().points(&task()), counts);
        }
        for damaged in ["-1", "4294967296", "1.5", "\"10\""] {
            let text = record(7).replace("points = 7", &format!("points = {damaged}"));
            assert!(Progress::parse(&text).unwrap_err().starts_with("cannot be read: line 4"), "{damaged}");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_says_where_and_what_to_do() {
        let complaint = |text: &str| Progress::parse(text).unwrap_err();
        assert!(complaint("<<<<<<< HEAD\nversion = 1").contains("keep the tasks of both sides"));
        assert!(complaint("version = 2").contains("update the course"));
        assert!(complaint("version = 1\n[tasks.one]\npoints = \"x\"").starts_with("cannot be read: line 3"));
    }
}
