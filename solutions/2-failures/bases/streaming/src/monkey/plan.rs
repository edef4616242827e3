//! The plan of a day: whether a group is hit, and when.
//!
//! # Once a day, not once a tick
//!
//! The probability is one *per day*. So the dice are thrown once for the day, and decide whether there will be a fault, and
//! when. Then it does not matter whether `tick` is called every second or twice an hour. To throw at each tick, with the
//! probability of a day, would hit almost every day; to divide it by the number of ticks is right for one interval between ticks
//! only.
//!
//! # The plan is not kept
//!
//! It follows from the seed, the date and the group's name, so it can be computed again at any time. What cannot be computed is
//! what was *done*; that is in the audit log.
//!
//! # This design
//!
//! One throw says whether the day is chosen and when: the chosen part of its range is stretched over the working minutes.

use jiff::Timestamp;
use jiff::civil::Date;

use super::config::Group;
use super::dice::Dice;
use super::schedule::Schedule;

/// What is planned for a group on a day.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The moment from which the fault is due. It is working time.
    pub due: Timestamp,
    /// The dice after the throws for the moment: victim and kind are thrown with them when it has come.
    pub dice: Dice,
}

/// The plan for a group on a day, or `None` if nothing is to happen to the group on that day.
///
/// There is one with probability 1 / [`mean_days`](Group::mean_days). Its moment is any of the day's working minutes, each as
/// likely as any other. Days do not depend on each other, and neither do groups. The same seed, schedule, group and day give the
/// same plan.
pub fn plan(seed: u64, schedule: &Schedule, group: &Group, day: Date) -> Option<Plan> {
    let mut dice = Dice::new(seed, day, &group.name);
    // One throw says both. Of all throws, a part of 1 / mean_days is stretched to the day from its first minute to its last.
    let share = dice.fraction() * group.mean_days;
    if share >= 1.0 {
        return None;
    }
    let minutes = schedule.working_minutes(day);
    let last = minutes.len().checked_sub(1)?;
    let chosen = (share * minutes.len() as f64) as usize;
    Some(Plan { due: minutes[chosen.min(last)], dice })
}
