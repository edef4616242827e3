//! Builds the book with mdBook's own library.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::book::bounds;
use crate::book::site::Site;
use crate::book::widgets::Widgets;
use crate::error::Error;
use crate::workspace::Workspace;

/// A book that was built.
pub struct Built {
    /// The pages and all that they need.
    pub site: Site,
    /// What mdBook warned of, one line each: an include that it did not find, a tag that is not closed.
    pub complaints: Vec<String>,
}

/// Where `cargo course` builds the book to.
pub fn destination(workspace: &Workspace) -> PathBuf {
    workspace.scratch("book")
}

/// Builds the book, for a server with that reload endpoint or for none.
pub fn build(workspace: &Workspace, live_reload: Option<&str>) -> Result<Built, Error> {
    build_into(workspace, &destination(workspace), live_reload)
}

/// The same, into a folder of one's own.
pub fn build_into(workspace: &Workspace, to: &Path, live_reload: Option<&str>) -> Result<Built, Error> {
    let strays = bounds::strays(workspace);
    if !strays.is_empty() {
        return Err(Error::Course(format!("The book does not build: {}", strays.join("\n"))));
    }
    let complaints = Complaints::default();
    let built = tracing::subscriber::with_default(complaints.clone(), || run(workspace, to, live_reload));
    built.map_err(|why| Error::Course(format!("The book does not build: {why}")))?;
    Ok(Built { site: Site::load(to)?, complaints: complaints.take() })
}

/// Everything that mdBook says is one text: its errors name their causes one by one.
fn run(workspace: &Workspace, to: &Path, live_reload: Option<&str>) -> Result<(), String> {
    let book = workspace.book();
    let config = || {
        let mut config = Config::from_disk(book.join("book.toml"))?;
        config.build.build_dir = to.to_owned();
        if let Some(endpoint) = live_reload {
            config.set("output.html.live-reload-endpoint", endpoint)?;
        }
        MDBook::load_with_config(book, config)?.with_preprocessor(Widgets::new(workspace)).build()
    };
    config().map_err(|error| format!("{error:#}"))
}

/// Listens to what mdBook logs, and keeps the warnings and errors.
#[derive(Clone, Default)]
struct Complaints(Arc<Mutex<Vec<String>>>);

impl Complaints {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Complaints {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        // Causes are lines of their own, and repeat what the complaint says.
        if !message.0.starts_with("Caused By") {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.0);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The text of one event.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
