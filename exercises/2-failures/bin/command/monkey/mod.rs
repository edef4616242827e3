//! `kv monkey`: the monkey by hand.
//!
//! It lives through some of its days, faster than they pass, and prints what it writes into its audit log. A dry run needs nothing but a
//! configuration. Without `--dry-run` it looks at servers that you have started with `kv serve`, and makes them fail ([`executor`]).

mod executor;
mod log;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{EXIT_CODES, Ended, Exit, address};
use crate::subject::monkey::{Config, Kind, Monkey, State, View};
use executor::Servers;
use log::Log;

/// How often the monkey is woken: once in so many of its minutes.
const TICK: SignedDuration = SignedDuration::from_mins(10);

/// An example, as `--help` shows it.
const EXAMPLE: &str = r#"A configuration:
  [schedule]
  zone = "Europe/Berlin"
  days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
  from = "09:00"
  until = "15:00"

  [[groups]]
  name = "kv"
  instances = ["n0", "n1", "n2"]
  mean_days = 2                     # a failure every second day, on average
  min_healthy = 2                   # afterwards, too
  kinds = ["kill", "pause 5s"]      # in a dry run also "cut 5s", "slow 200ms 5s", "fill 5s", "fail 5s"

With servers: kv monkey --config monkey.toml --log /tmp/monkey --data /tmp/n0,/tmp/n1,/tmp/n2 --peers 127.0.0.1:7000,…"#;

/// Let your monkey loose on servers that run, or see what it would do
///
/// It lives through its days one after the other, and prints its audit log.
#[derive(clap::Args)]
#[command(after_help = format!("{EXAMPLE}\n\n{EXIT_CODES}"))]
pub struct Args {
    /// What it is told: when it may do something, to whom, how often, and what
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Do nothing, and say what would be done
    #[arg(long)]
    dry_run: bool,
    /// How many of its days it lives through
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Its first day; without it, today
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// How many seconds a day takes; without it, 10, and none in a dry run without servers
    #[arg(long, value_name = "SECONDS", value_parser = super::seconds)]
    day_lasts: Option<Duration>,
    /// Where its chance comes from: the same seed makes the same trouble
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The folder of its audit log, on your write-ahead log. What is in it already is printed, and remembered
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// The servers' folders, n0 first: that is how a server's process is found
    #[arg(long, value_name = "DIR,DIR,…", value_delimiter = ',', requires = "peers")]
    data: Vec<PathBuf>,
    /// Where each server is reached, n0 first: that is how its health is seen
    #[arg(long, value_name = "ADDR,ADDR,…", value_delimiter = ',', value_parser = address, requires = "data")]
    peers: Vec<SocketAddr>,
    /// The name of the servers' cluster
    #[arg(long, value_name = "NAME", default_value = "kv")]
    cluster: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Ended> {
    let mut config = config(&args.config)?;
    config.dry_run |= args.dry_run;
    let mut servers = Servers::new(&args.cluster, &args.peers, &args.data);
    fits(&config, args)?;
    let mut log = Log::open(args.log.as_deref())?;
    let (schedule, names) = (config.schedule.clone(), names(&config));
    let mut monkey = Monkey::new(config, args.seed);
    log.entries().for_each(|entry| monkey.remember(entry));
    let mut day = args.from.unwrap_or_else(|| schedule.zone.to_datetime(Timestamp::now()).date());
    for _ in 0..args.days {
        let ticks = ticks(day, &schedule.zone);
        let pause = day_lasts(args).checked_div(u32::try_from(ticks.len()).unwrap_or(u32::MAX)).unwrap_or_default();
        for now in ticks {
            thread::sleep(pause);
            let view = if args.peers.is_empty() { all_healthy(&names) } else { servers.view() };
            monkey.tick(now, &view, &mut servers, &mut log).map_err(log::ended)?;
        }
        day = day.tomorrow().unwrap_or(Date::MAX);
    }
    servers.wait_for_all();
    println!("{} of its days are over: {log}", args.days);
    Ok(())
}

fn config(file: &Path) -> Result<Config, Ended> {
    let text = fs::read_to_string(file).map_err(|error| {
        (Exit::System, format!("`--config {}` cannot be read: {error}. Give it the path of a file.", file.display()))
    })?;
    Config::from_toml(&text)
        .map_err(|error| (Exit::Usage, format!("`--config {}`: {error}. An example: kv monkey --help", file.display())))
}

/// What a configuration and the command line must agree on, unless nothing is to be done.
fn fits(config: &Config, args: &Args) -> Result<(), Ended> {
    let wrong = |says: String| Err((Exit::Usage, says));
    let servers: Vec<String> = (0..args.peers.len()).map(|id| format!("n{id}")).collect();
    if args.data.len() != args.peers.len() {
        return wrong(format!(
            "`--data` names {} folders and `--peers` {} addresses: name one of each for every server.",
            args.data.len(),
            args.peers.len()
        ));
    }
    if config.dry_run && servers.is_empty() {
        return Ok(());
    }
    if servers.is_empty() {
        return wrong(
            "Whom? Name the servers with `--peers` and `--data`, or see what it would do with `--dry-run`.".to_owned(),
        );
    }
    if args.log.is_none() && !config.dry_run {
        return wrong("What is done must be in a log before: name a folder for it with `--log DIR`.".to_owned());
    }
    for group in &config.groups {
        if let Some(stranger) = group.instances.iter().find(|name| !servers.contains(name)) {
            return wrong(format!(
                "The group `{}` has an instance `{stranger}`, and the servers are {}: call the instances as they are.",
                group.name,
                servers.join(", ")
            ));
        }
        let beyond = |kind: &&Kind| !matches!(kind, Kind::Kill | Kind::Pause { .. });
        if let Some(kind) = group.kinds.iter().find(beyond).filter(|_| !config.dry_run) {
            return wrong(format!(
                "The group `{}` is to be hit by `{}`, and from here a server can only be killed and paused: leave that out, or see the rest in \
                 `cargo course lab chaos`.",
                group.name,
                kind.word()
            ));
        }
    }
    Ok(())
}

fn names(config: &Config) -> Vec<String> {
    config.groups.iter().flat_map(|group| group.instances.clone()).collect()
}

fn all_healthy(names: &[String]) -> View {
    names.iter().map(|name| (name.clone(), State::Healthy)).collect()
}

fn day_lasts(args: &Args) -> Duration {
    let usual = if args.peers.is_empty() { Duration::ZERO } else { Duration::from_secs(10) };
    args.day_lasts.unwrap_or(usual)
}

/// The instants of a date at which the monkey is woken.
fn ticks(day: Date, zone: &TimeZone) -> Vec<Timestamp> {
    let begins = |day: Date| zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().unwrap_or(Timestamp::MAX);
    let end = begins(day.tomorrow().unwrap_or(Date::MAX));
    std::iter::successors(Some(begins(day)), |now| now.checked_add(TICK).ok()).take_while(|now| *now < end).collect()
}
