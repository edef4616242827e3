//! Clusters whose size is changed.

use testkit::cluster::{Cluster, Linearizable, Log as Judged, SequentialSpec, View};
use testkit::node::{ClientId, NodeId};
use testkit::simulation::{Faults, Simulation};

use super::membership_rules::{IN_THE_LOG, LEAVE};
use super::raft::chronicle::Chronicle;
use super::raft::rules::LINEARIZABLE;
use super::raft::servers::{
    Asked, Cell, Logged, Timed, Told, elected, finishes, in_time, is_linearizable, key, servers, timeouts,
};
use crate::subject::membership::{Member, SIZE};
use crate::subject::raft::Timer;
use crate::subject::raft::log::{Command, Entry, Index};
use crate::subject::raft::store::Request::{self, Add, Get, Put};

/// How many servers there are, whether they count or not.
pub const ALL: usize = 5;

/// The value of a key, or how many servers count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    all: usize,
    cell: Cell,
    size: i64,
}

impl Map {
    pub fn of(all: usize) -> Self {
        Map { all, cell: Cell::default(), size: 0 }
    }

    fn may_become(&self, size: i64) -> bool {
        let now = if self.size == 0 { self.all as i64 } else { self.size };
        (1..=self.all as i64).contains(&size) && size.abs_diff(now) == 1
    }
}

impl SequentialSpec for Map {
    type Op = Asked;
    type Ret = Told;

    fn invoke(&mut self, request: &Asked) -> Told {
        match *request {
            Asked::Put(SIZE, size) if self.may_become(size) => self.size = size,
            Asked::Get(SIZE) | Asked::Put(SIZE, _) | Asked::Add(SIZE, _) => {}
            _ => return self.cell.invoke(request),
        }
        Told::Done(self.size)
    }

    /// A change may always be answered as a question: something else was under way.
    fn is_valid_step(&mut self, request: &Asked, response: &Told) -> bool {
        let asks = matches!(request, Asked::Put(SIZE, _)) && *response == Told::Done(self.size);
        asks || self.invoke(request) == *response
    }
}

/// What clients saw of the map and of the size, and what happened to the servers.
pub type Seen = (Linearizable<Map>, Chronicle);

/// Servers whose clients' history of 'x' and of the size is judged.
pub fn changing<const LIMIT: Index>(size: usize, elections: u8, heartbeats: u8) -> Cluster<Member<LIMIT>, Seen> {
    let history = (Linearizable::new(Map::of(size)), Chronicle::default());
    let cluster = timeouts(servers(size, history), elections, heartbeats).whole_run(LINEARIZABLE, is_linearizable);
    cluster.always(IN_THE_LOG, |view| view.servers().try_for_each(|(id, server)| goes_by_its_log(id, server)))
}

/// The size that counts for a server is that of the last change that its log holds; without one, that of its store.
fn goes_by_its_log<const LIMIT: Index>(id: NodeId, server: &Member<LIMIT>) -> Result<(), String> {
    let raft = server.raft();
    let change = |entry: &Entry| match entry.command {
        Command::Client { request: Put(SIZE, size), .. } => Some(size),
        _ => None,
    };
    let in_the_log = raft.log().entries().iter().rev().find_map(change);
    let size = in_the_log.unwrap_or_else(|| raft.store().get(SIZE));
    let counts = if size == 0 { server.all() as i64 } else { size };
    match raft.size() as i64 == counts {
        true => Ok(()),
        false => Err(format!(
            "By its log {:?} and its store, {counts} servers should count for {id}, but {id} goes by {}.",
            raft.log(),
            raft.size()
        )),
    }
}

/// `client` asks `server`, which leads. Some leaders send entries with their heartbeats, one in each message.
pub fn asks(steps: Timed, client: usize, server: usize, request: Request) -> Timed {
    (0..3).fold(steps.ask(client, server, request), |steps, _| steps.fire(server, Timer::Heartbeat))
}

/// As [`elected`], in a cluster of `size` servers whose number may change.
pub fn elect<const LIMIT: Index>(size: usize, steps: Timed, who: &[usize]) -> Timed {
    elected(&steps, who, |steps| {
        let played = changing::<LIMIT>(size, 99, 99).play(steps).ok()?;
        Some(played.view().server(NodeId(who[0])).is_some_and(|server| server.raft().is_leader()))
    })
}

/// Three clients who use the map, and one who lets servers leave and come back. It asks for each size twice: something may be under way.
pub fn long_run(faults: Faults) -> Simulation<Member<2>, Logged<Member<2>>> {
    let everybody: Vec<usize> = (0..ALL).collect();
    let mut cluster = servers(ALL, (Judged::default(), Chronicle::default()));
    for client in 0..3 {
        let requests = (0..30)
            .map(move |number| [Add('x', 1), Put('y', 100 * client + number), Get('x'), Get('y')][number as usize % 4]);
        cluster = cluster.client(&everybody, requests);
    }
    let sizes = [4, 3, 2, 3, 4, 5].into_iter().cycle().take(18);
    let cluster = cluster.client(&everybody, sizes.flat_map(|size| [Put(SIZE, size); 2]));
    let cluster = cluster
        .whole_run(LINEARIZABLE, |view: &View<'_, Member<2>, Logged<Member<2>>>| {
            view.history().0.linearizable_by_key(|_| Map::of(ALL), key)
        })
        .sometimes(LEAVE, |view| view.servers().any(|(_, server)| server.raft().store().get(SIZE) == 2));
    in_time(finishes(cluster), faults)
}

/// c1 has made one request.
pub fn c1_is_answered<const LIMIT: Index>(view: &View<'_, Member<LIMIT>, Seen>) -> Result<(), String> {
    match view.answered(ClientId(1)) {
        0 => Err("c1 has made a request, but is not answered.".to_owned()),
        _ => Ok(()),
    }
}
