//! The engine: the host, on a thread of its own.
//!
//! # The problem
//!
//! A sync blocks. On a thread that also serves connections it would stop all of them, so the host has one to itself, and a queue before
//! it. The queue makes group commit by itself: while the disk is busy, events pile up, and all that are there are handled with one
//! sync ([`Host::handle`]). The busier the server, the larger the batches.
//!
//! # What a later message says again
//!
//! Of a batch with 64 requests many a leader makes 64 messages, and each says again what the one before it said. `coalesce`
//! leaves the last of them. Messages come first in a batch, and requests after them: then a leader knows already what its followers have.
//!
//! # Replies
//!
//! A client has one request open at a time. So for each client the engine remembers one connection, the last one on which it asked. If that
//! is closed when the answer comes, the answer is dropped: the client asks again, somewhere, and the session has the answer.

use std::collections::BTreeMap;
use std::io::{self, Write};

use cap::raft::Timer;
use cap::raft::log::{Index, Term};
use cap::raft::store::Response;
use testkit::disk::Disk;
use testkit::node::{ClientId, NodeId, RequestId};
use tokio::sync::mpsc;

use super::clock::Change;
use super::coalesce::drop_what_is_covered;
use super::links::Link;
use super::wire::{self, Answer, Call};
use crate::host::{Host, Input, Output};
use crate::snapshot::Message;
use crate::wal::WalError;

/// How many events are handled with one sync at most.
const BATCH: usize = 256;

/// Frames to a client.
pub type Replies = mpsc::Sender<Vec<u8>>;

/// What happens to the engine.
#[derive(Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Event {
    /// A server has sent a message.
    Message { from: NodeId, message: Message },
    /// A client has asked; it is answered on `replies`.
    Call { call: Call, replies: Replies },
    /// A timer has fired.
    Timeout { timer: Timer },
    /// The process is to end: nothing after this is handled.
    End,
}

/// How the line begins by which a server says that a snapshot has replaced its log's beginning.
pub const CUT: &str = "the log is cut, behind a snapshot up to ";

/// Up to where the newest snapshot goes; 0 if there is none.
fn snapshot_of<D: Disk, const LIMIT: Index>(host: &Host<D, LIMIT>) -> Index {
    host.server().compacting().snapshot().map_or(0, |snapshot| snapshot.index)
}

/// The host, and where its outputs go.
#[derive(Debug)]
pub struct Engine<D, const LIMIT: Index> {
    host: Host<D, LIMIT>,
    links: BTreeMap<NodeId, Link>,
    clock: mpsc::UnboundedSender<Change>,
    /// For each client, the request that is open, and where it is answered.
    open: BTreeMap<ClientId, (RequestId, Replies)>,
    /// With so many open requests, those of closed connections are swept out.
    sweep_at: usize,
    /// The term in which it has said to lead.
    leads: Option<Term>,
    /// How many servers it has said to count.
    size: usize,
    /// The snapshot that it began with, until it has said that there is a newer one.
    began_with: Option<Index>,
}

impl<D: Disk, const LIMIT: Index> Engine<D, LIMIT> {
    /// An engine around a host that was just started.
    pub fn new(host: Host<D, LIMIT>, links: BTreeMap<NodeId, Link>, clock: mpsc::UnboundedSender<Change>) -> Self {
        let (size, began_with) = (host.server().all(), Some(snapshot_of(&host)));
        Engine { host, links, clock, open: BTreeMap::new(), sweep_at: 1000, leads: None, size, began_with }
    }

    /// Carries out what the host wanted at its start, and then batch after batch, until it is told to end.
    ///
    /// # Errors
    /// Those of [`Host::handle`]. Nothing leaves from then on.
    pub fn run(mut self, started: Vec<Output>, mut inbox: mpsc::Receiver<Event>) -> Result<(), WalError> {
        self.carry_out(started);
        let mut events = Vec::new();
        while inbox.blocking_recv_many(&mut events, BATCH) > 0 {
            let (inputs, goes_on) = self.take_in(&mut events);
            let outputs = self.host.handle(inputs)?;
            self.carry_out(outputs);
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// What the host is to handle, and whether the engine goes on after that.
    fn take_in(&mut self, events: &mut Vec<Event>) -> (Vec<Input>, bool) {
        let (mut inputs, mut requests, mut goes_on) = (Vec::new(), Vec::new(), true);
        for event in events.drain(..) {
            match event {
                Event::Message { from, message } => inputs.push(Input::Message { from, message }),
                Event::Timeout { timer } => inputs.push(Input::Timeout { timer }),
                Event::Call { call: Call { id, request }, replies } => {
                    self.open.insert(id.client, (id, replies));
                    requests.push(Input::Request { id, request });
                }
                Event::End => {
                    goes_on = false;
                    break;
                }
            }
        }
        self.sweep();
        drop_what_is_covered(&mut inputs, |input| match input {
            Input::Message { from, message } => Some((*from, message)),
            Input::Timeout { .. } | Input::Request { .. } => None,
        });
        inputs.append(&mut requests);
        (inputs, goes_on)
    }

    fn carry_out(&mut self, mut outputs: Vec<Output>) {
        self.say_what_is_new();
        drop_what_is_covered(&mut outputs, |output| match output {
            Output::Send { to, message } => Some((*to, message)),
            Output::Arm { .. } | Output::Disarm { .. } | Output::Reply { .. } => None,
        });
        for output in outputs {
            match output {
                Output::Send { to, message } => self.send(to, &message),
                Output::Arm { timer } => drop(self.clock.send(Change::Arm(timer))),
                Output::Disarm { timer } => drop(self.clock.send(Change::Disarm(timer))),
                Output::Reply { to, response } => self.reply(to, response),
            }
        }
    }

    /// Prints a line when this server begins to lead, or leads no more, when another number of servers counts for it, and when it cuts its log off
    /// for the first time. That nobody reads it is no reason to stop.
    fn say_what_is_new(&mut self) {
        let raft = self.host.server().raft();
        if raft.size() != self.size {
            self.size = raft.size();
            let _ = writeln!(io::stdout(), "servers that count: n0 to n{}", self.size - 1);
        }
        let leads = raft.is_leader().then(|| raft.term());
        if leads != self.leads {
            let _ = match leads {
                Some(term) => writeln!(io::stdout(), "leads in term {term}"),
                None => writeln!(io::stdout(), "leads no more: the term is {}", raft.term()),
            };
            self.leads = leads;
        }
        let snapshot = snapshot_of(&self.host);
        if self.began_with.is_some_and(|first| first < snapshot) {
            self.began_with = None;
            let _ = writeln!(io::stdout(), "{CUT}{snapshot}");
        }
    }

    /// Puts a message into its link's queue. If that is full, or the message too long for a frame, it is lost.
    fn send(&self, to: NodeId, message: &Message) {
        let frame = wire::framed(message);
        match self.links.get(&to) {
            Some(link) if frame.len() <= wire::HEAD + wire::LIMIT => drop(link.try_send(frame)),
            Some(_) => eprintln!("A message of {} bytes to n{} is longer than a frame may be.", frame.len(), to.0),
            None => {}
        }
    }

    fn reply(&mut self, id: RequestId, response: Response) {
        let Some((_, replies)) = self.open.get(&id.client).filter(|(open, _)| *open == id) else { return };
        let _ = replies.try_send(wire::framed(&Answer { id, response }));
        self.open.remove(&id.client);
    }

    /// Forgets the requests of closed connections, once in a while.
    fn sweep(&mut self) {
        if self.open.len() > self.sweep_at {
            self.open.retain(|_, (_, replies)| !replies.is_closed());
            self.sweep_at = 1000 + 2 * self.open.len();
        }
    }
}
