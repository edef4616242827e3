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

#![allow(dead_code, unused_variables, reason = "for the holes below: delete this line when all are filled")]
use std::collections::BTreeSet;

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
}

impl Node for OrSet {
    /// What servers send each other.
    type Message = ();
    type Timer = Never;
    type Request = Request;
    type Response = Response;
    type Durable = ();

    fn start(me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        todo!("What does a server know that has heard of nothing?")
    }

    /// Answers at once, from what this server knows. All others hear of each update.
    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        todo!("Answer, and make sure that the others hear of it.")
    }

    /// Learns what another server says. The same message may arrive twice, late, or out of order.
    fn on_message(&mut self, _from: NodeId, heard: Self::Message, _out: &mut Outbox<Self>) {
        todo!("Know what either of you knew.")
    }
}
