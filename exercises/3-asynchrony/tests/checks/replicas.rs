//! A service that asks two replicas through the learner's hedging, as a cluster: `n0` asks, first copies go to `n1` and second ones to `n2`.
//!
//! Time is a timer of `n0`. What a replica answers is up to the client, and when the answer comes is up to the network.

use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use super::hedged::{Hedged, RULES};
use super::oracle::{Broken, keeps};
use crate::subject::hedging::{Answer, Attempt, Settings};
use crate::subject::time::Millis;

const HEDGED: Rule = Rule::new(
    "the second copy is sent",
    "There is a run in which a second copy is sent.",
    "Dean and Barroso 2013, The Tail at Scale",
    "3-asynchrony/hedging.md#the-idea",
);

const SETTINGS: Settings = Settings { percentile: 1000, remembers: 2, needs: 1, share: 1000, saves: 2, calm: 2 };

/// What the replicas are going to answer. Nothing is ever heard of a copy without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan {
    pub first: Option<Answer>,
    pub second: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Ask(Attempt, Answer),
    Answer(Attempt, Answer),
}

/// A millisecond passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick;

/// One of the three.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Service {
    Asks(Box<Asking>),
    Replica,
}

/// The service that asks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Asking {
    hedged: Hedged,
    now: Millis,
    /// The clients' requests, by their number for the machine, after the one from which the delay is known.
    requests: Vec<(RequestId, Plan)>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Asks(asking) => {
                write!(f, "at {}: {} requests, {} sent twice", asking.now, asking.requests.len(), asking.hedged.sent)
            }
            Service::Replica => f.write_str("replica"),
        }
    }
}

impl Asking {
    fn request(&self, copy: Attempt) -> Option<(RequestId, Plan)> {
        let (Attempt::First(id) | Attempt::Second(id)) = copy;
        self.requests.get(usize::try_from(id).ok()?.checked_sub(1)?).copied()
    }

    fn sends(&self, copy: Attempt, out: &mut Outbox<Service>) {
        let Some((_, plan)) = self.request(copy) else { return };
        let (to, answer) = match copy {
            Attempt::First(_) => (1, plan.first),
            Attempt::Second(_) => (2, plan.second),
        };
        if let Some(answer) = answer {
            out.send(NodeId(to), Message::Ask(copy, answer));
        }
    }
}

impl Node for Service {
    type Message = Message;
    type Timer = Tick;
    type Request = Plan;
    type Response = Answer;
    type Durable = ();

    fn start(membership: Membership, _: Option<()>, out: &mut Outbox<Self>) -> Self {
        if membership.id != NodeId(0) {
            return Service::Replica;
        }
        out.arm(Tick);
        let mut hedged = Hedged::new(SETTINGS);
        hedged.usual(1, 0);
        Service::Asks(Box::new(Asking { hedged, now: 1, requests: Vec::new() }))
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        match (self, message) {
            (Service::Replica, Message::Ask(copy, answer)) => out.send(from, Message::Answer(copy, answer)),
            (Service::Asks(asking), Message::Answer(copy, answer)) => {
                let heard = asking.hedged.answer(copy, answer, asking.now);
                if let (Some(said), Some((client, _))) = (heard.say, asking.request(copy)) {
                    out.reply(client, said);
                }
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, _: Tick, out: &mut Outbox<Self>) {
        let Service::Asks(asking) = self else { return };
        asking.now += 1;
        for copy in asking.hedged.tick(asking.now) {
            asking.sends(copy, out);
        }
        out.arm(Tick);
    }

    fn on_request(&mut self, id: RequestId, plan: Plan, out: &mut Outbox<Self>) {
        let Service::Asks(asking) = self else { return };
        let number = asking.hedged.begin(true, asking.now + 100, asking.now);
        asking.requests.push((id, plan));
        asking.sends(Attempt::First(number), out);
    }
}

/// A service that asks two replicas for its clients. So many milliseconds pass.
pub fn replicas(milliseconds: u8, clients: &[&[Plan]]) -> Cluster<Service> {
    let cluster = Cluster::new(3, ()).limit(milliseconds, |step| matches!(step, Occurrence::Timeout { .. }));
    let cluster = clients.iter().fold(cluster, |cluster, plans| cluster.client(&[0], plans.iter().copied()));
    let cluster = cluster.sometimes(HEDGED, |view| asking(view).is_some_and(|asking| asking.hedged.sent > 0));
    keeps(cluster, RULES, |view| asking(view).and_then(|asking| broken(asking)))
}

fn broken(asking: &Asking) -> Option<&Broken> {
    asking.hedged.broken.as_ref()
}

fn asking<'a>(view: &View<'a, Service, ()>) -> Option<&'a Asking> {
    match view.server(NodeId(0)) {
        Some(Service::Asks(asking)) => Some(asking),
        _ => None,
    }
}
