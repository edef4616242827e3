//! Scenes of a gateway, on paused time, and what several checks of it have in common.

use std::future::Future;
use std::panic;
use std::time::Duration;

use testkit::check::{Check, Failure};
use testkit_async::paused;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::rules::{FINISHED, NOTHING_LEFT};
use super::services::{Called, FOREVER, Service, Stage, line};
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::Reply;
use crate::subject::time::Millis;

/// So often other tasks get a turn before a check looks at what was to end at once.
pub const TURNS: usize = 32;

/// Waits for a client's task. If its gateway has panicked, so does this, without a panic of its own.
pub async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(done) => done,
        Err(error) => panic::resume_unwind(error.into_panic()), // nobody cancels a task that is waited for
    }
}

/// What a service does with a call.
pub type Plan = fn(&Called) -> (Millis, Reply);

/// Plays a scene to a gateway with these services, `enrich` and `tail`, on paused time, and looks that nothing is left of it.
pub fn scene<T, F: Future<Output = T>>(
    check: &mut Check,
    how: &str,
    settings: &Settings,
    services: [&Service; 2],
    play: impl FnOnce(Stage) -> F,
) -> Result<T, Box<Failure>> {
    let [enrich, tail] = services;
    let end = Duration::from_millis(10 * FOREVER);
    let (done, left) = paused::run(async { timeout(end, play(Stage::new(settings, enrich, tail))).await });
    check.requires(FINISHED, done.is_ok(), || {
        format!("{how} Something never ends: a client waits for a reply, or a drain for its end.")
    })?;
    let under_way: usize = services.into_iter().map(Service::under_way).sum();
    check.requires(NOTHING_LEFT, under_way == 0 && left.tasks == 0, || {
        format!("{how} Afterwards {under_way} calls are under way, and {} tasks are alive.", left.tasks)
    })?;
    Ok(done.expect("what has not ended is a failure"))
}

/// A service that gives one reply, after 10 ms.
pub fn plain(reply: &Reply) -> Service {
    let reply = reply.clone();
    Service::new(move |_| (10, reply.clone()))
}

/// A way in which a call may end.
pub struct Way {
    /// In words, of each of several.
    pub told: &'static str,
    /// How long the service takes.
    pub takes: Millis,
    /// What it says then.
    pub reply: Reply,
    /// How long the client waits.
    pub patience: Millis,
    /// When the client leaves, if it is still there.
    pub leaves: Millis,
}

/// All ways.
pub fn ways() -> [Way; 13] {
    let way = |told, takes, reply, patience, leaves| Way { told, takes, reply, patience, leaves };
    [
        way("each succeeds after 20 ms", 20, Reply::Stored, 900, 950),
        way("each succeeds after 200 ms, which is slow", 200, Reply::Stored, 900, 950),
        way("each is told `Overloaded` after 20 ms", 20, Reply::Overloaded, 900, 950),
        way("each fails after 20 ms", 20, Reply::Failed, 900, 950),
        way("each fails after 200 ms, which is slow", 200, Reply::Failed, 900, 950),
        way("each is refused after 20 ms", 20, Reply::Refused, 900, 950),
        way("each is given up below after 20 ms", 20, Reply::GivenUp, 900, 950),
        way("each is told `TooLate` after 20 ms", 20, Reply::TooLate, 900, 950),
        way("each is told `Closing` after 20 ms", 20, Reply::Closing, 900, 950),
        way("no reply comes within the timeout", FOREVER, Reply::Stored, 900, 950),
        way("the clients' deadline comes after 60 ms, before any reply", FOREVER, Reply::Stored, 60, 950),
        way("the clients' deadline comes after 200 ms, before any reply", FOREVER, Reply::Stored, 200, 950),
        way("their clients leave after 60 ms", FOREVER, Reply::Stored, 900, 60),
    ]
}

impl Way {
    /// A service whose calls end so.
    pub fn service(&self) -> Service {
        let (takes, reply) = (self.takes, self.reply.clone());
        Service::new(move |_| (takes, reply.clone()))
    }

    /// Four lines that come at the beginning, and end so. All of them are through at 1,000 ms, when this returns.
    pub async fn four_lines(&self, stage: &Stage) {
        let clients: Vec<_> = (0..4).map(|key| stage.client(0, line(key), self.patience)).collect();
        stage.until(self.leaves).await;
        clients.iter().for_each(JoinHandle::abort);
        stage.until(1_000).await;
    }
}
