//! A day: who asks what, when, and which server is cut off meanwhile. Drawn from a seed, before any register is asked.
//!
//! A day has some rounds. In each, the network works for a while; then one server is cut off from the two others for a while;
//! then the links heal, and the clients fall silent until everything has arrived. At the end of the silence each server is
//! asked what it shows: the *look*.

use std::ops::{Range, RangeInclusive};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use testkit::schedule::Step;
use testkit::simulation::Tick;

use crate::subject::register::{Request, Value};

/// The number of servers. With three, two are a majority.
pub const SERVERS: usize = 3;
/// One day for each seed.
pub const SEEDS: Range<u64> = 0..15;
/// Each round has one partition.
pub const ROUNDS: usize = 4;
/// How long the network works before it is cut, in ticks.
pub const CALM: RangeInclusive<Tick> = 800..=1600;
/// How long one server is cut off.
pub const PARTITION: RangeInclusive<Tick> = 800..=1600;
/// From one request to the next, whoever asks. It may be shorter than [`DELAY`], so that a read can overtake an update.
pub const GAP: RangeInclusive<Tick> = 5..=75;
/// How long a message takes from one server to another. A client stands beside its server: no time between them.
pub const DELAY: RangeInclusive<Tick> = 5..=15;
/// Of so many requests, one is a write, on average.
pub const ONE_WRITE_IN: u32 = 3;
/// A client without an answer gives up after so many ticks.
pub const PATIENCE: Tick = 100;
/// From the end of a partition to the look: more than anything takes to arrive.
pub const SILENCE: Tick = 200;

/// A day. Each operation has a client of its own, so a client's number is the operation's.
pub struct Day {
    /// What happens when, for the simulation.
    pub timetable: Vec<(Tick, Step<Request>)>,
    /// The operations, by their number.
    pub planned: Vec<Planned>,
    /// When one server was cut off.
    pub partitions: Vec<Range<Tick>>,
    /// When the day is over.
    pub end: Tick,
}

/// An operation of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is asked.
    pub request: Request,
    /// When.
    pub at: Tick,
    /// In which round, from 0.
    pub round: usize,
    /// In which part of the round.
    pub part: Part,
}

/// The parts of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All links work.
    Calm,
    /// One server is cut off.
    Partition,
    /// Everything has arrived, and each server is asked what it shows.
    Look,
}

impl Day {
    /// Draws the day of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut day = Day { timetable: Vec::new(), planned: Vec::new(), partitions: Vec::new(), end: 0 };
        for round in 0..ROUNDS {
            day.round(round, &mut rng);
        }
        day
    }

    fn round(&mut self, round: usize, rng: &mut ChaCha8Rng) {
        let cut = self.end + rng.random_range(CALM);
        let heal = cut + rng.random_range(PARTITION);
        self.cut_off(rng.random_range(0..SERVERS), cut..heal);
        let mut at = self.end + rng.random_range(GAP);
        while at < heal {
            let part = if at < cut { Part::Calm } else { Part::Partition };
            let request =
                if rng.random_ratio(1, ONE_WRITE_IN) { Request::Write(self.next_value()) } else { Request::Read };
            self.ask(rng.random_range(0..SERVERS), Planned { request, at, round, part });
            at += rng.random_range(GAP);
        }
        let at = heal + SILENCE;
        (0..SERVERS).for_each(|id| self.ask(id, Planned { request: Request::Read, at, round, part: Part::Look }));
        self.end = at + PATIENCE;
    }

    fn cut_off(&mut self, alone: usize, during: Range<Tick>) {
        for other in (0..SERVERS).filter(|&other| other != alone) {
            self.timetable.push((during.start, Step::Cut { a: alone, b: other }));
            self.timetable.push((during.end, Step::Heal { a: alone, b: other }));
        }
        self.partitions.push(during);
    }

    fn ask(&mut self, server: usize, planned: Planned) {
        let client = self.planned.len();
        self.timetable.push((planned.at, Step::Ask { client, server, request: planned.request }));
        self.planned.push(planned);
    }

    /// No value is written twice, so a value says which write it comes from. The register holds 0 at first.
    fn next_value(&self) -> Value {
        self.planned.len() as Value + 1
    }
}

/// The number of the operation that wrote `value`; none for the 0 of the start.
pub fn writer_of(value: Value) -> Option<usize> {
    (value as usize).checked_sub(1)
}
