//! Four services in a row: each of the first three calls the next through the learner's retries, and the last one does the work, or does not.

use std::collections::BTreeMap;
use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Cluster, View};
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::retry::{Answer, Call, Next, Policy, Retries};

pub const MULTIPLIES: Rule = Rule::new(
    "one layer tries again",
    "One request of a client reaches the last service of a chain at most as often as a single layer tries.",
    "Beyer et al. 2016, Site Reliability Engineering, chapter 21",
    "3-asynchrony/retry.md#each-layer-tries-again",
);

const GETS_THROUGH: Rule = Rule::new(
    "a retry helps",
    "If the last service is well again in time, the client's request is done.",
    "gRPC proposal A6",
    "3-asynchrony/retry.md#the-idea",
);

const IS_ANSWERED: Rule = Rule::new(
    "every request is answered",
    "A client is told in the end what came of its request.",
    "contract of `Retries::hear`",
    "3-asynchrony/retry.md#the-idea",
);

/// The last service's number.
const LAST: usize = 3;
/// How many times a layer tries.
const ATTEMPTS: u32 = 3;

/// A request. The last service answers it so often with `answer` before it does it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    answer: Answer,
    failures: u32,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invite")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Call(RequestId, Request),
    Answer(RequestId, Answer),
}

/// The pause before the next attempt of `c0`'s request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Again;

/// One service of the four.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hop {
    me: usize,
    retries: Retries,
    /// Calls that wait for an answer, or for their next attempt.
    calls: BTreeMap<RequestId, (Call, Request)>,
    /// How many times the last service was called.
    called: u32,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.me {
            LAST => write!(f, "called {} times", self.called),
            _ => write!(
                f,
                "calls {:?}, {:?}",
                self.calls.values().map(|(call, _)| call.made).collect::<Vec<_>>(),
                self.retries
            ),
        }
    }
}

impl Hop {
    fn make_call(&mut self, id: RequestId, out: &mut Outbox<Self>) {
        if let Some((call, request)) = self.calls.get_mut(&id) {
            call.made += 1;
            out.send(NodeId(self.me + 1), Message::Call(id, *request));
        }
    }

    fn is_called(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        if self.me == LAST {
            self.called += 1;
            let answer = if self.called > request.failures { Answer::Done } else { request.answer };
            out.send(NodeId(LAST - 1), Message::Answer(id, answer));
        } else {
            self.calls.insert(id, (Call { repeatable: true, deadline: 1_000_000, made: 0 }, request));
            self.make_call(id, out);
        }
    }

    fn hears(&mut self, id: RequestId, answer: Answer, out: &mut Outbox<Self>) {
        let Some((call, _)) = self.calls.get(&id) else { return };
        match self.retries.hear(call, answer, 0, |_| 0) {
            Next::Retry { .. } => out.arm(Again),
            Next::Say(answer) => {
                self.calls.remove(&id);
                match self.me {
                    0 => out.reply(id, answer),
                    me => out.send(NodeId(me - 1), Message::Answer(id, answer)),
                }
            }
        }
    }
}

impl Node for Hop {
    type Message = Message;
    type Timer = Again;
    type Request = Request;
    type Response = Answer;
    type Durable = ();

    fn start(membership: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        let policy = Policy { attempts: ATTEMPTS, backoff: Backoff { base: 1, cap: 1 } };
        let retries = Retries::new(policy, Budget::new(100, 100));
        Hop { me: membership.id.0, retries, calls: BTreeMap::new(), called: 0 }
    }

    fn on_message(&mut self, _: NodeId, message: Message, out: &mut Outbox<Self>) {
        match message {
            Message::Call(id, request) => self.is_called(id, request, out),
            Message::Answer(id, answer) => self.hears(id, answer, out),
        }
    }

    fn on_timer(&mut self, _: Again, out: &mut Outbox<Self>) {
        for id in self.calls.keys().copied().collect::<Vec<_>>() {
            self.make_call(id, out);
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        self.is_called(id, request, out);
    }
}

/// A client asks the first of four services. The last one answers so often with `answer`, and then does what it is asked.
pub fn chain(answer: Answer, failures: u32) -> Cluster<Hop> {
    let cluster = Cluster::new(LAST + 1, ()).client(&[0], [Request { answer, failures }]).persistent_clients();
    let cluster = cluster.leads_to(IS_ANSWERED, 40, |view| match view.is_finished() {
        true => Ok(()),
        false => Err("All messages have arrived, and c0 has no answer.".to_owned()),
    });
    match failures < ATTEMPTS {
        true => cluster.sometimes(GETS_THROUGH, move |view| called(view) == failures + 1 && view.is_finished()),
        false => cluster,
    }
}

/// How many times the last service was called.
fn called(view: &View<'_, Hop, ()>) -> u32 {
    view.server(NodeId(LAST)).map_or(0, |hop| hop.called)
}

/// The last service is called at most as often as one layer tries.
pub fn is_called_seldom(view: &View<'_, Hop, ()>) -> Result<(), String> {
    let called = called(view);
    match called <= ATTEMPTS {
        true => Ok(()),
        false => Err(format!(
            "A client has made one request. Each of n0, n1 and n2 may call the next service up to {ATTEMPTS} times, and n3 has been called {called} \
             times for it. If n3 goes on like that, one request becomes {}.",
            ATTEMPTS.pow(3)
        )),
    }
}
