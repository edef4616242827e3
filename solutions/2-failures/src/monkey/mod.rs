//! The chaos monkey: failures on purpose, on a schedule, one at a time.
//!
//! # The problem
//!
//! Servers fail when no one is watching. The code that should handle it rarely runs, so no one knows whether it works. The cure
//! is to make servers fail all the time, in the middle of a working day: if the system does not survive it, the people who built
//! it are at their desks. This monkey is modelled on Netflix's Chaos Monkey, and takes its kinds of failure from the wider
//! "simian army".
//!
//! # The model
//!
//! Instances form *groups*. On each working day a group is hit with probability 1 / `mean_days`, at most once, in working hours.
//! Which instance it is, and which kind of failure, is chance as well. The monkey has no clock, no thread and no source of
//! randomness. Its caller calls [`Monkey::tick`] from time to time, with the instant and with what is known about the instances;
//! randomness comes from a seed. So a check lets years pass in a second, a lab lets a day pass in a second, and the same seed
//! makes the same trouble again.
//!
//! | file | what |
//! |---|---|
//! | [`config`] | what people tell it |
//! | [`schedule`] | working time: hours, days, time zone |
//! | [`dice`], [`mod@plan`] | whether and when a group is hit today |
//! | this one | the guards: whether it may be hit *now*, and whom; and the order of log and fault |
//! | [`audit`] | what it writes down |
//! | [`fault`] | what it sees, what it does, and the executor that does it |
//!
//! # What it remembers
//!
//! Plans are derived from the seed and the date. What was done is in the audit log, which has it *before* it is done. So a
//! monkey that restarts reads its log ([`Monkey::remember`]) and knows of everything that has happened. A fault that was
//! announced and then not done is lost: one failure less.
//!
//! # Left out on purpose
//!
//! Ending faults that last, which is up to the [`Executor`]. A stop button: do not call `tick`. Failures of several instances at
//! a time, of a rack or a region. Finding out which instances are healthy: the caller does that, and says so in the [`View`].

//# allow: unused_variables, unused_imports, unused_mut, dead_code
pub mod audit;
pub mod config;
pub mod dice;
pub mod fault;
pub mod plan;
pub mod schedule;

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use jiff::civil::Date;

pub use audit::{Audit, Entry, Why};
pub use config::{Config, Group};
use dice::Dice;
pub use fault::{Executor, Fault, Kind, State, View};
use plan::plan;
pub use schedule::Schedule;

// ANCHOR: monkey
/// A chaos monkey.
///
/// Invariants:
/// - what `memory` holds is in the audit log;
/// - a fault is in `memory` before it is done.
#[derive(Clone, Debug)]
pub struct Monkey {
    config: Config,
    seed: u64,
    /// What it knows of each group, by name.
    memory: BTreeMap<String, Memory>,
}

/// What the monkey knows of a group.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// The last date on which the group had its turn, with or without a fault.
    turn: Option<Date>,
    /// The last date with a fault.
    fault: Option<Date>,
}
// ANCHOR_END: monkey

impl Monkey {
    /// A monkey that has done nothing yet. After a restart, [`remember`](Self::remember) comes next.
    pub fn new(config: Config, seed: u64) -> Self {
        Monkey { config, seed, memory: BTreeMap::new() }
    }

    /// Takes note of an entry of the audit log. After a start, the caller hands in all entries of the log, in order.
    ///
    /// A fault that was announced uses up the group's turn on that date, whatever came of it and even in a dry run, and so does
    /// a turn that was left out.
    pub fn remember(&mut self, entry: &Entry) {
        //# hole: Note the date of the group's turn, and of its fault if this announces one.
        let day = self.config.schedule.day(entry.at());
        let memory = self.memory.entry(entry.group().to_owned()).or_default();
        memory.turn = memory.turn.max(Some(day));
        if let Entry::Will { .. } = entry {
            memory.fault = memory.fault.max(Some(day));
        }
        //# end
    }

    /// What is to be done now: [`Entry::Will`] for a fault, [`Entry::Skipped`] for a turn that is left out. Nothing is done or
    /// written yet, and calling this changes nothing.
    ///
    /// A group has its turn at the first tick in working time at or after the moment that its [`plan()`] for the day gives, if
    /// - it is enabled;
    /// - it has had no turn on this date;
    /// - this is at least the [`min_days`](Group::min_days)-th working day after the one with its last fault.
    pub fn decide(&self, now: Timestamp, view: &View) -> Vec<Entry> {
        //# hole: For each group whose turn it is: the fault, or why there is none.
        let schedule = &self.config.schedule;
        if !schedule.is_working_time(now) {
            return Vec::new();
        }
        let day = schedule.day(now);
        let may = |group: &&Group| group.enabled && self.may_have_a_turn(group, day);
        let due = |group| {
            let plan = plan(self.seed, schedule, group, day).filter(|plan| plan.due <= now)?;
            Some(self.turn(group, plan.dice, now, view))
        };
        self.config.groups.iter().filter(may).filter_map(due).collect()
        //# end
    }

    /// The outcome of a group's turn: a fault, or why there is none.
    ///
    /// The victim is a healthy instance that is not spared, each as likely as any other. The kind is one of the group's, each as
    /// likely as any other, whichever instance the victim is. The turn is left out
    /// - with [`Why::TooFewHealthy`] if fewer than [`min_healthy`](Group::min_healthy)` + 1` instances of the group are healthy,
    ///   spared ones included. So if none is healthy, this is the reason, even if all are spared;
    /// - with [`Why::AllSpared`] if at least one is healthy, and all healthy ones are spared. If both reasons hold, either will
    ///   do.
    fn turn(&self, group: &Group, mut dice: Dice, now: Timestamp, view: &View) -> Entry {
        //# hole: Count the healthy ones; leave the turn out, or choose a victim and a kind.
        let healthy = |name: &&String| view.get(*name) == Some(&State::Healthy);
        let healthy: Vec<_> = group.instances.iter().filter(healthy).collect();
        let skipped = |why| Entry::Skipped { at: now, group: group.name.clone(), why };
        if healthy.len() < group.min_healthy + 1 {
            return skipped(Why::TooFewHealthy);
        }
        let candidates: Vec<_> = healthy.into_iter().filter(|name| !group.spared.contains(*name)).collect();
        if candidates.is_empty() {
            return skipped(Why::AllSpared);
        }
        let victim = candidates[dice.below(candidates.len())].clone();
        let kind = group.kinds[dice.below(group.kinds.len())];
        let fault = Fault { at: now, group: group.name.clone(), victim, kind };
        Entry::Will { fault, dry: self.config.dry_run }
        //# end
    }

    /// Takes the turns that [`decide`](Self::decide) finds. When this returns `Ok`:
    ///
    /// - Each entry of `decide` is in the audit log, and is remembered.
    /// - In a dry run, no fault was done. Otherwise each fault that was announced was handed to the executor once, and only after its
    ///   announcement was in the log.
    /// - What came of it is in the log after that: [`Entry::Done`], or [`Entry::Failed`] with the executor's error. A fault that has failed is not
    ///   tried again.
    ///
    /// # Errors
    /// That of the audit log, if the log refuses an entry. Then this tick announces nothing more. A fault whose announcement was
    /// refused is not done; faults that were announced before it are. After a refused outcome, this tick does no further fault.
    pub fn tick(
        &mut self,
        now: Timestamp,
        view: &View,
        executor: &mut impl Executor,
        audit: &mut impl Audit,
    ) -> io::Result<()> {
        //# hole: First the log, then the fault, then the log again.
        for entry in self.decide(now, view) {
            audit.write(&entry)?;
            self.remember(&entry);
            let Entry::Will { fault, dry: false } = entry else { continue };
            audit.write(&match executor.carry_out(&fault) {
                Ok(()) => Entry::Done { fault },
                Err(error) => Entry::Failed { fault, error: error.to_string() },
            })?;
        }
        Ok(())
        //# end
    }

    //# private
    /// Whether a group may have a turn on a working day, by what is known about it.
    fn may_have_a_turn(&self, group: &Group, day: Date) -> bool {
        let memory = self.memory.get(&group.name).copied().unwrap_or_default();
        let since = memory.fault.is_none_or(|last| self.working_days(last, day) >= usize::from(group.min_days));
        memory.turn.is_none_or(|last| last < day) && since
    }

    /// How many working days there are after one date, up to and including another.
    fn working_days(&self, after: Date, until: Date) -> usize {
        let days = std::iter::successors(after.tomorrow().ok(), |day| day.tomorrow().ok());
        days.take_while(|day| *day <= until).filter(|day| self.config.schedule.is_working_day(*day)).count()
    }
    //# end
}
