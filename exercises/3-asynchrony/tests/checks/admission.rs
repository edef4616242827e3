//! Task `admission`: which requests are served when not all can be.

use std::collections::VecDeque;

use testkit::check::{Check, Proven, Rule, check};
use testkit::simulation::{Faults, Simulation};

use super::rush::Rush;
use super::slots::{FALLS, UNUSED, falls_and_rises, slots};
use super::workers::{END, EXPIRED, LONG, SHEDS, answered, recovers, sheds, workers};
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
        check.exhausts("two bursts of two, far apart", workers::<4>(11, &[&[LONG, LONG], &[LONG, LONG]]))?;
        all_were_too_old(check)?;
        an_interval_without_end(check)
    });
}

/// A worker that finds only requests to refuse has started none, and that is a wait of 0.
fn all_were_too_old(check: &mut Check) -> Proven {
    let mut queue = Queue::new(Settings { capacity: 4, target: 10, interval: 50 });
    queue.take(0);
    for (request, came, asked) in [(1, 35, 50), (2, 70, 100), (3, 105, 120), (4, 120, 150)] {
        let told = (queue.offer(request, LONG, came), queue.take(asked));
        let right = if request == 2 { None } else { Some(request) };
        check.requires(SHEDS, told.1.start == right, || {
            format!(
                "The target is 10, and an interval is 50. Workers ask at 0, 50, 100, 120 and 150. Before each of these, except the first, a request \
                 has come: at 35, 70, 105 and 120. At {asked} request {request} has waited for {}, and a worker is told {:?}. Only request 2 is to be \
                 refused: the first whole interval with a request was too slow. At 100 a worker starts none, so the interval from there has a wait of 0.",
                asked - came, told.1
            )
        })?;
    }
    check.evidence("a worker that finds only requests that are too old");
    Ok(())
}

/// Where an interval never ends, nothing is shed.
fn an_interval_without_end(check: &mut Check) -> Proven {
    let mut queue = Queue::new(Settings { capacity: 1, target: 10, interval: Millis::MAX });
    for (request, now) in (0..).zip([1, 1_000, 1_000_000, Millis::MAX / 2]) {
        let told = (queue.offer(request, Millis::MAX, now), queue.take(now + 100));
        check.requires(SHEDS, told.1.start == Some(request), || {
            format!("The interval is the largest number, so it does not end. At {} a request has waited for 100, and a worker is told {:?}.", now + 100, told.1)
        })?;
    }
    check.evidence("an interval that never ends");
    Ok(())
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
        check.exhausts("three overloads at once", falls_and_rises(slots::<2>(&clients)))?;
        let calls = |client: usize| {
            (0..10).map(move |call| match (7 * call + 3 * client) % 23 {
                0 => Overload,
                1 | 2 => Ignored,
                _ => Success,
            })
        };
        let clients: Vec<Vec<Ending>> = (0..6).map(|client| calls(client).collect()).collect();
        let clients: Vec<&[Ending]> = clients.iter().map(Vec::as_slice).collect();
        let service = Simulation::new(falls_and_rises(slots::<3>(&clients)), Faults::default());
        let service = service.timers_wait(1..=200).clients_pause(1..=300);
        check.simulates("six clients with ten calls each", service, 0..100)?;
        is_exact_when_it_is_large(check)
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

/// A limit may be as large as its type allows.
fn is_exact_when_it_is_large(check: &mut Check) -> Proven {
    for first in [42_949_672, 42_949_673, 100_000_000, u32::MAX - 1, u32::MAX] {
        for keeps in [50, 90, 99] {
            let mut limit = Limit::new(limit::Settings { least: 1, most: u32::MAX, first, keeps });
            let Ok(slot) = limit.begin() else { continue };
            limit.end(slot, Ending::Overload);
            let (now, right) = (limit.limit(), u64::from(first) * u64::from(keeps) / 100);
            check.requires(FALLS, u64::from(now) == right, || {
                format!("The limit was {first}, and a call came back with an overload. Of it, {keeps} per cent are kept. Now it is {now}, and should be {right}.")
            })?;
        }
    }
    check.evidence("limits up to the largest number");
    Ok(())
}

/// One call at a time says nothing about a limit of ten.
fn is_not_learned_in_a_quiet_hour(check: &mut Check) -> Proven {
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
