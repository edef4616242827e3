//! The services below, in memory: each call takes as long as it is told, and notes when it begins, ends or is cancelled.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
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
    Began { call: Call, at: u64, left: Duration },
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
        Event::Began { call, at, left } => format!("{call:?} begins at {at} ms with {} ms left", left.as_millis()),
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

/// All services below the gateway.
pub struct Downstream<'p> {
    pace: Pace,
    /// The places for calls to the store, if they are watched.
    places: Option<&'p Semaphore>,
    without_a_place: Cell<bool>,
    begun: Cell<Option<Instant>>,
    events: Rc<RefCell<Vec<Event>>>,
}

/// The service that enriches.
pub struct Enricher<'d>(&'d Downstream<'d>);

impl<'p> Downstream<'p> {
    pub fn new(pace: Pace) -> Self {
        let (places, without_a_place) = (None, Cell::new(false));
        Downstream { pace, places, without_a_place, begun: Cell::new(None), events: Rc::default() }
    }

    /// Watches whether the store is called while all places are free.
    pub fn with_places(self, places: &'p Semaphore) -> Self {
        Downstream { places: Some(places), ..self }
    }

    /// Was the store called, or told anything, while no place was taken?
    pub fn without_a_place(&self) -> bool {
        self.without_a_place.get()
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

    async fn call(&self, call: Call, left: Duration, takes: u64) {
        let at = self.begun.get().map_or(0, |begun| begun.elapsed().as_millis() as u64);
        self.note(Event::Began { call, at, left });
        if call != Call::Enrich && self.places.is_some_and(|places| places.available_permits() > 0) {
            self.without_a_place.set(true);
        }
        let mut under_way = UnderWay { call, done: false, events: Rc::clone(&self.events) };
        sleep(Duration::from_millis(takes)).await;
        under_way.done = true;
    }
}

/// Notes how a call ends.
struct UnderWay {
    call: Call,
    done: bool,
    events: Rc<RefCell<Vec<Event>>>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let event = if self.done { Event::Finished(self.call) } else { Event::Cancelled(self.call) };
        self.events.borrow_mut().push(event);
    }
}

impl Enrich for Enricher<'_> {
    async fn enrich(&self, lines: Lines, left: Duration) -> Lines {
        self.0.call(Call::Enrich, left, self.0.pace.enrich).await;
        Lines(format!("{} from Berlin", lines.0))
    }
}

impl Store for Downstream<'_> {
    type Staged = u32;

    async fn stage(&self, _: Lines, left: Duration) -> u32 {
        self.call(Call::Stage, left, self.pace.stage).await;
        7
    }

    fn commit(&self, _: u32) {
        self.note(Event::Committed);
    }

    fn discard(&self, _: u32) {
        self.note(Event::Discarded);
    }

    async fn replicate(&self, _: u32, left: Duration) {
        self.call(Call::Replicate, left, self.pace.replicate).await;
    }
}
