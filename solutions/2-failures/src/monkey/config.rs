//! What people tell the monkey: when it may do something, to whom, how often, and what.
//!
//! ```toml
//! dry_run = false
//!
//! [schedule]
//! zone = "Europe/Berlin"
//! days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
//! from = "09:00"
//! until = "15:00"              # not part of it; "24:00" is the end of the day
//! closed = ["2026-12-25"]      # dates on which nobody works
//!
//! [[groups]]
//! name = "raft"
//! instances = ["n0", "n1", "n2", "n3", "n4"]
//! enabled = true               # false: leave the whole group alone
//! spared = ["n4"]              # leave these instances alone
//! mean_days = 2                # working days from one fault to the next, on average
//! min_days = 1                 # and at least
//! min_healthy = 3              # so many are healthy afterwards, too
//! kinds = ["kill", "pause 10s", "cut 10s", "slow 200ms 30s", "fill 30s", "fail 30s"]
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::fault::Kind;
use super::schedule::Schedule;

// ANCHOR: config
/// Everything that people tell the monkey.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether to do nothing, and only write to the audit log what would have been done.
    pub dry_run: bool,
    /// When.
    pub schedule: Schedule,
    /// To whom.
    pub groups: Vec<Group>,
}

/// Instances that can replace each other.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name; no two groups have the same.
    pub name: String,
    /// Its instances; none is in two groups.
    pub instances: Vec<String>,
    /// Whether the monkey may touch it at all.
    pub enabled: bool,
    /// The instances that the monkey leaves alone. They may be healthy, and count then.
    pub spared: BTreeSet<String>,
    /// On each working day on which a fault may come, it comes with probability 1 / `mean_days`. At least 1.
    pub mean_days: f64,
    /// A fault comes on the `min_days`-th working day after the last one, or later. At least 1: never two on one date.
    pub min_days: u16,
    /// At least so many instances are healthy after a fault. The victim does not count, whatever the kind of fault.
    pub min_healthy: usize,
    /// The kinds of fault that may be done. One is chosen, each as likely as any other.
    pub kinds: Vec<Kind>,
}
// ANCHOR_END: config

/// What is wrong with a configuration, and what to do about it, in a sentence.
#[derive(Debug)]
pub struct ConfigError(String);

impl Config {
    /// Reads a configuration in TOML.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn from_toml(text: &str) -> Result<Config, ConfigError> {
        let raw: RawConfig = toml::from_str(text).map_err(|error| ConfigError(error.to_string()))?;
        let groups = raw.groups.into_iter().map(group).collect::<Result<Vec<_>, _>>()?;
        each_once(groups.iter().map(|group| &group.name), "group", "give each group a name of its own")?;
        let instances = groups.iter().flat_map(|group| &group.instances);
        each_once(instances, "instance", "put each instance into one group, once")?;
        Ok(Config { dry_run: raw.dry_run, schedule: schedule(raw.schedule)?, groups })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    dry_run: bool,
    schedule: RawSchedule,
    groups: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    zone: String,
    days: Vec<String>,
    from: String,
    until: String,
    #[serde(default)]
    closed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: String,
    instances: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    spared: BTreeSet<String>,
    mean_days: f64,
    #[serde(default = "one")]
    min_days: u16,
    #[serde(default)]
    min_healthy: usize,
    kinds: Vec<String>,
}

fn yes() -> bool {
    true
}

fn one() -> u16 {
    1
}

/// Fails with a sentence unless something holds.
fn require(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError(sentence())) }
}

fn each_once<'n>(names: impl Iterator<Item = &'n String>, what: &str, next: &str) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for name in names {
        require(seen.insert(name), || format!("the {what} `{name}` is named twice: {next}"))?;
    }
    Ok(())
}

fn schedule(raw: RawSchedule) -> Result<Schedule, ConfigError> {
    let RawSchedule { zone, days, from, until, closed } = raw;
    let zone = TimeZone::get(&zone).map_err(|_| {
        ConfigError(format!("there is no time zone `{zone}`: use a name of the tz database, such as `Europe/Berlin`"))
    })?;
    require(!days.is_empty(), || "`days` is empty: name at least one day of the week".to_owned())?;
    let days = days.iter().map(|day| weekday(day)).collect::<Result<_, _>>()?;
    let closed = closed.iter().map(|day| date(day)).collect::<Result<_, _>>()?;
    Ok(Schedule { zone, days, hours: hours(&from, &until)?, closed })
}

fn weekday(name: &str) -> Result<Weekday, ConfigError> {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let named = days.into_iter().find(|day| format!("{day:?}").eq_ignore_ascii_case(name));
    named.ok_or_else(|| ConfigError(format!("`{name}` is no day of the week: write it in full, such as `monday`")))
}

fn date(text: &str) -> Result<Date, ConfigError> {
    text.parse().map_err(|_| ConfigError(format!("`{text}` is no date: write it such as `2026-12-25`")))
}

fn hours(from: &str, until: &str) -> Result<Range<u16>, ConfigError> {
    let hours = minute(from)?..minute(until)?;
    require(!hours.is_empty(), || {
        format!(
            "the hours end at {until} and begin at {from}: let them end later on the same day, \
             since hours over midnight would belong to two dates"
        )
    })?;
    Ok(hours)
}

/// The minute of the day. The end of the day may be written as 24:00.
fn minute(text: &str) -> Result<u16, ConfigError> {
    if text == "24:00" {
        return Ok(1440);
    }
    let time = Time::strptime("%H:%M", text).ok().filter(|_| text.len() == 5);
    let time = time.ok_or_else(|| ConfigError(format!("`{text}` is no time of day: write it such as `09:00`")))?;
    Ok(60 * time.hour() as u16 + time.minute() as u16)
}

fn group(raw: RawGroup) -> Result<Group, ConfigError> {
    let RawGroup { name, instances, enabled, spared, mean_days, min_days, min_healthy, kinds } = raw;
    let kinds = kinds.iter().map(|words| kind(words)).collect::<Result<Vec<_>, _>>()?;
    let group = Group { name, instances, enabled, spared, mean_days, min_days, min_healthy, kinds };
    check(&group).map_err(|ConfigError(sentence)| ConfigError(format!("group `{}`: {sentence}", group.name)))?;
    Ok(group)
}

fn check(group: &Group) -> Result<(), ConfigError> {
    let size = group.instances.len();
    require(size > 0, || "it has no instances: name at least one, or leave the group out".to_owned())?;
    require(group.mean_days.is_finite() && group.mean_days >= 1.0, || {
        format!("`mean_days` is {}: make it at least 1, since no group is hit more than once a day", group.mean_days)
    })?;
    require(group.min_days >= 1, || {
        "`min_days` is 0: make it at least 1, since no group is hit twice a day".to_owned()
    })?;
    require(group.min_healthy < size, || {
        format!(
            "`min_healthy` is {} of {size} instances, so that no fault would ever be done: make it smaller",
            group.min_healthy
        )
    })?;
    require(!group.kinds.is_empty(), || "`kinds` is empty: name one, or set `enabled = false`".to_owned())?;
    let stranger = group.spared.iter().find(|name| !group.instances.contains(name));
    require(stranger.is_none(), || {
        let name = stranger.map_or("", |name| name);
        format!("`{name}` is spared and is no instance of it: correct the name, or leave it out")
    })
}

fn kind(words: &str) -> Result<Kind, ConfigError> {
    let parts: Vec<_> = words.split_whitespace().collect();
    match parts[..] {
        ["kill"] => Ok(Kind::Kill),
        ["pause", lasts] => Ok(Kind::Pause { lasts: duration(lasts)? }),
        ["cut", lasts] => Ok(Kind::Cut { lasts: duration(lasts)? }),
        ["slow", by, lasts] => Ok(Kind::Slow { by: duration(by)?, lasts: duration(lasts)? }),
        ["fill", lasts] => Ok(Kind::Fill { lasts: duration(lasts)? }),
        ["fail", lasts] => Ok(Kind::Fail { lasts: duration(lasts)? }),
        _ => Err(ConfigError(format!(
            "`{words}` is no kind of failure: use `kill`, `pause 10s`, `cut 10s`, `slow 200ms 10s`, `fill 10s` or `fail 10s`"
        ))),
    }
}

fn duration(text: &str) -> Result<Duration, ConfigError> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    let duration = duration.filter(|duration| !duration.is_zero());
    duration
        .ok_or_else(|| ConfigError(format!("`{text}` is no length of time: write it such as `10s`, `200ms` or `5m`")))
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}
