//! Which task comes next, and what there is to do about it.

use std::fs;
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

/// The first open task behind the one that was passed last, since readers go on from where they are, or else the first of all;
/// without an open task the first whose files changed since it passed; else the first open bonus. Tasks of a stage that is skipped
/// come when nothing else is left.
pub fn next<'c>(course: &'c Course, progress: &Progress) -> Option<Next<'c>> {
    let place = |(stage, task)| Next { stage, task, standing: progress.standing(stage, task) };
    let tasks: Vec<Next<'c>> = course.tasks().map(place).collect();
    let here = last_passed(course, progress).map_or(0, |last| last + 1);
    let from_here = tasks[here..].iter().chain(&tasks[..here]).copied();
    let skipped: Vec<&str> = course.skipped().iter().map(|stage| stage.id.as_str()).collect();
    let (later, now): (Vec<_>, Vec<_>) = from_here.partition(|next| skipped.contains(&next.stage.id.as_str()));
    first_to_do(&now).or_else(|| first_to_do(&later))
}

fn first_to_do<'c>(tasks: &[Next<'c>]) -> Option<Next<'c>> {
    let tasks = || tasks.iter().copied();
    tasks()
        .find(|next| next.standing == Standing::Open && !next.task.bonus)
        .or_else(|| tasks().find(|next| next.standing == Standing::Changed))
        .or_else(|| tasks().find(|next| next.standing == Standing::Open))
}

/// The place, among all tasks, of the one that was passed last.
fn last_passed(course: &Course, progress: &Progress) -> Option<usize> {
    let passed_at = |task| progress.record(task)?.passed_at.as_deref();
    let passed = course.tasks().enumerate().filter_map(|(place, (_, task))| Some((passed_at(task)?, place)));
    passed.max().map(|(_, place)| place)
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
        let worth = if *standing == Standing::Changed { "changed since it passed".into() } else { worth(task) };
        let mut lines =
            vec![format!("{} {}", paint(STRONG, format!("Next: {}", task.title)), paint(FAINT, format!("({worth})")))];
        if *standing == Standing::Open {
            lines.push(step("read", self.pages(workspace, progress)));
            if !task.files.is_empty() {
                lines.push(step("edit", self.files(workspace)));
            }
        }
        lines.push(step("check", paint(TYPE, "cargo course check").to_string()));
        if progress.record(task).is_none() && stage.tasks.first().is_some_and(|first| first.id == task.id) {
            lines.push(String::new());
            lines.push(paint(FAINT, "The pages read best in the browser: `cargo course serve`.").to_string());
        }
        lines.join("\n")
    }

    /// The task's page; for who has done nothing in this stage yet, behind the stage's pages that lead to it.
    fn pages(&self, workspace: &Workspace, progress: &Progress) -> String {
        let Next { stage, task, .. } = self;
        let mut pages = Vec::new();
        if stage.tasks.iter().all(|task| progress.record(task).is_none()) && stage.start != task.page {
            let summary = fs::read_to_string(workspace.book().join("src/SUMMARY.md")).unwrap_or_default();
            pages.push(stage.start.clone());
            pages.extend(pages_between(&summary, &stage.start, &task.page));
        }
        pages.push(task.page.clone());
        pages.iter().map(|page| format!("book/src/{page}")).collect::<Vec<_>>().join(", then ")
    }

    fn files(&self, workspace: &Workspace) -> String {
        let shown = |path: &PathBuf| workspace.shown(path).to_string();
        self.task.paths(self.stage).iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

/// The pages that a summary of the book lists between two others.
fn pages_between(summary: &str, first: &str, last: &str) -> Vec<String> {
    let file = |page: &str| page.split('#').next().unwrap_or_default().to_owned();
    let link = |line: &str| Some(line.split_once("](")?.1.split_once(')')?.0.to_owned());
    let pages: Vec<String> = summary.lines().filter_map(link).filter(|page| !page.is_empty()).collect();
    let place = |page: &str| pages.iter().position(|other| *other == file(page));
    match (place(first), place(last)) {
        (Some(first), Some(last)) if first < last => pages[first + 1..last].to_vec(),
        _ => Vec::new(),
    }
}

/// "20 points", "a bonus of 5 points".
pub fn worth(task: &Task) -> String {
    if task.bonus { format!("a bonus of {}", points(task.points)) } else { points(task.points) }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{next, pages_between};
    use crate::manifest::{Course, Stage};
    use crate::progress::{Progress, fingerprint};

    /// A stage of the tasks a to d, of which c is a bonus.
    fn course() -> Course {
        let task = |id: &str| {
            format!(
                "[[package.metadata.course.tasks]]\nid = \"{id}\"\ntitle = \"{id}\"\npoints = 1\nbonus = {}\n\
                 page = \"1-tiny/{id}.md\"\nfiles = [\"src/{id}.rs\"]\nchecks = [\"{id}::is\"]\nhints = [\"Look.\"]\n",
                id == "c"
            )
        };
        let head = "[package]\nname = \"tiny\"\n[package.metadata.course]\nstage = \"1-tiny\"\ntitle = \"Tiny\"\n\
                    solution = \"tiny-solution\"\nsummary = \"Almost nothing.\"\nstart = \"1-tiny/README.md\"\n";
        let manifest = ["a", "b", "c", "d"].iter().fold(head.to_owned(), |text, id| text + &task(id));
        Course { stages: vec![Stage::parse("1-tiny", Path::new("exercises/1-tiny"), &manifest).unwrap()] }
    }

    #[test]
    fn who_has_passed_a_task_goes_on_behind_it() {
        let cases = [("", "a"), ("a", "b"), ("b", "d"), ("bd", "a"), ("ad", "b"), ("abd", "c"), ("abcd", "")];
        for (passed, expected) in cases {
            let course = course();
            let mut progress = Progress::default();
            for id in passed.split("").filter(|id| !id.is_empty()) {
                let (stage, task) = course.task(id).unwrap();
                progress.pass(task, Vec::new(), fingerprint(stage, task));
            }
            let found = next(&course, &progress).map_or("", |next| next.task.id.as_str());
            assert_eq!(found, expected, "after {passed:?}");
        }
    }

    #[test]
    fn pages_on_the_way_are_read_from_the_summary() {
        let summary = "# Summary\n\n- [Start](1/README.md)\n  - [How](1/how.md)\n  - [Later]()\n  - [Do](1/do.md)\n";
        assert_eq!(pages_between(summary, "1/README.md", "1/do.md#tasks"), ["1/how.md"]);
        for (first, last) in [("1/README.md", "1/how.md"), ("1/do.md", "1/how.md"), ("1/README.md", "1/gone.md")] {
            assert!(pages_between(summary, first, last).is_empty(), "{first} to {last}");
        }
    }
}
