//! What a page has besides text: task cards, quizzes, recorded runs, labs, and the dashboard.
//!
//! A page places one by a line of its own, and this preprocessor puts HTML in its place:
//!
//! | line | what | from |
//! |---|---|---|
//! | `{{#task election}}` | [`task`]: a task's card | the stage's manifest |
//! | `{{#quiz quizzes/abd.predict.toml}}` | [`quiz`]: questions | a TOML file, relative to the page |
//! | `{{#trace raft-vote-not-saved}}` | [`trace`]: a run to step through | `traces/raft-vote-not-saved.json` beside the page |
//! | `{{#lab tradeoffs}}` | [`lab`]: an experiment to run | the stage's manifest |
//! | `{{#dashboard}}` | [`dashboard`]: all stages and tasks | all manifests |
//! | `{{#bugs 1-cap}}` | [`bugs`]: the catalogue of a stage's known bugs | the patches, and the recorded runs |
//! | `{{#matrix 1-cap}}` | [`matrix`]: which check catches which of them | the recorded matrix |
//!
//! Besides, it [folds](fold) the misconceptions of each page.
//!
//! The HTML is complete by itself: a page from a plain file server shows the card with the command to run, and the questions with
//! answers to open. Where the course's server serves the page, the scripts under `book/src/widgets` bring it to life. Markdown in the HTML
//! (a hint, a question) is left to mdBook, which renders it like the rest of the page.
//!
//! The course builds the book with this in its own process. Plain `mdbook build` runs it as `cargo course dev preprocess`.

mod bugs;
mod dashboard;
mod fold;
mod lab;
mod matrix;
mod quiz;
mod task;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};

use mdbook_preprocessor::book::{Book, Chapter};
use mdbook_preprocessor::errors::{Error as BookError, Result as BookResult};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::book::bounds;
use crate::error::Error;
use crate::guide::effort::Efforts;
use crate::guide::pages::Pages;
use crate::manifest::Course;
use crate::workspace::Workspace;
use bugs::Bugs;

/// The preprocessor. Its name is that of its table in `book.toml`: `[preprocessor.course]`.
pub struct Widgets {
    workspace: Workspace,
}

impl Widgets {
    /// For the book of a workspace.
    pub fn new(workspace: &Workspace) -> Self {
        Self { workspace: workspace.clone() }
    }
}

impl Preprocessor for Widgets {
    fn name(&self) -> &'static str {
        "course"
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> BookResult<Book> {
        let source = Source::load(&self.workspace, context.root.join(&context.config.book.src));
        let source = source.map_err(|error| BookError::msg(error.to_string()))?;
        let mut wrong = Vec::new();
        book.for_each_chapter_mut(|chapter| match source.page(chapter) {
            Ok(content) => chapter.content = content,
            Err(why) => wrong.push(why),
        });
        if wrong.is_empty() { Ok(book) } else { Err(BookError::msg(wrong.join("\n"))) }
    }

    fn supports_renderer(&self, renderer: &str) -> BookResult<bool> {
        Ok(renderer == "html")
    }
}

/// What the widgets are made from.
struct Source {
    workspace: Workspace,
    course: Course,
    pages: Pages,
    bugs: Bugs,
    /// The folder of the pages.
    folder: PathBuf,
}

impl Source {
    fn load(workspace: &Workspace, folder: PathBuf) -> Result<Self, Error> {
        let course = Course::load(workspace)?;
        let bugs = Bugs::load(workspace, &course)?;
        Ok(Self { workspace: workspace.clone(), pages: Pages::load(workspace), course, bugs, folder })
    }

    /// A page with its widgets, and with its misconceptions folded. The error is a sentence with the page's name.
    fn page(&self, chapter: &Chapter) -> Result<String, String> {
        let name = chapter.source_path.clone().unwrap_or_default().display().to_string();
        let expanded = expand(&chapter.content, |directive| {
            directive.html(self, &name).map_err(|why| format!("{name}:{}: {why}", directive.line))
        })?;
        fold::fold(&expanded, |id| self.bugs.of_section(&name, id)).map_err(|why| format!("{name}: {why}"))
    }

    /// The Markdown of a page, or nothing if there is none.
    fn text(&self, page: &str) -> String {
        fs::read_to_string(self.folder.join(page)).unwrap_or_default()
    }
}

/// A line of a page in whose place a widget comes.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive<'p> {
    /// The line, from 1.
    line: usize,
    /// One of [`NAMES`].
    pub name: &'p str,
    /// What follows the name.
    pub argument: &'p str,
}

const NAMES: [&str; 7] = ["task", "quiz", "trace", "lab", "dashboard", "bugs", "matrix"];

impl<'p> Directive<'p> {
    /// The directive that a line is, if it is one.
    fn parse(line: usize, text: &'p str) -> Option<Self> {
        let inside = text.trim().strip_prefix("{{#")?.strip_suffix("}}")?;
        let (name, argument) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        NAMES.contains(&name).then_some(Self { line, name, argument: argument.trim() })
    }

    /// What comes in its place on a page. The error is a sentence.
    fn html(&self, source: &Source, page: &str) -> Result<String, String> {
        let Self { name, argument, .. } = *self;
        if !bounds::is_below(argument) {
            return Err(format!("`{argument}` leads out of the page's folder: name a file in it"));
        }
        let Source { workspace, course, pages, bugs, .. } = source;
        let efforts = || Efforts::load(workspace, course);
        let folder = source.folder.join(page);
        let folder = folder.parent().unwrap_or(Path::new(""));
        let html = match name {
            "task" => course.task(argument).map(|(stage, task)| task::card(stage, task, &efforts().of(stage, task))),
            "quiz" => return quiz::load(folder, argument),
            "trace" => return trace::load(folder, argument),
            "lab" => course.lab(argument).map(|(_, lab)| lab::card(lab)),
            "bugs" => course.named_stage(argument).map(|stage| bugs.catalogue(stage, page, |page| source.text(page))),
            "matrix" => course.named_stage(argument).and_then(|stage| matrix::load(workspace, stage)),
            _ => Ok(dashboard::html(course, pages)),
        };
        html.map_err(|error| error.to_string())
    }
}

/// Whether a page places a widget: `has(page, "task", "election")`.
pub fn has(page: &str, name: &str, argument: &str) -> bool {
    lines(page).any(|(_, found)| found.is_some_and(|found| (found.name, found.argument) == (name, argument)))
}

/// Puts the HTML of each directive in its place.
fn expand(page: &str, html: impl Fn(&Directive) -> Result<String, String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(page.len());
    for (line, directive) in lines(page) {
        match directive {
            Some(directive) => expanded.push_str(&html(&directive)?),
            None => expanded.push_str(line),
        }
        expanded.push('\n');
    }
    Ok(expanded)
}

/// The lines of a page, each with the directive that it is. Lines in a fenced block are none.
pub fn lines(page: &str) -> impl Iterator<Item = (&str, Option<Directive<'_>>)> {
    let mut fence = None;
    page.lines().zip(1..).map(move |(line, number)| {
        let opens = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        fence = match (fence, opens) {
            (None, opens) => opens,
            (Some(open), Some(mark)) if open == mark => None,
            (open, _) => open,
        };
        (line, Directive::parse(number, line).filter(|_| fence.is_none()))
    })
}

/// The way from a page to the book's root.
fn to_root(page: &str) -> String {
    "../".repeat(page.matches('/').count())
}

/// Text as it may stand in HTML, in an element or in an attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_stands_on_a_line_of_its_own_and_not_in_a_listing() {
        let page = "# Page\n\n{{#task abd}}\n\n```md\n{{#task abd}}\n```\nsee {{#task abd}}\n{{#include a.rs}}\n{{#quiz  a.toml }}";
        let html = |directive: &Directive| Ok(format!("<{} {}>", directive.name, directive.argument));
        let expected =
            "# Page\n\n<task abd>\n\n```md\n{{#task abd}}\n```\nsee {{#task abd}}\n{{#include a.rs}}\n<quiz a.toml>\n";
        assert_eq!(expand(page, html).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let html = |directive: &Directive| Err(format!("{}: no", directive.line));
        assert_eq!(expand("one\n{{#task two}}", html).unwrap_err(), "2: no");
    }
}
