//! Task `bulkhead`: places for calls, and a queue in front of them.

use std::collections::BTreeSet;
use std::fmt;

use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, View};
use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};
use testkit::text::{list, or_nothing};

use super::oracle::{Broken, keeps};
use super::places::{Places, request};
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

/// A bulkhead with so many `PLACES` and room for so many calls that wait, and beside it what its contract says.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Ship<const AT_ONCE: usize, const QUEUE: usize> {
    bulkhead: Bulkhead,
    expected: Places,
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
        let (inside, known): (BTreeSet<Call>, _) = (self.bulkhead.inside().collect(), &self.expected.inside);
        if !holds {
            self.broken.get_or_insert_with(|| (rule, why()));
        } else if inside != *known {
            let shown = |calls: &BTreeSet<Call>| list(calls.iter().map(|call| format!("c{call}")), "none");
            let why = format!("The calls {} are inside, and `inside` names {}.", shown(known), shown(&inside));
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
        Ship { bulkhead: Bulkhead::new(AT_ONCE, ROOM), expected: Places::new(AT_ONCE, ROOM), broken: None }
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_timer(&mut self, event: Event, out: &mut Outbox<Self>) {
        let (call, told) = match event {
            Event::Ends(call) => (call, Told::Served),
            Event::GivesUp(call) => (call, Told::GaveUp),
        };
        let was_there = self.expected.has(call);
        if let Some(next) = self.leaves(call) {
            out.arm(Event::Ends(next));
        }
        if was_there {
            out.reply(request(call), told);
        }
    }

    fn on_request(&mut self, id: RequestId, _: Enter, out: &mut Outbox<Self>) {
        let call = id.client.0 as Call;
        match self.asks(call) {
            Entry::Enter => {
                out.arm(Event::Ends(call));
                out.arm(Event::GivesUp(call));
            }
            Entry::Wait => out.arm(Event::GivesUp(call)),
            Entry::Full => out.reply(id, Told::TurnedAway),
        }
    }
}

/// So many clients, each of which makes one call.
fn ship<const AT_ONCE: usize, const ROOM: usize>(calls: usize) -> Cluster<Ship<AT_ONCE, ROOM>> {
    let cluster = (0..calls).fold(Cluster::new(1, ()), |cluster, _| cluster.client(&[0], [Enter]));
    let cluster = keeps(cluster, [PLACES, FREE, QUEUE, TURN, GONE], broken);
    cluster.sometimes(ALL_SERVED, |view| view.is_finished())
}

/// The rule that was broken first, if one was.
fn broken<'a, const AT_ONCE: usize, const ROOM: usize>(view: &View<'a, Ship<AT_ONCE, ROOM>, ()>) -> Option<&'a Broken> {
    view.server(NodeId(0)).and_then(|ship| ship.broken.as_ref())
}

#[test]
pub fn places_are_counted() {
    check(|check| {
        check.exhausts("two places and no queue", ship::<2, 0>(4))?;
        check.exhausts("one place and no queue", ship::<1, 0>(3))
    });
}

#[test]
pub fn a_place_goes_to_who_waits_longest() {
    check(|check| {
        check.exhausts("one place, and two that wait", ship::<1, 2>(4))?;
        check.exhausts("two places, and two that wait", ship::<2, 2>(5))
    });
}
