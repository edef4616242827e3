//! `cargo course dev starters`: writes what learners start from.
//!
//! Nobody edits a starter by hand. Each file under `exercises/N/src` is made from the file of the same name under
//! `solutions/N/src`: Rust files by [`derive`], all others as they are. What has no counterpart any more is removed.

mod derive;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use derive::{DeriveError, derive, filled, watched, written};

use super::files;
use crate::error::{Error, Exit};
use crate::manifest::Course;
use crate::style::{self, GOOD, paint};
use crate::workspace::Workspace;

/// Write the exercises' `src` from the solutions' marks
#[derive(clap::Args)]
pub struct Args {
    /// Write even where a learner's record lies beside the exercises: their code in `src` is lost
    #[arg(long)]
    force: bool,
}

/// A file of a starter as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Starter {
    /// Where it belongs, in full.
    pub path: PathBuf,
    /// What it should hold.
    pub text: Vec<u8>,
}

/// A file of a starter that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub enum Stale {
    /// The solution has changed since, or the starter was edited.
    Differs(PathBuf),
    /// The solution has a file that the starter lacks.
    Missing(PathBuf),
    /// The starter has a file that the solution lacks.
    Orphan(PathBuf),
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    if workspace.record().is_dir() && !args.force {
        return Err(Error::Usage(format!(
            "`{}` shows that a learner works on the exercises here, and starters would overwrite that work. \
             `cargo course reset` puts one task back; `--force` overwrites all.",
            workspace.shown(&workspace.record())
        )));
    }
    let course = Course::load(workspace)?;
    let mut mended = 0;
    for stage in &course.stages {
        for stale in write(workspace, &stage.id)? {
            style::say(stale.sentence(workspace));
            mended += 1;
        }
    }
    style::say(match mended {
        0 => format!("{} every starter was current.", paint(GOOD, "ok")),
        1 => format!("{} one file mended.", paint(GOOD, "ok")),
        count => format!("{} {count} files mended.", paint(GOOD, "ok")),
    });
    Ok(Exit::Fine)
}

impl Stale {
    /// Which file it is.
    pub fn path(&self) -> &Path {
        match self {
            Stale::Differs(path) | Stale::Missing(path) | Stale::Orphan(path) => path,
        }
    }

    fn sentence(&self, workspace: &Workspace) -> String {
        let done = match self {
            Stale::Differs(_) => "rewritten",
            Stale::Missing(_) => "made",
            Stale::Orphan(_) => "removed",
        };
        format!("{done:>9}  {}", workspace.shown(self.path()))
    }
}

/// All files of a stage's starter, as the solution wants them, formatted.
pub fn starters(workspace: &Workspace, stage: &str) -> Result<Vec<Starter>, Error> {
    let source = workspace.solution(stage).join("src");
    let target = workspace.exercises().join(stage).join("src");
    let starter = |path: PathBuf| {
        let relative = path.strip_prefix(&source).expect("the walk began there");
        Ok(Starter { path: target.join(relative), text: starter(workspace, &path)? })
    };
    files::below(&source)?.into_iter().map(starter).collect()
}

/// The starter of one solution's file, formatted.
pub fn starter(workspace: &Workspace, solution: &Path) -> Result<Vec<u8>, Error> {
    let text = fs::read(solution).map_err(Error::io("read", solution))?;
    if solution.extension().is_none_or(|extension| extension != "rs") {
        return Ok(text);
    }
    let wrong = |why: String| Error::Course(format!("{}: {why}", workspace.shown(solution)));
    let text = String::from_utf8(text).map_err(|_| wrong("is not UTF-8".into()))?;
    let starter = derive(&text).map_err(|error| wrong(error.to_string()))?;
    format(workspace.root(), &starter).map_err(|why| wrong(format!("its starter cannot be formatted. {why}")))
}

/// Which files of a stage's starter are not as they should be. Nothing is written.
pub fn stale(workspace: &Workspace, stage: &str) -> Result<Vec<Stale>, Error> {
    let wanted = starters(workspace, stage)?;
    let mut stale: Vec<Stale> = wanted.iter().filter_map(Starter::stale).collect();
    let orphan = |path: &PathBuf| !wanted.iter().any(|starter| starter.path == *path);
    let there = files::below(&workspace.exercises().join(stage).join("src"))?;
    stale.extend(there.into_iter().filter(orphan).map(Stale::Orphan));
    Ok(stale)
}

/// Makes a stage's starter as it should be, and says what was changed.
pub fn write(workspace: &Workspace, stage: &str) -> Result<Vec<Stale>, Error> {
    let stale = stale(workspace, stage)?;
    for starter in starters(workspace, stage)? {
        if stale.iter().any(|stale| stale.path() == starter.path) {
            files::write(&starter.path, &starter.text)?;
        }
    }
    for stale in &stale {
        if let Stale::Orphan(path) = stale {
            fs::remove_file(path).map_err(Error::io("remove", path))?;
        }
    }
    Ok(stale)
}

impl Starter {
    fn stale(&self) -> Option<Stale> {
        match fs::read(&self.path) {
            Ok(text) if text == self.text => None,
            Ok(_) => Some(Stale::Differs(self.path.clone())),
            Err(_) => Some(Stale::Missing(self.path.clone())),
        }
    }
}

/// What rustfmt makes of a text, under the workspace's rules.
fn format(root: &Path, text: &str) -> Result<Vec<u8>, String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("Starting rustfmt: {error}. Install it with `rustup component add rustfmt`."))?;
    let stdin = rustfmt.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(text.as_bytes())));
        rustfmt.wait_with_output()
    });
    let output = output.map_err(|error| format!("Running rustfmt: {error}."))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(format!("rustfmt says: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_closes_gaps_and_breaks_long_instructions() {
        let instruction = "Count each server's answer once; go on when a majority has answered, ".repeat(2);
        let derived = format!("fn a() {{\n    b();\n\n\n\n    todo!(\"{instruction}\")\n}}\n");
        let formatted = String::from_utf8(format(Path::new(env!("CARGO_MANIFEST_DIR")), &derived).unwrap()).unwrap();
        assert!(formatted.contains("b();\n\n    todo!(\n"), "{formatted}");
    }

    #[test]
    fn a_derived_starter_is_formatted_already() {
        let long =
            "Count each server's answer once; go on when a majority has answered, and not before that has happened.";
        let solution = format!(
            "//! Essay.\n\n//# private\nuse std::mem;\n//# end\n\nfn a() {{\n    //# hole: {long} \\o/\n    b();\n    //# end\n\n    \
             b();\n}}\n\n//# private\nfn b() {{}}\n//# end\n\nfn c() {{\n    //# private\n    b();\n    //# end\n\n    b();\n}}\n"
        );
        let derived = derive(&solution).unwrap();
        let formatted = format(Path::new(env!("CARGO_MANIFEST_DIR")), &derived).unwrap();
        assert_eq!(String::from_utf8(formatted).unwrap(), derived);
    }

    #[test]
    fn what_rustfmt_refuses_is_an_error_with_its_words() {
        let refused = format(Path::new(env!("CARGO_MANIFEST_DIR")), "fn a( {").unwrap_err();
        assert!(refused.starts_with("rustfmt says: error"), "{refused}");
    }
}
