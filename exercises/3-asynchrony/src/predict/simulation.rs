//! A discrete-event simulation of the blocking chain.
//!
//! There is a set of events, each with its moment. The simulation takes the earliest, lets it happen, and puts in what follows from it.
//! Nothing happens between two events, so ten seconds of a chain take some milliseconds. The same [`Scenario`] gives the same [`Run`].
//!
//! # The chain
//!
//! The gateway has a pool of threads for both paths, and in front of it a queue in arrival order that has no end. A **line** holds a thread
//! of the gateway while `enrich` has it; a thread of `enrich` while that works, and while `store` has it; and a place of the `store`. A
//! **tail** holds a thread of the gateway, and a place of `tail`. Each of these parts has a queue in arrival order, without an end, too.
//!
//! A caller that has waited for [`timeout`](Parameters::timeout) takes its thread back, and says that there was an error. Whom it called
//! does not notice: a blocking server looks at its client only when it answers. So the work stays in its queue, and is done for nobody. In
//! the same way clients leave after their [`patience`](Parameters::patience), and what they asked for stays in the gateway's queue.
//!
//! # Left out on purpose
//!
//! The network, the gateway's own work, retries, and the processor: what takes time here is waiting.

use std::collections::{BTreeSet, VecDeque};

use super::random::Random;
use crate::chain::parameters::{Load, Parameters};
use crate::time::Millis;

/// A moment or a span, in microseconds since the simulation began. Milliseconds would be too coarse for spans that are drawn.
pub type Micros = u64;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The chain at the beginning.
    pub parameters: Parameters,
    /// What comes at the beginning.
    pub load: Load,
    /// Whether spans vary.
    pub spans: Spans,
    /// What changes on the way, and when. In order of time.
    pub changes: Vec<(Millis, Change)>,
    /// How long is simulated.
    pub lasts: Millis,
}

/// How much the spans between two arrivals, and the spans that work takes, differ from their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spans {
    /// All are as long as their mean.
    Constant,
    /// Each is drawn from an exponential distribution with that mean, by random numbers from this seed.
    Exponential(u64),
}

/// What may change while a chain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// More or fewer requests come.
    Load(Load),
    /// `store` takes so long for each line that it begins with from now on. Lines that it has begun with are not affected.
    StoreTakes(Millis),
}

/// As long as `store` takes when it is dead: an hour, which is longer than any client, timeout or run.
pub const DEAD: Millis = 3_600_000;

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Through `enrich` to `store`.
    Line,
    /// To `tail`, without `store`.
    Tail,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The answer came while its client was waiting. Only this is goodput.
    InTime,
    /// The answer came, and its client had left.
    TooLate,
    /// The gateway waited for its timeout, or heard that `enrich` had.
    Error,
}

/// One request, as the gateway sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Its way.
    pub path: Path,
    /// When it came to the gateway's queue.
    pub arrived: Micros,
    /// When it got a thread of the gateway, if it did.
    pub began: Option<Micros>,
    /// When that thread was free again, and what the gateway said, if the run was long enough.
    pub ended: Option<(Micros, Ending)>,
}

/// A pool of threads or places, and those who wait for one.
#[derive(Clone, Debug, Default)]
struct Pool {
    size: usize,
    in_use: usize,
    waiting: VecDeque<usize>,
    /// Threads times microseconds that they were in use, up to `counted`.
    used: u128,
    counted: Micros,
}

impl Pool {
    fn new(size: u32) -> Self {
        Pool { size: size as usize, ..Pool::default() }
    }

    fn count(&mut self, now: Micros) {
        self.used += self.in_use as u128 * u128::from(now - self.counted);
        self.counted = now;
    }

    /// Whether `request` gets a place at once. If not, it waits.
    fn ask(&mut self, request: usize, now: Micros) -> bool {
        self.count(now);
        let free = self.in_use < self.size;
        if free {
            self.in_use += 1;
        } else {
            self.waiting.push_back(request);
        }
        free
    }

    /// One place becomes free. Says to whom it goes.
    fn give_back(&mut self, now: Micros) -> Option<usize> {
        self.count(now);
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.in_use -= 1;
        }
        next
    }
}

/// What may happen. At the same moment, what is further up happens first: an answer comes before a timeout, and a thread is free again
/// before the next request wants one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The scenario's change of this number.
    Change(usize),
    /// `store` has stored this line.
    Stored(usize),
    /// `tail` has answered this one.
    Tailed(usize),
    /// `enrich` has done its own work for this line, and calls `store`.
    Enriched(usize),
    /// `enrich` has waited for `store` long enough.
    StoreTimesOut(usize),
    /// The gateway has waited for `enrich` or `tail` long enough.
    CallTimesOut(usize),
    /// The next request comes; of the load that came with so many changes.
    Arrives(Path, usize),
}

/// What a simulation has seen.
#[derive(Clone, Debug)]
pub struct Run {
    /// Every request that came, in this order.
    pub requests: Vec<Request>,
    /// Threads of the gateway that were in use, as a mean over the run.
    pub gateway_in_use: f64,
    /// Threads of `enrich`, in the same way.
    pub enrich_in_use: f64,
    /// Places of `store`, in the same way.
    pub store_in_use: f64,
    /// Places of `tail`, in the same way.
    pub tail_in_use: f64,
}

/// Lets the chain run.
pub fn run(scenario: &Scenario) -> Run {
    let mut chain = Chain::new(scenario);
    while let Some((at, event)) = chain.events.pop_first() {
        chain.now = at;
        chain.happens(event);
    }
    chain.seen()
}

/// The chain in the middle of a run. A request is named by its place in `requests`.
struct Chain<'a> {
    scenario: &'a Scenario,
    parameters: Parameters,
    load: Load,
    /// So many changes of the load there were: arrivals of an earlier load do not come any more.
    loads: usize,
    draws: Draws,
    now: Micros,
    events: BTreeSet<(Micros, Event)>,
    requests: Vec<Request>,
    /// Whether a thread of `enrich` works on this line, or waits with it.
    enriching: Vec<bool>,
    gateway: Pool,
    enrich: Pool,
    store: Pool,
    tail: Pool,
}

impl<'a> Chain<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let parameters = scenario.parameters;
        let mut chain = Chain {
            scenario,
            parameters,
            load: scenario.load,
            loads: 0,
            draws: Draws::new(scenario.spans),
            now: 0,
            events: BTreeSet::new(),
            requests: Vec::new(),
            enriching: Vec::new(),
            gateway: Pool::new(parameters.gateway_threads),
            enrich: Pool::new(parameters.enrich_threads),
            store: Pool::new(parameters.store_places),
            tail: Pool::new(parameters.tail_places),
        };
        for (number, (at, _)) in scenario.changes.iter().enumerate() {
            chain.at(*at, Event::Change(number));
        }
        chain.expects(Path::Line);
        chain.expects(Path::Tail);
        chain
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Change(number) => self.changes(self.scenario.changes[number].1),
            Event::Stored(request) => self.stored(request),
            Event::Tailed(request) => {
                if let Some(next) = self.tail.give_back(self.now) {
                    self.after(self.parameters.tail_takes, Event::Tailed(next));
                }
                self.answers(request);
            }
            Event::Enriched(request) => {
                self.at(self.parameters.timeout, Event::StoreTimesOut(request));
                if self.store.ask(request, self.now) {
                    self.after(self.parameters.store_takes, Event::Stored(request));
                }
            }
            Event::StoreTimesOut(request) => {
                if self.leaves_enrich(request) {
                    self.ends(request, Ending::Error);
                }
            }
            Event::CallTimesOut(request) => self.ends(request, Ending::Error),
            Event::Arrives(path, loads) if loads == self.loads => {
                self.arrives(path);
                self.expects(path);
            }
            Event::Arrives(..) => {}
        }
    }

    fn changes(&mut self, change: Change) {
        match change {
            Change::StoreTakes(span) => self.parameters.store_takes = span,
            Change::Load(load) => {
                self.load = load;
                self.loads += 1;
                self.expects(Path::Line);
                self.expects(Path::Tail);
            }
        }
    }

    /// A request comes to the gateway's queue, and perhaps passes it at once.
    fn arrives(&mut self, path: Path) {
        let request = self.requests.len();
        self.requests.push(Request { path, arrived: self.now, began: None, ended: None });
        self.enriching.push(false);
        if self.gateway.ask(request, self.now) {
            self.begins(request);
        }
    }

    /// A thread of the gateway has this request, and makes its call.
    fn begins(&mut self, request: usize) {
        self.requests[request].began = Some(self.now);
        self.at(self.parameters.timeout, Event::CallTimesOut(request));
        match self.requests[request].path {
            Path::Line if self.enrich.ask(request, self.now) => self.enriches(request),
            Path::Tail if self.tail.ask(request, self.now) => {
                self.after(self.parameters.tail_takes, Event::Tailed(request));
            }
            Path::Line | Path::Tail => {}
        }
    }

    fn enriches(&mut self, request: usize) {
        self.enriching[request] = true;
        self.after(self.parameters.enrich_takes, Event::Enriched(request));
    }

    fn stored(&mut self, request: usize) {
        if let Some(next) = self.store.give_back(self.now) {
            self.after(self.parameters.store_takes, Event::Stored(next));
        }
        if self.leaves_enrich(request) {
            self.answers(request);
        }
    }

    /// The thread of `enrich` that has this line becomes free, unless it has given the line up before.
    fn leaves_enrich(&mut self, request: usize) -> bool {
        let had_it = std::mem::take(&mut self.enriching[request]);
        if had_it && let Some(next) = self.enrich.give_back(self.now) {
            self.enriches(next);
        }
        had_it
    }

    fn answers(&mut self, request: usize) {
        let waited = self.now - self.requests[request].arrived;
        let in_time = waited <= self.parameters.patience * 1000;
        self.ends(request, if in_time { Ending::InTime } else { Ending::TooLate });
    }

    /// The gateway's thread that has this request becomes free, unless it has given the request up before.
    fn ends(&mut self, request: usize, ending: Ending) {
        if self.requests[request].ended.is_some() {
            return;
        }
        self.requests[request].ended = Some((self.now, ending));
        if let Some(next) = self.gateway.give_back(self.now) {
            self.begins(next);
        }
    }

    /// Lets the next request of this path come.
    fn expects(&mut self, path: Path) {
        let rate = match path {
            Path::Line => self.load.lines,
            Path::Tail => self.load.tails,
        };
        if rate > 0 {
            let span = self.draws.span(1e6 / f64::from(rate));
            self.notes(span, Event::Arrives(path, self.loads));
        }
    }

    /// Lets `event` happen after a span that may vary.
    fn after(&mut self, span: Millis, event: Event) {
        let span = self.draws.span(span as f64 * 1000.0);
        self.notes(span, event);
    }

    /// Lets `event` happen after exactly this span.
    fn at(&mut self, span: Millis, event: Event) {
        self.notes(span * 1000, event);
    }

    /// Puts an event into the set, unless the run ends before it.
    fn notes(&mut self, span: Micros, event: Event) {
        if self.now + span < self.scenario.lasts * 1000 {
            self.events.insert((self.now + span, event));
        }
    }

    fn seen(mut self) -> Run {
        let end = self.scenario.lasts * 1000;
        let mean = |pool: &mut Pool| {
            pool.count(end);
            pool.used as f64 / end as f64
        };
        Run {
            gateway_in_use: mean(&mut self.gateway),
            enrich_in_use: mean(&mut self.enrich),
            store_in_use: mean(&mut self.store),
            tail_in_use: mean(&mut self.tail),
            requests: self.requests,
        }
    }
}

/// Draws spans around a mean.
struct Draws {
    spans: Spans,
    random: Random,
}

impl Draws {
    fn new(spans: Spans) -> Self {
        let seed = if let Spans::Exponential(seed) = spans { seed } else { 0 };
        Draws { spans, random: Random { state: 0, stream: seed.wrapping_mul(0xd134_2543_de82_ef95) } }
    }

    fn span(&mut self, mean: f64) -> Micros {
        let span = match self.spans {
            Spans::Constant => mean,
            Spans::Exponential(_) => self.random.exponential(mean),
        };
        span.round() as Micros
    }
}

/// What is read from a run. Moments are in microseconds, and a span `from..until` has its beginning and not its end.
impl Run {
    /// How many requests of this path, answered in `from..until`, were answered in time: goodput.
    pub fn in_time(&self, path: Path, from: Micros, until: Micros) -> usize {
        let good = |request: &&Request| {
            request.path == path && matches!(request.ended, Some((at, Ending::InTime)) if (from..until).contains(&at))
        };
        self.requests.iter().filter(good).count()
    }

    /// How many requests of this path the gateway let go in `from..until`, with an answer or an error.
    pub fn left(&self, path: Path, from: Micros, until: Micros) -> usize {
        let left = |request: &&Request| {
            request.path == path && request.ended.is_some_and(|(at, _)| (from..until).contains(&at))
        };
        self.requests.iter().filter(left).count()
    }

    /// How many requests are in the gateway's queue at this moment.
    pub fn queue(&self, at: Micros) -> usize {
        let waits = |request: &&Request| request.arrived <= at && request.began.is_none_or(|began| began > at);
        self.requests.iter().filter(waits).count()
    }

    /// How many threads of the gateway requests of this path have at this moment.
    pub fn held(&self, path: Path, at: Micros) -> usize {
        let holds = |request: &&Request| {
            request.path == path
                && request.began.is_some_and(|began| began <= at)
                && request.ended.is_none_or(|(ended, _)| ended > at)
        };
        self.requests.iter().filter(holds).count()
    }

    /// The first moment, from this one on, at which a request finds no thread of the gateway free; if there is one.
    pub fn exhausted(&self, from: Micros) -> Option<Micros> {
        let waits = |request: &&Request| request.arrived >= from && request.began != Some(request.arrived);
        self.requests.iter().find(waits).map(|request| request.arrived)
    }

    /// The first moment, from this one on, at which the gateway's queue is empty; if there is one.
    pub fn emptied(&self, from: Micros) -> Option<Micros> {
        // The queue is in arrival order. So it is empty when a request has got its thread before the next one came.
        let next = self.requests.iter().skip(1).map(|request| request.arrived);
        let mut begun = self.requests.iter().zip(next).map(|(request, next)| (request.began, next));
        begun.find_map(|(began, next)| began.filter(|&began| began >= from && began < next))
    }

    /// How old the request is that got a thread of the gateway last, as it gets it: the age of what is being served. 0 before the first.
    pub fn age(&self, at: Micros) -> Micros {
        let begun = self.requests.iter().filter(|request| request.began.is_some_and(|began| began <= at));
        begun.max_by_key(|request| request.began).map_or(0, |request| request.began.unwrap_or(0) - request.arrived)
    }

    /// How long requests of this path kept a thread of the gateway, in milliseconds and on average; those that have ended.
    pub fn mean_stay(&self, path: Path) -> f64 {
        let stay = |request: &Request| Some((request.ended?.0 - request.began?) as f64 / 1000.0);
        mean(self.requests.iter().filter(|request| request.path == path).filter_map(stay))
    }

    /// How long it took from the arrival of a request of this path to what the gateway said, in milliseconds, from the shortest to the
    /// longest; those that have ended.
    pub fn latencies(&self, path: Path) -> Vec<f64> {
        let latency = |request: &Request| Some((request.ended?.0 - request.arrived) as f64 / 1000.0);
        let mut all: Vec<f64> =
            self.requests.iter().filter(|request| request.path == path).filter_map(latency).collect();
        all.sort_by(f64::total_cmp);
        all
    }
}

/// The mean of some numbers, and 0 if there are none.
pub fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = numbers.fold((0.0, 0.0), |(count, sum), number| (count + 1.0, sum + number));
    if count > 0.0 { sum / count } else { 0.0 }
}
