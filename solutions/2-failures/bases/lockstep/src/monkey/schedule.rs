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

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};

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

impl Schedule {
    /// Whether people work on this date.
    pub fn is_working_day(&self, day: Date) -> bool {
        self.days.contains(&day.weekday()) && !self.closed.contains(&day)
    }

    /// The zone's date at an instant.
    pub fn day(&self, now: Timestamp) -> Date {
        self.zone.to_datetime(now).date()
    }

    /// Whether an instant is working time: the zone's date is a working day, the zone's clock shows a minute of `hours`, and it
    /// shows this time for the first time on that date.
    ///
    /// When daylight saving ends, the clock shows the same times again. The second pass is not working time (RFC 5545, section
    /// 3.3.5: a local time that occurs twice means its first occurrence).
    pub fn is_working_time(&self, now: Timestamp) -> bool {
        let wall = self.zone.to_datetime(now);
        let is_first = match self.shows(wall) {
            AmbiguousOffset::Fold { before, .. } => self.zone.to_offset(now) == before,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => true,
        };
        is_first && self.is_working_day(wall.date()) && self.hours.contains(&minute_of_day(wall))
    }

    /// The instants at which the working minutes of a date begin, in order.
    ///
    /// There is one for each minute of `hours` that the zone's clock shows on that date: the first occurrence of a minute that
    /// it shows twice, and none for a minute that it skips. If the date is not a working day, there are none.
    pub fn working_minutes(&self, day: Date) -> Vec<Timestamp> {
        let hours = if self.is_working_day(day) { self.hours.clone() } else { 0..0 };
        hours.filter_map(|minute| self.first(at_minute(day, minute))).collect()
    }

    /// The instant at which the clock on the wall shows this first; none if it skips it.
    fn first(&self, wall: DateTime) -> Option<Timestamp> {
        match self.shows(wall) {
            AmbiguousOffset::Unambiguous { offset: before } | AmbiguousOffset::Fold { before, .. } => {
                before.to_timestamp(wall).ok()
            }
            AmbiguousOffset::Gap { .. } => None,
        }
    }

    /// How far the clock on the wall is from UTC when it shows this: one answer, or two, or none.
    fn shows(&self, wall: DateTime) -> AmbiguousOffset {
        self.zone.to_ambiguous_timestamp(wall).offset()
    }
}

/// How many minutes have passed since midnight on a clock that shows this.
fn minute_of_day(wall: DateTime) -> u16 {
    u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs())
}

/// What the clock shows that many minutes after midnight. Minutes behind the end of the day do not exist.
fn at_minute(day: Date, minute: u16) -> DateTime {
    let [hour, minute] =
        [minute / 60, minute % 60].map(|number| i8::try_from(number).expect("a day has 1,440 minutes"));
    day.at(hour, minute, 0, 0)
}
