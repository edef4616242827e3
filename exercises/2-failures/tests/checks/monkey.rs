//! Task `monkey`: the monkey does harm only when, where and as often as it was told to, and says so before.

#![expect(clippy::redundant_closure, reason = "a check goes by the test in which its closure is written")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use testkit::check::{Check, Proven, check};
use testkit::text::list;

use super::chances;
use super::clock::{said, told, why_not};
use super::monkey_rules::{APART, AUDIT, DRY, ENOUGH, HOURS, LEFT_OUT, ONCE, SEED, SPARED};
use super::order::requires_order;
use super::settings::{berlin, far_away, group_lines, illness, mixed, ordinary, run_among_the_ill};
use super::trial::{
    Event, Trial, What, announced, config, day, difference, faults, group, hours, often_near_moves, plans, ticks,
    told_of,
};
use super::turns::{self, is_why};
use super::ward::{get_well, healthy, shown};
use crate::subject::monkey::{Entry, Fault, Why};

#[test]
pub fn nothing_is_done_outside_working_time() {
    check(|check| {
        let (mut did, mut repeated) = (0, 0);
        for (zone, from, until, every_day) in [
            ("Europe/Berlin", "01:00", "04:00", true),
            ("Europe/Berlin", "01:00", "03:00", true),
            ("America/New_York", "00:30", "02:30", true),
            ("Australia/Lord_Howe", "01:00", "02:30", true),
            ("America/Los_Angeles", "09:00", "15:00", false),
            ("Pacific/Auckland", "09:00", "15:00", false),
        ] {
            let config = config(&hours(zone, from, until, every_day), 4, &group_lines(1.0, ""));
            let ticks = often_near_moves(&config.schedule.zone, ticks(date(2025, 1, 1), 365, 50));
            let trial = Trial::new(config, ticks);
            let zone = &trial.config.schedule.zone;
            for (at, fault) in faults(&trial.run()) {
                did += 1;
                repeated += usize::from(zone.to_ambiguous_timestamp(zone.to_datetime(at)).is_ambiguous());
                let why_not = why_not(&trial.config.schedule, at);
                check.requires(HOURS, why_not.is_none(), || {
                    let (hours, why) = (told(&trial.config.schedule), why_not.unwrap_or(""));
                    format!("{}.\nThe hours are {hours}, and {why}.", told_of(&trial.config, at, fault))
                })?;
            }
        }
        check.requires(HOURS, did > 0 && repeated > 0, || {
            format!("In a year with a fault each day, {did} were done, and {repeated} in the first pass of an hour that is repeated.")
        })?;
        check.evidence(format!(
            "{did} faults in 6 years and 5 zones, {repeated} of them in the first pass of an hour that comes twice"
        ));
        Ok(())
    });
}

#[test]
pub fn the_chance_is_per_day_whatever_the_tick() {
    check(|check| chances::is_per_day(check));
}

#[test]
pub fn days_and_groups_do_not_depend_on_each_other() {
    check(|check| chances::is_independent(check));
}

#[test]
pub fn faults_come_at_all_hours_of_the_working_time() {
    check(|check| chances::is_spread(check));
}

#[test]
pub fn every_victim_and_every_kind_comes_about() {
    check(|check| chances::is_fair(check));
}

#[test]
pub fn a_group_is_hit_once_a_day_at_most() {
    check(|check| {
        let (mut all, mut botched) = (0, 0);
        for (schedule, place) in far_away() {
            let config = config(&schedule, 3, &group_lines(1.0, ""));
            let mut trial = Trial::new(config, ticks(date(2025, 9, 1), 150, 20));
            for (restarts, how) in [(None, ""), (Some(20), " Now and then the monkey is restarted, and reads its log.")]
            {
                trial.restarts = restarts;
                trial.botches = |n| n.is_multiple_of(2);
                let events = trial.run();
                let mut last: BTreeMap<(&str, Date), (Timestamp, &Fault)> = BTreeMap::new();
                for (at, fault) in faults(&events) {
                    all += 1;
                    let first = last.insert((&fault.group, day(&trial.config, at)), (at, fault));
                    check.requires(ONCE, first.is_none(), || {
                        let (before, fault_before) = first.unwrap_or((at, fault));
                        let (one, two) =
                            (told_of(&trial.config, before, fault_before), told_of(&trial.config, at, fault));
                        format!(
                            "In {place}, one group was hit twice on a date.{how} Every second fault fails.\n{one}\n{two}"
                        )
                    })?;
                }
                botched += events.iter().filter(|event| matches!(event.what, What::Botched(_))).count();
            }
        }
        check.requires(ONCE, all >= 1000 && botched > 0, || {
            format!("With a fault each working day for 3 groups in 3 places, twice for 150 days, {all} were done.")
        })?;
        check.evidence(format!("{all} faults in three places, {botched} of which failed, with and without restarts"));
        Ok(())
    });
}

#[test]
pub fn no_fault_comes_sooner_than_it_may() {
    check(|check| {
        let schedule = format!(
            "{}\nclosed = [\"2025-05-01\", \"2025-05-02\"]",
            hours("Pacific/Auckland", "09:00", "15:00", false)
        );
        let config = config(&schedule, 4, &group_lines(1.5, "min_days = 3"));
        let mut trial = Trial::new(config, ticks(date(2025, 1, 1), 365, 30));
        trial.restarts = Some(30);
        let schedule = &trial.config.schedule;
        let working = |day: &Date| schedule.days.contains(&day.weekday()) && !schedule.closed.contains(day);
        let mut last: BTreeMap<&str, (Timestamp, &Fault)> = BTreeMap::new();
        let mut gaps: BTreeMap<usize, usize> = BTreeMap::new();
        let events = trial.run();
        for (at, fault) in faults(&events) {
            let Some((before, fault_before)) = last.insert(&fault.group, (at, fault)) else { continue };
            let days = std::iter::successors(day(&trial.config, before).tomorrow().ok(), |day| day.tomorrow().ok());
            let gap = days.take_while(|next| *next <= day(&trial.config, at)).filter(working).count();
            *gaps.entry(gap).or_default() += 1;
            check.requires(APART, gap >= 3, || {
                let (one, two) = (told_of(&trial.config, before, fault_before), told_of(&trial.config, at, fault));
                format!("`min_days` is 3, Monday to Friday. A fault came on working day number {gap} after the last one.\n{one}\n{two}")
            })?;
        }
        let (soonest, later) =
            (gaps.get(&3).copied().unwrap_or(0), gaps.range(4..).map(|(_, count)| count).sum::<usize>());
        check.requires(APART, soonest > 0 && later > 0, || {
            format!("`min_days` is 3, `mean_days` 1.5. In a year, {soonest} faults came on the third working day after the last one, {later} later.")
        })?;
        check.evidence(format!("{soonest} faults on the third working day after the last one, {later} later"));
        turns::come_when_due(check)
    });
}

#[test]
pub fn enough_instances_stay_healthy() {
    check(|check| {
        let (trial, events, seen) = illness();
        let (mut all, mut sharp) = (0, 0);
        for (at, fault) in faults(&events) {
            let view = &seen[&at];
            let least = group(&trial.config, &fault.group).map_or(0, |group| group.min_healthy);
            let healthy = healthy(&trial.config, &fault.group, view);
            let told = || {
                format!(
                    "{}\nbefore it: {}",
                    told_of(&trial.config, at, fault),
                    shown(&trial.config, &fault.group, view)
                )
            };
            check.requires(ENOUGH, healthy.contains(&&fault.victim), || {
                format!("The victim is not healthy.\n{}", told())
            })?;
            check.requires(ENOUGH, healthy.len() > least, || {
                format!(
                    "`min_healthy` is {least}, but after this fault {} are healthy.\n{}",
                    healthy.len().saturating_sub(1),
                    told()
                )
            })?;
            all += 1;
            sharp += usize::from(healthy.len() == least + 1);
        }
        check.requires(ENOUGH, sharp > 0, || {
            format!("`min_healthy` is 3. In a year {all} faults were done, but none of them with just 4 healthy. That would \
                     leave 3 healthy, which is enough.")
        })?;
        check.evidence(format!(
            "{all} faults on instances that fall ill, {sharp} of them with no more healthy than are needed"
        ));
        Ok(())
    });
}

#[test]
pub fn a_turn_that_is_left_out_is_audited_and_gone() {
    check(|check| {
        let (trial, events, seen) = illness();
        let mut turns: BTreeMap<(&str, Date), &Entry> = BTreeMap::new();
        let (mut left_out, mut recovered) = (0, 0);
        for entry in events.iter().filter_map(Event::wrote) {
            if let Entry::Will { .. } | Entry::Skipped { .. } = entry {
                let first = turns.insert((entry.group(), day(&trial.config, entry.at())), entry);
                check.requires(LEFT_OUT, first.is_none(), || {
                    let at = said(&trial.config.schedule.zone, entry.at());
                    format!(
                        "A group has two turns on one date. It is {at}, and these are the entries:\n{}\n{entry}",
                        first.unwrap_or(entry)
                    )
                })?;
            }
            let Entry::Skipped { at, group: name, why } = entry else { continue };
            left_out += 1;
            let view = seen.get(at);
            check.requires(LEFT_OUT, view.is_some(), || format!("`{entry}`: this is not the instant of the tick."))?;
            let Some((view, group)) = view.zip(group(&trial.config, name)) else { continue };
            let healthy = healthy(&trial.config, name, view);
            check.requires(LEFT_OUT, is_why(*why, group, &healthy), || {
                let (least, shown) = (group.min_healthy, shown(&trial.config, name, view));
                format!(
                    "`{entry}`. That is wrong: `min_healthy` is {least}, spared: {}, and the view says: {shown}.",
                    list(&group.spared, "nobody")
                )
            })?;
            recovered += usize::from(get_well(&trial.config, name, &seen, *at));
        }
        check.requires(LEFT_OUT, left_out > 0 && recovered > 0, || {
            format!("Instances fall ill for a year. {left_out} turns were left out; some must be, since with `min_healthy = 3` \
                     too few are healthy at times.")
        })?;
        check.evidence(format!(
            "{left_out} turns were left out, {recovered} of them with enough healthy again before the end of the day"
        ));
        turns::come_to_what_they_may(check)
    });
}

#[test]
pub fn whoever_opted_out_is_left_alone() {
    check(|check| {
        let mut config = config(&berlin(), 4, &group_lines(1.0, ""));
        config.groups[1].enabled = false;
        config.groups[2].spared = ["c0", "c3"].map(str::to_owned).into();
        config.groups[3].spared = config.groups[3].instances.iter().cloned().collect();
        let trial = Trial::new(config, ticks(date(2025, 1, 1), 200, 30));
        let events = trial.run();
        let mut hit: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, fault) in faults(&events) {
            let group = group(&trial.config, &fault.group);
            let fair = group.is_some_and(|group| group.enabled && !group.spared.contains(&fault.victim));
            check.requires(SPARED, fair, || {
                format!(
                    "{}.\nGroup b is not enabled, in group c the instances c0 and c3 are spared, and in group d all are.",
                    told_of(&trial.config, at, fault)
                )
            })?;
            *hit.entry(&fault.victim).or_default() += 1;
        }
        let rest = ["a0", "a1", "a2", "a3", "a4", "c1", "c2", "c4"];
        let missed = rest.iter().find(|name| !hit.contains_key(*name));
        check.requires(SPARED, missed.is_none(), || {
            format!("{} is neither spared nor in a group that is not enabled, and is never hit.", missed.unwrap_or(&""))
        })?;
        let said = events
            .iter()
            .filter_map(Event::wrote)
            .any(|entry| matches!(entry, Entry::Skipped { group, why: Why::AllSpared, .. } if group == "d"));
        check.requires(SPARED, said, || {
            "All of group d are spared, but the audit log does not say that its turn was left out.".to_owned()
        })?;
        check.evidence(format!("{} faults, none of them on an instance that opted out", hit.values().sum::<usize>()));
        Ok(())
    });
}

#[test]
pub fn the_same_seed_does_the_same() {
    check(|check| {
        let mut trial = ordinary();
        let (once, again) = (run_among_the_ill(&trial), run_among_the_ill(&trial));
        check.requires(SEED, once == again, || difference(&trial.config, &once, &again))?;
        let first = plans(&trial.config, &once);
        trial.seed = 2;
        let second = plans(&trial.config, &run_among_the_ill(&trial));
        let same = first.intersection(&second).count();
        check.requires(SEED, !first.is_empty() && same * 2 < first.len(), || {
            format!(
                "With seed 1 there are {} faults, and {same} of them come on the same day with seed 2 too.",
                first.len()
            )
        })?;
        check.evidence(format!(
            "{} faults, the same in two runs; {same} of them with another seed as well",
            first.len()
        ));
        Ok(())
    });
}

#[test]
pub fn a_dry_run_does_nothing_and_announces_the_same() {
    check(|check| {
        for trial in [ordinary(), mixed()] {
            announces_the_same(check, trial)?;
        }
        Ok(())
    });
}

fn announces_the_same(check: &mut Check, mut trial: Trial) -> Proven {
    let real = run_among_the_ill(&trial);
    trial.config.dry_run = true;
    let dry = run_among_the_ill(&trial);
    let done = faults(&dry).next();
    check.requires(DRY, done.is_none(), || {
        done.map_or(String::new(), |(at, fault)| {
            format!("This is a dry run, and yet the fault was done.\n{}", told_of(&trial.config, at, fault))
        })
    })?;
    let is_dry = |entry: &&Entry| matches!(entry, Entry::Will { dry: true, .. } | Entry::Skipped { .. });
    let false_word = dry.iter().filter_map(Event::wrote).find(|entry| !is_dry(entry));
    check.requires(DRY, false_word.is_none(), || {
        let said = false_word.map_or(String::new(), ToString::to_string);
        format!("This is a dry run, but its log says otherwise: {said}")
    })?;
    let (real, dry) = (announced(&real), announced(&dry));
    check.requires(DRY, !real.is_empty() && real == dry, || {
        let differs = real.iter().zip(&dry).find(|(real, dry)| real != dry);
        let shown = differs.map_or(String::new(), |(real, dry)| format!("\nreal: {real}\ndry:  {dry}"));
        format!(
            "A real run announces {} turns, but a dry run that sees the same announces {}.{shown}",
            real.len(),
            dry.len()
        )
    })?;
    check.evidence(format!("{} turns, the same in a real run and in a dry one", real.len()));
    Ok(())
}

#[test]
pub fn a_fault_is_in_the_log_before_it_is_done() {
    check(|check| {
        let mut trial = Trial::new(config(&berlin(), 4, &group_lines(1.0, "")), ticks(date(2025, 1, 1), 200, 30));
        trial.botches = |n| n.is_multiple_of(3);
        let (mut all, mut refused) = (0, 0);
        for (apart, refuses) in [
            (30, (|_| false) as fn(usize) -> bool),
            (30, |n| n % 5 == 3),
            (30, |n| n % 7 < 3),
            (360, |n| n % 5 == 3), // with all faults of a day in one tick
        ] {
            trial.ticks = ticks(date(2025, 1, 1), 200, apart);
            trial.refuses = refuses;
            let events = trial.run();
            for tick in events.chunk_by(|one, other| one.now == other.now) {
                requires_order(check, &trial, tick)?;
            }
            all += faults(&events).count();
            refused += events.iter().filter(|event| matches!(event.what, What::NotWritten(Entry::Will { .. }))).count();
            let late = events.iter().rposition(|event| matches!(event.what, What::NotWritten(_))).unwrap_or(0);
            let goes_on = faults(&events[late.min(events.len() / 2)..]).next().is_some();
            check.requires(AUDIT, goes_on, || {
                "The audit log refuses now and then, and the monkey has stopped doing anything.".to_owned()
            })?;
        }
        check.requires(AUDIT, all > 0 && refused > 0, || {
            format!("{all} faults were done, and {refused} announcements could not be written.")
        })?;
        check.evidence(format!("{all} faults, and {refused} not done because the log refused"));
        Ok(())
    });
}
