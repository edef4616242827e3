//! A copy of the workspace in which solutions may be changed.
//!
//! It stays from run to run, so that what is rebuilt for a change is the solution and its checks ([`Copy`]).
//!
//! What was built is kept in a folder for each mutant, which is named after it: that is how a program in which many mutants were
//! built together knows which of them it is.
//!
//! Cargo's target directory is the workspace's own, so that dependencies are built once for both.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::base::Base;
use super::matrix;
use super::mutant::Mutant;
use super::schemata::Schemata;
use crate::commands::dev::cargo::{self, Graded};
use crate::commands::dev::files;
use crate::copy::{self, Copy};
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// What is copied: all that a solution and its checks are built from.
const PARTS: [&str; 3] = ["ci/testkit", "exercises", "solutions"];

/// The folder of the programs that mutants share. No mutant has this name.
const TOGETHER: &str = "+";

/// The copy, and what is built from it.
pub struct Scratch {
    /// The solutions that are not the reference's, by the stage's folder name.
    replaced: Vec<(String, PathBuf)>,
    copy: Copy,
    target: PathBuf,
    original: PathBuf,
    programs: PathBuf,
}

/// A mutant that was built, or why it could not be.
pub type Planted = Result<PathBuf, String>;

impl Scratch {
    /// Brings the copy up to date, with a base in place of the reference, as soon as no other run uses it.
    pub fn new(workspace: &Workspace, base: &Base) -> Result<Self, Error> {
        let mut texts = copy::texts(workspace, &PARTS.map(str::to_owned))?;
        for (stage, folder) in base.replaced() {
            let solution = Path::new("solutions").join(stage);
            texts.retain(|below, _| !below.starts_with(solution.join("src")));
            for file in files::below(&folder.join("src"))? {
                let below = solution.join(file.strip_prefix(folder).expect("it lies below its folder"));
                texts.insert(below, fs::read(&file).map_err(Error::io("read", &file))?);
            }
        }
        let scratch = Self {
            replaced: base.replaced().map(|(stage, folder)| (stage.to_owned(), folder.to_owned())).collect(),
            copy: Copy::new(workspace, "dev bugs", texts)?,
            target: workspace.target(),
            original: workspace.root().into(),
            programs: workspace.scratch("scratch-programs"),
        };
        scratch.throw_away()?;
        Ok(scratch)
    }

    /// Removes the programs that were built.
    fn throw_away(&self) -> Result<(), Error> {
        match fs::remove_dir_all(&self.programs) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &self.programs)(error)),
            _ => Ok(()),
        }
    }

    /// Builds some graded checks of a mutant, as a program that the next build does not touch. The outer error is cargo's.
    pub fn plant(&self, stage: &Stage, mutant: &Mutant, checks: &[String]) -> Result<Planted, Error> {
        let changed = match mutant.apply(&self.folder_of(stage)) {
            Ok(changed) => changed,
            Err(why) => return Ok(Err(why)),
        };
        Ok(match self.build(stage, &changed, checks)? {
            Ok(graded) => Ok(self.keep(&graded, stage, &mutant.name)?),
            Err(errors) => Err(errors),
        })
    }

    /// Builds some graded checks of several mutants at once: as many programs as there are mutants, which share one file.
    pub fn plant_together(
        &self,
        stage: &Stage,
        schemata: &Schemata,
        checks: &[String],
    ) -> Result<Result<Vec<PathBuf>, String>, Error> {
        let folder = self.folder_of(stage);
        let changed = schemata.files(&folder).map_err(Error::io("read", &folder))?;
        let graded = match self.build(stage, &changed, checks)? {
            Ok(graded) => graded,
            Err(errors) => return Ok(Err(errors)),
        };
        let shared = self.keep(&graded, stage, TOGETHER)?;
        let names = schemata.mutants.iter().map(|mutant| &mutant.name);
        names.map(|name| self.link(&shared, stage, name)).collect::<Result<Vec<_>, _>>().map(Ok)
    }

    /// Builds some graded checks of a changed solution. The inner error is the compiler's.
    fn build(
        &self,
        stage: &Stage,
        changed: &[(String, String)],
        checks: &[String],
    ) -> Result<Result<Graded, String>, Error> {
        let folder = self.copy.place(solution(stage));
        for (path, text) in changed {
            files::update(&folder.join(path), text.as_bytes())?;
        }
        self.leave_out_modules(stage, checks)?;
        let built = cargo::graded(self.copy.root(), &stage.solution, &self.target);
        self.copy.restore(&solution(stage))?;
        Ok(built?.map_err(|errors| format!("it does not compile:\n{errors}")))
    }

    /// Leaves out the modules of which no check will run. The search is compiled anew in each of them: that is most of a build.
    fn leave_out_modules(&self, stage: &Stage, checks: &[String]) -> Result<(), Error> {
        let needed: BTreeSet<&str> = checks.iter().map(|check| split(check).0).collect();
        let all = matrix::checks(stage).map(|check| split(check).0);
        let left_out: BTreeSet<&str> = all.clone().filter(|module| !needed.contains(module)).collect();
        let parents: BTreeSet<&str> = all.map(|module| split(module).0).collect();
        for parent in parents {
            let file = format!("exercises/{}/tests/checks/{}/mod.rs", stage.id, parent.replace("::", "/"));
            let original = self.original.join(&file);
            let text = fs::read_to_string(&original).map_err(Error::io("read", &original))?;
            let names = left_out.iter().filter(|module| split(module).0 == parent).map(|module| split(module).1);
            let shorter = without_modules(&text, &names.collect());
            files::update(&self.copy.place(&file), shorter.as_bytes())?;
        }
        Ok(())
    }

    /// Puts the checks' executable into a folder of its own, with the programs that they start: that is where they look for them
    /// ([`built_program`](testkit::network::built_program)).
    fn keep(&self, graded: &Graded, stage: &Stage, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder(stage, name)?;
        let keep = |program: &PathBuf| {
            let kept = folder.join(program.file_name().unwrap_or_default());
            fs::copy(program, &kept).map_err(Error::io("copy", program)).map(|_| kept)
        };
        graded.programs.iter().map(keep).collect::<Result<Vec<_>, _>>()?;
        keep(&graded.executable)
    }

    /// Gives what is kept beside a program one more folder. The files are not copied: there may be hundreds of mutants.
    fn link(&self, shared: &Path, stage: &Stage, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder(stage, name)?;
        for program in files::below(shared.parent().expect("a kept program lies in a folder"))? {
            let linked = folder.join(program.file_name().unwrap_or_default());
            fs::hard_link(&program, &linked).map_err(Error::io("link", &program))?;
        }
        Ok(folder.join(shared.file_name().unwrap_or_default()))
    }

    /// An empty folder for the programs of a mutant.
    fn folder(&self, stage: &Stage, name: &str) -> Result<PathBuf, Error> {
        let folder = self.programs.join(&stage.id).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        Ok(folder)
    }

    /// The solution of a stage, as it is before it is changed.
    fn folder_of(&self, stage: &Stage) -> PathBuf {
        let replaced = self.replaced.iter().find(|(id, _)| *id == stage.id);
        replaced.map_or_else(|| self.original.join(solution(stage)), |(_, folder)| folder.clone())
    }
}

impl Drop for Scratch {
    /// The programs take a few gigabytes. What cannot be removed now is removed by the next run.
    fn drop(&mut self) {
        let _ = self.throw_away();
    }
}

/// A stage's solution, below the workspace's root.
fn solution(stage: &Stage) -> String {
    format!("solutions/{}", stage.id)
}

/// The module that a check or module stands in, and its name there.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once("::").unwrap_or(("", path))
}

/// A module's text without the lines that declare these modules in it.
fn without_modules(text: &str, left_out: &BTreeSet<&str>) -> String {
    let declares =
        |line: &str| line.trim().strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';').map(str::to_owned));
    let stays = |line: &&str| declares(line).is_none_or(|name| !left_out.contains(&*name));
    text.split_inclusive('\n').filter(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_left_out_by_their_declaration() {
        let text = "//! Checks.\n\npub mod abd;\npub mod abd_long;\npub mod spec;\n";
        let shorter = without_modules(text, &BTreeSet::from(["abd"]));
        assert_eq!(shorter, "//! Checks.\n\npub mod abd_long;\npub mod spec;\n");
        assert_eq!(split("raft::election::one_leader"), ("raft::election", "one_leader"));
        assert_eq!(split("abd"), ("", "abd"));
    }
}
