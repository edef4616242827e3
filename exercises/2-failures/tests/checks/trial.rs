//! Trials: a monkey that is woken at given instants, and all that it writes and does.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::rc::Rc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::clock::said;
use crate::subject::monkey::{Audit, Config, Entry, Executor, Fault, Group, Monkey, State, View};

/// Something that happened in a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// At which tick.
    pub now: Timestamp,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The entry is in the audit log.
    Wrote(Entry),
    /// The entry was handed to the audit log, which refused.
    NotWritten(Entry),
    /// The executor was told to do this, and did.
    Did(Fault),
    /// The executor was told to do this, and could not.
    Botched(Fault),
    /// The tick returned an error.
    Refused,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Wrote(entry) => write!(f, "log:       {entry}"),
            What::NotWritten(entry) => write!(f, "log refuses: {entry}"),
            What::Did(fault) => write!(f, "executor:  {fault}"),
            What::Botched(fault) => write!(f, "executor fails:  {fault}"),
            What::Refused => f.write_str("tick returns an error"),
        }
    }
}

/// A monkey, and what it is to go through.
#[derive(Clone)]
pub struct Trial {
    pub config: Config,
    pub seed: u64,
    /// When it is woken.
    pub ticks: Vec<Timestamp>,
    /// Before which of its ticks it is started anew, with its audit log: one out of so many, by chance.
    pub restarts: Option<u64>,
    /// Which faults fail, by their number.
    pub botches: fn(usize) -> bool,
    /// Which writes to the audit log fail, by their number.
    pub refuses: fn(usize) -> bool,
}

/// All that has happened so far; the executor and the audit log both write here.
type Shared = Rc<RefCell<Vec<Event>>>;

struct Recorder {
    now: Timestamp,
    events: Shared,
    fails: fn(usize) -> bool,
    calls: usize,
}

impl Recorder {
    fn new(events: &Shared, fails: fn(usize) -> bool) -> Recorder {
        Recorder { now: Timestamp::UNIX_EPOCH, events: Rc::clone(events), fails, calls: 0 }
    }

    /// Notes one or the other, and fails in the second case.
    fn note(&mut self, fine: What, failed: What) -> io::Result<()> {
        let fails = (self.fails)(self.calls);
        self.calls += 1;
        self.events.borrow_mut().push(Event { now: self.now, what: if fails { failed } else { fine } });
        if fails { Err(io::Error::other("it does not work")) } else { Ok(()) }
    }
}

impl Executor for Recorder {
    fn carry_out(&mut self, fault: &Fault) -> io::Result<()> {
        self.note(What::Did(fault.clone()), What::Botched(fault.clone()))
    }
}

impl Audit for Recorder {
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.note(What::Wrote(entry.clone()), What::NotWritten(entry.clone()))
    }
}

impl Trial {
    /// A trial in which nothing goes wrong.
    pub fn new(config: Config, ticks: Vec<Timestamp>) -> Trial {
        Trial { config, seed: 1, ticks, restarts: None, botches: |_| false, refuses: |_| false }
    }

    /// Runs it with instances that are always healthy.
    pub fn run(&self) -> Vec<Event> {
        let view = all_healthy(&self.config);
        self.run_in(|_, _| view.clone())
    }

    /// Runs it. `view` gives what is known of the instances at a tick, from what happened since the last one.
    pub fn run_in(&self, mut view: impl FnMut(Timestamp, &[Event]) -> View) -> Vec<Event> {
        let events: Shared = Rc::default();
        let (mut executor, mut audit) = (Recorder::new(&events, self.botches), Recorder::new(&events, self.refuses));
        let mut monkey = Monkey::new(self.config.clone(), self.seed);
        let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
        let mut seen = 0;
        for &now in &self.ticks {
            if self.restarts.is_some_and(|one_in| chance.next_u64() % one_in == 0) {
                monkey = self.restarted(&events.borrow(), chance.next_u64() % 3);
            }
            let known = view(now, &events.borrow()[seen..]);
            seen = events.borrow().len();
            (executor.now, audit.now) = (now, now);
            if monkey.tick(now, &known, &mut executor, &mut audit).is_err() {
                events.borrow_mut().push(Event { now, what: What::Refused });
            }
        }
        events.take()
    }

    /// A monkey that has read its audit log, perhaps with another seed than before. Its end came right behind its last fault: what came of
    /// that was not written any more.
    fn restarted(&self, events: &[Event], other: u64) -> Monkey {
        let mut monkey = Monkey::new(self.config.clone(), self.seed + other);
        let mut log: Vec<_> = events.iter().filter_map(Event::wrote).collect();
        log.pop_if(|last| matches!(last, Entry::Done { .. } | Entry::Failed { .. }));
        log.into_iter().for_each(|entry| monkey.remember(entry));
        monkey
    }
}

impl Event {
    /// The entry, if one was written.
    pub fn wrote(&self) -> Option<&Entry> {
        match &self.what {
            What::Wrote(entry) => Some(entry),
            _ => None,
        }
    }

    /// The fault that the executor was told to do, whatever came of it.
    pub fn fault(&self) -> Option<&Fault> {
        match &self.what {
            What::Did(fault) | What::Botched(fault) => Some(fault),
            _ => None,
        }
    }
}

/// The faults of a trial, with their ticks.
pub fn faults(events: &[Event]) -> impl Iterator<Item = (Timestamp, &Fault)> {
    events.iter().filter_map(|event| event.fault().map(|fault| (event.now, fault)))
}

/// What is done on which date, each fault in words.
pub fn plans(config: &Config, events: &[Event]) -> BTreeSet<String> {
    faults(events).map(|(at, fault)| format!("{} {fault}", day(config, at))).collect()
}

/// What a dry run should announce where this happens in a real one.
pub fn announced(events: &[Event]) -> Vec<Entry> {
    let dry = |entry: &Entry| match entry.clone() {
        Entry::Will { fault, .. } => Some(Entry::Will { fault, dry: true }),
        entry @ Entry::Skipped { .. } => Some(entry),
        Entry::Done { .. } | Entry::Failed { .. } => None,
    };
    events.iter().filter_map(Event::wrote).filter_map(dry).collect()
}

/// In what two runs with one seed differ.
pub fn difference(config: &Config, once: &[Event], again: &[Event]) -> String {
    let tell = |event: &Event| format!("{}: {}", said(&config.schedule.zone, event.now), event.what);
    match once.iter().zip(again).find(|(one, other)| one != other) {
        Some((one, other)) => {
            format!("Two runs with one seed differ.\nin the first: {}\nin the second: {}", tell(one), tell(other))
        }
        None => {
            format!("Two runs with one seed differ: {} events in the first, {} in the second.", once.len(), again.len())
        }
    }
}

/// The date of an instant by the schedule's clock.
pub fn day(config: &Config, at: Timestamp) -> Date {
    config.schedule.zone.to_datetime(at).date()
}

/// A fault, and when it was done as people in the zone would say it.
pub fn told_of(config: &Config, at: Timestamp, fault: &Fault) -> String {
    format!("{}: {fault}", said(&config.schedule.zone, at))
}

/// All instances are healthy.
pub fn all_healthy(config: &Config) -> View {
    let instances = config.groups.iter().flat_map(|group| group.instances.clone());
    instances.map(|name| (name, State::Healthy)).collect()
}

/// A group of the configuration.
pub fn group<'c>(config: &'c Config, name: &str) -> Option<&'c Group> {
    config.groups.iter().find(|group| group.name == name)
}

/// A configuration: a schedule, and `count` groups of five that are alike but for their names. `more` are lines for each group.
pub fn config(schedule: &str, count: usize, more: &str) -> Config {
    let group = |n| {
        let instances: Vec<_> = (0..5).map(|i| format!("\"{}{i}\"", letter(n))).collect();
        format!("[[groups]]\nname = \"{}\"\ninstances = [{}]\n{more}\n", letter(n), instances.join(", "))
    };
    let groups: String = (0..count).map(group).collect();
    Config::from_toml(&format!("[schedule]\n{schedule}\n{groups}")).expect("a configuration of the course is right")
}

fn letter(n: usize) -> char {
    char::from(b'a' + n as u8)
}

/// A schedule's lines: the zone, the hours, and either Monday to Friday or every day.
pub fn hours(zone: &str, from: &str, until: &str, every_day: bool) -> String {
    let weekend = if every_day { ", \"saturday\", \"sunday\"" } else { "" };
    let days = format!("[\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\"{weekend}]");
    format!("zone = \"{zone}\"\ndays = {days}\nfrom = \"{from}\"\nuntil = \"{until}\"")
}

/// Ticks from the beginning of a date in UTC on, for a number of days, `minutes` apart, at odd seconds.
pub fn ticks(from: Date, days: i64, minutes: i64) -> Vec<Timestamp> {
    let first = midnight(from) + SignedDuration::from_secs(17);
    (0..days * 24 * 60 / minutes).map(|n| first + SignedDuration::from_mins(n * minutes)).collect()
}

/// Ticks at these times of each day, by the clock of a zone that is not moved at such a time: just when the minute begins.
pub fn ticks_at(zone: &TimeZone, from: Date, days: usize, times: &[(i8, i8)]) -> Vec<Timestamp> {
    let days = std::iter::successors(Some(from), |day| day.tomorrow().ok()).take(days);
    let at =
        |day: Date, (hour, minute): (i8, i8)| zone.to_timestamp(day.at(hour, minute, 0, 0)).expect("it is shown once");
    days.flat_map(|day| times.iter().map(move |time| at(day, *time))).collect()
}

/// Ticks at irregular distances of up to `most` minutes.
pub fn irregular_ticks(from: Date, days: i64, most: u64) -> Vec<Timestamp> {
    let mut chance = ChaCha8Rng::seed_from_u64(most);
    let (mut at, end) = (midnight(from), midnight(from) + SignedDuration::from_hours(24 * days));
    let mut ticks = Vec::new();
    while at < end {
        ticks.push(at);
        at += SignedDuration::from_secs((1 + chance.next_u64() % (60 * most)) as i64);
    }
    ticks
}

/// These ticks, and one every five minutes on the days around those on which the zone's clock is moved.
pub fn often_near_moves(zone: &TimeZone, mut ticks: Vec<Timestamp>) -> Vec<Timestamp> {
    let (Some(&first), Some(&last)) = (ticks.first(), ticks.last()) else { return ticks };
    let moves = zone.following(first).map(|transition| transition.timestamp()).take_while(|at| *at < last);
    let near = |at: Timestamp| (-12 * 24..12 * 24).map(move |n| at + SignedDuration::from_secs(300 * n + 41));
    ticks.extend(moves.flat_map(near));
    ticks.sort();
    ticks
}

fn midnight(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).expect("this date exists")
}

/// Leaves out ticks in hours of the day, in UTC, in which nothing can happen: it saves time.
pub fn between(ticks: Vec<Timestamp>, from: i64, until: i64) -> Vec<Timestamp> {
    let hour = |at: &Timestamp| at.as_second().rem_euclid(86_400) / 3600;
    ticks.into_iter().filter(|at| (from..until).contains(&hour(at))).collect()
}
