//! The chaos run: a cluster of real processes, clients, and the monkey. Then the judge.
//!
//! # The problem
//!
//! The model looks at every order of events in a small world, and knows no disk that is slow, no queue that is full and no connection
//! that hangs. Here all of that is real. So it cannot be repeated to the byte; but what clients were told is on record, and a judge needs
//! nothing else.
//!
//! # The run
//!
//! - Servers run behind the testkit's proxy ([`Site`]).
//! - [`clients`] ask all the time: they read and write keys that they share, each write with a value of its own, and each adds to a key that
//!   nobody else touches.
//! - The [`Monkey`] lives through a day at each beat, and does something on each, as long as a majority stays healthy. [`hands`] carry
//!   it out, and see to its end: who was killed starts again, who was paused goes on.
//! - In the end everything is healed, all servers are killed and started again, and each key is read once more.
//!
//! # What must hold
//!
//! 1. The history is linearizable, the last reads included: so no acknowledged write is lost.
//! 2. Each addition counts once: retried or not, a client's own key stands where it must.
//! 3. The cluster goes on: when all has been healed and started again, each key can be read.
//!
//! How long nobody was served at most is measured ([`Report::longest_gap`]). It is judged only against [`STALL`], since it depends on the
//! machine: where a sync takes longer than an election waits, leaders are deposed for having a slow disk.
//!
//! # Left out on purpose
//!
//! A disk that fills up or fails: [`Folder`](testkit::disk::Folder) is the real one, and cannot be told to.

pub mod clients;
pub mod hands;

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use cap::raft::store::{Request, Value};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use testkit::cluster::SequentialSpec;
use testkit::history::{Operation, Verdict, linearizable_by_key};
use testkit::network::{Error, Seat, Site, settled};

use crate::monkey::{Config, Entry, Group, Kind, Monkey, Schedule};
use clients::{Clients, Told};
use hands::{Grip, name};

/// The longest time that nobody may be served in. It is only there against hanging.
pub const STALL: Duration = Duration::from_secs(60);

/// The first of the monkey's days begins at this second: 2026 in UTC.
const NEW_YEAR: i64 = 1_767_225_600;

/// What a run is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where the monkey's and the clients' chance comes from.
    pub seed: u64,
    /// How many servers.
    pub servers: usize,
    /// How many clients.
    pub clients: usize,
    /// How many operations at most, of all clients together.
    pub operations: usize,
    /// For how many of the monkey's days.
    pub days: usize,
    /// How long such a day is.
    pub beat: Duration,
}

impl Plan {
    /// Five servers, four clients, and a deed every 700 ms.
    pub fn usual(seed: u64) -> Self {
        Plan { seed, servers: 5, clients: 4, operations: 8_000, days: 20, beat: Duration::from_millis(700) }
    }
}

/// What a run has shown.
#[derive(Debug)]
pub struct Report {
    /// How many operations were answered.
    pub answered: usize,
    /// Of how many operations nobody knows what became.
    pub unknown: usize,
    /// How many operations were certainly not done.
    pub not_done: usize,
    /// What the monkey did, and how often.
    pub deeds: BTreeMap<&'static str, usize>,
    /// How often it left a day out, since too few servers were healthy.
    pub left_out: usize,
    /// The longest time between two answers.
    pub longest_gap: Duration,
    /// What was wrong, in a sentence each.
    pub wrong: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { answered, unknown, not_done, deeds, left_out, longest_gap, wrong } = self;
        let deeds: Vec<_> = deeds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let deeds = deeds.join(", ");
        write!(
            f,
            "{answered} operations answered, {unknown} unknown, {not_done} not done; deeds: {deeds}, {left_out} left out; longest gap {} ms",
            longest_gap.as_millis()
        )?;
        wrong.iter().try_for_each(|wrong| write!(f, "\n{wrong}"))
    }
}

/// Runs a cluster under the monkey, and judges what clients were told. `command` makes the command that starts a server.
///
/// # Errors
/// If a server does not start, or the system refuses what a run needs.
pub fn run(plan: Plan, command: impl Fn(&Seat) -> Command + Send + 'static) -> Result<Report, Error> {
    let mut site = Site::new(plan.servers, command)?;
    site.start_all()?;
    let addresses = (0..plan.servers).map(|server| site.address(server)).collect();
    let clients = Clients::start(plan, addresses);
    let (site, entries) = makes_trouble(plan, site, &clients)?;
    let mut told = clients.stop();
    let site = restarted(site)?;
    told.look_again();
    site.end()?;
    Ok(judged(told, &entries))
}

/// Lets the monkey live through its days, while clients ask.
fn makes_trouble(plan: Plan, site: Site, clients: &Clients) -> Result<(Site, Vec<Entry>), Error> {
    let (mut monkey, mut audit) = (Monkey::new(config(plan.servers), plan.seed), Vec::new());
    let mut hands = Grip::new(site);
    for day in 0..plan.days {
        hands.wait_until(Instant::now() + plan.beat)?;
        if clients.have_enough() {
            break;
        }
        let view = hands.view()?;
        // A deed that cannot be done is in the log as such; a log in memory does not refuse.
        let _ = monkey.tick(late_on(day), &view, &mut hands, &mut audit);
    }
    Ok((hands.end()?, audit))
}

/// Kills all servers, and starts them again.
fn restarted(mut site: Site) -> Result<Site, Error> {
    site.heal_all();
    for server in 0..site.size() {
        site.kill(server)?;
    }
    site.start_all()?;
    Ok(site)
}

/// One group; something every day, while a majority is left.
fn config(servers: usize) -> Config {
    let ms = Duration::from_millis;
    let days = Vec::from([Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday]);
    let days = [days, vec![Weekday::Saturday, Weekday::Sunday]].concat();
    let schedule = Schedule { zone: TimeZone::UTC, days, hours: 0..24 * 60, closed: [].into() };
    let kinds = vec![
        Kind::Kill,
        Kind::Pause { lasts: ms(900) },
        Kind::Cut { lasts: ms(900) },
        Kind::Slow { by: ms(30), lasts: ms(1200) },
    ];
    let group = Group {
        name: "kv".to_owned(),
        instances: (0..servers).map(name).collect(),
        enabled: true,
        spared: [].into(),
        mean_days: 1.0,
        min_days: 1,
        min_healthy: servers / 2 + 1,
        kinds,
    };
    Config { dry_run: false, schedule, groups: vec![group] }
}

/// The last minute of one of the monkey's days: whatever was planned for it is due.
fn late_on(day: usize) -> Timestamp {
    let days = i64::try_from(day).unwrap_or(0);
    Timestamp::from_second(NEW_YEAR + days * 86_400 + 86_340).unwrap_or(Timestamp::MAX)
}

fn judged(told: Told, entries: &[Entry]) -> Report {
    let mut deeds = BTreeMap::new();
    for entry in entries {
        if let Entry::Done { deed } = entry {
            *deeds.entry(kind(&deed.kind)).or_default() += 1;
        }
    }
    let left_out = entries.iter().filter(|entry| matches!(entry, Entry::Skipped { .. })).count();
    let failed = entries.iter().filter(|entry| matches!(entry, Entry::Failed { .. }));
    let mut wrong: Vec<String> = told.wrong.iter().cloned().chain(failed.map(Entry::to_string)).collect();
    wrong.extend(order(told.history));
    if told.longest_gap > STALL {
        wrong.push(format!("A majority was healthy, and nobody was served for {} ms.", told.longest_gap.as_millis()));
    }
    let Told { answered, unknown, not_done, longest_gap, .. } = told;
    Report { answered, unknown, not_done, deeds, left_out, longest_gap, wrong }
}

fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Kill => "kill",
        Kind::Pause { .. } => "pause",
        Kind::Cut { .. } => "cut",
        Kind::Slow { .. } => "slow",
        Kind::Fill { .. } => "fill",
    }
}

/// What one copy of a key would do.
#[derive(Clone, Debug, PartialEq, Hash)]
struct Cell(Value);

impl SequentialSpec for Cell {
    type Op = Request;
    type Ret = Value;
    fn invoke(&mut self, op: &Request) -> Value {
        match *op {
            Request::Get(_) => {}
            Request::Put(_, value) => self.0 = value,
            Request::Add(_, amount) => self.0 += amount,
        }
        self.0
    }
}

/// Why no order explains a history of reads, and of writes with values of their own.
fn order(history: Vec<Operation<Request, Value>>) -> Option<String> {
    let key = |op: &Request| match *op {
        Request::Get(key) | Request::Put(key, _) | Request::Add(key, _) => key,
    };
    let value = |op: &Request| match *op {
        Request::Put(_, value) => value,
        Request::Get(_) | Request::Add(..) => 0,
    };
    let shows = |answered: &Operation<Request, Value>, lost: &Request| {
        key(&answered.op) == key(lost) && answered.returned.is_some_and(|(_, ret)| ret == value(lost))
    };
    let history = settled(history, shows, value);
    match linearizable_by_key(|_| Cell(0), &history, key) {
        Verdict::Linearizable { .. } => None,
        Verdict::Not { misfit, .. } => Some(misfit.sentence(&history)),
        Verdict::Undecided { steps } => Some(format!("The history could not be judged in {steps} steps.")),
    }
}
