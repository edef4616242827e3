//! Counterexamples as figures of the book, drawn from the run that a check found and never by hand.
//!
//! A page that includes `traces/NAME.svg` asks for the counterexample of the bug NAME; nothing else says which figures there are.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::trace::{Trace, svg};

use super::{Mutant, files};
use crate::error::Error;
use crate::manifest::Stage;
use crate::runner::test_path;
use crate::workspace::Workspace;

/// Where a check of a mutant leaves its trace.
pub fn traces(workspace: &Workspace, stage: &Stage, mutant: &Mutant) -> PathBuf {
    workspace.scratch("scratch-traces").join(&stage.id).join(&mutant.name)
}

/// Draws the counterexamples that the pages of a stage ask for. Says which could not be drawn.
pub fn draw<'m>(
    workspace: &Workspace,
    stage: &Stage,
    mutants: impl Iterator<Item = &'m Mutant>,
) -> Result<Vec<String>, Error> {
    let pages = workspace.root().join("book/src").join(&stage.id);
    let texts = texts(&pages)?;
    let mut complaints = Vec::new();
    for mutant in mutants {
        let figure = format!("traces/{}.svg", mutant.name);
        if !texts.iter().any(|text| text.contains(&figure)) {
            continue;
        }
        match mutant.caught_by().first().and_then(|check| counterexample(workspace, stage, mutant, check)) {
            Some(trace) => {
                files::update(&pages.join(figure), svg::render(&trace).as_bytes())?;
            }
            None => {
                complaints.push(format!("`{}` has no counterexample to draw, and a page asks for it.", mutant.name))
            }
        }
    }
    Ok(complaints)
}

fn counterexample(workspace: &Workspace, stage: &Stage, mutant: &Mutant, check: &str) -> Option<Trace> {
    let file = format!("{}.json", test_path(check).replace("::", "."));
    let mut trace = Trace::load(&traces(workspace, stage, mutant).join(file)).ok()?;
    trace.stage.clone_from(&stage.id);
    Some(trace)
}

fn texts(pages: &Path) -> Result<Vec<String>, Error> {
    let pages = files::below(pages)?;
    let pages = pages.iter().filter(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.map(|page| fs::read_to_string(page).map_err(Error::io("read", page))).collect()
}
