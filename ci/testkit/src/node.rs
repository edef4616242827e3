//! A participant of a distributed system, without I/O.
//!
//! The course writes every protocol as a deterministic state machine. A [`Node`] is handed one event at a time: a start, a
//! message, a timer that it armed, a client's request. It changes its own fields and says what should happen in the world
//! through an [`Outbox`]: send this, arm that timer, save this, reply to that client. It has no clock, no thread, no socket,
//! no file and no source of random numbers.
//!
//! What this buys: the same code runs in the model checker (every order of events), in the simulation (one long run drawn
//! from a seed) and, from stage 2 on, as a real process. Whatever goes wrong can be replayed event by event.
//!
//! # Volatile and durable
//!
//! A crash throws the node away. A restart calls [`Node::start`] with what the node last [saved](Outbox::save), and with
//! nothing else. What was not saved is gone.
//!
//! # Left out on purpose
//!
//! Time. A timer that was armed may fire at any later moment, or so late that it seems never to fire: a program that is
//! right only if a timer fires early or late enough is not right in an asynchronous network.

use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

/// The number of a server in its cluster, from 0. Shown as `n0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub usize);

/// The number of a client, from 0. Shown as `c0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub usize);

/// Names one request of one client, so that the reply finds its way: the client's first request has number 0.
///
/// A client that retries sends the same `RequestId` again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// The client that asks.
    pub client: ClientId,
    /// Which of the client's requests this is, counted from 0.
    pub number: usize,
}

/// What a server knows about its place in the cluster when it starts. Shown as `n0 of 3`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Membership {
    /// This server.
    pub id: NodeId,
    /// How many servers there are; their ids are `0..size`.
    pub size: usize,
}

impl Membership {
    /// All servers but this one, in the order of their ids.
    pub fn peers(self) -> impl Iterator<Item = NodeId> {
        (0..self.size).map(NodeId).filter(move |&peer| peer != self.id)
    }
}

/// A participant without I/O: events come in by the methods, effects go out through the [`Outbox`].
///
/// Contract: the same events in the same order give the same state and the same effects, on every machine. Nothing is read
/// from the world (no clock, no random numbers) and nothing depends on the order in which a `HashMap` or `HashSet` happens
/// to be iterated. The checks find code that breaks this contract and name it.
pub trait Node: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// What servers send to each other.
    type Message: Clone + Eq + Ord + Hash + fmt::Debug + Send + Sync + 'static;
    /// The kinds of timer that a server arms. A server without timers uses [`Never`].
    type Timer: Clone + Eq + Ord + Hash + fmt::Debug + Send + Sync + 'static;
    /// What a client asks.
    type Request: Clone + Eq + Ord + Hash + fmt::Debug + Send + Sync + 'static;
    /// What a client is told.
    type Response: Clone + Eq + Ord + Hash + fmt::Debug + Send + Sync + 'static;
    /// What survives a crash. A server that keeps nothing uses `()`.
    type Durable: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static;

    // ANCHOR: handlers
    /// Starts a server: for the first time with `saved` empty, after a crash with what it saved last.
    fn start(membership: Membership, saved: Option<Self::Durable>, out: &mut Outbox<Self>) -> Self;

    /// Handles a message that `from` sent. Messages may come late, twice, in another order than sent, or never.
    fn on_message(&mut self, from: NodeId, message: Self::Message, out: &mut Outbox<Self>);

    /// Handles a timer that this server armed. A timer that has fired is no longer armed.
    fn on_timer(&mut self, timer: Self::Timer, out: &mut Outbox<Self>) {
        let _ = (timer, out);
    }

    /// Handles a client's request. The reply may go out now or while a later event is handled, with [`Outbox::reply`].
    fn on_request(&mut self, id: RequestId, request: Self::Request, out: &mut Outbox<Self>);
    // ANCHOR_END: handlers
}

/// A type without values: the timer of a server that arms none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Never {}

/// One thing that a server wants done. Effects happen in the order in which they were put into the [`Outbox`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Effect<N: Node> {
    /// Send `message` to `to`. A server may send to itself; that message takes its way through the network too.
    Send { to: NodeId, message: N::Message },
    /// Let `timer` fire once, at some later moment. Arming an armed timer starts its wait anew.
    Arm { timer: N::Timer },
    /// Forget `timer` if it is armed.
    Disarm { timer: N::Timer },
    /// Replace what survives a crash.
    Save { durable: N::Durable },
    /// Answer a client's request.
    Reply { to: RequestId, response: N::Response },
}

/// Collects what a server wants done while it handles one event.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Outbox<N: Node> {
    effects: Vec<Effect<N>>,
}

impl<N: Node> Outbox<N> {
    /// An outbox with nothing in it.
    pub fn new() -> Self {
        Outbox { effects: Vec::new() }
    }

    /// Sends `message` to the server `to`.
    pub fn send(&mut self, to: NodeId, message: N::Message) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Sends a copy of `message` to each of `recipients`.
    pub fn send_all(&mut self, recipients: impl IntoIterator<Item = NodeId>, message: &N::Message) {
        for to in recipients {
            self.send(to, message.clone());
        }
    }

    /// Lets `timer` fire once at some later moment; arming an armed timer starts its wait anew.
    pub fn arm(&mut self, timer: N::Timer) {
        self.effects.push(Effect::Arm { timer });
    }

    /// Forgets `timer` if it is armed.
    pub fn disarm(&mut self, timer: N::Timer) {
        self.effects.push(Effect::Disarm { timer });
    }

    /// Saves what the server needs after a crash. It replaces what was saved before, and is on disk before any effect that
    /// comes after it in the outbox.
    pub fn save(&mut self, durable: N::Durable) {
        self.effects.push(Effect::Save { durable });
    }

    /// Answers the request `to`.
    pub fn reply(&mut self, to: RequestId, response: N::Response) {
        self.effects.push(Effect::Reply { to, response });
    }

    /// Puts in what a server inside of this one wants done, in its order: `message` and `durable` say how its messages and what it saves
    /// are written from the outside.
    pub fn pass_on<I: Node<Timer = N::Timer, Response = N::Response>>(
        &mut self,
        inside: Outbox<I>,
        message: impl Fn(I::Message) -> N::Message,
        durable: impl Fn(I::Durable) -> N::Durable,
    ) {
        self.effects.extend(inside.into_effects().into_iter().map(|effect| match effect {
            Effect::Send { to, message: inner } => Effect::Send { to, message: message(inner) },
            Effect::Arm { timer } => Effect::Arm { timer },
            Effect::Disarm { timer } => Effect::Disarm { timer },
            Effect::Save { durable: inner } => Effect::Save { durable: durable(inner) },
            Effect::Reply { to, response } => Effect::Reply { to, response },
        }));
    }

    /// What has been put in so far, in order.
    pub fn effects(&self) -> &[Effect<N>] {
        &self.effects
    }

    /// Takes the effects out.
    pub fn into_effects(self) -> Vec<Effect<N>> {
        self.effects
    }
}

impl<N: Node> Default for Outbox<N> {
    fn default() -> Self {
        Outbox::new()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.size)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.client, self.number)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
