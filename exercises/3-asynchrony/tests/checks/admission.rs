//! Task `admission`: which requests are served when not all can be.

use std::collections::VecDeque;

use testkit::check::{Proven, Rule, check};

use super::rush::Rush;
use super::slots::{FALLS, UNUSED, falls_and_rises, slots};
use super::workers::{END, EXPIRED, LONG, answered, recovers, sheds, workers};
use crate::subject::admission::limit::{self, Ending, Limit};
use crate::subject::admission::queue::{Queue, Refusal, Settings};
use crate::subject::time::Millis;

const FINDS: Rule = Rule::new(
    "near what the service can do",
    "Some time after the service has changed its strength, the limit is no more than one above it, and no lower than one fall from there.",
    "Netflix/concurrency-limits, AIMDLimit.java",
    "3-asynchrony/admission.md#the-limit",
);

#[test]
pub fn the_queue_has_an_end() {
    check(|check| {
        let mut offers = 0;
        for capacity in 1..=3 {
            let mut queue = Queue::new(Settings { capacity, target: 10, interval: 20 });
            let mut waiting = 0;
            for (request, deadline) in [(1, 99), (2, 100), (3, 101), (4, 100), (5, 500), (6, 102), (7, 0), (8, 103)] {
                offers += 1;
                let told = queue.offer(request, deadline, 100);
                let right = match () {
                    () if deadline <= 100 => Err(Refusal::Expired),
                    () if waiting == capacity => Err(Refusal::Full),
                    () => Ok(()),
                };
                let shown = || {
                    format!(
                        "At 100 a request comes with the deadline {deadline}, and {waiting} of {capacity} places are taken. It is told {told:?}; it should \
                         be told {right:?}."
                    )
                };
                check.requires(if deadline <= 100 { EXPIRED } else { END }, told == right, shown)?;
                waiting += usize::from(right.is_ok());
                check.requires(END, queue.len() == waiting && queue.is_empty() == (waiting == 0), || {
                    format!("{waiting} requests wait, and `len` says {}.", queue.len())
                })?;
            }
        }
        check.evidence(format!("three queues, and {offers} requests with deadlines before now, now and later"));
        Ok(())
    });
}

#[test]
pub fn nothing_expired_is_started() {
    check(|check| {
        let clients: [&[Millis]; 4] = [&[LONG, 1], &[1, 2], &[2], &[LONG]];
        check.exhausts("one worker, and room for two", answered(workers::<0>(3, &clients)))?;
        let clients: [&[Millis]; 4] = [&[2, 1], &[1], &[3], &[LONG]];
        check.exhausts("two workers, and room for one", answered(workers::<1>(3, &clients)))
    });
}

#[test]
pub fn a_queue_that_stays_is_shed() {
    check(|check| {
        let clients: [&[Millis]; 3] = [&[LONG, LONG], &[LONG], &[LONG]];
        check.exhausts("one worker, and intervals of two", recovers(sheds(workers::<2>(7, &clients))))?;
        let clients: [&[Millis]; 3] = [&[LONG, LONG], &[LONG, 1], &[4]];
        check.exhausts("requests that expire as well", answered(sheds(workers::<2>(5, &clients))))?;
        let clients: [&[Millis]; 4] = [&[LONG, LONG], &[LONG], &[LONG], &[LONG]];
        check.exhausts("two workers, and intervals of three", sheds(workers::<3>(6, &clients)))?;
        check.exhausts("two bursts of two, far apart", workers::<4>(11, &[&[LONG, LONG], &[LONG, LONG]]))
    });
}

#[test]
pub fn ten_times_the_load_is_shed_in_two_intervals() {
    check(|check| {
        let settings = Settings { capacity: 1_000, target: 20, interval: 100 };
        let rush = Rush { what: "", settings, workers: 1, service: 10, times: 10, patience: 60_000, burst: 8 };
        let rushes = [
            Rush { what: "ten times the load, one worker", ..rush },
            Rush { what: "ten times the load, four workers", workers: 4, service: 40, ..rush },
            Rush { what: "twice the load", times: 2, ..rush },
            Rush { what: "a small queue", settings: Settings { capacity: 50, ..settings }, ..rush },
            Rush { what: "impatient clients", patience: 35, burst: 3, ..rush },
            Rush { what: "a service longer than an interval", service: 150, burst: 1, ..rush },
            Rush {
                what: "a target of 50, and intervals of 500",
                settings: Settings { capacity: 1_000, target: 50, interval: 500 },
                burst: 20,
                ..rush
            },
        ];
        rushes.iter().try_for_each(|rush| rush.judge(check))
    });
}

#[test]
pub fn the_limit_counts_calls() {
    check(|check| {
        use Ending::{Ignored, Success};
        let clients: [&[Ending]; 4] = [&[Ignored, Ignored], &[Ignored, Success], &[Ignored], &[Ignored]];
        check.exhausts("calls that say nothing, and a limit of two", slots::<0>(&clients))?;
        check.exhausts("one call more than the limit, which is its greatest", slots::<1>(&clients))
    });
}

#[test]
pub fn the_limit_falls_and_rises() {
    check(|check| {
        use Ending::{Ignored, Overload, Success};
        let clients: [&[Ending]; 3] =
            [&[Overload, Success, Success], &[Success, Success, Success], &[Success, Overload]];
        check.exhausts("a limit from one to three", falls_and_rises(slots::<0>(&clients)))?;
        check.exhausts("a limit from two to three", falls_and_rises(slots::<1>(&clients)))?;
        let clients: [&[Ending]; 4] =
            [&[Overload, Success, Success], &[Overload, Success], &[Overload, Success], &[Ignored, Success]];
        check.exhausts("three overloads at once", falls_and_rises(slots::<2>(&clients)))
    });
}

#[test]
pub fn the_limit_finds_what_a_service_can_do() {
    check(|check| {
        for (settings, strengths) in [
            (limit::Settings { least: 1, most: 60, first: 1, keeps: 90 }, [10, 3, 40, 5]),
            (limit::Settings { least: 2, most: 200, first: 150, keeps: 50 }, [20, 90, 2, 30]),
        ] {
            let mut limit = Limit::new(settings);
            let mut under_way = VecDeque::new();
            for strength in strengths {
                for call in 0..60_000 {
                    while let Ok(slot) = limit.begin() {
                        let ending = if under_way.len() < strength { Ending::Success } else { Ending::Overload };
                        under_way.push_back((slot, ending));
                    }
                    let Some((slot, ending)) = under_way.pop_front() else { break };
                    limit.end(slot, ending);
                    let (now, most) = (limit.limit(), strength as u32 + 1);
                    let least = (most * settings.keeps / 100).max(settings.least);
                    check.requires(FINDS, call < 30_000 || (least..=most).contains(&now), || {
                        format!(
                            "The service can do {strength} calls at once. After {call} calls the limit is {now}; it should be from {least} to {most} ({settings:?})."
                        )
                    })?;
                }
            }
        }
        check.evidence("two limits, and a service whose strength changes three times: 480,000 calls");
        is_not_learned_in_a_quiet_hour(check)
    });
}

/// One call at a time says nothing about a limit of ten.
fn is_not_learned_in_a_quiet_hour(check: &mut testkit::check::Check) -> Proven {
    let mut limit = Limit::new(limit::Settings { least: 1, most: 100, first: 10, keeps: 90 });
    for _ in 0..10_000 {
        let Ok(slot) = limit.begin() else { break };
        limit.end(slot, Ending::Success);
    }
    check.requires(UNUSED, limit.limit() == 10, || {
        format!("10,000 calls were made one at a time, with a limit of 10. Now the limit is {}.", limit.limit())
    })?;
    let Ok(slot) = limit.begin() else { return Ok(()) };
    limit.end(slot, Ending::Overload);
    check.requires(FALLS, limit.limit() == 9, || {
        format!(
            "The limit was 10, and a call came back with an overload. Now it is {}, and should be 9.",
            limit.limit()
        )
    })
}
