//! A server on a disk, as a participant of a model: what a crash leaves of it is what its disk surely holds.
//!
//! The model knows of a server what it has saved. Here that is found out by letting the power fail, in thought, whenever something
//! leaves: the disk keeps what was synced, and the server's own storage is opened on it. So whoever sends before it syncs, or saves less
//! than it promises, starts again in the model with less than it promised.

use std::fmt;
use std::hash::{Hash, Hasher};

use testkit::disk::Memory;
use testkit::node::{Membership, Node, NodeId, Outbox, RequestId};

use super::raft::servers::Server;
use crate::subject::host::{Host, Input, Output};
use crate::subject::raft::log::Index;
use crate::subject::raft::store::{Request, Response};
use crate::subject::raft::{Raft, Timer};
use crate::subject::snapshot::{Durable, Message};
use crate::subject::storage::Storage;
use crate::subject::wal::WalError;

/// A host and its disk.
#[derive(Clone)]
pub struct Machine<const LIMIT: Index> {
    host: Host<Memory, LIMIT>,
    /// What would be left if the power failed, as far as the world has been told something since the start.
    left: Option<Durable>,
}

impl<const LIMIT: Index> Machine<LIMIT> {
    fn handle(&mut self, input: Input, out: &mut Outbox<Self>) {
        let outputs = works(self.host.handle([input]), "handle");
        self.carry_out(outputs, out);
    }

    /// What leaves is backed by what the disk surely holds, and by nothing else.
    fn carry_out(&mut self, outputs: Vec<Output>, out: &mut Outbox<Self>) {
        let speaks = |output: &Output| matches!(output, Output::Send { .. } | Output::Reply { .. });
        if outputs.iter().any(speaks) {
            let (_, left) = works(Storage::open(self.host.disk().after_crash()), "Storage::open");
            left.iter().for_each(|left| out.save(left.clone()));
            self.left = left;
        }
        for output in outputs {
            match output {
                Output::Send { to, message } => out.send(to, message),
                Output::Arm { timer } => out.arm(timer),
                Output::Disarm { timer } => out.disarm(timer),
                Output::Reply { to, response } => out.reply(to, response),
            }
        }
    }
}

/// The disk of a model works.
fn works<T>(result: Result<T, WalError>, call: &str) -> T {
    result.unwrap_or_else(|error| panic!("nothing is wrong with the disk, and `{call}` says: {error}"))
}

impl<const LIMIT: Index> Node for Machine<LIMIT> {
    type Message = Message;
    type Timer = Timer;
    type Request = Request;
    type Response = Response;
    type Durable = Durable;

    fn start(me: Membership, saved: Option<Durable>, out: &mut Outbox<Self>) -> Self {
        let (mut storage, _) = works(Storage::open(Memory::new()), "Storage::open");
        saved.iter().for_each(|saved| storage.save(saved));
        works(storage.sync(), "sync");
        let (host, outputs) = works(Host::start(me, storage.disk().after_crash()), "start");
        let mut machine = Machine { host, left: saved };
        machine.carry_out(outputs, out);
        machine
    }

    fn on_message(&mut self, from: NodeId, message: Message, out: &mut Outbox<Self>) {
        self.handle(Input::Message { from, message }, out);
    }

    fn on_timer(&mut self, timer: Timer, out: &mut Outbox<Self>) {
        self.handle(Input::Timeout { timer }, out);
    }

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        self.handle(Input::Request { id, request }, out);
    }
}

impl<const LIMIT: Index> Server for Machine<LIMIT> {
    fn raft(&self) -> &Raft {
        self.host.server().raft()
    }
}

/// Two machines are the same if they will do the same: the bytes on their disks may differ.
impl<const LIMIT: Index> PartialEq for Machine<LIMIT> {
    fn eq(&self, other: &Self) -> bool {
        (self.host.server(), &self.left) == (other.host.server(), &other.left)
    }
}

impl<const LIMIT: Index> Eq for Machine<LIMIT> {}

impl<const LIMIT: Index> Hash for Machine<LIMIT> {
    fn hash<S: Hasher>(&self, state: &mut S) {
        (self.host.server(), &self.left).hash(state);
    }
}

impl<const LIMIT: Index> fmt::Debug for Machine<LIMIT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.server().fmt(f)
    }
}
