//! A service behind a limit, event by event. A request that the limit does not let through is refused, and does not come again.

use std::collections::{BTreeSet, VecDeque};

use super::law::{Call, Kind, Law};
use super::scenario::{LASTS, PLACES, Scenario};
use crate::subject::predict::random::Random;

/// In microseconds since the beginning.
type Micros = u64;

/// How often the limit is noted, in seconds.
pub const STEP: f64 = 0.5;

/// A call that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// When, in seconds.
    pub at: f64,
    /// How long it took, in milliseconds: what it waited for a place, and what the service took.
    pub took: f64,
}

/// What came of a scenario with a limit.
pub struct Run {
    /// The name of the scenario.
    pub scenario: &'static str,
    /// Which limit.
    pub kind: Kind,
    /// How long the service takes when it has a place, at the end of each [`STEP`], in milliseconds and on average.
    pub takes: Vec<f64>,
    /// The limit, at the end of each [`STEP`].
    pub limits: Vec<u32>,
    /// The calls that went through the limit.
    pub answered: Vec<Answered>,
}

/// At the same moment, what is further up happens first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The service has done a call.
    Done(Call),
    /// A request comes.
    Comes,
    /// The limit is noted.
    Noted,
}

struct Service<'s> {
    scenario: &'s Scenario,
    law: Box<dyn Law>,
    random: Random,
    now: Micros,
    events: BTreeSet<(Micros, Event)>,
    /// For each call, when it began; nothing if it is one of others.
    began: Vec<Option<Micros>>,
    waiting: VecDeque<Call>,
    in_place: u32,
    run: Run,
}

/// Lets a scenario run. The same scenario and limit give the same run.
pub fn run(scenario: &Scenario, kind: Kind) -> Run {
    let run = Run { scenario: scenario.name, kind, takes: Vec::new(), limits: Vec::new(), answered: Vec::new() };
    let mut service = Service {
        scenario,
        law: kind.fresh(),
        random: Random { state: 7, stream: 0 },
        now: 0,
        events: BTreeSet::from([(0, Event::Comes), (micros(STEP), Event::Noted)]),
        began: Vec::new(),
        waiting: VecDeque::new(),
        in_place: 0,
        run,
    };
    (0..scenario.backlog).for_each(|_| service.enters(None));
    while let Some((at, event)) = service.events.pop_first().filter(|(at, _)| *at <= micros(LASTS)) {
        service.now = at;
        service.happens(event);
    }
    service.run
}

fn micros(seconds: f64) -> Micros {
    (seconds * 1e6).round() as Micros
}

impl Service<'_> {
    fn seconds(&self) -> f64 {
        self.now as f64 / 1e6
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Comes => {
                if self.law.begin(self.began.len() as Call) {
                    self.enters(Some(self.now));
                }
                let span = self.random.exponential(1.0 / (self.scenario.comes)(self.seconds()));
                self.events.insert((self.now + micros(span).max(1), Event::Comes));
            }
            Event::Done(call) => self.done(call),
            Event::Noted => {
                self.run.limits.push(self.law.limit());
                self.run.takes.push((self.scenario.takes)(self.seconds()));
                self.events.insert((self.now + micros(STEP), Event::Noted));
            }
        }
    }

    /// A call comes to the service.
    fn enters(&mut self, began: Option<Micros>) {
        self.waiting.push_back(self.began.len() as Call);
        self.began.push(began);
        self.starts();
    }

    /// Gives free places to those that wait.
    fn starts(&mut self) {
        while self.in_place < PLACES
            && let Some(call) = self.waiting.pop_front()
        {
            self.in_place += 1;
            let mean = (self.scenario.takes)(self.seconds()) / 1e3;
            let takes = if self.scenario.is_uneven {
                self.random.exponential(mean)
            } else {
                mean * (0.9 + 0.2 * self.random.unit())
            };
            self.events.insert((self.now + micros(takes).max(1), Event::Done(call)));
        }
    }

    fn done(&mut self, call: Call) {
        self.in_place -= 1;
        if let Some(began) = self.began[call as usize] {
            let took = (self.now - began) as f64 / 1e3;
            self.law.end(call, took);
            self.run.answered.push(Answered { at: self.seconds(), took });
        }
        self.starts();
    }
}

impl Run {
    /// What was answered within a time, from the shortest to the longest, in milliseconds.
    pub fn latencies(&self, from: f64, until: f64) -> Vec<f64> {
        let within = self.answered.iter().filter(|answered| (from..until).contains(&answered.at));
        let mut took: Vec<f64> = within.map(|answered| answered.took).collect();
        took.sort_by(f64::total_cmp);
        took
    }

    /// The mean of the limit within a time.
    pub fn limit(&self, from: f64, until: f64) -> f64 {
        let (first, last) = ((from / STEP) as usize, (until / STEP) as usize);
        let limits = &self.limits[first..last.min(self.limits.len())];
        limits.iter().map(|&limit| f64::from(limit)).sum::<f64>() / limits.len().max(1) as f64
    }
}
