//! `cargo course credit`: who or what has helped with a task, written down by the learner.
//!
//! Nothing enforces it. It is there for the talk between a learner and a mentor, which goes better when both know what is whose.

use crate::error::{Error, Exit};
use crate::guide::titled;
use crate::manifest::Course;
use crate::progress::Progress;
use crate::style::{GOOD, TYPE, paint, say};
use crate::workspace::Workspace;

/// Write down what help you had with a task: from an assistant, a colleague, a text
#[derive(clap::Args)]
pub struct Args {
    /// A task
    task: String,
    /// What the help was, in a sentence; without it, what you have written down so far is shown
    sentence: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let (_, task) = course.task(&args.task)?;
    let Some(sentence) = &args.sentence else {
        let progress = Progress::load(workspace)?;
        let known = progress.record(task).map_or(&[][..], |record| &record.help);
        say(format!("\n{}", titled(task)));
        known.iter().for_each(|help| say(format!("  {help}")));
        if known.is_empty() {
            let example = format!("cargo course credit {} \"an assistant read my failing run with me\"", task.id);
            say(format!("  No help is written down yet. For instance: {}", paint(TYPE, example)));
        }
        say("");
        return Ok(Exit::Fine);
    };
    let help = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    if help.is_empty() {
        return Err(Error::Usage(format!("Say in a sentence what the help with `{}` was.", task.id)));
    }
    Progress::change(workspace, |progress| progress.record_mut(task).help.push(help))?;
    say(format!("{} written down for `{}`. It takes no points away.", paint(GOOD, "ok"), task.id));
    Ok(Exit::Fine)
}
