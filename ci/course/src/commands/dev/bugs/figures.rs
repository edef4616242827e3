//! Counterexamples as figures of the book: the run that a check found, and never drawn by hand.
//!
//! A page with the line `{{#trace NAME}}` asks for the counterexample of the bug NAME; nothing else says which figures there
//! are. It is recorded as `traces/NAME.json` beside the page.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::trace::Trace;

use super::{Mutant, files};
use crate::book::widgets;
use crate::error::Error;
use crate::manifest::Stage;
use crate::runner::test_path;
use crate::workspace::Workspace;

/// Where a check of a mutant leaves its trace. The mutant goes by its name among those of all bases.
pub fn traces(workspace: &Workspace, stage: &Stage, mutant: &str) -> PathBuf {
    workspace.scratch("scratch-traces").join(&stage.id).join(mutant)
}

/// Records the counterexamples that the pages of a stage ask for. Says which could not be.
pub fn record<'m>(
    workspace: &Workspace,
    stage: &Stage,
    mutants: impl Iterator<Item = &'m Mutant>,
) -> Result<Vec<String>, Error> {
    let mut complaints = Vec::new();
    for mutant in asked_for(workspace, stage, mutants)? {
        match counterexample(workspace, stage, mutant) {
            Some(trace) => {
                trace.save(&file(workspace, stage, mutant)).map_err(|error| Error::Course(error.to_string()))?
            }
            None => {
                complaints.push(format!("`{}` has no counterexample to show, and a page asks for it.", mutant.name))
            }
        }
    }
    Ok(complaints)
}

/// The bugs whose recorded counterexample is not the one that their check has just found.
pub fn stale<'m>(
    workspace: &Workspace,
    stage: &Stage,
    mutants: impl Iterator<Item = &'m Mutant>,
) -> Result<Vec<&'m Mutant>, Error> {
    let asked_for = asked_for(workspace, stage, mutants)?.into_iter();
    let is_stale = |mutant: &&Mutant| {
        let recorded = Trace::load(&file(workspace, stage, mutant)).ok();
        recorded.is_none() || recorded != counterexample(workspace, stage, mutant)
    };
    Ok(asked_for.filter(is_stale).collect())
}

/// Where the counterexample that the book shows of a bug is recorded, if it shows one.
pub fn file(workspace: &Workspace, stage: &Stage, mutant: &Mutant) -> PathBuf {
    workspace.book().join("src").join(&stage.id).join("traces").join(format!("{}.json", mutant.name))
}

/// The bugs whose counterexample some page of the stage shows.
fn asked_for<'m>(
    workspace: &Workspace,
    stage: &Stage,
    mutants: impl Iterator<Item = &'m Mutant>,
) -> Result<Vec<&'m Mutant>, Error> {
    let texts = texts(&workspace.book().join("src").join(&stage.id))?;
    Ok(mutants.filter(|mutant| texts.iter().any(|text| widgets::has(text, "trace", &mutant.name))).collect())
}

/// The run by which the first check that must catch it did so.
fn counterexample(workspace: &Workspace, stage: &Stage, mutant: &Mutant) -> Option<Trace> {
    let check = mutant.caught_by().first()?;
    let file = format!("{}.json", test_path(check).replace("::", "."));
    let mut trace = Trace::load(&traces(workspace, stage, &mutant.name).join(file)).ok()?;
    trace.stage.clone_from(&stage.id);
    Some(trace)
}

fn texts(pages: &Path) -> Result<Vec<String>, Error> {
    let pages = files::below(pages)?;
    let pages = pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.map(|page| fs::read_to_string(page).map_err(Error::io("read", page))).collect()
}
