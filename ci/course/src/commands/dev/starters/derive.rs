//! From the text of a solution to the text of its starter. Pure: no files here.
//!
//! A solution says by marks what a learner writes. A mark stands alone on its line:
//!
//! ```text
//! //# hole: Count each server's answer once.        the lines up to `//# end` become todo!("Count …")
//! //# private                                       the lines up to `//# end` are left out
//! //# starter: use std::mem;                        the starter gets what comes after the mark
//! //# placeholder: type Message = ();               the same, for a line that gives way to what the learner writes
//! //# allow: unused_variables, dead_code            the starter allows what its holes cause, until they are filled
//! ```
//!
//! A starter allows lints and never expects them. An expectation that comes true no more is a warning, and where a learner has made
//! warnings errors (`RUSTFLAGS="-D warnings"`), a file that was just filled would not compile.
//!
//! Marks do not nest, and none of them reaches the starter. Nor do the anchors by which the book includes code: it shows the
//! solution's text, so that no learner's edit empties a page. The result is laid out as rustfmt would: no doubled blank lines where
//! something was left out, and a long instruction on a line of its own.

use std::fmt;

use crate::needs;

/// Why a solution's text has no starter: the line, counted from 1, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub struct DeriveError {
    /// The line of the mark that is wrong, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a mark.
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// A hole or a private part without `//# end`.
    Unclosed,
    /// An `//# end` that ends nothing.
    EndsNothing,
    /// A mark inside of a hole or of a private part.
    Nested,
    /// A hole without an instruction, or a starter line without a text.
    SaysNothing,
    /// A hole or a private part without a line in it.
    HoldsNothing,
    /// `//# something`, and nobody knows what that is.
    Unknown(String),
    /// A mark behind code on the same line.
    NotAlone,
    /// A starter's line that expects lints.
    Expects,
}

impl fmt::Display for DeriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.problem {
            Problem::Unclosed => write!(f, "this part has no `//# end`"),
            Problem::EndsNothing => write!(f, "this `//# end` ends nothing"),
            Problem::Nested => write!(f, "marks do not nest: end the part above first"),
            Problem::SaysNothing => write!(f, "write after the colon what the learner gets to read"),
            Problem::HoldsNothing => write!(f, "there is nothing between this mark and its `//# end`"),
            Problem::Unknown(mark) => {
                write!(
                    f,
                    "`{mark}` is no mark; there are `hole: …`, `private`, `end`, `starter: …`, `placeholder: …` and `allow: …`"
                )
            }
            Problem::NotAlone => write!(f, "a mark stands alone on its line"),
            Problem::Expects => {
                write!(f, "what a learner fulfils must not be expected: write `//# allow: …` with the lints")
            }
        }
    }
}

impl std::error::Error for DeriveError {}

/// One line of a solution.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Hole(&'a str),
    Private,
    Starter(&'a str),
    Placeholder(&'a str),
    Allow(&'a str),
    End,
    /// `// ANCHOR: name` or `// ANCHOR_END: name`: mdBook's.
    Anchor,
    Code(&'a str),
}

/// A hole or a private part that is open.
struct Part<'a> {
    line: usize,
    instruction: Option<&'a str>,
    indent: &'a str,
    last: Option<&'a str>,
}

/// Derives a starter's text from its solution's text.
pub fn derive(text: &str) -> Result<String, DeriveError> {
    let mut starter = Vec::new();
    let mut open: Option<Part> = None;
    for line in lines(text) {
        let (number, text, line) = line?;
        let fail = |problem| DeriveError { line: number, problem };
        match (line, open.as_mut()) {
            (Line::Anchor, _) => {}
            (Line::Code(code), Some(part)) => part.hold(code),
            (Line::End, Some(part)) if part.last.is_none() => {
                return Err(DeriveError { line: part.line, problem: Problem::HoldsNothing });
            }
            (Line::End, Some(_)) => starter.extend(open.take().map(Part::close)),
            (_, Some(_)) => return Err(fail(Problem::Nested)),
            (Line::End, None) => return Err(fail(Problem::EndsNothing)),
            (Line::Code(code), None) => starter.push(Kept::Line(code.to_owned())),
            (Line::Starter(code) | Line::Placeholder(code), None) => {
                starter.push(Kept::Line(format!("{}{code}", indent(text))))
            }
            (Line::Allow(lints), None) => starter.push(Kept::Line(format!("{}{}", indent(text), allowed(lints)))),
            (Line::Private, None) => open = Some(Part::open(number, None, indent(text))),
            (Line::Hole(instruction), None) => open = Some(Part::open(number, Some(instruction), indent(text))),
        }
    }
    match open {
        Some(part) => Err(DeriveError { line: part.line, problem: Problem::Unclosed }),
        None => Ok(write(&starter)),
    }
}

/// Whether a text holds a mark.
#[cfg(test)]
fn has_marks(text: &str) -> bool {
    text.lines().any(|line| read(line).map_or(true, |line| !matches!(line, Line::Code(_))))
}

/// The lines of a solution's text: the number of each, its text, and what it is.
fn lines(text: &str) -> impl Iterator<Item = Result<(usize, &str, Line<'_>), DeriveError>> {
    text.lines().zip(1..).map(|(text, number)| match read(text) {
        Ok(line) => Ok((number, text, line)),
        Err(problem) => Err(DeriveError { line: number, problem }),
    })
}

fn read(line: &str) -> Result<Line<'_>, Problem> {
    if line.trim().starts_with("// ANCHOR") {
        return Ok(Line::Anchor);
    }
    let Some(mark) = line.trim().strip_prefix("//#") else {
        return if line.contains(" //# ") { Err(Problem::NotAlone) } else { Ok(Line::Code(line)) };
    };
    let (name, says) = match mark.split_once(':') {
        Some((name, says)) => (name.trim(), says.trim()),
        None => (mark.trim(), ""),
    };
    match (name, says) {
        ("hole" | "starter" | "placeholder" | "allow", "") => Err(Problem::SaysNothing),
        ("starter", says) if says.starts_with("#![expect(") || says.starts_with("#[expect(") => Err(Problem::Expects),
        ("hole", says) => Ok(Line::Hole(says)),
        ("starter", says) => Ok(Line::Starter(says)),
        ("placeholder", says) => Ok(Line::Placeholder(says)),
        ("allow", lints) => Ok(Line::Allow(lints)),
        ("private", "") => Ok(Line::Private),
        ("end", "") => Ok(Line::End),
        _ => Err(Problem::Unknown(mark.trim().to_owned())),
    }
}

/// The line by which a starter's file allows what its holes cause, with what becomes of it.
fn allowed(lints: &str) -> String {
    format!("#![allow({lints}, reason = \"for the holes below: delete this line when all are filled\")]")
}

/// The text of a file in which a learner has written what the solution holds, and deleted the line about its holes.
pub fn filled(text: &str) -> Result<String, DeriveError> {
    watched(text, |_| String::new())
}

/// The same, where what a learner writes begins with the line that `watch` gives for the function that it is in.
pub fn watched(text: &str, watch: impl Fn(&str) -> String) -> Result<String, DeriveError> {
    let mut filled = String::new();
    let mut function = "";
    for line in lines(text) {
        match line?.2 {
            Line::Code(code) => {
                function = needs::name(code).unwrap_or(function);
                filled.extend([code, "\n"]);
            }
            Line::Starter(code) => filled.extend([code, "\n"]),
            Line::Hole(_) => filled += &watch(function),
            Line::Private | Line::Placeholder(_) | Line::Allow(_) | Line::End | Line::Anchor => {}
        }
    }
    Ok(filled)
}

/// What a learner writes: a part of a solution.
#[derive(Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// The function that a hole is in; none for a private part, which a learner may write or do without.
    pub function: Option<&'a str>,
    /// How many lines of code it has in the solution, neither blank nor comments.
    pub lines: usize,
}

/// All that a learner writes in a file, in order.
pub fn written(text: &str) -> Result<Vec<Written<'_>>, DeriveError> {
    let mut parts = Vec::new();
    let mut open: Option<Written> = None;
    let mut function = "";
    for line in lines(text) {
        match (line?.2, &mut open) {
            (Line::Hole(_), _) => open = Some(Written { function: Some(function), lines: 0 }),
            (Line::Private, _) => open = Some(Written { function: None, lines: 0 }),
            (Line::End, _) => parts.extend(open.take()),
            (Line::Code(code), Some(part)) => part.lines += usize::from(is_code(code)),
            (Line::Code(code), None) => function = needs::name(code).unwrap_or(function),
            (Line::Starter(_) | Line::Placeholder(_) | Line::Allow(_) | Line::Anchor, _) => {}
        }
    }
    Ok(parts)
}

fn is_code(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim().starts_with("//")
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

impl<'a> Part<'a> {
    fn open(line: usize, instruction: Option<&'a str>, indent: &'a str) -> Self {
        Part { line, instruction, indent, last: None }
    }

    fn hold(&mut self, code: &'a str) {
        if !code.trim().is_empty() {
            self.last = Some(code);
        }
    }

    /// A hole leaves a `todo!`, a private part leaves a gap.
    fn close(self) -> Kept<'a> {
        let Some(instruction) = self.instruction else { return Kept::Gap };
        let comma = self.last.is_some_and(|last| last.trim_end().ends_with(','));
        Kept::Todo { indent: self.indent, literal: literal(instruction), comma }
    }
}

/// A part of the starter. What comes after a `todo!` depends on what comes after the hole.
enum Kept<'a> {
    Line(String),
    Todo { indent: &'a str, literal: String, comma: bool },
    Gap,
}

/// The longest line that rustfmt makes here.
const WIDTH: usize = 120;

fn write(parts: &[Kept]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut gap = false;
    for (index, part) in parts.iter().enumerate() {
        match part {
            Kept::Gap => gap = true,
            Kept::Line(line) if line.trim().is_empty() && gap && is_edge(lines.last()) => {}
            Kept::Line(line) => {
                if gap && line.trim().starts_with('}') {
                    lines.truncate(lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
                }
                gap = false;
                lines.push(line.clone());
            }
            Kept::Todo { indent, literal, comma } => {
                gap = false;
                let after = if *comma {
                    ","
                } else if ends_block(&parts[index + 1..]) {
                    ""
                } else {
                    ";"
                };
                lines.extend(todo(indent, literal, after));
            }
        }
    }
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// Whether no blank line may follow: the file's start, a blank line, or the start of a block.
fn is_edge(line: Option<&String>) -> bool {
    line.is_none_or(|line| line.trim().is_empty() || line.trim_end().ends_with('{'))
}

fn todo(indent: &str, literal: &str, after: &str) -> Vec<String> {
    let line = format!("{indent}todo!({literal}){after}");
    if line.chars().count() <= WIDTH {
        return vec![line];
    }
    vec![format!("{indent}todo!("), format!("{indent}    {literal}"), format!("{indent}){after}")]
}

/// Whether the next thing closes a block: then a `todo!` before it is the block's value and takes no semicolon.
fn ends_block(rest: &[Kept]) -> bool {
    let next = rest.iter().find_map(|part| match part {
        Kept::Line(line) if line.trim().is_empty() => None,
        Kept::Line(line) => Some(line.trim_start().starts_with('}')),
        Kept::Todo { .. } => Some(false),
        Kept::Gap => None,
    });
    next == Some(true)
}

/// An instruction as a format string's literal.
fn literal(instruction: &str) -> String {
    let mut literal = String::from("\"");
    for character in instruction.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            '{' | '}' => literal.extend([character, character]),
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it shows, the solution, the starter.
    const CASES: &[(&str, &str, &str)] = &[
        ("text without marks stays", "fn a() {\n    b();\n}\n", "fn a() {\n    b();\n}\n"),
        ("nothing gives nothing", "", ""),
        (
            "a hole becomes the value of its block",
            "fn a() -> u8 {\n    //# hole: Say one.\n    let one = 1;\n    one\n    //# end\n}\n",
            "fn a() -> u8 {\n    todo!(\"Say one.\")\n}\n",
        ),
        (
            "a hole before other code is a statement, at its own indent",
            "fn a() {\n    if x {\n        //# hole: Count.\n        n += 1;\n        //# end\n\n        b();\n    }\n}\n",
            "fn a() {\n    if x {\n        todo!(\"Count.\");\n\n        b();\n    }\n}\n",
        ),
        (
            "two holes in a row",
            "{\n//# hole: A.\na();\n//# end\n//# hole: B.\nb();\n//# end\n}\n",
            "{\ntodo!(\"A.\");\ntodo!(\"B.\")\n}\n",
        ),
        (
            "a hole in the place of an arm's value keeps the comma",
            "match x {\n    1 =>\n        //# hole: One.\n        one(),\n        //# end\n    _ => two(),\n}\n",
            "match x {\n    1 =>\n        todo!(\"One.\"),\n    _ => two(),\n}\n",
        ),
        (
            "private items are left out",
            "//# private\nuse std::mem;\n\nfn helper() {}\n//# end\nfn a() {}\n",
            "fn a() {}\n",
        ),
        (
            "a hole may hold blank lines, and its last line counts",
            "{\n    //# hole: A.\n    a(),\n\n    //# end\n}\n",
            "{\n    todo!(\"A.\"),\n}\n",
        ),
        (
            "the starter's own line keeps colons and indent",
            "mod a {\n    //# starter: use b::c; // note: here\n}\n",
            "mod a {\n    use b::c; // note: here\n}\n",
        ),
        (
            "what the holes cause is allowed, and the line says when it is to go",
            "//# allow: unused_variables, unused_imports\n",
            "#![allow(unused_variables, unused_imports, reason = \"for the holes below: delete this line when all are filled\")]\n",
        ),
        (
            "an instruction may hold a colon, quotes, braces and a backslash",
            "{\n//# hole: Send `Ack { op }`: \"now\" \\o/\nx\n//# end\n}\n",
            "{\ntodo!(\"Send `Ack {{ op }}`: \\\"now\\\" \\\\o/\")\n}\n",
        ),
        (
            "a private part between blank lines leaves one of them",
            "use a;\n\n//# private\nfn helper() {}\n//# end\n\nfn a() {}\n",
            "use a;\n\nfn a() {}\n",
        ),
        (
            "private parts at the edges of a block leave no blank line",
            "impl A {\n    //# private\n    fn b() {}\n    //# end\n\n    fn c() {}\n\n    //# private\n    fn d() {}\n    //# end\n}\n",
            "impl A {\n    fn c() {}\n}\n",
        ),
        ("a private part at a file's start", "//# private\nuse a;\n//# end\n\nuse b;\n", "use b;\n"),
        (
            "the book's anchors are left out",
            "// ANCHOR: a\nfn a() {\n    //# hole: A.\n    b();\n    //# end\n}\n// ANCHOR_END: a\n",
            "fn a() {\n    todo!(\"A.\")\n}\n",
        ),
        ("doc comments are no marks", "/// # Errors\n///# x\n// # y\n", "/// # Errors\n///# x\n// # y\n"),
        (
            "a placeholder stands where the solution has a private part",
            "impl A {\n    //# placeholder: type B = ();\n    //# private\n    type B = u8;\n    //# end\n}\n",
            "impl A {\n    type B = ();\n}\n",
        ),
        ("a last line without its end gets one", "fn a() {}", "fn a() {}\n"),
    ];

    #[test]
    fn starters_are_derived() {
        for (shows, solution, starter) in CASES {
            assert_eq!(derive(solution).as_deref(), Ok(*starter), "{shows}");
        }
    }

    #[test]
    fn a_filled_file_is_the_solution_without_its_marks() {
        let solution = "//! A.\n//# allow: dead_code\n//# starter: use b::c;\n//# placeholder: type A = ();\n// ANCHOR: a\nfn a() {\n    //# hole: A.\n    b();\n    //# end\n}\n//# private\nfn b() {}\n//# end\n";
        assert_eq!(filled(solution).as_deref(), Ok("//! A.\nuse b::c;\nfn a() {\n    b();\n}\nfn b() {}\n"));
        assert_eq!(filled("//# fill\n").map_err(|error| error.line), Err(1));
    }

    const PARTS: &str = "pub fn a() {\n    //# hole: A.\n    // Why.\n    fn c() {}\n\n    b();\n    //# end\n}\n\
                         //# private\n/// B.\nfn b() {}\n//# end\nfn d() {\n    //# hole: D.\n    b();\n    //# end\n}\n";

    #[test]
    fn what_a_learner_writes_is_counted_without_blank_lines_and_comments() {
        let written = written(PARTS).unwrap();
        let of = |function, lines| Written { function, lines };
        assert_eq!(written, [of(Some("a"), 2), of(None, 1), of(Some("d"), 1)]);
    }

    #[test]
    fn a_watched_file_tells_where_what_a_learner_writes_begins() {
        let watched = watched(PARTS, |function| format!("watch({function:?});\n")).unwrap();
        assert!(watched.starts_with("pub fn a() {\nwatch(\"a\");\n    // Why.\n"), "{watched}");
        assert!(watched.ends_with("fn d() {\nwatch(\"d\");\n    b();\n}\n"), "{watched}");
        assert_eq!(watched.matches("watch(").count(), 2);
    }

    #[test]
    fn no_mark_reaches_a_starter() {
        for (shows, solution, starter) in CASES {
            assert!(!has_marks(starter), "{shows}");
            assert_eq!(derive(starter).as_deref(), Ok(*starter), "{shows}: deriving twice changes nothing");
            assert_eq!(has_marks(solution), solution.lines().any(|line| line.trim().starts_with("//#")), "{shows}");
        }
    }

    #[test]
    fn wrong_marks_are_refused_with_their_line() {
        let cases: &[(&str, usize, Problem)] = &[
            ("a\n//# hole: Do.\nb\n", 2, Problem::Unclosed),
            ("//# private\nb\n", 1, Problem::Unclosed),
            ("a\n//# end\n", 2, Problem::EndsNothing),
            ("//# hole: A.\na\n//# hole: B.\nb\n//# end\n//# end\n", 3, Problem::Nested),
            ("//# private\na\n//# hole: B.\nb\n//# end\n//# end\n", 3, Problem::Nested),
            ("//# hole: A.\na\n//# starter: b\n//# end\n", 3, Problem::Nested),
            ("//# hole:\na\n//# end\n", 1, Problem::SaysNothing),
            ("//# hole\na\n//# end\n", 1, Problem::SaysNothing),
            ("//# starter:  \n", 1, Problem::SaysNothing),
            ("//# allow:\n", 1, Problem::SaysNothing),
            ("//# starter: #![expect(dead_code)]\n", 1, Problem::Expects),
            ("\n//# hole: A.\n\n//# end\n", 2, Problem::HoldsNothing),
            ("//# private\n//# end\n", 1, Problem::HoldsNothing),
            ("//# holes: A.\n", 1, Problem::Unknown("holes: A.".to_owned())),
            ("//# end here\n", 1, Problem::Unknown("end here".to_owned())),
            ("let a = 1; //# private\n", 1, Problem::NotAlone),
        ];
        for (solution, line, problem) in cases {
            let error = derive(solution).expect_err(solution);
            assert_eq!((error.line, &error.problem), (*line, problem), "{solution}");
            assert!(error.to_string().starts_with(&format!("line {line}: ")), "{error}");
        }
    }
}
