//! `cargo course dev verify`: the course's audit of itself.
//!
//! Each audit says what it looked at and how long that took, and for each finding the command or the edit that mends it. Nothing is
//! written outside of the target directory. The audits of code, which take longest, come last.

mod book;
mod code;
mod filled;
mod order;
mod tasks;
mod wording;

use std::time::Instant;

use crate::bars::spinner;
use crate::book::build::{Built, build};
use crate::error::{Error, Exit};
use crate::manifest::Course;
use crate::style::{self, BAD, FAINT, GOOD, STRONG, TYPE, paint};
use crate::workspace::Workspace;

/// Audit the course: starters, solutions, checks, hints, bugs, and the book
///
/// Exits with 0 if all is well, with 1 if there are findings, and with 3 if an audit could not be made. Nothing is written outside
/// of the target directory.
#[derive(clap::Args)]
pub struct Args {
    /// Only the audits whose names contain this word
    #[arg(value_name = "WORD")]
    only: Option<String>,
    /// Try out every bug and variant, those too of which it is recorded that nothing has changed since they were proven
    #[arg(long)]
    all: bool,
    /// Leave out what `cargo test` has just shown: that solutions pass their checks
    #[arg(long, conflicts_with = "all")]
    tested: bool,
}

/// Something that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// How to mend it: a command, or what to edit.
    pub mend: String,
}

/// What an audit comes to.
#[derive(Debug, Default)]
pub struct Audited {
    /// What was looked at: "14 files".
    pub scope: String,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// What every audit may look at.
pub struct Subject<'w> {
    workspace: &'w Workspace,
    course: Course,
    /// Whether what is proven is shown again.
    all: bool,
    /// Whether the tests have just passed.
    tested: bool,
    /// The built book, or why there is none.
    book: Result<Built, String>,
}

type Audit = fn(&Subject) -> Result<Audited, Error>;

const AUDITS: [(&str, Audit); 21] = [
    ("tasks name files and labs that exist", tasks::name_what_exists),
    ("exercises stand on exercises, and solutions on solutions", tasks::stages_stand_on_their_own_sort),
    ("hints lead from a nudge to nearly the answer", tasks::hints),
    ("checks are listed in the order in which they can first pass", order::checks_come_as_they_can_pass),
    ("starters are current", code::starters_are_current),
    ("solutions hold no hole", code::solutions_hold_no_hole),
    ("each check must catch a bug", code::checks_catch_something),
    ("the kill matrix is current", code::matrix_is_current),
    ("the book builds without a complaint", book::builds),
    ("links and anchors of the book lead somewhere", book::links),
    ("includes of the book show something", book::includes),
    ("pages that the course names are in the book", book::named_pages),
    ("each task has its card on its page", book::cards),
    ("each stage has its catalogue of bugs", book::catalogues),
    ("wording: footnotes name their work", wording::footnotes),
    ("wording: no word is on the list of those to avoid", wording::words),
    ("starters compile without warnings and fail every check", code::starters_fail),
    ("starters compile without warnings while they are filled", filled::stay_free_of_warnings),
    ("solutions pass every check, and each check has one task", code::solutions_pass),
    ("what checks need is current", order::needs_are_current),
    ("bugs are caught and variants pass", code::bugs_are_caught),
];

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let bar = spinner("building the book");
    let book = build(workspace, None).map_err(|error| error.to_string());
    bar.finish_and_clear();
    let subject = Subject { workspace, course: Course::load(workspace)?, all: args.all, tested: args.tested, book };
    let wanted = |name: &str| args.only.as_deref().is_none_or(|word| name.contains(word));
    let mut exit = Exit::Fine;
    for (name, audit) in AUDITS.iter().filter(|(name, _)| wanted(name)) {
        exit = worse(exit, run_one(name, *audit, &subject));
    }
    style::say(match exit {
        Exit::Fine => paint(GOOD, "The course holds what it promises."),
        Exit::NotPassed => paint(BAD, "There are findings."),
        _ => paint(BAD, "Not every audit could be made."),
    });
    Ok(exit)
}

/// Makes one audit and prints what came of it.
fn run_one(name: &str, audit: Audit, subject: &Subject) -> Exit {
    let bar = spinner(name);
    let start = Instant::now();
    let audited = audit(subject);
    let took = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let say =
        |sign, rest: &str| style::say(format_args!("{sign} {} {name}{rest}", paint(FAINT, format!("{took:6.1} s"))));
    match audited {
        Ok(Audited { scope, findings }) if findings.is_empty() => {
            say(paint(GOOD, "ok     "), &format!(" ({scope})"));
            Exit::Fine
        }
        Ok(Audited { findings, .. }) => {
            say(paint(BAD, "FINDING"), "");
            findings.iter().for_each(Finding::say);
            Exit::NotPassed
        }
        Err(error) => {
            say(paint(BAD, "FAILED "), "");
            style::complain(&error);
            Exit::Course
        }
    }
}

fn worse(one: Exit, other: Exit) -> Exit {
    if other as u8 > one as u8 { other } else { one }
}

impl Finding {
    /// A finding and how to mend it.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }

    fn say(&self) {
        style::say(format_args!("  {} {} {}", paint(STRONG, "-"), self.what, paint(TYPE, format!("[{}]", self.mend))));
    }
}
