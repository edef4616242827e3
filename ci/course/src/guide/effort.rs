//! How much a task asks for, said without a guess: the lines that the reference has for it, and the tasks that it builds on.

use std::collections::BTreeMap;
use std::fs;

use testkit::text::list;

use crate::commands::dev::starters::written;
use crate::guide::count;
use crate::manifest::{Course, Stage, Task, sentence};
use crate::needs::{self, Needs, NextCheck, function};
use crate::workspace::Workspace;

/// What is known of the tasks of a course.
pub struct Efforts<'c> {
    workspace: &'c Workspace,
    course: &'c Course,
    needs: BTreeMap<String, Needs>,
}

/// What a task asks for.
pub struct Effort<'c> {
    /// How many lines of code the reference has where the learner writes.
    pub lines: usize,
    /// The tasks whose functions it needs.
    pub builds_on: Vec<&'c Task>,
}

impl<'c> Efforts<'c> {
    /// Reads what is known of all stages.
    pub fn load(workspace: &'c Workspace, course: &'c Course) -> Self {
        let needs = course.stages.iter().map(|stage| (stage.id.clone(), Needs::load(workspace, stage)));
        Self { workspace, course, needs: needs.collect() }
    }

    /// What a task asks for.
    pub fn of(&self, stage: &Stage, task: &Task) -> Effort<'c> {
        let lines = task.files.iter().map(|file| self.lines(stage, task, file)).sum();
        Effort { lines, builds_on: needs::builds_on(self.course, &self.needs, stage, task) }
    }

    /// The next check that can pass, judged by the functions that the learner has not written; nothing if all are, or if there is one check
    /// only.
    pub fn next_check<'t>(&self, stage: &Stage, task: &'t Task) -> Option<NextCheck<'t>> {
        let needs = self.needs.get(&stage.id).filter(|_| task.checks.len() > 1)?;
        needs.next(task, &needs::unwritten(stage, task))
    }

    /// A file may be of several tasks: then a function is of those whose checks need it. Where nothing is known of that, all of it counts.
    fn lines(&self, stage: &Stage, task: &Task, file: &String) -> usize {
        let needed = self.needs.get(&stage.id).map(|needs| needs.of(task)).unwrap_or_default();
        let is_shared = stage.tasks.iter().filter(|task| task.files.contains(file)).count() > 1;
        let is_own = |name: &str| !is_shared || needed.is_empty() || needed.contains(&*function(stage, file, name));
        let text = fs::read_to_string(self.workspace.solution(&stage.id).join(file)).unwrap_or_default();
        let parts = written(&text).unwrap_or_default();
        parts.iter().filter(|part| part.function.is_none_or(is_own)).map(|part| part.lines).sum()
    }
}

impl Effort<'_> {
    /// "60 lines"; nothing for a task that has nothing to write.
    pub fn lines(&self) -> Option<String> {
        (self.lines > 0).then(|| count(self.lines, "line"))
    }
}

/// A check that can pass next, in a line of a terminal.
pub fn in_words(next: &NextCheck) -> String {
    let names: Vec<String> = next.names().map(|name| format!("`{name}`")).collect();
    let are = if names.len() == 1 { "is" } else { "are" };
    format!("{}, once {} {are} written", sentence(next.check), list(&names, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_told_with_what_is_missing_for_it() {
        let next = |missing: &[&str]| NextCheck {
            check: "abd::a_majority_answers",
            missing: missing.iter().map(|name| format!("1-cap/src/abd.rs: {name}")).collect(),
        };
        assert_eq!(in_words(&next(&["on_query"])), "a majority answers, once `on_query` is written");
        assert_eq!(in_words(&next(&["a", "b", "c"])), "a majority answers, once `a`, `b` and `c` are written");
    }

    #[test]
    fn the_size_of_a_task_is_that_of_the_solutions_holes() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "");
        write("exercises/1-tiny/src/b.rs", "fn one() {\n    todo!(\"One.\")\n}\n");
        write(
            "solutions/1-tiny/src/a.rs",
            "fn one() {\n    //# hole: One.\n    // Why.\n    a();\n    b();\n    //# end\n}\n//# private\nfn two() {}\n//# end\n",
        );
        let workspace = Workspace::above(root.path()).unwrap();
        let course = crate::guide::tests::course();
        let effort = Efforts::load(&workspace, &course).of(&course.stages[0], &course.stages[0].tasks[0]);
        assert_eq!(effort.lines().as_deref(), Some("3 lines"));
        let effort = Efforts::load(&workspace, &course).of(&course.stages[0], &course.stages[0].tasks[1]);
        assert_eq!(effort.lines(), None);
    }
}
