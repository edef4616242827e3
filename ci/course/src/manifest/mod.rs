//! What the course consists of: stages, tasks and labs, read from the manifests of the exercises.
//!
//! Each `exercises/*/Cargo.toml` describes its stage under `[package.metadata.course]`. Nothing else in the course
//! repeats what is there. Hints have a file beside the reference, `solutions/*/hints.toml`. A mistake in a manifest is reported in one sentence: the file, the key, and how to mend it.

pub mod ground;
mod keys;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::trace::Trace;

use crate::error::Error;
use crate::runner::test_path;
use crate::workspace::Workspace;
use ground::Dependency;
pub use keys::Keys;

/// The six stages of the whole course: folder, title, and what the learner ends up with.
///
/// A stage that has its folder under `exercises/` speaks for itself; the others are listed as coming.
pub const PLAN: [(&str, &str, &str); 6] = [
    ("1-cap", "CAP", "registers that choose a side, and a consensus, both model-checked"),
    ("2-failures", "Failures", "consensus that survives crashes on a real disk and network"),
    ("3-asynchrony", "Async", "a chain of services that collapses, turned into one that does not"),
    ("4-sympathy", "Mechanical sympathy", "a Disruptor, and why it beats a queue"),
    ("5-scaling", "Scaling", "a service split three ways that moves its shards live"),
    ("6-borrowing", "Borrowing ideas", "the central ideas of Kafka, etcd, Hadoop and Spark, rebuilt"),
];

/// All stages that are there, in order.
#[derive(Debug)]
pub struct Course {
    /// The stages, in the order of their folders' names.
    pub stages: Vec<Stage>,
}

/// One stage: a folder under `exercises/`.
#[derive(Debug)]
pub struct Stage {
    /// The folder's name, the same in `exercises`, `solutions` and `book/src`: `1-cap`.
    pub id: String,
    /// The title: `CAP`.
    pub title: String,
    /// What the learner ends up with, in one line.
    pub summary: String,
    /// The first page, below `book/src`.
    pub start: String,
    /// The learner's package: `cap`.
    pub package: String,
    /// The reference's package: `cap-solution`.
    pub solution: String,
    /// The folder of the exercise.
    pub folder: PathBuf,
    /// What the exercise is built from; tells which earlier stages it [stands on](ground).
    pub dependencies: Vec<Dependency>,
    /// The tasks, in the order in which they are meant to be done.
    pub tasks: Vec<Task>,
    /// The experiments.
    pub labs: Vec<Lab>,
}

/// One task of a stage.
#[derive(Debug)]
pub struct Task {
    /// The stable id. Progress is kept under it.
    pub id: String,
    /// Ids that the task had in earlier versions of the course.
    pub aliases: Vec<String>,
    /// The title.
    pub title: String,
    /// What a pass is worth.
    pub points: u32,
    /// Whether the stage counts as done without it.
    pub bonus: bool,
    /// The page of the book, below `book/src`, perhaps with an `#anchor`.
    pub page: String,
    /// What the learner edits, relative to the stage's folder. None for a task that tries what the tasks before it have led to.
    pub files: Vec<String>,
    /// The checks, by their test path below `checks::`.
    pub checks: Vec<String>,
    /// Whether the checks start processes, so that no two runs are the same.
    pub real_time: bool,
    /// Whether its files belong to a protocol core: code without clock, thread, file or chance.
    pub core: bool,
    /// From a nudge to nearly the answer. They stand in a [file of their own](Stage::take_hints).
    pub hints: Vec<String>,
}

/// One experiment of a stage.
#[derive(Debug)]
pub struct Lab {
    /// What `cargo course lab` calls it.
    pub name: String,
    /// The title.
    pub title: String,
    /// The page of the book that reads the result.
    pub page: String,
    /// The cargo example that runs it.
    pub example: String,
}

impl Course {
    /// Reads all manifests.
    pub fn load(workspace: &Workspace) -> Result<Self, Error> {
        let mut stages = Vec::new();
        for folder in stage_folders(&workspace.exercises())? {
            let mut stage = Stage::load(&folder)?;
            stage.load_hints(workspace)?;
            stages.push(stage);
        }
        let course = Self { stages };
        course.names_are_unique()?;
        Ok(course)
    }

    /// The stages that the plan does not name.
    pub fn unplanned(&self) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(|stage| PLAN.iter().all(|(folder, ..)| *folder != stage.id))
    }

    /// Every task with its stage, in order.
    pub fn tasks(&self) -> impl Iterator<Item = (&Stage, &Task)> {
        self.stages.iter().flat_map(|stage| stage.tasks.iter().map(move |task| (stage, task)))
    }

    /// The task that goes, or once went, by a name.
    pub fn task(&self, name: &str) -> Result<(&Stage, &Task), Error> {
        self.tasks().find(|(_, task)| task.is_called(name)).ok_or_else(|| Error::Unknown {
            what: "task",
            name: name.into(),
            nearest: nearest(name, self.tasks().map(|(_, task)| task.id.as_str())),
            list: "cargo course",
        })
    }

    /// The stage and the task of the check that made a trace, if they are still there.
    pub fn owner(&self, trace: &Trace) -> Result<(&Stage, &Task), Error> {
        let has = |task: &Task| task.checks.iter().any(|check| test_path(check) == trace.check);
        self.tasks().find(|(stage, task)| stage.id == trace.stage && has(task)).ok_or_else(|| {
            let Trace { check, stage, .. } = trace;
            Error::Usage(format!(
                "The trace was made by the check {check} of {stage}, which this course does not have. Make a new one with \
                 `cargo course check`."
            ))
        })
    }

    /// The stage that goes by a name: `1-cap`, `cap` or `1`.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.is_called(name))
    }

    /// The same for who must name a stage: an error says what there is.
    pub fn named_stage(&self, name: &str) -> Result<&Stage, Error> {
        self.stage(name).ok_or_else(|| {
            self.still_to_come(name).unwrap_or_else(|| Error::Unknown {
                what: "stage",
                name: name.into(),
                nearest: nearest(name, self.stages.iter().flat_map(|stage| [stage.id.as_str(), stage.short()])),
                list: "cargo course",
            })
        })
    }

    /// The lab that goes by a name.
    pub fn lab(&self, name: &str) -> Result<(&Stage, &Lab), Error> {
        self.labs().find(|(_, lab)| lab.name == name).ok_or_else(|| Error::Unknown {
            what: "lab",
            name: name.into(),
            nearest: nearest(name, self.labs().map(|(_, lab)| lab.name.as_str())),
            list: "cargo course lab",
        })
    }

    /// Every lab with its stage.
    pub fn labs(&self) -> impl Iterator<Item = (&Stage, &Lab)> {
        self.stages.iter().flat_map(|stage| stage.labs.iter().map(move |lab| (stage, lab)))
    }

    /// That a name is of a stage which is planned, but not there yet: its number, folder, short name or title.
    pub fn still_to_come(&self, name: &str) -> Option<Error> {
        let is_called = |folder: &str, title: &str| {
            let (number, short) = folder.split_once('-').unwrap_or((folder, folder));
            [folder, number, short].contains(&name) || title.eq_ignore_ascii_case(name)
        };
        let (folder, title, _) = PLAN.iter().find(|(folder, title, _)| is_called(folder, title))?;
        let there: Vec<_> = self.stages.iter().map(|stage| format!("`{}` ({})", stage.number(), stage.title)).collect();
        Some(Error::Usage(format!(
            "Stage {}, {title}, is still to come. What is there so far: {}. `cargo course` lists the tasks.",
            folder.split('-').next().unwrap_or_default(),
            there.join(", ")
        )))
    }

    /// Every name that `check` understands.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let stages = self.stages.iter().flat_map(|stage| [stage.id.as_str(), stage.short()]);
        stages.chain(self.tasks().map(|(_, task)| task.id.as_str()))
    }

    /// Task ids, old and new, must tell tasks apart across the whole course, because progress is kept under them.
    fn names_are_unique(&self) -> Result<(), Error> {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (stage, task) in self.tasks() {
            for name in std::iter::once(&task.id).chain(&task.aliases) {
                let taken = owners.insert(name, &task.id);
                let taken = taken.or_else(|| self.stage(name).map(|stage| stage.id.as_str()));
                if let Some(owner) = taken {
                    let problem = format!(
                        "uses the name `{name}`, which `{owner}` has already; names must differ in the whole course."
                    );
                    return Err(stage.mistake("package.metadata.course.tasks", problem));
                }
            }
        }
        Ok(())
    }
}

impl Stage {
    fn load(folder: &Path) -> Result<Self, Error> {
        let file = folder.join("Cargo.toml");
        let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::parse(&id, folder, &text)
    }

    /// Reads a stage from the text of its manifest.
    pub fn parse(id: &str, folder: &Path, text: &str) -> Result<Self, Error> {
        let manifest = Keys::parse(folder.join("Cargo.toml"), text)?;
        let package = manifest.table("package")?;
        let course = package.table("metadata")?.table("course")?;
        course.only(&["stage", "title", "solution", "summary", "start", "tasks", "labs"])?;
        if course.text("stage")? != id {
            return Err(course.wrong("stage", format!("must be the name of the folder, \"{id}\".")));
        }
        let stage = Self {
            id: id.into(),
            title: course.text("title")?,
            summary: course.text("summary")?,
            start: course.text("start")?,
            package: package.text("name")?,
            solution: course.text("solution")?,
            folder: folder.into(),
            dependencies: ground::dependencies(&manifest),
            tasks: course.tables("tasks")?.iter().map(Task::parse).collect::<Result<_, _>>()?,
            labs: course.tables("labs")?.iter().map(Lab::parse).collect::<Result<_, _>>()?,
        };
        stage.checks_have_one_owner()?;
        Ok(stage)
    }

    /// The file of its hints, beside the reference, where no learner meets them by accident.
    pub fn hints_file(&self, workspace: &Workspace) -> PathBuf {
        workspace.solution(&self.id).join("hints.toml")
    }

    /// Reads the hints. Without the file there are none.
    fn load_hints(&mut self, workspace: &Workspace) -> Result<(), Error> {
        let file = self.hints_file(workspace);
        match fs::read_to_string(&file) {
            Ok(text) => self.take_hints(file, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("read", &file)(error)),
        }
    }

    /// Gives each task its hints, from the text of their file: a list for each task.
    fn take_hints(&mut self, file: PathBuf, text: &str) -> Result<(), Error> {
        let hints = Keys::parse(file, text)?;
        hints.only(&self.tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>())?;
        for task in &mut self.tasks {
            task.hints = hints.list(&task.id)?;
        }
        Ok(())
    }

    fn checks_have_one_owner(&self) -> Result<(), Error> {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (at, task) in self.tasks.iter().enumerate() {
            for check in &task.checks {
                if let Some(owner) = owners.insert(check, &task.id) {
                    let key = format!("package.metadata.course.tasks[{at}].checks");
                    let problem =
                        format!("lists `{check}`, which task `{owner}` lists already; keep it in exactly one of them.");
                    return Err(self.mistake(&key, problem));
                }
            }
        }
        Ok(())
    }

    /// Whether no two runs of a check are the same, since it starts processes.
    pub fn is_in_real_time(&self, check: &String) -> bool {
        self.tasks.iter().any(|task| task.real_time && task.checks.contains(check))
    }

    /// Whether the stage goes by a name: its folder, its package or its number.
    pub fn is_called(&self, name: &str) -> bool {
        name == self.id || name == self.package || name == self.short() || name == self.number()
    }

    /// The folder's name without the number: `cap`.
    pub fn short(&self) -> &str {
        self.id.split_once('-').map_or(&self.id, |(_, short)| short)
    }

    /// The number alone: `1`.
    pub fn number(&self) -> &str {
        self.id.split_once('-').map_or("", |(number, _)| number)
    }

    /// The exercise's manifest.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    /// A mistake in this stage's manifest.
    pub fn mistake(&self, key: &str, problem: String) -> Error {
        Error::Manifest { file: self.manifest(), key: key.into(), problem }
    }
}

impl Task {
    /// Whether it is found out [what its checks need](crate::needs): of those that start processes, what they need in their own. Not where
    /// nothing is written.
    pub fn has_needs(&self) -> bool {
        !self.real_time || !self.files.is_empty()
    }

    fn parse(keys: &Keys) -> Result<Self, Error> {
        keys.only(&["id", "aliases", "title", "points", "bonus", "page", "files", "checks", "real-time", "core"])?;
        Ok(Self {
            id: keys.name("id")?,
            aliases: keys.list("aliases")?,
            title: keys.text("title")?,
            points: keys.points()?,
            bonus: keys.flag("bonus")?,
            page: keys.text("page")?,
            files: keys.given_list("files", "[\"src/lib.rs\"]")?,
            checks: keys.filled_list("checks", "[\"module::name_of_the_check\"]")?,
            real_time: keys.flag("real-time")?,
            core: keys.flag("core")?,
            hints: Vec::new(),
        })
    }

    /// Whether the task goes, or once went, by a name.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// The learner's files, in full.
    pub fn paths(&self, stage: &Stage) -> Vec<PathBuf> {
        self.files.iter().map(|file| stage.folder.join(file)).collect()
    }
}

impl Lab {
    fn parse(keys: &Keys) -> Result<Self, Error> {
        keys.only(&["name", "title", "page", "example"])?;
        Ok(Self {
            name: keys.name("name")?,
            title: keys.text("title")?,
            page: keys.text("page")?,
            example: keys.text("example")?,
        })
    }

    /// The `[[example]]` that runs it, as the manifest of a package says: the exercise's, or its solution's.
    pub fn declared(&self, package: &Path) -> Option<toml::Table> {
        let manifest = fs::read_to_string(package.join("Cargo.toml")).ok()?.parse::<toml::Table>().ok()?;
        let mut examples = manifest.get("example")?.as_array()?.iter().filter_map(toml::Value::as_table);
        examples.find(|example| example.get("name").and_then(toml::Value::as_str) == Some(&self.example)).cloned()
    }

    /// The features of a package without which it is not built. What only labs need is behind one, so that checks do not wait for it.
    pub fn features(&self, package: &Path) -> Vec<String> {
        let declared = self.declared(package).unwrap_or_default();
        let features = declared.get("required-features").and_then(toml::Value::as_array).into_iter().flatten();
        features.filter_map(|feature| feature.as_str().map(str::to_owned)).collect()
    }
}

/// What is longer than this is hardly a name that was mistyped. To compare it takes time that grows with its square, and names come from
/// pages and files too.
const LONGEST_NAME: usize = 64;

/// The existing name that is most like a mistyped one, if any is like it at all.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    if name.chars().take(LONGEST_NAME + 1).count() > LONGEST_NAME {
        return None;
    }
    let names: Vec<&str> = names.collect();
    let begun = names.iter().find(|other| name.len() > 1 && other.starts_with(name));
    let distance = |other: &&&str| strsim::damerau_levenshtein(name, other);
    let near = || names.iter().min_by_key(distance).filter(|other| distance(other) <= 1 + name.chars().count() / 3);
    begun.or_else(near).map(|name| (*name).into())
}

/// A check's name as a sentence: `abd::a_read_waits` is "a read waits".
pub fn sentence(check: &str) -> String {
    check.rsplit("::").next().unwrap_or(check).replace('_', " ")
}

fn stage_folders(exercises: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(exercises).map_err(Error::io("read", exercises))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .collect();
    folders.sort();
    Ok(folders)
}
