//! The three limits.
//!
//! **AIMD** is the limit of this stage. It has to be told what is slow.
//!
//! **Vegas** keeps the shortest time that a call has taken, takes it for the time without load, and computes from it how many calls wait: `limit ·
//! (1 − shortest / this one)`. Few that wait raise the limit, many lower it. Now and then it forgets the shortest time, and begins anew with the
//! next one, whatever that is.
//!
//! **Gradient2** compares the time of each call with a long average of them. While a call takes less than 1.5 times the average, the limit grows;
//! above that it is scaled down, by half at most.
//!
//! Written anew from the formulas in Netflix/concurrency-limits at 78a74b9 (January 2026), `VegasLimit.java`, `Gradient2Limit.java` and
//! `ExpAvgMeasurement.java`, with their defaults, except that [`LEAST`], [`MOST`] and [`FIRST`] are the same for all three here.

use std::collections::BTreeMap;

use crate::subject::admission::limit::{Ending, Limit, Settings, Slot};
use crate::subject::predict::random::Random;

/// The smallest limit. The default of Gradient2 is 20, which is more than our service can bear.
pub const LEAST: u32 = 2;
/// The greatest limit.
pub const MOST: u32 = 200;
/// The limit of the beginning.
pub const FIRST: u32 = 20;
/// For AIMD, a call that takes longer is an overload, in milliseconds: twice what one takes when the service is well.
pub const SLOW: f64 = 40.0;

/// Names a call.
pub type Call = u64;

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one of this stage.
    Aimd,
    /// After TCP Vegas.
    Vegas,
    /// By a long average.
    Gradient2,
}

impl Kind {
    /// All three, in the order in which they are shown.
    pub const ALL: [Kind; 3] = [Kind::Aimd, Kind::Vegas, Kind::Gradient2];

    /// Its name.
    pub fn told(self) -> &'static str {
        match self {
            Kind::Aimd => "AIMD",
            Kind::Vegas => "Vegas",
            Kind::Gradient2 => "Gradient2",
        }
    }

    /// One that has seen nothing yet.
    pub fn fresh(self) -> Box<dyn Law> {
        match self {
            Kind::Aimd => Box::new(Aimd::new()),
            Kind::Vegas => Box::new(Measuring::new(Vegas::new())),
            Kind::Gradient2 => Box::new(Measuring::new(Gradient2::new())),
        }
    }
}

/// A limit, as the simulation sees it.
pub trait Law {
    /// Whether a call may begin. If so, it is under way.
    fn begin(&mut self, call: Call) -> bool;

    /// A call that was under way has been answered, after so many milliseconds.
    fn end(&mut self, call: Call, took: f64);

    /// How many calls may be under way.
    fn limit(&self) -> u32;
}

struct Aimd {
    limit: Limit,
    slots: BTreeMap<Call, Slot>,
}

impl Aimd {
    fn new() -> Self {
        let settings = Settings { least: LEAST, most: MOST, first: FIRST, keeps: 90 };
        Aimd { limit: Limit::new(settings), slots: BTreeMap::new() }
    }
}

impl Law for Aimd {
    fn begin(&mut self, call: Call) -> bool {
        let slot = self.limit.begin().ok();
        slot.map(|slot| self.slots.insert(call, slot)).is_some()
    }

    fn end(&mut self, call: Call, took: f64) {
        let slot = self.slots.remove(&call).expect("a call ends once");
        self.limit.end(slot, if took > SLOW { Ending::Overload } else { Ending::Success });
    }

    fn limit(&self) -> u32 {
        self.limit.limit()
    }
}

/// What a limit makes of the time that a call took.
trait Measure {
    /// A call took so many milliseconds. When it began, `under_way` were under way, itself among them.
    fn sample(&mut self, took: f64, under_way: u32);

    /// The limit, before it is rounded down.
    fn estimate(&self) -> f64;
}

/// A limit that measures the delay.
struct Measuring<M> {
    measure: M,
    /// For each call, how many were under way when it began.
    under_way: BTreeMap<Call, u32>,
}

impl<M> Measuring<M> {
    fn new(measure: M) -> Self {
        Measuring { measure, under_way: BTreeMap::new() }
    }
}

impl<M: Measure> Law for Measuring<M> {
    fn begin(&mut self, call: Call) -> bool {
        let before = self.under_way.len() as u32;
        before < self.limit() && self.under_way.insert(call, before + 1).is_none()
    }

    fn end(&mut self, call: Call, took: f64) {
        let under_way = self.under_way.remove(&call).expect("a call ends once");
        self.measure.sample(took, under_way);
    }

    fn limit(&self) -> u32 {
        self.measure.estimate() as u32
    }
}

fn bounded(limit: f64) -> f64 {
    limit.clamp(f64::from(LEAST), f64::from(MOST))
}

struct Vegas {
    limit: f64,
    /// The shortest time since the last probe.
    shortest: Option<f64>,
    samples: f64,
    /// After so many samples, for each call that the limit allows, the shortest time is forgotten.
    probes_after: f64,
    random: Random,
}

impl Vegas {
    fn new() -> Self {
        let mut vegas = Vegas {
            limit: f64::from(FIRST),
            shortest: None,
            samples: 0.0,
            probes_after: 0.0,
            random: Random { state: 1, stream: 0 },
        };
        vegas.begin_anew();
        vegas
    }

    fn begin_anew(&mut self) {
        self.samples = 0.0;
        self.probes_after = 30.0 * (0.5 + self.random.unit() / 2.0);
    }

    fn changed(&self, took: f64, shortest: f64) -> f64 {
        let step = self.limit.log10().floor().max(1.0);
        let waiting = (self.limit * (1.0 - shortest / took)).ceil();
        match waiting {
            _ if waiting <= step => self.limit + 6.0 * step,
            _ if waiting < 3.0 * step => self.limit + step,
            _ if waiting > 6.0 * step => self.limit - step,
            _ => self.limit,
        }
    }
}

impl Measure for Vegas {
    fn sample(&mut self, took: f64, under_way: u32) {
        self.samples += 1.0;
        if self.samples >= self.probes_after * self.limit {
            self.begin_anew();
            self.shortest = Some(took);
            return;
        }
        match self.shortest {
            Some(shortest) if took >= shortest => {
                if f64::from(2 * under_way) >= self.limit {
                    self.limit = bounded(self.changed(took, shortest));
                }
            }
            _ => self.shortest = Some(took),
        }
    }

    fn estimate(&self) -> f64 {
        self.limit
    }
}

struct Gradient2 {
    limit: f64,
    average: Average,
}

impl Gradient2 {
    fn new() -> Self {
        Gradient2 { limit: f64::from(FIRST), average: Average { value: 0.0, count: 0.0 } }
    }
}

impl Measure for Gradient2 {
    fn sample(&mut self, took: f64, under_way: u32) {
        let average = self.average.add(took);
        if average > 2.0 * took {
            self.average.value *= 0.95;
        }
        if f64::from(under_way) < self.limit / 2.0 {
            return;
        }
        let gradient = (1.5 * average / took).clamp(0.5, 1.0);
        self.limit = bounded(0.8 * self.limit + 0.2 * (self.limit * gradient + 4.0));
    }

    fn estimate(&self) -> f64 {
        self.limit
    }
}

/// The mean of the first ten values, and from then on an exponential average with a window of 600.
struct Average {
    value: f64,
    count: f64,
}

impl Average {
    fn add(&mut self, sample: f64) -> f64 {
        let weight = if self.count < 10.0 { 1.0 / (self.count + 1.0) } else { 2.0 / 601.0 };
        self.count += 1.0;
        self.value += weight * (sample - self.value);
        self.value
    }
}
