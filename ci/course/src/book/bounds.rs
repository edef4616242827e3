//! What the book may be made of: its own files, and what its pages take from the course's sources. A link or an include that leads
//! elsewhere on this machine would put what is there into pages that anyone on it can read.
//!
//! The book is not built if something in it leads out. It is looked at before mdBook is, because mdBook follows everything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::includes::includes;
use crate::workspace::Workspace;

/// What pages may take something from.
const SOURCES: [&str; 4] = ["book", "ci", "exercises", "solutions"];

/// What leads out of the book, each as a sentence with the next step.
pub fn strays(workspace: &Workspace) -> Vec<String> {
    let book = workspace.book();
    let mut files = Vec::new();
    let mut found = Vec::new();
    look(&book, &book, &mut files, &mut |link: &Path| {
        found.push(format!(
            "{} is a link that leads out of the book: put the file itself there.",
            workspace.shown(link)
        ));
    });
    let mut seen = BTreeSet::new();
    for page in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        follow(workspace, page, &mut seen, &mut found);
    }
    found.extend(chapters(&book.join("src")));
    found
}

/// Lists the files below a folder, but for the built book, and tells of links that leave `book`.
fn look(book: &Path, folder: &Path, files: &mut Vec<PathBuf>, stray: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && path != book.join("book") => look(book, &path, files, stray),
            Ok(kind) if kind.is_symlink() && !is_within(&path, &[book.to_owned()]) => stray(&path),
            Ok(kind) if kind.is_dir() => {}
            _ => files.push(path),
        }
    }
}

/// Whether a path, with all links followed, is in one of some folders. What is not there is: it holds nothing.
fn is_within(path: &Path, folders: &[PathBuf]) -> bool {
    let Ok(place) = fs::canonicalize(path) else { return true };
    folders.iter().filter_map(|folder| fs::canonicalize(folder).ok()).any(|folder| place.starts_with(folder))
}

/// Looks at what a file includes, and what that includes, as mdBook does.
fn follow(workspace: &Workspace, file: &Path, seen: &mut BTreeSet<PathBuf>, found: &mut Vec<String>) {
    if !seen.insert(file.to_owned()) {
        return;
    }
    let Ok(text) = fs::read_to_string(file) else { return };
    let folder = file.parent().unwrap_or(Path::new(""));
    let allowed = SOURCES.map(|folder| workspace.root().join(folder));
    for include in includes(&text) {
        let included = include.file(folder);
        if is_within(&included, &allowed) {
            follow(workspace, &included, seen, found);
        } else {
            let place = format!("{}:{}", workspace.shown(file), include.line);
            let allowed = SOURCES.join(", ");
            found.push(format!(
                "{place} includes `{}`: a page may include from {allowed} and nothing else.",
                include.path
            ));
        }
    }
}

/// Chapters that are not in the book's source.
fn chapters(source: &Path) -> Vec<String> {
    let summary = fs::read_to_string(source.join("SUMMARY.md")).unwrap_or_default();
    let links = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.is_empty());
    let strays = links.filter(|link| !is_below(link) || !is_within(&source.join(link), &[source.to_owned()]));
    strays
        .map(|link| format!("book/src/SUMMARY.md names `{link}`, which is not in book/src: move the page there."))
        .collect()
}

/// Whether a path leads down from a folder, and never up or elsewhere.
pub fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A course with one page, in a folder beside which a secret is.
    fn course() -> (tempfile::TempDir, Workspace) {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("course");
        for folder in ["exercises", "solutions", "book/src/1-tiny", ".course"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::write(root.join(".course/progress.toml"), "secret").unwrap();
        fs::write(root.join("Cargo.toml"), "").unwrap();
        fs::write(root.join("solutions/a.rs"), "fn a() {}").unwrap();
        fs::write(root.join("book/src/SUMMARY.md"), "- [Tiny](1-tiny/README.md)\n- [Later]()\n").unwrap();
        fs::write(root.join("book/src/1-tiny/README.md"), "{{#include ../../../solutions/a.rs}} {{#include b.md}}")
            .unwrap();
        (outside, Workspace::above(&root).unwrap())
    }

    #[test]
    fn a_book_of_its_own_files_and_the_courses_sources_is_in_bounds() {
        let (_folder, workspace) = course();
        symlink("README.md", workspace.book().join("src/1-tiny/again.md")).unwrap();
        assert_eq!(strays(&workspace), Vec::<String>::new());
    }

    #[test]
    fn links_that_leave_the_book_are_named() {
        let (folder, workspace) = course();
        for (at, to) in [("secret.txt", "secret"), ("all", "."), ("1-tiny/record.md", "course/.course/progress.toml")] {
            let link = workspace.book().join("src").join(at);
            symlink(folder.path().join(to), &link).unwrap();
            let found = strays(&workspace);
            let says = format!("book/src/{at} is a link that leads out of the book: put the file itself there.");
            assert_eq!(found, [says]);
            fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn includes_that_leave_the_course_are_named_however_they_are_written() {
        let (folder, workspace) = course();
        let secret = folder.path().join("secret");
        symlink(&secret, workspace.root().join("solutions/link.rs")).unwrap();
        fs::write(workspace.root().join("solutions/through.rs"), "{{#include ../.course/progress.toml}}").unwrap();
        let secret = secret.display();
        for include in [
            "{{#include ../../../../secret}}".to_owned(),
            format!("{{{{#include {secret}}}}}"),
            "{{ #rustdoc_include ../../../../secret:1}}".to_owned(),
            "{{#playground\n../../../../secret}}".to_owned(),
            "{{#include ../../../.course/progress.toml}}".to_owned(),
            "{{#include ../../../solutions/link.rs}}".to_owned(),
            "{{#include ../../../solutions/through.rs}}".to_owned(),
        ] {
            fs::write(workspace.book().join("src/1-tiny/README.md"), &include).unwrap();
            let found = strays(&workspace);
            assert!(found.len() == 1 && found[0].contains("a page may include from book, ci"), "{include}: {found:?}");
        }
    }

    #[test]
    fn chapters_from_elsewhere_are_named() {
        let (folder, workspace) = course();
        for chapter in
            ["../../.course/progress.toml", "../../../secret", &folder.path().join("secret").display().to_string()]
        {
            fs::write(workspace.book().join("src/SUMMARY.md"), format!("- [Secret]({chapter})\n")).unwrap();
            let says = format!("book/src/SUMMARY.md names `{chapter}`, which is not in book/src: move the page there.");
            assert_eq!(strays(&workspace), [says]);
        }
    }
}
