//! Small participants with known answers, for the testkit's own tests, its benches and its documentation.

use crate::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

/// A request to a [`Counter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// Add one.
    Add,
    /// How many have been added?
    Get,
}

/// A counter that answers locally and tells the others. It forgets what it counted when it restarts, unless it saved it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counter<const SAVES: bool> {
    me: Membership,
    count: u32,
}

impl<const SAVES: bool> Counter<SAVES> {
    /// How many additions this server knows of.
    pub fn count(&self) -> u32 {
        self.count
    }

    fn add(&mut self, out: &mut Outbox<Self>) {
        self.count += 1;
        if SAVES {
            out.save(self.count);
        }
    }
}

impl<const SAVES: bool> Node for Counter<SAVES> {
    /// "One more."
    type Message = ();
    type Timer = Never;
    type Request = Ask;
    type Response = u32;
    type Durable = u32;

    fn start(me: Membership, saved: Option<u32>, _out: &mut Outbox<Self>) -> Self {
        Counter { me, count: saved.unwrap_or_default() }
    }

    fn on_message(&mut self, _from: NodeId, _message: (), out: &mut Outbox<Self>) {
        self.add(out);
    }

    fn on_request(&mut self, id: RequestId, request: Ask, out: &mut Outbox<Self>) {
        if request == Ask::Add {
            self.add(out);
            out.send_all(self.me.peers(), &());
        }
        out.reply(id, self.count);
    }
}

/// The one request to a [`Courier`]: bring a parcel to the other server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errand;

/// What couriers send each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parcel {
    /// From the server that was asked: here it is.
    Delivery,
    /// From the server that got it: thank you.
    Receipt,
}

/// A courier's only timer: time to send the parcel again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Again;

/// The first of two servers, which sends a parcel until it has a receipt for it, and then answers its client. With `REARMS`
/// false, it forgets to arm its timer again when it has fired: a parcel that is lost twice never arrives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Courier<const REARMS: bool> {
    waiting: Option<RequestId>,
}

impl<const REARMS: bool> Courier<REARMS> {
    const RECIPIENT: NodeId = NodeId(1);
}

impl<const REARMS: bool> Node for Courier<REARMS> {
    type Message = Parcel;
    type Timer = Again;
    type Request = Errand;
    type Response = ();
    type Durable = ();

    fn start(_me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        Courier { waiting: None }
    }

    fn on_request(&mut self, id: RequestId, _errand: Errand, out: &mut Outbox<Self>) {
        self.waiting = Some(id);
        out.send(Self::RECIPIENT, Parcel::Delivery);
        out.arm(Again);
    }

    fn on_message(&mut self, from: NodeId, parcel: Parcel, out: &mut Outbox<Self>) {
        match parcel {
            Parcel::Delivery => out.send(from, Parcel::Receipt),
            Parcel::Receipt => {
                if let Some(id) = self.waiting.take() {
                    out.disarm(Again);
                    out.reply(id, ());
                }
            }
        }
    }

    fn on_timer(&mut self, _again: Again, out: &mut Outbox<Self>) {
        out.send(Self::RECIPIENT, Parcel::Delivery);
        if REARMS {
            out.arm(Again);
        }
    }
}
