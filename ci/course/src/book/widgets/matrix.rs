//! The kill matrix of a stage, for those who change the course: a grid for each task, of its bugs and of the checks that catch any of them.
//!
//! It is made from what [`cargo course dev bugs`](crate::commands::dev::bugs::matrix) has recorded.

use std::fmt::Write;

use super::escape;
use crate::commands::dev::bugs::matrix::{self, Matrix, Row, Variant};
use crate::error::Error;
use crate::manifest::{Stage, Task, sentence};
use crate::workspace::Workspace;

/// The matrix of a stage, for a page in another folder of the book.
pub fn load(workspace: &Workspace, stage: &Stage) -> Result<String, Error> {
    let matrix = Matrix::load(&matrix::record(workspace, stage))?;
    Ok(matrix.map_or_else(|| "Nothing is recorded yet. Run `cargo course dev bugs`.\n".into(), |it| html(&it, stage)))
}

fn html(matrix: &Matrix, stage: &Stage) -> String {
    let mut html = legend(matrix, stage);
    for task in &stage.tasks {
        let bugs: Vec<&Row> =
            matrix.bugs.iter().filter(|bug| bug.named.first().is_some_and(|c| task.checks.contains(c))).collect();
        if !bugs.is_empty() {
            html += &grid(stage, task, &bugs);
        }
    }
    html + &variants(&matrix.variants)
}

fn legend(matrix: &Matrix, stage: &Stage) -> String {
    let mut text = format!(
        "Each of the {} bugs below was put into the reference, to be caught by the {} checks of the stage. A task's grid has the bugs whose first \
         named check is the task's, and every check that catches one of them.\n\n\
         - A filled circle (●) marks a check that must catch the bug. No change of the course goes in that lets the bug get past it.\n\
         - An open circle (○) marks a check that was seen to catch the bug as well{}.\n\
         - *Steps* is the length of the shortest run that shows the bug. A dash means that no run is needed: the check counts, measures or \
         compares, and says what it found.\n",
        matrix.bugs.len(),
        matrix::checks(stage).count(),
        days(matrix),
    );
    if matrix::checks(stage).any(|check| stage.is_in_real_time(check)) {
        text += "- No two runs of a check that starts processes are the same. Such a check meets only the bugs that it must catch.\n";
    }
    text
}

/// When open circles were last looked for.
fn days(matrix: &Matrix) -> String {
    let mut days: Vec<&String> = matrix.bugs.iter().filter_map(|bug| bug.met_all.as_ref()).collect();
    days.sort();
    let looked = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first == last => format!(", last looked for on {first}"),
        (Some(first), Some(last)) => format!(", last looked for between {first} and {last}"),
        _ => return String::new(),
    };
    match matrix.bugs.iter().filter(|bug| bug.met_all.is_none()).count() {
        0 => looked,
        1 => format!("{looked}; one bug is newer and has none yet"),
        newer => format!("{looked}; {newer} bugs are newer and have none yet"),
    }
}

/// The grid of a task. No line in it is blank: one would end the HTML in Markdown.
fn grid(stage: &Stage, task: &Task, bugs: &[&Row]) -> String {
    let catches = |check: &&String| bugs.iter().any(|bug| bug.caught_by_all.contains(check));
    let checks: Vec<&String> = matrix::checks(stage).filter(catches).collect();
    let title = escape(&task.title);
    let mut html = format!(
        "\n## {} {{#{}}}\n\n<div class=\"matrix\" role=\"region\" aria-label=\"The kill matrix of {title}\">\n<table>\n<thead>\n<tr>\
         <th scope=\"col\">Bug</th><th scope=\"col\">Steps</th>",
        task.title, task.id
    );
    for (number, check) in (1..).zip(&checks) {
        let _ = write!(html, "<th scope=\"col\" title=\"{}\">{number}</th>", escape(&sentence(check)));
    }
    html += "</tr>\n</thead>\n<tbody>\n";
    for bug in bugs {
        let steps = bug.steps.map_or("–".into(), |steps| steps.to_string());
        let marks: String = checks.iter().map(|check| format!("<td>{}</td>", bug.mark(check))).collect();
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><a href=\"../{}/bugs.md#{name}\">{name}</a></th><td>{steps}</td>{marks}</tr>",
            stage.id,
            name = bug.name
        );
    }
    html += "</tbody>\n</table>\n</div>\n\n";
    for (number, check) in (1..).zip(&checks) {
        let owner = stage.tasks.iter().find(|other| other.id != task.id && other.checks.contains(check));
        let of = owner.map_or(String::new(), |owner| format!(" ({})", owner.title));
        let _ = writeln!(html, "{number}. {}{of}", sentence(check));
    }
    html
}

fn variants(variants: &[Variant]) -> String {
    if variants.is_empty() {
        return String::new();
    }
    let mut text = "\n## What the checks let pass\n\nChecks state properties, not one way to write the code. These look different and are \
                    right:\n\n"
        .to_owned();
    for variant in variants {
        let _ = writeln!(text, "- **{}**: {} {}", variant.name, variant.what, variant.why_correct);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dev::bugs::matrix::samples::{row, stage};

    fn matrix() -> Matrix {
        let silent = Row { steps: None, ..row("opens-twice", &["abd::processes"], &[]) };
        let variant = Variant { name: "by-hand".into(), what: "By hand.".into(), why_correct: "The same.".into() };
        Matrix {
            bugs: vec![row("no-write-back", &["abd::writes"], &["abd::processes"]), silent],
            variants: vec![variant],
        }
    }

    #[test]
    fn each_task_has_a_grid_of_its_bugs_and_of_the_checks_that_catch_them() {
        let html = html(&matrix(), &stage());
        let bug = |name: &str, cells: &str| {
            format!("<tr><th scope=\"row\"><a href=\"../1-cap/bugs.md#{name}\">{name}</a></th>{cells}</tr>")
        };
        for part in [
            "the 2 bugs below",
            "the 3 checks",
            "## The register {#abd}",
            "<th scope=\"col\" title=\"writes\">1</th><th scope=\"col\" title=\"processes\">2</th></tr>",
            &bug("no-write-back", "<td>9</td><td>●</td><td>○</td>"),
            "1. writes\n2. processes (Servers & clients)\n",
            "## Servers & clients {#server}",
            "aria-label=\"The kill matrix of Servers &amp; clients\"",
            &bug("opens-twice", "<td>–</td><td>●</td>"),
            "- **by-hand**: By hand. The same.\n",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
    }

    #[test]
    fn it_says_when_open_circles_were_looked_for() {
        let mut matrix = matrix();
        assert_eq!(days(&matrix), ", last looked for on 2026-11-01");
        matrix.bugs.push(Row { met_all: Some("2026-11-03".into()), ..matrix.bugs[0].clone() });
        assert_eq!(days(&matrix), ", last looked for between 2026-11-01 and 2026-11-03");
        matrix.bugs.push(Row { met_all: None, ..matrix.bugs[0].clone() });
        assert!(days(&matrix).ends_with("; one bug is newer and has none yet"));
        matrix.bugs.push(matrix.bugs[3].clone());
        assert!(days(&matrix).ends_with("; 2 bugs are newer and have none yet"));
    }
}
