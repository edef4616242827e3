//! Audits of wording: what a native speaker would stumble over, as far as a program can see it.
//!
//! The list is `wording.toml`. A word is looked for in prose only: in a page without its code, in what a quiz or a hint says, in
//! doc comments, and in the texts that programs print. Whether a sentence is good, people must say.

mod prose;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Audited, Finding, Subject};
use crate::commands::dev::files;
use crate::error::Error;
use prose::{Prose, Token};

/// The list: one entry for each habit.
const LIST: &str = include_str!("../wording.toml");

/// How a footnote must not begin: mdBook numbers notes by their first use, so the work that came before may be another.
const SAME: [&str; 4] = ["the same", "same work", "ibid", "as above"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    wrong: Vec<Wrong>,
}

/// Words that are not to be written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    /// Words, or phrases of several. `*s` is any word that ends so.
    words: Vec<String>,
    /// What to write instead.
    write: String,
    /// Phrases around such a word in which it is right.
    #[serde(default)]
    allowed: Vec<String>,
    /// Only where they begin a sentence that is no question.
    #[serde(default)]
    opening: bool,
}

/// A folder, the extension of its files that are read, and how.
type Source = (&'static str, &'static str, fn(&str) -> Prose);

/// What is read as what.
const SOURCES: [Source; 7] = [
    ("book/src", "md", Prose::of_page),
    ("book/src", "toml", Prose::of_data),
    ("solutions", "toml", Prose::of_data),
    ("solutions", "rs", Prose::of_code),
    ("exercises", "rs", Prose::of_code),
    ("ci/course/src", "rs", Prose::of_code),
    ("ci/testkit/src", "rs", Prose::of_code),
];

/// What learners read holds none of the words on the list.
pub fn words(subject: &Subject) -> Result<Audited, Error> {
    let list: List = toml::from_str(LIST).map_err(|error| Error::Course(format!("wording.toml: {error}")))?;
    let mut count = 0;
    let mut findings = Vec::new();
    for (folder, extension, read) in SOURCES {
        for path in learners_files(&subject.workspace.root().join(folder), extension)? {
            let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            let prose = read(&text);
            count += prose.words();
            findings.extend(list.found(&prose).map(|found| found.finding(&subject.workspace.shown(&path).to_string())));
        }
    }
    Ok(Audited { scope: format!("{count} words"), findings })
}

/// Each footnote names its work.
pub fn footnotes(subject: &Subject) -> Result<Audited, Error> {
    let mut count = 0;
    let mut findings = Vec::new();
    for path in learners_files(&subject.workspace.book().join("src"), "md")? {
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        count += notes(&text).count();
        for (line, note) in notes(&text).filter(|(_, note)| names_no_work(note)) {
            let place = format!("{}:{line}", subject.workspace.shown(&path));
            let what = format!("{place} is a footnote that names no work: \"{note}\"");
            findings.push(Finding::new(what, format!("name the work in {place}: mdBook numbers notes anew")));
        }
    }
    Ok(Audited { scope: format!("{count} footnotes"), findings })
}

/// The files in a folder that learners read: not what is built or fetched, not the other bases, and not this audit, which has the
/// words.
fn learners_files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let mut files = files::below(folder)?;
    let apart = ["target", "node_modules", "wording", "bases"];
    files.retain(|path| {
        let is_apart = path.components().any(|part| apart.iter().any(|apart| part.as_os_str() == *apart));
        !is_apart && path.extension().is_some_and(|found| found == extension)
    });
    Ok(files)
}

/// The footnotes of a page, each with its line.
fn notes(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = page.lines().enumerate();
    lines.filter_map(|(at, line)| Some((at + 1, line.strip_prefix("[^")?.split_once("]:")?.1.trim())))
}

fn names_no_work(note: &str) -> bool {
    let note = note.to_lowercase();
    let goes_on = |rest: &str| rest.starts_with(|sign: char| sign.is_alphanumeric() || sign == '-');
    SAME.iter().any(|same| note.strip_prefix(same).is_some_and(|rest| !goes_on(rest)))
}

/// A phrase that is not to be written.
#[derive(Debug, PartialEq, Eq)]
struct Found<'l> {
    line: usize,
    words: String,
    write: &'l str,
}

impl Found<'_> {
    fn finding(&self, path: &str) -> Finding {
        let Found { line, words, write } = self;
        Finding::new(format!("{path}:{line} says \"{words}\""), format!("write {write}"))
    }
}

impl List {
    fn found<'l>(&'l self, prose: &'l Prose) -> impl Iterator<Item = Found<'l>> {
        self.wrong.iter().flat_map(|wrong| wrong.found(prose))
    }
}

impl Wrong {
    fn found<'l>(&'l self, prose: &Prose) -> Vec<Found<'l>> {
        let tokens = prose.tokens();
        let of = |phrases: &[String]| phrases.iter().flat_map(|phrase| places(phrase, tokens)).collect::<Vec<_>>();
        let allowed = of(&self.allowed);
        let is_allowed =
            |place: &Place| allowed.iter().any(|around| around.start <= place.start && place.end <= around.end);
        let is_meant = |place: &Place| !self.opening || prose.opens_statement(place.start);
        let wrong = of(&self.words).into_iter().filter(|place| is_meant(place) && !is_allowed(place));
        wrong
            .map(|place| Found { line: tokens[place.start].line, words: shown(&tokens[place]), write: &self.write })
            .collect()
    }
}

type Place = std::ops::Range<usize>;

/// Where a phrase is: its words, with nothing between them.
fn places(phrase: &str, tokens: &[Token]) -> Vec<Place> {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let is_here = |window: &[Token]| phrase.iter().zip(window).all(|(wanted, token)| is_word(wanted, &token.lower));
    let starts = tokens.windows(phrase.len()).enumerate().filter(|(_, window)| is_here(window));
    starts.map(|(at, _)| at..at + phrase.len()).collect()
}

/// Whether a word, in lower case, is the one that the list has.
fn is_word(wanted: &str, found: &str) -> bool {
    match wanted.strip_prefix('*') {
        Some(end) => found.ends_with(end),
        None => found == wanted,
    }
}

fn shown(tokens: &[Token]) -> String {
    tokens.iter().map(|token| &*token.text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = r#"
        [[wrong]]
        words = ["deed", "deeds"]
        write = "fault"
        allowed = ["in word and deed"]

        [[wrong]]
        words = ["for ever"]
        write = "forever"

        [[wrong]]
        words = ["who *s", "whoever"]
        write = "\"a reader who\""
        allowed = ["who has"]
        opening = true
    "#;

    fn found(prose: &Prose) -> Vec<(usize, String)> {
        let list: List = toml::from_str(FIXTURE).expect("the fixture is right");
        list.found(prose).map(|found| (found.line, found.words)).collect()
    }

    fn expect(prose: &Prose, expected: &[(usize, &str)]) {
        assert_eq!(found(prose), expected.iter().map(|(line, words)| (*line, (*words).into())).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_is_read_without_its_code() {
        let right = "# A fault\n\nIt lasts forever. For `deed`, see [here](deed.md).\n\n```rust\nlet deed = 1;\n```\n";
        expect(&Prose::of_page(right), &[]);
        let wrong = "# The deed\n\nIt lasts for\never, and a *deed* stays.\n\n- for\n\n  ever\n";
        expect(&Prose::of_page(wrong), &[(1, "deed"), (4, "deed"), (3, "for ever")]);
    }

    #[test]
    fn an_exception_is_respected() {
        expect(&Prose::of_page("Be right in word\nand deed. No deed is free."), &[(2, "deed")]);
    }

    #[test]
    fn an_opening_is_found_where_a_statement_opens() {
        let right = "Who reads it? Those who ask, and whoever writes. Who has answered. A reader who reads.";
        expect(&Prose::of_page(right), &[]);
        let wrong = "# Who reads this\n\nIt is so. Who asks, is answered.\n\nWhoever asks\nis answered.";
        expect(&Prose::of_page(wrong), &[(1, "Who reads"), (3, "Who asks"), (5, "Whoever")]);
    }

    #[test]
    fn of_code_what_is_said_is_read() {
        let right = "/// Lasts forever: `deed`.\nfn deed() { say(\"deed-taker {deed}\") } // a deed\n";
        expect(&Prose::of_code(right), &[]);
        let wrong = "//! For\n//! ever.\n\n/// A deed.\nfn f() {\n    //# hole: Do the deed.\n    say(\"It runs \\\n     for \
                     ever.\");\n}\n";
        expect(&Prose::of_code(wrong), &[(4, "deed"), (6, "deed"), (1, "For ever"), (7, "for ever")]);
    }

    #[test]
    fn of_data_what_is_said_is_read() {
        expect(&Prose::of_data("id = \"for-ever\"\nwhy = \"Forever, by `deed`.\"\n"), &[]);
        expect(&Prose::of_data("a = \"\"\"\nThe deed is for\never.\n\"\"\"\n"), &[(2, "deed"), (2, "for ever")]);
    }

    #[test]
    fn a_finding_says_where_it_is_and_what_to_write() {
        let list: List = toml::from_str(FIXTURE).expect("the fixture is right");
        let findings: Vec<_> = list.found(&Prose::of_page("A\ndeed.")).map(|found| found.finding("a.md")).collect();
        assert_eq!(findings, [Finding::new("a.md:2 says \"deed\"", "write fault")]);
    }

    #[test]
    fn the_list_is_right() {
        let list: List = toml::from_str(LIST).expect("the list is right");
        for wrong in &list.wrong {
            let phrases = wrong.words.iter().chain(&wrong.allowed);
            phrases.for_each(|phrase| assert_eq!(*phrase, phrase.to_lowercase(), "words are compared in lower case"));
            let is_around = |allowed: &String| wrong.words.iter().any(|word| allowed.contains(word.trim_matches('*')));
            assert!(
                wrong.allowed.iter().all(is_around) || wrong.words.iter().any(|word| word.contains('*')),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_footnote_names_its_work() {
        let page = "Shown.[^a] Again.[^b]\n\n[^a]: Ongaro 2014, section 6.3.\n[^b]: The same, section 4.\n\
                    [^c]: The same-origin policy, MDN.\n";
        let nameless: Vec<usize> = notes(page).filter(|(_, note)| names_no_work(note)).map(|(line, _)| line).collect();
        assert_eq!((notes(page).count(), nameless), (3, vec![4]));
    }
}
