//! The naive register: answer from your own copy, then tell the others.
//!
//! This file is given, and it is wrong on purpose. Nothing in it looks careless: each write reaches every server as soon as the
//! network lets it. In [`schedules`](crate::schedules) you show what a client can see all the same.

use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

use crate::register::{Request, Response, Value};

/// One copy of the register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Naive {
    me: Membership,
    value: Value,
}

/// "The value is now this", from the server that was asked to write it to all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Update(pub Value);

impl Node for Naive {
    type Message = Update;
    type Timer = Never;
    type Request = Request;
    type Response = Response;
    type Durable = ();

    fn start(me: Membership, _saved: Option<()>, _out: &mut Outbox<Self>) -> Self {
        Naive { me, value: 0 }
    }

    fn on_message(&mut self, _from: NodeId, Update(value): Update, _out: &mut Outbox<Self>) {
        self.value = value;
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        match request {
            Request::Read => out.reply(id, Response::Read(self.value)),
            Request::Write(value) => {
                self.value = value;
                out.send_all(self.me.peers(), &Update(value));
                out.reply(id, Response::Written);
            }
        }
    }
}
