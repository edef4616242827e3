//! Task `deadline`: work that ends when no one waits for it any more.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use testkit::check::{Check, Proven, Rule, check};
use testkit_async::cancel::{self, Ending};
use testkit_async::paused::{self, Left, RUNS};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::downstream::{Call, Downstream, Event, Pace, Panic, Place, sent, told};
use crate::subject::deadline::{Answer, store_lines};

const IN_TIME: Rule = Rule::new(
    "what is in time is stored",
    "If there is time enough, the lines are enriched, staged, replicated and committed, in this order, and the client is told so.",
    "contract of `store_lines`",
    "3-asynchrony/deadline.md#the-idea",
);

const TOLD: Rule = Rule::new(
    "stored means committed",
    "A client is told `Stored` if and only if its lines were committed.",
    "contract of `store_lines`",
    "3-asynchrony/deadline.md#invariants-to-keep",
);

const ENRICHED: Rule = Rule::new(
    "what was enriched is stored",
    "The store is given the lines that `enrich` has answered with, and is told of what it has staged itself.",
    "contract of `store_lines`",
    "3-asynchrony/deadline.md#the-idea",
);

const ENDS: Rule = Rule::new(
    "it ends at the deadline",
    "When the deadline has come, the request is over, whatever it was waiting for.",
    "gRPC, Deadlines; Beyer et al. 2016, Site Reliability Engineering, chapter 22",
    "3-asynchrony/deadline.md#each-call-has-its-own",
);

const LEFT: Rule = Rule::new(
    "the time that is left",
    "Each call is told how much time is left when it begins, and none begins when none is left.",
    "gRPC, PROTOCOL-HTTP2: grpc-timeout; Beyer et al. 2016, Site Reliability Engineering, chapter 22: deadline propagation",
    "3-asynchrony/deadline.md#the-deadline-begins-anew",
);

const UNDONE: Rule = Rule::new(
    "no half write",
    "What was staged is either committed or discarded, and only once, however the request ends.",
    "Oxide, RFD 400: dealing with cancel safety in async Rust",
    "3-asynchrony/deadline.md#half-a-write",
);

const GIVEN_BACK: Rule = Rule::new(
    "places are given back",
    "When a request has ended or was dropped, its place is free.",
    "Oxide, RFD 400: dealing with cancel safety in async Rust",
    "3-asynchrony/deadline.md#a-place-is-lost",
);

const NOTHING_LEFT: Rule = Rule::new(
    "no work for a client that has gone",
    "When a request has ended or was dropped, no call that it made is under way, and no task of its is alive.",
    "gRPC, Cancellation: a server should stop what it still computes for a call that was cancelled",
    "3-asynchrony/deadline.md#it-goes-on",
);

const PLACES: Rule = Rule::new(
    "a place in hand",
    "The store is called with a place in hand, `commit` and `discard` included, and a place is not held for anything else.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Bulkheads",
    "3-asynchrony/deadline.md#held-too-long",
);

/// One request, with one place.
#[derive(Clone, Copy)]
struct Request {
    pace: Pace,
    deadline: Duration,
    /// After how many milliseconds the place is free.
    busy: u64,
    /// How often it waits before it is dropped.
    waits: usize,
    /// The call that panics.
    panics: Option<Call>,
}

/// How a request came to its end, when, and what is left of it.
struct Ended {
    /// Nothing, if it was a call that panicked.
    ending: Option<Ending<Answer>>,
    after: Duration,
    free: usize,
    left: Left,
    /// What happened at the store while the request had no place?
    without_a_place: Option<&'static str>,
    mixed_up: Option<String>,
    events: Vec<Event>,
}

impl Request {
    fn new(pace: Pace, deadline: Duration, busy: u64) -> Self {
        Request { pace, deadline, busy, waits: usize::MAX, panics: None }
    }

    fn told(&self) -> String {
        let Request { pace, deadline, busy, .. } = self;
        format!("{pace}, a place is free after {busy} ms, and the deadline is {deadline:?} away.")
    }

    fn made(self) -> Ended {
        let place = Place::new();
        let downstream = Downstream::new(self.pace).with_place(&place).that_panics(self.panics);
        let after = Cell::new(Duration::ZERO);
        let run = || {
            paused::run(async {
                let begun = Instant::now();
                let other = async {
                    let _place = place.semaphore.acquire().await;
                    place.is_held_by_another.set(true);
                    sleep(Duration::from_millis(self.busy)).await;
                    place.is_held_by_another.set(false);
                };
                let own = async {
                    let enrich = downstream.enrich();
                    let stored = store_lines(sent(), begun + self.deadline, &place.semaphore, &enrich, &downstream);
                    let ending = cancel::after(self.waits, stored).await;
                    after.set(begun.elapsed());
                    ending
                };
                if self.busy == 0 { own.await } else { tokio::join!(biased; other, own).1 }
            })
        };
        let (ending, left) = match catch_unwind(AssertUnwindSafe(run)) {
            Ok((ending, left)) => (Some(ending), left),
            Err(panic) if panic.is::<Panic>() => (None, Left { tasks: 0 }),
            Err(panic) => resume_unwind(panic),
        };
        Ended {
            ending,
            after: after.get(),
            free: place.semaphore.available_permits(),
            left,
            without_a_place: downstream.without_a_place(),
            mixed_up: downstream.mixed_up(),
            events: downstream.events(),
        }
    }
}

/// What holds however a request ends.
fn leaves_nothing(check: &mut Check, how: &str, ended: &Ended) -> Proven {
    let story = || format!("{how}{}", told(&ended.events));
    check.requires(GIVEN_BACK, ended.free == 1, || {
        format!("{} Afterwards {} of 1 places are free.", story(), ended.free)
    })?;
    let under_way = Event::under_way(&ended.events);
    check.requires(NOTHING_LEFT, under_way.is_empty() && ended.left.tasks == 0, || {
        format!("{} Calls still under way: {under_way:?}; tasks alive: {}.", story(), ended.left.tasks)
    })?;
    let settled = Event::settled(&ended.events);
    check.requires(UNDONE, settled, || format!("{} What was staged is not settled exactly once.", story()))?;
    let committed = ended.events.contains(&Event::Committed);
    let told = match ended.ending {
        Some(Ending::Finished(answer)) => (answer == Answer::Stored) == committed,
        Some(Ending::Cancelled) | None => !committed,
    };
    check.requires(TOLD, told, || format!("{} The client was told {:?}.", story(), ended.ending))?;
    check.requires(ENRICHED, ended.mixed_up.is_none(), || {
        format!("{} {}", story(), ended.mixed_up.as_deref().unwrap_or_default())
    })?;
    check.requires(PLACES, ended.without_a_place.is_none(), || {
        let what = ended.without_a_place.unwrap_or_default();
        format!("{} There is one place for calls to the store. The request did not hold it when {what}.", story())
    })
}

/// Delays of the three calls, in milliseconds.
fn paces() -> impl Iterator<Item = Pace> {
    let spans = [10, 40];
    spans.into_iter().flat_map(move |enrich| {
        spans.into_iter().flat_map(move |stage| spans.map(|replicate| Pace { enrich, stage, replicate }))
    })
}

#[test]
pub fn what_is_in_time_is_stored() {
    check(|check| {
        let mut requests = 0;
        for pace in paces() {
            for busy in [0, 30, 90] {
                for deadline in [1_000_000, 999_999].map(Duration::from_micros) {
                    requests += 1;
                    let request = Request::new(pace, deadline, busy);
                    for _ in 0..RUNS / 2 {
                        let ended = request.made();
                        let how = request.told();
                        let order = [Call::Enrich, Call::Stage, Call::Replicate];
                        let in_order =
                            Event::calls(&ended.events).eq(order) && ended.events.last() == Some(&Event::Committed);
                        let stored = ended.ending == Some(Ending::Finished(Answer::Stored));
                        check.requires(IN_TIME, in_order && stored, || {
                            format!("{how}{} The client was told {:?}.", told(&ended.events), ended.ending)
                        })?;
                        is_told_what_is_left(check, &how, deadline, &ended)?;
                        leaves_nothing(check, &how, &ended)?;
                    }
                }
            }
        }
        check.evidence(format!("{requests} requests that have time enough, {} times each", RUNS / 2));
        Ok(())
    });
}

fn is_told_what_is_left(check: &mut Check, how: &str, deadline: Duration, ended: &Ended) -> Proven {
    let wrong = ended.events.iter().find_map(|event| match *event {
        Event::Began { call, at, left, .. } if at + left != deadline || left.is_zero() => {
            Some(format!("{call:?} begins at {at:?} and is told that {left:?} are left."))
        }
        _ => None,
    });
    check.requires(LEFT, wrong.is_none(), || format!("{how} {}", wrong.unwrap_or_default()))
}

/// Deadlines that come at any moment: before, after and just when a call ends or the place becomes free, and at parts of a millisecond.
fn deadlines(pace: Pace, busy: u64) -> impl Iterator<Item = Duration> {
    let Pace { enrich, stage, replicate } = pace;
    let staged = enrich.max(busy) + stage;
    let sharp = [enrich, enrich.max(busy), staged, staged + replicate].map(|end| 1000 * end);
    let parts = sharp.into_iter().flat_map(|end| [end - 500, end - 1, end, end + 1]);
    parts.chain((0..150_000).step_by(7_001)).map(Duration::from_micros)
}

#[test]
pub fn it_ends_at_the_deadline_whatever_it_waits_for() {
    check(|check| {
        let mut requests = 0;
        for pace in paces() {
            for busy in [0, 30, 500] {
                for deadline in deadlines(pace, busy) {
                    let enough = Duration::from_millis(pace.enrich.max(busy) + pace.stage + pace.replicate);
                    requests += 1;
                    let request = Request::new(pace, deadline, busy);
                    for _ in 0..RUNS / 8 {
                        let ended = request.made();
                        let how = request.told();
                        let took = ended.after;
                        check.requires(
                            ENDS,
                            took.abs_diff(enough.min(deadline)) <= Duration::from_millis(1),
                            || format!("{how}{} It ended after {took:?}.", told(&ended.events)),
                        )?;
                        is_told_what_is_left(check, &how, deadline, &ended)?;
                        leaves_nothing(check, &how, &ended)?;
                    }
                }
            }
        }
        check.evidence(format!("{requests} requests whose deadlines come at any moment, {} times each", RUNS / 8));
        Ok(())
    });
}

#[test]
pub fn it_may_be_dropped_wherever_it_waits() {
    check(|check| {
        let mut dropped = 0;
        for pace in paces() {
            for busy in [0, 90] {
                for deadline in [60, 1000].map(Duration::from_millis) {
                    for waits in 1..=16 {
                        let request = Request { waits, ..Request::new(pace, deadline, busy) };
                        for _ in 0..RUNS / 8 {
                            let ended = request.made();
                            dropped += usize::from(ended.ending == Some(Ending::Cancelled));
                            let how = format!(
                                "{} The client leaves when its request waits for the {waits}th time.",
                                request.told()
                            );
                            leaves_nothing(check, &how, &ended)?;
                        }
                    }
                }
            }
        }
        check.requires(NOTHING_LEFT, dropped > 0, || {
            "A request never waits for anything, so it was never dropped.".to_owned()
        })?;
        check.evidence(format!("{dropped} requests that were dropped, at every `await` that they came to"));
        Ok(())
    });
}

#[test]
pub fn a_call_may_panic() {
    check(|check| {
        let mut panicked = 0;
        for pace in paces() {
            for busy in [0, 90] {
                for panics in [Call::Enrich, Call::Stage, Call::Replicate] {
                    let request = Request { panics: Some(panics), ..Request::new(pace, Duration::from_secs(1), busy) };
                    for _ in 0..RUNS / 8 {
                        let ended = request.made();
                        panicked += usize::from(ended.ending.is_none());
                        leaves_nothing(check, &format!("{} {panics:?} panics.", request.told()), &ended)?;
                    }
                }
            }
        }
        check.evidence(format!("{panicked} requests, each with a call that panics"));
        Ok(())
    });
}

#[test]
pub fn a_place_is_for_the_store() {
    check(|check| {
        for _ in 0..RUNS {
            let pace = Pace { enrich: 200, stage: 10, replicate: 10 };
            let (slow, quick) = (Downstream::new(pace), Downstream::new(Pace { enrich: 10, ..pace }));
            let places = Semaphore::new(1);
            let (took, left) = paused::run(async {
                let begun = Instant::now();
                let deadline = begun + Duration::from_secs(10);
                let one = async {
                    let (enrich, store) = (slow.enrich(), &slow);
                    store_lines(sent(), deadline, &places, &enrich, store).await
                };
                let other = async {
                    let (enrich, store) = (quick.enrich(), &quick);
                    store_lines(sent(), deadline, &places, &enrich, store).await;
                    begun.elapsed().as_millis()
                };
                tokio::join!(one, other).1
            });
            check.requires(PLACES, took <= 31 && left.tasks == 0, || {
                format!(
                    "There is one place. One request is enriched for 200 ms, and another one for 10 ms, before the store takes 20 ms. The second \
                     one is done after {took} ms: the first one held the place that it did not need yet."
                )
            })?;
        }
        check.evidence("a request that is enriched for long, and one that is not: the first does not keep the second from the store");
        Ok(())
    });
}
