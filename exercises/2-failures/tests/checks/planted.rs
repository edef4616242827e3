//! Servers that are wrong in one way: the learner's own, between whom and the world something is changed.

use testkit::node::{Effect, Membership, Node, NodeId, Outbox, RequestId};

use crate::subject::raft::Timer;
use crate::subject::raft::store::Request::{self, Get, Put};
use crate::subject::raft::store::{Response, Store};
use crate::subject::snapshot::{Compacting, Durable, Message};

/// As many applied entries stay in a log at most.
pub const LIMIT: u64 = 2;

/// In which way a server is wrong: a parameter of [`Planted`].
pub mod flaw {
    /// It answers a read from its own memory while it believes to lead.
    pub const READS_FOR_FREE: u8 = 0;
    /// It answers a write as soon as it is in its own log.
    pub const ANSWERS_TOO_SOON: u8 = 1;
    /// It starts with nothing.
    pub const BEGINS_ANEW: u8 = 2;
    /// It does not save for whom it has voted.
    pub const FORGETS_ITS_VOTE: u8 = 3;
    /// It takes a snapshot without what is in it.
    pub const EMPTIES_SNAPSHOTS: u8 = 4;
}

/// A server with a flaw.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Planted<const FLAW: u8>(Compacting<LIMIT>);

impl<const FLAW: u8> Planted<FLAW> {
    fn has(flaw: u8) -> bool {
        FLAW == flaw
    }

    /// Passes on what the inner server wants done, but for what its flaw changes. `answered` was answered already.
    fn pass_on(inner: Outbox<Compacting<LIMIT>>, answered: Option<RequestId>, out: &mut Outbox<Self>) {
        for effect in inner.into_effects() {
            match effect {
                Effect::Send { to, message } => out.send(to, message),
                Effect::Arm { timer } => out.arm(timer),
                Effect::Disarm { timer } => out.disarm(timer),
                Effect::Save { mut durable } => {
                    if Self::has(flaw::FORGETS_ITS_VOTE) {
                        durable.raft.voted_for = None;
                    }
                    out.save(durable);
                }
                Effect::Reply { to, .. } if Some(to) == answered => {}
                Effect::Reply { to, response } => out.reply(to, response),
            }
        }
    }

    fn inside(
        &mut self,
        out: &mut Outbox<Self>,
        run: impl FnOnce(&mut Compacting<LIMIT>, &mut Outbox<Compacting<LIMIT>>),
    ) {
        let mut inner = Outbox::new();
        run(&mut self.0, &mut inner);
        Self::pass_on(inner, None, out);
    }
}

impl<const FLAW: u8> Node for Planted<FLAW> {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        let saved = saved.filter(|_| !Self::has(flaw::BEGINS_ANEW));
        let mut inner = Outbox::new();
        let server = Compacting::start(me, saved, &mut inner);
        Self::pass_on(inner, None, out);
        Planted(server)
    }

    fn on_message(&mut self, from: NodeId, mut message: Message, out: &mut Outbox<Self>) {
        if let Message::InstallSnapshot { snapshot, .. } = &mut message
            && Self::has(flaw::EMPTIES_SNAPSHOTS)
        {
            snapshot.store = Store::default();
        }
        self.inside(out, |server, out| server.on_message(from, message, out));
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        self.inside(out, |server, out| server.on_timer(timer, out));
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        let leads = self.0.raft().is_leader();
        match request {
            Get(_) if leads && Self::has(flaw::READS_FOR_FREE) => {
                let value = self.0.raft().store().clone().execute(request);
                out.reply(id, Response::Done(value));
            }
            Put(_, value) if leads && Self::has(flaw::ANSWERS_TOO_SOON) => {
                let mut inner = Outbox::new();
                self.0.on_request(id, request, &mut inner);
                Self::pass_on(inner, Some(id), out);
                out.reply(id, Response::Done(value));
            }
            _ => self.inside(out, |server, out| server.on_request(id, request, out)),
        }
    }
}
