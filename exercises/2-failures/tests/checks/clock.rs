//! What the zone's clock says: for the checks of working time and of the monkey.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::subject::monkey::schedule::Schedule;

/// An instant as people in the zone would say it.
pub fn said(zone: &TimeZone, at: Timestamp) -> String {
    let name = zone.iana_name().unwrap_or("this zone");
    format!("{} in {name}", at.to_zoned_datetime(zone.clone()).strftime("%a %F %T (UTC%:z)"))
}

/// A schedule as people would say it.
pub fn told(schedule: &Schedule) -> String {
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("from {} until {}", time(schedule.hours.start), time(schedule.hours.end))
}

/// Why an instant is no working time, found in another way than by turning a local time into an instant: by looking back, whether the
/// clock has shown this time before.
pub fn why_not(schedule: &Schedule, at: Timestamp) -> Option<&'static str> {
    let local = schedule.zone.to_datetime(at);
    let minute = 60 * local.hour() as u16 + local.minute() as u16;
    if !schedule.days.contains(&local.date().weekday()) {
        return Some("the schedule does not have this day of the week");
    }
    if schedule.closed.contains(&local.date()) {
        return Some("this date is closed");
    }
    if minute < schedule.hours.start {
        return Some("the clock shows a time before working hours");
    }
    if minute >= schedule.hours.end {
        return Some("the clock shows a time after working hours");
    }
    let shown_before =
        |quarters: i64| schedule.zone.to_datetime(at - SignedDuration::from_mins(15 * quarters)) == local;
    (1..=12).any(shown_before).then_some("the clock shows this time for the second time on this date")
}
