//! Many changed solutions in one build: mutant schemata (Untch, Offutt & Harrold, *Mutation analysis using mutant schemata*,
//! ISSTA 1993).
//!
//! To build a solution with its checks takes most of a minute, to run the check that catches a bug takes a fraction of a second. So
//! the changes of a stage are built together. A function that some of them change gets all of these bodies, and a `match` that chooses one
//! when it is called:
//!
//! ```text
//! fn grants(&self, candidate: NodeId) -> bool {
//!     match crate::mutant::active() { 1 => { …of the first… } 2 => { …of the second… } _ => { …of the reference… } }
//! }
//! ```
//!
//! Which one is active is said by the name of the folder that the running program lies in, so nothing has to be handed down to a
//! check's process or to what that starts.
//!
//! Functions that a change adds are added for all; functions that it removes stay, and are not called. A change of anything else
//! (fields, signatures, derives, constants) cannot be switched, and is built by itself.

mod items;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Mutant;
use items::{Container, Items, Key};

/// The module that says which change is active. It is put into the copy of a solution, and nowhere else.
const SWITCH: &str = "mutant";

/// The file that the module is declared in.
const ROOT: &str = "src/lib.rs";

/// A solution with the changes of many mutants.
#[derive(Debug, Default)]
pub struct Schemata<'m> {
    /// The changes that it holds, in the order of their numbers, which begin at 1.
    pub mutants: Vec<&'m Mutant>,
    files: BTreeMap<String, Merged>,
}

/// A file with the changes that were made to it.
#[derive(Debug, Default)]
struct Merged {
    text: String,
    original: Items,
    /// The bodies of a function, with the numbers of their mutants.
    bodies: BTreeMap<Key, Vec<(usize, String)>>,
    /// Items that are added, with their texts and tokens.
    added: BTreeMap<Key, (String, String)>,
    imports: BTreeSet<(Container, String)>,
}

/// What one mutant changes in one file.
#[derive(Debug, Default)]
struct Change {
    bodies: Vec<(Key, String)>,
    added: Vec<(Key, (String, String))>,
    imports: BTreeSet<(Container, String)>,
}

impl<'m> Schemata<'m> {
    /// Merges the changes of those mutants of the solution in a folder that can be switched. The others come back.
    pub fn merge(mutants: impl IntoIterator<Item = &'m Mutant>, solution: &Path) -> (Self, Vec<&'m Mutant>) {
        let mut schemata = Self::default();
        let mut alone = Vec::new();
        for mutant in mutants {
            match schemata.changes(mutant, solution) {
                Some(changes) => schemata.add(mutant, changes),
                None => alone.push(mutant),
            }
        }
        (schemata, alone)
    }

    /// The changed files with their texts.
    pub fn files(&self, solution: &Path) -> Result<Vec<(String, String)>, std::io::Error> {
        let mut files: BTreeMap<String, String> =
            self.files.iter().map(|(path, merged)| (path.clone(), merged.text())).collect();
        let root = match files.remove(ROOT) {
            Some(root) => root,
            None => fs::read_to_string(solution.join(ROOT))?,
        };
        files.insert(ROOT.into(), format!("{root}\n{}", self.switch()));
        Ok(files.into_iter().collect())
    }

    /// What a mutant changes in each file, or nothing if one of these changes cannot be switched.
    fn changes(&mut self, mutant: &Mutant, solution: &Path) -> Option<Vec<(String, Change)>> {
        let mut changes = Vec::new();
        for (path, text) in mutant.apply(solution).ok()? {
            if !self.files.contains_key(&path) {
                let original = fs::read_to_string(solution.join(&path)).ok()?;
                let merged = Merged { original: Items::read(&original).ok()?, text: original, ..Merged::default() };
                self.files.insert(path.clone(), merged);
            }
            changes.push((path.clone(), self.files[&path].change(&text)?));
        }
        Some(changes)
    }

    fn add(&mut self, mutant: &'m Mutant, changes: Vec<(String, Change)>) {
        self.mutants.push(mutant);
        let number = self.mutants.len();
        for (path, change) in changes {
            let merged = self.files.get_mut(&path).expect("a file that is changed has been read");
            for (key, body) in change.bodies {
                merged.bodies.entry(key).or_default().push((number, body));
            }
            merged.added.extend(change.added);
            merged.imports.extend(change.imports);
        }
    }

    /// The module [`SWITCH`]: the number of the mutant that the running program's folder is named after.
    fn switch(&self) -> String {
        let mut arms = String::new();
        for (at, mutant) in self.mutants.iter().enumerate() {
            let _ = writeln!(arms, "            Some({:?}) => {},", mutant.name, at + 1);
        }
        format!(
            "#[allow(missing_docs)]
mod {SWITCH} {{
    pub fn active() -> usize {{
        static ACTIVE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
        *ACTIVE.get_or_init(|| match std::env::current_exe().ok().as_deref().and_then(|file| file.parent()?.file_name()?.to_str()) {{
{arms}            _ => 0,
        }})
    }}
}}
"
        )
    }
}

impl Merged {
    /// What a changed copy of the file changes, if all of that can be switched and none of it is in the way of what others added.
    fn change(&self, text: &str) -> Option<Change> {
        let changed = Items::read(text).ok()?;
        let mut change = Change {
            imports: changed.imports.difference(&self.original.imports).cloned().collect(),
            ..Change::default()
        };
        let stays = |(key, parts): (&Key, &items::Parts)| parts.is_idle || changed.items.contains_key(key);
        let has_all_blocks = self.original.ends.keys().eq(changed.ends.keys());
        if !has_all_blocks || !self.original.items.iter().all(stays) {
            return None;
        }
        for (key, parts) in &changed.items {
            match self.original.items.get(key) {
                Some(before) if before.head != parts.head => return None,
                Some(before) if before.body == parts.body => {}
                Some(before) => {
                    before.switched.as_ref()?;
                    change.bodies.push((key.clone(), text[parts.switched.clone()?].to_owned()));
                }
                None => {
                    let added = (text[parts.whole.clone()].to_owned(), format!("{} {}", parts.head, parts.body));
                    let is_free = self.added.get(key).is_none_or(|(_, tokens)| *tokens == added.1);
                    let has_room = parts.is_idle && self.original.ends.contains_key(&key.0);
                    if !is_free || !has_room {
                        return None;
                    }
                    change.added.push((key.clone(), added));
                }
            }
        }
        Some(change)
    }

    /// The file's text with all changes.
    fn text(&self) -> String {
        let mut edits: Vec<(usize, usize, String)> = Vec::new();
        for (key, bodies) in &self.bodies {
            let place = self.original.items[key].switched.clone().expect("only what can be switched is switched");
            let mut choice = format!("{{ match crate::{SWITCH}::active() {{\n");
            for (number, body) in bodies {
                let _ = writeln!(choice, "{number} => {body}");
            }
            let _ = write!(choice, "_ => {}\n}} }}", &self.text[place.clone()]);
            edits.push((place.start, place.end, choice));
        }
        for ((container, _), (text, _)) in &self.added {
            let end = self.original.ends[container];
            edits.push((end, end, format!("\n{text}\n")));
        }
        for (container, import) in &self.imports {
            let end = self.original.ends.get(container).copied().unwrap_or(self.text.len());
            edits.push((end, end, format!("\n{import}\n")));
        }
        edits.sort_by_key(|(start, ..)| *start);
        let mut text = self.text.clone();
        for (start, end, with) in edits.into_iter().rev() {
            text.replace_range(start..end, &with);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
use std::fmt::Debug;
struct Log;
impl Log {
    fn length(&self) -> u64 { 1 }
    fn helper(&self) -> u64 { 2 }
}
";

    fn change(changed: &str) -> Option<Change> {
        let merged = Merged { text: FILE.into(), original: Items::read(FILE).unwrap(), ..Merged::default() };
        merged.change(changed)
    }

    #[test]
    fn bodies_are_switched_and_functions_added() {
        let mut merged = Merged { text: FILE.into(), original: Items::read(FILE).unwrap(), ..Merged::default() };
        let one = merged.change(&FILE.replace("{ 1 }", "{ 10 }")).unwrap();
        let text = "use std::fmt::{Debug, Display};\nstruct Log;\nimpl Log {\n    fn length(&self) -> u64 { self.more() }\n    fn more(&self) -> u64 { 3 }\n}\n";
        let two = merged.change(text).unwrap();
        for (number, change) in [(1, one), (2, two)] {
            change
                .bodies
                .into_iter()
                .for_each(|(key, body)| merged.bodies.entry(key).or_default().push((number, body)));
            merged.added.extend(change.added);
            merged.imports.extend(change.imports);
        }
        let expected = "\
use std::fmt::Debug;
struct Log;
impl Log {
    fn length(&self) -> u64 { match crate::mutant::active() {
1 => { 10 }
2 => { self.more() }
_ => { 1 }
} }
    fn helper(&self) -> u64 { 2 }

fn more(&self) -> u64 { 3 }
}

 use std::fmt::Display;
";
        assert_eq!(merged.text(), expected);
    }

    #[test]
    fn comments_change_nothing() {
        let change =
            change(&FILE.replace("    fn length", "    /// How long it is.\n    // Not long.\n    fn length")).unwrap();
        assert!(change.bodies.is_empty() && change.added.is_empty());
    }

    #[test]
    fn what_is_not_in_a_body_is_not_switched() {
        let cases = [
            FILE.replace("struct Log;", "struct Log { first: u64 }"),
            FILE.replace("fn length(&self)", "fn length(&mut self)"),
            format!("{FILE}impl Default for Log {{ fn default() -> Self {{ Log }} }}\n"),
            format!("{FILE}impl Copy for Log {{}}\n"),
        ];
        for changed in cases {
            assert!(change(&changed).is_none(), "{changed}");
        }
    }
}
