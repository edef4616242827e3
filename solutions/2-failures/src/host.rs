//! The host: it sits between a server and the world, so that nothing leaves before its promise is on the disk.
//!
//! Source: Ongaro & Ousterhout 2014, figure 2: "updated on stable storage before responding to RPCs".
//!
//! # The problem
//!
//! In its outbox a server says: save this, then send that. The host has to do both, in this order. A vote that is sent before it
//! is on the disk is a vote that a crash takes back, and after the crash the server will give it to another candidate.
//!
//! # The way
//!
//! Events come in a batch: whatever has arrived while the last batch was carried out. The server handles one after the other.
//! What it saves goes to the [`storage`](crate::storage), which is synced once. Only then may anything leave that the server
//! wants sent or answered. So under load many events share one sync, and no event waits for more than two.
//!
//! # Left out on purpose
//!
//! A clock and a network: events come in as [`Input`], and what is to be done goes out as [`Output`], for a program that has
//! both. Sending while the disk still writes: a leader may do that with entries that it does not count itself (Ongaro 2014,
//! section 10.2.1).

//# allow: unused_variables, unused_imports
use cap::raft::Timer;
use cap::raft::log::Index;
use cap::raft::store::{Request, Response};
use testkit::disk::Disk;
use testkit::node::{Effect, Membership, Node, NodeId, Outbox, RequestId};

use crate::membership::Member;
use crate::snapshot::Message;
use crate::storage::Storage;
use crate::wal::WalError;

// ANCHOR: events
/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Input {
    /// `from` has sent `message`.
    Message { from: NodeId, message: Message },
    /// A timer that was armed has fired.
    Timeout { timer: Timer },
    /// A client makes the request `id`.
    Request { id: RequestId, request: Request },
}

/// What goes out, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Output {
    /// Send `message` to `to`.
    Send { to: NodeId, message: Message },
    /// Let `timer` fire once, later. If it is armed already, its wait starts again.
    Arm { timer: Timer },
    /// Forget `timer`.
    Disarm { timer: Timer },
    /// Answer the request `to`.
    Reply { to: RequestId, response: Response },
}
// ANCHOR_END: events

// ANCHOR: host
/// A server and its disk.
///
/// Invariant: every promise that has gone out is durable.
#[derive(Clone, Debug)]
pub struct Host<D, const LIMIT: Index> {
    server: Member<LIMIT>,
    storage: Storage<D>,
}
// ANCHOR_END: host

impl<D: Disk, const LIMIT: Index> Host<D, LIMIT> {
    /// Starts a server with what is on its disk. Returns it with what it wants done at once; as with [`handle`](Self::handle),
    /// what it saved is durable by then.
    ///
    /// # Errors
    /// Those of [`Storage::open`]; then the process must end.
    pub fn start(me: Membership, disk: D) -> Result<(Self, Vec<Output>), WalError> {
        //# hole: Open the storage, start the server with what was saved, and carry out what it wants done.
        let (storage, saved) = Storage::open(disk)?;
        let mut out = Outbox::new();
        let server = Member::start(me, saved, &mut out);
        let mut host = Host { server, storage };
        let outputs = host.carry_out(out)?;
        Ok((host, outputs))
        //# end
    }

    /// Lets the server handle what has come in, one event after the other. Returns everything that the server wants sent, armed,
    /// disarmed and answered because of these events, in the server's order. By then everything that the server has saved is
    /// durable: a host may not keep an output back for a later call, nor sync later than it hands one out. All events of a call
    /// share one sync, and events that save nothing need none.
    ///
    /// # Errors
    /// Those of [`Storage::sync`]. Then nothing may leave, now or later: the process must end. A later call is refused with
    /// another error.
    pub fn handle(&mut self, inputs: impl IntoIterator<Item = Input>) -> Result<Vec<Output>, WalError> {
        //# hole: Hand each event to the server; carry out what it wants done.
        let mut out = Outbox::new();
        for input in inputs {
            match input {
                Input::Message { from, message } => self.server.on_message(from, message, &mut out),
                Input::Timeout { timer } => self.server.on_timer(timer, &mut out),
                Input::Request { id, request } => self.server.on_request(id, request, &mut out),
            }
        }
        self.carry_out(out)
        //# end
    }

    //# private
    /// Saves what is to be saved, syncs once, and only then hands out the rest.
    fn carry_out(&mut self, out: Outbox<Member<LIMIT>>) -> Result<Vec<Output>, WalError> {
        let mut outputs = Vec::new();
        for effect in out.into_effects() {
            match effect {
                Effect::Save { durable } => self.storage.save(&durable),
                Effect::Send { to, message } => outputs.push(Output::Send { to, message }),
                Effect::Arm { timer } => outputs.push(Output::Arm { timer }),
                Effect::Disarm { timer } => outputs.push(Output::Disarm { timer }),
                Effect::Reply { to, response } => outputs.push(Output::Reply { to, response }),
            }
        }
        self.storage.sync()?;
        Ok(outputs)
    }
    //# end

    /// The server: for the checks, and for programs that show its state.
    pub fn server(&self) -> &Member<LIMIT> {
        &self.server
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.storage.disk()
    }
}
