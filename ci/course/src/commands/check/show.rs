//! What `cargo course check` prints.

use std::path::Path;

use testkit::check::{Ending, Outcome, Run, Verdict, report};

use super::{Closing, Graded, Teller, blame};
use crate::bars::Bars;
use crate::commands::status::score;
use crate::error::Exit;
use crate::guide::{self, count, points, titled};
use crate::manifest::ground::reference_of;
use crate::manifest::{Stage, sentence};
use crate::misconception::Misconception;
use crate::progress::Prints;
use crate::refusals::Refusal;
use crate::runner::{Diagnostic, Listener};
use crate::style::{self, BAD, FAINT, GOOD, TYPE, WARN, paint, say, say_aside};
use crate::workspace::Workspace;

/// Tells a check in the terminal.
pub struct Terminal {
    bars: Bars,
    verbose: bool,
}

impl Terminal {
    /// With every failure in full, or only with the first.
    pub fn new(verbose: bool) -> Self {
        Self { bars: Bars::default(), verbose }
    }
}

impl Teller for Terminal {
    fn listener(&self) -> &dyn Listener {
        &self.bars
    }

    fn stands_on(&self, references: &[&Stage]) {
        if !references.is_empty() {
            say(paint(WARN, format!("This stage stands on {}.", reference_of(references))));
        }
    }

    fn refused(&self, refusals: &[Refusal]) {
        refusals.iter().for_each(|refusal| say_aside(format!("{} {refusal}", paint(BAD, "refused:"))));
        say_aside(paint(FAINT, "\nNothing was built or run."));
    }

    fn does_not_compile(&self, workspace: &Workspace, stage: &Stage, diagnostics: &[Diagnostic], at: &Path) -> Exit {
        does_not_compile(workspace, stage, diagnostics, at)
    }

    fn graded<'g>(&self, graded: &'g [Graded], suspects: &[Misconception]) -> Vec<&'g Run> {
        graded.iter().for_each(checks);
        let failed = failures(self.verbose, graded);
        for found in suspects {
            say(format!("\n{} {}", paint(WARN, "Perhaps this is behind it:"), found.misconception));
            say(format!("  Read book/src/{}", found.page));
        }
        failed
    }

    fn closing(&self, closing: &Closing) {
        closing.again.iter().for_each(neighbour);
        if closing.warnings > 0 && closing.graded.iter().all(Graded::passed) {
            let warnings = count(closing.warnings, "warning");
            let see = format!("\nThe compiler has {warnings} for you: cargo check -p {}", closing.stage.package);
            say(paint(FAINT, see));
        }
        what_comes_next(closing);
    }
}

/// Why code does not compile: the compiler's words, and one line.
pub fn does_not_compile(workspace: &Workspace, stage: &Stage, diagnostics: &[Diagnostic], at: &Path) -> Exit {
    let shown: String = diagnostics.iter().map(|error| error.rendered.as_str()).collect();
    say_aside(shown.trim_end());
    let (exit, says) = blame(workspace, stage, at);
    say_aside(paint(FAINT, format!("\n{says}")));
    exit
}

/// A task's heading, and one line for each of its checks with what it proved.
fn checks(graded: &Graded) {
    let Graded { task, runs } = graded;
    say(format!("\n{}\n", titled(task)));
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

/// The failures: the first one in full, or all. Returns those that were shown in full.
fn failures<'g>(verbose: bool, graded: &'g [Graded]) -> Vec<&'g Run> {
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
    failed.truncate(shown);
    failed
}

/// One line on a task that passed earlier and was checked again because its file changed.
fn neighbour(graded: &Graded) {
    let title = &graded.task.title;
    if graded.passed() {
        say(format!("\n{} {title} still passes.", paint(GOOD, "✓")));
    } else {
        let see = paint(TYPE, format!("cargo course check {}", graded.task.id));
        say(format!("\n{} {title} passed earlier, but does not any more: {see}", paint(BAD, "✗")));
    }
}

/// What was won and what comes next, or where help is.
fn what_comes_next(closing: &Closing) {
    let Closing { workspace, course, graded, before, after, .. } = *closing;
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
            // The files may have changed while the checks ran.
            say(guide::outlook(course, after, &Prints::take(course, workspace), workspace));
        }
    }
}
