//! What a path of a gateway should do, by its contract: event by event, with the parts that it is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use super::followed::ending_of;
use super::services::{End, Told};
use crate::subject::admission::limit::{self, Limit};
use crate::subject::admission::queue::{self, Queue};
use crate::subject::breaker::{Breaker, Outcome, Permit};
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::Reply;
use crate::subject::retry::{self, Answer, Next, Retries};
use crate::subject::time::Millis;

/// A client of the path, and what becomes of the calls that are made for it.
#[derive(Clone, Debug)]
pub struct Client {
    /// What a check calls it.
    pub number: u64,
    pub comes: Millis,
    pub patience: Millis,
    /// When it leaves, if it does so before it is answered.
    pub leaves: Option<Millis>,
    /// How long the service takes for each of its calls, and what it says then. The last one is repeated for all that follow.
    pub calls: Vec<(Millis, Reply)>,
}

impl Client {
    pub fn call(&self, number: usize) -> (Millis, Reply) {
        self.calls.get(number).or(self.calls.last()).cloned().unwrap_or((0, Reply::Failed))
    }

    fn deadline(&self) -> Millis {
        self.comes + self.patience
    }
}

/// A call, as the service should see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub client: u64,
    pub at: Millis,
    pub left: Millis,
    pub end: End,
    pub until: Millis,
}

/// What should come of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// What each client is told, in their order; nothing if it left before.
    pub told: Vec<Option<Told>>,
    /// The calls, by the moments at which they begin.
    pub calls: Vec<Call>,
    /// When `drain` returns, if there was one.
    pub drained: Option<Millis>,
}

/// The liberties of a gateway that can be seen only if the queue sheds: how often its workers ask.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// A request for which a place is free does not go through the queue.
    pub straight_in: bool,
    /// A worker that is free while another one has just begun asks as well.
    pub all_ask: bool,
}

impl Manner {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Manner> {
        [(false, true), (false, false), (true, true), (true, false)]
            .into_iter()
            .map(|(straight_in, all_ask)| Manner { straight_in, all_ask })
    }
}

/// What the path should do for these clients when it is drained at that moment. Nothing, if two things happen in one millisecond and it matters which
/// of them is first.
pub fn expected(settings: &Settings, clients: &[Client], drain: Option<Millis>, manner: Manner) -> Option<Outcomes> {
    let mut path = Path::new(settings, clients, manner);
    path.pending.extend(drain.map(|at| (at, Event::Drain)));
    while let Some(&(now, _)) = path.pending.iter().min() {
        let mut due = path.pending.extract_if(.., |(at, _)| *at == now);
        let (event, another) = (due.next()?.1, due.next());
        drop(due);
        if another.is_some() {
            return None;
        }
        path.now = now;
        path.acquired = (false, false);
        path.happens(event);
        if path.acquired == (true, true) {
            return None;
        }
        if path.is_closed && path.outcomes.drained.is_none() && path.standings.iter().all(Standing::is_away) {
            path.outcomes.drained = Some(now);
        }
    }
    path.outcomes.calls.sort_by_key(|call| (call.at, call.client));
    Some(path.outcomes)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Comes(usize),
    GoesAt(usize, Goes),
    CallEnds(usize),
    PauseEnds(usize),
    Drain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Goes {
    AtItsDeadline,
    Before,
}

/// Where a client is.
#[derive(Debug)]
enum Standing {
    /// It has not come yet, or has gone.
    Away,
    /// It waits, or pauses before the next attempt.
    Waits,
    /// A call is under way for it.
    Called { slot: limit::Slot, permit: Permit, since: Millis, answered: Option<Reply> },
}

impl Standing {
    fn is_away(&self) -> bool {
        matches!(self, Standing::Away)
    }
}

struct Path<'s> {
    settings: &'s Settings,
    clients: &'s [Client],
    manner: Manner,
    now: Millis,
    pending: Vec<(Millis, Event)>,
    queue: Queue,
    /// The clients that wait in the queue, by the names that they have there.
    waiting: BTreeMap<queue::Request, usize>,
    names: queue::Request,
    limit: Limit,
    breaker: Breaker,
    retries: Retries,
    standings: Vec<Standing>,
    /// How many calls were made for each client.
    made: Vec<usize>,
    /// Whether something may have been done for it.
    is_touched: Vec<bool>,
    is_closed: bool,
    /// Whether in this millisecond the breaker has allowed a call, and has rejected one.
    acquired: (bool, bool),
    outcomes: Outcomes,
}

impl<'s> Path<'s> {
    fn new(settings: &'s Settings, clients: &'s [Client], manner: Manner) -> Self {
        Path {
            settings,
            clients,
            manner,
            now: 0,
            pending: clients.iter().enumerate().map(|(at, client)| (client.comes, Event::Comes(at))).collect(),
            queue: Queue::new(settings.queue),
            waiting: BTreeMap::new(),
            names: 0,
            limit: Limit::new(settings.limit),
            breaker: Breaker::new(settings.breaker),
            retries: Retries::new(settings.retries, settings.budget.clone()),
            standings: clients.iter().map(|_| Standing::Away).collect(),
            made: vec![0; clients.len()],
            is_touched: vec![false; clients.len()],
            is_closed: false,
            acquired: (false, false),
            outcomes: Outcomes { told: vec![None; clients.len()], ..Outcomes::default() },
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Drain => self.is_closed = true,
            Event::Comes(who) if self.is_closed => self.tells(who, Reply::Closing),
            Event::Comes(who) => {
                let client = &self.clients[who];
                self.pending.push((client.deadline(), Event::GoesAt(who, Goes::AtItsDeadline)));
                self.pending.extend(client.leaves.map(|at| (at, Event::GoesAt(who, Goes::Before))));
                self.standings[who] = Standing::Waits;
                self.asks(who);
            }
            Event::PauseEnds(who) => self.asks(who),
            Event::CallEnds(who) => {
                let reply = self.call_ends(who, false);
                self.admits();
                self.hears(who, &reply.unwrap_or(Reply::Failed));
            }
            Event::GoesAt(who, goes) => {
                self.waiting.retain(|_, waits| *waits != who);
                self.call_ends(who, true);
                match goes {
                    Goes::AtItsDeadline => self.tells(who, Reply::TooLate),
                    Goes::Before => self.is_gone(who),
                }
                self.admits();
            }
        }
    }

    /// A client wants a call to be made for it.
    fn asks(&mut self, who: usize) {
        if self.manner.straight_in && self.waiting.is_empty() && self.limit.under_way() < self.limit.limit() {
            return self.is_called(who);
        }
        let name = self.names;
        self.names += 1;
        match self.queue.offer(name, self.clients[who].deadline(), self.now) {
            Ok(()) => {
                self.waiting.insert(name, who);
                self.admits();
            }
            Err(refusal) => self.turns_away(who, refusal.into()),
        }
    }

    /// Workers that are free ask for work.
    fn admits(&mut self) {
        while self.limit.under_way() < self.limit.limit() {
            let taken = self.queue.take(self.now);
            for (name, refusal) in taken.refused {
                if let Some(who) = self.waiting.remove(&name) {
                    self.turns_away(who, refusal.into());
                }
            }
            let Some(name) = taken.start else { return };
            if let Some(who) = self.waiting.remove(&name) {
                self.is_called(who);
            }
            if self.waiting.is_empty() && !self.manner.all_ask {
                return;
            }
        }
    }

    /// A client has a place. If the breaker allows it, its call begins.
    fn is_called(&mut self, who: usize) {
        let Ok(permit) = self.breaker.try_acquire(self.now) else {
            self.acquired.1 = true;
            return self.turns_away(who, Reply::Overloaded);
        };
        let Ok(slot) = self.limit.begin() else { return self.turns_away(who, Reply::Overloaded) }; // a limit that does not keep its word
        self.acquired.0 = true;
        let client = &self.clients[who];
        let (takes, reply) = client.call(self.made[who]);
        self.made[who] += 1;
        let timeout = millis(self.settings.timeout);
        let left = timeout.min(client.deadline() - self.now);
        self.pending.push((self.now + takes.min(timeout), Event::CallEnds(who)));
        if takes == timeout {
            self.pending.push((self.now + takes, Event::CallEnds(who))); // either may be first
        }
        let answered = (takes < timeout).then_some(reply);
        self.standings[who] = Standing::Called { slot, permit, since: self.now, answered };
        let call = Call { client: client.number, at: self.now, left, end: End::Dropped, until: 0 };
        self.outcomes.calls.push(call);
    }

    /// What was held for a call is given back, if there is one. Says what it was told; nothing if it was dropped.
    fn call_ends(&mut self, who: usize, is_dropped: bool) -> Option<Reply> {
        let standing = std::mem::replace(&mut self.standings[who], Standing::Waits);
        let Standing::Called { slot, permit, since, answered } = standing else { return None };
        let reply = answered.filter(|_| !is_dropped);
        let end = reply.clone().map_or(End::Dropped, End::Answered);
        let ending = ending_of(self.settings, &end, Duration::from_millis(self.now - since));
        self.limit.end(slot, ending);
        let outcome = match &reply {
            Some(Reply::Stored | Reply::Lines(_)) => Outcome::Success,
            Some(Reply::Failed | Reply::GivenUp) => Outcome::Failure,
            Some(_) => Outcome::Ignored,
            None if is_dropped => Outcome::Dropped,
            None => Outcome::Failure,
        };
        self.breaker.finish(permit, outcome, self.now);
        let number = self.clients[who].number;
        if let Some(call) = self.outcomes.calls.iter_mut().rev().find(|call| call.client == number) {
            (call.end, call.until) = (end, self.now);
        }
        reply
    }

    /// Retries hear of a reply.
    fn hears(&mut self, who: usize, reply: &Reply) {
        let answer = match reply {
            Reply::Stored | Reply::Lines(_) => Answer::Done,
            Reply::Refused => Answer::Refused,
            Reply::Overloaded | Reply::Closing => Answer::Overloaded,
            Reply::Failed => Answer::Failed,
            Reply::GivenUp | Reply::TooLate => Answer::GivenUp,
        };
        self.is_touched[who] |= answer != Answer::Overloaded;
        let made = u32::try_from(self.made[who]).unwrap_or(u32::MAX);
        let call = retry::Call { repeatable: true, deadline: self.clients[who].deadline(), made };
        match self.retries.hear(&call, answer, self.now, |most| most / 2) {
            Next::Say(Answer::GivenUp) => self.tells(who, Reply::GivenUp),
            Next::Say(_) => self.tells(who, reply.clone()),
            Next::Retry { after: 0 } => self.asks(who),
            Next::Retry { after } => self.pending.push((self.now + after, Event::PauseEnds(who))),
        }
    }

    fn turns_away(&mut self, who: usize, reply: Reply) {
        let reply = if reply == Reply::Overloaded && self.is_touched[who] { Reply::GivenUp } else { reply };
        self.tells(who, reply);
    }

    fn tells(&mut self, who: usize, reply: Reply) {
        self.outcomes.told[who] = Some(Told { reply, at: self.now });
        self.is_gone(who);
    }

    fn is_gone(&mut self, who: usize) {
        self.standings[who] = Standing::Away;
        self.pending.retain(|(_, event)| match event {
            Event::Comes(other) | Event::GoesAt(other, _) | Event::CallEnds(other) | Event::PauseEnds(other) => {
                *other != who
            }
            Event::Drain => true,
        });
    }
}

/// A span in milliseconds; one without an end is longer than all that happens.
fn millis(span: Duration) -> Millis {
    Millis::try_from(span.as_millis()).unwrap_or(Millis::MAX).min(1_000_000_000)
}
