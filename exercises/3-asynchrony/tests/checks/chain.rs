//! Task `chain`: the gateway, in which all machines of the stage meet.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use testkit::check::{Check, Failure, Proven, check};
use testkit_async::cancel::{Ending, after};
use testkit_async::paused::{self, RUNS};
use tokio::sync::Barrier;

use super::chain_rules::{
    APART, BREAKER_IS_ASKED, BREAKER_IS_TOLD, CLOSED, ENDS, FINISHED, GIVEN_BACK, IN_TURN, LEFT, LIMIT_IS_TOLD,
    LIMITED, NOTHING_LEFT, PASSED_ON, PAUSES, RETRIED, SERVED, SHED, TOGETHER, UNTOUCHED,
};
use super::followed::{Followed, ending, idle};
use super::services::{Called, End, FOREVER, Service, Stage, Told, good, leaving, line, name, settings, story, tail};
use crate::subject::admission::limit::{self, Limit};
use crate::subject::breaker;
use crate::subject::chain::gateway::{Gateway, Settings};
use crate::subject::chain::link::Downstream;
use crate::subject::chain::listen::Answers;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::time::Millis;

/// What a service does with a call.
type Plan = fn(&Called) -> (Millis, Reply);

/// Runs a scene on paused time, and looks that nothing is left of it.
fn scene<T, F: Future<Output = T>>(
    check: &mut Check,
    how: &str,
    play: impl FnOnce() -> (F, [Service; 2]),
) -> Result<T, Box<Failure>> {
    let (scene, services) = play();
    let (done, left) = paused::run(scene);
    let under_way: usize = services.iter().map(Service::under_way).sum();
    check.requires(NOTHING_LEFT, under_way == 0 && left.tasks == 0, || {
        format!("{how} Afterwards {under_way} calls are under way, and {} tasks are alive.", left.tasks)
    })?;
    Ok(done)
}

/// Both services, and a copy of them for [`scene`] to look at.
fn both(enrich: Service, tail: Service) -> [Service; 2] {
    [enrich, tail]
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
pub fn each_path_has_its_service() {
    check(|check| {
        for (said, expected) in replies() {
            for request in [line(7), tail(2)] {
                for _ in 0..RUNS {
                    let how = format!("{} is told {said:?} by its service.", name(&request));
                    let (enrich, tails) = (plain(&said), plain(&said));
                    let (own, other) =
                        if matches!(request, Request::Line { .. }) { (&enrich, &tails) } else { (&tails, &enrich) };
                    let told = scene(check, &how, || {
                        let (services, request) = (both(enrich.clone(), tails.clone()), request.clone());
                        let [enrich, tails] = services.clone();
                        (async move { Stage::new(&settings(), &enrich, &tails).ask(request, 1_000).await }, services)
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

/// A service that gives one reply, after 10 ms.
fn plain(reply: &Reply) -> Service {
    let reply = reply.clone();
    Service::new(move |_| (10, reply.clone()))
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
                    let told = scene(check, &how, || {
                        let services = both(enrich.clone(), Service::well(10));
                        let ([enrich, tails], settings) = (services.clone(), settings.clone());
                        let play = async move {
                            let stage = Stage::new(&settings, &enrich, &tails);
                            let others = [line(1), line(2)].map(|other| stage.client(0, other, 600));
                            stage.until(5).await;
                            let told = stage.ask(line(3), patience).await;
                            for other in others {
                                let _ = other.await;
                            }
                            told
                        };
                        (play, services)
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

#[test]
pub fn no_more_calls_than_the_limit_says() {
    check(|check| {
        for takes in [30, 170] {
            for most in [1, 2, 5] {
                for _ in 0..RUNS {
                    let settings = Settings {
                        limit: limit::Settings { least: 1, most, first: most.min(2), keeps: 50 },
                        queue: crate::subject::admission::queue::Settings {
                            capacity: 20,
                            target: 2_000,
                            interval: 4_000,
                        },
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
    scene(check, how, || {
        let services = both(enrich.clone(), Service::well(10));
        let ([enrich, tails], settings) = (services.clone(), settings.clone());
        let play = async move {
            let stage = Stage::new(&settings, &enrich, &tails);
            let clients: Vec<_> = (0..12).map(|key| stage.client(0, line(key), 60_000)).collect();
            let mut told = Vec::new();
            for client in clients {
                told.push(client.await.expect("a client does not panic unless its gateway does"));
            }
            told
        };
        (play, services)
    })
}

#[test]
pub fn the_limit_is_told_what_came_of_each_call() {
    check(|check| {
        for (kind, takes, reply, patience, leaves) in endings() {
            for _ in 0..RUNS / 4 {
                let settings =
                    Settings { limit: limit::Settings { least: 2, most: 8, first: 4, keeps: 50 }, ..settings() };
                let how = format!("Four lines come at once; {kind}.");
                let (first, after) = (reply.clone(), Arc::new(Mutex::new(0_usize)));
                let enrich = Service::new(move |_| (takes, first.clone()));
                let count = Arc::clone(&after);
                scene(check, &how, || {
                    let services = both(enrich.clone(), Service::well(10));
                    let ([enrich, tails], settings) = (services.clone(), settings.clone());
                    let play = async move {
                        let stage = Stage::new(&settings, &enrich, &tails);
                        let clients: Vec<_> = (0..4).map(|key| stage.client(0, line(key), patience)).collect();
                        stage.until(leaves).await;
                        clients.iter().for_each(tokio::task::JoinHandle::abort);
                        stage.until(1_000).await;
                        enrich.change(|_| (FOREVER, Reply::Stored));
                        let more: Vec<_> = (10..22).map(|key| stage.client(1_000, line(key), 100)).collect();
                        stage.until(1_050).await;
                        *count.lock().unwrap_or_else(PoisonError::into_inner) = enrich.under_way();
                        for client in more {
                            let _ = client.await;
                        }
                    };
                    (play, services)
                })?;
                let calls: Vec<Called> = enrich.calls().into_iter().filter(|called| called.at < 1_000).collect();
                let mut limit = Limit::new(settings.limit);
                let slots: Vec<_> = calls.iter().map_while(|called| Some((limit.begin().ok()?, called))).collect();
                for (slot, called) in slots {
                    limit.end(slot, ending(&settings, called));
                }
                let under_way = *after.lock().unwrap_or_else(PoisonError::into_inner);
                check.requires(LIMIT_IS_TOLD, calls.len() == 4 && under_way == limit.limit() as usize, || {
                    format!(
                        "{how} The limit should be {} after that. Of twelve lines that come later, {under_way} are called at once.{}",
                        limit.limit(),
                        story(&enrich)
                    )
                })?;
            }
        }
        check.evidence("calls that end in each way: how many can be under way afterwards");
        Ok(())
    });
}

/// Ways in which a call may end: in words, how long it takes, the reply, how long its client waits, and when it leaves.
fn endings() -> [(&'static str, Millis, Reply, Millis, Millis); 13] {
    [
        ("each succeeds after 20 ms", 20, Reply::Stored, 900, 950),
        ("each succeeds after 200 ms, which is slow", 200, Reply::Stored, 900, 950),
        ("each is told `Overloaded` after 20 ms", 20, Reply::Overloaded, 900, 950),
        ("each fails after 20 ms", 20, Reply::Failed, 900, 950),
        ("each fails after 200 ms, which is slow", 200, Reply::Failed, 900, 950),
        ("each is refused after 20 ms", 20, Reply::Refused, 900, 950),
        ("each is given up below after 20 ms", 20, Reply::GivenUp, 900, 950),
        ("each is told `TooLate` after 20 ms", 20, Reply::TooLate, 900, 950),
        ("each is told `Closing` after 20 ms", 20, Reply::Closing, 900, 950),
        ("no reply comes within the timeout", FOREVER, Reply::Stored, 900, 950),
        ("the clients' deadline comes after 60 ms, before any reply", FOREVER, Reply::Stored, 60, 950),
        ("the clients' deadline comes after 200 ms, before any reply", FOREVER, Reply::Stored, 200, 950),
        ("their clients leave after 60 ms", FOREVER, Reply::Stored, 900, 60),
    ]
}

#[test]
pub fn the_breaker_is_told_what_came_of_each_call() {
    check(|check| {
        for (kind, takes, reply, patience, leaves) in endings() {
            for _ in 0..RUNS / 4 {
                let settings = Settings {
                    limit: limit::Settings { least: 4, most: 4, first: 4, keeps: 50 },
                    breaker: breaker::Settings { failures: 4, pause: 2_000, probes: 1, patience: 5_000 },
                    ..settings()
                };
                let how = format!("Four lines come at once; {kind}. Four failures in a row open the breaker.");
                let opens = matches!(reply, Reply::Failed | Reply::GivenUp)
                    || (takes == FOREVER && patience > 400 && leaves > 400);
                let reply = reply.clone();
                let enrich = Service::new(move |_| (takes, reply.clone()));
                let told = scene(check, &how, || {
                    let services = both(enrich.clone(), Service::well(10));
                    let ([enrich, tails], settings) = (services.clone(), settings.clone());
                    let play = async move {
                        let stage = Stage::new(&settings, &enrich, &tails);
                        let clients: Vec<_> = (0..4).map(|key| stage.client(0, line(key), patience)).collect();
                        stage.until(leaves).await;
                        clients.iter().for_each(tokio::task::JoinHandle::abort);
                        stage.until(1_000).await;
                        enrich.change(|called| (10, good(&called.request)));
                        stage.ask(line(9), 500).await
                    };
                    (play, services)
                })?;
                let expected = if opens {
                    Told { reply: Reply::Overloaded, at: 1_000 }
                } else {
                    Told { reply: Reply::Stored, at: 1_010 }
                };
                let rule = if opens && told.at == 1_000 { BREAKER_IS_ASKED } else { BREAKER_IS_TOLD };
                check.requires(rule, told == expected, || {
                    format!(
                        "{how} A line that comes later should be told {:?} at {} ms, and was told {:?} at {} ms.{}",
                        expected.reply,
                        expected.at,
                        told.reply,
                        told.at,
                        story(&enrich)
                    )
                })?;
            }
        }
        check.evidence("calls that end in each way: whether the service is called afterwards");
        Ok(())
    });
}

#[test]
pub fn a_service_that_is_down_is_left_alone_and_found_again() {
    check(|check| {
        for _ in 0..RUNS {
            let settings = Settings {
                breaker: breaker::Settings { failures: 3, pause: 1_000, probes: 1, patience: 5_000 },
                ..settings()
            };
            let how = "The service fails until 2,500 ms. A line comes each 100 ms, three failures in a row open the breaker, and it is open for 1,000 ms.";
            let enrich = Service::new(|called| match called.at {
                ..2_500 => (10, Reply::Failed),
                _ => (10, Reply::Stored),
            });
            let (late, told) = scene(check, how, || {
                let services = both(enrich.clone(), Service::well(10));
                let ([enrich, tails], settings) = (services.clone(), settings.clone());
                let play = async move {
                    let stage = Stage::new(&settings, &enrich, &tails);
                    let mut told = Vec::new();
                    let mut late = 0;
                    for number in 0..60 {
                        let at = 100 * number;
                        stage.until(at).await;
                        told.push(stage.ask(line(number), 90).await);
                        late += usize::from(
                            told[number as usize].reply == Reply::Overloaded && told[number as usize].at > at,
                        );
                    }
                    (late, told)
                };
                (play, services)
            })?;
            let before = enrich.calls().iter().filter(|called| called.at < 2_500).count();
            check.requires(BREAKER_IS_ASKED, (3..=6).contains(&before) && late == 0, || {
                format!("{how} It was called {before} times while it failed, and {late} clients waited before they were rejected.{}", story(&enrich))
            })?;
            let served = told[40..].iter().filter(|told| told.reply == Reply::Stored).count();
            check.requires(BREAKER_IS_TOLD, served == 20, || {
                format!("{how} From 4,000 ms on, {served} of 20 lines were stored.{}", story(&enrich))
            })?;
        }
        for leaves in [true, false] {
            lost_probe(check, leaves)?;
        }
        check.evidence(format!(
            "a service that fails for two and a half seconds, {RUNS} times; and probes that get no answer"
        ));
        Ok(())
    });
}

/// The breaker has opened; the client of its only probe leaves, or its deadline comes, before there is an answer.
fn lost_probe(check: &mut Check, leaves: bool) -> Proven {
    let settings =
        Settings { breaker: breaker::Settings { failures: 1, pause: 500, probes: 1, patience: 5_000 }, ..settings() };
    let how = format!(
        "One failure has opened the breaker for 500 ms. At 600 ms comes its only probe, and its {} at 650 ms, before any answer. At 700 ms comes \
         another line.",
        if leaves { "client leaves" } else { "deadline passes" }
    );
    let enrich = Service::new(|called| match called.at {
        0 => (10, Reply::Failed),
        600 => (FOREVER, Reply::Stored),
        _ => (10, Reply::Stored),
    });
    let told = scene(check, &how, || {
        let services = both(enrich.clone(), Service::well(10));
        let ([enrich, tails], settings) = (services.clone(), settings.clone());
        let play = async move {
            let stage = Stage::new(&settings, &enrich, &tails);
            stage.ask(line(1), 900).await;
            let probe = stage.client(600, line(2), if leaves { 900 } else { 50 });
            stage.until(650).await;
            if leaves {
                probe.abort();
            }
            let _ = probe.await;
            stage.until(700).await;
            stage.ask(line(3), 900).await
        };
        (play, services)
    })?;
    check.requires(BREAKER_IS_TOLD, told == Told { reply: Reply::Stored, at: 710 }, || {
        format!("{how} It was told {:?} at {} ms.{}", told.reply, told.at, story(&enrich))
    })
}

/// A scene with one line at a time in which attempts end as `says` in turn, and all that come later succeed.
fn attempts(
    check: &mut Check,
    how: &str,
    settings: &Settings,
    says: &[Reply],
    patience: Millis,
) -> Result<(Told, Service), Box<Failure>> {
    let says = says.to_vec();
    let mut number = 0;
    let enrich = Service::new(move |called| {
        number += 1;
        (10, says.get(number - 1).cloned().unwrap_or_else(|| good(&called.request)))
    });
    let told = scene(check, how, || {
        let services = both(enrich.clone(), Service::well(10));
        let ([enrich, tails], settings) = (services.clone(), settings.clone());
        (async move { Stage::new(&settings, &enrich, &tails).ask(line(1), patience).await }, services)
    })?;
    Ok((told, enrich))
}

#[test]
pub fn what_may_be_tried_again_is_tried_again() {
    check(|check| {
        use Reply::{Failed, GivenUp, Overloaded, Refused, Stored, TooLate};
        let cases: [(&[Reply], Reply, Millis); 8] = [
            (&[Failed], Stored, 40),
            (&[Overloaded, Failed], Stored, 90),
            (&[Reply::Closing], Stored, 40),
            (&[Failed, Refused], Refused, 40),
            (&[Failed, GivenUp], GivenUp, 40),
            (&[TooLate], GivenUp, 10),
            (&[Overloaded, Overloaded, Overloaded], GivenUp, 90),
            (&[Failed, Failed, Failed], GivenUp, 90),
        ];
        for (says, expected, at) in cases {
            for _ in 0..RUNS / 4 {
                let settings =
                    Settings { retries: Policy { attempts: 3, backoff: Backoff { base: 40, cap: 80 } }, ..settings() };
                let how = format!(
                    "A line may be tried three times, with pauses of 20 and 40 ms. Its attempts are told {says:?}, and what comes after that succeeds."
                );
                let (told, enrich) = attempts(check, &how, &settings, says, 1_000)?;
                let expected = Told { reply: expected.clone(), at };
                check.requires(RETRIED, told == expected, || {
                    format!(
                        "{how} The client should be told {:?} at {at} ms, and was told {:?} at {} ms.{}",
                        expected.reply,
                        told.reply,
                        told.at,
                        story(&enrich)
                    )
                })?;
                let same = enrich.calls().iter().all(|called| called.request == line(1));
                check.requires(RETRIED, same, || format!("{how} The attempts differ.{}", story(&enrich)))?;
            }
        }
        budget_is_kept(check)?;
        check.evidence("8 series of replies, and a budget that runs out");
        Ok(())
    });
}

/// A service that always fails: retries end with the budget, and those of the other path are its own.
fn budget_is_kept(check: &mut Check) -> Proven {
    let settings = Settings {
        retries: Policy { attempts: 3, backoff: Backoff { base: 40, cap: 40 } },
        budget: Budget::new(8, 100),
        ..settings()
    };
    let how = "The budget has 8 tokens, and the service fails always. Ten lines come, one after the other.";
    let enrich = plain(&Reply::Failed);
    scene(check, how, || {
        let services = both(enrich.clone(), Service::well(10));
        let ([enrich, tails], settings) = (services.clone(), settings.clone());
        let play = async move {
            let stage = Stage::new(&settings, &enrich, &tails);
            for number in 0..10 {
                stage.ask(line(number), 1_000).await;
            }
        };
        (play, services)
    })?;
    // The fourth failure leaves four tokens of eight, which is not above half.
    check.requires(RETRIED, enrich.calls().len() == 12, || {
        let calls = enrich.calls().len();
        format!("{how} Ten first attempts and two more are within the budget; {calls} calls were made.")
    })
}

#[test]
pub fn a_pause_holds_no_place() {
    check(|check| {
        for _ in 0..RUNS {
            let settings = Settings {
                limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 },
                retries: Policy { attempts: 2, backoff: Backoff { base: 200, cap: 200 } },
                ..settings()
            };
            let how = "There is one place. Line 1 fails after 10 ms and pauses for 100 ms. Line 2 comes at 20 ms and takes 10 ms.";
            let enrich = Service::new(|called| match (&called.request, called.at) {
                (request, 0) if *request == line(1) => (10, Reply::Failed),
                _ => (10, Reply::Stored),
            });
            let (first, second) = scene(check, how, || {
                let services = both(enrich.clone(), Service::well(10));
                let ([enrich, tails], settings) = (services.clone(), settings.clone());
                let play = async move {
                    let stage = Stage::new(&settings, &enrich, &tails);
                    let second = stage.client(20, line(2), 1_000);
                    (stage.ask(line(1), 1_000).await, second.await.ok())
                };
                (play, services)
            })?;
            let right = second == Some(Told { reply: Reply::Stored, at: 30 })
                && first == Told { reply: Reply::Stored, at: 120 };
            check.requires(PAUSES, right, || {
                format!("{how} Line 2 was told {second:?}, and line 1 {first:?}.{}", story(&enrich))
            })?;
        }
        check.evidence(format!("a line that pauses, and one that comes meanwhile, {RUNS} times"));
        Ok(())
    });
}

#[test]
pub fn overloaded_means_that_nothing_was_done() {
    check(|check| {
        // The first attempt is told something, and when the second one comes, the breaker is open, or the queue is full.
        for first in [Reply::Failed, Reply::Overloaded] {
            for by_the_breaker in [true, false] {
                for _ in 0..RUNS {
                    let expected = if first == Reply::Failed { Reply::GivenUp } else { Reply::Overloaded };
                    let why = if by_the_breaker { "the breaker has opened" } else { "the queue is full" };
                    let how =
                        format!("Line 1 is told {first:?} and pauses for 100 ms. When it is to be tried again, {why}.");
                    let (told, enrich) = turned_away(check, &how, &first, by_the_breaker)?;
                    let called = enrich.calls().iter().filter(|called| called.request == line(1)).count();
                    check.requires(UNTOUCHED, told.reply == expected && called == 1, || {
                        format!(
                            "{how} Its client should be told {expected:?}, and was told {:?}.{}",
                            told.reply,
                            story(&enrich)
                        )
                    })?;
                }
            }
        }
        check.evidence(format!(
            "second attempts that are turned away after a failure and after a refusal, {RUNS} times each"
        ));
        Ok(())
    });
}

fn turned_away(
    check: &mut Check,
    how: &str,
    first: &Reply,
    by_the_breaker: bool,
) -> Result<(Told, Service), Box<Failure>> {
    let settings = Settings {
        limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 },
        queue: crate::subject::admission::queue::Settings { capacity: 1, target: 500, interval: 1_000 },
        breaker: breaker::Settings {
            failures: if by_the_breaker { 3 } else { 1_000 },
            pause: 1_000,
            probes: 1,
            patience: 5_000,
        },
        retries: Policy { attempts: 2, backoff: Backoff { base: 200, cap: 200 } },
        ..settings()
    };
    let first = first.clone();
    let enrich = Service::new(move |called| match called.request {
        Request::Line { key: 1, .. } => (10, first.clone()),
        _ if by_the_breaker => (5, Reply::GivenUp),
        _ => (140, Reply::Stored),
    });
    let told = scene(check, how, || {
        let services = both(enrich.clone(), Service::well(10));
        let ([enrich, tails], settings) = (services.clone(), settings.clone());
        let play = async move {
            let stage = Stage::new(&settings, &enrich, &tails);
            // Three failures in a row; or one that has the place, and one that waits.
            let others: Vec<_> = [20, 35, 50].map(|at| stage.client(at, line(at), 1_000)).into();
            let told = stage.ask(line(1), 1_000).await;
            for other in others {
                let _ = other.await;
            }
            told
        };
        (play, services)
    })?;
    Ok((told, enrich))
}

#[test]
pub fn ten_times_too_much_is_refused() {
    check(|check| {
        for _ in 0..RUNS / 8 {
            let settings = Settings {
                limit: limit::Settings { least: 2, most: 2, first: 2, keeps: 90 },
                queue: crate::subject::admission::queue::Settings { capacity: 30, target: 50, interval: 200 },
                ..settings()
            };
            let how = "Two lines at a time take 20 ms each, so 100 a second can be done. 1,000 a second come, for three seconds; each client waits for 2,000 ms.";
            let enrich = Service::well(20);
            let told = scene(check, how, || {
                let services = both(enrich.clone(), Service::well(10));
                let ([enrich, tails], settings) = (services.clone(), settings.clone());
                let play = async move {
                    let stage = Stage::new(&settings, &enrich, &tails);
                    let clients: Vec<_> = (0..3_000).map(|at| (at, stage.client(at, line(at), 2_000))).collect();
                    let mut told = Vec::new();
                    for (at, client) in clients {
                        told.push((at, client.await.expect("a client does not panic unless its gateway does")));
                    }
                    told
                };
                (play, services)
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

/// One place, which line 0 has until 60 ms; lines 1 and 2 wait for it. Line 1 waits so often before its client leaves.
fn dropped(settings: Settings, enrich: &Service, waits: usize) -> (impl Future<Output = (bool, Told)>, [Service; 2]) {
    let services = both(enrich.clone(), Service::well(10));
    let [enrich, tails] = services.clone();
    let play = async move {
        let stage = Stage::new(&settings, &enrich, &tails);
        let holder = stage.client(0, line(0), 900);
        let leaver = stage.clone();
        let leaver = tokio::spawn(async move {
            leaver.until(10).await;
            matches!(after(waits, leaver.ask(line(1), 900)).await, Ending::Cancelled)
        });
        let waiter = stage.client(20, line(2), 900);
        let _ = holder.await;
        let was_dropped = leaver.await.unwrap_or(false);
        let _ = waiter.await;
        (was_dropped, stage.ask(line(3), 900).await)
    };
    (play, services)
}

#[test]
pub fn it_may_be_dropped_wherever_it_waits() {
    check(|check| {
        let mut count = 0;
        for reply in [Reply::Stored, Reply::Failed] {
            for waits in 1..=12 {
                for _ in 0..RUNS / 4 {
                    let settings = Settings {
                        limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 },
                        retries: Policy { attempts: 2, backoff: Backoff { base: 40, cap: 40 } },
                        ..settings()
                    };
                    let how = format!(
                        "There is one place. Line 0 has it until 60 ms; lines 1 and 2 come after it. Attempts of line 1 are told {reply:?} after \
                         10 ms, and its client leaves when it waits for the {waits}th time. Line 3 comes when all others are through."
                    );
                    let reply = reply.clone();
                    let enrich = Service::new(move |called| match called.request {
                        Request::Line { key: 0, .. } => (60, Reply::Stored),
                        Request::Line { key: 1, .. } => (10, reply.clone()),
                        _ => (10, Reply::Stored),
                    });
                    let (was_dropped, last) = scene(check, &how, || dropped(settings, &enrich, waits))?;
                    count += usize::from(was_dropped);
                    let stored = |key: u64| {
                        let answered = |called: &Called| matches!(called.end, Some((End::Answered(_), _)));
                        enrich.calls().iter().any(|called| called.request == line(key) && answered(called))
                    };
                    check.requires(GIVEN_BACK, stored(2) && last.reply == Reply::Stored, || {
                        format!("{how} Line 3 was told {:?} at {} ms.{}", last.reply, last.at, story(&enrich))
                    })?;
                }
            }
        }
        check.requires(GIVEN_BACK, count > 0, || {
            "A request never waits for anything, so it was never dropped.".to_owned()
        })?;
        check.evidence(format!("{count} requests that were dropped, at every `await` that they came to"));
        Ok(())
    });
}

#[test]
pub fn a_place_for_one_that_has_left_goes_to_the_next() {
    check(|check| {
        for leavers in 1..=3_u64 {
            for _ in 0..RUNS {
                let settings =
                    Settings { limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 }, ..settings() };
                let how = format!(
                    "There is one place, and line 0 has it until 60 ms. After it come {leavers} lines whose clients leave at the very moment at which line 0 is \
                     through, and then line 9."
                );
                let enrich = Service::new(|called| (if called.request == line(0) { 60 } else { 10 }, Reply::Stored));
                let told = scene(check, &how, || at_the_very_moment(&settings, &enrich, leavers))?;
                check.requires(GIVEN_BACK, told == Told { reply: Reply::Stored, at: 70 }, || {
                    format!(
                        "{how} Line 9 should be told `Stored` at 70 ms, and was told {:?} at {} ms.{}",
                        told.reply,
                        told.at,
                        story(&enrich)
                    )
                })?;
            }
        }
        check.evidence(format!("one to three clients that leave when it is their turn, {RUNS} times each"));
        Ok(())
    });
}

fn at_the_very_moment(
    settings: &Settings,
    enrich: &Service,
    leavers: u64,
) -> (impl Future<Output = Told> + use<>, [Service; 2]) {
    let services = both(enrich.clone(), Service::well(10));
    let ([enrich, tails], settings) = (services.clone(), settings.clone());
    let play = async move {
        let stage = Stage::new(&settings, &enrich, &tails);
        let mut tell = Vec::new();
        let mut left = Vec::new();
        for key in 1..=leavers {
            let client = stage.clone();
            let (future, told) = leaving(async move { client.ask(line(key), 900).await });
            tell.push(told);
            let stage = stage.clone();
            left.push(tokio::spawn(async move {
                stage.until(10 * key).await;
                future.await
            }));
        }
        let holder = stage.clone();
        let holder = tokio::spawn(async move {
            holder.ask(line(0), 900).await;
            for told in tell {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = true;
            }
        });
        let last = stage.client(50, line(9), 900).await.expect("a client does not panic unless its gateway does");
        let _ = holder.await;
        for client in left {
            client.abort(); // it has left, but nothing has woken it
            let _ = client.await;
        }
        last
    };
    (play, services)
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
                let told = scene(check, &how, || {
                    let services = both(enrich.clone(), tails.clone());
                    let ([enrich, tails], settings) = (services.clone(), settings.clone());
                    let play = async move {
                        let stage = Stage::new(&settings, &enrich, &tails);
                        let lines: Vec<_> =
                            (0..150).map(|number| stage.client(10 * number, line(number), 600)).collect();
                        let tails: Vec<_> = (0..30).map(|number| stage.client(50 * number + 5, tail(1), 400)).collect();
                        let mut told = Vec::new();
                        for (number, client) in (0..).zip(tails) {
                            let client = client.await.expect("a client does not panic unless its gateway does");
                            told.push((50 * number + 5, client));
                        }
                        for line in lines {
                            let _ = line.await;
                        }
                        told
                    };
                    (play, services)
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

#[test]
pub fn what_was_taken_before_it_closed_is_finished() {
    check(|check| {
        for _ in 0..RUNS {
            let settings = Settings {
                limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 },
                retries: Policy { attempts: 2, backoff: Backoff { base: 400, cap: 400 } },
                ..settings()
            };
            let how = "There is one place. Line 0 fails after 10 ms, and pauses for 200 ms; line 1 has the place from 10 ms on, for 50 ms; line 2 waits, and takes as long. The \
                       gateway is drained at 50 ms, and twice. Line 3 comes at 60 ms.";
            let mut failed = false;
            let enrich = Service::new(move |called| match called.request == line(0) && !failed {
                true => {
                    failed = true;
                    (10, Reply::Failed)
                }
                false => (50, Reply::Stored),
            });
            let (old, new, drained) = scene(check, how, || drained(&settings, &enrich))?;
            let [first, second] = drained;
            check.requires(CLOSED, new == Told { reply: Reply::Closing, at: 60 }, || {
                format!("{how} Line 3 was told {:?} at {} ms.{}", new.reply, new.at, story(&enrich))
            })?;
            let stored = old.iter().all(|told| told.reply == Reply::Stored);
            let last = old.iter().map(|told| told.at).max().unwrap_or(0);
            check.requires(FINISHED, stored && first == last && second == last, || {
                let told: Vec<_> = old.iter().map(|told| format!("{:?} at {} ms", told.reply, told.at)).collect();
                format!(
                    "{how} Lines 0, 1 and 2 were told {}; the gateway was drained at {first} and {second} ms.{}",
                    told.join(", "),
                    story(&enrich)
                )
            })?;
        }
        closed_for_good(check)?;
        check.evidence(format!("a gateway that is drained while lines wait, pause and are under way, {RUNS} times"));
        Ok(())
    });
}

type Drained = ([Told; 3], Told, [Millis; 2]);

fn drained(settings: &Settings, enrich: &Service) -> (impl Future<Output = Drained> + use<>, [Service; 2]) {
    let services = both(enrich.clone(), Service::well(10));
    let ([enrich, tails], settings) = (services.clone(), settings.clone());
    let play = async move {
        let stage = Stage::new(&settings, &enrich, &tails);
        let old = [(0, 0), (1, 2), (2, 4)].map(|(key, at)| stage.client(at, line(key), 2_000));
        let drains = [50, 55].map(|at| {
            let stage = stage.clone();
            tokio::spawn(async move {
                stage.until(at).await;
                stage.gateway.drain().await;
                stage.now()
            })
        });
        let new = stage.client(60, line(3), 2_000);
        let panicked = "neither a client nor a drain panics unless the gateway does";
        let [one, two, three] = old;
        let old = [one.await.expect(panicked), two.await.expect(panicked), three.await.expect(panicked)];
        let [first, second] = drains;
        (old, new.await.expect(panicked), [first.await.expect(panicked), second.await.expect(panicked)])
    };
    (play, services)
}

/// A gateway without requests is drained at once, and one whose drain was dropped stays closed.
fn closed_for_good(check: &mut Check) -> Proven {
    for request in [line(1), tail(1)] {
        let how = format!(
            "A call is under way on the other path. `drain` is polled once and dropped. Then {} comes.",
            name(&request)
        );
        let told = scene(check, &how, || {
            let services = both(Service::well(50), Service::well(50));
            let ([enrich, tails], request) = (services.clone(), request.clone());
            let play = async move {
                let stage = Stage::new(&settings(), &enrich, &tails);
                let other = if matches!(request, Request::Line { .. }) { tail(2) } else { line(2) };
                let busy = stage.client(0, other, 900);
                stage.until(10).await;
                let _ = after(1, stage.gateway.drain()).await;
                let told = stage.ask(request, 900).await;
                let _ = busy.await;
                stage.gateway.drain().await;
                (told, stage.now())
            };
            (play, services)
        })?;
        check.requires(CLOSED, told.0 == Told { reply: Reply::Closing, at: 10 } && told.1 == 50, || {
            format!(
                "{how} It was told {:?} at {} ms, and a later `drain` returned at {} ms.",
                told.0.reply, told.0.at, told.1
            )
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
