//! The audit of starters that are being filled: task after task, they compile without a warning.
//!
//! A learner fills one task and leaves the next ones for tomorrow. Given code that only a later task uses is never used until then, and
//! the compiler says so to somebody who can do nothing about it. So this does what a learner does, in a copy of the exercises: after each
//! task the compiler is asked for its opinion.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::code::{MAKE_STARTERS, each_stage};
use super::{Audited, Finding, Subject};
use crate::commands::dev::{cargo, files, starters};
use crate::error::Error;
use crate::manifest::{Stage, Task};
use crate::workspace::Workspace;

/// The folder of the copy below its workspace's root. Cargo tells packages apart by their place there, and both are built into one target.
const INSIDE: &str = "filled";

/// No step on the way from the starter to the solution compiles with a warning.
pub fn stay_free_of_warnings(subject: &Subject) -> Result<Audited, Error> {
    let copy = Copy { workspace: subject.workspace, root: subject.workspace.scratch("filled") };
    copy.begin()?;
    each_stage(subject, "steps", |stage| copy.fill(stage))
}

/// A copy of the exercises.
struct Copy<'w> {
    workspace: &'w Workspace,
    root: PathBuf,
}

impl Copy<'_> {
    /// Makes it a copy of what a learner begins with.
    fn begin(&self) -> Result<(), Error> {
        let original = self.workspace.exercises();
        let place = |path: &Path| self.root.join(INSIDE).join("exercises").join(path);
        let mut wanted = BTreeSet::new();
        for path in files::below(&original)? {
            let below = path.strip_prefix(&original).expect("the walk began there");
            wanted.insert(place(below));
            files::update(&place(below), &fs::read(&path).map_err(Error::io("read", &path))?)?;
        }
        for path in files::below(&place(Path::new("")))?.iter().filter(|path| !wanted.contains(*path)) {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
        files::update(&self.root.join("Cargo.toml"), self.manifest()?.as_bytes())?;
        let lock = self.workspace.root().join("Cargo.lock");
        files::write(&self.root.join("Cargo.lock"), &fs::read(&lock).map_err(Error::io("read", &lock))?)
    }

    /// The workspace's manifest with no members but the exercises. What they depend on is where it was.
    fn manifest(&self) -> Result<String, Error> {
        let file = self.workspace.root().join("Cargo.toml");
        let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
        only_exercises(&text, self.workspace.root()).map_err(|why| Error::Course(format!("{}: {why}", file.display())))
    }

    /// Fills the tasks of a stage, one after the other. Says how many steps that were, and which warnings came.
    fn fill(&self, stage: &Stage) -> Result<(usize, Vec<Finding>), Error> {
        let (mut steps, mut known, mut findings) = (0, BTreeSet::new(), Vec::new());
        for (number, task) in stage.tasks.iter().enumerate() {
            let later: Vec<&Task> = stage.tasks[number + 1..].iter().collect();
            let finished = task.files.iter().filter(|file| later.iter().all(|task| !task.files.contains(file)));
            let finished: Vec<&String> = finished.collect();
            if finished.is_empty() {
                continue;
            }
            finished.iter().try_for_each(|file| self.fill_file(stage, file))?;
            steps += 1;
            let target = self.workspace.target();
            let problems = cargo::check(&self.root, &stage.package, &target)?.unwrap_or_else(|errors| vec![errors]);
            for problem in problems.into_iter().filter(|problem| known.insert(problem.clone())) {
                let what = format!("with all tasks filled up to `{}`, the compiler says:\n{problem}", task.id);
                findings.push(Finding::new(what, format!("edit solutions/{}/src, then {MAKE_STARTERS}", stage.id)));
            }
        }
        Ok((steps, findings))
    }

    fn fill_file(&self, stage: &Stage, file: &str) -> Result<(), Error> {
        let solution = self.workspace.solution(&stage.id).join(file);
        let text = fs::read_to_string(&solution).map_err(Error::io("read", &solution))?;
        let wrong = |why: starters::DeriveError| Error::Course(format!("{}: {why}", self.workspace.shown(&solution)));
        let filled = starters::filled(&text).map_err(wrong)?;
        files::update(&self.root.join(INSIDE).join("exercises").join(&stage.id).join(file), filled.as_bytes()).map(drop)
    }
}

/// A workspace's manifest for a copy of its exercises.
fn only_exercises(manifest: &str, original: &Path) -> Result<String, toml::de::Error> {
    let mut manifest: Table = manifest.parse()?;
    if let Some(workspace) = manifest.get_mut("workspace").and_then(Value::as_table_mut) {
        workspace.insert("members".to_owned(), Value::from(vec![format!("{INSIDE}/exercises/*")]));
        workspace.remove("default-members");
        workspace.remove("exclude");
        let dependencies = workspace.get_mut("dependencies").and_then(Value::as_table_mut);
        for (_, dependency) in dependencies.into_iter().flatten() {
            if let Some(Value::String(path)) = dependency.get_mut("path") {
                *path = original.join(&*path).display().to_string();
            }
        }
    }
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exercises_are_members_and_what_they_stand_on_stays() {
        let manifest = "[workspace]\nmembers = [\"ci/*\", \"exercises/*\"]\ndefault-members = [\"ci/*\"]\nexclude = [\"ci/b\"]\n\n\
                        [workspace.dependencies]\na = { path = \"ci/a\" }\nb = { path = \"/b\" }\nc = \"1\"\n\n[profile.dev]\ndebug = false\n";
        let copy: Table = only_exercises(manifest, Path::new("/course")).unwrap().parse().unwrap();
        let workspace = &copy["workspace"];
        assert_eq!(workspace["members"][0].as_str(), Some("filled/exercises/*"));
        assert!(workspace.get("default-members").is_none() && workspace.get("exclude").is_none());
        let path = |name: &str| workspace["dependencies"][name]["path"].as_str();
        assert_eq!((path("a"), path("b")), (Some("/course/ci/a"), Some("/b")));
        assert_eq!(copy["profile"]["dev"]["debug"].as_bool(), Some(false));
    }
}
