//! What changed between two states, found from their `{:?}` text.
//!
//! Derived `Debug` text has few shapes: `Name { field: value }`, `Name(value, value)`, `[value]`, `{key: value}`,
//! `{value}`. Two texts of the same shape are compared part by part, and inside a part again if that says less. Text of
//! any other shape is a custom `Debug`: it is shown whole.

/// One part of a state that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path of the part: `tag.counter`, `log[2]`, `votes` (a set). Empty if the whole state changed.
    pub field: String,
    /// What it was. Empty if it was not there.
    pub before: String,
    /// What it is now. Empty if it is not there any more.
    pub after: String,
}

impl Change {
    fn new(field: &str, before: &str, after: &str) -> Change {
        Change { field: field.into(), before: before.into(), after: after.into() }
    }

    fn length(&self) -> usize {
        self.field.len() + self.before.len() + self.after.len() + 4
    }
}

/// The parts in which two states differ, as their `{:?}` shows them.
pub fn changes(before: &str, after: &str) -> Vec<Change> {
    let (before, after) = (before.trim(), after.trim());
    match (parse(before), parse(after)) {
        _ if before == after => Some(Vec::new()),
        (Some(old), Some(new)) if old.head == new.head => parts("", &old, &new).filter(|parts| !parts.is_empty()),
        _ => None,
    }
    .unwrap_or_else(|| vec![Change::new("", before, after)])
}

/// A text of one of the known shapes.
struct Parsed<'a> {
    /// The type's name, or nothing.
    head: &'a str,
    body: Body<'a>,
}

enum Body<'a> {
    /// `{ name: value }`, of a struct or a map.
    Named(Vec<(&'a str, &'a str)>),
    /// `[value]`.
    List(Vec<&'a str>),
    /// `(value)`.
    Tuple(Vec<&'a str>),
    /// `{value}`.
    Set(Vec<&'a str>),
}

fn parse(text: &str) -> Option<Parsed<'_>> {
    let start = text.find(['{', '[', '('])?;
    let (head, body) = text.split_at(start);
    let is_name = head.trim_end().chars().all(|c| c.is_alphanumeric() || "_:<>".contains(c));
    let close = match body.as_bytes()[0] {
        b'{' => '}',
        b'[' => ']',
        _ => ')',
    };
    let inside = body[1..].strip_suffix(close)?;
    let items = split(inside, ',')?;
    let items: Vec<&str> = items.into_iter().map(str::trim).filter(|item| !item.is_empty()).collect();
    let body = match close {
        '}' => braces(items)?,
        ']' => Body::List(items),
        _ => Body::Tuple(items),
    };
    is_name.then_some(Parsed { head: head.trim_end(), body })
}

fn braces(items: Vec<&str>) -> Option<Body<'_>> {
    let mut named = Vec::new();
    for item in &items {
        if let [name, value @ ..] = split(item, ':')?.as_slice()
            && !value.is_empty()
        {
            named.push((name.trim(), item[name.len() + 1..].trim()));
        }
    }
    match named.len() {
        n if n == items.len() && distinct(&named) => Some(Body::Named(named)),
        0 => Some(Body::Set(items)),
        _ => None,
    }
}

fn distinct(named: &[(&str, &str)]) -> bool {
    named.iter().enumerate().all(|(at, (name, _))| named[..at].iter().all(|(other, _)| other != name))
}

/// Cuts `text` at each `separator` that is not inside brackets or quotes. `None` if those do not match up. A path
/// (`a::b`) is not cut.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut open = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        match c {
            '"' => at += quoted(rest)?,
            '\'' => at += character(rest),
            ':' if rest.starts_with("::") => at += 2,
            _ => {
                match c {
                    '{' => open.push('}'),
                    '[' => open.push(']'),
                    '(' => open.push(')'),
                    '}' | ']' | ')' if open.pop() != Some(c) => return None,
                    _ if c == separator && open.is_empty() => {
                        parts.push(&text[start..at]);
                        start = at + c.len_utf8();
                    }
                    _ => {}
                }
                at += c.len_utf8();
            }
        }
    }
    parts.push(&text[start..]);
    open.is_empty().then_some(parts)
}

/// The length of the string literal at the start of `text`.
fn quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The length of the character literal at the start of `text`, or 1 if it is an apostrophe.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let end = match chars.next() {
        Some((_, '\\')) => text[2..].char_indices().skip(1).find(|&(_, c)| c == '\'').map(|(at, _)| at + 2),
        Some(_) => chars.next().filter(|&(_, c)| c == '\'').map(|(at, _)| at),
        None => None,
    };
    end.map_or(1, |end| end + 1)
}

/// The changed parts of two texts of the same head; `None` if their shapes differ.
fn parts(path: &str, old: &Parsed<'_>, new: &Parsed<'_>) -> Option<Vec<Change>> {
    match (&old.body, &new.body) {
        (Body::Named(old_fields), Body::Named(new_fields)) => {
            Some(named(path, old.head.is_empty(), old_fields, new_fields))
        }
        (Body::List(old), Body::List(new)) => list(path, old, new),
        (Body::Tuple(old), Body::Tuple(new)) if old.len() == new.len() => {
            let inner = |at: usize| if old.len() == 1 { path.to_string() } else { join(path, &at.to_string()) };
            Some(old.iter().zip(new).enumerate().flat_map(|(at, (old, new))| value(&inner(at), old, new)).collect())
        }
        (Body::Set(old), Body::Set(new)) => Some(set(path, old, new)),
        // An empty set and an empty map look the same.
        (Body::Named(empty), Body::Set(new)) if empty.is_empty() => Some(set(path, &[], new)),
        (Body::Set(old), Body::Named(empty)) if empty.is_empty() => Some(set(path, old, &[])),
        _ => None,
    }
}

fn named(path: &str, is_map: bool, old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<Change> {
    let inner = |name: &str| if is_map { format!("{path}[{name}]") } else { join(path, name) };
    let find = |fields: &[(&str, &str)], name| {
        fields.iter().find(|(other, _)| *other == name).map(|&(_, value)| value.to_string())
    };
    let mut changes = Vec::new();
    for (name, was) in old {
        match find(new, *name) {
            Some(is) => changes.extend(value(&inner(name), was, &is)),
            None => changes.push(Change::new(&inner(name), was, "")),
        }
    }
    let added = new.iter().filter(|(name, _)| find(old, *name).is_none());
    changes.extend(added.map(|(name, is)| Change::new(&inner(name), "", is)));
    changes
}

/// Lists of the same length are compared item by item; a list that grew or shrank at its end by what came or went.
fn list(path: &str, old: &[&str], new: &[&str]) -> Option<Vec<Change>> {
    let common = old.len().min(new.len());
    if old.len() != new.len() && old[..common] != new[..common] {
        return None;
    }
    let inner = |at: usize| format!("{path}[{at}]");
    let pairs = (0..common).flat_map(|at| value(&inner(at), old[at], new[at]));
    let gone = (common..old.len()).map(|at| Change::new(&inner(at), old[at], ""));
    let added = (common..new.len()).map(|at| Change::new(&inner(at), "", new[at]));
    Some(pairs.chain(gone).chain(added).collect())
}

fn set(path: &str, old: &[&str], new: &[&str]) -> Vec<Change> {
    let gone = old.iter().filter(|item| !new.contains(item)).map(|item| Change::new(path, item, ""));
    let added = new.iter().filter(|item| !old.contains(item)).map(|item| Change::new(path, "", item));
    gone.chain(added).collect()
}

/// The change of one value: inside it, where that is shorter than the whole.
fn value(path: &str, before: &str, after: &str) -> Vec<Change> {
    if before == after {
        return Vec::new();
    }
    let whole = Change::new(path, before, after);
    let (Some(old), Some(new)) = (parse(before), parse(after)) else { return vec![whole] };
    match parts(path, &old, &new) {
        Some(inside) if old.head == new.head && !inside.is_empty() && total(&inside) < whole.length() => inside,
        _ => vec![whole],
    }
}

fn total(changes: &[Change]) -> usize {
    changes.iter().map(Change::length).sum()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::changes;

    /// `field: before -> after` for each change.
    fn told(before: &str, after: &str) -> Vec<String> {
        changes(before, after).iter().map(|c| format!("{}: {} -> {}", c.field, c.before, c.after)).collect()
    }

    #[test]
    fn the_parts_that_changed_are_told() {
        for (before, after, expected) in [
            ("R { a: 1 }", "R { a: 1 }", vec![]),
            ("R { a: 1, b: 2 }", "R { a: 1, b: 3 }", vec!["b: 2 -> 3"]),
            ("R { a: \"x, y: {\" }", "R { a: \"x } \\\" \" }", vec!["a: \"x, y: {\" -> \"x } \\\" \""]),
            ("R { a: ',', b: 1 }", "R { a: '}', b: 2 }", vec!["a: ',' -> '}'", "b: 1 -> 2"]),
            ("R { a: '\\'', b: 1 }", "R { a: '\\u{7f}', b: 1 }", vec!["a: '\\'' -> '\\u{7f}'"]),
            (
                "R { tag: Tag { counter: 0, writer: n0 }, value: 'A' }",
                "R { tag: Tag { counter: 1, writer: n0 }, value: 'A' }",
                vec!["tag.counter: 0 -> 1"],
            ),
            ("R { tag: (0, n0) }", "R { tag: (1, n2) }", vec!["tag: (0, n0) -> (1, n2)"]),
            ("R { role: Follower }", "R { role: Leader { acks: {} } }", vec!["role: Follower -> Leader { acks: {} }"]),
            ("R { acks: {n0} }", "R { acks: {n0, n2} }", vec!["acks:  -> n2"]),
            ("R { acks: {n0, n1, n2} }", "R { acks: {} }", vec!["acks: {n0, n1, n2} -> {}"]),
            ("R { m: {n0: 3, n1: 4} }", "R { m: {n0: 3, n1: 5, n2: 1} }", vec!["m[n1]: 4 -> 5", "m[n2]:  -> 1"]),
            (
                "R { m: {} }",
                "R { m: {n0: Entry { term: 1, index: 4 }} }",
                vec!["m[n0]:  -> Entry { term: 1, index: 4 }"],
            ),
            (
                "R { log: [Put { key: 1 }] }",
                "R { log: [Put { key: 1 }, Put { key: 2 }] }",
                vec!["log[1]:  -> Put { key: 2 }"],
            ),
            ("R { log: [a, b] }", "R { log: [c] }", vec!["log: [a, b] -> [c]"]),
            ("R { at: Some(3) }", "R { at: None }", vec!["at: Some(3) -> None"]),
            (
                "R { at: Some(P { q: 1, w: 22222222 }) }",
                "R { at: Some(P { q: 2, w: 22222222 }) }",
                vec!["at.q: 1 -> 2"],
            ),
            ("N(1, 2)", "N(1, 3)", vec!["1: 2 -> 3"]),
            ("N(R { a: 1 })", "N(R { a: 2 })", vec!["a: 1 -> 2"]),
            ("A { a: 1 }", "B { a: 1 }", vec![": A { a: 1 } -> B { a: 1 }"]),
            ("", "R { a: 1 }", vec![":  -> R { a: 1 }"]),
            ("3", "4", vec![": 3 -> 4"]),
            ("m::R { x: a::B }", "m::R { x: a::C }", vec!["x: a::B -> a::C"]),
        ] {
            assert_eq!(told(before, after), expected, "{before} -> {after}");
        }
    }

    #[test]
    fn odd_text_is_shown_whole() {
        for odd in [
            "R { a: 1",
            "R { a: ] }",
            "{ a: 1, b }",
            "{a: 1, a: 2}",
            "\"",
            "'",
            "it's { a: 1 }",
            "R { a: \"x }",
            "é{'",
            "((",
            "}{",
            "a) (b",
        ] {
            assert_eq!(told(odd, "R { a: 2 }"), [format!(": {odd} -> R {{ a: 2 }}")]);
            assert_eq!(told("R { a: 2 }", odd), [format!(": R {{ a: 2 }} -> {odd}")]);
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let pieces =
            ["R", " { ", "a: ", "1", ", ", " }", "(", ")", "[", "]", "\"", "'", "\\", "é", "::", ":", "語", "n0"];
        let mut random = 1_u64;
        let mut text = || {
            let mut text = String::new();
            for _ in 0..12 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(random >> 33) as usize % pieces.len()]);
            }
            text
        };
        for _ in 0..20_000 {
            let (before, after) = (text(), text());
            let differs = before.trim() != after.trim();
            assert_eq!(changes(&before, &after).is_empty(), !differs, "{before:?} {after:?}");
        }
    }
}
