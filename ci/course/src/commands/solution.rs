//! `cargo course solution`: the reference, as a difference to one's own code.

use std::fs;

use similar::{ChangeTag, TextDiff};

use crate::error::{Error, Exit};
use crate::guide::{self, Next};
use crate::manifest::Course;
use crate::progress::{Prints, Progress, Standing};
use crate::style::{BAD, FAINT, GOOD, STRONG, paint, say};
use crate::workspace::Workspace;

/// How many unchanged lines surround a change.
const CONTEXT: usize = 3;

/// Show the reference beside your own code, once you have passed.
#[derive(clap::Args)]
pub struct Args {
    /// A task; without one, the task that you passed last.
    pub name: Option<String>,
    /// Show it although you have not passed yet.
    #[arg(long)]
    pub spoil: bool,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let progress = Progress::load(workspace)?;
    let Next { stage, task, standing } = choose(args, &course, &progress, workspace)?;
    if standing == Standing::Open && !args.spoil {
        let id = &task.id;
        return Err(Error::Usage(format!(
            "You have not passed `{id}` yet. `cargo course hint {id}` helps; `cargo course solution {id} --spoil` shows \
             the reference anyway."
        )));
    }
    if task.files.is_empty() {
        let says = "there is nothing to write in it: it tries what the tasks before it have led to. Name one of them.";
        return Err(Error::Usage(format!("`{}` has no solution, since {says}", task.id)));
    }
    for file in &task.files {
        let (own, reference) = (stage.folder.join(file), workspace.solution(&stage.id).join(file));
        let theirs = fs::read_to_string(&reference).map_err(Error::io("read", &reference))?;
        let yours = fs::read_to_string(&own).unwrap_or_default();
        say(format!("\n{} {}", paint(BAD, "- yours:    "), workspace.shown(&own)));
        say(format!("{} {}\n", paint(GOOD, "+ reference:"), workspace.shown(&reference)));
        say(difference(&yours, &without_marks(&theirs)));
    }
    Progress::change(workspace, |progress| progress.record_mut(task).solution_seen = true)?;
    say(paint(FAINT, "Another correct program may look nothing like this one."));
    Ok(Exit::Fine)
}

/// The task that was named; else the one passed last; else, for who insists, the next one.
fn choose<'c>(args: &Args, course: &'c Course, progress: &Progress, workspace: &Workspace) -> Result<Next<'c>, Error> {
    let prints = Prints::take(course, workspace);
    let passed_at = |id: &Next| progress.record(id.task).and_then(|record| record.passed_at.clone());
    let all = course.tasks().map(|(stage, task)| Next { stage, task, standing: progress.standing(&prints, task) });
    let last = || all.filter(|next| next.standing != Standing::Open).max_by_key(passed_at);
    let chosen = match (&args.name, args.spoil) {
        (Some(name), _) => guide::named_or_next(course, progress, &prints, Some(name))?,
        (None, true) => guide::next(course, progress, &prints).or_else(last),
        (None, false) => last(),
    };
    chosen.ok_or_else(|| {
        Error::Usage(
            "You have not passed a task yet. `cargo course` shows the next one, `cargo course hint` helps.".into(),
        )
    })
}

/// The solution's text without the marks that starters are derived by.
fn without_marks(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.trim_start().starts_with("//#")).collect()
}

fn difference(yours: &str, theirs: &str) -> String {
    let diff = TextDiff::from_lines(yours, theirs);
    let mut text = String::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            text.push_str(&format!("{}\n", paint(FAINT, "  ⋯")));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Delete => paint(BAD, format!("- {line}")).to_string(),
                ChangeTag::Insert => paint(GOOD, format!("+ {line}")).to_string(),
                ChangeTag::Equal => format!("  {line}"),
            };
            text.push_str(&line);
            text.push('\n');
        }
    }
    if text.is_empty() { format!("{}\n", paint(STRONG, "  No difference.")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::{difference, without_marks};

    #[test]
    fn marks_are_not_shown() {
        assert_eq!(without_marks("a\n    //# hole: Do it.\n    b\n    //# end\nc"), "a\n    b\nc");
    }

    #[test]
    fn a_difference_shows_both_sides() {
        let plain = anstream::adapter::strip_str(&difference("a\nb\n", "a\nc\n")).to_string();
        assert_eq!(plain, "  a\n- b\n+ c\n");
        assert!(difference("a\n", "a\n").contains("No difference."));
    }
}
