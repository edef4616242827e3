//! Counting: whether what is left to chance comes as often as it should.
//!
//! A count of independent trials must lie within six standard deviations of what is expected, by the binomial distribution. In none of
//! the counts here is a right program outside of that with more than one seed in a million. The seeds are fixed, so the verdict is too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use testkit::check::{Check, Proven, Rule};

use super::trial::{Trial, day, faults};
use crate::subject::monkey::{Fault, Group};

/// Demands that a count lies within six standard deviations of what is expected. `lost` is the part of the successes that ticks may miss.
pub fn requires_count(
    check: &mut Check,
    rule: Rule,
    (count, trials, chance, lost): (usize, usize, f64, f64),
    what: impl Fn() -> String,
) -> Proven {
    let bound = |chance: f64| (trials as f64 * chance, 6.0 * (trials as f64 * chance * (1.0 - chance)).sqrt());
    let ((least, below), (most, above)) = (bound(chance * (1.0 - lost)), bound(chance));
    let (low, high) = (least - below, most + above);
    check.requires(rule, (low..=high).contains(&(count as f64)), || {
        format!("{}: {count} times. Between {:.0} and {high:.0} would be right.", what(), low.max(0.0))
    })
}

/// The working days in a trial.
pub fn working(trial: &Trial) -> impl Iterator<Item = Date> {
    let days: BTreeSet<_> = trial.ticks.iter().map(|at| day(&trial.config, *at)).collect();
    let schedule = &trial.config.schedule;
    days.into_iter().filter(|day| schedule.days.contains(&day.weekday()) && !schedule.closed.contains(day))
}

/// How many working days there are in a trial.
pub fn working_days(trial: &Trial) -> usize {
    working(trial).count()
}

/// The dates on which each group was hit, as the numbers of working days.
pub fn days_hit(trial: &Trial) -> BTreeMap<String, BTreeSet<usize>> {
    let numbers: BTreeMap<_, _> = working(trial).zip(0..).collect();
    let mut hit: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (at, fault) in faults(&trial.run()) {
        hit.entry(fault.group.clone()).or_default().extend(numbers.get(&day(&trial.config, at)));
    }
    hit
}

/// Which of its group's instances was hit, and by which of its kinds of failure, by their numbers there. `None` if either is none of
/// them.
pub fn numbers(group: &Group, fault: &Fault) -> Option<(usize, usize)> {
    let victim = group.instances.iter().position(|name| *name == fault.victim);
    victim.zip(group.kinds.iter().position(|kind| *kind == fault.kind))
}
