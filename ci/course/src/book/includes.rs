//! What the book's pages take from other files: `{{#include ../../../solutions/1-cap/src/abd.rs:write_back}}`.
//!
//! mdBook puts nothing in the place of an anchor that does not exist, and says nothing. So the course looks itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// One include of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Include {
    /// The line of the page, counted from 1.
    pub line: usize,
    /// The file, relative to the page's folder.
    pub path: String,
    /// Which part of it.
    pub part: Part,
}

/// Which part of a file is included.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What is between `ANCHOR: name` and `ANCHOR_END: name`.
    Anchor(String),
    /// From a line to a line, counted from 1, both optional.
    Lines(Option<usize>, Option<usize>),
}

const DIRECTIVES: [&str; 4] = ["include", "rustdoc_include", "playground", "playpen"];

/// The includes of a page, in order. Escaped ones (`\{{#include …}}`) are text.
pub fn includes(markdown: &str) -> Vec<Include> {
    directives(markdown)
        .filter_map(|(at, directive)| parse((1 + markdown[..at].matches('\n').count(), directive)))
        .collect()
}

/// What mdBook takes for a directive, each with its place: it may have spaces after the brackets, and go over several lines.
fn directives(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    markdown.match_indices('#').filter_map(|(sign, _)| {
        let before = markdown[..sign].trim_end();
        let at = before.strip_suffix("{{")?.len();
        let is_escaped = markdown[..at].ends_with('\\') && before.len() == sign;
        let directive = &markdown[sign + 1..];
        let inside = directive.split('}').next().filter(|_| !is_escaped)?;
        directive[inside.len()..].starts_with("}}").then_some((at, inside.trim()))
    })
}

fn parse((line, directive): (usize, &str)) -> Option<Include> {
    let mut words = directive.split_whitespace();
    words.next().filter(|name| DIRECTIVES.contains(name))?;
    let (path, part) = match words.next()?.split_once(':') {
        Some((path, part)) => (path, self::part(part)),
        None => return Some(Include { line, path: directive.split_whitespace().nth(1)?.into(), part: Part::Whole }),
    };
    Some(Include { line, path: path.into(), part })
}

fn part(text: &str) -> Part {
    let (start, end) = text.split_once(':').map_or((text, None), |(start, end)| (start, Some(end)));
    match start.parse::<usize>() {
        Ok(start) => Part::Lines(Some(start), end.map_or(Some(start), |end| end.parse().ok())),
        Err(_) if start.is_empty() => Part::Lines(None, end.and_then(|end| end.parse().ok())),
        Err(_) => Part::Anchor(start.into()),
    }
}

impl Include {
    /// The text that is included into a page in that folder, if there is one.
    pub fn text(&self, folder: &Path) -> Option<String> {
        let text = fs::read_to_string(self.file(folder)).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let part: Vec<&str> = match &self.part {
            Part::Whole => lines,
            Part::Anchor(name) => {
                let after = lines.iter().skip_while(|line| !names_anchor(line, "ANCHOR:", name)).skip(1);
                after.take_while(|line| !names_anchor(line, "ANCHOR_END:", name)).copied().collect()
            }
            Part::Lines(start, end) => {
                let start = start.unwrap_or(1).saturating_sub(1).min(lines.len());
                lines[start..end.unwrap_or(lines.len()).clamp(start, lines.len())].to_vec()
            }
        };
        let is_mark = |line: &&&str| line.contains("ANCHOR:") || line.contains("ANCHOR_END:");
        Some(part.iter().filter(|line| !is_mark(line)).copied().collect::<Vec<_>>().join("\n"))
    }

    /// The file that is meant, for a page in that folder.
    pub fn file(&self, folder: &Path) -> PathBuf {
        folder.join(&self.path)
    }

    /// Why the include shows nothing, if so.
    pub fn problem(&self, folder: &Path) -> Option<String> {
        let Ok(text) = fs::read_to_string(self.file(folder)) else {
            return Some(format!("includes `{}`, and there is no such file", self.path));
        };
        match &self.part {
            Part::Whole => None,
            Part::Anchor(name) => anchor_problem(&text, name).map(|why| format!("includes `{}`: {why}", self.path)),
            Part::Lines(start, end) => {
                let count = text.lines().count();
                let last = end.or(*start).unwrap_or(1);
                (last > count).then(|| format!("includes line {last} of `{}`, which has {count}", self.path))
            }
        }
    }
}

fn anchor_problem(text: &str, name: &str) -> Option<String> {
    let marks = |mark: &str| text.lines().filter(|line| names_anchor(line, mark, name)).count();
    match (marks("ANCHOR:"), marks("ANCHOR_END:")) {
        (0, _) => Some(format!("no `ANCHOR: {name}` is in it")),
        (_, 0) => Some(format!("its `ANCHOR: {name}` has no `ANCHOR_END: {name}`")),
        (1, 1) => None,
        _ => Some(format!("it has more than one `ANCHOR: {name}`")),
    }
}

fn names_anchor(line: &str, mark: &str, name: &str) -> bool {
    let after = line.split_once(mark).map(|(_, after)| after.trim_start());
    let word = after.map(|after| after.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next());
    word.flatten() == Some(name)
}

/// Every file that a page of the book includes, in full.
pub fn sources(book: &Path) -> BTreeSet<PathBuf> {
    let mut sources = BTreeSet::new();
    let mut folders = vec![book.join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                sources.extend(includes(&text).iter().map(|include| plain(&include.file(&folder))));
            }
        }
    }
    sources
}

/// A path without `..`, as the system's events have it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            component => plain.push(component),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_and_escaped_ones_are_not() {
        let cases = [
            ("{{#include a.rs}}", Some(("a.rs", Part::Whole))),
            ("{{ #include a.rs}}", Some(("a.rs", Part::Whole))),
            ("{{\t#include\na.rs}}", Some(("a.rs", Part::Whole))),
            ("{{{#include a.rs}}", Some(("a.rs", Part::Whole))),
            ("\\{{ #include a.rs}}", Some(("a.rs", Part::Whole))), // not escaped, says mdBook
            ("{{#playpen a.rs}}", Some(("a.rs", Part::Whole))),
            ("{{#include a.rs:write}}", Some(("a.rs", Part::Anchor("write".into())))),
            ("{{#rustdoc_include a.rs:3:9}}", Some(("a.rs", Part::Lines(Some(3), Some(9))))),
            ("x {{#include a.rs:3}} y", Some(("a.rs", Part::Lines(Some(3), Some(3))))),
            ("{{#include a.rs::9}}", Some(("a.rs", Part::Lines(None, Some(9))))),
            ("{{#include a.rs:3:}}", Some(("a.rs", Part::Lines(Some(3), None)))),
            ("{{#playground a.rs editable}}", Some(("a.rs", Part::Whole))),
            ("\\{{#include a.rs}}", None),
            ("{{#title A page}}", None),
            ("{{#include a.rs", None),
        ];
        for (line, expected) in cases {
            let found = includes(&format!("first\n{line}\n")).pop();
            let expected = expected.map(|(path, part)| Include { line: 2, path: path.into(), part });
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn the_included_part_of_a_file_is_cut_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), "one\n// ANCHOR: two\ntwo\n// ANCHOR_END: two\nthree\n").unwrap();
        let cases = [
            ("a.rs", Some("one\ntwo\nthree")),
            ("a.rs:two", Some("two")),
            ("a.rs:5", Some("three")),
            ("a.rs:4:", Some("three")),
            ("a.rs::1", Some("one")),
            ("a.rs:7:9", Some("")),
            ("b.rs", None),
        ];
        for (argument, expected) in cases {
            let include = includes(&format!("{{{{#include {argument}}}}}")).pop().unwrap();
            assert_eq!(include.text(folder.path()).as_deref(), expected, "{argument}");
        }
    }

    #[test]
    fn included_files_are_named_in_full() {
        let book = tempfile::tempdir().unwrap();
        let folder = book.path().join("src/1-cap");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("abd.md"), "{{#include ../../../solutions/abd.rs:tag}}").unwrap();
        let solution = book.path().parent().unwrap().join("solutions/abd.rs");
        assert_eq!(sources(book.path()), BTreeSet::from([solution]));
    }

    #[test]
    fn an_anchor_must_open_and_close_once() {
        let cases = [
            ("// ANCHOR: a\nx\n// ANCHOR_END: a\n", None),
            ("// ANCHOR: ab\nx\n// ANCHOR_END: ab\n", Some("no `ANCHOR: a` is in it")),
            ("// ANCHOR: a\nx\n", Some("its `ANCHOR: a` has no `ANCHOR_END: a`")),
            (
                "// ANCHOR: a\n// ANCHOR_END: a\n// ANCHOR: a\n// ANCHOR_END: a\n",
                Some("it has more than one `ANCHOR: a`"),
            ),
        ];
        for (text, problem) in cases {
            assert_eq!(anchor_problem(text, "a").as_deref(), problem, "{text}");
        }
    }
}
