//! Changes which code of an earlier stage a manifest names, and not one byte beside it.
//!
//! A table that is parsed and printed again is rarely the same text, so nothing is printed: `toml` says where each value stands,
//! and what changes is cut out and put in there.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::manifest::Stage;
use crate::manifest::ground::{Ground, TABLES, place};

/// A part of a text, and what replaces it.
type Cut = (Range<usize>, String);

/// One entry of a dependency: where its key begins, where its value stands, and what that says.
struct Entry<'t> {
    key: &'t str,
    start: usize,
    value: Range<usize>,
    says: Option<&'t str>,
}

/// The manifest's text with the ground under it changed; `None` where it is not as the course writes it.
pub fn stand_on(text: &str, other: &Stage, ground: Ground) -> Option<String> {
    let manifest = DeTable::parse(text).ok()?;
    let mut cuts = Vec::new();
    for table in TABLES.iter().filter_map(|table| manifest.get_ref().get(*table)) {
        let Some(dependency) = table.get_ref().get(&*other.package) else { continue };
        cuts.extend(cuts_of(text, dependency, other, ground)?);
    }
    let mut changed = text.to_owned();
    cuts.sort_by_key(|(place, _)| place.start);
    cuts.into_iter().rev().for_each(|(place, new)| changed.replace_range(place, &new));
    Some(changed)
}

/// What to change in one dependency.
fn cuts_of(text: &str, dependency: &Spanned<DeValue>, other: &Stage, ground: Ground) -> Option<Vec<Cut>> {
    let entries = entries(text, dependency)?;
    let find = |key: &str| entries.iter().position(|entry| entry.key == key);
    let path = &entries[find("path")?];
    let quoted = path.value.start + 1..path.value.end - 1;
    if text.get(quoted.clone()) != path.says {
        return None; // a text with escapes in it
    }
    let (new, package) = place(other, ground);
    let named = match (package, find("package")) {
        (Some(package), None) => Some((path.start..path.start, format!("package = \"{package}\", "))),
        (None, Some(at)) => Some((without(&entries, at), String::new())),
        _ => None,
    };
    Some(named.into_iter().chain([(quoted, new)]).collect())
}

/// The entries of a dependency in braces, as they stand in the text.
fn entries<'t>(text: &str, dependency: &'t Spanned<DeValue>) -> Option<Vec<Entry<'t>>> {
    text[dependency.span()].starts_with('{').then_some(())?;
    let table = dependency.get_ref().as_table()?;
    let entry = |(key, value): (&'t Spanned<std::borrow::Cow<'t, str>>, &'t Spanned<DeValue<'t>>)| Entry {
        key: key.get_ref(),
        start: key.span().start,
        value: value.span(),
        says: value.get_ref().as_str(),
    };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.start);
    Some(entries)
}

/// An entry together with the comma that parts it from the others.
fn without(entries: &[Entry], at: usize) -> Range<usize> {
    match entries.get(at + 1) {
        Some(next) => entries[at].start..next.start,
        None => at.checked_sub(1).map_or(entries[at].start, |before| entries[before].value.end)..entries[at].value.end,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn stage() -> Stage {
        let manifest = "[package]\nname = \"cap\"\n[package.metadata.course]\nstage = \"1-cap\"\ntitle = \"CAP\"\n\
                        solution = \"cap-solution\"\nsummary = \"Registers.\"\nstart = \"1-cap/README.md\"\n";
        Stage::parse("1-cap", Path::new("exercises/1-cap"), manifest).unwrap()
    }

    #[test]
    fn what_changes_comes_back_to_the_byte() {
        let reference = "{ package = \"cap-solution\", path = \"../../solutions/1-cap\" }";
        let cases = [
            ("{ path = \"../1-cap\" }", reference),
            ("{path='../1-cap'} # mine", "{package = \"cap-solution\", path='../../solutions/1-cap'} # mine"),
            (
                "{ features = [ \"x\" ],  path = \"../1-cap\" }",
                "{ features = [ \"x\" ],  package = \"cap-solution\", path = \"../../solutions/1-cap\" }",
            ),
        ];
        for (own, reference) in cases {
            for table in ["dependencies", "dev-dependencies"] {
                let manifest = |value: &str| {
                    format!("# Mine.\r\n[ {table} ]\r\na=\"1\"\r\ncap = {value}\r\nb = {{ path = \"../1-cap\" }}\r\n")
                };
                let there = stand_on(&manifest(own), &stage(), Ground::Reference).unwrap();
                assert_eq!(there, manifest(reference));
                assert_eq!(stand_on(&there, &stage(), Ground::Own).unwrap(), manifest(own));
            }
        }
    }

    #[test]
    fn the_package_may_stand_anywhere() {
        let text = "[dependencies]\ncap = { path = \"../../solutions/1-cap\", package = \"cap-solution\" }\n";
        let own = stand_on(text, &stage(), Ground::Own);
        assert_eq!(own.as_deref(), Some("[dependencies]\ncap = { path = \"../1-cap\" }\n"));
    }

    #[test]
    fn what_the_course_does_not_write_is_left_alone() {
        for value in [
            "[dependencies.cap]\npath = \"../1-cap\"",
            "[dependencies]\ncap = \"1\"",
            "[dependencies]\ncap = { path = \"\\u002e./1-cap\" }",
        ] {
            assert_eq!(stand_on(value, &stage(), Ground::Reference), None, "{value}");
        }
    }
}
