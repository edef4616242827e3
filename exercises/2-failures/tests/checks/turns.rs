//! Turns: on which days a group has one, and what comes of it.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use testkit::check::{Check, Proven};
use testkit::text::list;

use super::clock::why_not;
use super::counting::working;
use super::monkey_rules::{DUE, ENOUGH, HOURS, LEFT_OUT, SPARED};
use super::settings::{group_lines, mixed, run_among_the_ill};
use super::trial::{Event, Trial, config, day, hours, ticks_at};
use super::ward::{healthy, shown};
use crate::subject::monkey::{Entry, Group, State, View, Why};

/// What is different about a trial.
type Change = fn(&mut Trial);

/// Groups that differ in all respects have their turns when they are due: in a real run and in a dry one, whatever comes of faults, when
/// the monkey is started anew, and when instances are ill.
pub fn come_when_due(check: &mut Check) -> Proven {
    let mut all = 0;
    let trials: [(&str, Change); 4] = [
        ("Nothing else happens.", |_| ()),
        ("It is a dry run.", |trial| trial.config.dry_run = true),
        ("Every second fault fails.", |trial| trial.botches = |n| n.is_multiple_of(2)),
        ("Now and then the monkey is restarted, and reads its log.", |trial| trial.restarts = Some(20)),
    ];
    for (how, change) in trials {
        let mut trial = mixed();
        change(&mut trial);
        all += are_due(check, &trial, &trial.run(), how)?;
        all += are_due(check, &trial, &run_among_the_ill(&trial), &format!("{how} Instances fall ill."))?;
    }
    check.evidence(format!("{all} turns of eight different groups, each on the day on which it was due"));
    Ok(())
}

/// Demands that each group has its turns on just the days on which they are due. Says how many there were.
fn are_due(
    check: &mut Check,
    trial: &Trial,
    events: &[Event],
    how: &str,
) -> Result<usize, Box<testkit::check::Failure>> {
    let mut turns: BTreeMap<(&str, Date), Vec<&Entry>> = BTreeMap::new();
    for entry in events.iter().filter_map(Event::wrote) {
        if let Entry::Will { .. } | Entry::Skipped { .. } = entry {
            let why_not = why_not(&trial.config.schedule, entry.at());
            check.requires(HOURS, why_not.is_none(), || format!("{how} This is not working time.\n{entry}"))?;
            turns.entry((entry.group(), day(&trial.config, entry.at()))).or_default().push(entry);
        }
    }
    for group in &trial.config.groups {
        let mut last: Option<(usize, Date)> = None;
        for (number, date) in working(trial).enumerate() {
            let had = turns.get(&(&group.name[..], date)).map_or(&[][..], |entries| entries);
            let due = group.enabled && last.is_none_or(|(last, _)| number - last >= usize::from(group.min_days));
            check.requires(DUE, had.len() == usize::from(due), || {
                let since = match last {
                    Some((last, on)) => format!("its last fault was {} working days ago, on {on}", number - last),
                    None => "it has had no fault yet".to_owned(),
                };
                let on = if group.enabled { "" } else { ", and is not enabled" };
                format!(
                    "{how} The group {} has `min_days = {}`{on}. It is {date}, and {since}. Its turns on this date: {}.",
                    group.name,
                    group.min_days,
                    had.len()
                )
            })?;
            if had.iter().any(|entry| matches!(entry, Entry::Will { .. })) {
                last = Some((number, date));
            }
        }
    }
    Ok(turns.len())
}

/// Whether a turn that was left out was so for this reason.
pub fn is_why(why: Why, group: &Group, healthy: &[&String]) -> bool {
    match why {
        Why::TooFewHealthy => healthy.len() < group.min_healthy + 1,
        Why::AllSpared => !healthy.is_empty() && healthy.iter().all(|name| group.spared.contains(*name)),
    }
}

/// Every turn that a group of three instances can have, whoever is healthy, whoever is spared, however many must stay healthy.
pub fn come_to_what_they_may(check: &mut Check) -> Proven {
    let mut taken = [0, 0];
    for least in 0..=2 {
        for (well, spared) in (0..8).flat_map(|well| (0..8).map(move |spared| (well, spared))) {
            for seed in 1..=2 {
                let hit = comes_to_what_it_may(check, least, well, spared, seed)?;
                taken[usize::from(hit)] += 1;
            }
        }
    }
    let [left_out, hit] = taken;
    check.evidence(format!("every turn of a group of three: {hit} were taken, and {left_out} left out"));
    Ok(())
}

/// Of three instances those in the set `well` are healthy, and those in the set `spared` are spared. Says whether the group was hit.
fn comes_to_what_it_may(
    check: &mut Check,
    least: usize,
    well: usize,
    spared: usize,
    seed: u64,
) -> Result<bool, Box<testkit::check::Failure>> {
    let mut config = config(&hours("UTC", "09:00", "10:00", true), 1, &group_lines(1.0, ""));
    let group = &mut config.groups[0];
    group.instances.truncate(3);
    group.min_healthy = least;
    let within = |set: usize| group.instances.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1);
    group.spared = within(spared).map(|(_, name)| name.clone()).collect();
    let mut view: View = within(well).map(|(_, name)| (name.clone(), State::Healthy)).collect();
    let ill = within(7 & !well).filter(|(at, _)| *at > 0); // of the first, if it is not healthy, nothing is known
    view.extend(ill.map(|(at, name)| (name.clone(), [State::Paused, State::Gone][at % 2])));
    let ticks = ticks_at(&config.schedule.zone, date(2026, 1, 5), 1, &[(9, 59)]);
    let trial = Trial { seed, ..Trial::new(config, ticks) };
    let events = trial.run_in(|_, _| view.clone());
    let turns: Vec<&Entry> = events.iter().filter_map(Event::wrote).collect();
    let group = &trial.config.groups[0];
    let healthy = healthy(&trial.config, &group.name, &view);
    let story = || {
        let shown = shown(&trial.config, &group.name, &view);
        let entries: Vec<_> = turns.iter().map(ToString::to_string).collect();
        let log = match entries.len() {
            0 => "The audit log says nothing.".to_owned(),
            _ => format!("The audit log says:\n{}", entries.join("\n")),
        };
        format!(
            "`min_healthy` is {least}, spared: {}, and the view says: {shown}. {log}",
            list(&group.spared, "nobody")
        )
    };
    let Some(turn) = turns.first() else { return check.requires(DUE, false, story).map(|()| false) };
    match turn {
        Entry::Skipped { why, .. } => check.requires(LEFT_OUT, is_why(*why, group, &healthy), story).map(|()| false),
        Entry::Will { fault, .. } => {
            check.requires(SPARED, !group.spared.contains(&fault.victim), story)?;
            let enough = healthy.len() > least && healthy.contains(&&fault.victim);
            check.requires(ENOUGH, enough, story).map(|()| true)
        }
        Entry::Done { .. } | Entry::Failed { .. } => check.requires(LEFT_OUT, false, story).map(|()| false),
    }
}
