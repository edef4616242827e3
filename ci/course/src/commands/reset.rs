//! `cargo course reset`: puts the starter back, and keeps what was there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::commands::dev::starters;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Stage, nearest};
use crate::style::{FAINT, GOOD, WARN, paint, say};
use crate::workspace::Workspace;

/// Put the starter of a task or a file back. Your own version is kept under `.course/backup`.
#[derive(clap::Args)]
pub struct Args {
    /// A task (`abd`), or a file (`exercises/1-cap/src/abd.rs`).
    pub what: String,
    /// Show what would be done, and what the starter looks like, without doing it.
    #[arg(long)]
    pub dry_run: bool,
}

/// A file of a stage, relative to the stage's folder.
struct Place<'c> {
    stage: &'c Stage,
    file: String,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let backup = workspace.record().join("backup").join(clock::stamp());
    let task = course.task(&args.what).ok();
    for place in find(&args.what, &course)? {
        let own = place.stage.folder.join(&place.file);
        let starter = place.starter(workspace)?;
        let shown = workspace.shown(&own);
        if fs::read_to_string(&own).is_ok_and(|text| text == starter) {
            say(format!("{} {shown} is the starter already.", paint(GOOD, "✓")));
        } else if args.dry_run {
            say(format!("{} would be this:\n\n{starter}", paint(WARN, shown)));
        } else {
            if own.is_file() {
                let kept = backup.join("exercises").join(&place.stage.id).join(&place.file);
                keep(&own, &kept, workspace)?;
                say(format!("Your version is kept in {}", workspace.shown(&kept)));
            }
            replace(&own, &starter)?;
            say(format!("{} {shown} is the starter again.", paint(GOOD, "✓")));
        }
        if task.is_some() {
            place.others(&args.what).iter().for_each(|line| say(paint(FAINT, line)));
        }
    }
    Ok(Exit::Fine)
}

fn find<'c>(what: &str, course: &'c Course) -> Result<Vec<Place<'c>>, Error> {
    if let Ok((stage, task)) = course.task(what) {
        if task.files.is_empty() {
            let says = format!(
                "`{what}` has no file of its own: it tries what the tasks before it have led to. Name one of them."
            );
            return Err(Error::Usage(says));
        }
        return Ok(task.files.iter().map(|file| Place { stage, file: file.clone() }).collect());
    }
    match course.stages.iter().find_map(|stage| stage_file(stage, Path::new(what))) {
        Some(place) => Ok(vec![place]),
        None => Err(Error::Unknown {
            what: "task or file",
            name: what.into(),
            nearest: nearest(
                what,
                course.tasks().flat_map(|(_, task)| task.files.iter().chain([&task.id])).map(String::as_str),
            ),
            list: "cargo course",
        }),
    }
}

/// The file of a stage that a path means: from here, from the workspace's root, or from the stage's folder.
fn stage_file<'c>(stage: &'c Stage, path: &Path) -> Option<Place<'c>> {
    let from_here = std::env::current_dir().unwrap_or_default().join(path);
    let from_root = stage.folder.parent()?.parent()?.join(path);
    let candidates: [PathBuf; 3] = [from_here, from_root, stage.folder.join(path)];
    let inside = candidates.iter().filter_map(|path| path.strip_prefix(&stage.folder).ok());
    let known = inside.map(|file| file.to_string_lossy().into_owned()).find(|file| {
        file.starts_with("src/")
            && (stage.folder.join(file).is_file() || stage.tasks.iter().any(|task| task.files.contains(file)))
    });
    known.map(|file| Place { stage, file })
}

impl Place<'_> {
    /// The starter's text, derived from the solution.
    fn starter(&self, workspace: &Workspace) -> Result<String, Error> {
        let reference = workspace.solution(&self.stage.id).join(&self.file);
        if !reference.is_file() {
            let text = format!("{} is a file of your own: the course has no starter for it.", self.file);
            return Err(Error::Usage(text));
        }
        let text = fs::read_to_string(&reference).map_err(Error::io("read", &reference))?;
        starters::derive(&text).map_err(|why| {
            let shown = workspace.shown(&reference);
            Error::Course(format!("No starter can be made from {shown}: {why} Please report this."))
        })
    }

    /// Other tasks whose work stands in the same file.
    fn others(&self, asked: &str) -> Vec<String> {
        let shares = self.stage.tasks.iter().filter(|task| !task.is_called(asked) && task.files.contains(&self.file));
        shares.map(|task| format!("  The file also holds the task `{}`.", task.id)).collect()
    }
}

/// Copies a file to where it is kept, in the record's folder.
fn keep(from: &Path, to: &Path, workspace: &Workspace) -> Result<(), Error> {
    workspace.open_record()?;
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    fs::copy(from, to).map_err(Error::io("write", to))?;
    Ok(())
}

/// Writes a file whole, or leaves the old one as it was.
pub fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let unfinished = path.with_extension("part");
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    fs::write(&unfinished, text).map_err(Error::io("write", &unfinished))?;
    fs::rename(&unfinished, path).map_err(Error::io("write", path))
}
