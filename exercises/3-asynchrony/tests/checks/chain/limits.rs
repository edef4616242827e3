//! How many calls are under way, what the limit is told of them, and what becomes of the rest.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use testkit::check::{Check, Failure, check};
use testkit_async::paused::RUNS;
use tokio::task::JoinHandle;

use super::followed::{Followed, ending, idle};
use super::rules::{FORGOTTEN, IN_TURN, LIMIT_IS_TOLD, LIMITED, SERVED, SHED};
use super::scenes::{joined, scene, ways};
use super::services::{Called, FOREVER, Service, Stage, Told, good, line, settings, story};
use crate::subject::admission::limit::{self, Limit};
use crate::subject::admission::queue;
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::Reply;
use crate::subject::time::Millis;

#[test]
pub fn no_more_calls_than_the_limit_says() {
    check(|check| {
        for takes in [30, 170] {
            for most in [1, 2, 5] {
                for _ in 0..RUNS {
                    let settings = Settings {
                        limit: limit::Settings { least: 1, most, first: most.min(2), keeps: 50 },
                        queue: queue::Settings { capacity: 20, target: 2_000, interval: 4_000 },
                        ..settings()
                    };
                    let how = format!(
                        "Twelve lines come at once, each takes about {takes} ms, and the limit is {most} at most."
                    );
                    let mut number = 0;
                    let enrich = Service::new(move |called| {
                        number += 1;
                        (takes + 13 * number % 19, good(&called.request)) // so that no two end at once
                    });
                    let told = burst(check, &how, &settings, &enrich)?;
                    let calls = enrich.calls();
                    let too_many = Followed::first_too_many(&settings, &calls);
                    check.requires(LIMITED, too_many.is_none(), || {
                        let which = too_many.map_or(String::new(), |called| called.to_string());
                        format!("{how} {which}, while as many were under way as the limit said.{}", story(&enrich))
                    })?;
                    let in_turn = calls.iter().map(|called| &called.request).eq(&(0..12).map(line).collect::<Vec<_>>());
                    check.requires(IN_TURN, in_turn && told.iter().all(|told| told.reply == Reply::Stored), || {
                        format!("{how} They are not called in turn, or not all of them.{}", story(&enrich))
                    })?;
                    let idle = idle(&settings, &calls);
                    check.requires(IN_TURN, idle.is_none(), || {
                        format!("{how} From {} ms on, one more could have begun.{}", idle.unwrap_or(0), story(&enrich))
                    })?;
                }
            }
        }
        check.evidence(format!("6 bursts of twelve lines, {RUNS} times each"));
        Ok(())
    });
}

/// Twelve lines, one after the other without a pause.
fn burst(check: &mut Check, how: &str, settings: &Settings, enrich: &Service) -> Result<Vec<Told>, Box<Failure>> {
    scene(check, how, settings, [enrich, &Service::well(10)], |stage| async move {
        let clients: Vec<_> = (0..12).map(|key| stage.client(0, line(key), 60_000)).collect();
        let mut told = Vec::new();
        for client in clients {
            told.push(joined(client).await);
        }
        told
    })
}

#[test]
pub fn the_limit_is_told_what_came_of_each_call() {
    check(|check| {
        for way in &ways() {
            for _ in 0..RUNS / 4 {
                let settings =
                    Settings { limit: limit::Settings { least: 2, most: 8, first: 4, keeps: 50 }, ..settings() };
                let how = format!("Four lines come at once; {}.", way.told);
                let enrich = &way.service();
                let scene = scene(check, &how, &settings, [enrich, &Service::well(10)], |stage| async move {
                    way.four_lines(&stage).await;
                    enrich.change(|_| (FOREVER, Reply::Stored));
                    let more: Vec<_> = (10..22).map(|key| stage.client(1_000, line(key), 100)).collect();
                    stage.until(1_050).await;
                    let under_way = enrich.under_way();
                    for client in more {
                        let _ = client.await;
                    }
                    under_way
                });
                let under_way = scene?;
                let calls: Vec<Called> = enrich.calls().into_iter().filter(|called| called.at < 1_000).collect();
                let mut limit = Limit::new(settings.limit);
                let slots: Vec<_> = calls.iter().map_while(|called| Some((limit.begin().ok()?, called))).collect();
                for (slot, called) in slots {
                    limit.end(slot, ending(&settings, called));
                }
                check.requires(LIMIT_IS_TOLD, calls.len() == 4 && under_way == limit.limit() as usize, || {
                    format!(
                        "{how} The limit should be {} after that. Of twelve lines that come later, {under_way} are called at once.{}",
                        limit.limit(),
                        story(enrich)
                    )
                })?;
            }
        }
        check.evidence("calls that end in each way: how many can be under way afterwards");
        Ok(())
    });
}

#[test]
pub fn ten_times_too_much_is_refused() {
    check(|check| {
        for _ in 0..RUNS / 8 {
            let settings = Settings {
                limit: limit::Settings { least: 2, most: 2, first: 2, keeps: 90 },
                queue: queue::Settings { capacity: 30, target: 50, interval: 200 },
                ..settings()
            };
            let how = "Two lines at a time take 20 ms each, so 100 a second can be done. 1,000 a second come, for three seconds; each client waits for 2,000 ms.";
            let enrich = Service::well(20);
            let told = scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| async move {
                let clients: Vec<_> = (0..3_000).map(|at| (at, stage.client(at, line(at), 2_000))).collect();
                let mut told = Vec::new();
                for (at, client) in clients {
                    told.push((at, joined(client).await));
                }
                told
            })?;
            let stored = told.iter().filter(|(_, told)| told.reply == Reply::Stored).count();
            let refused = told.iter().filter(|(_, told)| told.reply == Reply::Overloaded).count();
            check.requires(SERVED, stored >= 290, || {
                format!("{how} Only {stored} of 300 that could be done were stored.")
            })?;
            check.requires(SHED, stored + refused == told.len() && enrich.calls().len() == stored, || {
                format!(
                    "{how} {stored} were stored, {refused} told `Overloaded`, and {} were called.",
                    enrich.calls().len()
                )
            })?;
            let longest = |from: Millis| {
                let waits = told.iter().filter(|(at, told)| *at >= from && told.reply == Reply::Stored);
                waits.map(|(at, told)| told.at - at).max().unwrap_or(0)
            };
            check.requires(SERVED, longest(1_000) <= 125, || {
                format!("{how} After the first second, a line that was stored had waited for {} ms.", longest(1_000))
            })?;
            let full = told.iter().filter(|(at, told)| told.reply == Reply::Overloaded && told.at == *at).count();
            check.requires(SHED, full > 0, || format!("{how} The queue has 30 places, and was never full."))?;
        }
        check.evidence(format!("3,000 lines in three seconds, {} times", RUNS / 8));
        Ok(())
    });
}

/// So many requests are refused, each time that memory is looked at.
const REFUSED: u64 = 5_000;

/// What is left of a request that was refused takes more than this, in bytes.
const SOMETHING: i64 = 4;

#[test]
pub fn what_is_refused_leaves_nothing() {
    check(|check| {
        let settings = Settings {
            limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 },
            queue: queue::Settings { capacity: 1, target: 100_000, interval: 200_000 },
            ..settings()
        };
        let how = format!(
            "There is one place, line 0 has it, and line 1 waits, for whom there is the only room. {REFUSED} lines come, and as many again."
        );
        let enrich = Service::new(|_| (FOREVER, Reply::Stored));
        let [(all_before, _), (all, bytes)] =
            scene(check, &how, &settings, [&enrich, &Service::well(10)], |stage| async move {
                let clients = [0, 1].map(|key| stage.client(key, line(key), 900));
                stage.until(10).await;
                let measured = [refused(&stage), refused(&stage)];
                clients.iter().for_each(JoinHandle::abort);
                measured
            })?;
        let refused = all_before && all;
        check.requires(SHED, refused, || format!("{how} Not all of them are told `Overloaded` at once."))?;
        check.requires(FORGOTTEN, bytes <= SOMETHING * REFUSED as i64, || {
            format!(
                "{how} All of them were told `Overloaded`, and the second half of them has left {bytes} bytes behind."
            )
        })?;
        check.evidence(format!(
            "{REFUSED} requests that are refused, after as many others: {bytes} bytes more are in use"
        ));
        Ok(())
    });
}

/// As many lines as are looked at. Says whether all of them are refused at once, and how many bytes they leave behind.
fn refused(stage: &Stage) -> (bool, i64) {
    let mut all = true;
    let measured = allocation_counter::measure(|| {
        all = (0..REFUSED).all(|key| {
            let asked = pin!(stage.ask(line(key), 50));
            let told = asked.poll(&mut Context::from_waker(Waker::noop()));
            matches!(told, Poll::Ready(Told { reply: Reply::Overloaded, .. }))
        });
    });
    (all, measured.bytes_current)
}
