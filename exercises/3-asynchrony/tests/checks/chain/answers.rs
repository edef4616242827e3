//! What a client is told, and when; and that one path is not felt on the other.

use std::sync::Arc;
use std::time::Duration;

use testkit::check::{Check, Proven, check};
use testkit_async::paused::{self, RUNS};
use tokio::sync::Barrier;

use super::rules::{APART, ENDS, LEFT, PASSED_ON, TOGETHER};
use super::scenes::{Plan, joined, plain, scene};
use super::services::{FOREVER, Service, Told, good, line, name, settings, story, tail};
use crate::subject::admission::limit;
use crate::subject::breaker;
use crate::subject::chain::gateway::{Gateway, Settings};
use crate::subject::chain::link::Downstream;
use crate::subject::chain::listen::Answers;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::time::Millis;

#[test]
pub fn each_path_has_its_service() {
    check(|check| {
        for (said, expected) in replies() {
            for request in [line(7), tail(2)] {
                for _ in 0..RUNS {
                    let how = format!("{} is told {said:?} by its service.", name(&request));
                    let (enrich, tails) = (plain(&said), plain(&said));
                    let (own, other) =
                        if matches!(request, Request::Line { .. }) { (&enrich, &tails) } else { (&tails, &enrich) };
                    let told = scene(check, &how, &settings(), [&enrich, &tails], |stage| {
                        let request = request.clone();
                        async move { stage.ask(request, 1_000).await }
                    })?;
                    let asked = own.calls().first().map(|called| called.request.clone());
                    let right = told == Told { reply: expected.clone(), at: 10 };
                    check.requires(
                        PASSED_ON,
                        right && asked.as_ref() == Some(&request) && own.calls().len() == 1 && other.calls().is_empty(),
                        || {
                            format!(
                                "{how} The client was told {:?} at {} ms.{}{}",
                                told.reply,
                                told.at,
                                story(own),
                                story(other)
                            )
                        },
                    )?;
                }
            }
        }
        check.evidence(format!("8 replies to a line and to a tail, {RUNS} times each"));
        Ok(())
    });
}

/// All replies that a service may give, and what a client is told if nothing is tried again.
fn replies() -> [(Reply, Reply); 8] {
    [
        (Reply::Stored, Reply::Stored),
        (Reply::Lines(vec!["a".to_owned()]), Reply::Lines(vec!["a".to_owned()])),
        (Reply::Refused, Reply::Refused),
        (Reply::Overloaded, Reply::GivenUp),
        (Reply::Failed, Reply::GivenUp),
        (Reply::GivenUp, Reply::GivenUp),
        (Reply::TooLate, Reply::GivenUp),
        (Reply::Closing, Reply::GivenUp),
    ]
}

#[test]
pub fn a_client_is_told_something_at_its_deadline() {
    check(|check| {
        let mut requests = 0;
        // What the one request waits for: a place, its service, or the end of a pause.
        for (kind, settings, plan) in waits() {
            for patience in (15..700).step_by(23) {
                for _ in 0..RUNS / 8 {
                    requests += 1;
                    let how = format!("A client waits for {patience} ms, and {kind}.");
                    let enrich = Service::new(plan);
                    let told = scene(check, &how, &settings, [&enrich, &Service::well(10)], |stage| async move {
                        let others = [line(1), line(2)].map(|other| stage.client(0, other, 600));
                        stage.until(5).await;
                        let told = stage.ask(line(3), patience).await;
                        for other in others {
                            let _ = other.await;
                        }
                        told
                    })?;
                    let end = 5 + patience;
                    check.requires(ENDS, told.at <= end + 1, || {
                        format!("{how} It was told {:?} at {} ms.{}", told.reply, told.at, story(&enrich))
                    })?;
                    let is_late = told.at >= end;
                    check.requires(ENDS, !is_late || told.reply == Reply::TooLate, || {
                        format!("{how} At its deadline it was told {:?}.{}", told.reply, story(&enrich))
                    })?;
                    right_times(check, &how, &settings, &enrich, end)?;
                }
            }
        }
        check.evidence(format!("{requests} requests that wait for a place, for their service or for a pause"));
        Ok(())
    });
}

/// Settings and services with which a third client waits for something, and what for.
fn waits() -> [(&'static str, Settings, Plan); 3] {
    let usual = settings();
    let retrying = Settings {
        limit: limit::Settings { least: 3, most: 3, first: 3, keeps: 50 },
        retries: Policy { attempts: 9, backoff: Backoff { base: 120, cap: 120 } },
        ..settings()
    };
    [
        ("its service says nothing", Settings { limit: retrying.limit, ..usual.clone() }, |_| (FOREVER, Reply::Stored)),
        ("there is no place before others are through", usual, |_| (260, Reply::Stored)),
        ("each attempt fails after 20 ms", retrying, |_| (20, Reply::Failed)),
    ]
}

/// Each call was told how long the gateway waits, and was dropped then.
fn right_times(check: &mut Check, how: &str, settings: &Settings, enrich: &Service, end: Millis) -> Proven {
    let timeout = settings.timeout.as_millis() as Millis;
    for called in enrich.calls() {
        // The others ask at the beginning, and wait for 600 ms.
        let deadline = if called.request == line(3) { end } else { 600 };
        let expected = deadline.saturating_sub(called.at).min(timeout);
        check.requires(LEFT, called.left.abs_diff(expected) <= 1 && called.left > 0, || {
            format!("{how} {called}; the gateway waits for {expected} ms.")
        })?;
        let ended = called.end.as_ref().map_or(FOREVER, |(_, at)| *at);
        check.requires(LEFT, ended <= called.at + expected + 1, || {
            format!("{how} {called}; it was to be dropped after {expected} ms.")
        })?;
    }
    Ok(())
}

/// A service whose calls wait for each other.
struct Together(Arc<Barrier>);

impl Downstream for Together {
    async fn call(&self, request: Request, _: Duration) -> Reply {
        self.0.wait().await;
        good(&request)
    }
}

#[test]
pub fn calls_wait_side_by_side() {
    check(|check| {
        for at_once in 2..=4 {
            let ways = [(at_once, 0), (0, at_once), (1, at_once - 1)];
            for (lines, tails) in ways {
                for _ in 0..RUNS {
                    let barrier = Arc::new(Barrier::new(at_once));
                    let settings =
                        Settings { limit: limit::Settings { least: 4, most: 4, first: 4, keeps: 50 }, ..settings() };
                    let (told, _) = paused::run(async {
                        let (enrich, tail_service) = (Together(Arc::clone(&barrier)), Together(barrier));
                        let gateway = Arc::new(Gateway::new(&settings, enrich, tail_service, Box::new(|most| most)));
                        let requests = (0..lines as u64).map(line).chain((0..tails as u64).map(tail));
                        let clients: Vec<_> = requests
                            .map(|request| {
                                let gateway = Arc::clone(&gateway);
                                let deadline = tokio::time::Instant::now() + Duration::from_millis(300);
                                tokio::spawn(async move { gateway.answer(request, deadline).await })
                            })
                            .collect();
                        let mut told = Vec::new();
                        for client in clients {
                            told.push(client.await.unwrap_or(Reply::Failed));
                        }
                        told
                    });
                    let all = told.iter().all(|reply| matches!(reply, Reply::Stored | Reply::Lines(_)));
                    check.requires(TOGETHER, all, || {
                        format!(
                            "{lines} lines and {tails} tails come at once, and four calls of each kind may be under way. The services answer when {at_once} calls have come \
                             to them. The clients were told {told:?}."
                        )
                    })?;
                }
            }
        }
        check.evidence("calls that are answered only when others have begun");
        Ok(())
    });
}

#[test]
pub fn the_paths_share_nothing() {
    check(|check| {
        for (kind, plan) in troubles() {
            for _ in 0..RUNS / 4 {
                let settings = Settings {
                    breaker: breaker::Settings { failures: 3, pause: 300, probes: 1, patience: 500 },
                    retries: Policy { attempts: 2, backoff: Backoff { base: 40, cap: 40 } },
                    budget: Budget::new(16, 100),
                    ..settings()
                };
                let how = format!(
                    "Lines come each 10 ms, and {kind}. A tail comes each 50 ms; each third one fails first, and is tried again."
                );
                let (enrich, mut number) = (Service::new(plan), 0);
                let tails = Service::new(move |called| {
                    number += 1;
                    if number % 4 == 3 { (20, Reply::Failed) } else { (20, good(&called.request)) }
                });
                let told = scene(check, &how, &settings, [&enrich, &tails], |stage| async move {
                    let lines: Vec<_> = (0..150).map(|number| stage.client(10 * number, line(number), 600)).collect();
                    let tails: Vec<_> = (0..30).map(|number| stage.client(50 * number + 5, tail(1), 400)).collect();
                    let mut told = Vec::new();
                    for (number, client) in (0..).zip(tails) {
                        let client = joined(client).await;
                        told.push((50 * number + 5, client));
                    }
                    for line in lines {
                        let _ = line.await;
                    }
                    told
                })?;
                let late = told.iter().find(|(at, told)| {
                    let took = told.at - at;
                    told.reply != good(&tail(1)) || (took != 20 && took != 60)
                });
                check.requires(APART, late.is_none(), || {
                    let (at, told) = late.cloned().unwrap_or((0, Told { reply: Reply::Failed, at: 0 }));
                    format!("{how} A tail that came at {at} ms was told {:?} at {} ms.", told.reply, told.at)
                })?;
            }
        }
        check.evidence("30 tails beside lines whose service says nothing, fails, or refuses");
        Ok(())
    });
}

fn troubles() -> [(&'static str, Plan); 3] {
    [
        ("their service says nothing", |_| (FOREVER, Reply::Stored)),
        ("their service fails", |_| (5, Reply::Failed)),
        ("their service is overloaded", |_| (5, Reply::Overloaded)),
    ]
}
