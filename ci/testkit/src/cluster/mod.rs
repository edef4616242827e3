//! A cluster of nodes and clients as a model: everything that can happen to a program in an asynchronous network.
//!
//! # The model
//!
//! Servers run a [`Node`]. Messages between them wait in the network, each until it is delivered: in any order, at any
//! later moment, or never. That covers slow links and lost messages, as far as safety goes. What happens beyond that is
//! counted against a budget, because it would make the state space endless: crashes, restarts, duplicates, retries of
//! clients, lost replies, lost messages (for liveness), and whatever else a check counts ([`Cluster::limit`]).
//!
//! Clients are part of the model. Each has a script of requests, and makes one at a time. A request reaches its server at
//! once, and the reply reaches the client at once: a later arrival would only make more operations overlap, and so allow
//! more. What clients saw is the [`History`].
//!
//! # The files
//!
//! - [`state`]: states and steps, in small integers.
//! - [`tables`]: what the integers stand for.
//! - [`calls`]: each handler runs once for each state and event; [`merged`] says which values are the same.
//! - [`step`]: which steps are possible, and what a step does; [`network`] and [`clients`] say so of messages and requests.
//! - [`property`]: what must hold, and the view of a state that it is written on.
//! - [`transition`]: what one server makes of one event, and rules about that.
//! - [`peers`]: one server of the learner's against everything that its peers may say.
//! - [`liveness`]: what must become true once the network behaves.
//! - [`judge`]: the search's verdict on a cluster.
//! - [`history`]: what clients saw.
//! - [`record`]: from a path of steps to a [`Trace`](crate::trace::Trace).
//! - [`walk`]: from state to state, as a person chooses.
//!
//! [`Cluster`] implements [`stateright::Model`], so stateright's own checkers run on it too.

mod calls;
mod clients;
mod history;
mod judge;
mod liveness;
mod merged;
mod model;
mod network;
mod peers;
mod property;
mod record;
mod state;
mod step;
mod tables;
mod transition;
mod walk;

pub use calls::Fault;
pub use history::{History, Invocation, Linearizable, Log, Object, Word};
pub use peers::Peers;
pub use property::{Claim, Expectation, Property, Sight, View, answer};
pub use state::{Action, Causes, Envelope, Event, State};
pub use stateright::semantics::SequentialSpec;
pub use step::Occurrence;
pub use transition::{Demand, Given, Transition};
pub use walk::{Choice, Is, Place, Standing};

pub(crate) use judge::{Broken, unreachable};
pub(crate) use tables::Output;

use peers::Says;
use state::{Client, Key, NOTHING, Server, Spent, link};
use step::Budget;
use tables::Tables;

use crate::node::{ClientId, Node, NodeId};
use crate::panics::Later;
use crate::rule::Rule;
use crate::schedule::Schedule;

/// A client's script: its requests, one after the other, and the servers that it may ask.
struct Script {
    requests: Vec<Key>,
    servers: Vec<NodeId>,
}

/// A budget that a check adds: at most `most` steps for which `counts` says yes.
struct Limit<N: Node> {
    most: u8,
    counts: Box<Counts<N>>,
}

type Counts<N> = dyn Fn(&Occurrence<'_, N>) -> bool + Send + Sync;

/// Says of a response that the request was not taken.
type Refuses<N> = dyn Fn(&<N as Node>::Response) -> bool + Send + Sync;

/// A cluster of servers and clients, with what may go wrong and what must hold. See the [module](self).
pub struct Cluster<N: Node, H: History<N> = ()> {
    size: usize,
    scripts: Vec<Script>,
    history: H,
    saved: Vec<Key>,
    budgets: Spent,
    limits: Vec<Limit<N>>,
    partitions: Vec<Groups>,
    /// Links that are cut for good.
    cut: u64,
    leaves_out_ignored: bool,
    tracks_causes: bool,
    refusals: Option<Box<Refuses<N>>>,
    clients_persist: bool,
    /// The timer that waits longer than all others.
    slowest: Option<u8>,
    /// The steps that set the scene: every run begins with them.
    staged: Vec<Action>,
    /// Why the scene could not be set to its end: a step that the program could not take.
    unset: Option<String>,
    /// While a trace is replayed, budgets do not count: the run was possible once.
    replaying: bool,
    /// What peers that the check plays may say. Then only `n0` runs the learner's code.
    peers: Option<Box<Says<N, H>>>,
    /// How many of the properties are about single transitions.
    demands: usize,
    properties: Vec<Property<N, H>>,
    tables: Tables<N, H>,
}

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// A cluster of `size` servers (at most 8), without clients, in which nothing fails.
    pub fn new(size: usize, history: H) -> Self {
        assert!((1..=8).contains(&size), "a cluster has 1 to 8 servers, not {size}");
        Cluster {
            size,
            scripts: Vec::new(),
            history,
            saved: vec![NOTHING; size],
            budgets: [0; 12],
            limits: Vec::new(),
            partitions: Vec::new(),
            cut: 0,
            leaves_out_ignored: false,
            tracks_causes: false,
            refusals: None,
            clients_persist: false,
            slowest: None,
            staged: Vec::new(),
            unset: None,
            replaying: false,
            peers: None,
            demands: 0,
            properties: Vec::new(),
            tables: Tables::new(),
        }
    }

    /// Adds a client that makes `requests` one after the other, each at any of `servers`.
    pub fn client(mut self, servers: &[usize], requests: impl IntoIterator<Item = N::Request>) -> Self {
        let requests = requests.into_iter().map(|request| self.tables.requests.key(request)).collect();
        assert!(servers.iter().all(|&server| server < self.size), "a client asks servers that exist, not {servers:?}");
        self.scripts.push(Script { requests, servers: servers.iter().copied().map(NodeId).collect() });
        self
    }

    /// Lets a server start with what it would have saved earlier.
    pub fn saved(mut self, server: usize, durable: N::Durable) -> Self {
        self.saved[server] = self.tables.saved.key(durable);
        self
    }

    /// At most `most` servers stop for good.
    pub fn crashes(self, most: u8) -> Self {
        self.budget(Budget::Crashes, most)
    }

    /// At most `most` times in all, a server stops and starts again with what it had saved.
    pub fn restarts(self, most: u8) -> Self {
        self.budget(Budget::Restarts, most)
    }

    /// At most `most` deliveries leave a copy behind.
    pub fn duplicates(self, most: u8) -> Self {
        self.budget(Budget::Duplicates, most)
    }

    /// At most `most` messages are lost. Safety needs none: a message that never arrives is lost already.
    pub fn drops(self, most: u8) -> Self {
        self.budget(Budget::Drops, most)
    }

    /// At most `most` times in all, a client without an answer asks again.
    pub fn retries(self, most: u8) -> Self {
        self.budget(Budget::Retries, most)
    }

    /// At most `most` steps lose the replies that they send to clients.
    pub fn lost_replies(self, most: u8) -> Self {
        self.budget(Budget::LostReplies, most)
    }

    /// At most `most` times in all, the network splits into the groups of one of `partitions`, or heals.
    pub fn partitions(mut self, partitions: &[&[&[usize]]], most: u8) -> Self {
        self.partitions = partitions.iter().map(|groups| owned(groups)).collect();
        self.budget(Budget::Partitions, most)
    }

    /// At most `most` steps for which `counts` says yes: "three elections", "two rounds of gossip".
    pub fn limit(mut self, most: u8, counts: impl Fn(&Occurrence<'_, N>) -> bool + Send + Sync + 'static) -> Self {
        assert!(self.limits.len() < self.budgets.len() - Budget::COUNT, "a cluster has room for four limits");
        self.limits.push(Limit { most, counts: Box::new(counts) });
        self
    }

    /// Starts with the network split into `groups`, and leaves it so for good: whatever heals, these links do not.
    pub fn split(mut self, groups: &[&[usize]]) -> Self {
        self.cut = cut_between(self.size, &owned(groups));
        self
    }

    /// Lets only these links work, and the others never: a larger cluster of which each client reaches a part.
    pub fn links(mut self, links: &[(usize, usize)]) -> Self {
        let alone = cut_between(self.size, &Vec::new());
        self.cut = links.iter().fold(alone, |cut, &(a, b)| cut & !link(NodeId(a), NodeId(b)));
        self
    }

    /// Leaves out messages that their receiver would ignore at this moment. To leave one out is to lose it, so what is found
    /// stays real; but a message that would matter later is lost too, so keep a smaller scope without this beside it.
    pub fn leaving_out_ignored(mut self) -> Self {
        self.leaves_out_ignored = true;
        self
    }

    /// Keeps, for each server and message, which requests can have influenced it (happened-before, Lamport 1978). At most 32
    /// requests in a run.
    pub fn track_causes(mut self) -> Self {
        self.tracks_causes = true;
        self
    }

    /// A response for which `refuses` says yes is no answer: the server has not taken the request. The client goes on waiting, and
    /// may ask the same or another server again, which costs no retry.
    pub fn refusals(mut self, refuses: impl Fn(&N::Response) -> bool + Send + Sync + 'static) -> Self {
        self.refusals = Some(Box::new(refuses));
        self
    }

    /// On a fair suffix, clients do what they can: whoever waits asks each of its servers again, and makes its next request when
    /// it is answered.
    pub fn persistent_clients(mut self) -> Self {
        self.clients_persist = true;
        self
    }

    /// `timer` waits longer than all others: on a fair suffix, each of the others fires twice before it fires again. A
    /// protocol may need that to get anywhere, as one with heartbeats and elections does.
    pub fn slowest(mut self, timer: N::Timer) -> Self {
        self.slowest = Some(self.timer(timer));
        self
    }

    /// A `todo!` in one of `files` (ends of paths) is left for a later task: a handler that meets one ends there, as if it had
    /// come to its end.
    pub fn later_tasks(mut self, files: &[&'static str]) -> Self {
        self.tables.later = Later(files.to_vec());
        self
    }

    /// Starts with the firing of a timer that `server` arms when it starts. Where all servers are alike, one server's timer is
    /// the first, and it may as well be this one: the other runs are the same with other names. A program whose server does not
    /// arm it fails the check.
    pub fn fires_first(mut self, server: usize, timer: N::Timer) -> Self {
        let state = self.initial();
        match self.firing(&state, NodeId(server), &timer) {
            Some(event) => self.staged.push(event.into()),
            None => self.unset = Some(format!("n{server} does not arm its timer {timer:?} when it starts.")),
        }
        self
    }

    /// Starts after the steps of `schedule`. Its clients come first: `c0` of the schedule is `c0` of the cluster. A program that
    /// cannot take these steps fails the check.
    ///
    /// # Panics
    /// Panics if the cluster has clients already.
    pub fn staged(self, schedule: &Schedule<N::Request, N::Timer>) -> Self {
        assert!(self.scripts.is_empty(), "stage a cluster before adding clients");
        let (played, unset) = match self.play(schedule) {
            Ok(played) => (played, None),
            Err(unplayable) => {
                let why = unplayable.as_interrupted();
                (unplayable.played, Some(why))
            }
        };
        Cluster { staged: played.actions, unset, ..played.cluster }
    }

    /// Leaves only `n0` to the learner's code, and lets the other servers say whatever they may, as the history knows. See [`Peers`].
    pub fn among_peers(mut self) -> Self
    where
        H: Peers<N>,
    {
        self.peers = Some(Box::new(H::may_say));
        self
    }

    pub(crate) fn is_among_peers(&self) -> bool {
        self.peers.is_some()
    }

    /// `holds` says yes of each transition of each server: of what a server makes of one message, timer, request or start. A
    /// transition that a crash cuts short is not asked about.
    pub fn each_transition(
        mut self,
        rule: Rule,
        holds: impl Fn(&Transition<'_, N>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.demands += 1;
        self.property(Property { rule, expectation: Expectation::EachTransition(Box::new(holds)) })
    }

    /// `holds` says yes in every reachable state; its error says who broke the rule.
    pub fn always(
        self,
        rule: Rule,
        holds: impl Fn(&View<'_, N, H>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.property(Property { rule, expectation: Expectation::Always(Box::new(holds)) })
    }

    /// `holds` says yes of every run. It means the same as [`always`](Self::always), but a simulation asks only at the end of a
    /// run: for what is costly to decide and stays broken once it is, like the linearizability of a long history.
    pub fn whole_run(
        self,
        rule: Rule,
        holds: impl Fn(&View<'_, N, H>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.property(Property { rule, expectation: Expectation::WholeRun(Box::new(holds)) })
    }

    /// `happens` says yes in at least one reachable state: the companion that keeps a safety property honest.
    pub fn sometimes(self, rule: Rule, happens: impl Fn(&View<'_, N, H>) -> bool + Send + Sync + 'static) -> Self {
        self.property(Property { rule, expectation: Expectation::Sometimes(Box::new(happens)) })
    }

    /// From every reachable state, once the network heals and delivers everything and armed timers fire in turn, `reached`
    /// comes true, at the latest after each timer has fired `rounds` times.
    pub fn leads_to(
        self,
        rule: Rule,
        rounds: usize,
        reached: impl Fn(&View<'_, N, H>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.property(Property { rule, expectation: Expectation::LeadsTo { rounds, goal: Box::new(reached) } })
    }

    /// As [`leads_to`](Self::leads_to), but all `rounds` are played, and `holds` is asked at the end: what must be true when
    /// everything has calmed down.
    pub fn settles(
        self,
        rule: Rule,
        rounds: usize,
        holds: impl Fn(&View<'_, N, H>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.property(Property { rule, expectation: Expectation::Settles { rounds, goal: Box::new(holds) } })
    }

    /// Adds a request to the script of `client`; clients up to it are added as needed.
    pub(crate) fn append_request(&mut self, client: usize, request: N::Request) {
        while self.scripts.len() <= client {
            self.scripts.push(Script { requests: Vec::new(), servers: Vec::new() });
        }
        self.scripts[client].requests.push(self.tables.requests.key(request));
    }

    fn property(mut self, property: Property<N, H>) -> Self {
        self.properties.push(property);
        self
    }

    fn budget(mut self, budget: Budget, most: u8) -> Self {
        self.budgets[budget as usize] = most;
        self
    }

    /// What must hold.
    pub fn rules(&self) -> &[Property<N, H>] {
        &self.properties
    }

    /// How many servers there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        self.scripts.len()
    }

    /// How many handler calls the model needed so far; the rest were remembered.
    pub fn handler_calls(&self) -> usize {
        self.tables.handler_calls()
    }

    /// Forgets what handlers did and what was seen, to run another seed in the same room.
    pub(crate) fn forget(&mut self) {
        self.tables.forget();
    }

    /// What a client was told, by its key.
    pub(crate) fn response(&self, key: Key) -> &N::Response {
        self.tables.responses.get(key)
    }

    /// How many requests the busiest client makes.
    pub(crate) fn longest_script(&self) -> usize {
        self.scripts.iter().map(|script| script.requests.len()).max().unwrap_or(0)
    }

    /// A look at `state` with everything spelled out.
    pub fn view<'a>(&'a self, state: &'a State) -> View<'a, N, H> {
        View::new(self, state)
    }

    /// The state before the first step, once the scene is set.
    pub fn initial(&self) -> State {
        let mut state = self.unstaged();
        for action in &self.staged {
            self.apply(&mut state, *action);
        }
        state.spent = [0; 12];
        state
    }

    /// The state before the scene is set: all servers have just started.
    fn unstaged(&self) -> State {
        let mut state = State {
            servers: Vec::with_capacity(self.size),
            network: Vec::new(),
            clients: vec![Client::default(); self.scripts.len()],
            history: self.tables.histories.key(self.history.clone()),
            cut: self.cut,
            spent: [0; 12],
            fault: NOTHING,
        };
        for id in 0..self.size {
            let saved = self.saved[id];
            state.servers.push(Server { local: NOTHING, saved, timers: 0, causes: 0, up: !self.is_played(NodeId(id)) });
        }
        for id in (0..self.size).map(NodeId).filter(|&id| !self.is_played(id)) {
            self.hand_over(&mut state, id, self.starting(id), Event::Restart { server: id }.into());
        }
        if self.leaves_out_ignored {
            self.leave_out_ignored(&mut state, |_| true);
        }
        state.spent = [0; 12];
        state
    }

    fn script(&self, client: ClientId) -> &Script {
        &self.scripts[client.0]
    }
}

/// The sides of a partition: which servers still reach each other.
type Groups = Vec<Vec<usize>>;

fn owned(groups: &[&[usize]]) -> Groups {
    groups.iter().map(|group| group.to_vec()).collect()
}

/// The links between servers of different groups. A server that no group names is alone.
fn cut_between(size: usize, groups: &Groups) -> u64 {
    let group = |id: usize| groups.iter().position(|group| group.contains(&id)).unwrap_or(groups.len() + id);
    let pairs = (0..size).flat_map(|a| (0..a).map(move |b| (a, b)));
    pairs.filter(|&(a, b)| group(a) != group(b)).map(|(a, b)| link(NodeId(a), NodeId(b))).sum()
}
