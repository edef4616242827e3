//! What is tried again, and what a client is told if that does not help.

use testkit::check::{Check, Failure, Proven, check};
use testkit_async::paused::RUNS;

use super::rules::{PAUSES, RETRIED, UNTOUCHED};
use super::scenes::{plain, scene};
use super::services::{FOREVER, Service, Told, good, instead, line, settings, story};
use crate::subject::admission::{limit, queue};
use crate::subject::breaker;
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::time::Millis;

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
                    instead(&format!("{how} The client"), &expected, &told, &enrich)
                })?;
                let same = enrich.calls().iter().all(|called| called.request == line(1));
                check.requires(RETRIED, same, || format!("{how} The attempts differ.{}", story(&enrich)))?;
            }
        }
        budget_is_kept(check)?;
        time_is_kept(check)?;
        check.evidence(
            "8 series of replies, a service that says nothing, a pause that is too long, and a budget that runs out",
        );
        Ok(())
    });
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
    let told = scene(check, how, settings, [&enrich, &Service::well(10)], |stage| async move {
        stage.ask(line(1), patience).await
    })?;
    Ok((told, enrich))
}

/// A pause that would end after the deadline is not begun, and a service that says nothing has failed.
fn time_is_kept(check: &mut Check) -> Proven {
    let settings = Settings { retries: Policy { attempts: 3, backoff: Backoff { base: 40, cap: 40 } }, ..settings() };
    let how = "A client waits for 25 ms. Its line fails after 10 ms, and the pause would take 20 ms.";
    let (told, enrich) = attempts(check, how, &settings, &[Reply::Failed], 25)?;
    let expected = Told { reply: Reply::GivenUp, at: 10 };
    check.requires(RETRIED, told == expected, || instead(&format!("{how} The client"), &expected, &told, &enrich))?;
    let how = "The first call gets no answer, and the gateway waits for 400 ms. What comes after that succeeds.";
    let enrich = Service::new(|called| (if called.at == 0 { FOREVER } else { 10 }, Reply::Stored));
    let told =
        scene(
            check,
            how,
            &settings,
            [&enrich, &Service::well(10)],
            |stage| async move { stage.ask(line(1), 1_000).await },
        )?;
    let expected = Told { reply: Reply::Stored, at: 430 };
    check.requires(RETRIED, told == expected, || instead(&format!("{how} The client"), &expected, &told, &enrich))
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
    scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| async move {
        for number in 0..10 {
            stage.ask(line(number), 1_000).await;
        }
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
            let (first, second) = scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| async move {
                let second = stage.client(20, line(2), 1_000);
                (stage.ask(line(1), 1_000).await, second.await.ok())
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
        queue: queue::Settings { capacity: 1, target: 500, interval: 1_000 },
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
    let told = scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| async move {
        // Three failures in a row; or one that has the place, and one that waits.
        let others: Vec<_> = [20, 35, 50].map(|at| stage.client(at, line(at), 1_000)).into();
        let told = stage.ask(line(1), 1_000).await;
        for other in others {
            let _ = other.await;
        }
        told
    })?;
    Ok((told, enrich))
}
