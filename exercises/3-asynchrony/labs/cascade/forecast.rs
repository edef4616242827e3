//! What the blocking chain should do: by the simulation, and by your own predictions. Both are given the record of parameters that the processes
//! were started with.

use std::ops::Range;
use std::panic::catch_unwind;
use std::time::Duration;

use testkit::panics;

use super::load::of_phase;
use super::script::{Phase, Script, Store};
use crate::subject::chain::parameters::Parameters;
use crate::subject::predict::simulation::{Change, DEAD, Ending, Path, Run, Scenario, Spans, run};
use crate::subject::predict::{exhausted_after, hopeless_after};
use crate::subject::time::Millis;

/// A prediction: when, from the start of the script on, and what.
pub type Mark = (Duration, &'static str);

/// What is expected of a script.
pub struct Forecast {
    simulated: Run,
    /// Your predictions; none if they are not written yet.
    pub marks: Vec<Mark>,
}

impl Forecast {
    /// Simulates a script, and predicts what comes of it.
    pub fn new(script: &Script, parameters: &Parameters) -> Self {
        let simulated = run(&scenario(script, parameters));
        panics::listen(); // so that nothing is printed of what is not written yet
        let marks = catch_unwind(|| marks(script, parameters));
        Forecast { simulated, marks: marks.unwrap_or_default() }
    }

    /// How many lines a second that come within a time are answered in time, in the simulation.
    pub fn goodput(&self, time: &Range<Duration>) -> f64 {
        let time_in = time.start.as_micros() as u64..time.end.as_micros() as u64;
        let good = self.simulated.requests.iter().filter(|request| {
            let is_in_time = request.ended.is_some_and(|(_, ending)| ending == Ending::InTime);
            request.path == Path::Line && is_in_time && time_in.contains(&request.arrived)
        });
        good.count() as f64 / (time.end - time.start).as_secs_f64()
    }
}

fn store_takes(parameters: &Parameters, store: Store) -> Millis {
    match store {
        Store::Well => parameters.store_takes,
        Store::Slow(by) => parameters.store_takes + by,
        Store::Dead => DEAD,
    }
}

fn scenario(script: &Script, parameters: &Parameters) -> Scenario {
    let changes = script.moments().flat_map(|(at, phase)| {
        let at = at.as_millis() as Millis;
        let load = Change::Load(of_phase(&phase, parameters));
        [(at, load), (at, Change::StoreTakes(store_takes(parameters, phase.store)))]
    });
    let (load, spans) = (of_phase(&script.phases[0], parameters), Spans::Constant);
    let lasts = script.lasts().as_millis() as Millis;
    Scenario { parameters: *parameters, load, spans, changes: changes.collect(), lasts }
}

/// What the functions of `predict` say of each phase.
fn marks(script: &Script, parameters: &Parameters) -> Vec<Mark> {
    let mark = |(at, phase): (Duration, Phase)| {
        let load = of_phase(&phase, parameters);
        let (after, what) = match phase.store {
            Store::Well if phase.load > 1.0 => (hopeless_after(parameters, load)?, "hopeless"),
            Store::Well => return None,
            ill => (exhausted_after(parameters, load, store_takes(parameters, ill))?, "no thread is free"),
        };
        Some((at + Duration::from_secs_f64(after), what))
    };
    script.moments().filter_map(mark).collect()
}
