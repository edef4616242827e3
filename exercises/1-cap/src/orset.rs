//! The AP set: it always answers, and two concurrent updates need not cost one of them.
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
//! the dots that this server *observes* for it. An `Add` that it has not heard of keeps its dot, whenever it arrives. And an
//! old message must not bring back what was removed.
//!
//! # What is given
//!
//! A [`Knowledge`] with two growing sets, of which servers send each other all. Two servers merge by union, which does not care for
//! order or repetition. It is one way of several: the checks look at requests and responses only, so you may keep and send something
//! else, a version vector for instance.
//!
//! # Left out on purpose
//!
//! In the form that is given, removed dots are kept forever, and each message carries the whole state. The chapter says how the
//! removed dots can be summed up instead.

#![allow(unused_variables, reason = "for the holes below: delete this line when all are filled")]
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
    /// Take the element out; if it is not in, nothing happens.
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

/// All that a server has heard of. In this form it only ever grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Knowledge {
    /// Every `Add`, by the element that it put in.
    pub added: BTreeMap<Element, BTreeSet<Dot>>,
    /// Every dot that a `Remove` has taken out.
    pub removed: BTreeSet<Dot>,
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.number)
    }
}

/// One replica of the set.
///
/// Invariants:
/// - no two `Add`s anywhere have the same dot;
/// - an element is in as long as one of its dots is known here and not known to be removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrSet {
    me: Membership,
    adds_taken: u64,
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
        OrSet { me, adds_taken: 0, known: Knowledge::default() }
    }

    /// Answers at once, from what this server knows.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match request {
            Request::Elements => out.reply(id, Response::Elements(self.known.elements())),
            Request::Add(element) => {
                self.add(element);
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

impl OrSet {
    /// Takes an `Add`. The element is in, by a dot that no other `Add` has or will have, even if it was in before.
    fn add(&mut self, element: Element) {
        todo!("Give this Add a dot of its own, and remember it.")
    }
}

impl Knowledge {
    /// Takes a `Remove`. The element is out here, and stays out, but for an `Add` that this server has not heard of.
    fn remove(&mut self, element: Element) {
        todo!("Which dots are removed by that, and how will others hear of it?")
    }

    /// Learns what another server knows. Afterwards this server knows what either of them knew: which dots there are, and which are
    /// removed. The same knowledge may come twice, late, or in another order.
    fn merge(&mut self, other: Knowledge) {
        todo!("Know what either of you knew.")
    }

    /// The elements that are in: those with a dot that has not been removed.
    fn elements(&self) -> BTreeSet<Element> {
        todo!("Which elements are in?")
    }
}
