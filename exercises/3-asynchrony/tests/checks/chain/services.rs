//! Services in memory, and clients of a gateway, on paused time: what a check of the chain is made of.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::subject::admission::{limit, queue};
use crate::subject::breaker;
use crate::subject::chain::gateway::{Gateway, Settings};
use crate::subject::chain::link::Downstream;
use crate::subject::chain::listen::Answers;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::time::Millis;

/// A span that no check lasts.
pub const FOREVER: Millis = 1_000_000;

/// How a call ended, at the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered.
    Answered(Reply),
    /// Its caller dropped it.
    Dropped,
}

/// A call, as the service saw it.
#[derive(Clone, Debug)]
pub struct Called {
    /// What was asked.
    pub request: Request,
    /// When it began.
    pub at: Millis,
    /// How long its caller said that it waits.
    pub left: Millis,
    /// How it ended and when, if it has.
    pub end: Option<(End, Millis)>,
    /// Where its beginning is among all beginnings and ends at the service.
    pub order: usize,
    /// And where its end is.
    pub end_order: Option<usize>,
}

impl Called {
    /// The call as it was at a moment.
    pub fn until(&self, now: Millis) -> Called {
        let end = self.end.clone().filter(|(_, at)| *at <= now);
        Called { end_order: self.end_order.filter(|_| end.is_some()), end, ..self.clone() }
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = name(&self.request);
        write!(f, "{name} is called at {} ms with {} ms left", self.at, self.left)?;
        match &self.end {
            None => write!(f, " and goes on"),
            Some((End::Answered(reply), at)) => write!(f, " and told {reply:?} at {at} ms"),
            Some((End::Dropped, at)) => write!(f, " and dropped at {at} ms"),
        }
    }
}

/// What a call gets: how long it takes, and the reply.
type Plan = Box<dyn FnMut(&Called) -> (Millis, Reply) + Send>;

/// A service. Its copies are the same service.
#[derive(Clone)]
pub struct Service(Arc<Mutex<Inner>>);

struct Inner {
    begun: Option<Instant>,
    plan: Plan,
    calls: Vec<Called>,
    /// How many calls have begun and ended.
    events: usize,
}

impl Service {
    /// A service that does with each call what `plan` says.
    pub fn new(plan: impl FnMut(&Called) -> (Millis, Reply) + Send + 'static) -> Self {
        Service(Arc::new(Mutex::new(Inner { begun: None, plan: Box::new(plan), calls: Vec::new(), events: 0 })))
    }

    /// A service that takes so long, and succeeds.
    pub fn well(takes: Millis) -> Self {
        Service::new(move |called| (takes, good(&called.request)))
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Called> {
        self.inner().calls.clone()
    }

    /// How many calls are under way.
    pub fn under_way(&self) -> usize {
        self.inner().calls.iter().filter(|called| called.end.is_none()).count()
    }

    /// Where this moment is among all beginnings and ends of calls.
    pub fn order(&self) -> usize {
        self.inner().order()
    }

    /// From now on calls get something else.
    pub fn change(&self, plan: impl FnMut(&Called) -> (Millis, Reply) + Send + 'static) {
        self.inner().plan = Box::new(plan);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn now(&mut self) -> Millis {
        self.begun.get_or_insert_with(Instant::now).elapsed().as_millis() as Millis
    }

    fn order(&mut self) -> usize {
        self.events += 1;
        self.events
    }
}

impl Downstream for Service {
    async fn call(&self, request: Request, left: Duration) -> Reply {
        let mut guard = UnderWay { service: self.clone(), number: 0, reply: None };
        let (takes, reply) = {
            let mut inner = self.inner();
            let (at, left, order) = (inner.now(), left.as_millis() as Millis, inner.order());
            let called = Called { request, at, left, end: None, order, end_order: None };
            let planned = (inner.plan)(&called);
            guard.number = inner.calls.len();
            inner.calls.push(called);
            planned
        };
        sleep(Duration::from_millis(takes)).await;
        guard.reply = Some(reply.clone());
        reply
    }
}

/// Notes how a call ends.
struct UnderWay {
    service: Service,
    number: usize,
    reply: Option<Reply>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut inner = self.service.inner();
        let (now, order) = (inner.now(), inner.order());
        let end = self.reply.take().map_or(End::Dropped, End::Answered);
        if let Some(called) = inner.calls.get_mut(self.number) {
            (called.end, called.end_order) = (Some((end, now)), Some(order));
        }
    }
}

/// The reply of a service that is well.
pub fn good(request: &Request) -> Reply {
    match request {
        Request::Line { .. } => Reply::Stored,
        Request::Tail { tenant } => Reply::Lines(vec![format!("a line of {tenant}")]),
    }
}

/// A line, by its key.
pub fn line(key: u64) -> Request {
    Request::Line { tenant: key % 3, key, text: format!("line {key}") }
}

/// A tail.
pub fn tail(tenant: u64) -> Request {
    Request::Tail { tenant }
}

/// What a check calls a request.
pub fn name(request: &Request) -> String {
    match request {
        Request::Line { key, .. } => format!("line {key}"),
        Request::Tail { tenant } => format!("tail of {tenant}"),
    }
}

/// Settings from which checks begin: two calls at once, four that wait, no retries, a breaker that never opens.
pub fn settings() -> Settings {
    Settings {
        queue: queue::Settings { capacity: 4, target: 50, interval: 200 },
        limit: limit::Settings { least: 1, most: 2, first: 2, keeps: 50 },
        breaker: breaker::Settings { failures: 1_000, pause: 1_000, probes: 1, patience: 5_000 },
        retries: Policy { attempts: 1, backoff: Backoff { base: 40, cap: 40 } },
        budget: Budget::new(1_000, 100),
        slow: Duration::from_millis(150),
        timeout: Duration::from_millis(400),
    }
}

/// The gateway in a check, with its services and the moment at which it was made.
#[derive(Clone)]
pub struct Stage {
    pub gateway: Arc<Gateway<Service, Service>>,
    begun: Instant,
}

/// What a client was told, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub reply: Reply,
    pub at: Millis,
}

impl Stage {
    /// A gateway that was just made. Each pause before a retry is half as long as it can be, from whichever end it is drawn.
    pub fn new(settings: &Settings, enrich: &Service, tail: &Service) -> Self {
        let begun = Instant::now();
        for service in [enrich, tail] {
            service.inner().begun = Some(begun);
        }
        let gateway = Gateway::new(settings, enrich.clone(), tail.clone(), Box::new(|most| most / 2));
        Stage { gateway: Arc::new(gateway), begun }
    }

    /// How many milliseconds have passed.
    pub fn now(&self) -> Millis {
        self.begun.elapsed().as_millis() as Millis
    }

    /// Lets time pass, to `at` milliseconds after the beginning.
    pub async fn until(&self, at: Millis) {
        sleep_until(self.begun + Duration::from_millis(at)).await;
    }

    /// A client asks, and waits for `patience`.
    pub async fn ask(&self, request: Request, patience: Millis) -> Told {
        let reply = self.gateway.answer(request, Instant::now() + Duration::from_millis(patience)).await;
        Told { reply, at: self.now() }
    }

    /// A client that asks at a given moment, in a task of its own.
    pub fn client(&self, at: Millis, request: Request, patience: Millis) -> JoinHandle<Told> {
        let stage = self.clone();
        tokio::spawn(async move {
            stage.until(at).await;
            stage.ask(request, patience).await
        })
    }
}

/// A future that can be told to drop what is in it. It does so the next time it is polled, without polling that.
pub struct Leaving<F> {
    future: Option<Pin<Box<F>>>,
    is_told: Arc<Mutex<bool>>,
}

/// Makes a future of which its client may leave, and what tells it so.
pub fn leaving<F: Future>(future: F) -> (Leaving<F>, Arc<Mutex<bool>>) {
    let is_told = Arc::new(Mutex::new(false));
    (Leaving { future: Some(Box::pin(future)), is_told: Arc::clone(&is_told) }, is_told)
}

impl<F: Future> Future for Leaving<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if *self.is_told.lock().unwrap_or_else(PoisonError::into_inner) {
            self.future = None;
        }
        match &mut self.future {
            Some(future) => future.as_mut().poll(context).map(Some),
            None => Poll::Ready(None),
        }
    }
}

/// What was told instead of what should have been, with the story of the service.
pub fn instead(who: &str, expected: &Told, told: &Told, service: &Service) -> String {
    format!(
        "{who} should be told {:?} at {} ms, and was told {:?} at {} ms.{}",
        expected.reply,
        expected.at,
        told.reply,
        told.at,
        story(service)
    )
}

/// What the services saw, in a sentence for each call.
pub fn story(service: &Service) -> String {
    match service.calls() {
        calls if calls.is_empty() => " No call was made.".to_owned(),
        calls => calls.iter().map(|called| format!(" {called}.")).collect(),
    }
}
