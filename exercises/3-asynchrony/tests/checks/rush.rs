//! A rush: few requests, then many times what the workers can do, then few again, in virtual time.
//!
//! The exhaustive worlds say that each decision is right. A run like this says what the decisions come to: how soon the queue sheds, how long
//! accepted requests wait, and how soon all is as before.

use std::collections::BTreeMap;

use testkit::check::{Check, Failure, Proven, Rule};

use super::workers::{END, EXPIRED, ONE_ANSWER};
use crate::subject::admission::queue::{Queue, Refusal, Request, Settings};
use crate::subject::time::Millis;

const IDLE: Rule = Rule::new(
    "idle never sheds",
    "Workers that can do what comes in refuse nothing, not even when a burst has come in at once.",
    "facebook/folly, folly/executors/Codel.h: if every request has waited too long during the past interval",
    "3-asynchrony/admission.md#the-wrong-measure",
);

const SOON: Rule = Rule::new(
    "within two intervals",
    "In an overload, requests are refused no later than two intervals after the wait has gone above the target, and no later than two services after that.",
    "facebook/folly, folly/executors/Codel.cpp",
    "3-asynchrony/admission.md#the-shortest-wait",
);

const WAITS: Rule = Rule::new(
    "a short wait, or a refusal",
    "Once the queue sheds, a request that is started has waited for at most twice the target and one service.",
    "facebook/folly, folly/executors/Codel.cpp",
    "3-asynchrony/admission.md#the-shortest-wait",
);

const GOODPUT: Rule = Rule::new(
    "no worker waits while requests do",
    "In an overload, all workers are busy all the time.",
    "Beyer et al. 2016, Site Reliability Engineering, chapter 22, Load Shedding and Graceful Degradation",
    "3-asynchrony/admission.md#the-wrong-one",
);

const BACK: Rule = Rule::new(
    "back within one interval",
    "One interval and one service after the load has gone, and from then on, nothing is refused.",
    "PowerDNS/pdns, issue 4311: a server that stays overloaded",
    "3-asynchrony/admission.md#never-again",
);

/// One rush, and the workers that it comes to.
#[derive(Clone, Copy)]
pub struct Rush {
    pub what: &'static str,
    pub settings: Settings,
    pub workers: u64,
    /// How long each request takes.
    pub service: Millis,
    /// How many times as many requests come in the rush as the workers can do.
    pub times: u64,
    /// How long clients wait.
    pub patience: Millis,
    /// How many requests come at once, now and then, when little else comes.
    pub burst: u64,
}

/// Until then, only bursts come: the queue has nothing to look at between one and the next.
const ALONE: Millis = 2_000;
/// When the rush begins and ends, and when the run does.
const BEGINS: Millis = 3_000;
const ENDS: Millis = 6_000;
const OVER: Millis = 10_000;

/// A request that was started.
struct Start {
    at: Millis,
    wait: Millis,
}

/// A run: the queue, and all that has happened.
struct Run {
    queue: Queue,
    /// When each request came that is neither started nor refused yet.
    waiting: BTreeMap<Request, Millis>,
    starts: Vec<Start>,
    refusals: Vec<(Millis, Request, Refusal)>,
    /// For how many milliseconds of the rush workers had nothing to do.
    idle: Millis,
    /// How many requests have waited at once.
    longest: usize,
}

impl Rush {
    /// How many requests come at this moment.
    fn arrivals(&self, now: Millis) -> u64 {
        let (service, workers) = (self.service, self.workers);
        if (BEGINS..ENDS).contains(&now) {
            // as many as are due by the end of this millisecond, and were not by its beginning
            let due = |moment: Millis| (moment - BEGINS) * self.times * workers / service;
            return due(now + 1) - due(now);
        }
        match now % 1_000 {
            75 => self.burst,
            _ if now == 0 => 1,
            phase if phase % (10 * service) == 0 && now >= ALONE => 1,
            _ => 0,
        }
    }

    /// Lets the run happen, and judges it.
    pub fn judge(&self, check: &mut Check) -> Proven {
        let run = self.happens(check)?;
        let what = self.what;
        let Settings { capacity, target, interval } = self.settings;
        check.requires(END, run.longest <= capacity, || {
            format!("{what}: {} requests wait at once, and there is room for {capacity}.", run.longest)
        })?;
        let (within, last) = (interval + self.service, ENDS + interval + self.service);
        for &(at, request, refusal) in &run.refusals {
            check.requires(IDLE, at >= BEGINS, || {
                format!("{what}: at {at}, long before the rush, request {request} is refused: {refusal:?}.")
            })?;
            check.requires(BACK, at <= last, || {
                format!("{what}: the rush is over at {ENDS}, and at {at} request {request} is refused: {refusal:?}.")
            })?;
        }
        check.requires(GOODPUT, run.idle == 0, || {
            format!("{what}: during the rush, workers have nothing to do for {} ms.", run.idle)
        })?;
        if self.patience <= 2 * target {
            check.evidence(format!("{what}: nothing expired is started, and no worker is idle"));
            return Ok(()); // clients leave before their requests can be too old
        }
        let above = run.starts.iter().find(|start| start.at >= BEGINS && start.wait > target);
        let above = above.map_or(OVER, |start| start.at);
        let shed = run.refusals.iter().find(|(.., refusal)| *refusal == Refusal::Overloaded);
        let sheds = shed.map_or(OVER, |&(at, ..)| at);
        check.requires(SOON, sheds <= above + 2 * within, || {
            let shed = shed.map_or("never".to_owned(), |(at, ..)| format!("at {at} for the first time"));
            format!(
                "{what}: the rush begins at {BEGINS}, and from {above} on requests wait for more than {target}. The queue refuses what is old {shed}. \
                 An interval is {interval}, and a service {}.",
                self.service
            )
        })?;
        let shedding = || run.starts.iter().filter(|start| (sheds..ENDS).contains(&start.at));
        let slowest = shedding().max_by_key(|start| start.wait).map_or((0, 0), |start| (start.at, start.wait));
        check.requires(WAITS, slowest.1 <= 2 * target + self.service, || {
            let (at, wait) = slowest;
            format!(
                "{what}: the queue sheds since {sheds}. At {at} a request is started that has waited for {wait}. The target is {target}, and a service takes {}.",
                self.service
            )
        })?;
        check.evidence(format!(
            "{what}: the queue sheds {} ms after the wait has gone above {target}; from then on requests wait for {} ms at most",
            sheds.saturating_sub(above),
            slowest.1
        ));
        Ok(())
    }

    fn happens(&self, check: &mut Check) -> Result<Run, Box<Failure>> {
        let mut run = Run {
            queue: Queue::new(self.settings),
            waiting: BTreeMap::new(),
            starts: Vec::new(),
            refusals: Vec::new(),
            idle: 0,
            longest: 0,
        };
        let mut busy_until = vec![0; self.workers as usize];
        let mut requests = 0;
        for now in 0..OVER {
            for until in &mut busy_until {
                if *until == now && now > 0 {
                    *until = self.asks(check, &mut run, now)?;
                }
            }
            for _ in 0..self.arrivals(now) {
                requests += 1;
                match run.queue.offer(requests, now + self.patience, now) {
                    Ok(()) => {
                        run.waiting.insert(requests, now);
                    }
                    Err(refusal) => run.refusals.push((now, requests, refusal)),
                }
                let idle = busy_until.iter().position(|&until| until <= now);
                if let Some(idle) = idle.filter(|_| !run.waiting.is_empty()) {
                    busy_until[idle] = self.asks(check, &mut run, now)?;
                }
            }
            run.longest = run.longest.max(run.waiting.len());
            if (BEGINS + self.service..ENDS).contains(&now) {
                run.idle += busy_until.iter().filter(|&&until| until <= now).count() as Millis;
            }
        }
        check.requires(ONE_ANSWER, run.waiting.is_empty(), || {
            format!("{}: when all is over, {} requests are neither started nor refused.", self.what, run.waiting.len())
        })?;
        Ok(run)
    }

    /// A worker asks. Says until when it is busy.
    fn asks(&self, check: &mut Check, run: &mut Run, now: Millis) -> Result<Millis, Box<Failure>> {
        let taken = run.queue.take(now);
        for &(request, refusal) in &taken.refused {
            let waited = run.waiting.remove(&request);
            check.requires(ONE_ANSWER, waited.is_some(), || {
                format!("{}: at {now} request {request} is refused, which does not wait (any more).", self.what)
            })?;
            run.refusals.push((now, request, refusal));
        }
        let Some(request) = taken.start else { return Ok(now) };
        let since = run.waiting.remove(&request);
        check.requires(ONE_ANSWER, since.is_some(), || {
            format!("{}: at {now} request {request} is started, which does not wait (any more).", self.what)
        })?;
        let wait = now - since.unwrap_or(now);
        check.requires(EXPIRED, wait < self.patience, || {
            format!("{}: at {now} request {request} is started, whose client has waited for {wait} ms.", self.what)
        })?;
        run.starts.push(Start { at: now, wait });
        Ok(now + self.service)
    }
}
