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
//! # This design
//!
//! A wall-clock time belongs to one offset, the first that the zone has for it. An instant is working time if its offset is that one.
//!
//! # Left out on purpose
//!
//! Hours across midnight: a schedule lies within one date, or "at most one a day" would need a second notion of a day. Holidays
//! by rule: list the dates instead.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

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
        let minute = 60 * wall.hour() as u16 + wall.minute() as u16;
        self.is_working_day(wall.date())
            && self.hours.contains(&minute)
            && self.first_offset(wall) == Some(self.zone.to_offset(now))
    }

    /// The instants at which the working minutes of a date begin, in order.
    ///
    /// There is one for each minute of `hours` that the zone's clock shows on that date: the first occurrence of a minute that
    /// it shows twice, and none for a minute that it skips. If the date is not a working day, there are none.
    pub fn working_minutes(&self, day: Date) -> Vec<Timestamp> {
        if !self.is_working_day(day) {
            return Vec::new();
        }
        let walls = self.hours.clone().map(|minute| day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0));
        walls.filter_map(|wall| self.first_offset(wall)?.to_timestamp(wall).ok()).collect()
    }

    /// How far the zone is from UTC when the clock on its wall shows a time, for the first time. It never shows one that is skipped.
    fn first_offset(&self, wall: DateTime) -> Option<Offset> {
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some(offset),
            AmbiguousOffset::Fold { before, .. } => Some(before),
            AmbiguousOffset::Gap { .. } => None,
        }
    }
}
