//! *What goes wrong* on a page: each misconception in one line, and the rest when the reader opens it.
//!
//! Below the heading, each `### Title {#id}` becomes a fold whose summary has the title and the first sentence. In it are the rest of
//! the section and the runs of the [bugs](super::bugs) that it explains. Failing checks lead to the id, which stays where it was: on the title.
//!
//! The titles are HTML and not Markdown. That keeps them out of mdBook's list of the page's headings, but not out of its search.

use std::fmt::Write;

use crate::book::markdown::{Heading, first_sentence, headings, inline};

const SECTION: &str = "What goes wrong";

/// Folds the misconceptions of a page. `bugs` gives what is shown of the bugs that a section explains, as HTML. The error is a sentence.
pub fn fold(page: &str, bugs: impl Fn(&str) -> String) -> Result<String, String> {
    let headings = headings(page);
    let Some(part) = headings.iter().position(|heading| heading.level == 2 && heading.title == SECTION) else {
        return Ok(page.to_owned());
    };
    let rest = &headings[part + 1..];
    let rest = &rest[..rest.iter().position(|heading| heading.level <= 2).unwrap_or(rest.len())];
    let sections: Vec<&Heading> = rest.iter().filter(|heading| heading.level == 3).collect();
    let Some(first) = sections.first() else { return Ok(page.to_owned()) };
    let after = headings.iter().find(|heading| heading.level <= 2 && heading.range.start > first.range.start);
    let end = after.map_or(page.len(), |heading| heading.range.start);

    let mut folded = page[..first.range.start].to_owned();
    for (at, heading) in sections.iter().enumerate() {
        if !heading.has_own_id {
            return Err(format!(
                "`### {0}` has no id that failures could link to: write `### {0} {{#some-id}}`",
                heading.title
            ));
        }
        let next = sections.get(at + 1).map_or(end, |next| next.range.start);
        let text = page[heading.range.end..next].trim();
        // A click on the summary opens the fold, so a link in it could not be followed with certainty.
        if first_sentence(text).is_some_and(|(sentence, _)| sentence.contains("](")) {
            return Err(format!(
                "the first sentence of `### {}` opens the fold: move its link further down",
                heading.title
            ));
        }
        folded += &section(heading, text, &bugs(&heading.id));
    }
    Ok(folded + &page[end..])
}

fn section(heading: &Heading, text: &str, bugs: &str) -> String {
    let title = format!("<h3 id=\"{}\">{}</h3>", heading.id, inline(&heading.title));
    let (sentence, rest) = first_sentence(text).unwrap_or(("", text));
    if rest.is_empty() && bugs.is_empty() {
        return format!("{title}\n\n{text}\n\n");
    }
    let mut fold = format!("<details class=\"misconception\">\n<summary>{title}");
    if !sentence.is_empty() {
        let _ = write!(fold, " <span>{}</span>", inline(sentence));
    }
    for part in ["</summary>", rest, bugs, "</details>"].into_iter().filter(|part| !part.is_empty()) {
        let _ = write!(fold, "{}\n\n", part.trim());
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n\n## The idea\n\n### Not here {#not-here}\n\nText. More.\n\n## What goes wrong\n\nSome do this.\n\n\
                        ### A read `without` it {#no-write-back}\n\n\"It knows.\" It does, and\nthen [not](b.md).\n\n- A list.\n\n\
                        ### Alone {#alone}\n\nOne sentence.\n\n### Last {#last}\n\nOne sentence.\n\n## Self-check\n\nEnd.\n";

    #[test]
    fn misconceptions_are_folded_and_nothing_else_is() {
        let bugs = |id: &str| if id == "last" { "<b>a bug</b>\n".to_owned() } else { String::new() };
        let expected = "# Page\n\n## The idea\n\n### Not here {#not-here}\n\nText. More.\n\n## What goes wrong\n\nSome do this.\n\n\
                        <details class=\"misconception\">\n<summary><h3 id=\"no-write-back\">A read <code>without</code> it</h3> \
                        <span>“It knows.”</span></summary>\n\nIt does, and\nthen [not](b.md).\n\n- A list.\n\n</details>\n\n\
                        <h3 id=\"alone\">Alone</h3>\n\nOne sentence.\n\n\
                        <details class=\"misconception\">\n<summary><h3 id=\"last\">Last</h3> <span>One sentence.</span></summary>\n\n\
                        <b>a bug</b>\n\n</details>\n\n## Self-check\n\nEnd.\n";
        assert_eq!(fold(PAGE, bugs).unwrap(), expected);
    }

    #[test]
    fn a_section_without_a_first_sentence_is_folded_whole() {
        let page = "## What goes wrong\n\n### A {#a}\n\nIt was shown.[^one] More.\n\n[^one]: There.\n";
        let expected = "## What goes wrong\n\n<details class=\"misconception\">\n<summary><h3 id=\"a\">A</h3></summary>\n\n\
                        It was shown.[^one] More.\n\n[^one]: There.\n\n</details>\n\n";
        assert_eq!(fold(page, |_| String::new()).unwrap(), expected);
    }

    #[test]
    fn a_misconception_needs_an_id() {
        let why = fold("## What goes wrong\n\n### A title\n\nText.\n", |_| String::new()).unwrap_err();
        assert_eq!(why, "`### A title` has no id that failures could link to: write `### A title {#some-id}`");
    }

    #[test]
    fn what_opens_a_fold_holds_no_link() {
        let why = fold("## What goes wrong\n\n### A {#a}\n\nAs [there](b.md). More.\n", |_| String::new()).unwrap_err();
        assert_eq!(why, "the first sentence of `### A` opens the fold: move its link further down");
    }

    #[test]
    fn a_page_without_misconceptions_stays_as_it_is() {
        for page in ["# Page\n\n### A\n", "## What goes wrong\n\nNothing.\n"] {
            assert_eq!(fold(page, |_| String::new()).unwrap(), page);
        }
    }
}
