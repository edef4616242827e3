//! Where and on whom the monkey is tried: schedules, groups, and trials made of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::date;

use super::trial::{Event, Trial, config, hours, ticks, ticks_at};
use super::ward::Ward;
use crate::subject::monkey::View;

/// Kinds of failure for groups in which it does not matter.
const KINDS: &str = "kinds = [\"kill\", \"pause 10s\", \"cut 10s\", \"slow 200ms 10s\", \"fill 10s\"]";

/// Office hours in Berlin.
pub fn berlin() -> String {
    hours("Europe/Berlin", "09:00", "15:00", false)
}

/// The lines of a group for which it does not matter by which kinds of failure it is hit.
pub fn group_lines(mean_days: f64, more: &str) -> String {
    format!("mean_days = {mean_days:?}\n{more}\n{KINDS}")
}

/// Schedules by which the date is not that of UTC.
pub fn far_away() -> [(String, &'static str); 3] {
    [
        (
            hours("Pacific/Auckland", "09:00", "15:00", false),
            "Auckland, where a new date in UTC begins in working time",
        ),
        (
            hours("America/Los_Angeles", "14:00", "18:00", true),
            "Los Angeles, where a new date in UTC begins in working time",
        ),
        (hours("Europe/Berlin", "01:00", "04:00", true), "Berlin at night, where an hour may come twice"),
    ]
}

/// A trial of 200 days, on six groups that are hit every second day.
pub fn ordinary() -> Trial {
    Trial::new(config(&berlin(), 6, &group_lines(2.0, "min_healthy = 2")), ticks(date(2025, 1, 1), 200, 30))
}

/// Groups that differ in all that people can say of one, and are all hit as soon as they may be, in a trial of 200 days with closed dates.
/// Ticks come when a minute begins, the last one in the last minute of the working time.
pub fn mixed() -> Trial {
    let hours = hours("Pacific/Auckland", "09:00", "10:00", false);
    let mut config = config(
        &format!("{hours}\nclosed = [\"2025-05-01\", \"2025-05-02\", \"2025-05-12\"]"),
        8,
        &group_lines(1.0, ""),
    );
    let spared = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let groups = &mut config.groups;
    (groups[1].min_days, groups[1].spared) = (2, spared(&["b0", "b3"]));
    (groups[2].min_days, groups[2].min_healthy) = (3, 3);
    (groups[3].min_days, groups[3].enabled) = (2, false);
    groups[4].min_days = 20;
    (groups[5].min_days, groups[5].spared) = (2, groups[5].instances.iter().cloned().collect());
    (groups[6].min_days, groups[6].min_healthy) = (5, 4);
    (groups[7].min_days, groups[7].spared) = (300, spared(&["h1"]));
    let ticks =
        ticks_at(&config.schedule.zone, date(2025, 3, 1), 200, &[(8, 59), (9, 0), (9, 17), (9, 40), (9, 59), (10, 0)]);
    Trial::new(config, ticks)
}

/// Three groups whose instances fall ill, in a trial of a year, and what was known at each tick.
pub fn illness() -> (Trial, Vec<Event>, BTreeMap<Timestamp, View>) {
    let lines = group_lines(1.0, "min_healthy = 3\nspared = []");
    let mut config = config(&hours("Europe/Berlin", "09:00", "15:00", true), 3, &lines);
    config.groups[1].spared.insert("b0".to_owned());
    config.groups[2].min_healthy = 0;
    let trial = Trial::new(config, ticks(date(2025, 1, 1), 365, 30));
    let mut ward = Ward::new(&trial.config, 7);
    let events = trial.run_in(|now, events| ward.view(now, events));
    (trial, events, ward.seen)
}

/// A trial with illness in which faults have no effect, so that two runs see the same.
pub fn run_among_the_ill(trial: &Trial) -> Vec<Event> {
    let mut ward = Ward::new(&trial.config, 3);
    ward.feels_faults = false;
    trial.run_in(|now, events| ward.view(now, events))
}
