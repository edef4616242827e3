//! Task `bulkhead`: places for calls, and a queue in front of them.

use std::collections::BTreeMap;
use std::fmt;

use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, View};
use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};
use testkit::simulation::{Faults, Simulation, Tick};
use testkit::text::{list, or_nothing};

use super::oracle::{Broken, keeps};
use super::places::Places;
use crate::subject::bulkhead::{Bulkhead, Call, Entry};

const PLACES: Rule = Rule::new(
    "so many places and no more",
    "There are never more calls inside than the bulkhead has places.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Bulkheads",
    "3-asynchrony/breaker.md#a-bulkhead",
);

const FREE: Rule = Rule::new(
    "a free place is given",
    "No call waits, or is turned away, while a place is free.",
    "failsafe-lib/failsafe, issue 393: permits that no call has or gets",
    "3-asynchrony/breaker.md#a-waiter-that-has-left",
);

const QUEUE: Rule = Rule::new(
    "a queue with an end",
    "As many calls wait as the queue has room for. Only then is a call turned away.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Bulkheads",
    "3-asynchrony/breaker.md#a-bulkhead",
);

const TURN: Rule = Rule::new(
    "in turn",
    "A place that becomes free goes to the call that has waited longest.",
    "contract of `Bulkhead::leave`",
    "3-asynchrony/breaker.md#a-bulkhead",
);

const GONE: Rule = Rule::new(
    "who has left gets nothing",
    "A call that has left gets no place, and leaves none behind when it leaves again.",
    "failsafe-lib/failsafe, issue 393 and pull request 400",
    "3-asynchrony/breaker.md#a-waiter-that-has-left",
);

const ALL_SERVED: Rule = Rule::new(
    "calls get through",
    "There is a run in which each call gets a place and comes to its end.",
    "contract of the Bulkhead",
    "3-asynchrony/breaker.md#a-bulkhead",
);

/// What may happen to a call that was not turned away. It may happen to one that has left, too: the end of a call and the end of a client's
/// patience do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Event {
    Ends(Call),
    GivesUp(Call),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Enter;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Told {
    Served,
    GaveUp,
    TurnedAway,
}

/// A bulkhead with so many `PLACES` and room for so many calls that wait, and beside it what its contract says. All calls of a client have the
/// same name, since it makes one after another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Ship<const AT_ONCE: usize, const QUEUE: usize> {
    bulkhead: Bulkhead,
    expected: Places,
    /// The requests that the calls are which have a place, or wait for one.
    requests: BTreeMap<Call, RequestId>,
    broken: Option<Broken>,
}

impl<const AT_ONCE: usize, const ROOM: usize> fmt::Debug for Ship<AT_ONCE, ROOM> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bulkhead.fmt(f)
    }
}

impl<const AT_ONCE: usize, const ROOM: usize> Ship<AT_ONCE, ROOM> {
    fn asks(&mut self, call: Call) -> Entry {
        let before = self.shown();
        let told = self.bulkhead.ask(call);
        let expected = self.expected.ask(call);
        let rule = match (expected, told) {
            (Entry::Enter, _) => FREE,
            (_, Entry::Enter) => PLACES,
            _ => QUEUE,
        };
        self.same(expected == told, rule, || format!("{before} Then c{call} asks for a place and is told: {told:?}."));
        told
    }

    fn leaves(&mut self, call: Call) -> Option<Call> {
        let before = self.shown();
        let told = self.bulkhead.leave(call);
        let expected = self.expected.leave(call);
        let rule = match (expected, told) {
            (Some(_), None) => FREE,
            (_, Some(next)) if !self.expected.has(next) => GONE,
            (None, _) => PLACES,
            _ => TURN,
        };
        let next = or_nothing(told, |call| format!("c{call}"));
        self.same(expected == told, rule, || format!("{before} Then c{call} leaves, and the place goes to {next}."));
        told
    }

    fn same(&mut self, holds: bool, rule: Rule, why: impl FnOnce() -> String) {
        let mut inside: Vec<Call> = self.bulkhead.inside().collect();
        inside.sort_unstable();
        if !holds {
            self.broken.get_or_insert_with(|| (rule, why()));
        } else if !inside.iter().eq(&self.expected.inside) {
            let shown = |calls: &[Call]| list(calls.iter().map(|call| format!("c{call}")), "none");
            let known: Vec<Call> = self.expected.inside.iter().copied().collect();
            let why = format!("The calls {} are inside, and `inside` names {}.", shown(&known), shown(&inside));
            self.broken.get_or_insert((PLACES, why));
        }
    }

    fn shown(&self) -> String {
        let shown = |calls: Vec<&Call>| list(calls.into_iter().map(|call| format!("c{call}")), "none");
        let Places { inside, waiting, .. } = &self.expected;
        let (inside, waiting) = (shown(inside.iter().collect()), shown(waiting.iter().collect()));
        format!("A bulkhead has {AT_ONCE} places and room for {ROOM} that wait. Inside: {inside}. Waiting: {waiting}.")
    }
}

impl<const AT_ONCE: usize, const ROOM: usize> Node for Ship<AT_ONCE, ROOM> {
    type Message = Never;
    type Timer = Event;
    type Request = Enter;
    type Response = Told;
    type Durable = ();

    fn start(_: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        let (bulkhead, expected) = (Bulkhead::new(AT_ONCE, ROOM), Places::new(AT_ONCE, ROOM));
        Ship { bulkhead, expected, requests: BTreeMap::new(), broken: None }
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_timer(&mut self, event: Event, out: &mut Outbox<Self>) {
        let (call, told) = match event {
            Event::Ends(call) => (call, Told::Served),
            Event::GivesUp(call) => (call, Told::GaveUp),
        };
        if let Some(next) = self.leaves(call) {
            out.arm(Event::Ends(next));
        }
        if let Some(request) = self.requests.remove(&call) {
            out.reply(request, told);
        }
    }

    fn on_request(&mut self, id: RequestId, _: Enter, out: &mut Outbox<Self>) {
        let call = id.client.0 as Call;
        match self.asks(call) {
            Entry::Full => return out.reply(id, Told::TurnedAway),
            Entry::Enter => out.arm(Event::Ends(call)),
            Entry::Wait => {}
        }
        out.arm(Event::GivesUp(call));
        self.requests.insert(call, id);
    }
}

/// Clients that make so many calls each, one after another.
fn ship<const AT_ONCE: usize, const ROOM: usize>(calls: &[usize]) -> Cluster<Ship<AT_ONCE, ROOM>> {
    let cluster = calls.iter().fold(Cluster::new(1, ()), |cluster, &calls| cluster.client(&[0], vec![Enter; calls]));
    let cluster = keeps(cluster, [PLACES, FREE, QUEUE, TURN, GONE], broken);
    cluster.sometimes(ALL_SERVED, |view| view.is_finished())
}

/// Eight clients with forty calls each, which end or are given up after so many ticks at most.
fn long<const AT_ONCE: usize, const ROOM: usize>(takes: Tick) -> Simulation<Ship<AT_ONCE, ROOM>, ()> {
    Simulation::new(ship(&[40; 8]), Faults::default()).timers_wait(1..=takes).clients_pause(1..=40)
}

/// The rule that was broken first, if one was.
fn broken<'a, const AT_ONCE: usize, const ROOM: usize>(view: &View<'a, Ship<AT_ONCE, ROOM>, ()>) -> Option<&'a Broken> {
    view.server(NodeId(0)).and_then(|ship| ship.broken.as_ref())
}

#[test]
pub fn places_are_counted() {
    check(|check| {
        check.exhausts("two places and no queue", ship::<2, 0>(&[1, 1, 1, 1]))?;
        check.exhausts("one place and no queue", ship::<1, 0>(&[1, 1, 1]))?;
        check.exhausts("places without end", ship::<{ usize::MAX }, 0>(&[1, 1]))
    });
}

#[test]
pub fn a_place_goes_to_who_waits_longest() {
    check(|check| {
        check.exhausts("one place, and two that wait", ship::<1, 2>(&[1, 1, 1, 1]))?;
        check.exhausts("two places, and two that wait", ship::<2, 2>(&[1, 1, 1, 1, 1]))?;
        check.exhausts("one place, and three that wait", ship::<1, 3>(&[1, 1, 1, 1]))?;
        check.exhausts("a queue without end", ship::<1, { usize::MAX }>(&[1, 1, 1]))
    });
}

#[test]
pub fn a_call_may_come_back() {
    check(|check| {
        check.exhausts("one place, one that waits, and a call that comes back", ship::<1, 1>(&[1, 3]))?;
        check.exhausts("one place, two that wait, and a call that comes back", ship::<1, 2>(&[2, 1, 2]))?;
        check.simulates("one place, three that wait, and 320 calls of eight clients", long::<1, 3>(60), 0..20)?;
        check.simulates("three places, four that wait, and 320 calls of eight clients", long::<3, 4>(200), 0..20)?;
        check.simulates("two places, six that wait, and 320 calls of eight clients", long::<2, 6>(80), 0..20)
    });
}
