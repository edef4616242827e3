//! What came of the scenarios, as a table.

use testkit::lab::percentile;

use super::law::{FIRST, LEAST, MOST, SLOW};
use super::scenario::{PLACES, SCENARIOS};
use super::simulation::Run;

/// When the load is on and the limits have had time: what the table is taken over, in seconds.
const FROM: f64 = 40.0;
const UNTIL: f64 = 50.0;

/// A line for each scenario and limit.
pub fn table(runs: &[Run]) -> Vec<Vec<String>> {
    let head = ["scenario", "limit", "calls at a time", "p50", "p99", "of what the service can do"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(runs.iter().map(|run| line(run).to_vec()));
    lines
}

fn line(run: &Run) -> [String; 6] {
    let latencies = run.latencies(FROM, UNTIL);
    let latency = |permille| percentile(&latencies, permille).map_or("–".to_owned(), |took| format!("{took:.0} ms"));
    let done = latencies.len() as f64 / possible(run);
    let limit = format!("{:.0}", run.limit(FROM, UNTIL));
    let (scenario, kind) = (run.scenario.to_owned(), run.kind.told().to_owned());
    [scenario, kind, limit, latency(500), latency(990), format!("{:.0} %", done * 100.0)]
}

/// How many calls the service could have done in that time, if all its places were always in use.
fn possible(run: &Run) -> f64 {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == run.scenario).expect("the run has a scenario");
    let steps = 100_u32;
    let rate = |step| {
        let at = FROM + (UNTIL - FROM) * (f64::from(step) + 0.5) / f64::from(steps);
        f64::from(PLACES) * 1e3 / (scenario.takes)(at)
    };
    (0..steps).map(rate).sum::<f64>() / f64::from(steps) * (UNTIL - FROM)
}

/// What the table is taken over.
pub fn notes() -> String {
    format!(
        "From second {FROM} to second {UNTIL} of each scenario. {PLACES} calls at a time are right, in all of them. Each limit begins with {FIRST}, \
         and stays between {LEAST} and {MOST}. For AIMD, a call of more than {SLOW} ms is an overload."
    )
}
