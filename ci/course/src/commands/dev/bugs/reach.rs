//! Which checks a changed solution can make a difference to, and which parts of the testkit a stage's checks depend on.
//!
//! A check that names nothing of what was changed, not even in a roundabout way, does the same as on the reference. To run it
//! on each changed solution would be most of the audit's time. What a file names is read off its text: the modules behind
//! `crate::`, `subject::` and `super::`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::base::Base;
use crate::commands::dev::files;
use crate::error::Error;
use crate::manifest::ground;
use crate::manifest::{Keys, Stage};
use crate::workspace::Workspace;

/// The text of each module of a folder, by its path: `abd`, `raft::election`; a folder's own `mod.rs` has the folder's path.
pub type Modules = BTreeMap<String, String>;

/// The modules of checks that a change can reach.
pub struct Reach {
    solution: Modules,
    checks: Modules,
}

impl Reach {
    /// Reads a base of a stage, and the stage's checks.
    pub fn of_stage(workspace: &Workspace, stage: &Stage, base: &Base) -> Result<Self, Error> {
        Self::new(base.folder(), &workspace.exercises().join(&stage.id).join("tests/checks"))
    }

    /// Reads a solution's folder, and the folder of its checks.
    pub fn new(solution: &Path, checks: &Path) -> Result<Self, Error> {
        Ok(Self { solution: modules(&solution.join("src"))?, checks: modules(checks)? })
    }

    /// The modules of checks that name something of `changed` (paths like `src/abd.rs`), or something that names it.
    pub fn of<'p>(&self, changed: impl IntoIterator<Item = &'p str>) -> BTreeSet<String> {
        let changed = changed.into_iter().map(|path| top(&module(path.trim_start_matches("src/"))).to_owned());
        let changed = spread(changed.collect(), |known| {
            let touches = |text: &str| named(text, "crate::").iter().any(|name| known.contains(name));
            self.solution.iter().filter(|(_, text)| touches(text)).map(|(path, _)| top(path).to_owned()).collect()
        });
        let touched = |text: &str| named(text, "subject::").iter().any(|name| name == "{" || changed.contains(name));
        let touched = self.checks.iter().filter(|(_, text)| touched(text)).map(|(path, _)| path.clone());
        spread(touched.collect(), |known| {
            let touches = |path: &str, text: &str| neighbours(path, text).iter().any(|other| known.contains(other));
            self.checks.iter().filter(|(path, text)| touches(path, text)).map(|(path, _)| path.clone()).collect()
        })
    }

    /// The text of a module of checks, of the modules above it, and of all that these name. That a module has others inside it says
    /// nothing of what it does.
    pub fn behind(&self, module: &str) -> String {
        let above = module.match_indices("::").map(|(at, _)| module[..at].to_owned());
        let known = above.chain([String::new(), module.to_owned()]).collect();
        let behind = spread(known, |known| {
            let texts = known.iter().filter_map(|path| Some((path, self.checks.get(path)?)));
            texts.flat_map(|(path, text)| neighbours(path, text)).collect()
        });
        let lines = behind.iter().filter_map(|path| self.checks.get(path)).flat_map(|text| text.lines());
        lines.filter(|line| !declares_a_module(line)).flat_map(|line| [line, "\n"]).collect()
    }
}

/// Whether a line is `mod name;`, for everyone to see or not.
fn declares_a_module(line: &str) -> bool {
    let line = line.trim();
    line.ends_with(';')
        && (line.starts_with("mod ") || line.starts_with("pub mod ") || line.starts_with("pub(crate) mod "))
}

/// A solution, first, and all earlier ones that it is built on, each once.
pub fn with_earlier(solution: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut all = vec![solution.to_owned()];
    for earlier in built_on(solution)? {
        for folder in with_earlier(&earlier)? {
            if !all.contains(&folder) {
                all.push(folder);
            }
        }
    }
    Ok(all)
}

/// The folders of the code that a solution is: its own, and that of the earlier solutions which it is built on. Its manifest says which
/// these are, by their paths.
fn sources(solution: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut sources: Vec<PathBuf> = with_earlier(solution)?.iter().map(|folder| folder.join("src")).collect();
    sources.sort();
    Ok(sources)
}

/// The earlier solutions that a solution's manifest names.
pub fn built_on(solution: &Path) -> Result<Vec<PathBuf>, Error> {
    let known = known_as(solution)?;
    Ok(known.into_iter().filter_map(|(_, folder)| Some(solution.parent()?.join(folder))).collect())
}

/// By which name a solution calls which of the earlier ones, by their folder's name.
pub fn known_as(solution: &Path) -> Result<Vec<(String, String)>, Error> {
    let file = solution.join("Cargo.toml");
    let text = read(&file)?;
    let manifest = Keys::parse(file, &text)?;
    let folder = |path: &str| path.strip_prefix("../").filter(|folder| !folder.contains('/')).map(str::to_owned);
    let known =
        ground::dependencies(&manifest).into_iter().filter_map(|other| Some((other.name, folder(&other.path?)?)));
    let own = solution.file_name().unwrap_or_default().to_string_lossy();
    Ok(known.filter(|(_, earlier)| **earlier < *own).collect())
}

/// What checks stand on: each library's folder, and how code that uses it names it.
const LIBRARIES: [(&str, &str); 2] = [("ci/testkit/src", "testkit::"), ("ci/testkit-async/src", "testkit_async::")];

/// The files of the testkit, and of what is beside it, that decide what the checks of a stage say: those of the top modules which its
/// solution, one that this is built on, or its checks name, or which those name. What other stages add leaves this stage's findings alone.
pub fn testkit_files(workspace: &Workspace, stage: &Stage) -> Result<Vec<PathBuf>, Error> {
    let users = sources(&workspace.solution(&stage.id))?.into_iter().chain([stage.folder.join("tests")]);
    let users = users.map(|folder| modules(&folder)).collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::new();
    for (library, prefix) in LIBRARIES {
        let folder = workspace.root().join(library);
        let names = users.iter().flat_map(BTreeMap::values).flat_map(|text| named(text, prefix));
        let known = behind_names(&modules(&folder)?, names.collect());
        let is_known = |path: &PathBuf| known.contains(top(&module(&below(&folder, path))));
        all.extend(files::below(&folder)?.into_iter().filter(is_known));
    }
    Ok(all)
}

/// The top modules of a library that are named, with those that they name. A group in braces may name any.
fn behind_names(library: &Modules, names: BTreeSet<String>) -> BTreeSet<String> {
    let all = || library.keys().map(|path| top(path).to_owned());
    spread(names, |known| {
        if known.contains("{") {
            return all().collect();
        }
        let texts = library.iter().filter(|(path, _)| known.contains(top(path)));
        texts.flat_map(|(_, text)| named(text, "crate::")).collect()
    })
}

/// Adds what `more` finds until it finds nothing new.
fn spread(mut known: BTreeSet<String>, more: impl Fn(&BTreeSet<String>) -> Vec<String>) -> BTreeSet<String> {
    loop {
        let before = known.len();
        known.extend(more(&known));
        if known.len() == before {
            return known;
        }
    }
}

pub fn modules(folder: &Path) -> Result<Modules, Error> {
    let mut modules = Modules::new();
    for file in files::below(folder)? {
        let mut text = read(&file)?;
        for borrowed in borrowed(&file, &text) {
            text.push_str(&read(&borrowed)?);
        }
        modules.insert(module(&below(folder, &file)), text);
    }
    Ok(modules)
}

/// The files that a file with this text takes in by `#[path]` from above its folder.
fn borrowed(file: &Path, text: &str) -> Vec<PathBuf> {
    let paths = text.lines().filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"));
    paths.filter(|path| path.starts_with("../")).map(|path| file.with_file_name(path)).collect()
}

fn read(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file).map_err(Error::io("read", file))
}

/// A file's path below a folder that it lies in.
fn below(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).expect("it lies below the folder").to_string_lossy().into_owned()
}

/// `raft/election.rs` is `raft::election`, and `raft/mod.rs` is `raft`.
pub fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs").trim_end_matches("mod").trim_end_matches('/');
    path.replace('/', "::")
}

pub fn top(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

/// The names that follow `before` in a text. A group in braces counts as the name `{`; empty braces are the gap of a text that
/// is formatted, and name nothing.
pub fn named(text: &str, before: &str) -> BTreeSet<String> {
    let name = |rest: &str| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if rest.starts_with('{') { "{".to_owned() } else { rest[..end].to_owned() }
    };
    text.split(before).skip(1).filter(|rest| !rest.starts_with("{}")).map(name).collect()
}

/// The modules that the module at `path` names by `super::`, once or more.
fn neighbours(path: &str, text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut parent = path;
    let mut before = String::new();
    while let Some((above, _)) = parent.rsplit_once("::").or((!parent.is_empty()).then_some(("", ""))) {
        before.push_str("super::");
        let inside = |name: String| if above.is_empty() { name } else { format!("{above}::{name}") };
        all.extend(named(text, &before).into_iter().map(inside));
        parent = above;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach() -> Reach {
        let texts =
            |texts: &[(&str, &str)]| texts.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect();
        Reach {
            solution: texts(&[
                ("quorum.rs", ""),
                ("abd.rs", "use crate::quorum::majority;"),
                ("lww.rs", ""),
                ("raft/mod.rs", "mod election;"),
                ("raft/election.rs", "use crate::quorum::majority;"),
            ]),
            checks: texts(&[
                ("mod.rs", "pub mod abd;"),
                ("spec.rs", "use crate::subject::register::Value;"),
                ("abd.rs", "use super::spec::register;\nuse crate::subject::abd::Abd;"),
                ("lww.rs", "use super::spec::register;\nuse crate::subject::lww::Lww;"),
                ("raft/mod.rs", "pub mod rules;"),
                ("raft/rules.rs", "use crate::subject::raft::Raft;"),
                ("raft/election.rs", "use super::rules::ONE;"),
                ("raft/clients.rs", "use super::super::spec::register;"),
            ]),
        }
    }

    #[test]
    fn a_change_reaches_the_checks_that_name_it() {
        let of = |changed: &[&str]| reach().of(changed.iter().copied()).into_iter().collect::<Vec<_>>();
        assert_eq!(of(&["src/lww.rs"]), ["lww"]);
        assert_eq!(of(&["src/abd.rs"]), ["abd"]);
        assert_eq!(of(&["src/raft/election.rs"]), ["raft::election", "raft::rules"]);
        assert_eq!(of(&["src/quorum.rs"]), ["abd", "raft::election", "raft::rules"]);
        assert_eq!(of(&["src/register.rs"]), ["abd", "lww", "raft::clients", "spec"]);
    }

    #[test]
    fn behind_a_module_stands_what_it_names() {
        assert_eq!(reach().behind("raft::election"), "use super::rules::ONE;\nuse crate::subject::raft::Raft;\n");
        assert!(reach().behind("abd").ends_with("use crate::subject::register::Value;\n"));
    }

    #[test]
    fn a_file_borrows_what_it_takes_in_from_above() {
        let text = "#[path = \"../../1-cap/rules.rs\"]\npub mod rules;\n#[path = \"own.rs\"]\nmod own;";
        assert_eq!(borrowed(Path::new("a/b/raft.rs"), text), [PathBuf::from("a/b/../../1-cap/rules.rs")]);
    }

    #[test]
    fn a_solution_is_built_on_those_that_its_manifest_names() {
        let folder = tempfile::tempdir().unwrap();
        let solution = |name: &str, dependencies: &str| {
            let manifest = format!("[package]\nname = \"{name}\"\n[dependencies]\n{dependencies}");
            files::write(&folder.path().join(name).join("Cargo.toml"), manifest.as_bytes()).unwrap();
        };
        solution("1-one", "testkit.workspace = true\n");
        solution("2-two", "one = { package = \"one-solution\", path = \"../1-one\" }\n");
        solution("3-three", "two = { package = \"two-solution\", path = \"../2-two\" }\nlocal = { path = \"a/b\" }\n");
        let of = |name: &str| sources(&folder.path().join(name)).unwrap();
        let expected =
            |names: &[&str]| names.iter().map(|name| folder.path().join(name).join("src")).collect::<Vec<_>>();
        assert_eq!(of("1-one"), expected(&["1-one"]));
        assert_eq!(of("2-two"), expected(&["1-one", "2-two"]));
        assert_eq!(of("3-three"), expected(&["1-one", "2-two", "3-three"]));
    }

    #[test]
    fn of_the_testkit_counts_what_is_named() {
        let library: Modules = [
            ("lib", "pub mod node; pub mod disk;"),
            ("node", ""),
            ("cluster", "use crate::node::Node;"),
            ("cluster::walk", "use crate::trace::Trace;"),
            ("trace", ""),
            ("disk", "use crate::node::Node;"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into();
        let behind = |names: &[&str]| {
            behind_names(&library, names.iter().map(|name| (*name).to_owned()).collect())
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(behind(&["node"]), ["node"]);
        assert_eq!(behind(&["cluster"]), ["cluster", "node", "trace"]);
        assert!(behind(&["{"]).contains(&"disk".to_owned()));
    }

    #[test]
    fn names_are_read_off_a_text() {
        let text = "use crate::subject::abd::Abd;\nuse crate::subject::{lww, naive};\nsubject::raft \"subject::{}\"";
        assert_eq!(named(text, "subject::").into_iter().collect::<Vec<_>>(), ["abd", "raft", "{"]);
    }
}
