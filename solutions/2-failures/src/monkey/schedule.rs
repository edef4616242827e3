//! The schedule: when the monkey may do anything at all.
//!
//! # The problem
//!
//! Failures are made while people are there to watch. People say when that is in local time: Monday to Friday, from nine to
//! three, in Berlin. The monkey is handed instants, which have no weekday, no hour and no date until someone says *where*.
//!
//! # Local time is not a line
//!
//! Where there is daylight saving, the local clock skips an hour once a year, and once a year it shows an hour twice. (Lord Howe
//! Island moves its clocks by half an hour, and Samoa has skipped a whole day.) A time that is skipped never occurs. If a time
//! occurs twice, the *first* occurrence is meant: that is the rule of RFC 5545, section 3.3.5, for calendars. So every minute of
//! the schedule is working time at most once.
//!
//! # Left out on purpose
//!
//! Hours across midnight: a schedule lies within one date, or "at most one a day" would need a second notion of a day. Holidays
//! by rule: list the dates instead.

//# allow: unused_variables
use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

// ANCHOR: schedule
/// When the monkey may do something, in the local time of one time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The time zone whose clock counts.
    pub zone: TimeZone,
    /// On which days of the week.
    pub days: Vec<Weekday>,
    /// In which minutes of these days, by the zone's clock, where 0 is 00:00. The end is excluded: until 15:00 means that 14:59
    /// is the last minute. It is at most 1,440.
    pub hours: Range<u16>,
    /// Dates that are closed, whatever day of the week they are.
    pub closed: BTreeSet<Date>,
}
// ANCHOR_END: schedule

impl Schedule {
    /// Whether people work on this date.
    pub fn is_working_day(&self, day: Date) -> bool {
        self.days.contains(&day.weekday()) && !self.closed.contains(&day)
    }

    /// The zone's date at an instant.
    pub fn day(&self, now: Timestamp) -> Date {
        //# hole: Ask the schedule's zone.
        self.zone.to_datetime(now).date()
        //# end
    }

    /// Whether an instant is working time: the zone's date is a working day, the zone's clock shows a minute of `hours`, and it
    /// shows this time for the first time on that date.
    ///
    /// When daylight saving ends, the clock shows the same times again. The second pass is not working time (RFC 5545, section
    /// 3.3.5: a local time that occurs twice means its first occurrence).
    pub fn is_working_time(&self, now: Timestamp) -> bool {
        //# hole: Look at the zone's clock and calendar. Has this time occurred before?
        let local = self.zone.to_datetime(now);
        self.is_working_day(local.date()) && self.hours.contains(&minute(local)) && self.first(local) == Some(now)
        //# end
    }

    /// The instants at which the working minutes of a date begin, in order.
    ///
    /// There is one for each minute of `hours` that the zone's clock shows on that date: the first occurrence of a minute that
    /// it shows twice, and none for a minute that it skips. If the date is not a working day, there are none.
    pub fn working_minutes(&self, day: Date) -> Vec<Timestamp> {
        //# hole: Turn each minute of the zone's clock into the instant at which it is first shown, if it is shown at all.
        if !self.is_working_day(day) {
            return Vec::new();
        }
        let local = |minute: u16| day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        self.hours.clone().filter_map(|minute| self.first(local(minute))).collect()
        //# end
    }

    //# private
    /// The instant at which the zone's clock first shows this time. `None` if the clock skips it.
    fn first(&self, local: DateTime) -> Option<Timestamp> {
        let first = self.zone.to_ambiguous_timestamp(local).earlier().ok()?;
        (self.zone.to_datetime(first) == local).then_some(first)
    }
    //# end
}

//# private
/// The minute of its day.
fn minute(local: DateTime) -> u16 {
    60 * local.hour() as u16 + local.minute() as u16
}
//# end
