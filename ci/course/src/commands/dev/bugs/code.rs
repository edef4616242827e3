//! The part of a solution's code that checks reach, with that of the earlier solutions which it is built on.
//!
//! A check names modules as `subject::raft`, a module names others as `crate::store`, and those of an earlier stage by that stage's
//! name, `cap::raft`. What none of them names, not even in a roundabout way, cannot change a verdict. Modules count whole, with the
//! modules inside them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::base::Base;
use super::reach::{self, Modules, module, named, top};
use crate::error::Error;
use crate::workspace::Workspace;

/// A solution, and the earlier ones that it is built on.
pub struct Code {
    solutions: Vec<Solution>,
}

/// One solution.
struct Solution {
    modules: Modules,
    /// By which name it calls which of the others.
    aliases: Vec<(String, usize)>,
}

/// A module of the outermost level: of which solution, and its name.
type Place = (usize, String);

impl Code {
    /// Reads the code of a base.
    pub fn read(workspace: &Workspace, base: &Base) -> Result<Self, Error> {
        let folders: Vec<(&str, &Path)> = base.folders().collect();
        let solution = |(stage, folder): &(&str, &Path)| {
            let known = reach::known_as(&workspace.solution(stage))?;
            let at = |other: &String| folders.iter().position(|(stage, _)| stage == other);
            let aliases = known.into_iter().filter_map(|(alias, other)| Some((alias, at(&other)?))).collect();
            Ok(Solution { modules: reach::modules(&folder.join("src"))?, aliases })
        };
        Ok(Self { solutions: folders.iter().map(solution).collect::<Result<_, _>>()? })
    }

    /// What a check with this text reaches, when files of the solution have other texts: by the solution's number and the module's path.
    pub fn behind<'c>(&'c self, check: &str, changed: &'c [(String, String)]) -> BTreeMap<(usize, String), &'c str> {
        let mut texts: Vec<Texts> = self.solutions.iter().map(|solution| views(&solution.modules)).collect();
        texts[0].extend(changed.iter().map(|(path, text)| (module(path.trim_start_matches("src/")), text.as_str())));
        let mut known: BTreeSet<Place> = BTreeSet::new();
        let mut new: Vec<Place> = self.found(0, &texts[0], named(check, "subject::"));
        while let Some(place) = new.pop() {
            if !known.insert(place.clone()) {
                continue;
            }
            let (at, name) = place;
            for text in texts[at].iter().filter(|(path, _)| top(path) == name).map(|(_, text)| text) {
                new.extend(self.found(at, &texts[at], named(text, "crate::")));
                for (alias, other) in &self.solutions[at].aliases {
                    new.extend(self.found(*other, &texts[*other], named(text, &format!("{alias}::"))));
                }
            }
        }
        let is_reached = |at: usize, path: &str| known.contains(&(at, top(path).to_owned()));
        let all = texts.into_iter().enumerate().flat_map(|(at, texts)| texts.into_iter().map(move |one| (at, one)));
        all.filter(|(at, (path, _))| is_reached(*at, path)).map(|(at, (path, text))| ((at, path), text)).collect()
    }

    /// The modules with these names: a solution's own, or those of others that it passes on. A group in braces may name any.
    fn found(&self, at: usize, texts: &Texts, names: BTreeSet<String>) -> Vec<Place> {
        let tops = || texts.keys().map(|path| (at, top(path).to_owned()));
        let place = |name: String| match texts.keys().any(|path| top(path) == name) {
            true => vec![(at, name)],
            false if name == "{" => tops().collect(),
            false => self.solutions[at].aliases.iter().map(|(_, other)| (*other, name.clone())).collect(),
        };
        names.into_iter().flat_map(place).collect()
    }
}

/// The text of each module of a solution, by its path.
type Texts<'t> = BTreeMap<String, &'t str>;

fn views(modules: &Modules) -> Texts<'_> {
    modules.iter().map(|(path, text)| (path.clone(), text.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        let modules =
            |texts: &[(&str, &str)]| texts.iter().map(|(path, text)| (module(path), (*text).into())).collect();
        let later = [
            ("lib.rs", "pub mod wal; pub use cap::raft;"),
            ("wal/mod.rs", "mod frame;"),
            ("wal/frame.rs", ""),
            ("host.rs", "use crate::wal::Wal;\nuse cap::raft::Raft;"),
            ("monkey.rs", ""),
        ];
        let earlier = [("raft/mod.rs", "use crate::quorum;"), ("raft/log.rs", ""), ("quorum.rs", ""), ("abd.rs", "")];
        Code {
            solutions: vec![
                Solution { modules: modules(&later), aliases: vec![("cap".into(), 1)] },
                Solution { modules: modules(&earlier), aliases: vec![] },
            ],
        }
    }

    fn behind(check: &str, changed: &[(&str, &str)]) -> Vec<String> {
        let changed: Vec<_> = changed.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
        code().behind(check, &changed).into_keys().map(|(at, path)| format!("{at} {path}")).collect()
    }

    #[test]
    fn a_check_reaches_what_it_names_in_a_roundabout_way() {
        assert_eq!(behind("use crate::subject::wal::Wal;", &[]), ["0 wal", "0 wal::frame"]);
        let all = ["0 host", "0 wal", "0 wal::frame", "1 quorum", "1 raft", "1 raft::log"];
        assert_eq!(behind("use crate::subject::host::Host;", &[]), all);
        assert_eq!(behind("use crate::subject::raft::Raft;", &[]), ["1 quorum", "1 raft", "1 raft::log"]);
        assert!(behind("use crate::subject::{host, wal};", &[]).contains(&"0 monkey".into()));
    }

    #[test]
    fn a_change_may_reach_further() {
        let further = behind("use crate::subject::monkey::Monkey;", &[("src/monkey.rs", "use crate::wal::Wal;")]);
        assert_eq!(further, ["0 monkey", "0 wal", "0 wal::frame"]);
    }
}
