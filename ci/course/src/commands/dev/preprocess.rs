//! `cargo course dev preprocess`: puts the widgets into pages for whoever runs plain `mdbook build`.
//!
//! mdBook's protocol: with `supports RENDERER` the exit code is the answer; otherwise the context and the book come in as JSON on
//! the standard input, and the book goes out as JSON (<https://rust-lang.github.io/mdBook/for_developers/preprocessors.html>).

use std::io;

use mdbook_preprocessor::{Preprocessor, parse_input};

use crate::book::widgets::Widgets;
use crate::error::{Error, Exit};
use crate::workspace::Workspace;

/// Put task cards and quizzes into the pages of a book: mdBook runs this
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    question: Option<Question>,
}

#[derive(clap::Subcommand)]
enum Question {
    /// Exit with 0 if pages for this renderer can have widgets
    Supports {
        /// mdBook's name of it: `html`
        renderer: String,
    },
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let widgets = Widgets::new(workspace);
    let failed =
        |error: mdbook_preprocessor::errors::Error| Error::Course(format!("The book does not build: {error:#}"));
    if let Some(Question::Supports { renderer }) = &args.question {
        let supports = widgets.supports_renderer(renderer).map_err(failed)?;
        return Ok(if supports { Exit::Fine } else { Exit::NotPassed });
    }
    let (context, book) = parse_input(io::stdin().lock()).map_err(failed)?;
    let book = widgets.run(&context, book).map_err(failed)?;
    serde_json::to_writer(io::stdout().lock(), &book)
        .map_err(|error| Error::Course(format!("The book cannot be handed back to mdBook: {error}. Run it again.")))?;
    Ok(Exit::Fine)
}
