//! Servers that do what Raft does, in the plainest way, and differ in one thing: which entries a leader counts.
//!
//! A leader sends its whole log: when it is elected, when it takes a command, and at each heartbeat. A follower's log becomes the
//! leader's. That is wasteful, and as safe as Raft. What is left to tell two kinds of these servers apart is when a leader takes an
//! entry for committed and answers its client.

use std::collections::{BTreeMap, BTreeSet};

use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use crate::subject::raft::Timer;
use crate::subject::raft::store::{Request, Response, Store};

/// Which entries a leader counts.
pub mod counts {
    /// Each that a majority holds, of whatever term.
    pub const COPIES: u8 = 0;
    /// Those of its own term, and with them all before (Raft, section 5.4.2).
    pub const ITS_OWN_TERM: u8 = 1;
}

/// A command, and the term of the leader that took it.
type Entry = (u64, RequestId, Request);

/// A server that goes by a rule of [`counts`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counting<const RULE: u8> {
    me: Membership,
    saved: Durable,
    votes: BTreeSet<NodeId>,
    /// On a leader: how many entries each server is known to hold.
    held: Option<BTreeMap<NodeId, usize>>,
    answered: BTreeSet<RequestId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Durable {
    term: u64,
    voted_for: Option<NodeId>,
    log: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From a candidate, with the term and the length of its log's end.
    RequestVote { term: u64, last: (u64, usize) },
    /// To a candidate.
    Vote { term: u64, granted: bool },
    /// From a leader: its log.
    Log { term: u64, log: Vec<Entry> },
    /// To a leader: so many of its entries are held. To one that is deposed: none, and the later term.
    Held { term: u64, entries: usize },
}

impl<const RULE: u8> Node for Counting<RULE> {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        out.arm(Timer::Election);
        let saved = saved.unwrap_or_default();
        Counting { me, saved, votes: BTreeSet::new(), held: None, answered: BTreeSet::new() }
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        let (Message::RequestVote { term, .. }
        | Message::Vote { term, .. }
        | Message::Log { term, .. }
        | Message::Held { term, .. }) = message;
        self.observe(term, out);
        let is_current = term == self.saved.term;
        match message {
            Message::RequestVote { last, .. } => {
                let free = self.saved.voted_for.is_none_or(|candidate| candidate == from);
                let granted = is_current && free && last >= self.last();
                if granted {
                    self.saved.voted_for = Some(from);
                    out.save(self.saved.clone());
                }
                out.send(from, Message::Vote { term: self.saved.term, granted });
            }
            Message::Vote { granted: true, .. } if is_current && self.held.is_none() => {
                self.votes.insert(from);
                self.may_lead(out);
            }
            Message::Vote { .. } => {}
            Message::Log { log, .. } if is_current => {
                if !self.saved.log.starts_with(&log) {
                    self.saved.log.clone_from(&log);
                    out.save(self.saved.clone());
                }
                out.send(from, Message::Held { term, entries: log.len() });
            }
            Message::Log { .. } => out.send(from, Message::Held { term: self.saved.term, entries: 0 }),
            Message::Held { entries, .. } => {
                if let Some(held) = self.held.as_mut().filter(|_| is_current) {
                    let known = held.entry(from).or_default();
                    *known = entries.max(*known);
                    self.answer(out);
                }
            }
        }
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        match timer {
            Timer::Heartbeat => self.tell(out),
            Timer::Election => {
                self.saved.term += 1;
                self.saved.voted_for = Some(self.me.id);
                self.votes = BTreeSet::from([self.me.id]);
                out.save(self.saved.clone());
                out.arm(Timer::Election);
                let message = Message::RequestVote { term: self.saved.term, last: self.last() };
                out.send_all(self.me.peers(), &message);
                self.may_lead(out);
            }
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        if self.held.is_none() {
            return out.reply(id, Response::NotLeader { leader: None });
        }
        self.saved.log.push((self.saved.term, id, request));
        out.save(self.saved.clone());
        self.tell(out);
    }
}

impl<const RULE: u8> Counting<RULE> {
    /// The term of the last entry, and how many there are.
    fn last(&self) -> (u64, usize) {
        (self.saved.log.last().map_or(0, |(term, ..)| *term), self.saved.log.len())
    }

    fn observe(&mut self, term: u64, out: &mut Outbox<Self>) {
        if term > self.saved.term {
            self.saved = Durable { term, voted_for: None, log: std::mem::take(&mut self.saved.log) };
            out.save(self.saved.clone());
            self.votes.clear();
            if self.held.take().is_some() {
                out.disarm(Timer::Heartbeat);
                out.arm(Timer::Election);
            }
        }
    }

    fn may_lead(&mut self, out: &mut Outbox<Self>) {
        if self.votes.len() > self.me.size / 2 {
            self.held = Some(BTreeMap::new());
            out.disarm(Timer::Election);
            self.tell(out);
        }
    }

    /// On a leader: sends the log.
    fn tell(&mut self, out: &mut Outbox<Self>) {
        if let Some(held) = &mut self.held {
            held.insert(self.me.id, self.saved.log.len());
            out.arm(Timer::Heartbeat);
            out.send_all(self.me.peers(), &Message::Log { term: self.saved.term, log: self.saved.log.clone() });
            self.answer(out);
        }
    }

    /// Answers those clients whose commands it takes for committed.
    fn answer(&mut self, out: &mut Outbox<Self>) {
        let mut store = Store::default();
        for (_, id, request) in &self.saved.log[..self.committed()] {
            let value = store.execute(*request);
            if self.answered.insert(*id) {
                out.reply(*id, Response::Done(value));
            }
        }
    }

    /// How many entries a leader takes for committed.
    fn committed(&self) -> usize {
        let holders = |entries: usize| self.held.iter().flatten().filter(|(_, held)| **held >= entries).count();
        let counts = |entry: &Entry| RULE == counts::COPIES || entry.0 == self.saved.term;
        let log = &self.saved.log;
        (1..=log.len())
            .rev()
            .find(|&entries| counts(&log[entries - 1]) && holders(entries) > self.me.size / 2)
            .unwrap_or(0)
    }
}
