//! The AP set: it always answers, and it need not lose one of two concurrent updates.
//!
//! Source: Shapiro, Preguiça, Baquero & Zawirski 2011, "A comprehensive study of Convergent and Commutative Replicated Data
//! Types", INRIA RR-7506, section 3.3.5 (observed-remove set).
//!
//! # The problem
//!
//! Clients add and remove elements at any server and always get an answer at once. Servers that have heard of the same
//! updates show the same elements. Nothing is lost without need: an element that one client removes while another one adds
//! it, neither knowing of the other, stays.
//!
//! # The idea
//!
//! Each `Add` is an event of its own, and gets a name that no other event has: a [`Dot`]. To remove an element is to remove
//! the dots that this server *observes* for it. An `Add` that it has not heard of keeps its dot, whenever it arrives.
//!
//! A server numbers its adds without gaps, and each message carries all that its sender knows. So how many adds of each server
//! were heard of says which dots were: one that was heard of and is not there any more was removed, and an old message
//! cannot bring it back (Bieniusa and others 2012, "An Optimized Conflict-Free Replicated Set").
//!
//! # Left out on purpose
//!
//! Each message carries the whole state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

/// What the set holds.
pub type Element = u32;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Put the element in.
    Add(Element),
    /// Take the element out. If it is not in, nothing happens.
    Remove(Element),
    /// What is in?
    Elements,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Response {
    /// The answer to [`Request::Add`] and [`Request::Remove`].
    Done,
    /// The answer to [`Request::Elements`].
    Elements(BTreeSet<Element>),
}

/// The name of one `Add`: the server that took it, and how many it had taken before. Shown as `n0.0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// The server that took the `Add`.
    pub replica: NodeId,
    /// Counted from 0 at that server.
    pub number: u64,
}

/// All that a server has heard of.
///
/// Invariants:
/// - `heard` only ever grows;
/// - every dot in `present` is one of those that were heard of, and one that was heard of and has left `present` stays away.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knowledge {
    /// How many `Add`s of each server were heard of: all from the first on.
    heard: BTreeMap<NodeId, u64>,
    /// The `Add`s that were not removed, with what they put in.
    present: BTreeMap<Dot, Element>,
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.number)
    }
}

/// One replica of the set.
///
/// Invariant: no two `Add`s anywhere have the same dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrSet {
    me: Membership,
    known: Knowledge,
}

impl Node for OrSet {
    /// All that the sender knows, sent to all others after each update.
    type Message = Knowledge;
    type Timer = Never;
    type Request = Request;
    type Response = Response;
    type Durable = ();

    fn start(me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        OrSet { me, known: Knowledge::default() }
    }

    /// Answers at once, from what this server knows.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match request {
            Request::Elements => out.reply(id, Response::Elements(self.known.elements())),
            Request::Add(element) => {
                self.known.add(self.me.id, element);
                out.send_all(self.me.peers(), &self.known);
                out.reply(id, Response::Done);
            }
            Request::Remove(element) => {
                self.known.remove(element);
                out.send_all(self.me.peers(), &self.known);
                out.reply(id, Response::Done);
            }
        }
    }

    fn on_message(&mut self, _from: NodeId, heard: Knowledge, _out: &mut Outbox<Self>) {
        self.known.merge(heard);
    }
}

impl Knowledge {
    /// Takes an `Add` at `replica`: gives it the next dot of that server.
    fn add(&mut self, replica: NodeId, element: Element) {
        let taken = self.heard.entry(replica).or_default();
        self.present.insert(Dot { replica, number: *taken }, element);
        *taken += 1;
    }

    /// Takes a `Remove`: removes the dots of `element` that are known here, and no others.
    fn remove(&mut self, element: Element) {
        self.present.retain(|_, present| *present != element);
    }

    /// Adds what another server knows. The same knowledge may come twice, late, or in another order.
    ///
    /// Of the dots that both have heard of, those stay that both still have; those that only one has heard of stay as they are.
    fn merge(&mut self, other: Knowledge) {
        self.present.retain(|dot, _| other.present.contains_key(dot) || !other.has_heard_of(*dot));
        let news: Vec<_> = other.present.into_iter().filter(|(dot, _)| !self.has_heard_of(*dot)).collect();
        self.present.extend(news);
        for (replica, theirs) in other.heard {
            let ours = self.heard.entry(replica).or_default();
            *ours = theirs.max(*ours);
        }
    }

    /// The elements that are in: those with a dot that is present.
    fn elements(&self) -> BTreeSet<Element> {
        self.present.values().copied().collect()
    }

    /// Whether this dot was heard of, be it present or removed by now.
    fn has_heard_of(&self, dot: Dot) -> bool {
        self.heard.get(&dot.replica).is_some_and(|count| dot.number < *count)
    }
}
