//! The runs: five servers under the monkey, and then the same faults for others.

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::network::Seat;
use testkit::panics;

use super::options::Options;
use super::screen::Screen;
use crate::subject::chaos::{self, Injected, Plan, Progress, Report, Script, ServerStatus};
use crate::subject::monkey::State;

/// How long a day of the monkey is. A fault lasts for less, and the rest is for what comes behind it, so that most of them stand alone.
pub const DAY: Duration = Duration::from_millis(1_400);

/// How long a fault lasts.
const LASTS: Duration = Duration::from_millis(900);

/// How long a follower of a server with the usual timeouts waits, and how long its leader is silent at most.
const USUAL: (&str, &str) = ("150-300", "50");

/// More than clients can ask in the longest run.
const OPERATIONS: usize = 1_000_000;

/// A run, and what was seen of it.
pub struct Run {
    /// How it is called in a table: `five servers`.
    pub name: &'static str,
    /// How its servers were started: `--election 150-300 --heartbeat 50`.
    pub told: String,
    /// How many servers it has.
    pub servers: usize,
    /// When it ended, counted from its start.
    pub end: Duration,
    /// What clients were told, and what was done. Faults are in the order in which they began.
    pub report: Report,
    /// Who led when, every tenth of a second.
    pub glimpses: Vec<Glimpse>,
}

/// Who was seen to lead at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// When.
    pub at: Duration,
    /// Which running server says that it leads, and in which term. Of several this is the one of the highest term.
    pub leader: Option<(usize, u64)>,
}

impl Run {
    /// Who led just before a moment.
    pub fn leader_before(&self, at: Duration) -> Option<usize> {
        let before = self.glimpses.iter().rev().find(|glimpse| glimpse.at <= at);
        before.and_then(|glimpse| glimpse.leader).map(|(server, _)| server)
    }

    /// Did a fault hit the leader?
    pub fn hit_the_leader(&self, fault: &Injected) -> bool {
        self.leader_before(fault.from) == Some(fault.server)
    }
}

/// The server that leads, by what the servers say.
pub fn leader(servers: &[ServerStatus]) -> Option<(usize, u64)> {
    let runs = |status: &ServerStatus| !matches!(status.state, State::Gone | State::Paused);
    let leading = servers.iter().enumerate().filter(|(_, status)| runs(status));
    leading.filter_map(|(server, status)| Some((server, status.leads?))).max_by_key(|(_, term)| *term)
}

/// Makes all three runs. The error is one sentence that says what to do.
pub fn all(options: &Options) -> Result<Vec<Run>, String> {
    let usual =
        Plan { operations: OPERATIONS, days: options.days, beat: DAY, lasts: LASTS, ..Plan::usual(options.seed) };
    let first = one("five servers", 1, &usual, USUAL)?;
    let script: Script = first.report.faults.iter().map(|fault| (fault.from, fault.server, fault.kind)).collect();
    let alone = Plan { servers: 1, script: Some(script.clone()), ..usual.clone() };
    let alone = one("one server", 2, &alone, USUAL)?;
    let badly_set = Plan { script: Some(script), ..usual };
    let badly_set = one("five, badly set", 3, &badly_set, (&options.election, &options.heartbeat))?;
    Ok(vec![first, alone, badly_set])
}

fn one(name: &'static str, number: usize, plan: &Plan, (election, heartbeat): (&str, &str)) -> Result<Run, String> {
    let told = format!("--election {election} --heartbeat {heartbeat}");
    let myself = env::current_exe()
        .map_err(|why| format!("The lab cannot find its own program, which its servers are: {why}."))?;
    let arguments = told.clone();
    let command = move |seat: &Seat| serve(&myself, seat, &arguments);
    let mut screen = Screen::begin(&format!("Run {number} of 3: {name}, {told}"));
    let mut glimpses = Vec::new();
    let mut watch = |progress: &Progress| {
        glimpses.push(Glimpse { at: progress.elapsed, leader: leader(&progress.servers) });
        screen.show(progress);
    };
    panics::listen(); // a `todo!` is told in a sentence, not by a panic's message
    let ran = panic::catch_unwind(AssertUnwindSafe(|| chaos::run(plan, command, &mut watch)));
    let _ = panic::take_hook();
    let report = match ran {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => return Err(explained(&error.to_string())),
        Err(payload) => return Err(explained(&panics::take(payload).0)),
    };
    screen.end(&report);
    Ok(Run { name, told, servers: plan.servers, end: end(plan, &report), report: in_order(report), glimpses })
}

/// The command that makes this program a server.
fn serve(myself: &Path, seat: &Seat, told: &str) -> Command {
    let mut command = Command::new(myself);
    command.arg("serve").args(seat.arguments()).arg("--ailment").arg(&seat.ailment).args(told.split(' '));
    command.env("RUST_BACKTRACE", "0"); // a `todo!` is told in a line
    command
}

/// When the last day was over, and the last fault.
fn end(plan: &Plan, report: &Report) -> Duration {
    let days = plan.beat * u32::try_from(plan.days).unwrap_or(u32::MAX);
    let faults = report.faults.iter().map(|fault| fault.until);
    let answers = report.answers.last().map(|answer| answer.at);
    faults.chain(answers).fold(days, Duration::max)
}

fn in_order(mut report: Report) -> Report {
    report.faults.sort_by_key(|fault| fault.from);
    report
}

/// What stopped a run, and what to do about it.
fn explained(why: &str) -> String {
    match why.lines().find(|line| line.contains("not yet implemented")) {
        Some(line) => format!(
            "The lab needs the whole stage, and a part of it is not written yet ({}): cargo course check failures",
            line.trim()
        ),
        None => format!(
            "{why}\nThe run could not go on; whether your servers are to blame says: cargo course check failures"
        ),
    }
}
