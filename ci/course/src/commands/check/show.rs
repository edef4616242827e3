//! What `cargo course check` prints.

use std::path::Path;

use testkit::check::{Ending, FailureKind, Outcome, Run, Verdict, report};

use super::{Graded, exit_of};
use crate::commands::status::score;
use crate::error::Exit;
use crate::guide::{self, count, points};
use crate::manifest::{Course, Stage, sentence};
use crate::misconception;
use crate::progress::Progress;
use crate::style::{self, BAD, FAINT, GOOD, STRONG, TYPE, WARN, paint, say, say_aside};
use crate::workspace::Workspace;

/// Why code does not compile: the compiler's words, and one line.
pub fn does_not_compile(workspace: &Workspace, diagnostics: &str, at: &Path) -> Exit {
    say_aside(diagnostics.trim_end());
    let own = workspace.root().join(at).starts_with(workspace.exercises());
    let in_checks = at.components().any(|part| part.as_os_str() == "tests");
    let (exit, says) = match (own, in_checks) {
        (true, false) => (Exit::NotPassed, "Your code does not compile yet, so no check was run."),
        (true, true) => (
            Exit::NotPassed,
            "The checks use something that your code no longer has: keep the starter's names and signatures. \
             `cargo course reset --dry-run FILE` shows the starter.",
        ),
        (false, _) => (
            Exit::Course,
            "This is not in your code but in the course. `git status` shows if it was changed by accident; if not, please \
             report it.",
        ),
    };
    say_aside(paint(FAINT, format!("\n{says}")));
    exit
}

/// A task's heading, and one line for each of its checks with what it proved.
pub fn checks(graded: &Graded) {
    let Graded { task, runs } = graded;
    say(format!("\n{} {}\n", paint(STRONG, &task.title), paint(FAINT, format!("({})", task.id))));
    for run in runs {
        let name = sentence(&run.check);
        match &run.ending {
            Ending::Verdict(Verdict { outcome: Outcome::Passed, evidence, .. }) => {
                say(format!("  {} {name}", paint(GOOD, "✓")));
                evidence.iter().for_each(|line| say(paint(FAINT, format!("      {line}"))));
            }
            ending => {
                let headline = paint(FAINT, report::headline(ending));
                say(format!("  {} {name}  {headline}", paint(BAD, "✗")));
            }
        }
    }
}

/// The failures: the first one in full (or all), and what may be behind them. Returns those that were shown in full.
pub fn failures<'g>(verbose: bool, workspace: &Workspace, stage: &Stage, graded: &'g [Graded]) -> Vec<&'g Run> {
    let mut failed: Vec<&Run> = graded.iter().flat_map(|graded| &graded.runs).filter(|run| !run.passed()).collect();
    let shown = if verbose { failed.len() } else { failed.len().min(1) };
    for run in &failed[..shown] {
        let text = report::text(run, style::colour());
        let (_, body) = text.split_once('\n').unwrap_or(("", &text));
        say(format!("\n{}\n{}", paint(BAD, format!("✗ {}", sentence(&run.check))), body.trim_end()));
    }
    if failed.len() > shown {
        let others = count(failed.len() - shown, "more check");
        say(paint(
            FAINT,
            format!("\n{others} failed; the first failure is the best one to start with. --verbose shows all."),
        ));
    }
    suspect(workspace, stage, graded);
    failed.truncate(shown);
    failed
}

/// The misconception that fails exactly these checks. Code that is not written yet has none, nor has a defect of the course.
fn suspect(workspace: &Workspace, stage: &Stage, graded: &[Graded]) {
    let runs: Vec<&Run> = graded.iter().flat_map(|graded| &graded.runs).collect();
    let unwritten = |run: &Run| run.failure().is_some_and(|failure| failure.kind == FailureKind::Unwritten);
    if runs.iter().any(|run| unwritten(run) || exit_of(run) == Exit::Course) {
        return;
    }
    let below = |run: &&'_ Run| run.check.strip_prefix("checks::").unwrap_or(&run.check).to_owned();
    let ran: Vec<String> = runs.iter().map(below).collect();
    let failed: Vec<String> = runs.iter().filter(|run| !run.passed()).map(below).collect();
    for found in misconception::behind(workspace, stage, &ran, &failed) {
        say(format!("\n{} {}", paint(WARN, "Perhaps this is behind it:"), found.misconception));
        say(format!("  Read book/src/{}", found.page));
    }
}

/// One line on a task that passed earlier and was checked again because its file changed.
pub fn neighbour(graded: &Graded) {
    let title = &graded.task.title;
    if graded.passed() {
        say(format!("\n{} {title} still passes.", paint(GOOD, "✓")));
    } else {
        let see = paint(TYPE, format!("cargo course check {}", graded.task.id));
        say(format!("\n{} {title} passed earlier, but does not any more: {see}", paint(BAD, "✗")));
    }
}

/// What was won and what comes next, or where help is.
pub fn closing(workspace: &Workspace, course: &Course, graded: &[Graded], before: &Progress, after: &Progress) {
    say("");
    for task in graded.iter().filter(|graded| graded.passed()).map(|graded| graded.task) {
        let won =
            if before.has_passed(task) { "passes again".into() } else { format!("passed: {}", points(task.points)) };
        say(format!("{} {won}", paint(GOOD, format!("✓ {}", task.title))));
    }
    match graded.iter().find(|graded| !graded.passed()) {
        Some(failed) if failed.exit() == Exit::Course => {}
        Some(failed) => {
            let hint = paint(TYPE, format!("cargo course hint {}", failed.task.id));
            say(format!("{} {hint}", paint(FAINT, "Stuck?")));
        }
        None => {
            say(paint(FAINT, format!("{}\n", score(course, after))));
            match guide::next(course, after) {
                Some(next) => say(next.steps(workspace, after)),
                None => say("Every task that is there is done."),
            }
        }
    }
}
