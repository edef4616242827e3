//! Task `monkey`: the monkey does harm only when, where and as often as it was told to, and says so before.
//!
//! Chance is judged by counting. A count of independent trials must lie within six standard deviations of what is expected, by the
//! binomial distribution. In none of the counts here is a right program outside of that with more than one seed in a million. The seeds
//! are fixed, so the verdict is too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use testkit::check::{Check, Proven, Rule, check};

use super::clock::{said, told, why_not};
use super::trial::{
    Event, Trial, What, between, config, deeds, group, hours, irregular_ticks, often_near_moves, ticks,
};
use super::ward::Ward;
use crate::subject::monkey::{Config, Deed, Entry, State, View, Why};

const HOURS: Rule = Rule::new(
    "in working time",
    "A deed is done in working time, and at no other.",
    "Basiri et al. 2016: active only during normal working hours; Netflix, Chaos Monkey, termination behavior",
    "2-failures/monkey.md#working-hours",
);

const RATE: Rule = Rule::new(
    "a chance per day",
    "On each working day a group is hit with the chance 1 / `mean_days`, whatever happened on the days before, to other groups, and however \
     often the monkey is woken.",
    "Netflix, Chaos Monkey, termination behavior: a weighted coin for each group and weekday",
    "2-failures/monkey.md#a-chance-per-day",
);

const SPREAD: Rule = Rule::new(
    "at any moment",
    "Deeds come at all hours of the working time.",
    "Netflix, Chaos Monkey, termination behavior: at a random time between the hours",
    "2-failures/monkey.md#a-chance-per-day",
);

const FAIR: Rule = Rule::new(
    "any victim, any kind",
    "Each instance is as likely a victim as any other, and each kind of failure as likely, whoever the victim is.",
    "Netflix, Chaos Monkey, configuring behavior: an instance of the group is selected at random",
    "2-failures/monkey.md#whom-and-what",
);

const ONCE: Rule = Rule::new(
    "once a day",
    "A group has one turn on a date at most, also when the monkey is started anew, and when a deed fails.",
    "Netflix, Chaos Monkey, configuring behavior: never more often than once a day for each group",
    "2-failures/monkey.md#once-a-day",
);

const APART: Rule = Rule::new(
    "days between",
    "A deed comes on the `min_days`-th working day after the group's last one, or later.",
    "Netflix, Chaos Monkey, termination behavior: minimum time between terminations, in work days",
    "2-failures/monkey.md#once-a-day",
);

const ENOUGH: Rule = Rule::new(
    "enough are healthy",
    "The victim is healthy, and without it `min_healthy` instances of the group are healthy. Whoever is paused, cut off, silent, gone or \
     unknown is not.",
    "Principles of Chaos Engineering: minimize blast radius",
    "2-failures/monkey.md#enough-are-healthy",
);

const LEFT_OUT: Rule = Rule::new(
    "a turn that is left out",
    "If a group's turn cannot be taken, that is audited, with the reason, and the turn is gone.",
    "contract of `Monkey::decide`",
    "2-failures/monkey.md#enough-are-healthy",
);

const SPARED: Rule = Rule::new(
    "opted out",
    "Groups that are not enabled, and instances that are spared, are left alone.",
    "Netflix, Chaos Monkey, configuring behavior: exceptions",
    "2-failures/monkey.md#whom-and-what",
);

const SEED: Rule = Rule::new(
    "one seed, one run",
    "The same seed, configuration, instants and views give the same deeds; another seed gives others.",
    "contract of `Monkey::new`",
    "2-failures/monkey.md#from-a-seed",
);

const DRY: Rule = Rule::new(
    "a dry run",
    "A dry run does nothing, and announces what a real one would.",
    "Netflix, Chaos Monkey, configuration file format: `leashed`",
    "2-failures/monkey.md#dry-run",
);

const AUDIT: Rule = Rule::new(
    "the log comes first",
    "A deed is done only after it was written into the audit log; what came of it is written afterwards.",
    "Netflix, Chaos Monkey, `term.go`: a termination is recorded before it is executed, and is not executed if that fails",
    "2-failures/monkey.md#log-before-deed",
);

/// Kinds of failure for groups in which it does not matter.
const KINDS: &str = "kinds = [\"kill\", \"pause 10s\", \"cut 10s\", \"slow 200ms 10s\", \"fill 10s\"]";

fn berlin() -> String {
    hours("Europe/Berlin", "09:00", "15:00", false)
}

fn group_lines(mean_days: f64, more: &str) -> String {
    format!("mean_days = {mean_days:?}\n{more}\n{KINDS}")
}

/// The date of an instant by the schedule's clock.
fn day(config: &Config, at: Timestamp) -> Date {
    config.schedule.zone.to_datetime(at).date()
}

fn told_of(config: &Config, at: Timestamp, deed: &Deed) -> String {
    format!("{}: {deed}", said(&config.schedule.zone, at))
}

/// How many working days there are in a trial.
fn working_days(trial: &Trial) -> usize {
    let days: BTreeSet<_> = trial.ticks.iter().map(|at| day(&trial.config, *at)).collect();
    days.iter().filter(|day| trial.config.schedule.days.contains(&day.weekday())).count()
}

/// Demands that a count lies within six standard deviations of what is expected. `lost` is the part of the successes that ticks may miss.
fn requires_count(
    check: &mut Check,
    rule: Rule,
    (count, trials, chance, lost): (usize, usize, f64, f64),
    what: impl Fn() -> String,
) -> Proven {
    let bound = |chance: f64| (trials as f64 * chance, 6.0 * (trials as f64 * chance * (1.0 - chance)).sqrt());
    let ((least, below), (most, above)) = (bound(chance * (1.0 - lost)), bound(chance));
    let (low, high) = (least - below, most + above);
    check.requires(rule, (low..=high).contains(&(count as f64)), || {
        format!("{}: {count} times. Between {:.0} and {high:.0} would be right.", what(), low.max(0.0))
    })
}

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
            for (at, deed) in deeds(&trial.run()) {
                did += 1;
                repeated += usize::from(zone.to_ambiguous_timestamp(zone.to_datetime(at)).is_ambiguous());
                let why_not = why_not(&trial.config.schedule, at);
                check.requires(HOURS, why_not.is_none(), || {
                    let (hours, why) = (told(&trial.config.schedule), why_not.unwrap_or(""));
                    format!("{}.\nThe hours are {hours}, and {why}.", told_of(&trial.config, at, deed))
                })?;
            }
        }
        check.requires(HOURS, did > 0 && repeated > 0, || {
            format!("In a year with a deed each day, {did} were done, and {repeated} in the first pass of an hour that is repeated.")
        })?;
        check.evidence(format!(
            "{did} deeds in 6 years and 5 zones, {repeated} of them in hours that came twice, the first time"
        ));
        Ok(())
    });
}

#[test]
pub fn the_chance_is_per_day_whatever_the_tick() {
    check(|check| {
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
            check
                .evidence(format!("{what}, mean of {mean} days: {count} deeds on {} working days of groups", 4 * days));
        }
        Ok(())
    });
}

/// The dates on which each group was hit, as the numbers of working days.
fn days_hit(trial: &Trial) -> BTreeMap<String, BTreeSet<usize>> {
    let days: BTreeSet<_> = trial.ticks.iter().map(|at| day(&trial.config, *at)).collect();
    let working = days.into_iter().filter(|day| trial.config.schedule.days.contains(&day.weekday()));
    let numbers: BTreeMap<_, _> = working.zip(0..).collect();
    let mut hit: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (at, deed) in deeds(&trial.run()) {
        hit.entry(deed.group.clone()).or_default().extend(numbers.get(&day(&trial.config, at)));
    }
    hit
}

#[test]
pub fn days_and_groups_do_not_depend_on_each_other() {
    check(|check| {
        let ticks = between(ticks(date(2025, 1, 1), 730, 30), 6, 16);
        let trial = Trial::new(config(&berlin(), 4, &group_lines(2.0, "")), ticks);
        let hit = days_hit(&trial);
        let lost = 30.0 / 360.0;
        let all: usize = hit.values().map(BTreeSet::len).sum();
        let again = hit.values().map(|days| days.iter().filter(|day| days.contains(&(*day + 1))).count()).sum();
        requires_count(check, RATE, (again, all, 0.5, lost), || {
            format!("`mean_days` is 2. Of {all} days with a deed, the working day after had one too")
        })?;
        let days: Vec<_> = hit.into_values().collect();
        let together = days.chunks_exact(2).map(|pair| pair[0].intersection(&pair[1]).count()).sum();
        requires_count(check, RATE, (together, 2 * working_days(&trial), 0.25, 2.0 * lost), || {
            format!(
                "`mean_days` is 2. Two groups were hit on the same day, in {} days of two groups",
                2 * working_days(&trial)
            )
        })?;
        check.evidence(format!("{again} of {all} deeds were followed by one on the next working day; {together} times two groups shared a day"));
        Ok(())
    });
}

#[test]
pub fn deeds_come_at_all_hours_of_the_working_time() {
    check(|check| {
        let ticks = between(ticks(date(2025, 1, 1), 730, 20), 6, 16);
        let trial = Trial::new(config(&berlin(), 8, &group_lines(5.0, "")), ticks);
        let mut hours = [0_usize; 24];
        for (at, _) in deeds(&trial.run()) {
            hours[trial.config.schedule.zone.to_datetime(at).hour() as usize] += 1;
        }
        let all: usize = hours.iter().sum();
        for hour in 9..15 {
            let fine = (all / 12..=all / 3).contains(&hours[hour]) && all > 0;
            check.requires(SPREAD, fine, || {
                let counts: Vec<_> = (9..15).map(|hour| format!("{} from {hour}:00 on", hours[hour])).collect();
                format!(
                    "The hours are from 09:00 until 15:00. Of {all} deeds there were {}. A sixth of them in each hour would be right, \
                     and half of that or twice as many is too far off.",
                    counts.join(", ")
                )
            })?;
        }
        check.evidence(format!("{all} deeds, in the six hours of the day: {:?}", &hours[9..15]));
        Ok(())
    });
}

#[test]
pub fn every_victim_and_every_kind_comes_about() {
    check(|check| {
        let config = config(&hours("UTC", "09:00", "11:00", true), 5, &group_lines(1.0, ""));
        let trial = Trial::new(config, between(ticks(date(2025, 1, 1), 500, 30), 9, 11));
        let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let mut all = 0;
        for (_, deed) in deeds(&trial.run()) {
            let Some(group) = group(&trial.config, &deed.group) else { continue };
            let victim = group.instances.iter().position(|name| *name == deed.victim);
            let kind = group.kinds.iter().position(|kind| *kind == deed.kind);
            let known = victim.zip(kind);
            check.requires(FAIR, known.is_some(), || {
                format!("`{deed}` is none of this group's instances, or none of its kinds.")
            })?;
            *pairs.entry(known.unwrap_or_default()).or_default() += 1;
            all += 1;
        }
        check.requires(FAIR, all >= 1500, || {
            format!("On 400 days with a deed for each of 5 groups, {all} were done.")
        })?;
        for n in 0..5 {
            let kinds = &trial.config.groups[0].kinds;
            let sum = |of: fn(&(usize, usize)) -> usize| {
                pairs.iter().filter(|(pair, _)| of(pair) == n).map(|(_, count)| count).sum()
            };
            requires_count(check, FAIR, (sum(|pair| pair.0), all, 0.2, 0.0), || {
                format!("Of {all} deeds in groups of five, number {} of the group's instances was the victim", n + 1)
            })?;
            requires_count(check, FAIR, (sum(|pair| pair.1), all, 0.2, 0.0), || {
                format!("Of {all} deeds of five kinds, `{}` was done", kinds[n])
            })?;
            for victim in 0..5 {
                let count = pairs.get(&(victim, n)).copied().unwrap_or(0);
                requires_count(check, FAIR, (count, all, 0.04, 0.0), || {
                    format!(
                        "Of {all} deeds, `{}` was done to number {} of the group's five instances",
                        kinds[n],
                        victim + 1
                    )
                })?;
            }
        }
        check.evidence(format!("{all} deeds, on five instances and of five kinds"));
        Ok(())
    });
}

/// Schedules by which the date is not that of UTC.
fn far_away() -> [(String, &'static str); 3] {
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

#[test]
pub fn a_group_is_hit_once_a_day_at_most() {
    check(|check| {
        let (mut all, mut botched) = (0, 0);
        for (schedule, place) in far_away() {
            let config = config(&schedule, 3, &group_lines(1.0, ""));
            let mut trial = Trial::new(config, ticks(date(2025, 9, 1), 150, 20));
            for (restarts, how) in
                [(None, ""), (Some(20), " The monkey is started anew now and then, and reads its log.")]
            {
                trial.restarts = restarts;
                trial.botches = |n| n.is_multiple_of(2);
                let events = trial.run();
                let mut last: BTreeMap<(&str, Date), (Timestamp, &Deed)> = BTreeMap::new();
                for (at, deed) in deeds(&events) {
                    all += 1;
                    let first = last.insert((&deed.group, day(&trial.config, at)), (at, deed));
                    check.requires(ONCE, first.is_none(), || {
                        let (before, deed_before) = first.unwrap_or((at, deed));
                        let (one, two) =
                            (told_of(&trial.config, before, deed_before), told_of(&trial.config, at, deed));
                        format!(
                            "In {place}, one group was hit twice on a date.{how} Every second deed fails.\n{one}\n{two}"
                        )
                    })?;
                }
                botched += events.iter().filter(|event| matches!(event.what, What::Botched(_))).count();
            }
        }
        check.requires(ONCE, all >= 1000 && botched > 0, || {
            format!("With a deed each working day for 3 groups in 3 places, twice for 150 days, {all} were done.")
        })?;
        check.evidence(format!("{all} deeds in three places, {botched} of which failed, with and without restarts"));
        Ok(())
    });
}

#[test]
pub fn no_deed_comes_sooner_than_it_may() {
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
        let mut last: BTreeMap<&str, (Timestamp, &Deed)> = BTreeMap::new();
        let mut gaps: BTreeMap<usize, usize> = BTreeMap::new();
        let events = trial.run();
        for (at, deed) in deeds(&events) {
            let Some((before, deed_before)) = last.insert(&deed.group, (at, deed)) else { continue };
            let days = std::iter::successors(day(&trial.config, before).tomorrow().ok(), |day| day.tomorrow().ok());
            let gap = days.take_while(|next| *next <= day(&trial.config, at)).filter(working).count();
            *gaps.entry(gap).or_default() += 1;
            check.requires(APART, gap >= 3, || {
                let (one, two) = (told_of(&trial.config, before, deed_before), told_of(&trial.config, at, deed));
                format!("`min_days` is 3, Monday to Friday. A deed came on working day number {gap} after the last one.\n{one}\n{two}")
            })?;
        }
        let (soonest, later) =
            (gaps.get(&3).copied().unwrap_or(0), gaps.range(4..).map(|(_, count)| count).sum::<usize>());
        check.requires(APART, soonest > 0 && later > 0, || {
            format!("`min_days` is 3, `mean_days` 1.5. In a year, {soonest} deeds came on the third working day after the last one, {later} later.")
        })?;
        check.evidence(format!("{soonest} deeds on the third working day after the last one, {later} later"));
        Ok(())
    });
}

/// Three groups whose instances fall ill, in a trial of a year, and what was known at each tick.
fn illness() -> (Trial, Vec<Event>, BTreeMap<Timestamp, View>) {
    let lines = group_lines(1.0, "min_healthy = 3\nspared = []");
    let mut config = config(&hours("Europe/Berlin", "09:00", "15:00", true), 3, &lines);
    config.groups[1].spared.insert("b0".to_owned());
    config.groups[2].min_healthy = 0;
    let trial = Trial::new(config, ticks(date(2025, 1, 1), 365, 30));
    let mut ward = Ward::new(&trial.config, 7);
    let events = trial.run_in(|now, events| ward.view(now, events));
    (trial, events, ward.seen)
}

/// The healthy instances of a group.
fn healthy<'c>(config: &'c Config, name: &str, view: &View) -> Vec<&'c String> {
    let instances = group(config, name).map(|group| &group.instances);
    instances.into_iter().flatten().filter(|name| view.get(*name) == Some(&State::Healthy)).collect()
}

fn shown(config: &Config, name: &str, view: &View) -> String {
    let state = |name: &String| match view.get(name) {
        Some(state) => format!("{name} {state:?}"),
        None => format!("{name} unknown"),
    };
    let instances = group(config, name).map(|group| &group.instances);
    instances.into_iter().flatten().map(state).collect::<Vec<_>>().join(", ")
}

#[test]
pub fn enough_instances_stay_healthy() {
    check(|check| {
        let (trial, events, seen) = illness();
        let (mut all, mut sharp) = (0, 0);
        for (at, deed) in deeds(&events) {
            let view = &seen[&at];
            let least = group(&trial.config, &deed.group).map_or(0, |group| group.min_healthy);
            let healthy = healthy(&trial.config, &deed.group, view);
            let told = || {
                format!("{}\nbefore it: {}", told_of(&trial.config, at, deed), shown(&trial.config, &deed.group, view))
            };
            check.requires(ENOUGH, healthy.contains(&&deed.victim), || {
                format!("The victim is not healthy.\n{}", told())
            })?;
            check.requires(ENOUGH, healthy.len() > least, || {
                format!(
                    "`min_healthy` is {least}, and after this deed {} are healthy.\n{}",
                    healthy.len().saturating_sub(1),
                    told()
                )
            })?;
            all += 1;
            sharp += usize::from(healthy.len() == least + 1);
        }
        check.requires(ENOUGH, sharp > 0, || {
            format!("`min_healthy` is 3. In a year {all} deeds were done, and none of them with just 4 healthy. 3 are healthy afterwards: that is enough.")
        })?;
        check.evidence(format!(
            "{all} deeds on instances that fall ill, {sharp} of them with just as many healthy as must be"
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
                        "A group has two turns on a date. It is {at}, and these are the entries:\n{}\n{entry}",
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
            let right = match why {
                Why::TooFewHealthy => healthy.len() < group.min_healthy + 1,
                Why::AllSpared => healthy.iter().all(|name| group.spared.contains(*name)),
            };
            check.requires(LEFT_OUT, right, || {
                let (least, shown) = (group.min_healthy, shown(&trial.config, name, view));
                format!(
                    "`{entry}`. That is not so: `min_healthy` is {least}, spared are {:?}, and it is known: {shown}.",
                    group.spared
                )
            })?;
            let later =
                seen.range(at..).take_while(|(later, _)| day(&trial.config, **later) == day(&trial.config, *at));
            let well = |view: &View| self::healthy(&trial.config, name, view).len() > group.min_healthy;
            recovered += usize::from(
                later.into_iter().any(|(later, view)| well(view) && why_not(&trial.config.schedule, *later).is_none()),
            );
        }
        check.requires(LEFT_OUT, left_out > 0 && recovered > 0, || {
            format!("Instances fall ill for a year. {left_out} turns were left out; some must be, since with `min_healthy = 3` too few are healthy.")
        })?;
        check.evidence(format!(
            "{left_out} turns were left out, {recovered} of them with enough healthy again before the end of the day"
        ));
        Ok(())
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
        for (at, deed) in deeds(&events) {
            let group = group(&trial.config, &deed.group);
            let fair = group.is_some_and(|group| group.enabled && !group.spared.contains(&deed.victim));
            check.requires(SPARED, fair, || {
                format!(
                    "{}.\nGroup b is not enabled, in group c the instances c0 and c3 are spared, and in group d all are.",
                    told_of(&trial.config, at, deed)
                )
            })?;
            *hit.entry(&deed.victim).or_default() += 1;
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
            "All of group d are spared, and the audit log does not say that its turn was left out.".to_owned()
        })?;
        check.evidence(format!("{} deeds, none of them on somebody who opted out", hit.values().sum::<usize>()));
        Ok(())
    });
}

/// A trial with illness in which deeds have no effect, so that two runs see the same.
fn run_among_the_ill(trial: &Trial) -> Vec<Event> {
    let mut ward = Ward::new(&trial.config, 3);
    ward.feels_deeds = false;
    trial.run_in(|now, events| ward.view(now, events))
}

fn ordinary() -> Trial {
    Trial::new(config(&berlin(), 6, &group_lines(2.0, "min_healthy = 2")), ticks(date(2025, 1, 1), 200, 30))
}

#[test]
pub fn the_same_seed_does_the_same() {
    check(|check| {
        let mut trial = ordinary();
        let (once, again) = (run_among_the_ill(&trial), run_among_the_ill(&trial));
        let differs = once.iter().zip(&again).find(|(one, other)| one != other);
        check.requires(SEED, once == again, || {
            let zone = &trial.config.schedule.zone;
            let tell = |event: &Event| format!("{}: {:?}", said(zone, event.now), event.what);
            match differs {
                Some((one, other)) => format!(
                    "Two runs with one seed differ.\nin the first: {}\nin the second: {}",
                    tell(one),
                    tell(other)
                ),
                None => format!(
                    "Two runs with one seed differ: {} events in the first, {} in the second.",
                    once.len(),
                    again.len()
                ),
            }
        })?;
        let plans = |events: &[Event]| -> BTreeSet<String> {
            deeds(events).map(|(at, deed)| format!("{} {deed}", day(&trial.config, at))).collect()
        };
        let first = plans(&once);
        trial.seed = 2;
        let second = run_among_the_ill(&trial);
        let second: BTreeSet<String> =
            deeds(&second).map(|(at, deed)| format!("{} {deed}", day(&trial.config, at))).collect();
        let same = first.intersection(&second).count();
        check.requires(SEED, !first.is_empty() && same * 2 < first.len(), || {
            format!(
                "With seed 1 there are {} deeds, and {same} of them come on the same day with seed 2 too.",
                first.len()
            )
        })?;
        check
            .evidence(format!("{} deeds, the same in two runs; {same} of them with another seed as well", first.len()));
        Ok(())
    });
}

#[test]
pub fn a_dry_run_does_nothing_and_announces_the_same() {
    check(|check| {
        let mut trial = ordinary();
        let announced = |events: &[Event]| -> Vec<Entry> {
            let dry = |entry: &Entry| match entry.clone() {
                Entry::Will { deed, .. } => Some(Entry::Will { deed, dry: true }),
                entry @ Entry::Skipped { .. } => Some(entry),
                Entry::Done { .. } | Entry::Failed { .. } => None,
            };
            events.iter().filter_map(Event::wrote).filter_map(dry).collect()
        };
        let real = run_among_the_ill(&trial);
        trial.config.dry_run = true;
        let dry = run_among_the_ill(&trial);
        let done = deeds(&dry).next();
        check.requires(DRY, done.is_none(), || {
            done.map_or(String::new(), |(at, deed)| {
                format!("This is a dry run, and it was done.\n{}", told_of(&trial.config, at, deed))
            })
        })?;
        let false_word = dry
            .iter()
            .filter_map(Event::wrote)
            .find(|entry| !matches!(entry, Entry::Will { dry: true, .. } | Entry::Skipped { .. }));
        check.requires(DRY, false_word.is_none(), || {
            format!(
                "This is a dry run, and its log says otherwise: {}",
                false_word.map_or(String::new(), ToString::to_string)
            )
        })?;
        let (real, dry) = (announced(&real), announced(&dry));
        check.requires(DRY, !real.is_empty() && real == dry, || {
            let differs = real.iter().zip(&dry).find(|(real, dry)| real != dry);
            let shown = differs.map_or(String::new(), |(real, dry)| format!("\nreal: {real}\ndry:  {dry}"));
            format!("A real run announces {} turns, and a dry run that sees the same {}.{shown}", real.len(), dry.len())
        })?;
        check.evidence(format!("{} turns, the same in a real run and in a dry one", real.len()));
        Ok(())
    });
}

#[test]
pub fn a_deed_is_in_the_log_before_it_is_done() {
    check(|check| {
        let mut trial = Trial::new(config(&berlin(), 4, &group_lines(1.0, "")), ticks(date(2025, 1, 1), 200, 30));
        trial.botches = |n| n.is_multiple_of(3);
        let (mut all, mut refused) = (0, 0);
        for refuses in [(|_| false) as fn(usize) -> bool, |n| n % 5 == 3, |n| n % 7 < 3] {
            trial.refuses = refuses;
            let events = trial.run();
            for tick in events.chunk_by(|one, other| one.now == other.now) {
                requires_order(check, &trial, tick)?;
            }
            all += deeds(&events).count();
            refused += events.iter().filter(|event| matches!(event.what, What::NotWritten(Entry::Will { .. }))).count();
            let late = events.iter().rposition(|event| matches!(event.what, What::NotWritten(_))).unwrap_or(0);
            let goes_on = deeds(&events[late.min(events.len() / 2)..]).next().is_some();
            check.requires(AUDIT, goes_on, || {
                "The audit log refuses now and then, and the monkey does nothing any more.".to_owned()
            })?;
        }
        check.requires(AUDIT, all > 0 && refused > 0, || {
            format!("{all} deeds were done, and {refused} announcements could not be written.")
        })?;
        check.evidence(format!("{all} deeds, and {refused} that were not done since the log refused"));
        Ok(())
    });
}

/// In one tick: before each deed its announcement, and behind it what came of it.
fn requires_order(check: &mut Check, trial: &Trial, tick: &[Event]) -> Proven {
    let mut announced = Vec::new();
    let log_works = !tick.iter().any(|event| matches!(event.what, What::NotWritten(_)));
    for (at, event) in tick.iter().enumerate() {
        if let Some(Entry::Will { deed, dry: false }) = event.wrote() {
            announced.push(deed);
        }
        let Some(deed) = event.deed() else { continue };
        let before = announced.iter().position(|announced| *announced == deed);
        check.requires(AUDIT, before.is_some(), || {
            let tried = tick[..at].iter().any(|event| matches!(event.what, What::NotWritten(_)));
            let why = if tried { "the log had refused to take it" } else { "the log did not hold it" };
            format!("When this was done, {why}.\n{}\n{}", told_of(&trial.config, event.now, deed), listed(tick))
        })?;
        announced.remove(before.unwrap_or(0));
        let outcome = |later: &Event| match (&later.what, &event.what) {
            (What::Wrote(Entry::Done { deed }) | What::NotWritten(Entry::Done { deed }), What::Did(did)) => deed == did,
            (
                What::Wrote(Entry::Failed { deed, .. }) | What::NotWritten(Entry::Failed { deed, .. }),
                What::Botched(did),
            ) => deed == did,
            _ => false,
        };
        check.requires(AUDIT, !log_works || tick[at..].iter().any(outcome), || {
            format!(
                "What came of this was not written as it was.\n{}\n{}",
                told_of(&trial.config, event.now, deed),
                listed(tick)
            )
        })?;
    }
    let told = tick.iter().any(|event| event.what == What::Refused) != log_works;
    check.requires(AUDIT, told, || {
        format!("`tick` returns an error if, and only if, the audit log has refused something.\n{}", listed(tick))
    })?;
    check.requires(AUDIT, announced.is_empty() || !log_works, || {
        format!("A deed was announced, and not done.\n{}", listed(tick))
    })
}

/// The events of a tick, one a line.
fn listed(tick: &[Event]) -> String {
    let line = |event: &Event| match &event.what {
        What::Wrote(entry) => format!("  log:    {entry}"),
        What::NotWritten(entry) => format!("  log refuses: {entry}"),
        What::Did(deed) => format!("  hands:  {deed}"),
        What::Botched(deed) => format!("  hands fail:  {deed}"),
        What::Refused => "  tick returns an error".to_owned(),
    };
    let lines: Vec<_> = tick.iter().map(line).collect();
    format!("In this tick, in order:\n{}", lines.join("\n"))
}
