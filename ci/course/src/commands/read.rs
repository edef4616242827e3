//! `cargo course read`: a page of the book in the terminal, with what it takes from other files in its place.
//!
//! The pages' Markdown names code, runs and cards that only the built book has. Here each stands as text: code as it is, a recorded run as
//! `cargo course replay` would draw it, a task's card as the command that checks it. Figures and questions are named: those need a browser.

use std::path::Path;

use testkit::trace::{Trace, terminal};

use crate::book::includes::includes;
use crate::book::widgets::{self, Directive};
use crate::error::{Error, Exit};
use crate::guide::pages::{Page, Pages};
use crate::guide::{self, worth};
use crate::manifest::{Course, nearest};
use crate::progress::{Prints, Progress};
use crate::style::{self, FAINT, STRONG, TYPE, paint, say};
use crate::workspace::Workspace;

/// Read a page of the book in the terminal: the next one, or the one that you name.
#[derive(clap::Args)]
pub struct Args {
    /// A page (`raft`, `1-cap/raft.md`) or a task (`abd`).
    pub page: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let pages = Pages::load(workspace);
    let page = match &args.page {
        Some(name) => named(name, &course, &pages)?,
        None => next(&course, &pages, workspace)?,
    };
    let file = workspace.book().join("src").join(&page.file);
    let text = std::fs::read_to_string(&file).map_err(Error::io("read", &file))?;
    say(render(&text, &file, &course).trim_end());
    let after = pages.after(&page).map(|next| format!("cargo course read {}", next.stem()));
    if let Some(command) = after {
        say(format!("\n{} {}", paint(FAINT, "The next page:"), paint(TYPE, command)));
    }
    Ok(Exit::Fine)
}

/// The page that a name means: a file with or without its folder and its end, or a task's page.
fn named(name: &str, course: &Course, pages: &Pages) -> Result<Page, Error> {
    let short = name.strip_prefix("book/src/").unwrap_or(name);
    let short = short.strip_suffix(".md").unwrap_or(short);
    let of_task =
        || course.task(name).ok().and_then(|(_, task)| pages.called(task.page.split('#').next()?.strip_suffix(".md")?));
    pages.called(short).or_else(of_task).cloned().ok_or_else(|| Error::Unknown {
        what: "page",
        name: name.into(),
        nearest: nearest(short, pages.names()),
        list: "cargo course",
    })
}

/// The first page to read next.
fn next(course: &Course, pages: &Pages, workspace: &Workspace) -> Result<Page, Error> {
    let (progress, prints) = (Progress::load(workspace)?, Prints::take(course, workspace));
    let next = guide::next(course, &progress, &prints);
    let to_read = match next {
        Some(next) => pages.to(course, &progress, next.stage, next.task),
        None => guide::all_done(course, &progress).map(|done| done.left(pages, &progress)).unwrap_or_default(),
    };
    to_read.into_iter().next().ok_or_else(|| {
        Error::Usage("There is nothing that you have to read. Name a page: `cargo course read 1-cap/raft`.".into())
    })
}

/// The page as text: with what it includes, and with something to read in the place of each widget.
fn render(markdown: &str, file: &Path, course: &Course) -> String {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut is_code = false;
    let mut text = String::new();
    for (line, directive) in widgets::lines(markdown) {
        is_code ^= line.trim_start().starts_with("```");
        let line = match directive {
            Some(directive) => told(&directive, folder, course),
            None => included(line, folder),
        };
        let heading = !is_code && line.starts_with('#');
        if heading {
            text.push_str(&paint(STRONG, line).to_string());
        } else if is_code || !is_tag(&line) {
            text.push_str(&line);
        } else {
            continue;
        }
        text.push('\n');
    }
    text
}

/// A line of HTML alone is for the browser.
fn is_tag(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('<') && line.ends_with('>') && !line.starts_with("<http")
}

/// A line with what it includes in the place of the directive.
fn included(line: &str, folder: &Path) -> String {
    let Some(include) = includes(line).into_iter().next() else { return line.to_owned() };
    match include.text(folder) {
        Some(figure) if include.path.ends_with(".svg") => {
            format!("(A figure{}: `cargo course serve` shows it.)", title(&figure))
        }
        Some(text) => text,
        None => line.to_owned(),
    }
}

/// What a figure says that it shows.
fn title(figure: &str) -> String {
    let between = |open: &str, close: &str| Some(figure.split_once(open)?.1.split_once(close)?.0.to_owned());
    between("<title>", "</title>")
        .or_else(|| between("aria-label=\"", "\""))
        .map(|title| format!(", {title}"))
        .unwrap_or_default()
}

/// What is shown in place of a widget.
fn told(directive: &Directive, folder: &Path, course: &Course) -> String {
    let argument = directive.argument;
    match directive.name {
        "task" => course.task(argument).map_or_else(
            |error| error.to_string(),
            |(stage, task)| {
                let files: Vec<_> = task.files.iter().map(|file| format!("exercises/{}/{file}", stage.id)).collect();
                let edit = if files.is_empty() { String::new() } else { format!("Edit {}. ", files.join(", ")) };
                let check = paint(TYPE, format!("cargo course check {}", task.id));
                format!("{} ({}). {edit}Check it: {check}", paint(STRONG, format!("Task: {}", task.title)), worth(task))
            },
        ),
        "trace" => match Trace::load(&folder.join("traces").join(format!("{argument}.json"))) {
            Ok(trace) => {
                terminal::render(&trace, &terminal::Options { colour: style::colour(), ..terminal::Options::default() })
            }
            Err(error) => error.to_string(),
        },
        "lab" => format!("Lab: {}", paint(TYPE, format!("cargo course lab {argument}"))),
        "bugs" => "(The stage's known bugs, with their runs: `cargo course serve` shows them.)".to_owned(),
        "matrix" => "(Which check catches which bug: `cargo course serve` shows it.)".to_owned(),
        "quiz" => "(Questions: `cargo course serve` asks them.)".to_owned(),
        _ => format!("(Where you are: {})", paint(TYPE, "cargo course")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_text_with_what_it_includes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.rs"), "// ANCHOR: a\nfn a() {}\n// ANCHOR_END: a\n").unwrap();
        std::fs::write(folder.path().join("f.svg"), "<svg><title>Three servers</title></svg>").unwrap();
        let page = "Look:\n\n```rust\n{{#include a.rs:a}}\n<T>\n```\n\n<figure>\n{{#include f.svg}}\n</figure>\n\n{{#quiz q.toml}}\n\
                    {{#task none}}\n";
        let course = Course { stages: Vec::new() };
        let text = render(page, &folder.path().join("page.md"), &course);
        let expected = "Look:\n\n```rust\nfn a() {}\n<T>\n```\n\n(A figure, Three servers: `cargo course serve` shows it.)\n\n\
                        (Questions: `cargo course serve` asks them.)\nNo task is called `none`. `cargo course` lists them.\n";
        assert_eq!(text, expected);
        assert!(!text.contains("{{#"));
    }
}
