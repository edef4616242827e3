//! Clients that leave: nothing goes on for them, and what they held is free.

use std::sync::PoisonError;
use std::time::Duration;

use testkit::check::check;
use testkit_async::cancel::{Ending, after};
use testkit_async::paused::RUNS;

use super::rules::{FINISHED, GIVEN_BACK, NOTHING_LEFT};
use super::scenes::{NO_PANIC, TURNS, scene};
use super::services::{Called, End, Service, Stage, Told, instead, leaving, line, settings, story};
use crate::subject::admission::limit;
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::listen::Answers;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;

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
                    let (was_dropped, goes_on, last, drained) =
                        scene(check, &how, &settings, [&enrich, &Service::well(10)], |stage| {
                            dropped(stage, &enrich, waits)
                        })?;
                    check.requires(NOTHING_LEFT, !goes_on, || {
                        format!("{how} When line 1 was through or was dropped, its call went on.{}", story(&enrich))
                    })?;
                    count += usize::from(was_dropped);
                    check.requires(FINISHED, drained, || {
                        format!("{how} When all are through, the gateway is drained, and that does not come to an end.")
                    })?;
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

/// One place, which line 0 has until 60 ms; lines 1 and 2 wait for it. Line 1 waits so often before its client leaves.
/// Says whether it was dropped, whether its call went on then, what line 3 is told, which comes when all others are through, and whether the
/// gateway can be drained after that.
async fn dropped(stage: Stage, enrich: &Service, waits: usize) -> (bool, bool, Told, bool) {
    let holder = stage.client(0, line(0), 900);
    let (leaver, service) = (stage.clone(), enrich.clone());
    let leaver = tokio::spawn(async move {
        leaver.until(10).await;
        let was_dropped = matches!(after(waits, leaver.ask(line(1), 900)).await, Ending::Cancelled);
        // A task that is aborted comes to its end when it is its turn, and not before.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let goes_on = |called: &Called| called.request == line(1) && called.end.is_none();
        (was_dropped, service.calls().iter().any(goes_on))
    });
    let waiter = stage.client(20, line(2), 900);
    let _ = holder.await;
    let (was_dropped, goes_on) = leaver.await.expect(NO_PANIC);
    let _ = waiter.await;
    let last = stage.ask(line(3), 900).await;
    let drained = tokio::time::timeout(Duration::from_millis(100), stage.gateway.drain()).await.is_ok();
    (was_dropped, goes_on, last, drained)
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
                let told = scene(check, &how, &settings, [&enrich, &Service::well(10)], |stage| {
                    at_the_very_moment(stage, leavers)
                })?;
                let expected = Told { reply: Reply::Stored, at: 70 };
                check.requires(GIVEN_BACK, told == expected, || {
                    instead(&format!("{how} Line 9"), &expected, &told, &enrich)
                })?;
            }
        }
        check.evidence(format!("one to three clients that leave when it is their turn, {RUNS} times each"));
        Ok(())
    });
}

async fn at_the_very_moment(stage: Stage, leavers: u64) -> Told {
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
    let last = stage.client(50, line(9), 900).await.expect(NO_PANIC);
    let _ = holder.await;
    for client in left {
        client.abort(); // it has left, but nothing has woken it
        let _ = client.await;
    }
    last
}
