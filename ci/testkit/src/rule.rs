//! A rule that a program must keep: what checks are about, and what a failure cites.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A rule with its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// A short name: "linearizability".
    pub name: Cow<'static, str>,
    /// What the rule demands, in one sentence.
    pub says: Cow<'static, str>,
    /// Where it comes from: paper and section, or documentation page.
    pub source: Cow<'static, str>,
    /// The page of the book that explains it, below `book/src`, with an anchor where that helps.
    pub page: Cow<'static, str>,
}

impl Rule {
    /// A rule as a constant of a check.
    pub const fn new(name: &'static str, says: &'static str, source: &'static str, page: &'static str) -> Self {
        Rule {
            name: Cow::Borrowed(name),
            says: Cow::Borrowed(says),
            source: Cow::Borrowed(source),
            page: Cow::Borrowed(page),
        }
    }
}
