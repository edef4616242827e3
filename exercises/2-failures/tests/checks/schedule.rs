//! Task `schedule`: working time is what the zone's clock says, and every minute of it comes once.

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use testkit::check::{Check, Proven, Rule, check};
use testkit::text::or_nothing;

use super::clock::{said, told, why_not};
use crate::subject::monkey::config::Config;
use crate::subject::monkey::schedule::Schedule;

const WALL: Rule = Rule::new(
    "the schedule's own clock",
    "Working time goes by the clock and the calendar of the schedule's own zone, from the first minute of its hours up to the \
     last.",
    "Netflix, Chaos Monkey, configuration file format: `start_hour`, `end_hour` and `time_zone`",
    "2-failures/monkey.md#whose-clock",
);

const TWICE: Rule = Rule::new(
    "a repeated time",
    "A local time that occurs twice on a date is working time only the first time.",
    "RFC 5545, section 3.3.5: a local time that occurs more than once refers to its first occurrence",
    "2-failures/monkey.md#daylight-saving",
);

const NEVER: Rule = Rule::new(
    "a skipped time",
    "A local time that the clock skips never occurs: no instant has it.",
    "IANA time zone database; RFC 5545, section 3.3.5, on local times that do not occur",
    "2-failures/monkey.md#daylight-saving",
);

/// A schedule, read as a user would write it.
pub fn schedule(zone: &str, days: &str, from: &str, until: &str, closed: &str) -> Schedule {
    let days = days.split_whitespace().map(|day| format!("\"{day}\"")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "groups = []\n[schedule]\nzone = \"{zone}\"\ndays = [{days}]\nfrom = \"{from}\"\nuntil = \"{until}\"\nclosed = [{closed}]"
    );
    Config::from_toml(&text).expect("a schedule of the course is right").schedule
}

/// Every day of the week.
pub const ALL: &str = "monday tuesday wednesday thursday friday saturday sunday";
/// The days on which most offices work.
pub const OFFICE: &str = "monday tuesday wednesday thursday friday";

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant of the course is right")
}

#[test]
pub fn working_time_is_what_the_wall_clock_shows() {
    check(|check| {
        let office = |zone| schedule(zone, OFFICE, "09:00", "15:00", "\"2026-12-25\"");
        // The instants and answers were worked out by hand.
        let cases = [
            ("Europe/Berlin", "2026-01-14T07:59:59Z", false), // Wednesday, 08:59:59
            ("Europe/Berlin", "2026-01-14T08:00:00Z", true),
            ("Europe/Berlin", "2026-01-14T13:59:59Z", true),  // 14:59:59
            ("Europe/Berlin", "2026-01-14T14:00:00Z", false), // 15:00:00
            ("Europe/Berlin", "2026-01-14T14:00:30Z", false),
            ("Europe/Berlin", "2026-07-15T07:00:00Z", true), // Wednesday, 09:00, in summer
            ("Europe/Berlin", "2026-07-15T13:00:00Z", false),
            ("Europe/Berlin", "2026-01-17T10:00:00Z", false), // Saturday
            ("Europe/Berlin", "2026-12-25T10:00:00Z", false), // Friday, and closed
            ("Europe/Berlin", "2026-12-24T10:00:00Z", true),
            ("Asia/Kolkata", "2026-01-14T03:29:59Z", false), // half an hour off
            ("Asia/Kolkata", "2026-01-14T03:30:00Z", true),
            ("Pacific/Auckland", "2026-01-11T20:00:00Z", true), // Monday 09:00 there, Sunday in London
            ("Pacific/Auckland", "2026-01-15T20:00:00Z", true), // Friday 09:00
            ("Pacific/Auckland", "2026-01-16T20:00:00Z", false), // Saturday 09:00 there, Friday in London
            ("America/Los_Angeles", "2026-01-16T22:59:59Z", true), // Friday 14:59:59
            ("America/Los_Angeles", "2026-01-16T23:00:00Z", false),
            ("UTC", "2026-01-14T14:59:59.999Z", true),
        ];
        for (zone, at, expected) in cases {
            let schedule = office(zone);
            let (at, found) = (instant(at), schedule.is_working_time(instant(at)));
            check.requires(WALL, found == expected, || {
                let (at, hours) = (said(&schedule.zone, at), told(&schedule));
                format!("The hours are {hours}, Monday to Friday; 2026-12-25 is closed. It is {at}, but `is_working_time` says \
                         {found}.")
            })?;
        }
        check.evidence(format!("{} instants in five zones", cases.len()));
        Ok(())
    });
}

#[test]
pub fn the_date_is_that_of_the_wall() {
    check(|check| {
        let cases = [
            ("Pacific/Auckland", "2026-01-11T10:59:59Z", date(2026, 1, 11)),
            ("Pacific/Auckland", "2026-01-11T11:00:00Z", date(2026, 1, 12)),
            ("America/Los_Angeles", "2026-07-01T06:59:59Z", date(2026, 6, 30)),
            ("America/Los_Angeles", "2026-07-01T07:00:00Z", date(2026, 7, 1)),
            ("Pacific/Apia", "2011-12-30T09:59:59Z", date(2011, 12, 29)), // Samoa went over the date line: there was no 30th
            ("Pacific/Apia", "2011-12-30T10:00:00Z", date(2011, 12, 31)),
        ];
        for (zone, at, expected) in cases {
            let schedule = schedule(zone, ALL, "00:00", "24:00", "");
            let found = schedule.day(instant(at));
            check.requires(WALL, found == expected, || {
                format!("It is {}. `day` says {found}.", said(&schedule.zone, instant(at)))
            })?;
        }
        check.evidence(format!("{} instants near midnight", cases.len()));
        Ok(())
    });
}

/// Zones with what their clocks do, and schedules that have it in their hours.
fn unusual() -> Vec<Schedule> {
    vec![
        schedule("Europe/Berlin", ALL, "01:00", "04:00", ""),
        schedule("Europe/Berlin", ALL, "02:00", "03:00", ""), // nothing else but what is skipped and repeated
        schedule("America/New_York", ALL, "00:30", "02:15", ""),
        schedule("America/New_York", "sunday", "01:00", "24:00", ""),
        schedule("Australia/Lord_Howe", ALL, "01:30", "02:30", ""), // by half an hour
        schedule("Antarctica/Troll", ALL, "01:00", "03:00", ""),    // by two hours
        schedule("America/Santiago", ALL, "00:00", "24:00", ""), // at midnight: a date that begins at one, and one that ends twice
        schedule("Pacific/Auckland", OFFICE, "09:00", "15:00", ""),
        schedule("Asia/Kolkata", OFFICE, "09:00", "15:00", ""), // never
    ]
}

/// The instants at which a zone's clock is moved, in the years from 2024 up to 2026.
fn moves(zone: &TimeZone) -> Vec<Timestamp> {
    let moves = zone.following(instant("2024-01-01T00:00:00Z")).map(|transition| transition.timestamp());
    moves.take_while(|at| *at < instant("2027-01-01T00:00:00Z")).collect()
}

#[test]
pub fn a_time_that_comes_twice_counts_once() {
    check(|check| {
        let (mut asked, mut second) = (0, 0);
        for schedule in unusual() {
            for at in moves(&schedule.zone) {
                for minute in -36 * 60..36 * 60 {
                    let at = at
                        + SignedDuration::from_mins(minute)
                        + SignedDuration::from_secs(i64::from(minute.rem_euclid(60) as i32));
                    asked += 1;
                    let why_not = why_not(&schedule, at);
                    second += usize::from(why_not.is_some_and(|why| why.contains("second time")));
                    requires_working_time(check, &schedule, at, why_not)?;
                }
            }
        }
        check.evidence(format!(
            "{asked} instants around the days on which clocks are moved, {second} of them in repeated hours"
        ));
        Ok(())
    });
}

fn requires_working_time(check: &mut Check, schedule: &Schedule, at: Timestamp, why_not: Option<&str>) -> Proven {
    let found = schedule.is_working_time(at);
    let rule = if why_not.is_some_and(|why| why.contains("second time")) { TWICE } else { WALL };
    check.requires(rule, found == why_not.is_none(), || {
        let (at, hours) = (said(&schedule.zone, at), told(schedule));
        let reason =
            why_not.unwrap_or("it is a working day, in its hours, and the clock shows this time for the first time");
        format!("The hours are {hours}. It is {at}, and `is_working_time` says {found}, although {reason}.")
    })
}

#[test]
pub fn the_minutes_of_a_date_are_its_working_time() {
    check(|check| {
        let mut dates = 0;
        for schedule in unusual() {
            let moved = moves(&schedule.zone).into_iter().map(|at| schedule.zone.to_datetime(at).date());
            let near = |day: Date| [day.yesterday().unwrap_or(day), day, day.tomorrow().unwrap_or(day)];
            for day in moved.flat_map(near).chain([date(2026, 6, 10), date(2026, 6, 13), date(2026, 6, 14)]) {
                dates += 1;
                let expected = minutes(&schedule, day);
                requires_minutes(check, &schedule, day, &expected)?;
            }
        }
        check.evidence(format!("{dates} dates in six zones, each with all its minutes"));
        Ok(())
    });
}

/// The working minutes of a date, found by walking from one minute to the next.
fn minutes(schedule: &Schedule, day: Date) -> Vec<Timestamp> {
    let midnight = TimeZone::UTC.to_timestamp(DateTime::from(day)).expect("this date exists");
    let walk = (-15 * 60..39 * 60).map(|minute| midnight + SignedDuration::from_mins(minute));
    let on_that_day = walk.filter(|at| schedule.zone.to_datetime(*at).date() == day);
    on_that_day.filter(|at| why_not(schedule, *at).is_none()).collect()
}

fn requires_minutes(check: &mut Check, schedule: &Schedule, day: Date, expected: &[Timestamp]) -> Proven {
    let found = schedule.working_minutes(day);
    let hours = told(schedule);
    let name = schedule.zone.iana_name().unwrap_or("this zone").to_owned();
    let strange = found.iter().find(|at| !expected.contains(at));
    check.requires(NEVER, strange.is_none(), || {
        let at = strange.map_or(String::new(), |at| said(&schedule.zone, *at));
        format!("The hours are {hours}. `working_minutes` of {day} in {name} holds {at}, which is no working minute.")
    })?;
    let missing = expected.iter().find(|at| !found.contains(at));
    check.requires(WALL, missing.is_none(), || {
        let at = missing.map_or(String::new(), |at| said(&schedule.zone, *at));
        format!("The hours are {hours}. `working_minutes` of {day} in {name} lacks {at}.")
    })?;
    check.requires(TWICE, found == expected, || {
        format!(
            "The hours are {hours}. `working_minutes` of {day} in {name} has {} minutes, where the clock shows {}: some are \
             there twice, or out of order.",
            found.len(),
            expected.len()
        )
    })
}

#[test]
pub fn a_skipped_time_has_no_minute() {
    check(|check| {
        // Schedule, date, how many minutes there are, the first and the last: worked out by hand.
        let cases = [
            (schedule("Europe/Berlin", ALL, "01:00", "04:00", ""), date(2026, 3, 29), 120, "00:00:00", "01:59:00"),
            (schedule("Europe/Berlin", ALL, "01:00", "03:00", ""), date(2026, 3, 29), 60, "00:00:00", "00:59:00"),
            (schedule("Europe/Berlin", ALL, "02:30", "03:30", ""), date(2026, 3, 29), 30, "01:00:00", "01:29:00"),
            (schedule("Australia/Lord_Howe", ALL, "02:00", "03:00", ""), date(2026, 10, 4), 30, "15:30:00", "15:59:00"),
        ];
        for (schedule, day, count, first, last) in &cases {
            let found = schedule.working_minutes(*day);
            let utc = |at: Option<&Timestamp>| at.map(|at| TimeZone::UTC.to_datetime(*at).time().to_string());
            let right = found.len() == *count
                && utc(found.first()).as_deref() == Some(*first)
                && utc(found.last()).as_deref() == Some(*last);
            check.requires(NEVER, right, || {
                let name = schedule.zone.iana_name().unwrap_or("this zone");
                format!(
                    "The hours are {}, and on {day} the clock in {name} skips a part of them. {count} minutes are left, from \
                     {first} to {last} UTC. `working_minutes` has {}, from {} to {}.",
                    told(schedule),
                    found.len(),
                    or_nothing(utc(found.first()), |at| at),
                    or_nothing(utc(found.last()), |at| at)
                )
            })?;
        }
        for (schedule, day) in [
            (schedule("Europe/Berlin", ALL, "02:00", "03:00", ""), date(2026, 3, 29)),
            (schedule("America/New_York", ALL, "02:00", "03:00", ""), date(2026, 3, 8)),
            (schedule("Pacific/Apia", ALL, "00:00", "24:00", ""), date(2011, 12, 30)), // a whole day
        ] {
            let found = schedule.working_minutes(day);
            check.requires(NEVER, found.is_empty(), || {
                let at = found.first().map_or(String::new(), |at| said(&schedule.zone, *at));
                format!(
                    "The hours are {}, and on {day} the clock skips all of them. `working_minutes` holds {at}.",
                    told(&schedule)
                )
            })?;
        }
        check.evidence("7 dates of which the clock skips a part, or all");
        Ok(())
    });
}
