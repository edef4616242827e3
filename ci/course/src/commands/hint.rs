//! `cargo course hint`: one more step each time, from a nudge to nearly the answer.

use crate::error::{Error, Exit};
use crate::guide;
use crate::manifest::{Course, Task};
use crate::progress::{Prints, Progress};
use crate::style::{FAINT, TYPE, paint, say};
use crate::workspace::Workspace;

/// Show one more hint for the next open task, or for the task that you name.
#[derive(clap::Args)]
pub struct Args {
    /// A task.
    pub name: Option<String>,
    /// Show all hints, down to the last.
    #[arg(long)]
    pub all: bool,
    /// Show the hints that you have seen already, and no new one.
    #[arg(long, conflicts_with = "all")]
    pub again: bool,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let progress = Progress::load(workspace)?;
    let prints = Prints::take(&course, workspace);
    let Some(next) = guide::named_or_next(&course, &progress, &prints, args.name.as_deref())? else {
        return Err(Error::Usage("Every task is done. Name the task that you want a hint for.".into()));
    };
    let task = next.task;
    let seen = progress.record(task).map_or(0, |record| record.hints_shown).min(task.hints.len());
    if args.again && seen == 0 {
        let text =
            format!("You have seen no hint for `{0}` yet. `cargo course hint {0}` shows the first one.", task.id);
        return Err(Error::Usage(text));
    }
    let range = match (args.all, args.again) {
        (true, _) => 0..task.hints.len(),
        (_, true) => 0..seen,
        _ => seen.min(task.hints.len().saturating_sub(1))..(seen + 1).min(task.hints.len()),
    };
    let repeats = !args.all && !args.again && seen > 0 && seen == task.hints.len();
    say(format!("\n{}", guide::titled(task)));
    for at in range.clone() {
        let place = paint(FAINT, format!("{} of {}", at + 1, task.hints.len()));
        let heading =
            if repeats { "You have seen all hints. Once more, the last one:".into() } else { format!("Hint {place}") };
        say(format!("\n  {heading}\n  {}", task.hints[at].trim().replace('\n', "\n  ")));
    }
    if range.end > seen {
        Progress::change(workspace, |progress| progress.record_mut(task).hints_shown = range.end)?;
    }
    say(format!("\n{}\n", outlook(task, range.end)));
    Ok(Exit::Fine)
}

/// What comes after a number of hints.
fn outlook(task: &Task, shown: usize) -> String {
    let (says, command) = if shown < task.hints.len() {
        ("One step more:", format!("cargo course hint {}", task.id))
    } else {
        ("That was the last hint. The reference itself:", format!("cargo course solution {} --spoil", task.id))
    };
    format!("{} {}", paint(FAINT, says), paint(TYPE, command))
}
