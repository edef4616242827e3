//! Scenes of a gateway, on paused time, and what several checks of it have in common.

use std::future::Future;

use testkit::check::{Check, Failure};
use testkit_async::paused::{self};

use super::rules::NOTHING_LEFT;
use super::services::{Called, FOREVER, Service};
use crate::subject::chain::message::Reply;
use crate::subject::time::Millis;

/// So often other tasks get a turn before a check looks at what was to end at once.
pub const TURNS: usize = 32;

/// What a service does with a call.
pub type Plan = fn(&Called) -> (Millis, Reply);

/// Runs a scene on paused time, and looks that nothing is left of it.
pub fn scene<T, F: Future<Output = T>>(
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
pub fn both(enrich: Service, tail: Service) -> [Service; 2] {
    [enrich, tail]
}

/// A service that gives one reply, after 10 ms.
pub fn plain(reply: &Reply) -> Service {
    let reply = reply.clone();
    Service::new(move |_| (10, reply.clone()))
}

/// Ways in which a call may end: in words, how long it takes, the reply, how long its client waits, and when it leaves.
pub fn endings() -> [(&'static str, Millis, Reply, Millis, Millis); 13] {
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
