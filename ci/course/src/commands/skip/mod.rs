//! `cargo course skip`: later stages stand on the reference of a stage, and on the learner's own code again.
//!
//! What is changed, and what a skipped stage is, stands in [`ground`]. Only manifests of exercises are written, each whole or not at
//! all, and none before all are known to be fit for it.

mod edit;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::commands::reset::replace;
use crate::error::{Error, Exit};
use crate::manifest::ground::{self, Ground};
use crate::manifest::{Course, Stage};
use crate::style::{FAINT, GOOD, TYPE, WARN, paint, say};
use crate::workspace::Workspace;

/// Let later stages stand on the reference solution of a stage, or on your own code again.
///
/// Your code stays as it is, and so do your points: a stage that is skipped can still be worked on and checked, and earns nothing
/// by being skipped. What changes is a line in the Cargo.toml of each later stage that uses this one.
#[derive(clap::Args)]
pub struct Args {
    /// A stage (`cap`, `1-cap` or `1`).
    pub stage: String,
    /// Go back: later stages stand on your own code again.
    #[arg(long)]
    pub undo: bool,
}

/// A manifest as it will be.
struct Change {
    file: PathBuf,
    text: String,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let stage = find(&args.stage, &course)?;
    let users: Vec<&Stage> = course.users(stage).collect();
    if users.is_empty() {
        return Err(Error::Usage(format!(
            "No later stage uses your code of stage {}, so there is nothing to skip: start with any of their tasks. \
             `cargo course` lists them.",
            stage.number()
        )));
    }
    let mut skipped: Vec<&Stage> = course.skipped().into_iter().filter(|other| other.id != stage.id).collect();
    skipped.extend((!args.undo).then_some(stage));
    let changes = changes(workspace, &course, &skipped)?;
    for change in &changes {
        replace(&change.file, &change.text)?;
    }
    if !changes.is_empty() {
        settle_lock_file(workspace);
    }
    let now = |changed: &'static str| if changes.is_empty() { "already" } else { changed };
    if args.undo {
        tell_undo(&course, stage, &users, &skipped, now("again"));
    } else {
        tell_skip(&course, stage, &users, now("from now on"));
    }
    Ok(Exit::Fine)
}

fn find<'c>(name: &str, course: &'c Course) -> Result<&'c Stage, Error> {
    match (course.stage(name), course.task(name)) {
        (None, Ok((stage, task))) => Err(Error::Usage(format!(
            "`{}` is a task, and only a whole stage can be skipped: `cargo course skip {}`. For the task, there is `cargo course hint {}`.",
            task.id,
            stage.short(),
            task.id
        ))),
        _ => course.named_stage(name),
    }
}

/// The manifests that have to change so that these stages are skipped and no others.
fn changes(workspace: &Workspace, course: &Course, skipped: &[&Stage]) -> Result<Vec<Change>, Error> {
    let is_skipped = |stage: &Stage| skipped.iter().any(|other| other.id == stage.id);
    let mut changes = Vec::new();
    for stage in &course.stages {
        let file = stage.manifest();
        let before = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
        let mut text = before.clone();
        for (other, now) in course.below(stage) {
            let on_reference = is_skipped(other) || course.bringing(stage, other, is_skipped).is_some();
            let wanted = if on_reference { Ground::Reference } else { Ground::Own };
            if now != wanted {
                let changed =
                    Some(now).filter(|now| *now != Ground::ByHand).and_then(|_| edit::stand_on(&text, other, wanted));
                text = changed.ok_or_else(|| by_hand(workspace, stage, other))?;
            }
        }
        changes.extend((text != before).then_some(Change { file, text }));
    }
    Ok(changes)
}

fn by_hand(workspace: &Workspace, stage: &Stage, other: &Stage) -> Error {
    let (path, _) = ground::place(other, Ground::Own);
    Error::Usage(format!(
        "In {}, the dependency `{2}` was changed by hand, so nothing was touched. Write `{2} = {{ path = \"{path}\" }}` there, \
         and run `cargo course skip {1}` again.",
        workspace.shown(&stage.manifest()),
        other.short(),
        other.package,
    ))
}

/// Has cargo write the new dependencies into `Cargo.lock` now, so that one commit holds both. If it cannot, the next build does it.
fn settle_lock_file(workspace: &Workspace) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["update", "--workspace", "--offline"]).current_dir(workspace.root()).stdin(Stdio::null());
    let _ = cargo.output();
}

/// What the later stages stand on now, and what comes next.
fn tell_skip(course: &Course, stage: &Stage, users: &[&Stage], now: &str) {
    say(format!(
        "{} {} on {} {now}.",
        paint(GOOD, "✓"),
        capital(&ground::stand(users)),
        ground::reference_of(&[stage])
    ));
    let used = users.iter().flat_map(|user| course.below(user).map(move |(other, _)| (user, other)));
    let brings = |(user, other): &(&&Stage, &Stage)| course.bringing(user, other, |it| it.id == stage.id).is_some();
    let mut brought: Vec<&Stage> = used.filter(brings).map(|(_, other)| other).collect();
    brought.dedup_by_key(|stage| &stage.id);
    if !brought.is_empty() {
        say(format!("  It brings along {}, which it is built on.", ground::reference_of(&brought)));
    }
    let number = stage.number();
    say(format!(
        "  Your own code of stage {number} is untouched, and you can still work on it. {} goes back.",
        undo(stage)
    ));
    next("cargo course");
}

/// The same for the way back, after which these stages are skipped.
fn tell_undo(course: &Course, stage: &Stage, users: &[&Stage], skipped: &[&Stage], now: &str) {
    let is_skipped = |stage: &Stage| skipped.iter().any(|other| other.id == stage.id);
    let bringing = |user: &Stage| course.bringing(user, stage, is_skipped);
    let (kept, free): (Vec<&Stage>, Vec<&Stage>) = users.iter().partition(|user| bringing(user).is_some());
    if let Some((first, by)) = kept.first().and_then(|user| Some((user, bringing(user)?))) {
        let (reference, by_reference) = (ground::reference_of(&[stage]), ground::reference_of(&[by]));
        let ends = undo(by);
        say(format!(
            "{} {} on {reference}, because {by_reference} is built on it. {ends} ends that.",
            paint(WARN, "!"),
            capital(&ground::stand(&kept))
        ));
        if free.is_empty() {
            return next(&format!("cargo course check {}", first.short()));
        }
    }
    say(format!(
        "{} {} on your own code of stage {} {now}.",
        paint(GOOD, "✓"),
        capital(&ground::stand(&free)),
        stage.number()
    ));
    next(&format!("cargo course check {}", free[0].short()));
}

fn undo(stage: &Stage) -> impl std::fmt::Display {
    paint(TYPE, format!("cargo course skip {} --undo", stage.short()))
}

fn next(command: &str) {
    say(format!("  {} {}", paint(FAINT, "Next:"), paint(TYPE, command)));
}

/// With a capital letter.
fn capital(text: &str) -> String {
    text[..1].to_uppercase() + &text[1..]
}
