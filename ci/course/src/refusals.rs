//! Code that is refused before it is built, by name: what would make a check pass, or fail, for a reason that has nothing to do
//! with the task.
//!
//! This reads tokens, and knows no types. It keeps honest people from a mistake, and tells a mentor where to look; it does not
//! stop anybody who wants to hide something.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The file, as it is to be shown.
    pub file: String,
    /// The line, from 1; 0 where it is about the file.
    pub line: usize,
    /// What is wrong, and the next step.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.why),
            line => write!(f, "{}:{line}: {}", self.file, self.why),
        }
    }
}

/// What is known of the file that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// It belongs to a protocol core, which has no clock.
    pub core: bool,
    /// The package of the stage's reference.
    pub reference: &'r str,
}

/// Looks through one file of a learner. Text that is no Rust at all is left to the compiler.
pub fn of_text(file: &Path, text: &str, rules: Rules) -> Vec<Refusal> {
    let Ok(tokens) = TokenStream::from_str(text) else { return Vec::new() };
    let mut found = Found { file: file.display().to_string(), rules, refusals: Vec::new() };
    found.look(&tokens.into_iter().collect::<Vec<_>>());
    found.refusals
}

struct Found<'r> {
    file: String,
    rules: Rules<'r>,
    refusals: Vec<Refusal>,
}

impl Found<'_> {
    fn look(&mut self, tokens: &[TokenTree]) {
        for at in 0..tokens.len() {
            let rest = &tokens[at..];
            if let Some(why) = self.refused(rest) {
                let line = tokens[at].span().start().line;
                self.refusals.push(Refusal { file: self.file.clone(), line, why });
            }
            if let TokenTree::Group(group) = &tokens[at] {
                self.look(&group.stream().into_iter().collect::<Vec<_>>());
            }
        }
    }

    /// What is wrong with what begins here.
    fn refused(&self, rest: &[TokenTree]) -> Option<String> {
        let reference = self.rules.reference.replace('-', "_");
        match rest {
            [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                if hash.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket && sets_a_path(attribute.stream()) =>
            {
                Some("`#[path]` takes code from another file, and only the task's own files count. Write the code here.".into())
            }
            [TokenTree::Ident(name), TokenTree::Punct(bang), ..]
                if bang.as_char() == '!' && ["include", "include_str", "include_bytes"].contains(&&*name.to_string()) =>
            {
                Some(format!("`{name}!` takes text from another file, and only the task's own files count. Write it here."))
            }
            [TokenTree::Ident(name), ..] if *name == reference => {
                Some(format!("`{name}` is the reference. Your own code is what is checked here; to compare, see `cargo course solution`."))
            }
            _ if self.rules.core && takes_time_from_std(rest) => Some(
                "a core has no clock: `std::time` gives a different time in each run. Time comes in as a timer that fires; \
                 arm one with `Outbox::arm`."
                    .into(),
            ),
            _ => None,
        }
    }
}

/// `#[path = "…"]`, `#[cfg_attr(…, path = "…")]`.
fn sets_a_path(attribute: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    let sets = |pair: &[TokenTree]| matches!(pair, [TokenTree::Ident(name), TokenTree::Punct(equals)] if *name == "path" && equals.as_char() == '=');
    let deeper = |token: &TokenTree| matches!(token, TokenTree::Group(group) if sets_a_path(group.stream()));
    tokens.windows(2).any(sets) || tokens.iter().any(deeper)
}

/// `std::time` (or `core::time`), except for a bare `std::time::Duration`, which is a number with a unit; or `std::{…, time…}`.
fn takes_time_from_std(rest: &[TokenTree]) -> bool {
    let [TokenTree::Ident(root), rest @ ..] = rest else { return false };
    if *root != "std" && *root != "core" {
        return false;
    }
    match after_colons(rest) {
        Some([TokenTree::Ident(time), rest @ ..]) if *time == "time" => !is_only_a_duration(rest),
        Some([TokenTree::Group(several), ..]) => {
            let several: Vec<TokenTree> = several.stream().into_iter().collect();
            (0..several.len()).any(|at| {
                let begins = at == 0 || matches!(&several[at - 1], TokenTree::Punct(comma) if comma.as_char() == ',');
                begins
                    && matches!(&several[at], TokenTree::Ident(time) if *time == "time")
                    && !is_only_a_duration(&several[at + 1..])
            })
        }
        _ => false,
    }
}

fn is_only_a_duration(after_time: &[TokenTree]) -> bool {
    matches!(after_colons(after_time), Some([TokenTree::Ident(duration), ..]) if *duration == "Duration")
}

fn after_colons(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [TokenTree::Punct(one), TokenTree::Punct(two), rest @ ..] if one.as_char() == ':' && two.as_char() == ':' => {
            Some(rest)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, core: bool) -> Vec<String> {
        let rules = Rules { core, reference: "cap-solution" };
        of_text(Path::new("src/abd.rs"), text, rules).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn code_from_elsewhere_is_refused_with_its_line() {
        for (text, what) in [
            ("\n#[path = \"../../../solutions/1-cap/src/abd.rs\"]\nmod other;", "src/abd.rs:2: `#[path]`"),
            ("#[cfg_attr(all(), path = \"x.rs\")]\nmod other;", "src/abd.rs:1: `#[path]`"),
            ("\n\ninclude!(\"../../../solutions/1-cap/src/abd.rs\");", "src/abd.rs:3: `include!`"),
            ("const TEXT: &str = std::include_str!(\"x\");", "src/abd.rs:1: `include_str!`"),
            ("mod inside { pub use cap_solution::abd::Abd; }", "src/abd.rs:1: `cap_solution` is the reference"),
        ] {
            let refused = refused(text, false);
            assert!(refused.len() == 1 && refused[0].starts_with(what), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_core_has_no_clock() {
        for text in [
            "use std::time::Instant;",
            "use std::time::{Duration, SystemTime};",
            "use std::{fmt, time};",
            "use std::{fmt, time::Instant};",
            "fn now() -> u64 { std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() }",
        ] {
            let refused = refused(text, true);
            assert!(refused.len() == 1 && refused[0].contains("a core has no clock"), "{text}: {refused:?}");
        }
        assert_eq!(refused("use std::time::Instant;", false), [""; 0], "a host may have one");
    }

    #[test]
    fn what_only_looks_like_it_is_not_refused() {
        for text in [
            "use std::time::Duration;",
            "use std::{fmt, time::Duration};",
            "// include!(\"x\") and std::time::Instant\nconst TEXT: &str = \"#[path = \\\"x\\\"] cap_solution\";",
            "use std::collections::BTreeMap; fn path(include: bool) -> bool { let path = include; path }",
            "#[derive(Debug)] struct Instant { time: u64 }",
            "fn broken( {",
        ] {
            assert_eq!(refused(text, true), [""; 0], "{text}");
        }
    }
}
