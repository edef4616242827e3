//! A queue that knows deadlines, and knows when it is too long.
//!
//! How long is too long? Not so many requests, since nobody knows how long each takes. What counts is how long they **wait**. But a burst
//! makes requests wait as well, and a burst is what a queue is for. The difference is in the *shortest* wait of an interval: after a burst the
//! queue empties, and some request waits for next to nothing. If even the shortest wait of a whole interval is above the target, more comes in
//! than goes out. The queue is then **overloaded**, and refuses what has waited for more than twice the target.
//!
//! Source: facebook/folly, `folly/executors/Codel.cpp`, after Nichols and others 2018, *Controlled Delay Active Queue Management*, RFC 8289.
//! Folly lets the first request of each interval pass. This queue does not: where a request takes longer than an interval, each would be the
//! first.

//# allow: dead_code, unused_imports, unused_variables
use std::collections::VecDeque;

use crate::time::Millis;

/// Names a request. No two requests that come to a queue have the same name.
pub type Request = u64;

/// How long a queue may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// How many requests may wait. At least 1.
    pub capacity: usize,
    /// The longest wait of a queue that does not stay.
    pub target: Millis,
    /// For how long waits are looked at before the queue decides. Longer than `target`.
    pub interval: Millis,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// There is no room for it in the queue.
    Full,
    /// Its deadline has passed: its client does not wait any more.
    Expired,
    /// The queue is overloaded, and the request has waited too long.
    Overloaded,
}

/// What becomes of requests when a worker asks for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Taken {
    /// The request that the worker starts, if there is one.
    pub start: Option<Request>,
    /// Requests that are refused, with the reason.
    pub refused: Vec<(Request, Refusal)>,
}

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    request: Request,
    since: Millis,
    deadline: Millis,
}

/// Requests that wait for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    settings: Settings,
    /// The oldest is at the front.
    waiting: VecDeque<Waiting>,
    /// Whether the last interval that has ended was too slow.
    overloaded: bool,
    /// When the interval began; nothing before the first.
    began: Option<Millis>,
    /// The shortest wait of the interval up to now.
    shortest: Millis,
}

impl Queue {
    /// An empty queue that is not overloaded.
    pub fn new(settings: Settings) -> Self {
        Queue { settings, waiting: VecDeque::new(), overloaded: false, began: None, shortest: Millis::MAX }
    }

    /// A request comes. Its client waits until `deadline`: at that moment it is gone.
    ///
    /// Contract: a request whose deadline is `now` or earlier is `Expired`. Any other one is `Full` if `capacity` requests wait, and otherwise
    /// it waits. What is refused here is not in the queue.
    pub fn offer(&mut self, request: Request, deadline: Millis, now: Millis) -> Result<(), Refusal> {
        //# hole: Let the request wait, or say why not.
        if deadline <= now {
            return Err(Refusal::Expired);
        }
        if self.waiting.len() >= self.settings.capacity {
            return Err(Refusal::Full);
        }
        self.waiting.push_back(Waiting { request, since: now, deadline });
        Ok(())
        //# end
    }

    /// A worker is free, and asks for a request. Workers ask at once when they are free, and an idle one asks again when a request has come.
    ///
    /// Contract:
    /// - Each request that has come in is told once what becomes of it: it is started, or it is refused. It waits until then, and no longer.
    /// - The worker starts the request that has waited longest, of those that need not be refused now. It starts none only if there is none.
    /// - **Expired**: a request whose deadline is `now` or earlier is never started. It is refused when its turn has come, or at any call
    ///   before that from its deadline on.
    /// - **Overloaded**: while the queue is overloaded, whatever has waited for more than twice the `target` is refused. Nothing else is. A
    ///   request that has expired as well may be told either.
    /// - **The interval**: the first call begins the first interval. A call that comes `interval` after the last one began, or later, ends it
    ///   and begins the next. From that call on the queue is overloaded if every wait of the interval that has ended was above the `target`,
    ///   and it is not if one was not. Before the first interval has ended it is not.
    /// - **The wait** of a call counts for the interval that the call belongs to. If the call starts a request, it is the time for which that
    ///   request has waited. If the call starts none, the wait is 0. Refused requests do not count.
    pub fn take(&mut self, now: Millis) -> Taken {
        //# hole: End the interval if it is over. Refuse what must be refused, start the next request, and take note of its wait.
        self.look_at_the_interval(now);
        let mut taken = Taken::default();
        let mut wait = 0;
        while let Some(next) = self.waiting.pop_front() {
            let waited = now - next.since;
            if next.deadline <= now {
                taken.refused.push((next.request, Refusal::Expired));
            } else if self.overloaded && waited > 2 * self.settings.target {
                taken.refused.push((next.request, Refusal::Overloaded));
            } else {
                taken.start = Some(next.request);
                wait = waited;
                break;
            }
        }
        self.shortest = self.shortest.min(wait);
        taken
        //# end
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    //# private
    /// Judges the interval if it is over, and begins the next.
    fn look_at_the_interval(&mut self, now: Millis) {
        match self.began {
            None => self.began = Some(now),
            Some(began) if now - began >= self.settings.interval => {
                self.overloaded = self.shortest > self.settings.target;
                self.began = Some(now);
                self.shortest = Millis::MAX;
            }
            Some(_) => {}
        }
    }
    //# end
}
