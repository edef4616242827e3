//! Which servers are checked, and the clusters that they stand in.

use testkit::check::Rule;
use testkit::cluster::{self, Cluster, History, Linearizable, Object, Occurrence, SequentialSpec, View};
use testkit::node::{Node, NodeId};
use testkit::schedule::Schedule;
use testkit::simulation::{Faults, Simulation};

use super::chronicle::Chronicle;
use super::rules::{APPLIED, Chronicled, LINEARIZABLE, all_have_applied, applies_its_log, safe};
use crate::subject::raft::log::{Command, Entry, Index, Log, Term};
use crate::subject::raft::prevote::PreVote;
use crate::subject::raft::store::Request::{self, Add, Get, Put};
use crate::subject::raft::store::Response;
use crate::subject::raft::{Durable, Raft, Timer};

/// The steps of a run with timers.
pub type Timed = Schedule<Request, Timer>;

pub const FINISHES: Rule = Rule::new(
    "requests are answered",
    "There is a run in which every client gets all of its answers.",
    "Ongaro & Ousterhout 2014 (extended version), section 8",
    "1-cap/raft-commit.md#clients",
);

/// A server with a Raft in it: the learner's, with or without what is built around it.
pub trait Server: Node<Timer = Timer, Request = Request, Response = Response> {
    fn raft(&self) -> &Raft;
}

impl Server for Raft {
    fn raft(&self) -> &Raft {
        self
    }
}

impl Server for PreVote {
    fn raft(&self) -> &Raft {
        PreVote::raft(self)
    }
}

/// What a client asks, and is told. Histories are judged in types of the checks: what an answer equals is not for the code under
/// test to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    Get(char),
    Put(char, i64),
    Add(char, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Done(i64),
    NotLeader,
}

impl From<Request> for Asked {
    fn from(request: Request) -> Self {
        match request {
            Get(key) => Asked::Get(key),
            Put(key, value) => Asked::Put(key, value),
            Add(key, amount) => Asked::Add(key, amount),
        }
    }
}

impl From<Response> for Told {
    fn from(response: Response) -> Self {
        match response {
            Response::Done(value) => Told::Done(value),
            Response::NotLeader { .. } => Told::NotLeader,
        }
    }
}

/// The value of one key, when there is one copy and one client at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cell(i64);

impl SequentialSpec for Cell {
    type Op = Asked;
    type Ret = Told;

    fn invoke(&mut self, request: &Asked) -> Told {
        match *request {
            Asked::Get(_) => {}
            Asked::Put(_, value) => self.0 = value,
            Asked::Add(_, amount) => self.0 += amount,
        }
        Told::Done(self.0)
    }
}

/// What clients saw of the one key 'x', and what happened to the servers.
pub type Watched = (Linearizable<Cell>, Chronicle);

/// Servers with the rules of safety.
pub fn servers<N: Server, H: History<N> + Chronicled>(size: usize, history: H) -> Cluster<N, H> {
    let refuses = |response: &Response| matches!(response, Response::NotLeader { .. });
    safe(Cluster::new(size, history).refusals(refuses).slowest(Timer::Election))
}

/// Allows so many elections and heartbeats.
pub fn timeouts<N: Server, H: History<N>>(cluster: Cluster<N, H>, elections: u8, heartbeats: u8) -> Cluster<N, H> {
    cluster
        .limit(elections, |occurrence| fires(occurrence, Timer::Election))
        .limit(heartbeats, |occurrence| fires(occurrence, Timer::Heartbeat))
}

fn fires<N: Server>(occurrence: &Occurrence<'_, N>, wanted: Timer) -> bool {
    matches!(occurrence, Occurrence::Timeout { timer, .. } if **timer == wanted)
}

/// Servers whose clients' history of the one key 'x' is judged.
pub fn serving<N: Server>(size: usize, elections: u8, heartbeats: u8) -> Cluster<N, Watched> {
    serving_late(size, elections, heartbeats).leaving_out_ignored()
}

/// As [`serving`], with every message kept: one that its receiver would ignore now may mean something to it later.
pub fn serving_late<N: Server>(size: usize, elections: u8, heartbeats: u8) -> Cluster<N, Watched> {
    let history = (Linearizable::new(Cell::default()), Chronicle::default());
    timeouts(servers(size, history), elections, heartbeats)
        .whole_run(LINEARIZABLE, is_linearizable)
        .each_transition(APPLIED, applies_its_log)
}

/// One copy could have given the answers that clients got.
pub fn is_linearizable<N: Server, S: Object + SequentialSpec<Op = Asked, Ret = Told>>(
    view: &View<'_, N, (Linearizable<S>, Chronicle)>,
) -> Result<(), String> {
    let (history, _) = view.history();
    match history.holds() {
        true => Ok(()),
        false => Err(format!("No single copy of the map could have given these answers: {}.", history.summary())),
    }
}

/// A cluster in which clients can get all of their answers.
pub fn finishes<N: Server, H: History<N>>(cluster: Cluster<N, H>) -> Cluster<N, H> {
    cluster.sometimes(FINISHES, |view| view.is_finished())
}

/// Servers on which a learner's schedule is played: all that is kept is what they tell clients.
pub fn played_on<N: Node<Timer = Timer, Request = Request, Response = Response>>(
    size: usize,
) -> Cluster<N, cluster::Log<N>> {
    let refuses = |response: &Response| matches!(response, Response::NotLeader { .. });
    Cluster::new(size, cluster::Log::default()).refusals(refuses)
}

/// One map could have told all that clients were told.
pub fn one_map_told_it<N: Node<Request = Request, Response = Response>>(
    view: &View<'_, N, cluster::Log<N>>,
) -> Result<(), String> {
    view.history().linearizable_by_key(|_| Cell::default(), key)
}

/// What long runs judge, and what happened to the servers in them.
pub type Logged<N> = (cluster::Log<N>, Chronicle);

/// Five servers, and four clients with 30 requests each on three keys.
pub fn busy<N: Server>() -> Cluster<N, Logged<N>> {
    let cluster = servers(5, (cluster::Log::default(), Chronicle::default()));
    let cluster = (0..4).fold(cluster, |cluster, client| cluster.client(&[0, 1, 2, 3, 4], script(client, 30)));
    finishes(cluster.whole_run(APPLIED, all_have_applied).whole_run(LINEARIZABLE, |view: &View<'_, N, Logged<N>>| {
        view.history().0.linearizable_by_key(|_| Cell::default(), key)
    }))
}

/// Long runs under `faults`, with the timers of a real network.
pub fn in_time<N: Server, H: History<N>>(cluster: Cluster<N, H>, faults: Faults) -> Simulation<N, H> {
    Simulation::new(cluster, faults)
        .timer_waits(Timer::Election, 150..=300)
        .timer_waits(Timer::Heartbeat, 40..=50)
        .clients_ask_again(200..=400)
        .steps(20_000)
}

fn script(client: usize, requests: usize) -> impl Iterator<Item = Request> {
    (0..requests).map(move |number| {
        let key = ['x', 'y', 'z'][(client + number / 2) % 3];
        match number % 4 {
            0 => Add(key, 1),
            1 => Put(key, (1_000 * (client + 1) + number) as i64),
            _ => Get(key),
        }
    })
}

/// The key that a request is about.
pub fn key(request: &Asked) -> char {
    let (Asked::Get(key) | Asked::Put(key, _) | Asked::Add(key, _)) = request;
    *key
}

/// The servers that take themselves for leaders.
pub fn leaders<'a, N: Server, H: History<N>>(view: &View<'a, N, H>) -> impl Iterator<Item = (NodeId, &'a Raft)> {
    view.servers().map(|(id, server)| (id, server.raft())).filter(|(_, raft)| raft.is_leader())
}

/// Some server leads.
pub fn somebody_leads<N: Server, H: History<N>>(view: &View<'_, N, H>) -> Result<(), String> {
    if leaders(view).next().is_some() { Ok(()) } else { Err("No server leads.".to_owned()) }
}

/// Lets election timers of the servers `who` fire, in as few steps as it takes, until the first of them leads: `leads` plays a schedule, and
/// says nothing of one that cannot be played. Some servers wait twice, and some hear no candidate before their own timer has fired. If it takes
/// more than six, only the first one's fires.
pub fn elected(steps: &Timed, who: &[usize], leads: impl Fn(&Timed) -> Option<bool>) -> Timed {
    let mut tried = vec![steps.clone()];
    for _ in 0..6 {
        let longer = tried.iter().flat_map(|steps| who.iter().map(|&id| steps.clone().fire(id, Timer::Election)));
        let playable: Vec<(Timed, bool)> =
            longer.filter_map(|steps| leads(&steps).map(|leads| (steps, leads))).collect();
        if let Some((steps, _)) = playable.iter().find(|(_, leads)| *leads) {
            return steps.clone();
        }
        tried = playable.into_iter().map(|(steps, _)| steps).collect();
    }
    steps.clone().fire(who[0], Timer::Election)
}

/// How far the server that is furthest knows the log to be committed.
pub fn committed<N: Server, H: History<N>>(view: &View<'_, N, H>) -> Index {
    view.servers().map(|(_, server)| server.raft().commit_index()).max().unwrap_or(0)
}

/// Whether a server believes that it leads, in the words of a failure.
pub fn leads_or_not(server: &Raft) -> &'static str {
    if server.is_leader() { "leads" } else { "does not lead" }
}

/// What a server has saved that has not voted in `term`, and holds entries of `terms` in its log.
pub fn saved(term: Term, terms: &[Term]) -> Durable {
    let mut log = Log::default();
    terms.iter().for_each(|&term| log.push(Entry { term, command: Command::Noop }));
    Durable { term, voted_for: None, log }
}
