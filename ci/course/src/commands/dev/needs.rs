//! `cargo course dev needs`: finds out which functions of the learner's each check [needs](crate::needs).
//!
//! The checks run on the reference, in a copy in which each hole begins by telling that it was reached: it writes its function's name into a
//! file beside the running program. So each check runs as a program in a folder of its own. What belongs to later tasks does not count: there
//! a check lets a `todo!` pass. A task that tries several processes, and in which nothing is
//! written, is left out: no two of its runs are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::bugs::{Fate, fates, reference_hash};
use super::{cargo, files, starters};
use crate::bars::spinner;
use crate::copy::{self, Copy, Texts};
use crate::error::{Error, Exit};
use crate::manifest::{Course, Stage};
use crate::needs::{Needs, function, owner};
use crate::style::{self, GOOD, paint};
use crate::workspace::Workspace;

/// What the reference and its checks are built from.
const PARTS: [&str; 3] = ["ci/testkit", "exercises", "solutions"];

/// How the name of a file begins that tells a function which was reached.
const REACHED: &str = "reached-";

/// The module that writes these files, once for each function and process. It is put into the copy, and nowhere else.
const WATCH: &str = r#"
#[allow(missing_docs, unreachable_pub)]
mod reached {
    use std::sync::atomic::{AtomicBool, Ordering};

    pub fn tell(seen: &AtomicBool, file: &str, function: &str) {
        if seen.load(Ordering::Relaxed) || seen.swap(true, Ordering::Relaxed) {
            return;
        }
        let program = std::env::current_exe().expect("a program knows its own path");
        std::fs::write(program.with_file_name(file), function).expect("the folder beside the program can be written to");
    }
}
"#;

const HEAD: &str =
    "# Which functions of the learner's each check needs, written by `cargo course dev needs`. Do not edit it.\n\n";

/// Runs the command.
pub fn run(workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    for stage in &course.stages {
        let bar = spinner(&format!("running the checks of {}", stage.id));
        let needs = measure(workspace, &course, stage)?;
        bar.finish_and_clear();
        let file = Needs::file(workspace, stage);
        let text = toml::to_string_pretty(&needs).map_err(|error| Error::Course(error.to_string()))?;
        let done = if files::update(&file, format!("{HEAD}{text}").as_bytes())? { "written" } else { "current" };
        style::say(format!("{} {} is {done}.", paint(GOOD, "ok"), workspace.shown(&file)));
    }
    Ok(Exit::Fine)
}

/// Runs the checks of a stage on the reference.
pub fn measure(workspace: &Workspace, course: &Course, stage: &Stage) -> Result<Needs, Error> {
    let mut texts = copy::texts(workspace, &PARTS.map(str::to_owned))?;
    course.stages.iter().try_for_each(|stage| watch(workspace, stage, &mut texts))?;
    let copy = Copy::new(workspace, "dev needs", texts)?;
    let graded = cargo::graded(copy.root(), &stage.solution, &workspace.target())?;
    let graded =
        graded.map_err(|errors| Error::Course(format!("the watched reference does not compile:\n{errors}")))?;
    let tasks = stage.tasks.iter().filter(|task| task.has_needs());
    let checks = tasks.flat_map(|task| task.checks.iter().map(move |check| (task, check)));
    let programs = Programs { folder: workspace.scratch("needs-programs"), executable: graded.executable };
    let needs = checks.map(|(task, check)| {
        let mut needs = programs.reached(stage, check)?;
        needs.retain(|function| owner(course, task, function).is_some());
        Ok((check.clone(), needs))
    });
    let needs = needs.collect::<Result<_, Error>>();
    programs.throw_away();
    Ok(Needs::sealed(needs?, &reference_hash(workspace, stage)?))
}

/// Makes each function of a stage's solution that a learner writes tell when it is reached.
fn watch(workspace: &Workspace, stage: &Stage, texts: &mut Texts) -> Result<(), Error> {
    let source = Path::new("solutions").join(&stage.id);
    for (path, text) in texts.iter_mut().filter(|(path, _)| path.starts_with(source.join("src"))) {
        let file = path.strip_prefix(&source).unwrap_or(path).to_string_lossy().into_owned();
        let wrong = |why: String| Error::Course(format!("{}: {why}", workspace.shown(path)));
        if !file.ends_with(".rs") {
            continue;
        }
        let whole = std::str::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
        let watched = starters::watched(whole, |name| telling(&function(stage, &file, name)));
        let root = if file == "src/lib.rs" { WATCH } else { "" };
        *text = (watched.map_err(|error| wrong(error.to_string()))? + root).into_bytes();
    }
    Ok(())
}

/// The statement by which a function tells that it was reached.
fn telling(function: &str) -> String {
    let file = format!("{REACHED}{}", function.replace(['/', ':', ' ', '.'], "-"));
    format!(
        "{{ static SEEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false); \
         crate::reached::tell(&SEEN, {file:?}, {function:?}); }}\n"
    )
}

/// The program with the checks, once for each check.
struct Programs {
    folder: PathBuf,
    executable: PathBuf,
}

impl Programs {
    /// Runs a check, and gives the functions that it has reached.
    fn reached(&self, stage: &Stage, check: &str) -> Result<BTreeSet<String>, Error> {
        let folder = self.folder.join(&stage.id).join(check.replace("::", "-"));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
        }
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let program = folder.join("graded");
        fs::hard_link(&self.executable, &program).map_err(Error::io("link", &self.executable))?;
        let fates = fates(&program, &[check.to_owned()], &folder.join("traces").join(&stage.id));
        if let Some((_, fate)) = fates.iter().find(|(_, fate)| *fate != Fate::Passed) {
            return Err(Error::Course(format!("the reference does not pass `{check}`: {}", fate.shown())));
        }
        let is_reached =
            |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(REACHED));
        let told = files::below(&folder)?.into_iter().filter(is_reached);
        told.map(|file| fs::read_to_string(&file).map_err(Error::io("read", &file))).collect()
    }

    /// What cannot be removed now is replaced by the next run.
    fn throw_away(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
