//! Simulation: long runs of a cluster, each drawn from a seed.
//!
//! The model checker looks at every run of a small scope. A simulation looks at a few runs of a large one: five servers,
//! hundreds of requests, partitions that last. Time is a number that jumps to the next event, so thousands of steps take
//! milliseconds, and the same seed gives the same run to the byte on every machine.
//!
//! A seed decides how long each message and timer takes, and what goes wrong within what the check allows ([`Faults`]).
//! The rules are those of the cluster: `always` after each step; `leads_to` and `settles` at the end, when the network has
//! healed. A run that breaks a rule is [shrunk](shrink) before it is shown.
//!
//! A lab compares programs instead of checking one, so it says itself who asks what and which links fail, at which tick
//! ([`Simulation::play`]).

mod shrink;
mod timetable;
mod world;

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::check::Finding;
use crate::cluster::{Action, Broken, Cluster, Event, History, unreachable};
use crate::node::{ClientId, Node, NodeId};
use crate::text::thousands;
use crate::trace::Producer;
use world::World;

pub use timetable::Sighting;

/// A moment of the simulation. A tick has no length; only the ratios between delays matter.
pub type Tick = u64;

/// What may go wrong in a run. The seed decides what does, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many messages in a thousand arrive twice.
    pub duplicated: u32,
    /// How many messages in a thousand never arrive.
    pub lost: u32,
    /// So many partitions into two random sides, one after the other, each healed later.
    pub partitions: u8,
    /// So many times, one link is cut for a short while.
    pub flaps: u8,
    /// At most so many servers stop for good.
    pub crashes: u8,
    /// At most so many times, a server stops and starts again.
    pub restarts: u8,
    /// Messages to one server, chosen by the seed, take so many times as long.
    pub slow: Option<Tick>,
}

/// Runs of one cluster, one for each seed. See the [module](self).
pub struct Simulation<N: Node, H: History<N>> {
    cluster: Cluster<N, H>,
    faults: Faults,
    timing: Timing,
    steps: usize,
}

/// How long things take, in ticks, from least to most.
#[derive(Clone, Debug)]
struct Timing {
    messages: RangeInclusive<Tick>,
    timers: RangeInclusive<Tick>,
    /// Timers that wait otherwise, by their index.
    each_timer: BTreeMap<u8, RangeInclusive<Tick>>,
    pauses: RangeInclusive<Tick>,
    /// How long clients wait for an answer before they ask again, if they ever do.
    patience: Option<RangeInclusive<Tick>>,
}

impl Timing {
    fn of_timer(&self, timer: u8) -> &RangeInclusive<Tick> {
        self.each_timer.get(&timer).unwrap_or(&self.timers)
    }
}

impl<N: Node, H: History<N>> Simulation<N, H> {
    /// Simulates `cluster`, whose clients make the requests of their scripts. Its budgets do not matter here.
    pub fn new(cluster: Cluster<N, H>, faults: Faults) -> Self {
        let timing =
            Timing { messages: 1..=20, timers: 100..=200, each_timer: BTreeMap::new(), pauses: 1..=40, patience: None };
        Simulation { cluster, faults, timing, steps: 50_000 }
    }

    /// How long a message takes, in ticks (1 to 20 if not said).
    pub fn messages_take(mut self, ticks: RangeInclusive<Tick>) -> Self {
        self.timing.messages = ticks;
        self
    }

    /// How long a timer waits, in ticks (100 to 200 if not said).
    pub fn timers_wait(mut self, ticks: RangeInclusive<Tick>) -> Self {
        self.timing.timers = ticks;
        self
    }

    /// How long one kind of timer waits, in ticks.
    pub fn timer_waits(mut self, timer: N::Timer, ticks: RangeInclusive<Tick>) -> Self {
        self.timing.each_timer.insert(self.cluster.timer(timer), ticks);
        self
    }

    /// How long a client waits for an answer before it asks again, at any of its servers (forever if not said). One that was refused
    /// asks again after a pause. A run then ends when all clients have their answers, and all faults are over.
    pub fn clients_ask_again(mut self, ticks: RangeInclusive<Tick>) -> Self {
        self.timing.patience = Some(ticks);
        self
    }

    /// How long a client thinks between two requests, in ticks (1 to 40 if not said).
    pub fn clients_pause(mut self, ticks: RangeInclusive<Tick>) -> Self {
        self.timing.pauses = ticks;
        self
    }

    /// The most steps of one run (50,000 if not said). A run ends before that when clients and network have nothing to do.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// The cluster, to take a run of it again.
    pub(crate) fn into_cluster(self) -> Cluster<N, H> {
        self.cluster
    }

    /// Runs each of `seeds`, and says what was run.
    ///
    /// # Errors
    /// The first seed that breaks a rule, with its shrunk run; or a rule that must be seen happening and never was.
    pub fn run(mut self, seeds: Range<u64>) -> Result<String, Box<Finding>> {
        let mut seen = vec![false; self.cluster.rules().len()];
        let (mut steps, mut answered) = (0, 0);
        let count = seeds.end - seeds.start;
        for seed in seeds {
            let run = self.run_seed(seed, &mut seen);
            steps += run.actions.len();
            answered += run.answered;
            if let Some(broken) = run.broken {
                return Err(Box::new(self.shrunk(seed, run.actions, broken)));
            }
        }
        let evidence = format!("{count} seeds, {} steps, {} answers", thousands(steps), thousands(answered));
        match self.cluster.unseen(&seen) {
            Some(rule) => Err(Box::new(unreachable(rule, &evidence))),
            None => Ok(evidence),
        }
    }

    /// One run, to its end or to the rule that it breaks.
    fn run_seed(&mut self, seed: u64, seen: &mut [bool]) -> Run {
        self.cluster.forget();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let plan = self.plan(&mut rng);
        let slow = self.faults.slow.map(|factor| (self.any_server(&mut rng), factor));
        let mut world = World::new(&self.cluster, &self.timing, self.faults, slow, rng, plan);
        let broken = world.play(self.steps, seen).err();
        let (actions, _, state) = world.into_run();
        let view = self.cluster.view(&state);
        let answered = (0..self.cluster.clients()).map(|id| view.answered(ClientId(id))).sum();
        Run { actions, broken, answered }
    }

    /// What goes wrong in a run, and when.
    fn plan(&self, rng: &mut ChaCha8Rng) -> Vec<(Tick, Event)> {
        let span = self.span();
        let mut plan = Vec::new();
        let mut moment = 0;
        for _ in 0..self.faults.partitions {
            let share = (span / Tick::from(self.faults.partitions)).max(4);
            let start = moment + rng.random_range(1..=share / 2);
            moment = start + rng.random_range(1..=share / 2);
            plan.extend(split(self.cluster.size(), rng).into_iter().map(|cut| (start, cut)));
            plan.push((moment, Event::Heal));
        }
        for _ in 0..self.faults.flaps {
            let start = rng.random_range(1..=span);
            let until = start + rng.random_range(1..=4 * self.timing.messages.end());
            let a = self.any_server(rng);
            let b = NodeId((a.0 + rng.random_range(1..self.cluster.size().max(2))) % self.cluster.size());
            if a != b {
                plan.extend([(start, Event::CutLink { a, b }), (until, Event::HealLink { a, b })]);
            }
        }
        for _ in 0..self.faults.crashes {
            plan.push((rng.random_range(1..=span), Event::Crash { server: self.any_server(rng) }));
        }
        for _ in 0..self.faults.restarts {
            plan.push((rng.random_range(1..=span), Event::Restart { server: self.any_server(rng) }));
        }
        plan
    }

    /// About how long the clients' scripts take, so that faults fall among the requests.
    fn span(&self) -> Tick {
        let requests = self.cluster.longest_script() as Tick;
        (requests * (self.timing.pauses.end() + 2 * self.timing.messages.end())).max(8)
    }

    fn any_server(&self, rng: &mut ChaCha8Rng) -> NodeId {
        NodeId(rng.random_range(0..self.cluster.size()))
    }

    fn shrunk(&self, seed: u64, actions: Vec<Action>, broken: Box<Broken>) -> Finding {
        if broken.is_of_no_run() {
            return self.cluster.finding(Producer::Simulation, &broken, &[]);
        }
        let drawn = actions.len();
        let (actions, broken) = shrink::shrink(&self.cluster, actions, broken);
        let mut finding = self.cluster.finding(Producer::Simulation, &broken, &actions);
        let (drawn, left) = (thousands(drawn), thousands(actions.len()));
        finding.summary +=
            &format!("\nSeed {seed} broke this rule after {drawn} steps; {left} of them are enough to show it.");
        if let Some(trace) = &mut finding.trace {
            trace.seed = Some(seed);
        }
        finding
    }
}

/// What one seed led to.
struct Run {
    actions: Vec<Action>,
    broken: Option<Box<Broken>>,
    answered: usize,
}

/// Cuts every link between two random sides of at least one server each.
fn split(size: usize, rng: &mut ChaCha8Rng) -> Vec<Event> {
    let mut ids: Vec<NodeId> = (0..size).map(NodeId).collect();
    ids.shuffle(rng);
    let (left, right) = ids.split_at(rng.random_range(1..size.max(2)));
    left.iter().flat_map(|&a| right.iter().map(move |&b| Event::CutLink { a, b })).collect()
}
