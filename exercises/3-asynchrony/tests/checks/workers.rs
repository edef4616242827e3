//! Workers that take requests from the learner's queue, as a cluster of one server, and beside them what the queue's contract says.
//!
//! Time is a timer: each time that it fires, a millisecond has passed. How long a worker takes is up to the cluster, too.

use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{ClientId, Membership, Never, Node, NodeId, Outbox, RequestId};

use super::oracle::{Broken, keeps};
use crate::subject::admission::queue::{Queue, Refusal, Request, Settings, Taken};
use crate::subject::time::Millis;

pub const END: Rule = Rule::new(
    "a queue with an end",
    "As many requests wait as the queue has room for. Only then is one turned away.",
    "Beyer et al. 2016, Site Reliability Engineering, chapter 22, Queue Management",
    "3-asynchrony/admission.md#without-an-end",
);

pub const EXPIRED: Rule = Rule::new(
    "nothing expired is started",
    "A request whose deadline has passed is refused, and never started.",
    "facebook/folly, ThreadPoolExecutor.cpp: expiration; rust-lang/crates.io, issue 3537",
    "3-asynchrony/admission.md#expired-work",
);

pub const ONE_ANSWER: Rule = Rule::new(
    "one answer",
    "Each request that has come in is started or refused, once, and waits until then.",
    "contract of `Queue::take`",
    "3-asynchrony/admission.md#two-answers",
);

pub const BUSY: Rule = Rule::new(
    "a free worker works",
    "A worker that asks gets the request that has waited longest, of those that need not be refused.",
    "contract of `Queue::take`",
    "3-asynchrony/admission.md#the-wrong-one",
);

pub const SHEDS: Rule = Rule::new(
    "an overloaded queue refuses what is old",
    "If even the shortest wait of an interval was above the target, whatever has waited for more than twice the target is refused.",
    "facebook/folly, folly/executors/Codel.cpp",
    "3-asynchrony/admission.md#the-shortest-wait",
);

pub const SPARES: Rule = Rule::new(
    "no refusal without a reason",
    "A request is refused as overloaded only if the last interval was overloaded, and it has waited for more than twice the target.",
    "facebook/folly, folly/executors/Codel.cpp",
    "3-asynchrony/admission.md#the-wrong-measure",
);

const ANSWERED: Rule = Rule::new(
    "every request is answered",
    "When workers go on working, each request is served or refused in the end.",
    "contract of `Queue::take`",
    "3-asynchrony/admission.md#two-answers",
);

const REFUSES_OLD: Rule = Rule::new(
    "a queue that stays is shed",
    "There is a run in which a request is refused because the queue is overloaded.",
    "facebook/folly, folly/executors/Codel.cpp",
    "3-asynchrony/admission.md#the-shortest-wait",
);

const ADMITS_AGAIN: Rule = Rule::new(
    "and then it admits again",
    "There is a run in which a queue that was overloaded is not any more.",
    "facebook/folly, folly/executors/Codel.cpp; PowerDNS/pdns, issue 4311",
    "3-asynchrony/admission.md#never-again",
);

const ALL_SERVED: Rule = Rule::new(
    "requests are served",
    "There is a run in which each request is served.",
    "contract of the Queue",
    "3-asynchrony/admission.md#the-idea",
);

/// Queues with which small worlds can be explored, and how many workers each has.
const QUEUES: [(Settings, usize); 5] = [
    (Settings { capacity: 2, target: 50, interval: 60 }, 1),
    (Settings { capacity: 1, target: 50, interval: 60 }, 2),
    (Settings { capacity: 4, target: 1, interval: 2 }, 1),
    (Settings { capacity: 3, target: 1, interval: 3 }, 2),
    (Settings { capacity: 2, target: 1, interval: 4 }, 1),
];

/// A request that its client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    request: Request,
    since: Millis,
    deadline: Millis,
}

/// What the contract says of a queue, after all that has happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expected {
    settings: Settings,
    /// The oldest first.
    waiting: Vec<Waiting>,
    began: Option<Millis>,
    shortest: Option<Millis>,
    overloaded: bool,
}

impl Expected {
    pub fn new(settings: Settings) -> Self {
        Expected { settings, waiting: Vec::new(), began: None, shortest: None, overloaded: false }
    }

    /// A request has come, and was told this.
    pub fn offered(
        &mut self,
        request: Request,
        deadline: Millis,
        told: Result<(), Refusal>,
        now: Millis,
    ) -> Result<(), Broken> {
        let right = match () {
            () if deadline <= now => Err(Refusal::Expired),
            () if self.waiting.len() == self.settings.capacity => Err(Refusal::Full),
            () => Ok(()),
        };
        let room = format!("{} of {} places in the queue are taken", self.waiting.len(), self.settings.capacity);
        if right.is_ok() {
            self.waiting.push(Waiting { request, since: now, deadline });
        }
        let rule = if right == Err(Refusal::Expired) || told == Err(Refusal::Expired) { EXPIRED } else { END };
        require(rule, told == right, || {
            format!(
                "At {now} request {request} comes with the deadline {deadline}, and {room}. It is told {told:?}; it should be told {right:?}."
            )
        })
    }

    /// A worker has asked, and was told this.
    pub fn taken(&mut self, taken: &Taken, now: Millis) -> Result<(), Broken> {
        self.look_at_the_interval(now);
        for &(request, refusal) in &taken.refused {
            self.refused(request, refusal, now)?;
        }
        let Some(request) = taken.start else {
            self.shortest = Some(0);
            return self.leaves_nothing_behind(self.waiting.len(), now);
        };
        let Some(at) = self.waiting.iter().position(|waiting| waiting.request == request) else {
            return Err((
                ONE_ANSWER,
                format!("At {now} request {request} is started, which does not wait (any more)."),
            ));
        };
        let started = self.waiting[at];
        let old = self.is_too_old(started, now);
        require(EXPIRED, started.deadline > now, || format!("At {now} {} is started.", shown(started)))?;
        require(SHEDS, !old, || format!("At {now} {} is started. {}", shown(started), self.verdict()))?;
        self.leaves_nothing_behind(at, now)?;
        self.waiting.remove(at);
        let wait = now - started.since;
        self.shortest = Some(self.shortest.map_or(wait, |shortest| shortest.min(wait)));
        Ok(())
    }

    fn refused(&mut self, request: Request, refusal: Refusal, now: Millis) -> Result<(), Broken> {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.request == request) else {
            return Err((
                ONE_ANSWER,
                format!("At {now} request {request} is refused ({refusal:?}), which does not wait (any more)."),
            ));
        };
        let waiting = self.waiting.remove(at);
        let (rule, holds) = match refusal {
            Refusal::Expired => (EXPIRED, waiting.deadline <= now),
            Refusal::Overloaded => (SPARES, self.is_too_old(waiting, now)),
            Refusal::Full => (END, false),
        };
        require(rule, holds, || format!("At {now} {} is refused: {refusal:?}. {}", shown(waiting), self.verdict()))
    }

    /// None of the first requests of the queue may have been passed over.
    fn leaves_nothing_behind(&self, first: usize, now: Millis) -> Result<(), Broken> {
        let Some(&left) = self.waiting[..first].first() else { return Ok(()) };
        let rule = match () {
            () if left.deadline <= now => ONE_ANSWER,
            () if self.is_too_old(left, now) => SHEDS,
            () => BUSY,
        };
        let verdict = self.verdict();
        Err((
            rule,
            format!(
                "At {now} a worker asks, and {} is the oldest. It is neither started nor refused. {verdict}",
                shown(left)
            ),
        ))
    }

    fn is_too_old(&self, waiting: Waiting, now: Millis) -> bool {
        self.overloaded && now - waiting.since > 2 * self.settings.target
    }

    fn look_at_the_interval(&mut self, now: Millis) {
        if self.began.is_some_and(|began| now < began + self.settings.interval) {
            return;
        }
        self.overloaded = self.shortest.take().is_some_and(|shortest| shortest > self.settings.target);
        self.began = Some(now);
    }

    fn verdict(&self) -> String {
        let is = if self.overloaded { "is overloaded" } else { "is not overloaded" };
        let (target, interval) = (self.settings.target, self.settings.interval);
        let began = self.began.map_or("none has begun".to_owned(), |began| format!("this one began at {began}"));
        format!("By its last interval, the queue {is}. The target is {target}, an interval is {interval}, and {began}.")
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}

fn shown(waiting: Waiting) -> String {
    format!("request {} (came at {}, deadline {})", waiting.request, waiting.since, waiting.deadline)
}

fn require(rule: Rule, holds: bool, why: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err((rule, why())) }
}

/// A client's request: how long the client waits for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Patience(pub Millis);

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            LONG => f.write_str("Ask"),
            patience => write!(f, "Ask, and wait for {patience}"),
        }
    }
}

/// The patience of a client that waits longer than any run takes.
pub const LONG: Millis = 1000;

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    Served,
    Refused(Refusal),
}

/// A millisecond passes, or a worker has done what it was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    Tick,
    Done(usize),
}

/// A server whose workers take requests from the learner's queue; it is the one of [`QUEUES`] that `AS` says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Workers<const AS: usize> {
    queue: Queue,
    now: Millis,
    /// The workers, and what each is doing.
    workers: Vec<Option<RequestId>>,
    expected: Expected,
    has_shed: bool,
    has_recovered: bool,
    broken: Option<Broken>,
}

impl<const AS: usize> fmt::Debug for Workers<AS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {:?}, workers: {:?}", self.now, self.queue, self.workers)
    }
}

impl<const AS: usize> Workers<AS> {
    fn notes(&mut self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            self.broken.get_or_insert(broken);
        }
    }

    fn counts(&mut self) {
        let (len, right, empty) = (self.queue.len(), self.expected.len(), self.queue.is_empty());
        let counted = require(ONE_ANSWER, len == right && empty == (right == 0), || {
            format!("At {} {right} requests wait, `len` says {len}, and `is_empty` says {empty}.", self.now)
        });
        self.notes(counted);
    }

    fn asks(&mut self, worker: usize, out: &mut Outbox<Self>) {
        let taken = self.queue.take(self.now);
        let was_overloaded = self.expected.overloaded;
        let result = self.expected.taken(&taken, self.now);
        self.has_recovered |= was_overloaded && !self.expected.overloaded;
        self.notes(result);
        self.counts();
        for &(request, refusal) in &taken.refused {
            self.has_shed |= refusal == Refusal::Overloaded;
            out.reply(id(request), Told::Refused(refusal));
        }
        if let Some(request) = taken.start {
            self.workers[worker] = Some(id(request));
            out.arm(Event::Done(worker));
        }
    }
}

impl<const AS: usize> Node for Workers<AS> {
    type Message = Never;
    type Timer = Event;
    type Request = Patience;
    type Response = Told;
    type Durable = ();

    fn start(_: Membership, _: Option<()>, out: &mut Outbox<Self>) -> Self {
        out.arm(Event::Tick);
        let (settings, workers) = QUEUES[AS];
        Workers {
            queue: Queue::new(settings),
            now: 0,
            workers: vec![None; workers],
            expected: Expected::new(settings),
            has_shed: false,
            has_recovered: false,
            broken: None,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_timer(&mut self, event: Event, out: &mut Outbox<Self>) {
        match event {
            Event::Tick => {
                self.now += 1;
                out.arm(Event::Tick);
            }
            Event::Done(worker) => {
                if let Some(request) = self.workers[worker].take() {
                    out.reply(request, Told::Served);
                }
                self.asks(worker, out);
            }
        }
    }

    fn on_request(&mut self, id: RequestId, patience: Patience, out: &mut Outbox<Self>) {
        let (request, deadline) = (name(id), self.now + patience.0);
        let told = self.queue.offer(request, deadline, self.now);
        let result = self.expected.offered(request, deadline, told, self.now);
        self.notes(result);
        self.counts();
        if let Err(refusal) = told {
            out.reply(id, Told::Refused(refusal));
        } else if let Some(idle) = self.workers.iter().position(Option::is_none) {
            self.asks(idle, out);
        }
    }
}

/// What the queue is told that a request is called: the first request of `c3` is 30.
fn name(id: RequestId) -> Request {
    10 * id.client.0 as Request + id.number as Request
}

fn id(request: Request) -> RequestId {
    RequestId { client: ClientId(request as usize / 10), number: request as usize % 10 }
}

/// Workers, and clients with these requests. So many milliseconds pass.
pub fn workers<const AS: usize>(milliseconds: u8, clients: &[&[Millis]]) -> Cluster<Workers<AS>> {
    let cluster = Cluster::new(1, ())
        .limit(milliseconds, |step| matches!(step, Occurrence::Timeout { timer: Event::Tick, .. }))
        .persistent_clients();
    let cluster =
        clients.iter().fold(cluster, |cluster, requests| cluster.client(&[0], requests.iter().copied().map(Patience)));
    let cluster = keeps(cluster, [END, EXPIRED, ONE_ANSWER, BUSY, SHEDS, SPARES], |view| {
        the(view).and_then(|node| node.broken.as_ref())
    });
    cluster.sometimes(ALL_SERVED, |view| {
        view.is_finished() && the(view).is_some_and(|node| !node.has_shed && node.workers.iter().all(Option::is_none))
    })
}

/// In the end, each request is served or refused.
pub fn answered<const AS: usize>(cluster: Cluster<Workers<AS>>) -> Cluster<Workers<AS>> {
    cluster.leads_to(ANSWERED, 12, |view| match view.is_finished() {
        true => Ok(()),
        false => Err("Workers have worked, time has passed, and a request is neither served nor refused.".to_owned()),
    })
}

/// In some run a request is refused because the queue is overloaded.
pub fn sheds<const AS: usize>(cluster: Cluster<Workers<AS>>) -> Cluster<Workers<AS>> {
    cluster.sometimes(REFUSES_OLD, |view| the(view).is_some_and(|node| node.has_shed))
}

/// In some run the queue is overloaded, and later is not.
pub fn recovers<const AS: usize>(cluster: Cluster<Workers<AS>>) -> Cluster<Workers<AS>> {
    cluster.sometimes(ADMITS_AGAIN, |view| the(view).is_some_and(|node| node.has_recovered))
}

/// The service, unless it did not even start.
fn the<'a, const AS: usize>(view: &View<'a, Workers<AS>, ()>) -> Option<&'a Workers<AS>> {
    view.server(NodeId(0))
}
