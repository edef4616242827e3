//! The quorum register in stateright's own words: servers and clients as actors, which talk through its network.

use std::borrow::Cow;

use stateright::Expectation;
use stateright::actor::{Actor, ActorModel, Envelope, Id, Network, Out};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};
use testkit::node::{ClientId, Effect, Membership, Node, NodeId, Outbox, RequestId};

use crate::abd::{Abd, Message};
use crate::register::{Request, Response};
use crate::{Register, Scope};

/// What actors send each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Letter {
    /// Between servers.
    Internal(Message),
    /// From a client.
    Ask(RequestId, Request),
    /// To a client.
    Answer(RequestId, Response),
}

/// A server, or a client with its server and its script.
#[derive(Clone)]
pub enum Participant {
    Server(Membership),
    Client { id: ClientId, server: Id, script: Vec<Request> },
}

/// A server's state, or how many requests a client has made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Server(Abd),
    Client(usize),
}

impl Actor for Participant {
    type Msg = Letter;
    type Timer = ();
    type State = State;
    type Storage = ();
    type Random = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> State {
        match self {
            Participant::Server(membership) => {
                let mut outbox = Outbox::new();
                let node = Abd::start(*membership, None, &mut outbox);
                self.send(outbox, out);
                State::Server(node)
            }
            Participant::Client { .. } => {
                self.ask(0, out);
                State::Client(0)
            }
        }
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, from: Id, letter: Letter, out: &mut Out<Self>) {
        match (&**state, letter) {
            (State::Server(node), letter) => {
                let (mut next, mut outbox) = (node.clone(), Outbox::new());
                match letter {
                    Letter::Internal(message) => next.on_message(NodeId(from.into()), message, &mut outbox),
                    Letter::Ask(id, request) => next.on_request(id, request, &mut outbox),
                    Letter::Answer(..) => unreachable!("only clients are answered"),
                }
                if next != *node {
                    *state.to_mut() = State::Server(next);
                }
                self.send(outbox, out);
            }
            (State::Client(asked), Letter::Answer(id, _)) if id.number == *asked => {
                let asked = asked + 1;
                *state.to_mut() = State::Client(asked);
                self.ask(asked, out);
            }
            _ => {}
        }
    }
}

impl Participant {
    fn ask(&self, number: usize, out: &mut Out<Self>) {
        if let Participant::Client { id, server, script } = self
            && let Some(request) = script.get(number)
        {
            out.send(*server, Letter::Ask(RequestId { client: *id, number }, *request));
        }
    }

    fn send(&self, outbox: Outbox<Abd>, out: &mut Out<Self>) {
        let Participant::Server(Membership { size, .. }) = self else { return };
        for effect in outbox.into_effects() {
            match effect {
                Effect::Send { to, message } => out.send(Id::from(to.0), Letter::Internal(message)),
                Effect::Reply { to, response } => {
                    out.send(Id::from(size + to.client.0), Letter::Answer(to, response));
                }
                Effect::Arm { .. } | Effect::Disarm { .. } | Effect::Save { .. } => {}
            }
        }
    }
}

type Histories = LinearizabilityTester<Id, Register>;

/// The servers first, then the clients, on a network that delivers each letter once, in any order.
pub fn model(scope: &Scope) -> ActorModel<Participant, (), Histories> {
    let servers = (0..scope.servers).map(|id| Participant::Server(Membership { id: NodeId(id), size: scope.servers }));
    let clients = scope.scripts.iter().enumerate().map(|(at, script)| Participant::Client {
        id: ClientId(at),
        server: Id::from(at),
        script: script.to_vec(),
    });
    ActorModel::new((), LinearizabilityTester::new(Register::default()))
        .actors(servers)
        .actors(clients)
        .init_network(Network::new_unordered_nonduplicating([]))
        .property(Expectation::Always, "linearizable", |_, state| state.history.serialized_history().is_some())
        .record_msg_out(|(), history, letter| {
            note(history, letter, |history, letter| match *letter.msg {
                Letter::Ask(_, request) => history.on_invoke(letter.src, request).is_ok(),
                _ => false,
            })
        })
        .record_msg_in(|(), history, letter| {
            note(history, letter, |history, letter| match *letter.msg {
                Letter::Answer(_, response) => history.on_return(letter.dst, response).is_ok(),
                _ => false,
            })
        })
}

/// The history after a letter, if it is one of a client.
fn note(
    history: &Histories,
    letter: Envelope<&Letter>,
    change: impl Fn(&mut Histories, Envelope<&Letter>) -> bool,
) -> Option<Histories> {
    if matches!(letter.msg, Letter::Internal(_)) {
        return None;
    }
    let mut next = history.clone();
    change(&mut next, letter).then_some(next)
}
