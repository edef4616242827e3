//! Says when something that the book is made of has changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::book::includes::sources;
use crate::error::Error;
use crate::workspace::Workspace;

/// An editor's save is several events. What comes within this time of the last one belongs to the same save.
const QUIET: Duration = Duration::from_millis(60);

/// Watches the folders that the book is made from.
pub struct Watcher {
    /// Ends the watch when it is dropped.
    _watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    workspace: Workspace,
}

impl Watcher {
    /// Starts to watch `book`, and what its pages include from: `ci`, `exercises` and `solutions`.
    pub fn new(workspace: &Workspace) -> Result<Self, Error> {
        let (sender, events) = mpsc::channel();
        let failed = |error: notify::Error| {
            Error::Course(format!(
                "Pages are not rebuilt when they change, because watching them is impossible: {error}."
            ))
        };
        let mut watcher = notify::recommended_watcher(sender).map_err(failed)?;
        for folder in ["book", "ci", "exercises", "solutions"].map(|folder| workspace.root().join(folder)) {
            if folder.is_dir() {
                watcher.watch(&folder, RecursiveMode::Recursive).map_err(failed)?;
            }
        }
        Ok(Self { _watcher: watcher, events, workspace: workspace.clone() })
    }

    /// Waits until something has changed, and then until all is quiet. An end of the watch is an error.
    pub fn wait(&self) -> Result<(), Error> {
        let sources = sources(&self.workspace.book());
        let ended =
            |_| Error::Course("The system stopped telling of changed files. Start `cargo course serve` again.".into());
        loop {
            if self.matters(&self.events.recv().map_err(ended)?, &sources) {
                while self.events.recv_timeout(QUIET).is_ok() {}
                return Ok(());
            }
        }
    }

    fn matters(&self, event: &notify::Result<Event>, sources: &BTreeSet<PathBuf>) -> bool {
        match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => false,
            Ok(event) if event.need_rescan() => true,
            Ok(event) => event.paths.iter().any(|path| is_source(path, &self.workspace.book(), sources)),
            Err(_) => true,
        }
    }
}

/// Whether the book is made from a file: one of its own that is neither built nor an editor's, or one that a page includes.
fn is_source(path: &Path, book: &Path, included: &BTreeSet<PathBuf>) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = name.starts_with('.') || name.ends_with('~') || name == "4913";
    let own = path.starts_with(book) && !path.starts_with(book.join("book"));
    included.contains(path) || own && !temporary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_what_they_include_are_sources() {
        let included = BTreeSet::from([PathBuf::from("/course/solutions/1-cap/src/abd.rs")]);
        let cases = [
            ("/course/book/src/1-cap/abd.md", true),
            ("/course/book/theme/course.css", true),
            ("/course/book/book.toml", true),
            ("/course/book/book/index.html", false),
            ("/course/book/src/.abd.md.swp", false),
            ("/course/book/src/abd.md~", false),
            ("/course/book/src/4913", false),
            ("/course/solutions/1-cap/src/abd.rs", true),
            ("/course/solutions/1-cap/src/lww.rs", false),
        ];
        for (path, is) in cases {
            assert_eq!(is_source(Path::new(path), Path::new("/course/book"), &included), is, "{path}");
        }
    }
}
