//! Which pages of the book lead from task to task.
//!
//! The book's summary puts its pages in order, and each task names one of them. Between two tasks there may be pages without a task. They
//! are read on the way, so that a learner who follows the guide meets every page of a stage once.

use std::collections::BTreeSet;
use std::fs;

use crate::manifest::{Course, Stage, Task};
use crate::progress::Progress;
use crate::workspace::Workspace;

/// A page of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What the summary calls it.
    pub title: String,
    /// Its source, below `book/src`.
    pub file: String,
}

impl Page {
    /// The file without its end: `1-cap/raft`.
    pub fn stem(&self) -> &str {
        self.file.strip_suffix(".md").unwrap_or(&self.file)
    }
}

/// The book's pages, in the order of its summary.
#[derive(Debug)]
pub struct Pages(Vec<Page>);

impl Pages {
    /// Reads the summary. Without one there are no pages but the tasks' own.
    pub fn load(workspace: &Workspace) -> Self {
        Self::parse(&fs::read_to_string(workspace.book().join("src/SUMMARY.md")).unwrap_or_default())
    }

    fn parse(summary: &str) -> Self {
        let page = |line: &str| {
            let (title, rest) = line.split_once('[')?.1.split_once("](")?;
            let file = rest.split_once(')')?.0;
            (!file.is_empty()).then(|| Page { title: title.to_owned(), file: file.to_owned() })
        };
        Self(summary.lines().filter_map(page).collect())
    }

    /// The page that a name means: its file without the end, with or without the folder.
    pub fn called(&self, name: &str) -> Option<&Page> {
        let is_called = |page: &&Page| page.stem() == name || page.stem().rsplit('/').next() == Some(name);
        self.0.iter().find(|page| page.stem() == name).or_else(|| self.0.iter().find(is_called))
    }

    /// The names of all pages.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|page| [page.stem(), page.stem().rsplit('/').next().unwrap_or_default()])
    }

    /// The page that follows one.
    pub fn after(&self, page: &Page) -> Option<&Page> {
        self.0.iter().skip_while(|other| *other != page).nth(1)
    }

    /// The pages of a stage, in order.
    pub fn of<'p>(&'p self, stage: &Stage) -> impl Iterator<Item = &'p Page> {
        let folder = format!("{}/", stage.id);
        self.0.iter().filter(move |page| page.file.starts_with(&folder))
    }

    /// What to read for a task: the pages since the task before it, and its own page last. The first task of a stage comes after the
    /// stage's first page, and after what is left of the stage before, if that one is done.
    pub fn to(&self, course: &Course, progress: &Progress, stage: &Stage, task: &Task) -> Vec<Page> {
        let before: Vec<&Task> = stage.tasks.iter().take_while(|other| other.id != task.id).collect();
        let mut pages = Vec::new();
        let from = if before.is_empty() {
            pages.extend(self.left_of_stage_before(course, progress, stage));
            self.place(&stage.start)
        } else {
            self.furthest(&before).map(|last| last + 1)
        };
        let to = self.place(&task.page);
        match (from, to) {
            (Some(from), Some(to)) if from <= to => pages.extend_from_slice(&self.0[from..=to]),
            (_, Some(to)) => pages.push(self.0[to].clone()),
            (_, None) => pages.push(Page { title: task.title.clone(), file: file(&task.page).to_owned() }),
        }
        pages
    }

    /// What is left to read of a stage when its tasks are done: the pages after the last of them. A bonus that was not done does not
    /// count, so that its page is not missed.
    pub fn left(&self, progress: &Progress, stage: &Stage) -> Vec<Page> {
        let counts = |task: &&Task| !task.bonus || progress.has_passed(task);
        let Some(last) = self.furthest(&stage.tasks.iter().filter(counts).collect::<Vec<_>>()) else {
            return Vec::new();
        };
        let later: BTreeSet<&str> = self.0[last + 1..].iter().map(|page| page.file.as_str()).collect();
        self.of(stage).filter(|page| later.contains(page.file.as_str())).cloned().collect()
    }

    fn left_of_stage_before(&self, course: &Course, progress: &Progress, stage: &Stage) -> Vec<Page> {
        let before = course.stages.iter().take_while(|other| other.id != stage.id).last();
        let is_done = |stage: &&Stage| !course.is_skipped(stage) && super::is_done(progress, stage);
        before.filter(is_done).map(|before| self.left(progress, before)).unwrap_or_default()
    }

    /// The place of the page that is furthest on among those of some tasks.
    fn furthest(&self, tasks: &[&Task]) -> Option<usize> {
        tasks.iter().filter_map(|task| self.place(&task.page)).max()
    }

    fn place(&self, page: &str) -> Option<usize> {
        self.0.iter().position(|other| other.file == file(page))
    }
}

/// The file of a page that is named with an anchor: `1-cap/abd.md#tasks`.
fn file(page: &str) -> &str {
    page.split('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{course, passed};
    use super::*;

    const SUMMARY: &str = "# Summary\n\n[Start](start.md)\n- [Tiny](1-tiny/README.md)\n  - [How](1-tiny/how.md)\n  - [A](1-tiny/a.md)\n  \
                           - [B](1-tiny/b.md)\n  - [Between](1-tiny/between.md)\n  - [C](1-tiny/c.md)\n  - [D](1-tiny/d.md)\n  \
                           - [End](1-tiny/end.md)\n- [More](2-more/README.md)\n  - [E](2-more/e.md)\n- [Later]()\n";

    fn files(pages: &[Page]) -> String {
        pages.iter().map(|page| page.file.trim_end_matches(".md")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_page_is_named_once_on_the_way_from_task_to_task() {
        let (course, pages) = (course(), Pages::parse(SUMMARY));
        let cases = [
            ("", "a", "1-tiny/README 1-tiny/how 1-tiny/a"),
            ("a", "b", "1-tiny/b"),
            ("ab", "c", "1-tiny/between 1-tiny/c"),
            ("ab", "d", "1-tiny/d"),
            ("abd", "e", "1-tiny/end 2-more/README 2-more/e"),
            ("ab", "e", "2-more/README 2-more/e"), // the stage before is not done
        ];
        for (done, task, expected) in cases {
            let (stage, task) = course.task(task).unwrap();
            let found = files(&pages.to(&course, &passed(&course, done), stage, task));
            assert_eq!(found, expected, "to {} after {done:?}", task.id);
        }
    }

    #[test]
    fn a_task_that_goes_back_to_an_earlier_page_names_that_page_alone() {
        let (mut course, pages) = (course(), Pages::parse(SUMMARY));
        course.stages[0].tasks[3].page = "1-tiny/a.md#again".into();
        let (stage, task) = course.task("d").unwrap();
        assert_eq!(files(&pages.to(&course, &passed(&course, "ab"), stage, task)), "1-tiny/a");
    }

    #[test]
    fn a_page_of_a_bonus_that_was_left_out_is_left_to_read() {
        let (mut course, pages) = (course(), Pages::parse(SUMMARY));
        let tiny = &mut course.stages[0];
        tiny.tasks.swap(2, 3);
        tiny.tasks[2].page = "1-tiny/b.md".into(); // so that the bonus is furthest on
        assert_eq!(
            files(&pages.left(&passed(&course, "abd"), &course.stages[0])),
            "1-tiny/between 1-tiny/c 1-tiny/d 1-tiny/end"
        );
        assert_eq!(files(&pages.left(&passed(&course, "abcd"), &course.stages[0])), "1-tiny/d 1-tiny/end");
    }
}
