//! A copy of the workspace in which solutions may be changed.
//!
//! It lies in the target directory and stays there from run to run. Files are written only where they differ, because cargo goes by
//! their times: what is rebuilt for a change is the solution and its checks.
//!
//! What was built is kept in a folder for each mutant, which is named after it: that is how a program in which many mutants were
//! built together knows which of them it is.
//!
//! Cargo's target directory is the workspace's own, so that dependencies are built once for both. Cargo tells packages apart by
//! their place in their workspace, and would take a mutant for the solution if both had the same. So the copy lies one folder
//! deeper below its workspace's root, and its manifest is changed to say so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::base::Base;
use super::matrix;
use super::mutant::Mutant;
use super::schemata::Schemata;
use crate::commands::dev::cargo::{self, Graded};
use crate::commands::dev::files;
use crate::error::Error;
use crate::manifest::Stage;
use crate::style;
use crate::workspace::Workspace;

/// What is copied: all that a solution and its checks are built from.
const PARTS: [&str; 3] = ["ci/testkit", "exercises", "solutions"];

/// The folder of the copy below its workspace's root.
const INSIDE: &str = "mutant";

/// The folder of the programs that mutants share. No mutant has this name.
const TOGETHER: &str = "+";

/// The copy.
pub struct Scratch {
    /// The solutions that are not the reference's, by the stage's folder name.
    replaced: Vec<(String, PathBuf)>,
    root: PathBuf,
    target: PathBuf,
    original: PathBuf,
    programs: PathBuf,
    /// Held as long as the copy is used: two runs would build each other's mutants.
    _lock: File,
}

/// A mutant that was built, or why it could not be.
pub type Planted = Result<PathBuf, String>;

impl Scratch {
    /// Brings the copy up to date, with a base in place of the reference, as soon as no other run uses it.
    pub fn new(workspace: &Workspace, base: &Base) -> Result<Self, Error> {
        let scratch = Self {
            replaced: base.replaced().map(|(stage, folder)| (stage.to_owned(), folder.to_owned())).collect(),
            root: workspace.scratch("scratch"),
            target: workspace.target(),
            original: workspace.root().into(),
            programs: workspace.scratch("scratch-programs"),
            _lock: lock(&workspace.scratch("scratch.lock"))?,
        };
        PARTS.iter().try_for_each(|part| scratch.copy(part))?;
        scratch.manifests()?;
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
        let folder = self.root.join(INSIDE).join(solution(stage));
        for (path, text) in changed {
            files::update(&folder.join(path), text.as_bytes())?;
        }
        self.leave_out_modules(stage, checks)?;
        let built = cargo::graded(&self.root, &stage.solution, &self.target);
        self.copy(&solution(stage))?;
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
            files::update(&self.root.join(INSIDE).join(&file), shorter.as_bytes())?;
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

    /// Makes one part of the copy like the original, or like what takes its place: changed files are written, others are removed.
    fn copy(&self, part: &str) -> Result<(), Error> {
        let mut wanted = BTreeMap::new();
        for file in sources(&self.original.join(part))? {
            wanted.insert(self.place(&self.original, &file), file);
        }
        for (stage, folder) in self.replaced.iter().filter(|(stage, _)| is_in(&format!("solutions/{stage}"), part)) {
            let own = self.root.join(INSIDE).join("solutions").join(stage).join("src");
            wanted.retain(|place, _| !place.starts_with(&own));
            for file in files::below(&folder.join("src"))? {
                let below = file.strip_prefix(folder).expect("it lies below its folder");
                wanted.insert(self.root.join(INSIDE).join("solutions").join(stage).join(below), file.clone());
            }
        }
        for path in sources(&self.root.join(INSIDE).join(part))?.iter().filter(|path| !wanted.contains_key(*path)) {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
        for (place, file) in &wanted {
            files::update(place, &fs::read(file).map_err(Error::io("read", file))?)?;
        }
        Ok(())
    }

    /// The solution of a stage, as it is before it is changed.
    fn folder_of(&self, stage: &Stage) -> PathBuf {
        let replaced = self.replaced.iter().find(|(id, _)| *id == stage.id);
        replaced.map_or_else(|| self.original.join(solution(stage)), |(_, folder)| folder.clone())
    }

    fn place(&self, from: &Path, original: &Path) -> PathBuf {
        let below = original.strip_prefix(from).expect("originals lie in the workspace");
        self.root.join(INSIDE).join(below)
    }

    /// Writes the workspace's manifest, and the lock file that goes with it.
    fn manifests(&self) -> Result<(), Error> {
        let manifest = self.original.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(Error::io("read", &manifest))?;
        let deeper = deeper(&text).map_err(|why| Error::Course(format!("{}: {why}", manifest.display())))?;
        files::update(&self.root.join("Cargo.toml"), deeper.as_bytes())?;
        let lock = self.original.join("Cargo.lock");
        let lock = fs::read(&lock).map_err(Error::io("read", &lock))?;
        files::write(&self.root.join("Cargo.lock"), &lock)
    }
}

impl Drop for Scratch {
    /// The programs take a few gigabytes. What cannot be removed now is removed by the next run.
    fn drop(&mut self) {
        let _ = self.throw_away();
    }
}

/// Whether a folder is a part of the workspace, or lies in one.
fn is_in(folder: &str, part: &str) -> bool {
    Path::new(folder).starts_with(part)
}

/// A stage's solution, below the workspace's root.
fn solution(stage: &Stage) -> String {
    format!("solutions/{}", stage.id)
}

/// Takes the lock, and says so if that means to wait.
fn lock(path: &Path) -> Result<File, Error> {
    files::write(path, b"")?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        style::say("Another run tries out bugs in this target directory. This one goes on when that has ended.");
        file.lock().map_err(Error::io("lock", path))?;
    }
    Ok(file)
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

/// A workspace's manifest for the case that all its members lie one folder deeper.
fn deeper(manifest: &str) -> Result<String, toml::de::Error> {
    let mut manifest: Table = manifest.parse()?;
    let Some(workspace) = manifest.get_mut("workspace").and_then(Value::as_table_mut) else {
        return Ok(manifest.to_string());
    };
    for key in ["members", "default-members", "exclude"] {
        let places = workspace.get_mut(key).and_then(Value::as_array_mut);
        places.into_iter().flatten().for_each(move_inside);
    }
    let dependencies = workspace.get_mut("dependencies").and_then(Value::as_table_mut);
    for dependency in dependencies.into_iter().flat_map(Table::iter_mut) {
        dependency.1.get_mut("path").into_iter().for_each(move_inside);
    }
    Ok(manifest.to_string())
}

fn move_inside(place: &mut Value) {
    if let Value::String(path) = place
        && Path::new(path).is_relative()
    {
        *path = format!("{INSIDE}/{path}");
    }
}

/// All files of a folder but those that were built in it.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let built = |file: &PathBuf| file.strip_prefix(folder).is_ok_and(|below| below.starts_with("target"));
    Ok(files::below(folder)?.into_iter().filter(|file| !built(file)).collect())
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

    #[test]
    fn members_and_paths_move_one_folder_deeper() {
        let manifest = "[workspace]\nmembers = [\"ci/*\"]\n\n[workspace.dependencies]\na = { path = \"ci/a\" }\nb = { path = \"/b\" }\nc = \"1\"\n";
        let moved: Table = deeper(manifest).unwrap().parse().unwrap();
        assert_eq!(moved["workspace"]["members"][0].as_str(), Some("mutant/ci/*"));
        let dependencies = &moved["workspace"]["dependencies"];
        assert_eq!(dependencies["a"]["path"].as_str(), Some("mutant/ci/a"));
        assert_eq!(dependencies["b"]["path"].as_str(), Some("/b"));
        assert_eq!(dependencies["c"].as_str(), Some("1"));
    }
}
