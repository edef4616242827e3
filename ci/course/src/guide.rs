//! Which task comes next, and what there is to do about it.

use std::path::PathBuf;

use crate::error::Error;
use crate::manifest::{Course, Stage, Task};
use crate::progress::{Progress, Standing};
use crate::style::{FAINT, STRONG, TYPE, paint};
use crate::workspace::Workspace;

/// The one thing to do next.
#[derive(Clone, Copy)]
pub struct Next<'c> {
    /// The task's stage.
    pub stage: &'c Stage,
    /// The task.
    pub task: &'c Task,
    /// How far it is.
    pub standing: Standing,
}

/// The first task that is still open; else the first whose files changed since it passed; else the first open bonus.
pub fn next<'c>(course: &'c Course, progress: &Progress) -> Option<Next<'c>> {
    let tasks = || course.tasks().map(|(stage, task)| Next { stage, task, standing: progress.standing(stage, task) });
    tasks()
        .find(|next| next.standing == Standing::Open && !next.task.bonus)
        .or_else(|| tasks().find(|next| next.standing == Standing::Changed))
        .or_else(|| tasks().find(|next| next.standing == Standing::Open))
}

/// The task that a command is about: the one that was named, or the next one if there is one.
pub fn named_or_next<'c>(
    course: &'c Course,
    progress: &Progress,
    name: Option<&str>,
) -> Result<Option<Next<'c>>, Error> {
    let Some(name) = name else { return Ok(next(course, progress)) };
    let (stage, task) = course.task(name)?;
    Ok(Some(Next { stage, task, standing: progress.standing(stage, task) }))
}

impl Next<'_> {
    /// What to do: read, edit, check.
    pub fn steps(&self, workspace: &Workspace, progress: &Progress) -> String {
        let Next { stage, task, standing } = self;
        let worth = match (standing, task.bonus) {
            (Standing::Changed, _) => "changed since it passed".into(),
            (_, true) => format!("a bonus of {}", points(task.points)),
            (_, false) => points(task.points),
        };
        let mut lines =
            vec![format!("{} {}", paint(STRONG, format!("Next: {}", task.title)), paint(FAINT, format!("({worth})")))];
        if *standing == Standing::Open {
            lines.push(step("read", self.pages(progress)));
            lines.push(step("edit", self.files(workspace)));
        }
        lines.push(step("check", paint(TYPE, "cargo course check").to_string()));
        if progress.record(task).is_none() && stage.tasks.first().is_some_and(|first| first.id == task.id) {
            lines.push(String::new());
            lines.push(paint(FAINT, "The pages read best in the browser: `cargo course serve`.").to_string());
        }
        lines.join("\n")
    }

    /// The task's page, behind the stage's first page for who has done nothing in this stage yet.
    fn pages(&self, progress: &Progress) -> String {
        let page = |page: &str| format!("book/src/{page}");
        let fresh = self.stage.tasks.iter().all(|task| progress.record(task).is_none());
        if fresh && self.stage.start != self.task.page {
            format!("{}, then {}", page(&self.stage.start), page(&self.task.page))
        } else {
            page(&self.task.page)
        }
    }

    fn files(&self, workspace: &Workspace) -> String {
        let shown = |path: &PathBuf| workspace.shown(path).to_string();
        self.task.paths(self.stage).iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

/// "1 point", "20 points".
pub fn points(points: u32) -> String {
    count(points as usize, "point")
}

/// "1 check", "3 checks".
pub fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn step(verb: &str, what: String) -> String {
    format!("  {} {what}", paint(FAINT, format!("{verb:<6}")))
}
