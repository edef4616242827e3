//! Reads values out of a manifest, and says in one sentence what is wrong with one that does not fit.

use std::path::PathBuf;

use toml::{Table, Value};

use super::nearest;
use crate::error::Error;

/// The most that a task may be worth.
const MOST_POINTS: u32 = 1000;

/// One table of a manifest, with the way that led to it.
pub struct Keys {
    file: PathBuf,
    path: String,
    table: Table,
}

impl Keys {
    /// The whole manifest.
    pub fn parse(file: PathBuf, text: &str) -> Result<Self, Error> {
        match text.parse::<Table>() {
            Ok(table) => Ok(Self { file, path: String::new(), table }),
            Err(error) => {
                let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
                let problem = format!("is not TOML: {}. Fix that line.", error.message().trim_end_matches('.'));
                Err(Error::Manifest { file, key: format!("line {line}"), problem })
            }
        }
    }

    /// A table inside this one.
    pub fn table(&self, key: &str) -> Result<Keys, Error> {
        match self.table.get(key) {
            Some(Value::Table(table)) => Ok(self.below(key.into(), table)),
            Some(_) => Err(self.wrong(key, format!("must be a table: write `[{}]`.", self.full(key)))),
            None => Err(self.wrong(key, format!("is missing: add a table `[{}]`.", self.full(key)))),
        }
    }

    /// Everything that stands in this table.
    pub fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.table.iter()
    }

    /// The tables of an array of tables; none if the key is missing.
    pub fn tables(&self, key: &str) -> Result<Vec<Keys>, Error> {
        let should = || self.wrong(key, format!("must be a list of tables: write `[[{}]]`.", self.full(key)));
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(should)?.iter().enumerate();
        items.map(|(at, item)| Ok(self.below(format!("{key}[{at}]"), item.as_table().ok_or_else(should)?))).collect()
    }

    /// A text that is not empty.
    pub fn text(&self, key: &str) -> Result<String, Error> {
        match self.table.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
            Some(_) => Err(self.wrong(key, format!("must be a text that is not empty: write `{key} = \"…\"`."))),
            None => Err(self.wrong(key, format!("is missing: add `{key} = \"…\"`."))),
        }
    }

    /// A text that can be typed as a name: small letters, digits and hyphens.
    pub fn name(&self, key: &str) -> Result<String, Error> {
        let name = self.text(key)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.chars().all(fits) {
            return Ok(name);
        }
        Err(self.wrong(key, format!("is `{name}`; use small letters, digits and hyphens only.")))
    }

    /// A whole number that is not negative.
    pub fn number(&self, key: &str) -> Result<u32, Error> {
        match self.table.get(key) {
            Some(value) => value
                .as_integer()
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| self.wrong(key, format!("must be a whole number: write `{key} = 10`."))),
            None => Err(self.wrong(key, format!("is missing: add `{key} = 10`."))),
        }
    }

    /// What a task is worth: few enough that no sum of them overflows.
    pub fn points(&self) -> Result<u32, Error> {
        let points = self.number("points")?;
        if points <= MOST_POINTS {
            return Ok(points);
        }
        Err(self.wrong("points", format!("is {points}; a task is worth {MOST_POINTS} at most.")))
    }

    /// True or false; false if the key is missing.
    pub fn flag(&self, key: &str) -> Result<bool, Error> {
        match self.table.get(key) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(key, format!("must be true or false: write `{key} = true`."))),
        }
    }

    /// A list of texts; empty if the key is missing.
    pub fn list(&self, key: &str) -> Result<Vec<String>, Error> {
        let should = || self.wrong(key, format!("must be a list of texts: write `{key} = [\"…\"]`."));
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(should)?.iter();
        items.map(|item| item.as_str().map(str::to_owned).ok_or_else(should)).collect()
    }

    /// A list of texts that may be empty, but not missing: its author has thought of it.
    pub fn given_list(&self, key: &str, example: &str) -> Result<Vec<String>, Error> {
        if !self.table.contains_key(key) {
            return Err(
                self.wrong(key, format!("is missing: write `{key} = {example}`, or `{key} = []` if there are none."))
            );
        }
        self.list(key)
    }

    /// A list of texts with at least one in it.
    pub fn filled_list(&self, key: &str, example: &str) -> Result<Vec<String>, Error> {
        let list = self.list(key)?;
        if list.is_empty() {
            return Err(self.wrong(key, format!("needs at least one entry: write `{key} = {example}`.")));
        }
        Ok(list)
    }

    /// Refuses keys that nobody reads: they are typing mistakes.
    pub fn only(&self, known: &[&str]) -> Result<(), Error> {
        let Some(stray) = self.table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
        let fix = match nearest(stray, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("take it out, or use one of {}.", known.join(", ")),
        };
        Err(self.wrong(stray, format!("is not a key of the course: {fix}")))
    }

    /// A mistake at one key of this table.
    pub fn wrong(&self, key: &str, problem: String) -> Error {
        Error::Manifest { file: self.file.clone(), key: self.full(key), problem }
    }

    fn below(&self, key: String, table: &Table) -> Keys {
        Keys { file: self.file.clone(), path: self.full(&key), table: table.clone() }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }
}
