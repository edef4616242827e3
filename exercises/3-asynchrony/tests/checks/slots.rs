//! A service that calls another one within the learner's limit, as a cluster of one server, and beside it what the limit's contract says.

use std::collections::BTreeMap;
use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Cluster, View};
use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

use super::oracle::{Broken, keeps};
use crate::subject::admission::limit::{Ending, Limit, Settings, Slot};

pub const PLACES: Rule = Rule::new(
    "as many calls as the limit says",
    "A call begins if fewer are under way than the limit says, and only then.",
    "Netflix/concurrency-limits, AbstractLimiter.java",
    "3-asynchrony/admission.md#the-limit",
);

pub const GIVEN_BACK: Rule = Rule::new(
    "a slot comes back",
    "A call that has ended is not under way any more, whatever came of it.",
    "apache/dubbo, pull request 16461; Netflix/concurrency-limits, pull request 81",
    "3-asynchrony/admission.md#a-lost-slot",
);

pub const BOUNDS: Rule = Rule::new(
    "a limit has limits",
    "The limit is never below its least, and never above its most.",
    "envoyproxy/envoy, pull request 9947",
    "3-asynchrony/admission.md#out-of-bounds",
);

pub const FALLS: Rule = Rule::new(
    "an overload lowers it",
    "When a call comes back with an overload, the limit falls to its fraction, rounded down.",
    "Netflix/concurrency-limits, AIMDLimit.java",
    "3-asynchrony/admission.md#the-limit",
);

pub const ONCE: Rule = Rule::new(
    "one fall for one overload",
    "Nothing else lowers the limit: no success, and no call that began before the limit has last fallen.",
    "RFC 3168, section 6.1.2; Netflix/concurrency-limits, issue 155",
    "3-asynchrony/admission.md#down-to-the-floor",
);

pub const GROWS: Rule = Rule::new(
    "a round of successes raises it",
    "When as many calls have succeeded as the limit says, while it was in use, it grows by one.",
    "Netflix/concurrency-limits, AIMDLimit.java; RFC 5681, section 3.1",
    "3-asynchrony/admission.md#the-limit",
);

pub const UNUSED: Rule = Rule::new(
    "a limit that is not used does not grow",
    "The limit grows by one at a time, and only when as many calls as it says have succeeded, while at least half of it was under way.",
    "Netflix/concurrency-limits, AIMDLimit.java and VegasLimit.java: prevent upward drift",
    "3-asynchrony/admission.md#a-limit-that-is-not-used",
);

const HAS_FALLEN: Rule = Rule::new(
    "it falls and rises",
    "There is a run in which the limit falls, and afterwards rises.",
    "Netflix/concurrency-limits, AIMDLimit.java",
    "3-asynchrony/admission.md#the-limit",
);

/// Limits with which small worlds can be explored.
const LIMITS: [Settings; 4] = [
    Settings { least: 1, most: 3, first: 2, keeps: 50 },
    Settings { least: 2, most: 3, first: 3, keeps: 90 },
    Settings { least: 1, most: 4, first: 4, keeps: 50 },
    Settings { least: 1, most: 12, first: 4, keeps: 90 },
];

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Over(RequestId);

/// What is going to come of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(pub Ending);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call: {:?}", self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    AtTheLimit,
    Is(Ending),
}

/// A service that calls another one; its limit is the one of [`LIMITS`] that `AS` says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Caller<const AS: usize> {
    limit: Limit,
    slots: BTreeMap<RequestId, (Slot, Ending)>,
    /// In which epoch each call under way began.
    calls: BTreeMap<RequestId, u32>,
    epoch: u32,
    expected: u32,
    successes: u32,
    has_risen: bool,
    broken: Option<Broken>,
}

impl<const AS: usize> fmt::Debug for Caller<AS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, under way: {:?}", self.limit, self.calls.keys().collect::<Vec<_>>())
    }
}

impl<const AS: usize> Caller<AS> {
    fn require(&mut self, rule: Rule, holds: bool, why: impl FnOnce(&Self) -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some((rule, why(self)));
        }
    }

    fn counts(&mut self) {
        let (right, counted) = (self.calls.len() as u32, self.limit.under_way());
        self.require(GIVEN_BACK, counted == right, |_| {
            format!("{right} calls are under way, and `under_way` says {counted}.")
        });
    }

    /// What has to come of the limit when a call ends.
    fn ends(&mut self, call: RequestId, ending: Ending) {
        let settings = LIMITS[AS];
        let (before, under_way) = (self.expected, self.calls.len() as u32);
        let is_new = self.calls.remove(&call) == Some(self.epoch);
        match ending {
            Ending::Overload if is_new => {
                self.expected = settings.least.max(before * settings.keeps / 100);
                self.epoch += 1;
                self.successes = 0;
            }
            Ending::Success if is_new && 2 * under_way >= before => {
                self.successes += 1;
                if self.successes == before {
                    self.expected = settings.most.min(before + 1);
                    self.successes = 0;
                    self.has_risen |= self.epoch > 0;
                }
            }
            _ => {}
        }
        let (limit, right) = (self.limit.limit(), self.expected);
        let rule = match () {
            () if limit < settings.least || limit > settings.most => BOUNDS,
            () if right < before => FALLS,
            () if right > before => GROWS,
            () if limit < before => ONCE,
            () => UNUSED,
        };
        let old = if is_new { "since it has last fallen" } else { "before it has last fallen" };
        self.require(rule, limit == right, |_| {
            format!(
                "The limit is {before} ({settings:?}), and {under_way} calls are under way. {call}, which began {old}, ends with {ending:?}. \
                 Now the limit is {limit}; it should be {right}."
            )
        });
    }
}

impl<const AS: usize> Node for Caller<AS> {
    type Message = Never;
    type Timer = Over;
    type Request = Call;
    type Response = Told;
    type Durable = ();

    fn start(_: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        Caller {
            limit: Limit::new(LIMITS[AS]),
            slots: BTreeMap::new(),
            calls: BTreeMap::new(),
            epoch: 0,
            expected: LIMITS[AS].first,
            successes: 0,
            has_risen: false,
            broken: None,
        }
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_timer(&mut self, Over(call): Over, out: &mut Outbox<Self>) {
        let Some((slot, ending)) = self.slots.remove(&call) else { return };
        self.limit.end(slot, ending);
        self.ends(call, ending);
        self.counts();
        out.reply(call, Told::Is(ending));
    }

    fn on_request(&mut self, id: RequestId, Call(ending): Call, out: &mut Outbox<Self>) {
        let under_way = self.calls.len() as u32;
        let slot = self.limit.begin();
        let (right, told) = (under_way < self.expected, slot.is_ok());
        let may = if told { "may begin" } else { "may not begin" };
        self.require(PLACES, told == right, |caller| {
            format!("The limit is {}, and {under_way} calls are under way. {id} {may}.", caller.expected)
        });
        match slot {
            Ok(slot) => {
                self.slots.insert(id, (slot, ending));
                self.calls.insert(id, self.epoch);
                out.arm(Over(id));
            }
            Err(_) => out.reply(id, Told::AtTheLimit),
        }
        self.counts();
    }
}

/// A service with clients whose calls end like this.
pub fn slots<const AS: usize>(clients: &[&[Ending]]) -> Cluster<Caller<AS>> {
    let cluster = clients
        .iter()
        .fold(Cluster::new(1, ()), |cluster, calls| cluster.client(&[0], calls.iter().copied().map(Call)));
    keeps(cluster, [PLACES, GIVEN_BACK, BOUNDS, FALLS, ONCE, GROWS, UNUSED], |view| {
        the(view).and_then(|node| node.broken.as_ref())
    })
}

/// In some run the limit falls, and rises afterwards.
pub fn falls_and_rises<const AS: usize>(cluster: Cluster<Caller<AS>>) -> Cluster<Caller<AS>> {
    cluster.sometimes(HAS_FALLEN, |view| the(view).is_some_and(|caller| caller.has_risen))
}

/// The service, unless it did not even start.
fn the<'a, const AS: usize>(view: &View<'a, Caller<AS>, ()>) -> Option<&'a Caller<AS>> {
    view.server(NodeId(0))
}
