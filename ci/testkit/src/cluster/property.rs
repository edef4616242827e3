//! What must hold in a cluster, and the view of a state on which it is written.

use super::state::{NOTHING, State};
use super::tables::TIMERS;
use super::transition::Demand;
use super::{Cluster, Fault, History};
use crate::check::{FailureKind, Finding};
use crate::node::{ClientId, Effect, Node, NodeId, Outbox, RequestId};
use crate::rule::Rule;

/// A rule and how it is tested.
pub struct Property<N: Node, H: History<N>> {
    /// The rule, with its source.
    pub rule: Rule,
    /// What is tested, and where.
    pub expectation: Expectation<N, H>,
}

/// A test of one state: its error says who broke the rule.
pub type Claim<N, H> = dyn Fn(&View<'_, N, H>) -> Result<(), String> + Send + Sync;
/// A test of one state without an explanation.
pub type Sight<N, H> = dyn Fn(&View<'_, N, H>) -> bool + Send + Sync;

/// In which states a rule is tested.
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Expectation<N: Node, H: History<N>> {
    /// In every reachable state.
    Always(Box<Claim<N, H>>),
    /// Of each transition of each server.
    EachTransition(Box<Demand<N>>),
    /// Of every run, but too costly to test after each step of a long one: a simulation tests it once, at the end of a run.
    WholeRun(Box<Claim<N, H>>),
    /// It must be so in one reachable state at least.
    Sometimes(Box<Sight<N, H>>),
    /// From every reachable state, by a fair suffix of at most `rounds` rounds.
    LeadsTo { rounds: usize, goal: Box<Claim<N, H>> },
    /// From every reachable state, at the end of a fair suffix of `rounds` rounds.
    Settles { rounds: usize, goal: Box<Claim<N, H>> },
}

/// A look at one state, with everything spelled out.
pub struct View<'a, N: Node, H: History<N>> {
    cluster: &'a Cluster<N, H>,
    state: &'a State,
}

impl<'a, N: Node, H: History<N>> View<'a, N, H> {
    pub(super) fn new(cluster: &'a Cluster<N, H>, state: &'a State) -> Self {
        View { cluster, state }
    }

    /// How many servers the cluster has, whether they are up or not.
    pub fn size(&self) -> usize {
        self.cluster.size
    }

    /// The servers that are up, with their ids.
    pub fn servers(&self) -> impl Iterator<Item = (NodeId, &'a N)> + use<'a, N, H> {
        let (cluster, state) = (self.cluster, self.state);
        (0..state.servers.len()).filter_map(move |id| {
            let server = &state.servers[id];
            (server.up && server.local != NOTHING).then(|| (NodeId(id), cluster.tables.locals.get(server.local)))
        })
    }

    /// A server, if it is up.
    pub fn server(&self, id: NodeId) -> Option<&'a N> {
        self.servers().find(|(other, _)| *other == id).map(|(_, node)| node)
    }

    /// What a server has saved, whether it is up or not.
    pub fn saved(&self, id: NodeId) -> Option<&'a N::Durable> {
        let saved = self.state.servers[id.0].saved;
        (saved != NOTHING).then(|| self.cluster.tables.saved.get(saved))
    }

    /// Messages on their way: sender, receiver, message.
    pub fn in_flight(&self) -> impl Iterator<Item = (NodeId, NodeId, &'a N::Message)> + use<'a, N, H> {
        let cluster = self.cluster;
        self.state
            .network
            .iter()
            .map(move |envelope| (envelope.from(), envelope.to(), cluster.tables.messages.get(envelope.message)))
    }

    /// What the clients saw.
    pub fn history(&self) -> &'a H {
        self.cluster.tables.histories.get(self.state.history)
    }

    /// The request that a client waits for, if there is such a client.
    pub fn waiting(&self, client: ClientId) -> Option<RequestId> {
        let state = self.state.clients.get(client.0)?;
        state.waiting.then(|| RequestId { client, number: usize::from(state.asked) - 1 })
    }

    /// How many of a client's requests have been answered.
    pub fn answered(&self, client: ClientId) -> usize {
        let state = self.state.clients[client.0];
        usize::from(state.asked) - usize::from(state.waiting)
    }

    /// Has each client made all requests of its script, and been answered?
    pub fn is_finished(&self) -> bool {
        self.cluster.has_answered_all(self.state)
    }

    /// Is the link between `a` and `b` cut?
    pub fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        self.cluster.is_cut(self.state, a, b)
    }

    /// What learner code did that no program may do, if it did.
    pub fn fault(&self) -> Option<&'a Fault> {
        (self.state.fault != NOTHING).then(|| self.cluster.tables.faults.get(self.state.fault))
    }

    /// Can no step be made any more that would deliver something?
    pub fn is_quiet(&self) -> bool {
        self.state.network.iter().all(|&envelope| !self.cluster.deliverable(self.state, envelope))
    }
}

/// What `node` would answer to `request` at once, without any message. The node itself is not changed.
pub fn answer<N: Node>(node: &N, request: N::Request) -> Option<N::Response> {
    let id = RequestId { client: ClientId(usize::MAX), number: 0 };
    let mut out = Outbox::new();
    node.clone().on_request(id, request, &mut out);
    out.into_effects().into_iter().find_map(|effect| match effect {
        Effect::Reply { to, response } if to == id => Some(response),
        _ => None,
    })
}

/// Handlers are functions of the state and the event.
const DETERMINISTIC: Rule = Rule::new(
    "determinism",
    "The same state and the same event give the same new state and the same effects.",
    "contract of the Node trait; Schneider 1990, Implementing Fault-Tolerant Services Using the State Machine Approach",
    "1-cap/counterexamples.md#determinism",
);

/// A server is all that is in its fields.
const SHARED_NOTHING: Rule = Rule::new(
    "servers share nothing",
    "Servers share nothing but the messages that they send each other.",
    "contract of the Node trait",
    "1-cap/counterexamples.md#determinism",
);

/// The search takes equal states for one.
const EQUALITY: Rule = Rule::new(
    "equal is alike",
    "States, messages and answers that are equal by `==` lead to the same. `#[derive(PartialEq, Eq, Hash)]` makes sure of it.",
    "contract of the Node trait",
    "1-cap/counterexamples.md#determinism",
);

/// Replies and messages go to a party that exists.
const ADDRESSED: Rule = Rule::new(
    "addresses",
    "A server sends only to servers of its cluster, and replies only to requests that were made.",
    "contract of the Node trait",
    "1-cap/counterexamples.md#panics",
);

/// What a message causes comes to an end.
const NO_FLOOD: Rule = Rule::new(
    "no flood",
    "If nobody asks and no timer fires, there is nothing to send any more in the end.",
    "contract of the Node trait",
    "1-cap/counterexamples.md#panics",
);

/// A timer is a kind, not an occasion.
const FEW_TIMERS: Rule = Rule::new(
    "few timers",
    "The servers of a cluster have few different timers: each names a kind of waiting, not an occasion for it.",
    "contract of the Node trait",
    "1-cap/counterexamples.md#panics",
);

impl Fault {
    /// Which kind of failure this is, which rule it breaks, and what happened.
    pub fn describe(&self) -> (FailureKind, Rule, String) {
        match self {
            Fault::Panicked { message, at } => {
                let Finding { kind, rule, summary, .. } = Finding::panicked(message, at);
                (kind, rule, summary)
            }
            Fault::Nondeterministic { first, second } => (
                FailureKind::Nondeterministic,
                DETERMINISTIC,
                format!(
                    "The same handler, called twice on the same state with the same event, did two different things. \
                     Look for a HashMap or HashSet that is iterated, a clock, a random number, or a static variable.\n\
                     Once:  {first}\nTwice: {second}"
                ),
            ),
            Fault::Shares { first, second } => (
                FailureKind::Violated,
                SHARED_NOTHING,
                format!(
                    "The same handler, called on the same state with the same event, did something else after handlers of other \
                     servers had run. Look for a `static` or a `thread_local!` variable, or for a clock: what a server knows is \
                     in its own fields.\nFirst: {first}\nThen:  {second}"
                ),
            ),
            Fault::Unlike { first, second } => (
                FailureKind::Violated,
                EQUALITY,
                format!(
                    "Two values of your types are equal by their own `==`, and lead to two different things. Look for a `PartialEq` \
                     or a `Hash` that is written by hand.\nOne:   {first}\nOther: {second}"
                ),
            ),
            Fault::AnswersNobody { server, to } => (
                FailureKind::Violated,
                ADDRESSED,
                format!("{server} replied to request {to}, but no client has made that request."),
            ),
            Fault::Breaks { rule, why } => (FailureKind::Violated, rule.clone(), why.clone()),
            Fault::Floods { messages } => (
                FailureKind::Violated,
                NO_FLOOD,
                format!(
                    "More than {messages} messages are on their way at once, and each that arrives causes others. Look for a server \
                     that hands on what it has handed on before."
                ),
            ),
            Fault::TooManyTimers { timer } => (
                FailureKind::Violated,
                FEW_TIMERS,
                format!(
                    "There are {TIMERS} different timers already, and {timer} is one more. What a timer was started for belongs into \
                     the server's fields, not into the timer."
                ),
            ),
            Fault::SendsNowhere { server, to } => (
                FailureKind::Violated,
                ADDRESSED,
                format!("{server} sent a message to {to}, but there is no such server."),
            ),
        }
    }
}
