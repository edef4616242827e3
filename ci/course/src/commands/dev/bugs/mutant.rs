//! A changed solution: a bug that the checks must catch, or a variant that they must let pass.
//!
//! Each is a file `solutions/N/bugs/NAME.patch` or `solutions/N/variants/NAME.patch`: a preamble of `Key: value` lines, whose
//! continuation lines are indented, and a unified diff of files of the solution.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use diffy::Patch;

use crate::commands::dev::files;
use crate::error::Error;

/// One changed solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The patch's file name without `.patch`.
    pub name: String,
    /// The patch.
    pub file: PathBuf,
    /// What it is good for.
    pub kind: Kind,
    /// The diffs, by the path of the file below the solution's folder.
    diffs: BTreeMap<String, String>,
}

/// What a changed solution is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Wrong: the checks must catch it.
    Bug {
        /// What a programmer who writes this believes.
        misconception: String,
        /// Who was seen to believe it, and where.
        who: String,
        /// The systems that had it, each as `who` names it: `tikv/tikv`, `PostgreSQL`.
        seen: Vec<String>,
        /// The page of the book that sets it right.
        page: String,
        /// The checks that must catch it, without the leading `checks::`.
        caught_by: Vec<String>,
    },
    /// Right, though it looks different: every check must let it pass.
    Variant {
        /// What is different.
        what: String,
        /// Why it is right all the same.
        why_correct: String,
    },
}

/// All changed solutions of a solution's folder: the bugs, then the variants, each in the order of their names.
pub fn load(solution: &Path) -> Result<Vec<Mutant>, Error> {
    let bugs = read_all(&solution.join("bugs"), |file, text| Mutant::parse(file, true, text, &[]))?;
    let variants = read_all(&solution.join("variants"), |file, text| Mutant::parse(file, false, text, &[]))?;
    Ok([bugs, variants].concat())
}

/// The bugs of another base of a stage: what their preambles do not say, the bugs of the same names among `known` say.
pub fn load_planted(base: &Path, known: &[Mutant]) -> Result<Vec<Mutant>, Error> {
    read_all(&base.join("bugs"), |file, text| Mutant::parse(file, true, text, known))
}

fn read_all(folder: &Path, parse: impl Fn(&Path, &str) -> Result<Mutant, String>) -> Result<Vec<Mutant>, Error> {
    let mut mutants = Vec::new();
    for file in files::below(folder)? {
        if file.extension().is_some_and(|extension| extension == "patch") {
            let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
            mutants.push(parse(&file, &text).map_err(|why| Error::Course(format!("{}: {why}", file.display())))?);
        }
    }
    Ok(mutants)
}

impl Mutant {
    /// A complete solution by itself, without a change: as right as a variant.
    pub fn whole(name: &str, folder: &Path) -> Self {
        let kind = Kind::Variant {
            what: "Another complete solution of the stage.".into(),
            why_correct: "It was written from the pages and the starters alone.".into(),
        };
        Self { name: name.into(), file: folder.into(), kind, diffs: BTreeMap::new() }
    }

    fn parse(file: &Path, is_bug: bool, text: &str, known: &[Self]) -> Result<Self, String> {
        let at = diff_start(text).ok_or("there is no diff in it; make one with `diff -u` or `git diff`.")?;
        let (preamble, diff) = text.split_at(at);
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let known = known.iter().find(|known| known.name == name);
        let mut keys = known.map(Self::preamble).unwrap_or_default();
        keys.extend(preamble_keys(preamble)?);
        let seen = if is_bug { listed(&keys.remove("Seen").unwrap_or_default()) } else { Vec::new() };
        let mut take = |key: &str| keys.remove(key).ok_or(format!("its preamble lacks `{key}: …`."));
        let kind = if is_bug {
            let checks = listed(&take("Caught-by")?);
            let who = take("Who")?;
            if let Some(unknown) = seen.iter().find(|system| !who.contains(*system)) {
                return Err(format!("its preamble has `Seen: {unknown}`, of which `Who: …` says nothing."));
            }
            Kind::Bug {
                misconception: take("Misconception")?,
                who,
                seen,
                page: take("Page")?,
                caught_by: checks.iter().map(|check| check.trim_start_matches("checks::").to_owned()).collect(),
            }
        } else {
            Kind::Variant { what: take("What")?, why_correct: take("Why-correct")? }
        };
        if let Some(key) = keys.keys().next() {
            return Err(format!("its preamble has the unknown key `{key}`."));
        }
        Ok(Self { name, file: file.into(), kind, diffs: split(diff)? })
    }

    /// Its preamble.
    fn preamble(&self) -> BTreeMap<String, String> {
        let lines = match &self.kind {
            Kind::Bug { misconception, who, seen, page, caught_by } => vec![
                ("Misconception", misconception.clone()),
                ("Who", who.clone()),
                ("Seen", seen.join(", ")),
                ("Page", page.clone()),
                ("Caught-by", caught_by.join(", ")),
            ],
            Kind::Variant { what, why_correct } => vec![("What", what.clone()), ("Why-correct", why_correct.clone())],
        };
        lines.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Whether the checks must catch it.
    pub fn is_bug(&self) -> bool {
        matches!(self.kind, Kind::Bug { .. })
    }

    /// The checks that must catch it.
    pub fn caught_by(&self) -> &[String] {
        match &self.kind {
            Kind::Bug { caught_by, .. } => caught_by,
            Kind::Variant { .. } => &[],
        }
    }

    /// The changed files, by their paths in the solution's folder.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.diffs().map(|(path, _)| path)
    }

    /// What it changes: a diff for each file, by the file's path in the solution's folder.
    pub fn diffs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.diffs.iter().map(|(path, diff)| (&**path, &**diff))
    }

    /// The changed files with their new texts, for the solution in a folder.
    pub fn apply(&self, solution: &Path) -> Result<Vec<(String, String)>, String> {
        self.diffs.iter().map(|(path, diff)| Ok((path.clone(), apply(solution, path, diff)?))).collect()
    }
}

fn apply(solution: &Path, path: &str, diff: &str) -> Result<String, String> {
    let is_new = diff.starts_with("--- /dev/null");
    let before = if is_new { Ok(String::new()) } else { fs::read_to_string(solution.join(path)) };
    let before = before.map_err(|error| format!("`{path}`, which it changes, cannot be read: {error}"))?;
    let patch = Patch::from_str(diff).map_err(|error| format!("its diff of `{path}` is garbled: {error}"))?;
    diffy::apply(&before, &patch).map_err(|error| format!("its diff of `{path}` does not apply any more: {error}"))
}

/// The parts of a list with commas.
fn listed(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn diff_start(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with("--- ") || line.starts_with("diff ") {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn preamble_keys(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut keys: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match (line.starts_with([' ', '\t']), line.split_once(':'), keys.last_mut()) {
            (true, _, Some((_, value))) => value.extend([" ", line.trim()]),
            (false, Some((key, value)), _) => keys.push((key.trim().to_owned(), value.trim().to_owned())),
            _ => return Err(format!("its preamble has a line that is no `Key: value`: {line}")),
        }
    }
    Ok(keys.into_iter().collect())
}

/// Cuts a diff of several files into one for each, without git's own lines.
fn split(diff: &str) -> Result<BTreeMap<String, String>, String> {
    let lines: Vec<&str> = diff.lines().collect();
    let starts_file =
        |at: &usize| lines[*at].starts_with("--- ") && lines.get(at + 1).is_some_and(|next| next.starts_with("+++ "));
    let starts: Vec<usize> = (0..lines.len()).filter(starts_file).collect();
    let mut diffs = BTreeMap::new();
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lines.len());
        let hunks = lines[start..end].iter().take_while(|line| !line.starts_with("diff ")).copied();
        let name = lines[start + 1].trim_start_matches("+++ ").split('\t').next().unwrap_or_default().trim();
        let path = name.strip_prefix("b/").ok_or(format!("`{name}` must stand in the diff as `b/src/…`"))?;
        let text: String = hunks.flat_map(|line| [line, "\n"]).collect();
        diffs.insert(path.to_owned(), text);
    }
    if diffs.is_empty() { Err("its diff names no file.".into()) } else { Ok(diffs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUG: &str = "\
Misconception: A read may answer
  with what it has seen.
Who: Lynch and Shvartsman 1997, section 4; riak/riak issue 1
Seen: riak/riak
Page: 1-cap/abd.md#write-back
Caught-by: abd::every_history_is_linearizable, checks::abd::reads_do_not_go_back

diff --git a/src/abd.rs b/src/abd.rs
index 1..2
--- a/src/abd.rs
+++ b/src/abd.rs
@@ -1,3 +1,3 @@
 fn read() {
-    write_back();
+    answer();
 }
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1 +1 @@
-mod abd;
+pub mod abd;
";

    fn parse(text: &str) -> Result<Mutant, String> {
        Mutant::parse(Path::new("bugs/no-write-back.patch"), true, text, &[])
    }

    #[test]
    fn a_planted_bug_inherits_what_it_does_not_say() {
        let known = [parse(BUG).unwrap()];
        let (_, diff) = BUG.split_once("\n\n").unwrap();
        let planted =
            |text: &str| Mutant::parse(Path::new("base/bugs/no-write-back.patch"), true, text, &known).unwrap();
        assert_eq!(planted(diff).kind, known[0].kind);
        let renamed = planted(&format!("Caught-by: abd::other\n\n{diff}"));
        assert_eq!(renamed.caught_by(), ["abd::other"]);
        let Kind::Bug { page, .. } = renamed.kind else { panic!("a bug") };
        assert_eq!(page, "1-cap/abd.md#write-back");
        let stranger = Mutant::parse(Path::new("base/bugs/other.patch"), true, diff, &known).unwrap_err();
        assert_eq!(stranger, "its preamble lacks `Caught-by: …`.");
    }

    #[test]
    fn a_patch_is_read() {
        let mutant = parse(BUG).unwrap();
        assert_eq!(mutant.name, "no-write-back");
        assert_eq!(mutant.caught_by(), ["abd::every_history_is_linearizable", "abd::reads_do_not_go_back"]);
        assert_eq!(mutant.diffs.keys().collect::<Vec<_>>(), ["src/abd.rs", "src/lib.rs"]);
        let Kind::Bug { misconception, seen, .. } = &mutant.kind else { panic!("a bug") };
        assert_eq!(misconception, "A read may answer with what it has seen.");
        assert_eq!(seen, &["riak/riak"]);
    }

    #[test]
    fn a_patch_applies_or_says_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| files::write(&folder.path().join(path), text.as_bytes()).unwrap();
        write("src/lib.rs", "mod abd;\n");
        write("src/abd.rs", "//! Essay.\nfn read() {\n    write_back();\n}\n");
        let changed = parse(BUG).unwrap().apply(folder.path()).unwrap();
        assert_eq!(changed[0].1, "//! Essay.\nfn read() {\n    answer();\n}\n");
        assert_eq!(changed[1].1, "pub mod abd;\n");
        write("src/abd.rs", "fn read() {\n    write_it_back();\n}\n");
        let why = parse(BUG).unwrap().apply(folder.path()).unwrap_err();
        assert!(why.starts_with("its diff of `src/abd.rs` does not apply any more"), "{why}");
    }

    #[test]
    fn what_is_wrong_with_a_patch_is_said() {
        let cases = [
            ("Who: x\n", "there is no diff in it"),
            (&BUG.replace("Who:", "Wer:"), "its preamble lacks `Who: …`."),
            (&BUG.replace("Who:", "Note: x\nWho:"), "its preamble has the unknown key `Note`."),
            (&BUG.replace("Seen: ", "Seen: etcd, "), "its preamble has `Seen: etcd`, of which `Who: …` says nothing."),
            (&BUG.replace("Who:", "Who"), "its preamble has a line that is no `Key: value`: Who Lynch"),
            (&BUG.replace("+++ b/", "+++ "), "`src/abd.rs` must stand in the diff as `b/src/…`"),
        ];
        for (text, why) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
