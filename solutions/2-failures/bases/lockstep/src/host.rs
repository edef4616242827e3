//! The host: what stands between a server and the world, so that nothing leaves before what it promises is on the disk.
//!
//! Source: Ongaro & Ousterhout 2014, figure 2: "updated on stable storage before responding to RPCs".
//!
//! # The problem
//!
//! A server says, in its outbox: save this, then send that. Somebody has to do both, in this order. A vote that is sent and not yet on the
//! disk is a vote that a crash takes back, and the server will give it to somebody else.
//!
//! # The way
//!
//! Events come in a batch: whatever has arrived while the last batch was carried out. The server handles one after the other. What it
//! saves goes to the [`storage`](crate::storage), which is synced once. Only then may everything leave that the server wants sent and
//! answered. So under load many events share one sync, and nobody waits longer than for two.
//!
//! # Left out on purpose
//!
//! A clock and a network: events come in as [`Input`], and what is to be done goes out as [`Output`], for whoever has both. Sending while the disk
//! still writes: a leader may do that with entries that it does not count itself (Ongaro 2014, section 10.2.1).

use cap::raft::Timer;
use cap::raft::log::Index;
use cap::raft::store::{Request, Response};
use testkit::disk::Disk;
use testkit::node::{Effect, Membership, Node, NodeId, Outbox, RequestId};

use crate::membership::Member;
use crate::snapshot::Message;
use crate::storage::Storage;
use crate::wal::WalError;

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
    /// Let `timer` fire once, later; if it is armed, its wait begins anew.
    Arm { timer: Timer },
    /// Forget `timer`.
    Disarm { timer: Timer },
    /// Answer the request `to`.
    Reply { to: RequestId, response: Response },
}

/// A server and its disk.
///
/// Invariants:
/// - what has gone out is backed by what is durable;
/// - what is not backed yet waits, in the server's order. If the disk has failed, it waits forever.
#[derive(Clone, Debug)]
pub struct Host<D, const LIMIT: Index> {
    server: Member<LIMIT>,
    storage: Storage<D>,
    waiting: Vec<Output>,
}

impl<D: Disk, const LIMIT: Index> Host<D, LIMIT> {
    /// Starts a server with what is on its disk. Gives it with what it wants done at once.
    ///
    /// # Errors
    /// Those of [`Storage::open`]; then the process must end.
    pub fn start(me: Membership, disk: D) -> Result<(Self, Vec<Output>), WalError> {
        let (storage, saved) = Storage::open(disk)?;
        let mut out = Outbox::new();
        let mut host = Host { server: Member::start(me, saved, &mut out), storage, waiting: Vec::new() };
        host.line_up(out);
        let outputs = host.release()?;
        Ok((host, outputs))
    }

    /// Lets the server handle what has come in, one after the other, and makes durable what it saves, once for all. Gives what may leave
    /// then, in the server's order.
    ///
    /// # Errors
    /// Those of [`Storage::sync`]. Nothing may leave then, now or later: the process must end. Whoever calls it all the same gets
    /// another error.
    pub fn handle(&mut self, inputs: impl IntoIterator<Item = Input>) -> Result<Vec<Output>, WalError> {
        for input in inputs {
            let mut out = Outbox::new();
            match input {
                Input::Message { from, message } => self.server.on_message(from, message, &mut out),
                Input::Timeout { timer } => self.server.on_timer(timer, &mut out),
                Input::Request { id, request } => self.server.on_request(id, request, &mut out),
            }
            self.line_up(out);
        }
        self.release()
    }

    /// Puts what the server wants done where it belongs: what it saves into the storage, all else into the queue of what waits.
    fn line_up(&mut self, out: Outbox<Member<LIMIT>>) {
        for effect in out.into_effects() {
            self.waiting.push(match effect {
                Effect::Save { durable } => {
                    self.storage.save(&durable);
                    continue;
                }
                Effect::Send { to, message } => Output::Send { to, message },
                Effect::Arm { timer } => Output::Arm { timer },
                Effect::Disarm { timer } => Output::Disarm { timer },
                Effect::Reply { to, response } => Output::Reply { to, response },
            });
        }
    }

    /// Makes durable what was saved, and then lets go of what has waited for that.
    fn release(&mut self) -> Result<Vec<Output>, WalError> {
        self.storage.sync()?;
        Ok(std::mem::take(&mut self.waiting))
    }

    /// The server. For the checks, and for whoever wants to show how it is.
    pub fn server(&self) -> &Member<LIMIT> {
        &self.server
    }

    /// The disk that it is on: for the checks.
    pub fn disk(&self) -> &D {
        self.storage.disk()
    }
}
