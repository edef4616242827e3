//! What is counted, and how.
//!
//! - **answered**: a client got an answer. **Unknown**: its patience ended, and at least one try had been sent and not answered. **Not done**: its patience
//!   ended, and nobody can have taken the request.
//! - **throughput**: answers in a stretch of [`BIN`]. Each client asks one thing after another, so whoever waits asks nothing meanwhile.
//! - **latency**: how long the client waited for an answer, over all its tries. A window of [`WINDOW`] holds the answers that *came* in it.
//! - **silence**: a stretch of time in which no client got an answer. The one of a fault is the longest that began after the fault, and before the next.
//!
//! Because clients wait, silence leaves few traces in the percentiles: four clients that wait for a second are four slow answers among thousands.

use std::time::Duration;

use testkit::lab;

use super::run::{DAY, Run};
use crate::subject::chaos::Injected;
use crate::subject::chaos::clients::Answered;

/// Over such a stretch answers are counted.
pub const BIN: Duration = Duration::from_millis(100);

/// Over such a stretch percentiles are taken.
pub const WINDOW: Duration = Duration::from_millis(200);

/// A fault is noted when it is done. On a busy machine a kill takes a while, and its silence seems to have begun before it.
const SLACK: Duration = Duration::from_millis(100);

/// The percentiles of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its middle.
    pub at: Duration,
    /// What half of the answers did not exceed.
    pub p50: Duration,
    /// What 99 of a hundred did not exceed.
    pub p99: Duration,
}

/// The latency that so many of a thousand answers did not exceed; none without answers. They are sorted.
pub fn percentile(sorted: &[Duration], of_thousand: usize) -> Option<Duration> {
    lab::percentile(sorted, of_thousand)
}

/// All latencies of a run, from short to long.
pub fn latencies(answers: &[Answered]) -> Vec<Duration> {
    let mut latencies: Vec<_> = answers.iter().map(|answer| answer.took).collect();
    latencies.sort_unstable();
    latencies
}

/// How many answers came in each [`BIN`] of a run.
pub fn throughput(run: &Run) -> Vec<usize> {
    let mut bins = vec![0; place(run.end, BIN) + 1];
    for answer in &run.report.answers {
        bins[place(answer.at, BIN)] += 1;
    }
    bins
}

/// The percentiles of each [`WINDOW`] of a run; none for one without answers.
pub fn windows(run: &Run) -> Vec<Option<Window>> {
    let mut windows = vec![Vec::new(); place(run.end, WINDOW) + 1];
    for answer in &run.report.answers {
        windows[place(answer.at, WINDOW)].push(answer.took);
    }
    let shown = |(number, mut window): (u32, Vec<Duration>)| {
        window.sort_unstable();
        let [p50, p99] = [500, 990].map(|of_thousand| percentile(&window, of_thousand));
        Some(Window { at: WINDOW * number + WINDOW / 2, p50: p50?, p99: p99? })
    };
    (0..).zip(windows).map(shown).collect()
}

fn place(at: Duration, of: Duration) -> usize {
    usize::try_from(at.as_nanos() / of.as_nanos()).unwrap_or(usize::MAX)
}

/// Each stretch of time without an answer: when it began, and how long it was. The run's start and end count like answers.
fn silences(run: &Run) -> impl Iterator<Item = (Duration, Duration)> {
    let answers = || run.report.answers.iter().map(|answer| answer.at);
    let from = std::iter::once(Duration::ZERO).chain(answers());
    let until = answers().chain([run.end]);
    from.zip(until).map(|(from, until)| (from, until.saturating_sub(from)))
}

/// The longest silence of a run.
pub fn longest_silence(run: &Run) -> Duration {
    silences(run).map(|(_, lasted)| lasted).max().unwrap_or_default()
}

/// The longest silence that began after a fault, and before the next one; none if nobody was answered all the time.
pub fn silence_of(run: &Run, fault: &Injected) -> Option<Duration> {
    let next = run.report.faults.iter().map(|other| other.from).filter(|from| *from > fault.from).min();
    let after = fault.from.saturating_sub(SLACK)..next.unwrap_or(run.end).saturating_sub(SLACK);
    silences(run).filter(|(from, _)| after.contains(from)).map(|(_, lasted)| lasted).max()
}

/// All silences that are longer than `least`, together.
pub fn silent_for(run: &Run, least: Duration) -> Duration {
    silences(run).map(|(_, lasted)| lasted).filter(|lasted| *lasted > least).sum()
}

/// The fault of a run that does what another run's did at the same moment, if its victim did not suffer already.
pub fn same_fault<'r>(run: &'r Run, fault: &Injected) -> Option<&'r Injected> {
    let at = |other: &&Injected| other.from.abs_diff(fault.from) < DAY / 2 && other.kind == fault.kind;
    run.report.faults.iter().find(at)
}

/// In how many terms a server was seen to lead, and the highest of them.
pub fn terms(run: &Run) -> (usize, u64) {
    let mut terms: Vec<u64> = run.glimpses.iter().filter_map(|glimpse| glimpse.leader).map(|(_, term)| term).collect();
    terms.sort_unstable();
    terms.dedup();
    (terms.len(), terms.last().copied().unwrap_or_default())
}
