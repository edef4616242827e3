//! What the breaker is told, and that it is asked.

use testkit::check::{Check, Proven, check};
use testkit_async::paused::RUNS;

use super::rules::{BREAKER_IS_ASKED, BREAKER_IS_TOLD};
use super::scenes::{Way, scene, ways};
use super::services::{FOREVER, Service, Told, good, instead, line, settings, story};
use crate::subject::admission::limit;
use crate::subject::breaker;
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::Reply;

#[test]
pub fn the_breaker_is_told_what_came_of_each_call() {
    check(|check| {
        for way in &ways() {
            for _ in 0..RUNS / 4 {
                let settings = Settings {
                    limit: limit::Settings { least: 4, most: 4, first: 4, keeps: 50 },
                    breaker: breaker::Settings { failures: 4, pause: 2_000, probes: 1, patience: 5_000 },
                    ..settings()
                };
                let how = format!("Four lines come at once; {}. Four failures in a row open the breaker.", way.told);
                let opens = matches!(way.reply, Reply::Failed | Reply::GivenUp)
                    || (way.takes == FOREVER && way.patience > 400 && way.leaves > 400);
                let enrich = &way.service();
                let told = scene(check, &how, &settings, [enrich, &Service::well(10)], |stage| async move {
                    way.four_lines(&stage).await;
                    enrich.change(|called| (10, good(&called.request)));
                    stage.ask(line(9), 500).await
                })?;
                let expected = if opens {
                    Told { reply: Reply::Overloaded, at: 1_000 }
                } else {
                    Told { reply: Reply::Stored, at: 1_010 }
                };
                let rule = if opens && told.at == 1_000 { BREAKER_IS_ASKED } else { BREAKER_IS_TOLD };
                check.requires(rule, told == expected, || {
                    instead(&format!("{how} A line that comes later"), &expected, &told, enrich)
                })?;
            }
        }
        for way in ways() {
            between_failures(check, way)?;
        }
        check.evidence(
            "calls that end in each way, alone and between failures: whether the service is called afterwards",
        );
        Ok(())
    });
}

/// Two lines fail, one ends in some way, and another one fails: three failures with no success between them, unless it is one.
fn between_failures(check: &mut Check, way: Way) -> Proven {
    let Way { told: kind, takes, reply, patience, leaves } = way;
    let settings = Settings {
        breaker: breaker::Settings { failures: 3, pause: 10_000, probes: 1, patience: 5_000 },
        ..settings()
    };
    let how = format!(
        "Three failures in a row open the breaker. Two lines fail, then comes one of which is true: {kind}; and then another one fails."
    );
    let is_success = takes < 400 && matches!(reply, Reply::Stored);
    let enrich = Service::new(move |called| match called.at {
        0 | 1_000 | 3_000 => (10, Reply::Failed),
        2_000 => (takes, reply.clone()),
        _ => (10, Reply::Stored),
    });
    let told = scene(check, &how, &settings, [&enrich, &Service::well(10)], |stage| async move {
        let clients =
            [0, 1_000, 2_000, 3_000].map(|at| stage.client(at, line(at), if at == 2_000 { patience } else { 900 }));
        stage.until(2_000 + leaves).await;
        clients[2].abort();
        stage.until(3_500).await;
        stage.ask(line(9), 500).await
    })?;
    let expected = if is_success { Reply::Stored } else { Reply::Overloaded };
    check.requires(BREAKER_IS_TOLD, told.reply == expected, || {
        format!(
            "{how} A line that comes later should be told {expected:?}, and was told {:?}.{}",
            told.reply,
            story(&enrich)
        )
    })
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
            let (late, told) = scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| async move {
                let mut told = Vec::new();
                let mut late = 0;
                for number in 0..60 {
                    let at = 100 * number;
                    stage.until(at).await;
                    told.push(stage.ask(line(number), 90).await);
                    late +=
                        usize::from(told[number as usize].reply == Reply::Overloaded && told[number as usize].at > at);
                }
                (late, told)
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
    let told = scene(check, &how, &settings, [&enrich, &Service::well(10)], |stage| async move {
        stage.ask(line(1), 900).await;
        let probe = stage.client(600, line(2), if leaves { 900 } else { 50 });
        stage.until(650).await;
        if leaves {
            probe.abort();
        }
        let _ = probe.await;
        stage.until(700).await;
        stage.ask(line(3), 900).await
    })?;
    check.requires(BREAKER_IS_TOLD, told == Told { reply: Reply::Stored, at: 710 }, || {
        format!("{how} It was told {:?} at {} ms.{}", told.reply, told.at, story(&enrich))
    })
}
