//! A copy of the workspace in which solutions may be changed.
//!
//! It lies in the target directory and stays there from run to run. Files are written only where they differ, because cargo goes by
//! their times: what is rebuilt for a mutant is the solution and its checks.
//!
//! Cargo's target directory is the workspace's own, so that dependencies are built once for both. Cargo tells packages apart by
//! their place in their workspace, and would take a mutant for the solution if both had the same. So the copy lies one folder
//! deeper below its workspace's root, and its manifest is changed to say so.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::matrix;
use super::mutant::Mutant;
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

/// The copy.
pub struct Scratch {
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
    /// Brings the copy up to date, as soon as no other run uses it.
    pub fn new(workspace: &Workspace) -> Result<Self, Error> {
        let scratch = Self {
            root: workspace.scratch("scratch"),
            target: workspace.target(),
            original: workspace.root().into(),
            programs: workspace.scratch("scratch-programs"),
            _lock: lock(&workspace.scratch("scratch.lock"))?,
        };
        PARTS.iter().try_for_each(|part| scratch.copy(part))?;
        scratch.manifests()?;
        fs::create_dir_all(&scratch.programs).map_err(Error::io("create", &scratch.programs))?;
        Ok(scratch)
    }

    /// Builds some graded checks of a mutant, as a program that the next build does not touch. The outer error is cargo's.
    pub fn plant(&self, stage: &Stage, mutant: &Mutant, checks: &[String]) -> Result<Planted, Error> {
        let solution = format!("solutions/{}", stage.id);
        let folder = self.root.join(INSIDE).join(&solution);
        let changed = match mutant.apply(&folder) {
            Ok(changed) => changed,
            Err(why) => return Ok(Err(why)),
        };
        for (path, text) in &changed {
            files::update(&folder.join(path), text.as_bytes())?;
        }
        self.leave_out_modules(stage, checks)?;
        let built = cargo::graded(&self.root, &stage.solution, &self.target);
        self.copy(&solution)?;
        match built? {
            Ok(graded) => self.keep(&graded, &mutant.name).map(Ok),
            Err(errors) => Ok(Err(format!("it does not compile:\n{errors}"))),
        }
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
    fn keep(&self, graded: &Graded, name: &str) -> Result<PathBuf, Error> {
        let folder = self.programs.join(name);
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let keep = |program: &PathBuf| {
            let kept = folder.join(program.file_name().unwrap_or_default());
            fs::copy(program, &kept).map_err(Error::io("copy", program)).map(|_| kept)
        };
        graded.programs.iter().map(keep).collect::<Result<Vec<_>, _>>()?;
        keep(&graded.executable)
    }

    /// Makes one part of the copy like the original: changed files are written, files without an original are removed.
    fn copy(&self, part: &str) -> Result<(), Error> {
        let originals = sources(&self.original.join(part))?;
        let wanted: BTreeSet<PathBuf> = originals.iter().map(|path| self.place(path)).collect();
        for path in sources(&self.root.join(INSIDE).join(part))?.iter().filter(|path| !wanted.contains(*path)) {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
        for path in &originals {
            files::update(&self.place(path), &fs::read(path).map_err(Error::io("read", path))?)?;
        }
        Ok(())
    }

    fn place(&self, original: &Path) -> PathBuf {
        let below = original.strip_prefix(&self.original).expect("originals lie in the workspace");
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
