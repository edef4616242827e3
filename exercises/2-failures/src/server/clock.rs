//! The clock: timers, armed by the engine.
//!
//! An election's time is thrown anew each time that it is armed: two servers that wait equally long stand for election together, and split
//! the votes (Ongaro & Ousterhout 2014, section 5.2). Which range is right depends on the network and the disk: much longer than a message and
//! its sync take, much shorter than the time between failures (section 5.6).

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use cap::raft::Timer;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Config;
use super::engine::Event;

/// What the engine wants of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Let a timer fire once, later; if it is armed, its wait begins anew.
    Arm(Timer),
    /// Forget a timer.
    Disarm(Timer),
}

/// Starts a clock that fires into `events`. It stops when nobody can arm it any more.
pub(super) fn start(config: &Config, events: mpsc::Sender<Event>) -> mpsc::UnboundedSender<Change> {
    let (sender, changes) = mpsc::unbounded_channel();
    tokio::spawn(tick(changes, events, config.election.clone(), config.heartbeat));
    sender
}

async fn tick(
    mut changes: mpsc::UnboundedReceiver<Change>,
    events: mpsc::Sender<Event>,
    election: Range<u64>,
    heartbeat: Duration,
) {
    let wait = |timer| match timer {
        Timer::Election => Duration::from_millis(rand::random_range(election.clone())),
        Timer::Heartbeat => heartbeat,
    };
    let mut armed: BTreeMap<Timer, Instant> = BTreeMap::new();
    loop {
        let first = armed.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (*timer, *at));
        tokio::select! {
            biased; // a change that has come already counts before the timer that it changes
            change = changes.recv() => match change {
                Some(Change::Arm(timer)) => drop(armed.insert(timer, Instant::now() + wait(timer))),
                Some(Change::Disarm(timer)) => drop(armed.remove(&timer)),
                None => return,
            },
            timer = fired(first) => {
                armed.remove(&timer);
                let _ = events.send(Event::Timeout { timer }).await;
            }
        }
    }
}

/// Waits for the first timer; forever, if there is none.
async fn fired(first: Option<(Timer, Instant)>) -> Timer {
    match first {
        Some((timer, at)) => {
            sleep_until(at).await;
            timer
        }
        None => std::future::pending().await,
    }
}
