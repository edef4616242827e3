//! Chains for the checks of `predict`: each of the three parts is the bottleneck in a third of them.

use std::fmt;

use super::dice::Dice;
use crate::subject::chain::parameters::{Load, Parameters};
use crate::subject::predict::Part;
use crate::subject::predict::simulation::{Change, Run, Scenario, Spans, run};
use crate::subject::time::Millis;

/// A chain whose narrowest part is known because it was built that way: each other part can do at least 1.3 times as much.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    pub parameters: Parameters,
    pub narrowest: Part,
    /// Lines per second, and tails per second, at which the narrowest part has nothing free.
    pub full: (f64, f64),
}

/// So long that nothing times out, or no client leaves, in any run.
pub const LONG: Millis = 100_000;

/// So many chains, from fixed seeds. A third of them has no tails.
pub fn chains(count: u64) -> impl Iterator<Item = Chain> {
    (0..count).map(|seed| Chain::new(&mut Dice(seed)))
}

impl Chain {
    fn new(dice: &mut Dice) -> Self {
        let narrowest = dice.one_of(&[Part::Gateway, Part::Enrich, Part::Store]);
        let (store_takes, enrich_takes) = (dice.one_of(&[20, 30, 40, 50]), dice.one_of(&[5, 10, 20, 30]));
        let (store_places, tail_takes) = (dice.one_of(&[5, 6, 8, 10]), dice.one_of(&[5, 10, 25]));
        let line = (enrich_takes + store_takes) as f64;
        // As many lines are under way when the store is full.
        let under_way = f64::from(store_places) * line / store_takes as f64;
        let whole = |threads: f64| threads.round() as u32;
        let (enrich_threads, lines_hold) = match narrowest {
            Part::Store => (whole(under_way * 1.6), under_way),
            Part::Enrich => (whole(under_way * 0.6), whole(under_way * 0.6).into()),
            Part::Gateway => (whole(under_way * 1.6), under_way * 0.6),
        };
        let share = dice.one_of(&[0.0, 0.25, 0.4]);
        let spare = if narrowest == Part::Gateway { 1.0 } else { 1.9 };
        let gateway_threads = whole(lines_hold * spare / (1.0 - share));
        let tails_hold = f64::from(gateway_threads) * share;
        let lines = if narrowest == Part::Gateway { f64::from(gateway_threads) - tails_hold } else { lines_hold };
        let parameters = Parameters {
            gateway_threads,
            enrich_threads,
            store_places,
            tail_places: whole(tails_hold * 4.0) + 4,
            enrich_takes,
            store_takes,
            tail_takes,
            timeout: LONG,
            patience: LONG,
        };
        let full = (lines * 1000.0 / line, tails_hold * 1000.0 / tail_takes as f64);
        Chain { parameters, narrowest, full }
    }

    /// As many times the load at which the chain is full; lines and tails in proportion.
    pub fn load(&self, times: f64) -> Load {
        Load { lines: (self.full.0 * times).round() as u32, tails: (self.full.1 * times).round() as u32 }
    }
}

/// Lets a chain run with spans that do not vary.
pub fn constant(parameters: Parameters, load: Load, changes: Vec<(Millis, Change)>, lasts: Millis) -> Run {
    run(&Scenario { parameters, load, spans: Spans::Constant, changes, lasts })
}

/// Says in words what a chain and its load are like.
pub struct Shown<'a>(pub &'a Parameters, pub Load);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(chain, load) = self;
        write!(
            f,
            "The gateway has {} threads, enrich {} and {} ms of work, store {} places and {} ms, tail {} places and {} ms. The timeout is {} ms, \
             the patience {} ms. {} lines and {} tails come in a second.",
            chain.gateway_threads,
            chain.enrich_threads,
            chain.enrich_takes,
            chain.store_places,
            chain.store_takes,
            chain.tail_places,
            chain.tail_takes,
            chain.timeout,
            chain.patience,
            load.lines,
            load.tails
        )
    }
}

/// What was predicted, or counted: so many seconds, or never.
pub fn shown(seconds: Option<f64>) -> String {
    seconds.map_or("never".into(), |seconds| format!("after {seconds:.2} s"))
}
