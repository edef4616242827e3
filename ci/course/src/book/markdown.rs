//! What the course reads off a page's Markdown, with the parser that mdBook renders it with.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd, html};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

/// A heading of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Heading {
    /// 1 for the page's own title.
    pub level: usize,
    /// Its id: the one that is written behind it, or the one that mdBook makes of its text.
    pub id: String,
    /// Whether the id is written.
    pub has_own_id: bool,
    /// Its text, as Markdown.
    pub title: String,
    /// Where it is in the page, with the end of its line.
    pub range: Range<usize>,
}

fn parser(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    new_cmark_parser(text, &MarkdownOptions::default()).into_offset_iter()
}

/// The headings of a page, in order.
pub fn headings(text: &str) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut open: Option<(HeadingLevel, Option<String>, Range<usize>)> = None;
    let mut plain = String::new();
    for (event, range) in parser(text) {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) => {
                open = Some((level, id.map(|id| id.to_string()), range));
                plain.clear();
            }
            Event::Text(part) | Event::Code(part) if open.is_some() => plain.push_str(&part),
            Event::End(TagEnd::Heading(_)) => {
                let Some((level, id, range)) = open.take() else { continue };
                let source = text[range.clone()].trim().trim_start_matches('#').trim();
                let title =
                    if id.is_some() { source.rsplit_once("{#").map_or(source, |(title, _)| title) } else { source };
                headings.push(Heading {
                    level: level as usize,
                    has_own_id: id.is_some(),
                    id: id.unwrap_or_else(|| made_id(&plain)),
                    title: title.trim().to_owned(),
                    range,
                });
            }
            _ => {}
        }
    }
    headings
}

/// What a page says, without its code: each piece of text, and where it is. There is `None` where a block begins, and a backtick in
/// place of code.
pub fn texts(text: &str) -> impl Iterator<Item = (usize, Option<String>)> {
    let mut is_code = false;
    parser(text).filter_map(move |(event, range)| {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            Event::Text(part) if !is_code => return Some((range.start, Some(part.to_string()))),
            Event::Code(_) => return Some((range.start, Some("`".into()))),
            Event::Start(tag) if is_block(&tag) => return Some((range.start, None)),
            _ => {}
        }
        None
    })
}

fn is_block(tag: &Tag) -> bool {
    use Tag::{Emphasis, Image, Link, Strikethrough, Strong, Subscript, Superscript};
    !matches!(tag, Emphasis | Strong | Strikethrough | Superscript | Subscript | Link { .. } | Image { .. })
}

/// The id that mdBook makes of a heading's text.
fn made_id(text: &str) -> String {
    let sign = |sign: char| match sign {
        _ if sign.is_alphanumeric() || "_-".contains(sign) => Some(sign),
        _ if sign.is_whitespace() => Some('-'),
        _ => None,
    };
    text.trim().to_lowercase().chars().filter_map(sign).collect()
}

/// A line of Markdown as HTML, without a paragraph around it.
pub fn inline(text: &str) -> String {
    let mut rendered = String::new();
    let events = new_cmark_parser(text.trim(), &MarkdownOptions::default());
    let is_paragraph = |event: &Event| matches!(event, Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph));
    html::push_html(&mut rendered, events.filter(|event| !is_paragraph(event)));
    rendered.trim().replace('\n', " ")
}

/// The first sentence of a text, and the text behind it. There is none if the text does not begin with a paragraph, or if the sentence
/// cannot leave it: a footnote belongs where it is.
pub fn first_sentence(text: &str) -> Option<(&str, &str)> {
    let mut events = parser(text);
    let (Event::Start(Tag::Paragraph), paragraph) = events.next()? else { return None };
    let mut depth = 0;
    let mut plain = vec![false; text.len()];
    for (event, range) in events.take_while(|(event, _)| *event != Event::End(TagEnd::Paragraph)) {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Text(_) if depth == 0 => plain[range].fill(true),
            _ => {}
        }
    }
    let end = (paragraph.start..paragraph.end).find_map(|at| {
        let ends = plain[at] && b".!?".contains(&text.as_bytes()[at]);
        ends.then(|| end_of_sentence(&text[..paragraph.end], at + 1)).flatten()
    })?;
    let has_footnote = text[..end].contains("[^") || text[end..].starts_with("[^");
    (!has_footnote).then(|| (text[paragraph.start..end].trim(), text[end..].trim_start_matches([' ', '\n'])))
}

/// Where a sentence ends whose last stop is just before `at`, if it is the last: what follows the stop closes the sentence, and what
/// comes then begins another.
fn end_of_sentence(text: &str, at: usize) -> Option<usize> {
    let closed = text[at..].trim_start_matches(['"', '\'', '”', '’', ')']);
    let end = text.len() - closed.len();
    if closed.starts_with("[^") {
        return Some(end);
    }
    let next = closed.trim_start();
    let mut signs = next.chars();
    let begins = match (signs.next(), signs.next()) {
        (None, _) => true,
        (Some(sign), _) if sign.is_uppercase() || "\"'“‘`*_[(".contains(sign) => true,
        // A server's name: n0, c1.
        (Some(sign), Some(number)) => sign.is_lowercase() && number.is_ascii_digit(),
        _ => false,
    };
    (begins && (next.is_empty() || next.len() < closed.len())).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_ids_by_which_pages_link_to_them() {
        let text = "# The CP register\n\nText.\n\n## The idea\n\n```md\n## No heading\n```\n\n### A read `without` it {#no-write-back}\n\n## End";
        let found: Vec<_> = headings(text).into_iter().map(|h| (h.level, h.id, h.has_own_id, h.title)).collect();
        let expected = [
            (1, "the-cp-register", false, "The CP register"),
            (2, "the-idea", false, "The idea"),
            (3, "no-write-back", true, "A read `without` it"),
            (2, "end", false, "End"),
        ];
        assert_eq!(found, expected.map(|(level, id, own, title)| (level, id.to_owned(), own, title.to_owned())));
        assert_eq!(&text[headings(text)[1].range.clone()], "## The idea\n");
    }

    #[test]
    fn a_line_is_rendered_without_a_paragraph() {
        assert_eq!(
            inline("Comparing with `>=`,\nas *some* do: [here](abd.md#x)."),
            "Comparing with <code>&gt;=</code>, as <em>some</em> do: <a href=\"abd.md#x\">here</a>."
        );
    }

    #[test]
    fn a_sentence_ends_where_another_one_begins() {
        let cases = [
            ("One. Two.\n\nThree.", Some(("One.", "Two.\n\nThree."))),
            ("\"I have voted.\" In that term, yes.", Some(("\"I have voted.\"", "In that term, yes."))),
            (
                "See section 5.3, and e.g. that of Pillai et al. 2014. n0 does\nnot.",
                Some(("See section 5.3, and e.g. that of Pillai et al. 2014.", "n0 does\nnot.")),
            ),
            (
                "`a.b. C` is\none [link. X](abd.md). `D` is another.",
                Some(("`a.b. C` is\none [link. X](abd.md).", "`D` is another.")),
            ),
            ("Only one\nsentence.\n\n- A list.", Some(("Only one\nsentence.", "- A list."))),
            ("Is it? Yes!", Some(("Is it?", "Yes!"))),
            ("No stop\n\nNext.", None),
            ("It was shown.[^brewer] More.", None),
            ("It was[^brewer] shown. More.", None),
            ("It was shown. More.[^brewer]", Some(("It was shown.", "More.[^brewer]"))),
            ("- A list. Of two.", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(first_sentence(text), expected, "{text}");
        }
    }
}
