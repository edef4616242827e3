//! What changed solutions are changes of: the reference, or another complete and correct solution of the stage.
//!
//! A check that was tried on one way to write a program only may be blind to the same misconception in another. So a stage has more
//! bases than its reference: `solutions/N/bases/NAME/` has the files of `src` that are written differently there, and its own
//! `bugs/*.patch`. A patch that has the name of a bug of the reference plants the same misconception, and needs no preamble; whatever its preamble says
//! instead holds for this base. A base stands on the base of the same name of each stage that its stage is built on, where there is one.
//!
//! A base is built from a folder of its own in the target directory: the solution with the base's files in place of the reference's.

use std::fs;
use std::path::{Path, PathBuf};

use super::mutant::{self, Mutant};
use super::reach;
use crate::commands::dev::files;
use crate::error::Error;
use crate::manifest::Stage;
use crate::workspace::Workspace;

/// One complete solution of a stage.
#[derive(Debug, Clone)]
pub struct Base {
    /// Its name; the reference has none.
    pub name: Option<String>,
    /// The folder of the whole solution, first, and of the earlier solutions that it is built on, each with the stage's folder name.
    folders: Vec<(String, PathBuf)>,
    /// Its bugs and variants.
    pub mutants: Vec<Mutant>,
}

impl Base {
    /// The reference of a stage.
    pub fn reference(workspace: &Workspace, stage: &Stage) -> Result<Self, Error> {
        let solution = workspace.solution(&stage.id);
        let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folders = reach::with_earlier(&solution)?.into_iter().map(|folder| (name(&folder), folder)).collect();
        Ok(Self { name: None, folders, mutants: mutant::load(&solution)? })
    }

    /// The reference of a stage, and its other bases, in the order of their names.
    pub fn all(workspace: &Workspace, stage: &Stage) -> Result<Vec<Self>, Error> {
        let reference = Self::reference(workspace, stage)?;
        let names = names(&workspace.solution(&stage.id))?;
        let others: Vec<Self> =
            names.iter().map(|name| Self::other(workspace, stage, &reference, name)).collect::<Result<_, _>>()?;
        Ok([vec![reference], others].concat())
    }

    fn other(workspace: &Workspace, stage: &Stage, reference: &Self, name: &str) -> Result<Self, Error> {
        let bugs = workspace.solution(&stage.id).join("bases").join(name);
        let whole = Mutant::whole(name, &bugs);
        let mutants = mutant::load_planted(&bugs, &reference.mutants)?;
        let folders = reference.folders.iter().map(|(stage, solution)| {
            let own = solution.join("bases").join(name);
            let folder = workspace.scratch("scratch-bases").join(name).join(stage);
            let folder = if own.is_dir() { overlay(solution, &own, folder)? } else { solution.clone() };
            Ok((stage.clone(), folder))
        });
        let folders = folders.collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { name: Some(name.to_owned()), folders, mutants: [vec![whole], mutants].concat() })
    }

    /// The folder of the solution.
    pub fn folder(&self) -> &Path {
        &self.folders[0].1
    }

    /// The folders of the solution, first, and of the earlier solutions, each with the stage's folder name.
    pub fn folders(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.folders.iter().map(|(stage, folder)| (&**stage, &**folder))
    }

    /// The folders that take the place of a solution, by the stage's folder name.
    pub fn replaced(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.folders().filter(|_| self.name.is_some())
    }

    /// What it is called among those of all stages.
    pub fn shown(&self, stage: &Stage) -> String {
        self.name.as_ref().map_or(stage.id.clone(), |name| format!("{}, base {name}", stage.id))
    }

    /// What a mutant is called among those of all bases of a stage.
    pub fn qualified(&self, mutant: &Mutant) -> String {
        self.name.as_ref().map_or(mutant.name.clone(), |name| format!("{name}/{}", mutant.name))
    }
}

fn names(solution: &Path) -> Result<Vec<String>, Error> {
    let folder = solution.join("bases");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).map_err(Error::io("read", &folder))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.is_dir()))
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Makes a folder hold the sources of a solution with some files in place of others.
fn overlay(solution: &Path, own: &Path, folder: PathBuf) -> Result<PathBuf, Error> {
    let (theirs, ours) = (files::below(&solution.join("src"))?, files::below(&own.join("src"))?);
    let inside = |base: &Path, file: &Path| folder.join(file.strip_prefix(base).expect("it lies below its folder"));
    let copies = theirs.iter().map(|file| (inside(solution, file), file));
    let copies: std::collections::BTreeMap<PathBuf, &PathBuf> =
        copies.chain(ours.iter().map(|file| (inside(own, file), file))).collect();
    for old in files::below(&folder)?.iter().filter(|old| !copies.contains_key(*old)) {
        fs::remove_file(old).map_err(Error::io("remove", old))?;
    }
    for (copy, file) in &copies {
        files::update(copy, &fs::read(file).map_err(Error::io("read", file))?)?;
    }
    Ok(folder)
}
