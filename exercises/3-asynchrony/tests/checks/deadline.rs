//! Task `deadline`: work that ends when no one waits for it any more.

use std::time::Duration;

use testkit::check::{Check, Proven, Rule, check};
use testkit_async::cancel::{Ending, after};
use testkit_async::paused::{self, Left, RUNS};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::downstream::{Call, Downstream, Event, Pace, told};
use crate::subject::deadline::{Answer, Lines, store_lines};

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
    "The store is called with a place in hand, and a place is not held for anything else.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Bulkheads",
    "3-asynchrony/deadline.md#held-too-long",
);

/// How a request came to its end, when, and what is left of it.
struct Ended {
    ending: Ending<Answer>,
    after: Duration,
    free: usize,
    left: Left,
    /// Was the store called while its place was free?
    without_a_place: bool,
    events: Vec<Event>,
}

/// One request, which has `deadline` milliseconds, with one place that becomes free after `busy` milliseconds. It is dropped when it has
/// waited so often.
fn request(pace: Pace, deadline: u64, busy: u64, waits: usize) -> Ended {
    let places = Semaphore::new(1);
    let downstream = Downstream::new(pace).with_places(&places);
    let ((ending, after), left) = paused::run(async {
        let begun = Instant::now();
        let other = async {
            let _place = places.acquire().await;
            sleep(Duration::from_millis(busy)).await;
        };
        let own = async {
            let deadline = begun + Duration::from_millis(deadline);
            let lines = Lines("sign-in".to_owned());
            let enrich = downstream.enrich();
            let ending = after(waits, store_lines(lines, deadline, &places, &enrich, &downstream)).await;
            (ending, begun.elapsed())
        };
        if busy == 0 { own.await } else { tokio::join!(biased; other, own).1 }
    });
    Ended {
        ending,
        after,
        free: places.available_permits(),
        left,
        without_a_place: downstream.without_a_place(),
        events: downstream.events(),
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
        Ending::Finished(answer) => (answer == Answer::Stored) == committed,
        Ending::Cancelled => !committed,
    };
    check.requires(TOLD, told, || format!("{} The client was told {:?}.", story(), ended.ending))?;
    check.requires(PLACES, !ended.without_a_place, || {
        format!("{} The store was called while its only place was free, so not with that place in hand.", story())
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
        for pace in paces() {
            for busy in [0, 30, 90] {
                for _ in 0..RUNS {
                    let ended = request(pace, 1000, busy, usize::MAX);
                    let how = format!("{pace}, a place is free after {busy} ms, and the deadline is 1000 ms away.");
                    let order = [Call::Enrich, Call::Stage, Call::Replicate];
                    let in_order =
                        Event::calls(&ended.events).eq(order) && ended.events.last() == Some(&Event::Committed);
                    let stored = ended.ending == Ending::Finished(Answer::Stored);
                    check.requires(IN_TIME, in_order && stored, || {
                        format!("{how}{} The client was told {:?}.", told(&ended.events), ended.ending)
                    })?;
                    is_told_what_is_left(check, &how, 1000, &ended)?;
                    leaves_nothing(check, &how, &ended)?;
                }
            }
        }
        check.evidence(format!("24 requests that have time enough, {RUNS} times each"));
        Ok(())
    });
}

fn is_told_what_is_left(check: &mut Check, how: &str, deadline: u64, ended: &Ended) -> Proven {
    let wrong = ended.events.iter().find_map(|event| match *event {
        Event::Began { call, at, left, .. } if left.as_millis() as u64 + at != deadline || left.is_zero() => {
            Some(format!("{call:?} begins at {at} ms and is told that {} ms are left.", left.as_millis()))
        }
        _ => None,
    });
    check.requires(LEFT, wrong.is_none(), || format!("{how} {}", wrong.unwrap_or_default()))
}

#[test]
pub fn it_ends_at_the_deadline_whatever_it_waits_for() {
    check(|check| {
        let mut requests = 0;
        for pace in paces() {
            for busy in [0, 30, 500] {
                for deadline in (0_u64..150).step_by(7) {
                    let enough = pace.enrich.max(busy) + pace.stage + pace.replicate;
                    if deadline.abs_diff(enough) < 2 {
                        continue; // both happen at once
                    }
                    requests += 1;
                    for _ in 0..RUNS / 8 {
                        let ended = request(pace, deadline, busy, usize::MAX);
                        let how =
                            format!("{pace}, a place is free after {busy} ms, and the deadline is {deadline} ms away.");
                        let end = enough.min(deadline);
                        let took = ended.after.as_millis() as u64;
                        check.requires(ENDS, took.abs_diff(end) <= 1, || {
                            format!("{how}{} It ended after {took} ms.", told(&ended.events))
                        })?;
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
                for deadline in [60, 1000] {
                    for waits in 1..=16 {
                        for _ in 0..RUNS / 8 {
                            let ended = request(pace, deadline, busy, waits);
                            dropped += usize::from(ended.ending == Ending::Cancelled);
                            let how = format!(
                                "{pace}, a place is free after {busy} ms, and the deadline is {deadline} ms away. The client leaves when its \
                                 request waits for the {waits}th time."
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
pub fn a_place_is_for_the_store() {
    check(|check| {
        for _ in 0..RUNS {
            let pace = Pace { enrich: 200, stage: 10, replicate: 10 };
            let (slow, quick) = (Downstream::new(pace), Downstream::new(Pace { enrich: 10, ..pace }));
            let places = Semaphore::new(1);
            let (took, left) = paused::run(async {
                let begun = Instant::now();
                let deadline = begun + Duration::from_secs(10);
                let lines = || Lines("sign-in".to_owned());
                let one = async {
                    let (enrich, store) = (slow.enrich(), &slow);
                    store_lines(lines(), deadline, &places, &enrich, store).await
                };
                let other = async {
                    let (enrich, store) = (quick.enrich(), &quick);
                    store_lines(lines(), deadline, &places, &enrich, store).await;
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
