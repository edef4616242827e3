//! What a breaker has to say, by its contract: the memory of all that has happened to one, and the answers that follow from it.

use std::collections::BTreeMap;

use testkit::check::Rule;
use testkit::node::RequestId;

use crate::subject::breaker::{Outcome, Settings};
use crate::subject::time::Millis;

pub const CLOSED: Rule = Rule::new(
    "a closed breaker is not there",
    "A closed breaker allows every call.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Circuit Breaker",
    "3-asynchrony/breaker.md#invariants-to-keep",
);

pub const OPEN: Rule = Rule::new(
    "an open breaker refuses",
    "A breaker that has opened rejects every call until its pause is over.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Circuit Breaker",
    "3-asynchrony/breaker.md#invariants-to-keep",
);

pub const PROBES: Rule = Rule::new(
    "few probes",
    "The probes under way and those that have succeeded are never more than the breaker needs to close.",
    "nodeshift/opossum, issue 119; App-vNext/Polly, issue 216",
    "3-asynchrony/breaker.md#floodgates",
);

pub const PROBED: Rule = Rule::new(
    "a breaker finds out",
    "Once the pause is over, a breaker allows probes, and one more for each that has told it nothing.",
    "resilience4j/resilience4j, issue 544; App-vNext/Polly, issue 1979",
    "3-asynchrony/breaker.md#stuck-half-open",
);

/// What a breaker is doing, as its contract has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Closed { failures: u32 },
    Open { since: Millis },
    HalfOpen { under_way: BTreeMap<RequestId, Millis>, successes: u32 },
}

/// All that matters of what has happened to a breaker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expected {
    settings: Settings,
    epoch: u32,
    /// The epochs of calls that are under way.
    calls: BTreeMap<RequestId, u32>,
    state: State,
}

impl Expected {
    pub fn new(settings: Settings) -> Self {
        Expected { settings, epoch: 0, calls: BTreeMap::new(), state: State::Closed { failures: 0 } }
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// How often the state has changed.
    pub fn changes(&self) -> u32 {
        self.epoch
    }

    /// A call asks for a permit, and is `allowed` or not. Names the rule that is broken by that, and says how.
    pub fn asked(&mut self, call: RequestId, allowed: bool, now: Millis) -> Result<(), (Rule, String)> {
        self.give_up_on_probes(now);
        let since = match self.state {
            State::Open { since } => Some(since),
            _ => None,
        };
        if since.is_some_and(|since| now - since >= self.settings.pause) {
            self.enter(State::HalfOpen { under_way: BTreeMap::new(), successes: 0 });
        }
        let epoch = self.epoch;
        let lets = if allowed { "allows" } else { "rejects" };
        match &mut self.state {
            State::Closed { failures } if !allowed => Err((
                CLOSED,
                format!(
                    "The breaker is closed, and has counted {failures} failures in a row. At {now} it {lets} {call}."
                ),
            )),
            State::Open { since } if allowed => {
                let pause = self.settings.pause;
                Err((
                    OPEN,
                    format!("The breaker has opened at {since}, and its pause is {pause}. At {now} it {lets} {call}."),
                ))
            }
            State::HalfOpen { under_way, successes } => {
                let (busy, probes) = (under_way.len() as u32, self.settings.probes);
                let may = busy + *successes < probes;
                if may && allowed {
                    under_way.insert(call, now);
                }
                let state = format!(
                    "The breaker is half open and needs {probes} probes that succeed: {successes} have, and {busy} are under way. At {now} it {lets} {call}."
                );
                match (may, allowed) {
                    (true, false) => Err((PROBED, state)),
                    (false, true) => Err((PROBES, state)),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }?;
        if allowed {
            self.calls.insert(call, epoch);
        }
        Ok(())
    }

    /// A call is over.
    pub fn finished(&mut self, call: RequestId, outcome: Outcome, now: Millis) {
        self.give_up_on_probes(now);
        if self.calls.remove(&call) != Some(self.epoch) {
            return;
        }
        let settings = self.settings;
        match (&mut self.state, outcome) {
            (State::Closed { failures }, Outcome::Success) => *failures = 0,
            (State::Closed { failures }, Outcome::Failure) if *failures + 1 < settings.failures => *failures += 1,
            (State::HalfOpen { under_way, .. }, Outcome::Ignored | Outcome::Dropped) => {
                under_way.remove(&call);
            }
            (State::HalfOpen { under_way, successes }, Outcome::Success) => {
                under_way.remove(&call);
                *successes += 1;
                if *successes == settings.probes {
                    self.enter(State::Closed { failures: 0 });
                }
            }
            (State::Closed { .. } | State::HalfOpen { .. }, Outcome::Failure) => self.enter(State::Open { since: now }),
            _ => {}
        }
    }

    fn give_up_on_probes(&mut self, now: Millis) {
        let patience = self.settings.patience;
        if let State::HalfOpen { under_way, .. } = &self.state
            && let Some(&first) = under_way.values().min()
            && now - first >= patience
        {
            self.enter(State::Open { since: first + patience });
        }
    }

    fn enter(&mut self, state: State) {
        self.epoch += 1;
        self.state = state;
    }
}
