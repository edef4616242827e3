//! The end: what was taken is finished.

use testkit::check::{Check, Proven, check};
use testkit_async::cancel::after;
use testkit_async::paused::RUNS;

use super::rules::{CLOSED, FINISHED};
use super::scenes::{joined, scene};
use super::services::{Service, Stage, Told, line, name, settings, story, tail};
use crate::subject::admission::limit;
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::listen::Answers;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::time::Millis;

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
            let (old, new, drained) = scene(check, how, &settings, [&enrich, &Service::well(10)], drained)?;
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

/// What the old clients and the new one are told, and when each drain returns.
async fn drained(stage: Stage) -> ([Told; 3], Told, [Millis; 2]) {
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
    let [one, two, three] = old;
    let old = [joined(one).await, joined(two).await, joined(three).await];
    let [first, second] = drains;
    (old, joined(new).await, [joined(first).await, joined(second).await])
}

/// A gateway without requests is drained at once, and one whose drain was dropped stays closed.
fn closed_for_good(check: &mut Check) -> Proven {
    for request in [line(1), tail(1)] {
        let how = format!(
            "A call is under way on the other path. `drain` is polled once and dropped. Then {} comes.",
            name(&request)
        );
        let told = scene(check, &how, &settings(), [&Service::well(50), &Service::well(50)], |stage| async move {
            let other = if matches!(request, Request::Line { .. }) { tail(2) } else { line(2) };
            let busy = stage.client(0, other, 900);
            stage.until(10).await;
            let _ = after(1, stage.gateway.drain()).await;
            let told = stage.ask(request, 900).await;
            let _ = busy.await;
            stage.gateway.drain().await;
            (told, stage.now())
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
