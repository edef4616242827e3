//! What is left to chance: whether, when and whom the monkey hits.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use testkit::check::{Check, Proven};

use super::counting::{days_hit, numbers, requires_count, working_days};
use super::monkey_rules::{FAIR, RATE, SPREAD};
use super::settings::{berlin, group_lines};
use super::trial::{Trial, between, config, faults, group, hours, irregular_ticks, ticks, ticks_at};

/// Groups are hit on as many days as they should be, however often the monkey is woken and however short its hours are.
pub fn is_per_day(check: &mut Check) -> Proven {
    let start = date(2025, 1, 1);
    for (mean, what, ticks, lost) in [
        (2.0, "every 10 minutes", ticks(start, 365, 10), 10.0),
        (2.0, "every 30 minutes", ticks(start, 730, 30), 30.0),
        (5.0, "every 15 minutes", ticks(start, 730, 15), 15.0),
        (5.0, "at odd moments, up to 40 minutes apart", irregular_ticks(start, 730, 40), 40.0),
        (1.0, "every 20 minutes", ticks(start, 100, 20), 20.0),
    ] {
        let trial = Trial::new(config(&berlin(), 4, &group_lines(mean, "")), between(ticks, 6, 16));
        let (days, hit) = (working_days(&trial), days_hit(&trial));
        let count = hit.values().map(BTreeSet::len).sum();
        // What is due behind the last tick of a day is not done.
        requires_count(check, RATE, (count, 4 * days, 1.0 / mean, lost / 360.0), || {
            format!("A tick comes {what}. On {days} working days, 4 groups with `mean_days = {mean}` were hit")
        })?;
        check.evidence(format!("{what}, mean of {mean} days: {count} faults on {} working days of groups", 4 * days));
    }
    is_done_late(check)?;
    is_per_day_in_short_hours(check)
}

/// The monkey is woken once a day, near the end of its hours. What has been due since the morning is done then.
fn is_done_late(check: &mut Check) -> Proven {
    let config = config(&hours("Europe/Berlin", "09:00", "15:00", true), 4, &group_lines(1.0, ""));
    let ticks = ticks_at(&config.schedule.zone, date(2025, 1, 1), 200, &[(14, 50)]);
    let hit = days_hit(&Trial::new(config, ticks)).values().map(BTreeSet::len).sum();
    requires_count(check, RATE, (hit, 4 * 200, 1.0, 10.0 / 360.0), || {
        "The hours are from 09:00 until 15:00, and the only tick of a day comes at 14:50. On 200 days, 4 groups with `mean_days = 1` \
         were hit"
            .to_owned()
    })?;
    check.evidence(format!("one tick a day, ten minutes before its end: {hit} faults on 800 days of groups"));
    Ok(())
}

/// Hours of one minute and of ten, with a tick just when each minute begins: nothing that is due can be missed.
fn is_per_day_in_short_hours(check: &mut Check) -> Proven {
    for (mean, until, minutes, count) in
        [(1.0, "09:01", 1, 200), (1.0, "09:10", 10, 200), (2.5, "09:01", 1, 1_000), (3.0, "09:10", 10, 1_000)]
    {
        let config = config(&hours("Europe/Berlin", "09:00", until, true), 4, &group_lines(mean, ""));
        let times: Vec<(i8, i8)> = (0..minutes).map(|minute| (9, minute)).collect();
        let ticks = ticks_at(&config.schedule.zone, date(2025, 1, 1), count, &times);
        let hit = days_hit(&Trial::new(config, ticks)).values().map(BTreeSet::len).sum();
        requires_count(check, RATE, (hit, 4 * count, 1.0 / mean, 0.0), || {
            format!(
                "The hours are from 09:00 until {until}, and a tick comes when each minute begins. On {count} days, 4 groups with \
                 `mean_days = {mean}` were hit"
            )
        })?;
        check.evidence(format!(
            "from 09:00 until {until}, mean of {mean} days: {hit} faults on {} days of groups",
            4 * count
        ));
    }
    Ok(())
}

/// A day after a fault is like any other, and so is a day on which another group is hit.
pub fn is_independent(check: &mut Check) -> Proven {
    let ticks = between(ticks(date(2025, 1, 1), 730, 30), 6, 16);
    let trial = Trial::new(config(&berlin(), 4, &group_lines(2.0, "")), ticks);
    let hit = days_hit(&trial);
    let lost = 30.0 / 360.0;
    let all: usize = hit.values().map(BTreeSet::len).sum();
    let again = hit.values().map(|days| days.iter().filter(|day| days.contains(&(*day + 1))).count()).sum();
    requires_count(check, RATE, (again, all, 0.5, lost), || {
        format!("`mean_days` is 2. Of {all} days with a fault, the following working day had one too")
    })?;
    let days: Vec<_> = hit.into_values().collect();
    let together = days.chunks_exact(2).map(|pair| pair[0].intersection(&pair[1]).count()).sum();
    requires_count(check, RATE, (together, 2 * working_days(&trial), 0.25, 2.0 * lost), || {
        format!(
            "`mean_days` is 2. Two groups were hit on the same day, in {} days of two groups",
            2 * working_days(&trial)
        )
    })?;
    check.evidence(format!(
        "{again} of {all} faults were followed by one on the next working day; {together} times two groups shared a day"
    ));
    Ok(())
}

/// Faults come in each hour of long hours, and in each minute of short ones.
pub fn is_spread(check: &mut Check) -> Proven {
    let ticks = between(ticks(date(2025, 1, 1), 730, 20), 6, 16);
    let trial = Trial::new(config(&berlin(), 8, &group_lines(5.0, "")), ticks);
    let mut hours = [0_usize; 24];
    for (at, _) in faults(&trial.run()) {
        hours[trial.config.schedule.zone.to_datetime(at).hour() as usize] += 1;
    }
    let all: usize = hours.iter().sum();
    for hour in 9..15 {
        let fine = (all / 12..=all / 3).contains(&hours[hour]) && all > 0;
        check.requires(SPREAD, fine, || {
            let counts: Vec<_> = (9..15).map(|hour| format!("{} from {hour}:00 on", hours[hour])).collect();
            format!(
                "The hours are from 09:00 until 15:00. Of {all} faults there were {}. A sixth of them in each hour would be right, \
                 and half of that or twice as many is too far off.",
                counts.join(", ")
            )
        })?;
    }
    check.evidence(format!("{all} faults, in the six hours of the day: {:?}", &hours[9..15]));
    is_spread_over_minutes(check)
}

/// Ten minutes, each of which is as likely as any other.
fn is_spread_over_minutes(check: &mut Check) -> Proven {
    let config = config(&hours("Europe/Berlin", "09:00", "09:10", true), 8, &group_lines(1.0, ""));
    let times: Vec<(i8, i8)> = (0..10).map(|minute| (9, minute)).collect();
    let ticks = ticks_at(&config.schedule.zone, date(2025, 1, 1), 200, &times);
    let trial = Trial::new(config, ticks);
    let mut minutes = [0_usize; 60];
    for (at, _) in faults(&trial.run()) {
        minutes[trial.config.schedule.zone.to_datetime(at).minute() as usize] += 1;
    }
    let all: usize = minutes.iter().sum();
    for (minute, &count) in minutes[..10].iter().enumerate() {
        requires_count(check, SPREAD, (count, all, 0.1, 0.0), || {
            format!(
                "The hours are from 09:00 until 09:10, with a tick each minute. Of {all} faults, those at 09:{minute:02}"
            )
        })?;
    }
    check.evidence(format!("{all} faults in ten minutes of the day: {:?}", &minutes[..10]));
    is_spread_over_a_short_day(check)
}

/// The hours are three by the schedule and two by the clock, since the clock skips one of them. Each half of an hour is as likely as
/// any other.
fn is_spread_over_a_short_day(check: &mut Check) -> Proven {
    let config = config(&hours("Europe/Berlin", "01:00", "04:00", true), 8, &group_lines(1.0, ""));
    let day = date(2026, 3, 29);
    let mut halves = [0_usize; 8];
    for seed in 0..60 {
        let trial = Trial { seed, ..Trial::new(config.clone(), ticks(day, 1, 1)) };
        for (at, _) in faults(&trial.run()) {
            let time = config.schedule.zone.to_datetime(at);
            if time.date() == day {
                halves[usize::from(time.hour() as u8 % 4) * 2 + usize::from(time.minute() >= 30)] += 1;
            }
        }
    }
    let all: usize = halves.iter().sum();
    for (half, &count) in halves.iter().enumerate() {
        let share = if [2, 3, 6, 7].contains(&half) { 0.25 } else { 0.0 };
        requires_count(check, SPREAD, (count, all, share, 0.0), || {
            let (hour, minute) = (half / 2, if half % 2 == 0 { "00" } else { "30" });
            format!(
                "The hours are from 01:00 until 04:00. On 29 March 2026 clocks in Berlin go from 02:00 to 03:00, so two hours are left. Of \
                 {all} faults on that day, those in the half hour from {hour:02}:{minute} on"
            )
        })?;
    }
    check.evidence(format!("{all} faults in the four half hours of a day on which the clock skips one hour"));
    Ok(())
}

/// Each pair of a victim and a kind comes about as often as any other.
pub fn is_fair(check: &mut Check) -> Proven {
    let config = config(&hours("UTC", "09:00", "11:00", true), 5, &group_lines(1.0, ""));
    let trial = Trial::new(config, between(ticks(date(2025, 1, 1), 500, 30), 9, 11));
    let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut all = 0;
    for (_, fault) in faults(&trial.run()) {
        let Some(group) = group(&trial.config, &fault.group) else { continue };
        let known = numbers(group, fault);
        check.requires(FAIR, known.is_some(), || {
            format!("`{fault}` is none of this group's instances, or none of its kinds.")
        })?;
        *pairs.entry(known.unwrap_or_default()).or_default() += 1;
        all += 1;
    }
    check.requires(FAIR, all >= 1500, || format!("On 400 days with a fault for each of 5 groups, {all} were done."))?;
    for n in 0..5 {
        let kinds = &trial.config.groups[0].kinds;
        let sum = |of: fn(&(usize, usize)) -> usize| {
            pairs.iter().filter(|(pair, _)| of(pair) == n).map(|(_, count)| count).sum()
        };
        requires_count(check, FAIR, (sum(|pair| pair.0), all, 0.2, 0.0), || {
            format!("Of {all} faults in groups of five, number {} of the group's instances was the victim", n + 1)
        })?;
        requires_count(check, FAIR, (sum(|pair| pair.1), all, 0.2, 0.0), || {
            format!("Of {all} faults of five kinds, `{}` was done", kinds[n])
        })?;
        for victim in 0..5 {
            let count = pairs.get(&(victim, n)).copied().unwrap_or(0);
            requires_count(check, FAIR, (count, all, 0.04, 0.0), || {
                format!(
                    "Of {all} faults, `{}` was done to number {} of the group's five instances",
                    kinds[n],
                    victim + 1
                )
            })?;
        }
    }
    check.evidence(format!("{all} faults, on five instances and of five kinds"));
    Ok(())
}
