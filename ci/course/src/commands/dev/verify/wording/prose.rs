//! What of a file is prose, word by word.

use proc_macro2::{TokenStream, TokenTree};

use crate::book::markdown;

/// The words and signs that people read in a file, in order.
#[derive(Debug, Default)]
pub struct Prose(Vec<Token>);

/// A word, or a sign between words. A paragraph ends with the sign `¶`, and code is the sign `` ` ``.
#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// The same in lower case, in which words are compared.
    pub lower: String,
    /// Counted from 1.
    pub line: usize,
}

const END: &str = "¶";

impl Prose {
    /// A page of the book: its text, without code.
    pub fn of_page(text: &str) -> Self {
        let mut prose = Prose::default();
        for (at, part) in markdown::texts(text) {
            let line = text[..at].lines().count().max(1) + usize::from(text[..at].ends_with('\n'));
            match part {
                Some(part) => prose.add(line, &part),
                None => prose.end(line),
            }
        }
        prose
    }

    /// Data with texts in it, as quizzes and hints are: each text is read as one.
    pub fn of_data(text: &str) -> Self {
        let mut prose = Prose::default();
        for (at, line) in text.lines().enumerate() {
            prose.add_marked(at + 1, line);
            if line.trim().is_empty() {
                prose.end(at + 1);
            }
        }
        prose
    }

    /// A Rust file: what its doc comments, its holes and its string literals say. Other comments are for those who change it.
    pub fn of_code(text: &str) -> Self {
        let mut prose = Prose::default();
        for (at, line) in text.lines().enumerate() {
            if let Some((_, hole)) = line.split_once("//# hole: ") {
                prose.add_marked(at + 1, hole);
                prose.end(at + 1);
            }
        }
        let mut literals = Vec::new();
        collect(text.parse().unwrap_or_default(), &mut literals);
        let mut last = 0;
        for (line, text) in literals {
            if line != last + 1 || text.trim().is_empty() {
                prose.end(line);
            }
            prose.add_marked(line, &without_places(&text));
            last = line;
        }
        prose.0.sort_by_key(|token| token.line);
        prose
    }

    pub fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// How many words it has.
    pub fn words(&self) -> usize {
        self.0.iter().filter(|token| token.text.starts_with(char::is_alphabetic)).count()
    }

    /// Whether the word there begins a sentence that is no question.
    pub fn opens_statement(&self, at: usize) -> bool {
        let quotes = |token: &&Token| !["\"", "“", "'", "(", "*"].contains(&&*token.text);
        let ends = |token: &Token| [".", "!", "?", END].contains(&&*token.text);
        let opens = self.0[..at].iter().rev().find(quotes).is_none_or(ends);
        opens && self.0[at..].iter().find(|token| ends(token)).is_none_or(|token| token.text != "?")
    }

    fn push(&mut self, line: usize, text: &str) {
        self.0.push(Token { text: text.into(), lower: text.to_lowercase(), line });
    }

    fn end(&mut self, line: usize) {
        self.push(line, END);
    }

    /// Adds a text in which code is between backticks.
    fn add_marked(&mut self, line: usize, text: &str) {
        for (at, part) in text.split('`').enumerate() {
            match at % 2 {
                0 => self.add(line, part),
                _ => self.push(line, "`"),
            }
        }
    }

    fn add(&mut self, line: usize, text: &str) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|sign: char| !is_of_word(sign)).unwrap_or(rest.len());
            let (token, behind) = rest.split_at(if word == 0 { first.len_utf8() } else { word });
            self.push(line, token);
            rest = behind.trim_start();
        }
    }
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || "-_'’".contains(sign)
}

/// A text whose places for values, such as `{name}`, hold nothing.
fn without_places(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "{}" + part.split_once('}').map_or(part, |(_, behind)| behind))
}

/// The string literals of a Rust file, doc comments among them, each with its line.
fn collect(tokens: TokenStream, literals: &mut Vec<(usize, String)>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), literals),
            TokenTree::Literal(literal) => {
                let line = literal.span().start().line;
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    literals.push((line, text.value()));
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}
