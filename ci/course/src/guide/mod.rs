//! Which task comes next, and what there is to do about it.

pub mod effort;
pub mod pages;

use std::path::PathBuf;

use testkit::text::list;

use crate::error::Error;
use crate::manifest::ground::stages;
use crate::manifest::{Course, PLAN, Stage, Task};
use crate::progress::{Prints, Progress, Standing};
use crate::style::{FAINT, STRONG, TYPE, paint};
use crate::workspace::Workspace;
use effort::{Efforts, in_words};
use pages::{Page, Pages};

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

/// The first open task after the one that was passed last, since readers go on from where they are, or else the first of all;
/// without an open task the first whose files changed since it passed; else the first that passed before other code or its checks
/// changed; else the first open bonus. A stage that is skipped asks for nothing.
pub fn next<'c>(course: &'c Course, progress: &Progress, prints: &Prints) -> Option<Next<'c>> {
    let place = |(stage, task)| Next { stage, task, standing: progress.standing(prints, task) };
    let tasks: Vec<Next<'c>> = course.tasks().map(place).collect();
    let here = last_passed(course, progress).map_or(0, |last| last + 1);
    let skipped: Vec<&str> = course.skipped().iter().map(|stage| stage.id.as_str()).collect();
    let asked = |next: &&Next| !skipped.contains(&next.stage.id.as_str());
    let tasks: Vec<Next<'c>> = tasks[here..].iter().chain(&tasks[..here]).filter(asked).copied().collect();
    let first = |is: &dyn Fn(&Next) -> bool| tasks.iter().copied().find(is);
    first(&|next| next.standing == Standing::Open && !next.task.bonus)
        .or_else(|| first(&|next| next.standing == Standing::Changed))
        .or_else(|| first(&|next| next.standing.is_stale()))
        .or_else(|| first(&|next| next.standing == Standing::Open))
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
    prints: &Prints,
    name: Option<&str>,
) -> Result<Option<Next<'c>>, Error> {
    let Some(name) = name else { return Ok(next(course, progress, prints)) };
    let (stage, task) = course.task(name)?;
    Ok(Some(Next { stage, task, standing: progress.standing(prints, task) }))
}

/// Whether all that a stage asks for was passed, be it long ago.
pub fn is_done(progress: &Progress, stage: &Stage) -> bool {
    stage.tasks.iter().all(|task| task.bonus || progress.has_passed(task))
}

/// What comes next, in the lines of a terminal: the next task, what is offered besides, or that all is done and what comes then.
pub fn outlook(course: &Course, progress: &Progress, prints: &Prints, workspace: &Workspace) -> String {
    let pages = Pages::load(workspace);
    let next = next(course, progress, prints);
    let mut lines = Vec::new();
    if let Some(done) = all_done(course, progress).filter(|_| next.is_none_or(|next| next.is_extra())) {
        lines.push(paint(STRONG, &done.says).to_string());
        lines.extend(read(&done.left(&pages, progress)));
        lines.extend(done.coming.map(|coming| paint(FAINT, coming).to_string()));
        lines.extend(next.map(|_| String::new()));
    }
    if let Some(next) = next {
        lines.push(next.steps(course, progress, prints, &pages, workspace));
    }
    if lines.iter().any(|line| line.contains("book/src/")) {
        let say = "`cargo course serve` shows the pages in the browser, `cargo course read` in the terminal.";
        lines.extend([String::new(), paint(FAINT, say).to_string()]);
    }
    lines.join("\n")
}

/// The end of all that is asked for.
pub struct AllDone<'c> {
    /// That it is reached.
    pub says: String,
    /// What comes then, if the course has more stages in its plan.
    pub coming: Option<String>,
    last: Option<&'c Stage>,
}

impl AllDone<'_> {
    /// What is left to read.
    pub fn left(&self, pages: &Pages, progress: &Progress) -> Vec<Page> {
        self.last.map(|stage| pages.left(progress, stage)).unwrap_or_default()
    }
}

/// What to say when every stage that is there was done or is skipped.
pub fn all_done<'c>(course: &'c Course, progress: &Progress) -> Option<AllDone<'c>> {
    let (skipped, asked): (Vec<&Stage>, Vec<&Stage>) = course.stages.iter().partition(|stage| course.is_skipped(stage));
    if asked.is_empty() || !asked.iter().all(|stage| is_done(progress, stage)) {
        return None;
    }
    let mut says = format!("Every task of {} is done.", stages(&asked));
    let open: Vec<&Stage> = skipped.into_iter().filter(|stage| !is_done(progress, stage)).collect();
    if !open.is_empty() {
        let them = if open.len() == 1 { "it" } else { "them" };
        says += &format!(" You skipped {}; the tasks are there if you want to go back to {them}.", stages(&open));
    }
    let coming = PLAN.iter().find(|(id, ..)| course.stage(id).is_none()).map(|(id, title, summary)| {
        let number = id.split('-').next().unwrap_or_default();
        format!("Stage {number}, {title}, is still to come: {summary}. `git pull` brings it when it is there.")
    });
    Some(AllDone { says, coming, last: asked.last().copied() })
}

/// The open bonus tasks just before a task: a learner who wants them does them first.
pub fn offers<'c>(course: &'c Course, progress: &Progress, next: &Next) -> Vec<&'c Task> {
    let before: Vec<&Task> = course.tasks().map(|(_, task)| task).take_while(|task| task.id != next.task.id).collect();
    let just_before = before.into_iter().rev().take_while(|task| task.bonus);
    let mut offers: Vec<&Task> = just_before.filter(|task| !progress.has_passed(task)).collect();
    offers.reverse();
    offers
}

impl<'c> Next<'c> {
    /// Whether the course does not ask for it.
    pub fn is_extra(&self) -> bool {
        self.standing == Standing::Open && self.task.bonus
    }

    /// The tasks to check: this one, or all of its stage that passed before something else changed.
    pub fn tasks(&self, progress: &Progress, prints: &Prints) -> Vec<&'c Task> {
        if !self.standing.is_stale() {
            return vec![self.task];
        }
        self.stage.tasks.iter().filter(|task| progress.standing(prints, task).is_stale()).collect()
    }

    /// What to do: read, edit, check.
    fn steps(
        &self,
        course: &Course,
        progress: &Progress,
        prints: &Prints,
        pages: &Pages,
        workspace: &Workspace,
    ) -> String {
        let Next { stage, task, standing } = self;
        let mut lines = vec![self.heading(progress, prints)];
        if *standing == Standing::Open {
            lines.extend(read(&pages.to(course, progress, stage, task)));
            if !task.files.is_empty() {
                lines.push(step("edit", self.files(workspace)));
            }
            lines.extend(self.effort(&Efforts::load(workspace, course)));
        }
        lines.push(step("check", paint(TYPE, "cargo course check").to_string()));
        if !task.bonus && *standing == Standing::Open {
            lines.extend(offers(course, progress, self).into_iter().map(offer));
        }
        lines.join("\n")
    }

    /// How much there is to do, what it builds on, and which check can pass first.
    fn effort(&self, efforts: &Efforts) -> Vec<String> {
        let effort = efforts.of(self.stage, self.task);
        let tasks: Vec<&str> = effort.builds_on.iter().map(|task| task.title.as_str()).collect();
        let builds_on = (!tasks.is_empty()).then(|| step("on", format!("what you wrote for {}", list(&tasks, ""))));
        let size = effort.lines().map(|lines| step("size", format!("reference: {lines}")));
        let first = efforts.next_check(self.stage, self.task).map(|next| step("first", in_words(&next)));
        size.into_iter().chain(builds_on).chain(first).collect()
    }

    fn heading(&self, progress: &Progress, prints: &Prints) -> String {
        let (title, why) = match self.standing {
            Standing::Changed => (self.task.title.clone(), CHANGED.to_owned()),
            standing if standing.is_stale() => {
                let tasks = count(self.tasks(progress, prints).len(), "task");
                (format!("check stage {} once more", self.stage.number()), format!("{tasks} {}", words(standing)))
            }
            _ => (self.task.title.clone(), worth(self.task)),
        };
        format!("{} {}", paint(STRONG, format!("Next: {title}")), paint(FAINT, format!("({why})")))
    }

    fn files(&self, workspace: &Workspace) -> String {
        let shown = |path: &PathBuf| workspace.shown(path).to_string();
        self.task.paths(self.stage).iter().map(shown).collect::<Vec<_>>().join(", ")
    }
}

const CHANGED: &str = "changed since it passed";

/// What is said of a pass that may not be one of what is there now; nothing of a standing without a doubt.
pub fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Open | Standing::Done => "",
        Standing::Changed => CHANGED,
        Standing::BeforeEdits => "passed before your last edits",
        Standing::BeforeUpdate => "passed before the course's last update",
    }
}

fn read(pages: &[Page]) -> Vec<String> {
    let verbs = std::iter::once("read").chain(std::iter::repeat(""));
    verbs.zip(pages).map(|(verb, page)| step(verb, format!("book/src/{}", page.file))).collect()
}

fn offer(task: &Task) -> String {
    let check = paint(TYPE, format!("cargo course check {}", task.id));
    step("bonus", format!("{} ({}), if you like: book/src/{}, {check}", task.title, points(task.points), task.page))
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

/// A task's title with its id, as a heading: "The CP register (abd)".
pub fn titled(task: &Task) -> String {
    format!("{} {}", paint(STRONG, &task.title), paint(FAINT, format!("({})", task.id)))
}

fn step(verb: &str, what: String) -> String {
    format!("  {} {what}", paint(FAINT, format!("{verb:<6}")))
}

#[cfg(test)]
pub mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn stage(id: &str, tasks: &[&str], dependencies: &str) -> Stage {
        let (_, name) = id.split_once('-').unwrap();
        let task = |task: &&str| {
            format!(
                "[[package.metadata.course.tasks]]\nid = \"{task}\"\ntitle = \"{task}\"\npoints = 1\nbonus = {}\n\
                 page = \"{id}/{task}.md\"\nfiles = [\"src/{task}.rs\"]\nchecks = [\"{task}::is\"]\n",
                *task == "c"
            )
        };
        let head = format!(
            "[package]\nname = \"{name}\"\n[dependencies]\n{dependencies}\n[package.metadata.course]\nstage = \"{id}\"\ntitle = \"Tiny\"\n\
             solution = \"{name}-solution\"\nsummary = \"Almost nothing.\"\nstart = \"{id}/README.md\"\n"
        );
        let manifest = tasks.iter().map(task).fold(head, |text, task| text + &task);
        Stage::parse(id, Path::new(&format!("exercises/{id}")), &manifest).unwrap()
    }

    /// A stage of the tasks a to d, of which c is a bonus, and one of the task e.
    pub fn course() -> Course {
        Course {
            stages: vec![
                stage("1-tiny", &["a", "b", "c", "d"], ""),
                stage("2-more", &["e"], "tiny = { path = \"../1-tiny\" }"),
            ],
        }
    }

    fn workspace() -> Workspace {
        Workspace::above(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// The record of a learner who has passed some tasks, in that order.
    pub fn passed(course: &Course, ids: &str) -> Progress {
        let mut progress = Progress::default();
        let prints = Prints::take(course, &workspace());
        for (at, id) in ids.chars().enumerate() {
            let (_, task) = course.task(&id.to_string()).unwrap();
            progress.pass(task, Vec::new(), &prints);
            progress.record_mut(task).passed_at = Some(format!("2026-11-30T00:00:{at:02}Z"));
        }
        progress
    }

    fn id(next: Option<Next<'_>>) -> &str {
        next.map_or("", |next| next.task.id.as_str())
    }

    #[test]
    fn who_has_passed_a_task_goes_on_after_it() {
        let cases = [("", "a"), ("a", "b"), ("ab", "d"), ("db", "e"), ("ade", "b"), ("abde", "c"), ("abcde", "")];
        for (done, expected) in cases {
            let course = course();
            let prints = Prints::take(&course, &workspace());
            let found = next(&course, &passed(&course, done), &prints);
            assert_eq!(id(found), expected, "after {done:?}");
        }
    }

    #[test]
    fn a_stage_that_is_skipped_asks_for_nothing() {
        let mut course = course();
        let reference = "tiny = { package = \"tiny-solution\", path = \"../../solutions/1-tiny\" }";
        course.stages[1] = stage("2-more", &["e"], reference);
        let prints = Prints::take(&course, &workspace());
        let found = |done: &str| id(next(&course, &passed(&course, done), &prints)).to_owned();
        assert_eq!((found(""), found("e")), ("e".into(), String::new()));
        let done = all_done(&course, &passed(&course, "e")).unwrap();
        assert_eq!(
            done.says,
            "Every task of stage 2 is done. You skipped stage 1; the tasks are there if you want to go back to it."
        );
        assert!(all_done(&course, &passed(&course, "")).is_none());
        let all = all_done(&course, &passed(&course, "abde")).unwrap();
        assert_eq!(all.says, "Every task of stage 2 is done.", "nothing is open in stage 1");
        assert!(
            all.coming.unwrap().starts_with("Stage 1, CAP, is still to come"),
            "the first of the plan that is not there"
        );
    }

    #[test]
    fn a_bonus_is_offered_when_it_is_next() {
        let course = course();
        let prints = Prints::take(&course, &workspace());
        for (done, offered) in [("", ""), ("ab", "c"), ("abc", ""), ("abd", "")] {
            let progress = passed(&course, done);
            let next = next(&course, &progress, &prints).unwrap();
            let ids: String = offers(&course, &progress, &next).iter().map(|task| task.id.as_str()).collect();
            assert_eq!(ids, offered, "after {done:?}");
        }
    }

    #[test]
    fn what_passed_before_other_code_changed_is_checked_once_more_and_all_at_once() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("Cargo.toml"), "").unwrap();
        let folder = root.path().join("exercises/1-tiny");
        fs::create_dir_all(folder.join("src")).unwrap();
        let workspace = Workspace::above(root.path()).unwrap();
        let mut course = course();
        course.stages.truncate(1);
        course.stages[0].folder = folder.clone();
        let take = || Prints::take(&course, &workspace);
        let mut progress = Progress::default();
        course.stages[0]
            .tasks
            .iter()
            .filter(|task| task.id != "c")
            .for_each(|task| progress.pass(task, Vec::new(), &take()));
        assert_eq!(id(next(&course, &progress, &take())), "c", "the bonus is left");

        fs::write(folder.join("src/helper.rs"), "fn help() {}").unwrap();
        let prints = take();
        let stale = next(&course, &progress, &prints).unwrap();
        assert_eq!(stale.standing, Standing::BeforeEdits);
        let ids: String = stale.tasks(&progress, &prints).iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids, "abd");

        fs::write(folder.join("src/b.rs"), "fn b() {}").unwrap();
        let prints = take();
        let changed = next(&course, &progress, &prints).unwrap();
        assert_eq!((changed.task.id.as_str(), changed.standing), ("b", Standing::Changed));

        fs::remove_file(folder.join("src/helper.rs")).unwrap();
        fs::remove_file(folder.join("src/b.rs")).unwrap();
        fs::create_dir_all(root.path().join("ci/testkit/src")).unwrap();
        fs::write(root.path().join("ci/testkit/src/lib.rs"), "").unwrap();
        assert_eq!(next(&course, &progress, &take()).unwrap().standing, Standing::BeforeUpdate);
    }
}
