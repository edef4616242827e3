//! Which of a learner's functions each check needs.
//!
//! The maintainers run every check on a reference whose holes tell when they are reached, and keep what comes out in
//! `solutions/<stage>/needs.toml` (`cargo course dev needs`). It says in which order checks can first pass while a learner writes one
//! function after the other, which tasks a task builds on, and how much of a file belongs to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::commands::dev::files::Digest;
use crate::manifest::{Course, Stage, Task};
use crate::workspace::Workspace;

/// A function that a learner writes, as it is shown: `1-cap/src/quorum.rs: majority`.
pub fn function(stage: &Stage, file: &str, name: &str) -> String {
    format!("{}: {name}", path(stage, file))
}

/// A file of a stage, as functions are named after it.
fn path(stage: &Stage, file: &str) -> String {
    format!("{}/{file}", stage.id)
}

/// What the checks of a stage need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// A [seal](Self::sealed) of what follows, and of the code for which it was found out.
    pub seal: String,
    /// For each check, by its path below `checks::`, the functions that it needs.
    pub checks: BTreeMap<String, BTreeSet<String>>,
}

/// The next check that can pass.
#[derive(Debug, PartialEq, Eq)]
pub struct NextCheck<'c> {
    /// Its path below `checks::`.
    pub check: &'c str,
    /// The functions of the task that are still to be written for it.
    pub missing: Vec<String>,
}

impl Needs {
    /// The file that they are kept in.
    pub fn file(workspace: &Workspace, stage: &Stage) -> PathBuf {
        workspace.solution(&stage.id).join("needs.toml")
    }

    /// What checks need, under a seal: `code` is a hash of all on which it depends.
    pub fn sealed(checks: BTreeMap<String, BTreeSet<String>>, code: &str) -> Self {
        let mut digest = Digest::new();
        digest.text("code", code);
        checks.iter().for_each(|(check, needs)| digest.text(check, format!("{needs:?}")));
        Self { seal: digest.shown(), checks }
    }

    /// Whether this is what was found out about that code.
    pub fn holds_for(&self, code: &str) -> bool {
        *self == Self::sealed(self.checks.clone(), code)
    }

    /// What was found out about a stage. A file that is missing or cannot be read gives no answer: this is only help.
    pub fn load(workspace: &Workspace, stage: &Stage) -> Self {
        let text = fs::read_to_string(Self::file(workspace, stage)).unwrap_or_default();
        toml::from_str(&text).unwrap_or_default()
    }

    /// All functions that some check of a task needs.
    pub fn of(&self, task: &Task) -> BTreeSet<&str> {
        task.checks.iter().filter_map(|check| self.checks.get(check)).flatten().map(String::as_str).collect()
    }

    /// A task's checks in the order in which they can first pass, where its functions are written in the order that `functions` has. Checks
    /// that come with the same function stay as they are.
    pub fn in_order<'t>(&self, task: &'t Task, functions: &[String]) -> Vec<&'t str> {
        let last = |check: &String| {
            let needs = self.checks.get(check)?;
            functions.iter().rposition(|function| needs.contains(function))
        };
        let mut checks: Vec<&String> = task.checks.iter().collect();
        checks.sort_by_key(|check| last(check));
        checks.into_iter().map(String::as_str).collect()
    }

    /// The check for which the least is missing of what is still unwritten; nothing once all is written.
    pub fn next<'t>(&self, task: &'t Task, unwritten: &[String]) -> Option<NextCheck<'t>> {
        let missing = |check: &'t String| {
            let needs = self.checks.get(check)?;
            let missing: Vec<String> = unwritten.iter().filter(|function| needs.contains(*function)).cloned().collect();
            (!missing.is_empty()).then_some(NextCheck { check, missing })
        };
        task.checks.iter().filter_map(missing).min_by_key(|next| next.missing.len())
    }
}

impl NextCheck<'_> {
    /// The names of the missing functions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(|function| function.rsplit(' ').next().unwrap_or(function))
    }
}

/// The functions of a task that a learner has not written yet, in the order of its files.
pub fn unwritten(stage: &Stage, task: &Task) -> Vec<String> {
    let of_file = |file: &String| {
        let text = fs::read_to_string(stage.folder.join(file)).unwrap_or_default();
        holes(&text).into_iter().map(|name| function(stage, file, name)).collect::<Vec<_>>()
    };
    task.files.iter().flat_map(of_file).collect()
}

/// The functions of a starter's text that hold a `todo!`, in order.
pub fn holes(text: &str) -> Vec<&str> {
    let mut current = "";
    let mut holes = Vec::new();
    for line in text.lines() {
        current = name(line).unwrap_or(current);
        let code = line.split("//").next().unwrap_or_default();
        if code.contains("todo!(") && holes.last() != Some(&current) {
            holes.push(current);
        }
    }
    holes
}

/// The name of the function that a line begins.
pub fn name(line: &str) -> Option<&str> {
    const BEFORE: [&str; 6] = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
    let mut words = line.split_whitespace().skip_while(|word| BEFORE.contains(word));
    let named = (words.next() == Some("fn")).then(|| words.next()).flatten()?;
    named.split(|sign: char| !sign.is_alphanumeric() && sign != '_').next()
}

/// The tasks whose functions a task needs, but for those on which one of the others builds already.
pub fn builds_on<'c>(course: &'c Course, needs: &BTreeMap<String, Needs>, stage: &Stage, task: &Task) -> Vec<&'c Task> {
    let all = needed(course, needs, stage, task);
    let is_below = |task: &Task| {
        let mut others = all.iter().filter(|(_, other)| other.id != task.id);
        others.any(|(stage, other)| needed(course, needs, stage, other).iter().any(|(_, below)| below.id == task.id))
    };
    all.iter().filter(|(_, task)| !is_below(task)).map(|(_, task)| *task).collect()
}

/// All earlier tasks whose functions a task needs.
fn needed<'c>(
    course: &'c Course,
    needs: &BTreeMap<String, Needs>,
    stage: &Stage,
    task: &Task,
) -> Vec<(&'c Stage, &'c Task)> {
    let functions = needs.get(&stage.id).map(|needs| needs.of(task)).unwrap_or_default();
    let owners = functions.into_iter().filter_map(|function| owner(course, task, function));
    let owners: BTreeSet<&str> = owners.map(|owner| owner.id.as_str()).collect();
    course.tasks().filter(|(_, other)| other.id != task.id && owners.contains(other.id.as_str())).collect()
}

/// The task that a function belongs to, if that is one up to `last`: this one if it is in its files, or else the first that has the file.
pub fn owner<'c>(course: &'c Course, last: &Task, function: &str) -> Option<&'c Task> {
    let is_in = |stage: &Stage, file: &String| {
        function.strip_prefix(&path(stage, file)).is_some_and(|rest| rest.starts_with(':'))
    };
    let has = |(stage, task): &(&Stage, &Task)| task.files.iter().any(|file| is_in(stage, file));
    let place = course.tasks().position(|(_, task)| task.id == last.id)?;
    let (_, own) = course.tasks().nth(place).filter(has).or_else(|| course.tasks().take(place).find(has))?;
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::tests::course;

    fn needs(checks: &[(&str, &[&str])]) -> Needs {
        let set = |functions: &[&str]| functions.iter().map(ToString::to_string).collect();
        let checks = checks.iter().map(|(check, functions)| (check.to_string(), set(functions))).collect();
        Needs { seal: String::new(), checks }
    }

    #[test]
    fn checks_come_in_the_order_in_which_their_last_function_does() {
        let mut course = course();
        let task = &mut course.stages[0].tasks[0];
        task.checks = ["late", "unknown", "early", "foreign", "late_too"].map(String::from).to_vec();
        let needs =
            needs(&[("late", &["one", "two"]), ("late_too", &["two"]), ("early", &["one"]), ("foreign", &["other"])]);
        let functions = ["one", "two"].map(String::from);
        assert_eq!(needs.in_order(task, &functions), ["unknown", "foreign", "early", "late", "late_too"]);
    }

    #[test]
    fn the_next_check_is_the_first_for_which_least_is_missing() {
        let mut course = course();
        let task = &mut course.stages[0].tasks[0];
        task.checks = ["small", "large", "same"].map(String::from).to_vec();
        let needs = needs(&[
            ("small", &["f: one"]),
            ("large", &["f: one", "f: two", "f: three"]),
            ("same", &["f: two", "f: three"]),
        ]);
        let next = |unwritten: &[&str]| {
            let unwritten: Vec<String> = unwritten.iter().map(ToString::to_string).collect();
            needs
                .next(task, &unwritten)
                .map(|next| (next.check.to_owned(), next.names().map(str::to_owned).collect::<Vec<_>>()))
        };
        let said =
            |check: &str, names: &[&str]| Some((check.to_owned(), names.iter().map(ToString::to_string).collect()));
        assert_eq!(next(&["f: one", "f: two", "f: three"]), said("small", &["one"]));
        assert_eq!(next(&["f: two", "f: three"]), said("large", &["two", "three"]));
        assert_eq!(next(&[]), None);
    }

    #[test]
    fn a_task_builds_on_those_before_it_whose_functions_its_checks_need() {
        let course = course();
        let first = needs(&[
            ("a::is", &["1-tiny/src/a.rs: a", "1-tiny/src/d.rs: later"]),
            ("b::is", &["1-tiny/src/a.rs: a", "1-tiny/src/b.rs: b"]),
            ("d::is", &["1-tiny/src/a.rs: a", "1-tiny/src/b.rs: b", "1-tiny/src/d.rs: d"]),
        ]);
        let second = needs(&[("e::is", &["1-tiny/src/b.rs: b", "1-tiny/src/c.rs: c", "2-more/src/e.rs: e"])]);
        let all = BTreeMap::from([("1-tiny".to_owned(), first), ("2-more".to_owned(), second)]);
        let of = |id: &str| {
            let (stage, task) = course.task(id).unwrap();
            builds_on(&course, &all, stage, task).iter().map(|task| task.id.as_str()).collect::<String>()
        };
        assert_eq!(["a", "b", "d", "e"].map(of), ["", "a", "b", "bc"]);
    }

    #[test]
    fn what_is_unwritten_is_told_by_its_function() {
        let text = "/// Not todo!().\npub fn one(&self) {\n    todo!(\"One.\")\n}\npub(crate) async fn two<T>() {}\n\
                    fn three() {\n    todo!(\n        \"Three.\"\n    );\n    todo!(\"Again.\")\n}\n";
        assert_eq!(holes(text), ["one", "three"]);
        assert_eq!(name("    pub(crate) async fn two<T>() {}"), Some("two"));
        assert_eq!(name("let fun = fn_of(x);"), None);
    }
}
