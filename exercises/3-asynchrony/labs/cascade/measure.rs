//! What the figures come from.

use std::ops::Range;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::load::{Sent, Told, Way};
use super::run::Run;
use super::script::Phase;

/// The plots' unit of time.
pub const BIN: Duration = Duration::from_millis(500);

/// A run whose generator was later than this, for one of a hundred requests of a phase, is void.
pub const LAG: Duration = Duration::from_millis(25);

/// A path has recovered when so much of what came within a second was answered.
const RECOVERED: f64 = 0.9;

/// Latencies of some requests, in microseconds, to three digits.
#[derive(Debug)]
pub struct Latencies(Histogram<u32>);

impl Latencies {
    /// Those of requests that were answered.
    pub fn of<'s>(sent: impl IntoIterator<Item = &'s Sent>) -> Self {
        Latencies::new(sent.into_iter().filter(|sent| sent.told == Told::Answer).map(|sent| sent.took))
    }

    fn new(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut histogram = Histogram::new(3).expect("three digits can be kept");
        for time in times {
            histogram.record(time.as_micros() as u64).expect("a histogram of 32 bits that grows takes any time");
        }
        Latencies(histogram)
    }

    /// The latency that so many of a hundred do not exceed. None without any.
    pub fn percentile(&self, of_hundred: f64) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.value_at_percentile(of_hundred)))
    }
}

/// What was due within a time.
pub fn within(run: &Run, way: Way, time: Range<Duration>) -> impl Iterator<Item = &Sent> {
    run.sent.iter().filter(move |sent| sent.way == way && time.contains(&sent.due))
}

/// When a phase was.
pub fn time(run: &Run, number: usize) -> (Phase, Range<Duration>) {
    let (from, phase) = run.script.moments().nth(number).expect("the script has that phase");
    (phase, from..from + Duration::from_secs(phase.seconds))
}

/// How many requests a second were answered in time, of those that came within a time.
pub fn goodput(run: &Run, way: Way, time: Range<Duration>) -> f64 {
    let seconds = (time.end - time.start).as_secs_f64();
    within(run, way, time).filter(|sent| sent.told == Told::Answer).count() as f64 / seconds
}

/// How many came, a second.
pub fn offered(run: &Run, way: Way, time: Range<Duration>) -> f64 {
    let seconds = (time.end - time.start).as_secs_f64();
    within(run, way, time).count() as f64 / seconds
}

/// The best goodput of any phase.
pub fn peak(run: &Run, way: Way) -> f64 {
    let goodputs = (0..run.script.phases.len()).map(|number| goodput(run, way, time(run, number).1));
    goodputs.fold(0.0, f64::max)
}

/// How long after the beginning of a phase it takes until a whole second goes well; none if none does.
pub fn recovery(run: &Run, way: Way, number: usize) -> Option<Duration> {
    let (_, time) = time(run, number);
    let second = Duration::from_secs(1);
    let starts = (0..).map(|step| time.start + BIN / 5 * step).take_while(|start| *start + second <= time.end);
    let is_well = |start: &Duration| {
        let span = *start..*start + second;
        goodput(run, way, span.clone()) >= RECOVERED * offered(run, way, span)
    };
    starts.into_iter().find(is_well).map(|start| start - time.start)
}

/// The worst lag of the generator that 99 of 100 requests of a phase did not exceed.
pub fn lag(run: &Run) -> Duration {
    let lag = |number| {
        let (_, time) = time(run, number);
        let lags = run.sent.iter().filter(|sent| time.contains(&sent.due)).map(|sent| sent.lag);
        Latencies::new(lags).percentile(99.0).unwrap_or_default()
    };
    (0..run.script.phases.len()).map(lag).max().unwrap_or_default()
}

/// Whether the figures of a run mean anything.
pub fn is_void(run: &Run) -> bool {
    lag(run) > LAG
}

/// The bins of a script.
pub fn bins(run: &Run) -> impl Iterator<Item = Range<Duration>> + use<> {
    let lasts = run.script.lasts();
    (0..).map(|number| BIN * number..BIN * (number + 1)).take_while(move |bin| bin.end <= lasts)
}

/// How old the lines were that were stored within a time: the median.
pub fn age(run: &Run, time: &Range<Duration>) -> Option<Duration> {
    let ages = run.stored.iter().filter(|stored| time.contains(&stored.at)).map(|stored| stored.age);
    Latencies::new(ages).percentile(50.0)
}
