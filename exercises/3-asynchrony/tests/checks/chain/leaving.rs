//! Clients that leave: nothing goes on for them, and what they held is free.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use testkit::check::check;
use testkit_async::cancel::{Ending, after};
use testkit_async::paused::RUNS;

use super::rules::{FINISHED, GIVEN_BACK, LIMIT_IS_TOLD, LIMITED, NOTHING_LEFT};
use super::scenes::{TURNS, joined, scene};
use super::services::{Called, End, FOREVER, Service, Stage, Told, instead, leaving, line, settings, story};
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
    let (was_dropped, goes_on) = joined(leaver).await;
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
    let last = joined(stage.client(50, line(9), 900)).await;
    let _ = holder.await;
    for client in left {
        client.abort(); // it has left, but nothing has woken it
        let _ = client.await;
    }
    last
}

#[test]
pub fn a_call_is_gone_before_its_place_is() {
    check(|check| {
        let settings = Settings { limit: limit::Settings { least: 1, most: 1, first: 1, keeps: 50 }, ..settings() };
        let how = "There is one place, which line 0 has, and line 1 waits for it. The client of line 0 leaves.";
        let enrich = Service::well(200);
        let woken =
            scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| one_leaves(stage, enrich.clone()))?;
        check.requires(GIVEN_BACK, woken.is_some(), || format!("{how} Line 1 is not woken.{}", story(&enrich)))?;
        let gone = enrich.calls().first().and_then(|called| called.end_order);
        check.requires(LIMITED, gone.is_some() && gone < woken, || {
            format!(
                "{how} Line 1 is woken before the call of line 0 is dropped. If it runs on another thread, its call begins while that one is still under \
                 way.{}",
                story(&enrich)
            )
        })?;
        check.evidence("a client that leaves, and the next one, which is not woken before the call is gone");
        Ok(())
    });
}

/// Notes when it is woken first, among the beginnings and ends of calls.
struct Noting {
    enrich: Service,
    woken: Mutex<Option<usize>>,
}

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        let now = self.enrich.order();
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(now);
    }
}

/// A call is under way for line 0, and line 1 waits, until the client of line 0 leaves. Says when line 1 is woken, among the beginnings and ends of calls.
async fn one_leaves(stage: Stage, enrich: Service) -> Option<usize> {
    let (leaver, next) = (stage.clone(), stage.clone());
    let (mut first, mut second) =
        (boxed(async move { leaver.ask(line(0), 900).await }), boxed(async move { next.ask(line(1), 900).await }));
    let noting = Arc::new(Noting { enrich, woken: Mutex::new(None) });
    // A gateway may have tasks of its own that hand places out: they get their turns.
    for _ in 0..TURNS {
        let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        tokio::task::yield_now().await;
    }
    for _ in 0..TURNS {
        let _ = second.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&noting))));
        tokio::task::yield_now().await;
    }
    noting.woken.lock().unwrap_or_else(PoisonError::into_inner).take(); // what has woken it until now is none of our business
    drop(first);
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    *noting.woken.lock().unwrap_or_else(PoisonError::into_inner)
}

fn boxed<T>(future: impl Future<Output = T> + Send + 'static) -> Pin<Box<dyn Future<Output = T> + Send>> {
    Box::pin(future)
}

#[test]
pub fn a_place_that_was_not_used_says_nothing() {
    check(|check| {
        let settings = Settings { limit: limit::Settings { least: 1, most: 2, first: 2, keeps: 50 }, ..settings() };
        let how = "There are two places, which lines 0 and 1 have, and line 2 waits. At 10 ms the client of line 0 leaves, and line 2 has its place; but its task \
                   gets no turn until 300 ms, and then its client leaves as well. No call was made for it, so the limit is still two. Then lines 3 and 4 come.";
        let enrich = Service::new(|called| (if called.request == line(1) { 40 } else { FOREVER }, Reply::Stored));
        let (calls, under_way) =
            scene(check, how, &settings, [&enrich, &Service::well(10)], |stage| no_turn(stage, enrich.clone()))?;
        check.requires(LIMIT_IS_TOLD, calls == 2 && under_way == 2, || {
            format!("{how} {under_way} calls are under way then.{}", story(&enrich))
        })?;
        check.evidence("a place that is given, and not used for 290 ms: it is no call that was slow");
        Ok(())
    });
}

/// Says how many calls were made before lines 3 and 4 come, and how many are under way then.
async fn no_turn(stage: Stage, enrich: Service) -> (usize, usize) {
    let first = stage.client(0, line(0), 900);
    let second = stage.client(0, line(1), 900);
    stage.until(5).await;
    let client = stage.clone();
    let mut third = boxed(async move { client.ask(line(2), 900).await });
    for _ in 0..TURNS {
        let _ = third.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        tokio::task::yield_now().await;
    }
    stage.until(10).await;
    first.abort();
    stage.until(300).await;
    drop(third);
    let calls = enrich.calls().len();
    joined(second).await;
    let last = [3, 4].map(|key| stage.client(310, line(key), 100));
    stage.until(350).await;
    let under_way = enrich.under_way();
    for client in last {
        joined(client).await;
    }
    (calls, under_way)
}
