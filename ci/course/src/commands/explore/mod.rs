//! `cargo course explore`: a walk through the states of one's own code.
//!
//! The walk takes place in the book, on the task's page: this serves it, and says where to open it. With `--json` it guides a walk step by
//! step ([`walks`]), which is what the page shows.
//!
//! stateright brings an Explorer of its own. It showed the same states without the check's staged steps, its rules' words and what may go
//! wrong beyond its scope, and its server answers whoever asks, pages of other sites included. So it is not used.

mod walks;

use crate::book::{address, encoded};
use crate::commands::serve;
use crate::error::{Error, Exit};
use crate::guide;
use crate::manifest::{Course, Stage, Task, nearest};
use crate::progress::{Prints, Progress};
use crate::runner;
use crate::style::{FAINT, STRONG, TYPE, paint, say};
use crate::workspace::Workspace;

/// Walk through the states of your own code in the browser.
#[derive(clap::Args)]
pub struct Args {
    /// A task, or one of its checks (`abd::every_history_is_linearizable`).
    pub name: Option<String>,
    /// Which scope of the check; the first one if you name none.
    #[arg(long)]
    pub scope: Option<String>,
    /// The port to serve on; the next free one if it is taken, and 0 takes any.
    #[arg(long, default_value_t = 3100)]
    pub port: u16,
    /// Open it in the browser.
    #[arg(long)]
    pub open: bool,
    /// Serve nothing: take the places to show from the standard input, print each as a line of JSON, and end when the input does.
    #[arg(long, conflicts_with_all = ["scope", "port", "open"])]
    pub json: bool,
}

/// What is to be explored.
struct Chosen<'c> {
    stage: &'c Stage,
    task: &'c Task,
    /// The one check that was named, if one was.
    check: Option<&'c str>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let chosen = choose(args, &course, workspace)?;
    if args.json {
        let all = || chosen.task.checks.iter().map(String::as_str).collect();
        let checks: Vec<&str> = chosen.check.map_or_else(all, |check| vec![check]);
        return walks::guide(workspace, chosen.stage, &checks);
    }
    let title = chosen.task.title.clone();
    serve::serve(workspace, args.port, &chosen.page(args.scope.as_deref()), args.open, |address| {
        say(format!("\n{} {title}\n\n  Open {}\n", paint(STRONG, "Exploring:"), paint(TYPE, address)));
        say(paint(FAINT, "Ctrl-C ends it."));
    })
}

impl Chosen<'_> {
    /// The page of the task, with what the explorer there begins with.
    fn page(&self, scope: Option<&str>) -> String {
        let page = address(&self.task.page);
        let (file, anchor) = page.split_once('#').unwrap_or((&page, ""));
        let check = self.check.map(|check| ("check", runner::test_path(check)));
        let scope = scope.map(|scope| ("scope", scope.to_owned()));
        let parameters = [Some(("explore", self.task.id.clone())), check, scope].into_iter().flatten();
        let parameters: Vec<String> =
            parameters.map(|(name, value)| format!("{name}={}", encoded(&value, b""))).collect();
        let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
        format!("{file}?{}{anchor}", parameters.join("&"))
    }
}

/// What may be meant: a task, or one of its checks.
fn choose<'c>(args: &Args, course: &'c Course, workspace: &Workspace) -> Result<Chosen<'c>, Error> {
    let all = || {
        let checks_of =
            |(stage, task): (&'c Stage, &'c Task)| task.checks.iter().map(move |check| (stage, task, check.as_str()));
        course.tasks().flat_map(checks_of)
    };
    if let Some(name) = &args.name {
        let is_meant =
            |check: &str| check == name || runner::test_path(check) == *name || check.rsplit("::").next() == Some(name);
        if let Some((stage, task, check)) = all().find(|(.., check)| is_meant(check)) {
            return Ok(Chosen { stage, task, check: Some(check) });
        }
        if course.task(name).is_err() {
            let names = course.tasks().map(|(_, task)| task.id.as_str()).chain(all().map(|(.., check)| check));
            let nearest = nearest(name, names);
            return Err(Error::Unknown { what: "task or check", name: name.clone(), nearest, list: "cargo course" });
        }
    }
    let (progress, prints) = (Progress::load(workspace)?, Prints::take(course, workspace));
    let next = guide::named_or_next(course, &progress, &prints, args.name.as_deref())?;
    let next = next.ok_or_else(|| Error::Usage("Every task is done. Name the one that you want to explore.".into()))?;
    Ok(Chosen { stage: next.stage, task: next.task, check: None })
}
