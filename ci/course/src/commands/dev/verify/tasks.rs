//! Audits of the manifests: that tasks name what exists, that exercises stand on exercises, and that hints are hints.

use super::{Audited, Finding, Subject};
use crate::commands::dev::bugs;
use crate::error::Error;
use crate::guide;
use crate::manifest::ground::Ground;
use crate::manifest::{Lab, Stage, Task};

/// The fewest hints of a task: a nudge, a way, nearly the answer.
const HINTS: usize = 3;

/// Each task's files and each lab's program are there.
pub fn name_what_exists(subject: &Subject) -> Result<Audited, Error> {
    let course = &subject.course;
    let missing_files = course.tasks().flat_map(|(stage, task)| missing_files(subject, stage, task));
    let missing_labs = course.labs().filter_map(|(stage, lab)| missing_lab(subject, stage, lab));
    let scope = format!("{} tasks, {} labs", course.tasks().count(), course.labs().count());
    Ok(Audited { scope, findings: missing_files.chain(missing_labs).collect() })
}

fn missing_files(subject: &Subject, stage: &Stage, task: &Task) -> Vec<Finding> {
    let manifest = format!("edit {}", subject.workspace.shown(&stage.folder.join("Cargo.toml")));
    let missing = task.files.iter().filter(|file| !subject.workspace.solution(&stage.id).join(file).is_file());
    missing
        .map(|file| Finding::new(format!("task `{}` names `{file}`, which no solution has", task.id), &manifest))
        .collect()
}

/// That a lab has no example, or that checks would wait for what only the lab needs.
fn missing_lab(subject: &Subject, stage: &Stage, lab: &Lab) -> Option<Finding> {
    let Lab { name, example, .. } = lab;
    let declared = lab.declared(&stage.folder).unwrap_or_default();
    let path = declared.get("path").and_then(toml::Value::as_str).map(str::to_owned);
    let usual = [format!("examples/{example}.rs"), format!("examples/{example}/main.rs")];
    let there = path.into_iter().chain(usual).any(|path| stage.folder.join(path).is_file());
    let mend = format!("edit {}", subject.workspace.shown(&stage.manifest()));
    if !there {
        return Some(Finding::new(format!("lab `{name}` has no example `{example}`"), mend));
    }
    lab.features(&stage.folder).is_empty().then(|| {
        let what = format!("each check would wait for what lab `{name}` needs: its example requires no feature");
        Finding::new(
            what,
            format!("{mend}: optional dependencies, a feature `labs`, and `required-features = [\"labs\"]`"),
        )
    })
}

/// Each exercise stands on the learner's own code of earlier stages, and its solution on the solutions of the same stages.
pub fn stages_stand_on_their_own_sort(subject: &Subject) -> Result<Audited, Error> {
    let course = &subject.course;
    let mut findings = Vec::new();
    let mut count = 0;
    for stage in &course.stages {
        let solution = subject.workspace.solution(&stage.id);
        let built_on = bugs::built_on(&solution)?;
        for other in course.stages.iter().take_while(|other| other.id != stage.id) {
            let ground = stage.ground(other);
            let by_solution = built_on.contains(&subject.workspace.solution(&other.id));
            count += usize::from(ground.is_some());
            findings.extend(ground_problem(subject, stage, other, ground, by_solution));
        }
    }
    Ok(Audited { scope: format!("{} of an earlier stage", guide::count(count, "use")), findings })
}

fn ground_problem(
    subject: &Subject,
    stage: &Stage,
    other: &Stage,
    ground: Option<Ground>,
    by_solution: bool,
) -> Option<Finding> {
    let manifest = subject.workspace.shown(&stage.manifest()).to_string();
    let solution = format!("solutions/{}/Cargo.toml", stage.id);
    let (own, package) = (&other.package, &other.solution);
    let exercise_line = format!("{own} = {{ path = \"../{}\" }}", other.id);
    let solution_line = format!("{own} = {{ package = \"{package}\", path = \"../{}\" }}", other.id);
    match (ground, by_solution) {
        (Some(Ground::Reference), _) => Some(Finding::new(
            format!(
                "{manifest} stands on the solution of stage {}, so a learner's own code would not count",
                other.number()
            ),
            format!("cargo course skip {} --undo", other.short()),
        )),
        (Some(Ground::ByHand), _) => Some(Finding::new(
            format!("{manifest} names `{own}` in a way that `cargo course skip` does not know"),
            format!("write `{exercise_line}`"),
        )),
        (Some(Ground::Own), false) => Some(Finding::new(
            format!("{manifest} uses stage {}, but {solution} does not", other.number()),
            format!("write `{solution_line}`"),
        )),
        (None, true) => Some(Finding::new(
            format!("{solution} uses stage {}, but {manifest} does not", other.number()),
            format!("write `{exercise_line}`"),
        )),
        (Some(Ground::Own), true) | (None, false) => None,
    }
}

/// Each task has hints, and they get more specific.
pub fn hints(subject: &Subject) -> Result<Audited, Error> {
    let finding = |(stage, task): (&Stage, &Task)| {
        let mend = format!("edit {}", subject.workspace.shown(&stage.hints_file(subject.workspace)));
        hints_problem(&task.hints).map(|why| Finding::new(format!("hints of `{}`: {why}", task.id), mend))
    };
    let count: usize = subject.course.tasks().map(|(_, task)| task.hints.len()).sum();
    Ok(Audited { scope: format!("{count} hints"), findings: subject.course.tasks().filter_map(finding).collect() })
}

/// Hints lead somewhere if no two are the same, and the last one says more than each before it, in words or in names of code, and
/// names code at all. That is all that a program can see; whether they help, people must say.
fn hints_problem(hints: &[String]) -> Option<String> {
    let [earlier @ .., last] = hints else { return Some(format!("there are none, and {HINTS} is the least")) };
    if hints.len() < HINTS {
        return Some(format!("there are {}, and {HINTS} is the least", hints.len()));
    }
    if let Some(at) = (1..hints.len()).find(|&at| hints[..at].contains(&hints[at])) {
        return Some(format!("number {} was given before", at + 1));
    }
    let says_as_much = |hint: &String| hint.len() >= last.len() && code_names(hint) >= code_names(last);
    if let Some(at) = earlier.iter().position(says_as_much) {
        return Some(format!("the last one says no more than number {}", at + 1));
    }
    (code_names(last) == 0).then(|| "the last one names no code".into())
}

/// How many words of a hint are code: `quoted`, a_name, a::path, a_call(), or TwoWords.
fn code_names(hint: &str) -> usize {
    let quoted = hint.matches('`').count() / 2;
    let unquoted = hint.split('`').step_by(2).flat_map(str::split_whitespace).filter(|word| is_code(word));
    quoted + unquoted.count()
}

fn is_code(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let between = |pair: &[char; 2]| {
        (pair[0].is_alphanumeric() && pair[1] == '(') || (pair[0].is_lowercase() && pair[1].is_uppercase())
    };
    word.contains("::") || word.trim_matches('_').contains('_') || letters.array_windows().any(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_must_get_more_specific() {
        let cases: [(&[&str], Option<&str>); 9] = [
            (&["Who answers?", "Who answers twice, and when?", "Keep `answered: BTreeSet<NodeId>`."], None),
            (&["A long question about quorums?", "A shorter one?", "Compare `tag` and `writer`."], None),
            (&["Which one?", "The newest.", "It is the one with the highest next_tag."], None),
            (&["Which one?", "The newest.", "Send QueryReply to all that asked."], None),
            (&[], Some("there are none, and 3 is the least")),
            (&["a", "b `c` d"], Some("there are 2, and 3 is the least")),
            (&["One?", "One?", "Compare `tag`."], Some("number 2 was given before")),
            (
                &["Which `tag` is it here, of these two?", "The newest.", "Compare `tag`."],
                Some("the last one says no more than number 1"),
            ),
            (&["One.", "One two.", "One two three."], Some("the last one names no code")),
        ];
        for (hints, problem) in cases {
            let hints: Vec<String> = hints.iter().map(|hint| (*hint).to_owned()).collect();
            assert_eq!(hints_problem(&hints).as_deref(), problem, "{hints:?}");
        }
    }
}
