//! A service that calls another one through the learner's breaker, as a cluster: `n0` calls, and `n1` is called.
//!
//! Time is a timer of `n0`: each time that it fires, a millisecond has passed. What comes of a call is up to the client that makes it, and
//! when the answer comes is up to the network.

use std::collections::BTreeMap;
use std::fmt;

use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use super::expected::{CLOSED, Expected, OPEN, PROBED, PROBES};
use super::oracle::{Broken, keeps};
use crate::subject::breaker::{Breaker, Outcome, Permit, Settings};
use crate::subject::time::Millis;

/// Breakers with which small worlds can be explored: the second one has 1 wherever it can. Those from [`NO_PAUSE`] on have a setting that is as
/// small or as large as it can be, and [`MANY_PROBES`] is for long runs.
const SETTINGS: [Settings; 8] = [
    Settings { failures: 2, pause: 2, probes: 2, patience: 3 },
    Settings { failures: 1, pause: 1, probes: 1, patience: 1 },
    Settings { failures: 3, pause: 1, probes: 3, patience: 2 },
    Settings { failures: 1, pause: 0, probes: 1, patience: 2 },
    Settings { failures: 1, pause: 1, probes: 2, patience: Millis::MAX },
    Settings { failures: 1, pause: Millis::MAX, probes: 1, patience: 1 },
    Settings { failures: 1, pause: 1, probes: u32::MAX, patience: 2 },
    Settings { failures: 2, pause: 2, probes: 5, patience: 6 },
];

/// The breaker that is half open as soon as it has opened.
pub const NO_PAUSE: usize = 3;
/// The breaker that never gives up on a probe.
pub const ENDLESS_PATIENCE: usize = 4;
/// The breaker that never asks again.
pub const ENDLESS_PAUSE: usize = 5;
/// The breaker that never has enough probes.
pub const ENDLESS_PROBES: usize = 6;
/// The breaker that lets many probes be under way at once.
pub const MANY_PROBES: usize = 7;

/// What is going to come of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    Succeeds,
    Fails,
    IsIgnored,
    IsDropped,
    /// Nothing is ever heard of it.
    IsLost,
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    Rejected,
    Is(Outcome),
}

/// What the two services say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Call(RequestId, Call),
    Over(RequestId, Outcome),
}

/// The only timer: a millisecond passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick;

/// One of the two services; the breaker is the one of [`SETTINGS`] that `AS` says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Service<const AS: usize> {
    Caller(Box<Caller>),
    Downstream,
}

/// A service that calls another one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    breaker: Breaker,
    now: Millis,
    permits: BTreeMap<RequestId, Permit>,
    expected: Expected,
    broken: Option<Broken>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {:?}, calls under way: {:?}", self.now, self.breaker, self.permits.keys().collect::<Vec<_>>())
    }
}

impl<const AS: usize> fmt::Debug for Service<AS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Caller(caller) => caller.fmt(f),
            Service::Downstream => f.write_str("downstream"),
        }
    }
}

impl<const AS: usize> Node for Service<AS> {
    type Message = Message;
    type Timer = Tick;
    type Request = Call;
    type Response = Told;
    type Durable = ();

    fn start(membership: Membership, _: Option<()>, out: &mut Outbox<Self>) -> Self {
        if membership.id != NodeId(0) {
            return Service::Downstream;
        }
        out.arm(Tick);
        Service::Caller(Box::new(Caller {
            breaker: Breaker::new(SETTINGS[AS]),
            now: 0,
            permits: BTreeMap::new(),
            expected: Expected::new(SETTINGS[AS]),
            broken: None,
        }))
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        match (self, message) {
            (Service::Caller(caller), Message::Over(call, outcome)) => {
                let Some(permit) = caller.permits.remove(&call) else { return };
                caller.breaker.finish(permit, outcome, caller.now);
                caller.expected.finished(call, outcome, caller.now);
                out.reply(call, Told::Is(outcome));
            }
            (Service::Downstream, Message::Call(call, plan)) => {
                let outcome = match plan {
                    Call::Succeeds => Outcome::Success,
                    Call::Fails => Outcome::Failure,
                    Call::IsIgnored => Outcome::Ignored,
                    Call::IsDropped => Outcome::Dropped,
                    Call::IsLost => return,
                };
                out.send(from, Message::Over(call, outcome));
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, _: Tick, out: &mut Outbox<Self>) {
        if let Service::Caller(caller) = self {
            caller.now += 1;
            out.arm(Tick);
        }
    }

    fn on_request(&mut self, id: RequestId, call: Call, out: &mut Outbox<Self>) {
        let Service::Caller(caller) = self else { return };
        let permit = caller.breaker.try_acquire(caller.now);
        if let Err(broken) = caller.expected.asked(id, permit.is_ok(), caller.now) {
            caller.broken.get_or_insert(broken);
        }
        match permit {
            Ok(permit) => {
                caller.permits.insert(id, permit);
                out.send(NodeId(1), Message::Call(id, call));
            }
            Err(_) => out.reply(id, Told::Rejected),
        }
    }
}

/// One service that calls, for clients with these scripts, and one that is called. So many milliseconds pass.
pub fn calling<const AS: usize>(milliseconds: u8, clients: &[&[Call]]) -> Cluster<Service<AS>> {
    let cluster = Cluster::new(2, ()).limit(milliseconds, |step| matches!(step, Occurrence::Timeout { .. }));
    let cluster = clients.iter().fold(cluster, |cluster, calls| cluster.client(&[0], calls.iter().copied()));
    keeps(cluster, [CLOSED, OPEN, PROBES, PROBED], |view| caller(view).and_then(|caller| caller.broken.as_ref()))
}

/// What the contract says of the breaker, if the service has come to start.
pub fn expected<'a, const AS: usize>(view: &View<'a, Service<AS>, ()>) -> Option<&'a Expected> {
    caller(view).map(|caller| &caller.expected)
}

fn caller<'a, const AS: usize>(view: &View<'a, Service<AS>, ()>) -> Option<&'a Caller> {
    match view.server(NodeId(0)) {
        Some(Service::Caller(caller)) => Some(caller),
        _ => None,
    }
}
