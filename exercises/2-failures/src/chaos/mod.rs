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
//! - The [`Monkey`] lives through a day at each beat, and does something on each, as long as a majority stays healthy. [`injector`]
//!   carries it out and ends it: a server that was killed starts again, one that was paused goes on. A lab may follow a [`Script`] instead.
//! - If no server has cut its log off by then, clients go on until one has.
//! - In the end everything is healed, all servers are killed and started again, and each key is read once more.
//!
//! # What must hold
//!
//! The rules are those of [`Broken`]; [`judge`] says how the clients' story is checked. Only one of them speaks of time, and
//! none of it is a race with the clock: a fault is not undone before a client was served that had asked after it was done. So a
//! cluster that needs all its servers comes to a halt, and is given up after [`PATIENCE`].
//!
//! # What a kill does not show
//!
//! A process that is killed leaves its writes in the system's memory, and the next one reads them there. Whether they were synced is
//! seen when the power fails, and only there: that is what the crash checks of [`wal`](crate::wal) and [`storage`](crate::storage) are for.

pub mod clients;
pub mod injector;
pub mod judge;

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::time::Duration;

use cap::raft::log::Term;
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use testkit::network::{Error, Seat, Site};

use crate::monkey::{Config, Entry, Group, Kind, Monkey, Schedule, State, Why};
use clients::{Answered, Clients};
pub use injector::leads;
use injector::{Injector, name};

/// How long nobody may be served while a majority is healthy. It is far more than anything needs, and only there against hanging.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The first of the monkey's days begins at this second: 2026 in UTC.
const NEW_YEAR: i64 = 1_767_225_600;

/// What a run is to be.
#[derive(Clone, Debug)]
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
    /// How long a fault lasts; a server that is killed, or whose disk is ill, is away for two thirds of it.
    pub lasts: Duration,
    /// What is done in place of what the monkey would do.
    pub script: Option<Script>,
}

/// Faults that are done however many servers are healthy: when, counted from the start; to which server, by turns if there are fewer; what.
/// A server that suffers already is left alone.
pub type Script = Vec<(Duration, usize, Kind)>;

impl Plan {
    /// Five servers, four clients, and a fault every 600 ms, as long as the monkey may: each lasts longer than that.
    pub fn usual(seed: u64) -> Self {
        let (beat, lasts) = (Duration::from_millis(600), Duration::from_millis(1500));
        Plan { seed, servers: 5, clients: 4, operations: 8_000, days: 30, beat, lasts, script: None }
    }
}

/// A rule that was broken, and how, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No order explains what clients were told.
    Order(String),
    /// An addition counts twice, or one that was acknowledged does not count.
    Count(String),
    /// A majority was healthy, and no client was served.
    Progress(String),
    /// A server has ended by itself, and its disk was well.
    Ended(String),
    /// A server's disk takes nothing, and the server goes on.
    Disk(String),
    /// The monkey has hit a server although no more were healthy than must be, or has written down something other than what it
    /// did.
    Monkey(String),
}

/// A fault, and from when to when it lasted, counted from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected {
    /// Which server it hit.
    pub server: usize,
    /// What was done to it.
    pub kind: Kind,
    /// For a cut: were clients kept away as well? Every second time they are not.
    pub from_all: bool,
    /// When.
    pub from: Duration,
    /// When it was undone.
    pub until: Duration,
}

/// What a run has shown.
#[derive(Debug, Default)]
pub struct Report {
    /// Each answer, in the order in which they came.
    pub answers: Vec<Answered>,
    /// Of how many operations nobody knows what became.
    pub unknown: usize,
    /// How many operations were certainly not done.
    pub not_done: usize,
    /// What was done to servers.
    pub faults: Vec<Injected>,
    /// How often the monkey left a day out, since too few servers were healthy.
    pub left_out: usize,
    /// How many servers have cut their logs off.
    pub cut_logs: usize,
    /// What was wrong.
    pub broken: Vec<Broken>,
}

/// What can be seen of a run while it goes on.
#[derive(Debug)]
pub struct Progress<'r> {
    /// The time since its start.
    pub elapsed: Duration,
    /// How many operations were answered.
    pub answered: usize,
    /// Each server.
    pub servers: Vec<ServerStatus>,
    /// What the monkey has written into its audit log.
    pub entries: &'r [Entry],
}

/// What can be seen of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// How it is.
    pub state: State,
    /// What was done to it, and still lasts.
    pub suffers: Option<Kind>,
    /// The term in which it believes to lead. Of a server that is down or paused this is what it believed last.
    pub leads: Option<Term>,
}

impl Report {
    /// The longest time between two answers.
    pub fn longest_gap(&self) -> Duration {
        let pairs = self.answers.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at));
        pairs.max().unwrap_or_default()
    }

    /// How often each kind of fault was done.
    pub fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        self.faults.iter().for_each(|fault| *kinds.entry(fault.kind.word()).or_default() += 1);
        kinds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, Report { unknown, not_done, left_out, .. }) = (self.answers.len(), self);
        let kinds: Vec<_> = self.kinds().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let (kinds, gap) = (kinds.join(", "), self.longest_gap().as_millis());
        write!(f, "{answered} operations answered, {unknown} unknown, {not_done} not done; ")?;
        write!(f, "{} faults ({kinds}), {left_out} left out; ", self.faults.len())?;
        write!(f, "{} servers cut their logs; longest gap {gap} ms", self.cut_logs)?;
        self.broken.iter().try_for_each(|broken| write!(f, "\n{broken}"))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Broken::Order(how)
        | Broken::Count(how)
        | Broken::Progress(how)
        | Broken::Ended(how)
        | Broken::Disk(how)
        | Broken::Monkey(how)) = self;
        f.write_str(how)
    }
}

/// Runs a cluster under the monkey, and judges what clients were told. `command` makes the command that starts a server, and `watch` sees
/// how it goes.
///
/// # Errors
/// If a server does not start, or the system refuses what a run needs.
pub fn run(
    plan: &Plan,
    command: impl Fn(&Seat) -> Command + Send + 'static,
    watch: &mut dyn FnMut(&Progress),
) -> Result<Report, Error> {
    let mut site = Site::new(plan.servers, command)?;
    site.start_all()?;
    let addresses = (0..plan.servers).map(|server| site.address(server)).collect();
    let clients = Clients::start(plan, addresses);
    let mut injector = Injector::new(site, &clients, plan);
    let mut audit = Vec::new();
    match &plan.script {
        Some(script) => follow(script, plan, &mut injector, watch)?,
        None => make_trouble(plan, &mut injector, &mut audit, watch)?,
    }
    injector.wait_until_all_is_over(&audit, watch)?;
    let cut_logs = injector.cut_logs();
    let (site, faults, mut broken) = injector.let_go();
    let mut told = clients.stop();
    if broken.is_empty() {
        let site = restarted(site)?;
        told.look_again();
        site.end()?;
    }
    broken.extend(audited(&audit, &faults, plan));
    let left_out = audit.iter().filter(|entry| matches!(entry, Entry::Skipped { .. })).count();
    Ok(Report { cut_logs, ..judge::report(told, faults, left_out, broken) })
}

/// Lets the monkey live through its days, while clients ask.
fn make_trouble(
    plan: &Plan,
    injector: &mut Injector,
    audit: &mut Vec<Entry>,
    watch: &mut dyn FnMut(&Progress),
) -> Result<(), Error> {
    let mut monkey = Monkey::new(config(plan), plan.seed);
    for day in 0..plan.days {
        injector.wait_until(injector.now() + plan.beat, audit, watch)?;
        if injector.is_over() {
            break;
        }
        let view = injector.view()?;
        // A fault that cannot be done is in the log as such; a log in memory does not refuse.
        let _ = monkey.tick(late_on(day), &view, injector, audit);
    }
    injector.wait_until_a_log_is_cut(audit, watch)
}

/// Does what a script says, and waits for the end of the run's time.
fn follow(
    script: &Script,
    plan: &Plan,
    injector: &mut Injector,
    watch: &mut dyn FnMut(&Progress),
) -> Result<(), Error> {
    for (at, server, kind) in script {
        injector.wait_until(*at, &[], watch)?;
        let server = server % plan.servers;
        if injector.suffers(server).is_none() {
            injector.hit(server, *kind)?;
        }
    }
    let days = u32::try_from(plan.days).unwrap_or(u32::MAX);
    injector.wait_until(plan.beat * days, &[], watch)
}

/// Kills all servers, and starts them again.
fn restarted(mut site: Site) -> Result<Site, Error> {
    site.heal_all();
    for server in 0..site.size() {
        if site.id(server).is_some() {
            site.kill(server)?;
        }
    }
    site.start_all()?;
    Ok(site)
}

/// One group; something every day, while a majority is left.
fn config(plan: &Plan) -> Config {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let Plan { servers, lasts, .. } = *plan;
    let days = vec![Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let schedule = Schedule { zone: TimeZone::UTC, days, hours: 0..24 * 60, closed: [].into() };
    let kinds = vec![
        Kind::Kill,
        Kind::Pause { lasts },
        Kind::Cut { lasts },
        Kind::Slow { by: Duration::from_millis(30), lasts },
        Kind::Fill { lasts: away(lasts) },
        Kind::Fail { lasts: away(lasts) },
    ];
    let group = Group {
        name: "kv".to_owned(),
        instances: (0..servers).map(name).collect(),
        enabled: true,
        spared: [].into(),
        mean_days: 1.0,
        min_days: 1,
        min_healthy: majority(servers),
        kinds,
    };
    Config { dry_run: false, schedule, groups: vec![group] }
}

/// How long a server is away that is killed, or whose disk is ill.
fn away(lasts: Duration) -> Duration {
    lasts * 2 / 3
}

fn majority(servers: usize) -> usize {
    servers / 2 + 1
}

/// The last minute of one of the monkey's days: whatever was planned for it is due.
fn late_on(day: usize) -> Timestamp {
    let days = i64::try_from(day).unwrap_or(0);
    Timestamp::from_second(NEW_YEAR + days * 86_400 + 86_340).unwrap_or(Timestamp::MAX)
}

/// What is wrong with the monkey's own story.
fn audited(audit: &[Entry], faults: &[Injected], plan: &Plan) -> Vec<Broken> {
    let failed = audit.iter().filter(|entry| matches!(entry, Entry::Failed { .. }));
    let mut broken: Vec<Broken> = failed.map(|entry| Broken::Monkey(entry.to_string())).collect();
    let done = audit.iter().filter(|entry| matches!(entry, Entry::Done { .. })).count();
    if plan.script.is_none() && done != faults.len() {
        let says = format!("{} faults were done, and the monkey's audit log knows of {done}.", faults.len());
        broken.push(Broken::Monkey(says));
    }
    let spared = audit.iter().filter(|entry| matches!(entry, Entry::Skipped { why: Why::AllSpared, .. }));
    broken
        .extend(spared.map(|_| Broken::Monkey("A turn was left out since all are spared, and nobody is.".to_owned())));
    broken
}
