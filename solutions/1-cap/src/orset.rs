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
//! Each `Add` is an event of its own, and gets a name that no other event has: a *dot*. To remove an element is to remove
//! the dots that this server *observes* for it. An `Add` that it has not heard of keeps its dot, whenever it arrives. And an
//! old message must not bring back what was removed.
//!
//! # What is yours
//!
//! Nearly everything. This is the open task of the stage: what a server keeps, and what it tells the others, is for you to design. The
//! checks ask clients' questions and look at the answers.
//!
//! What the network does: it loses nothing, but a message may arrive late, twice, or out of order. Servers do not crash here.

//# allow: dead_code, unused_variables
//# placeholder: use std::collections::BTreeSet;
//# private
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
//# end

use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

/// What the set holds.
pub type Element = u32;

/// What a client asks.
// ANCHOR: requests
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
// ANCHOR_END: requests

//# private
/// The name of one `Add`: the server that took it, and how many it had taken before. Shown as `n0.0`.
// ANCHOR: knowledge
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
// ANCHOR_END: knowledge

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.replica, self.number)
    }
}
//# end

/// One replica of the set.
///
/// Invariants:
/// - every request is answered while it is handled;
/// - replicas that have heard of the same updates show the same elements, in whatever order and however often these arrived;
/// - of all the updates that a replica has heard of: an element is in if some `Add` of it was not observed by any `Remove` of it, and out
///   if each was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrSet {
    me: Membership,
    //# private
    adds_taken: u64,
    known: Knowledge,
    //# end
}

impl Node for OrSet {
    /// What servers send each other.
    //# placeholder: type Message = ();
    //# private
    type Message = Knowledge;
    //# end
    type Timer = Never;
    type Request = Request;
    type Response = Response;
    type Durable = ();

    fn start(me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        //# hole: What does a server know that has heard of nothing?
        OrSet { me, adds_taken: 0, known: Knowledge::default() }
        //# end
    }

    /// Answers at once, from what this server knows. All others hear of each update.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        //# hole: Answer, and make sure that the others hear of it.
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
        //# end
    }

    /// Learns what another server says. The same message may arrive twice, late, or out of order.
    fn on_message(&mut self, _from: NodeId, heard: Self::Message, _out: &mut Outbox<Self>) {
        //# hole: Know what either of you knew.
        self.known.merge(heard);
        //# end
    }
}

//# private
impl OrSet {
    /// Takes an `Add`. Afterwards the element is in, with a new dot that no other `Add` has or will ever have, even if it was in
    /// before.
    fn add(&mut self, element: Element) {
        let dot = Dot { replica: self.me.id, number: self.adds_taken };
        self.adds_taken += 1;
        self.known.added.entry(element).or_default().insert(dot);
    }
}

impl Knowledge {
    /// Takes a `Remove`. Afterwards the element is out at this server, and only an `Add` that this server has not heard of can
    /// bring it back.
    fn remove(&mut self, element: Element) {
        self.removed.extend(self.added.get(&element).into_iter().flatten());
    }

    /// Learns what another server knows. Afterwards this server knows what either of them knew: which dots there are, and which are
    /// removed. The same knowledge may come twice, late, or in another order.
    fn merge(&mut self, other: Knowledge) {
        for (element, dots) in other.added {
            self.added.entry(element).or_default().extend(dots);
        }
        self.removed.extend(other.removed);
    }

    /// The elements that are in: those with a dot that has not been removed.
    fn elements(&self) -> BTreeSet<Element> {
        let is_in = |dots: &BTreeSet<Dot>| dots.iter().any(|dot| !self.removed.contains(dot));
        self.added.iter().filter(|(_, dots)| is_in(dots)).map(|(element, _)| *element).collect()
    }
}
//# end
