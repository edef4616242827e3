//! The plan of a day: whether a group is hit, and when.
//!
//! # Once a day, not once a tick
//!
//! The chance that is asked for is one *a day*. So the dice are thrown once for the day, and with them is decided whether there will be a
//! fault and at which moment. Then it does not matter whether the monkey is woken every second or twice an hour. To throw at each tick, with
//! the chance of a day, hits almost every day; and to divide the chance by the number of ticks is right for one length of tick only.
//!
//! # The plan is not kept
//!
//! It follows from the seed, the date and the group's name, so it is made anew whenever somebody asks. What cannot be made anew is what
//! was *done*; that stands in the audit log.

#![allow(unused_variables, reason = "for the holes below: delete this line when all are filled")]
use jiff::Timestamp;
use jiff::civil::Date;

use super::config::Group;
use super::dice::Dice;
use super::schedule::Schedule;

/// What is planned for a group on a day.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The moment from which on the fault is due. It is working time.
    pub due: Timestamp,
    /// The dice after the throws for the moment: victim and kind are thrown with them when it has come.
    pub dice: Dice,
}

/// The plan for a group on a day, or `None` if nothing is to happen to it then.
///
/// With the chance 1 / [`mean_days`](Group::mean_days) there is one. Its moment may be any of the day's working minutes: no hour is left
/// out, and none is much preferred. Days do not depend on each other, and neither do groups. The same seed, schedule, group and day give
/// the same plan.
pub fn plan(seed: u64, schedule: &Schedule, group: &Group, day: Date) -> Option<Plan> {
    todo!("Throw the dice of this group and day for whether, and then for when.")
}
