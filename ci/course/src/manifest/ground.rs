//! What a stage stands on: the learner's own code of earlier stages, or the reference's.
//!
//! From stage 2 on, an exercise depends on exercises before it. A learner who skips stage 1 stands on its reference: the
//! manifests of later exercises name `cap-solution` where they named `cap` (`cargo course skip cap`). Nothing else notes it, so
//! it is true of whatever is checked out, on every machine.
//!
//! # Invariant
//!
//! A reference stands on references. So a stage that uses two earlier ones, and stands on the reference of the later of the
//! two, has to stand on that of the earlier as well, or it would hold two sorts of each type. The later reference *brings* the
//! earlier one. A stage counts as skipped if some stage stands on its reference and no other reference brings it.

use toml::Value;

use super::keys::Keys;
use super::{Course, Stage};

/// The tables of a manifest that may name an earlier stage.
pub const TABLES: [&str; 2] = ["dependencies", "dev-dependencies"];

/// A dependency of an exercise, as far as it tells which package is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What the code calls it, and which package that is if nothing else is said.
    pub name: String,
    /// Which package it is, if it goes by another name.
    pub package: Option<String>,
    /// Its folder, from the manifest's.
    pub path: Option<String>,
}

/// Which code of an earlier stage a stage stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The learner's own: `{ path = "../1-cap" }`.
    Own,
    /// The reference: `{ package = "cap-solution", path = "../../solutions/1-cap" }`.
    Reference,
    /// Something that the learner wrote there by hand.
    ByHand,
}

/// All dependencies in the tables of a manifest.
pub fn dependencies(manifest: &Keys) -> Vec<Dependency> {
    let tables = TABLES.iter().filter_map(|table| manifest.table(table).ok());
    tables.flat_map(|table| table.entries().map(Dependency::new).collect::<Vec<_>>()).collect()
}

/// Where an exercise finds another stage's code, and under which package's name if that is not the dependency's own.
pub fn place(other: &Stage, ground: Ground) -> (String, Option<&str>) {
    match ground {
        Ground::Reference => (format!("../../solutions/{}", other.id), Some(&other.solution)),
        _ => (format!("../{}", other.id), None),
    }
}

impl Dependency {
    fn new((name, value): (&String, &Value)) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Self { name: name.clone(), package: text("package"), path: text("path") }
    }

    fn ground(&self, other: &Stage) -> Ground {
        let is = |ground: &Ground| {
            let (path, package) = place(other, *ground);
            self.path.as_deref() == Some(&path) && self.package.as_deref() == package
        };
        [Ground::Own, Ground::Reference].into_iter().find(is).unwrap_or(Ground::ByHand)
    }
}

impl Stage {
    /// Which code of another stage this one stands on; `None` if it does not use that stage.
    pub fn ground(&self, other: &Stage) -> Option<Ground> {
        let named = self.dependencies.iter().filter(|dependency| dependency.name == other.package);
        named
            .map(|dependency| dependency.ground(other))
            .reduce(|one, two| if one == two { one } else { Ground::ByHand })
    }
}

impl Course {
    /// The stages that use an earlier one.
    pub fn users<'c>(&'c self, earlier: &'c Stage) -> impl Iterator<Item = &'c Stage> {
        self.stages.iter().filter(|stage| self.below(stage).any(|(other, _)| other.id == earlier.id))
    }

    /// The earlier stages that a stage uses, in order, with the code of them that it stands on.
    pub fn below<'c>(&'c self, stage: &Stage) -> impl Iterator<Item = (&'c Stage, Ground)> {
        let earlier = self.stages.iter().take_while(|other| other.id != stage.id);
        earlier.filter_map(|other| Some((other, stage.ground(other)?)))
    }

    /// Whether later stages stand on a stage's reference because the learner wants it so.
    pub fn is_skipped(&self, stage: &Stage) -> bool {
        self.users(stage).any(|user| {
            let on_reference = |other: &Stage| user.ground(other) == Some(Ground::Reference);
            on_reference(stage) && self.bringing(user, stage, on_reference).is_none()
        })
    }

    /// All stages that count as skipped.
    pub fn skipped(&self) -> Vec<&Stage> {
        self.stages.iter().filter(|stage| self.is_skipped(stage)).collect()
    }

    /// The earlier stages on whose reference a stage stands, be it through its own code of others.
    pub fn references<'c>(&'c self, stage: &Stage) -> Vec<&'c Stage> {
        self.reached(stage, Ground::Reference)
    }

    /// The earlier stages of which a stage's build contains the learner's own code.
    pub fn own<'c>(&'c self, stage: &Stage) -> Vec<&'c Stage> {
        self.reached(stage, Ground::Own)
    }

    /// The stages of one sort below a stage, and below its own ones.
    fn reached<'c>(&'c self, stage: &Stage, ground: Ground) -> Vec<&'c Stage> {
        let mut found = Vec::new();
        for (other, found_ground) in self.below(stage) {
            found.extend((found_ground == ground).then_some(other));
            if found_ground == Ground::Own {
                found.extend(self.reached(other, ground));
            }
        }
        found.sort_by_key(|stage| &stage.id);
        found.dedup_by_key(|stage| &stage.id);
        found
    }

    /// Which of the references that a stage stands on brings that of an earlier stage.
    pub fn bringing<'c>(
        &'c self,
        stage: &Stage,
        earlier: &Stage,
        on_reference: impl Fn(&Stage) -> bool,
    ) -> Option<&'c Stage> {
        self.below(stage).map(|(other, _)| other).find(|other| on_reference(other) && self.needs(other, earlier))
    }

    /// Whether a stage uses an earlier one, be it through others.
    fn needs(&self, stage: &Stage, earlier: &Stage) -> bool {
        self.below(stage).any(|(other, _)| other.id == earlier.id || self.needs(other, earlier))
    }
}

/// "stage 1", "stages 1 and 2".
pub fn stages(stages: &[&Stage]) -> String {
    let (last, others) = stages.split_last().expect("at least one stage is named");
    let others: Vec<&str> = others.iter().map(|stage| stage.number()).collect();
    if others.is_empty() {
        return format!("stage {}", last.number());
    }
    format!("stages {} and {}", others.join(", "), last.number())
}

/// "the reference solution of stage 1".
pub fn reference_of(skipped: &[&Stage]) -> String {
    format!("the reference solution{} of {}", if skipped.len() == 1 { "" } else { "s" }, stages(skipped))
}

/// "stage 2 stands", "stages 2 and 3 stand".
pub fn stand(who: &[&Stage]) -> String {
    format!("{} stand{}", stages(who), if who.len() == 1 { "s" } else { "" })
}
