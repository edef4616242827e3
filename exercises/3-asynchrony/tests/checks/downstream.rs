//! The services below, in memory: each call takes as long as it is told, and notes when it begins, ends or is cancelled.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::subject::deadline::{Enrich, Lines, Store};

/// How many milliseconds each call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub enrich: u64,
    pub stage: u64,
    pub replicate: u64,
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pace { enrich, stage, replicate } = self;
        write!(f, "To enrich takes {enrich} ms, to stage {stage}, to replicate {replicate}")
    }
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Enrich,
    Stage,
    Replicate,
}

/// What happens at the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Began { call: Call, at: Duration, left: Duration },
    Finished(Call),
    Cancelled(Call),
    Committed,
    Discarded,
}

impl Event {
    /// The calls that were begun, in order.
    pub fn calls(events: &[Event]) -> impl Iterator<Item = Call> {
        events.iter().filter_map(|event| match event {
            Event::Began { call, .. } => Some(*call),
            _ => None,
        })
    }

    /// The calls that have neither ended nor been cancelled.
    pub fn under_way(events: &[Event]) -> Vec<Call> {
        let over =
            |call| events.iter().any(|event| *event == Event::Finished(call) || *event == Event::Cancelled(call));
        Event::calls(events).filter(|call| !over(*call)).collect()
    }

    /// Was what was staged committed or discarded, once, and nothing else?
    pub fn settled(events: &[Event]) -> bool {
        let staged = events.iter().filter(|event| **event == Event::Finished(Call::Stage)).count();
        let settled = events.iter().filter(|event| matches!(event, Event::Committed | Event::Discarded)).count();
        staged == settled && settled <= 1
    }
}

/// A story of what happened, in a line.
pub fn told(events: &[Event]) -> String {
    let words = events.iter().map(|event| match event {
        Event::Began { call, at, left } => format!("{call:?} begins at {at:?} and is told that {left:?} are left"),
        Event::Finished(call) => format!("{call:?} is done"),
        Event::Cancelled(call) => format!("{call:?} is cancelled"),
        Event::Committed => "the lines are committed".to_owned(),
        Event::Discarded => "the lines are discarded".to_owned(),
    });
    match words.collect::<Vec<_>>() {
        words if words.is_empty() => " No call is made.".to_owned(),
        words => format!(" {}.", words.join(", ")),
    }
}

/// The only place for calls to the store, which another request may hold.
pub struct Place {
    pub semaphore: Semaphore,
    pub is_held_by_another: Cell<bool>,
}

impl Place {
    pub fn new() -> Self {
        Place { semaphore: Semaphore::new(1), is_held_by_another: Cell::new(false) }
    }

    /// Does the request that is looked at not hold it?
    fn is_elsewhere(&self) -> bool {
        self.is_held_by_another.get() || self.semaphore.available_permits() > 0
    }
}

/// What a call panics with that is to panic.
pub struct Panic;

/// All services below the gateway.
pub struct Downstream<'p> {
    pace: Pace,
    /// The place for calls to the store, if it is watched.
    place: Option<&'p Place>,
    /// The call that panics in the end.
    panics: Option<Call>,
    without_a_place: Cell<Option<&'static str>>,
    mixed_up: RefCell<Option<String>>,
    begun: Cell<Option<Instant>>,
    events: RefCell<Vec<Event>>,
}

/// The service that enriches.
pub struct Enricher<'d>(&'d Downstream<'d>);

/// The lines that a client sends.
pub fn sent() -> Lines {
    Lines("sign-in".to_owned())
}

/// What the service that enriches makes of them.
fn enriched() -> Lines {
    Lines("sign-in from Berlin".to_owned())
}

/// The name of what was staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged(u32);

const STAGED: Staged = Staged(7);

impl<'p> Downstream<'p> {
    pub fn new(pace: Pace) -> Self {
        Downstream {
            pace,
            place: None,
            panics: None,
            without_a_place: Cell::new(None),
            mixed_up: RefCell::default(),
            begun: Cell::new(None),
            events: RefCell::default(),
        }
    }

    /// Watches whether the store is called without this place in hand.
    pub fn with_place(self, place: &'p Place) -> Self {
        Downstream { place: Some(place), ..self }
    }

    /// Lets a call panic when it would have ended.
    pub fn that_panics(self, panics: Option<Call>) -> Self {
        Downstream { panics, ..self }
    }

    /// What happened at the store first while its place was not in the request's hand.
    pub fn without_a_place(&self) -> Option<&'static str> {
        self.without_a_place.get()
    }

    /// What a service was called with that it should not have been.
    pub fn mixed_up(&self) -> Option<String> {
        self.mixed_up.borrow().clone()
    }

    pub fn enrich(&self) -> Enricher<'_> {
        self.begun.set(Some(Instant::now()));
        Enricher(self)
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    fn note(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn needs_a_place(&self, what: &'static str) {
        if self.without_a_place.get().is_none() && self.place.is_some_and(Place::is_elsewhere) {
            self.without_a_place.set(Some(what));
        }
    }

    fn is_called_with<T: PartialEq + fmt::Debug>(&self, what: &str, argument: T, right: T) {
        if argument != right {
            let why = format!("{what} is called with {argument:?}, and should be with {right:?}.");
            self.mixed_up.borrow_mut().get_or_insert(why);
        }
    }

    async fn call(&self, call: Call, left: Duration, takes: u64) {
        let at = self.begun.get().map_or(Duration::ZERO, |begun| begun.elapsed());
        self.note(Event::Began { call, at, left });
        if call != Call::Enrich {
            self.needs_a_place("a call to it began");
        }
        let mut under_way = UnderWay { call, done: false, downstream: self };
        sleep(Duration::from_millis(takes)).await;
        if self.panics == Some(call) {
            resume_unwind(Box::new(Panic));
        }
        under_way.done = true;
    }
}

/// Notes how a call ends.
struct UnderWay<'d, 'p> {
    call: Call,
    done: bool,
    downstream: &'d Downstream<'p>,
}

impl Drop for UnderWay<'_, '_> {
    fn drop(&mut self) {
        let event = if self.done { Event::Finished(self.call) } else { Event::Cancelled(self.call) };
        self.downstream.note(event);
        if self.call != Call::Enrich {
            self.downstream.needs_a_place("a call to it was still under way");
        }
    }
}

impl Enrich for Enricher<'_> {
    async fn enrich(&self, lines: Lines, left: Duration) -> Lines {
        self.0.is_called_with("enrich", lines, sent());
        self.0.call(Call::Enrich, left, self.0.pace.enrich).await;
        enriched()
    }
}

impl Store for Downstream<'_> {
    type Staged = Staged;

    async fn stage(&self, lines: Lines, left: Duration) -> Staged {
        self.is_called_with("stage", lines, enriched());
        self.call(Call::Stage, left, self.pace.stage).await;
        STAGED
    }

    fn commit(&self, staged: Staged) {
        self.is_called_with("commit", staged, STAGED);
        self.needs_a_place("it was sent `commit`");
        self.note(Event::Committed);
    }

    fn discard(&self, staged: Staged) {
        self.is_called_with("discard", staged, STAGED);
        self.needs_a_place("it was sent `discard`");
        self.note(Event::Discarded);
    }

    async fn replicate(&self, staged: Staged, left: Duration) {
        self.is_called_with("replicate", staged, STAGED);
        self.call(Call::Replicate, left, self.pace.replicate).await;
    }
}
