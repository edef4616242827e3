//! Finds links and pictures of the built book that lead nowhere. Without a network: what leads out of the book is left alone.
//!
//! mdBook writes its HTML itself, so tags are well formed and attributes stand in quotes. The reader below needs no more.

use std::collections::{BTreeMap, BTreeSet};

use crate::book::site::{Found, Site};

/// A link that leads nowhere.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    /// The page that has it, as its source is called: `1-cap/abd.md`.
    pub page: String,
    /// The link as the page has it.
    pub link: String,
    /// What is missing.
    pub why: String,
}

/// What a page offers and what it asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    ids: BTreeSet<String>,
    links: Vec<String>,
}

/// The whole book once more on one page, the page for what is not found, and the table of contents for browsers without
/// scripts: mdBook makes all three from the others.
const DERIVED: [&str; 3] = ["print.html", "404.html", "toc.html"];

/// All links of a site that lead nowhere, and how many links were followed.
pub fn broken(site: &Site) -> (usize, Vec<Broken>) {
    let pages: BTreeMap<&str, Page> = site.pages().map(|(path, text)| (path, read(text))).collect();
    let mut followed = 0;
    let mut broken = BTreeSet::new();
    for (path, page) in pages.iter().filter(|(path, _)| !DERIVED.contains(path)) {
        for link in page.links.iter().filter(|link| !leads_out(link)) {
            followed += 1;
            if let Some(why) = problem(site, &pages, path, link) {
                broken.insert(Broken { page: source(path), link: link.clone(), why });
            }
        }
    }
    (followed, broken.into_iter().collect())
}

/// Whether a page of the book, `1-cap/abd.md` or `1-cap/abd.md#quorums`, was built and has that anchor. If not, why.
pub fn page_problem(site: &Site, page: &str) -> Option<String> {
    let (path, anchor) = page.split_once('#').map_or((page, None), |(path, anchor)| (path, Some(anchor)));
    let Some(stem) = path.strip_suffix(".md") else { return Some(format!("`{path}` does not end in .md")) };
    let html = match stem.rsplit_once('/') {
        Some((folder, "README")) => format!("{folder}/index.html"),
        None if stem == "README" => "index.html".into(),
        _ => format!("{stem}.html"),
    };
    let Some(text) = site.get(&html) else { return Some(format!("no page `{path}` is in the book")) };
    let ids = read(&String::from_utf8_lossy(text)).ids;
    let anchor = anchor.filter(|anchor| !ids.contains(*anchor))?;
    Some(format!("`{path}` has no anchor `#{anchor}`"))
}

fn problem(site: &Site, pages: &BTreeMap<&str, Page>, from: &str, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').map_or((link, ""), |(path, anchor)| (path, anchor));
    let path = path.split('?').next().unwrap_or_default();
    let path = if path.is_empty() { format!("/{from}") } else { join(from, &decode(path)) };
    let found = match site.find(&path) {
        Found::File(found, _) => found,
        Found::Folder => return Some("a link to a folder needs its last slash".into()),
        Found::Nothing => return Some("there is no such file".into()),
    };
    let has_anchor = |page: &Page| anchor.is_empty() || page.ids.contains(&decode(anchor));
    match pages.get(found) {
        Some(page) if !has_anchor(page) => Some(format!("`{}` has no anchor `#{anchor}`", source(found))),
        _ => None,
    }
}

/// Whether a link has a scheme (`https:`, `mailto:`, `data:`) or a host.
fn leads_out(link: &str) -> bool {
    let before_path = link.split(['/', '?', '#']).next().unwrap_or_default();
    link.starts_with("//") || before_path.contains(':')
}

/// A link's path from the site's root. A link that climbs above the root stays at the root, as it does in browsers.
fn join(from: &str, path: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let full = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if full.ends_with('/') { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

/// The name of a page's source.
fn source(html: &str) -> String {
    let stem = html.strip_suffix(".html").unwrap_or(html);
    match stem.strip_suffix("index") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => format!("{folder}README.md"),
        _ => format!("{stem}.md"),
    }
}

/// Reads the ids and links of a page.
fn read(html: &str) -> Page {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        rest = match rest.strip_prefix("!--") {
            Some(comment) => comment.split_once("-->").map_or("", |(_, after)| after),
            None => page.tag(rest),
        };
    }
    page
}

impl Page {
    /// Reads one tag, and what it holds if that is not HTML. Gives what comes after it.
    fn tag<'a>(&mut self, text: &'a str) -> &'a str {
        let end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return rest;
        }
        let mut rest = rest;
        while let Some((key, value, after)) = attribute(rest) {
            self.attribute(name, key, value);
            rest = after;
        }
        match name {
            "script" | "style" => rest.split_once(&format!("</{name}")).map_or("", |(_, after)| after),
            _ => rest,
        }
    }

    fn attribute(&mut self, tag: &str, key: &str, value: &str) {
        match (tag, key) {
            (_, "id") | ("a", "name") => drop(self.ids.insert(unescape(value))),
            ("a" | "link" | "image", "href") | ("img" | "script" | "iframe" | "source" | "object", "src" | "data") => {
                self.links.push(unescape(value));
            }
            _ => {}
        }
    }
}

/// The next attribute of a tag, and what comes after it; nothing at the tag's end.
fn attribute(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))?;
    let (key, rest) = text.split_at(end);
    if key.is_empty() {
        return None;
    }
    let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim_start) else { return Some((key, "", rest)) };
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (value, after) = value[1..].split_once(quote)?;
        return Some((key, value, after));
    }
    let end = value.find(|c: char| c.is_whitespace() || c == '>')?;
    Some((key, &value[..end], &value[end..]))
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&quot;", "\"").replace("&#39;", "'").replace("&#x27;", "'");
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Undoes percent-encoding. What is not valid stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let code =
            rest.strip_prefix('%').and_then(|rest| rest.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let length = match code {
            Some(byte) => {
                bytes.push(byte);
                3
            }
            None => {
                bytes.extend(rest[..first.len_utf8()].bytes());
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let page = read(
            "<h1 id=\"top\">T</h1><!-- <a href=\"no\"> --><a class=x href='a.html?b=1&amp;c#d'>a</a><img src=p.svg>\
             <script>let a = '<a href=\"no\">';</script><br/><a id=\"q&quot;\" disabled>1 < 2</a><script src=\"s.js\"></script>",
        );
        assert_eq!(page.ids, ["q\"", "top"].map(String::from).into());
        assert_eq!(page.links, ["a.html?b=1&c#d", "p.svg", "s.js"]);
    }

    #[test]
    fn links_are_followed() {
        let cases = [
            ("abd.html", None),
            ("abd.html#quorums", None),
            ("abd.html#%C3%BCber", None),
            ("#here", None),
            ("#", None),
            ("../index.html", None),
            ("../1-cap/", None),
            ("/1-cap/abd.html?x=1", None),
            ("https://example.com/none", None),
            ("//example.com/none", None),
            ("mailto:a@example.com", None),
            ("lww.html", Some("there is no such file")),
            ("abd.html#quorum", Some("`1-cap/abd.md` has no anchor `#quorum`")),
            ("#there", Some("`1-cap/README.md` has no anchor `#there`")),
            ("../1-cap", Some("a link to a folder needs its last slash")),
        ];
        for (link, why) in cases {
            let page = format!("<a id=\"here\" href=\"{link}\">x</a>");
            let site = Site::of(&[
                ("index.html", ""),
                ("1-cap/index.html", &page),
                ("1-cap/abd.html", "<h2 id=\"quorums\"></h2><h2 id=\"über\"></h2>"),
            ]);
            let found = broken(&site).1.pop();
            let expected = why.map(|why| Broken { page: "1-cap/README.md".into(), link: link.into(), why: why.into() });
            assert_eq!(found, expected, "{link}");
        }
    }

    #[test]
    fn pages_are_named_by_their_source() {
        let site = Site::of(&[("index.html", ""), ("1-cap/index.html", ""), ("1-cap/abd.html", "<h2 id=\"a\">")]);
        let cases = [
            ("README.md", None),
            ("1-cap/README.md", None),
            ("1-cap/abd.md#a", None),
            ("1-cap/abd.md#b", Some("`1-cap/abd.md` has no anchor `#b`")),
            ("1-cap/lww.md", Some("no page `1-cap/lww.md` is in the book")),
            ("1-cap/abd.html", Some("`1-cap/abd.html` does not end in .md")),
        ];
        for (page, problem) in cases {
            assert_eq!(page_problem(&site, page).as_deref(), problem, "{page}");
        }
    }
}
