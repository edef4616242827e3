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
//! the dots that this server *observes* for it. An `Add` that it has not heard of keeps its dot, whenever it arrives. What
//! was removed is summed up by a version vector (Bieniusa and others 2012, "An Optimized Conflict-Free Replicated Set"): a dot
//! that it covers and that is in force no more was removed, so that an old message cannot bring it back.
//!
//! # This design
//!
//! There are no tombstones. A version vector says which `Add`s were heard of, and a dot that it covers and that is not live was removed.
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

/// All that a server has heard of: which `Add`s at all, and which of them are still in force.
///
/// A dot that is covered by `heard` and not in `live` has been removed. Since each message carries all that its sender knows, no
/// server ever hears of an `Add` without all earlier ones of the same replica: one number for each replica is enough.
///
/// Invariant: every dot in `live` is covered by `heard`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knowledge {
    /// The `Add`s in force, and what each put in.
    pub live: BTreeMap<Dot, Element>,
    /// The version vector: how many `Add`s of each replica were heard of, whether they are in force or not.
    pub heard: BTreeMap<NodeId, u64>,
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.number)
    }
}

/// One replica of the set.
///
/// Invariant: no two `Add`s anywhere have the same dot. (What this server heard of its own `Add`s is how many it took.)
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
    /// Takes an `Add` at `replica`: gives it a dot of its own. The new dot stands for those that are known of the same element, too:
    /// who hears of it hears that they are superseded.
    fn add(&mut self, replica: NodeId, element: Element) {
        self.remove(element);
        let taken = self.heard.entry(replica).or_insert(0);
        self.live.insert(Dot { replica, number: *taken }, element);
        *taken += 1;
    }

    /// Takes a `Remove`: removes the dots of `element` that are known here, and no others.
    fn remove(&mut self, element: Element) {
        self.live.retain(|_, held| *held != element);
    }

    /// Adds what another server knows. The same knowledge may come twice, late, or in another order.
    fn merge(&mut self, other: Knowledge) {
        // A dot stays in force unless the other side has heard of it and holds it no more.
        self.live.retain(|dot, _| other.live.contains_key(dot) || !other.covers(dot));
        for (&dot, &element) in &other.live {
            if !self.covers(&dot) {
                self.live.insert(dot, element);
            }
        }
        for (replica, count) in other.heard {
            let known = self.heard.entry(replica).or_insert(0);
            *known = (*known).max(count);
        }
    }

    /// The elements that are in: those with a dot that has not been removed.
    fn elements(&self) -> BTreeSet<Element> {
        self.live.values().copied().collect()
    }

    /// Was the `Add` of this name heard of, whatever became of it?
    fn covers(&self, dot: &Dot) -> bool {
        self.heard.get(&dot.replica).is_some_and(|&count| dot.number < count)
    }
}
