//! A server with which nobody talks: it has nothing but timers.

use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};

/// Arms "slow" when it starts. With `GOES_ON`, it arms "quick" when "slow" has fired.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sleeper<const GOES_ON: bool> {
    pub fired: Vec<&'static str>,
}

impl<const GOES_ON: bool> Node for Sleeper<GOES_ON> {
    type Message = Never;
    type Timer = &'static str;
    type Request = Never;
    type Response = Never;
    type Durable = ();

    fn start(_: Membership, _: Option<()>, out: &mut Outbox<Self>) -> Self {
        out.arm("slow");
        Sleeper { fired: vec![] }
    }

    fn on_timer(&mut self, timer: &'static str, out: &mut Outbox<Self>) {
        self.fired.push(timer);
        if GOES_ON && timer == "slow" {
            out.arm("quick");
        }
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_request(&mut self, _: RequestId, request: Never, _: &mut Outbox<Self>) {
        match request {}
    }
}
