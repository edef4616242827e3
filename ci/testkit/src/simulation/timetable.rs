//! Timetables: who asks what and which links fail, tick by tick, written down before the run.
//!
//! A simulation for a check draws all of that from the seed, while the run is under way. To compare two programs, both must
//! meet the same requests and the same cuts. So here they stand beforehand, and the seed decides only how long messages take.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::world::World;
use super::{Simulation, Tick};
use crate::check::Finding;
use crate::cluster::{Action, Cluster, Event, History, Output};
use crate::node::{ClientId, Node, NodeId};
use crate::schedule::Step;
use crate::trace::Producer;

/// What happened between a client and the server that it asked, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Sighting<Response> {
    /// The next request of `client` reached its server.
    Asked { client: ClientId, at: Tick },
    /// The open request of `client` was answered.
    Answered { client: ClientId, at: Tick, response: Response },
}

/// What happens at which tick, in any order.
type Timetable<N> = [(Tick, Step<<N as Node>::Request, <N as Node>::Timer>)];

impl<N: Node, H: History<N>> Simulation<N, H> {
    /// Plays one run in which each step of `timetable` happens at its tick, until the network has nothing left to do. Tells
    /// what the clients saw, in the order in which it happened; several things may share a tick.
    ///
    /// The clients of the timetable are added behind the cluster's own, and links that are still cut heal after the last
    /// step. A step that is not possible at its tick is passed
    /// over: a client that still waits asks nothing, and a server that has crashed is not asked.
    ///
    /// # Errors
    /// The rule of the cluster that the run broke. The run is not shrunk.
    ///
    /// # Panics
    /// If the timetable names a server that does not exist, or fires a timer.
    pub fn play(mut self, timetable: &Timetable<N>, seed: u64) -> Result<Vec<Sighting<N::Response>>, Box<Finding>> {
        let plan = self.plan_of(timetable);
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new(&self.cluster, &self.timing, self.faults, None, rng, plan);
        let ended = world.play(self.steps, &mut vec![false; self.cluster.rules().len()]);
        let (actions, ticks, _) = world.into_run();
        match ended {
            Err(broken) => Err(Box::new(self.cluster.finding(Producer::Simulation, &broken, &actions))),
            Ok(()) => Ok(sightings(&self.cluster, actions.into_iter().zip(ticks))),
        }
    }

    /// The steps of a timetable as events, with their requests in the clients' scripts.
    fn plan_of(&mut self, timetable: &Timetable<N>) -> Vec<(Tick, Event)> {
        let (size, first) = (self.cluster.size(), self.cluster.clients());
        let server = |id: usize| {
            assert!(id < size, "the timetable names n{id}, but the last server is n{}", size - 1);
            NodeId(id)
        };
        let mut event = |step: &Step<N::Request, N::Timer>| match *step {
            Step::Cut { a, b } => Event::CutLink { a: server(a), b: server(b) },
            Step::Heal { a, b } => Event::HealLink { a: server(a), b: server(b) },
            Step::Crash { server: id } => Event::Crash { server: server(id) },
            Step::Restart { server: id } => Event::Restart { server: server(id) },
            Step::Fire { .. } => {
                panic!("a timetable fires no timers: in a simulation, each fires when its time has come")
            }
            Step::Ask { client, server: id, ref request } => {
                self.cluster.append_request(first + client, request.clone());
                Event::Invoke { client: ClientId(first + client), to: server(id) }
            }
        };
        let mut plan: Vec<_> = timetable.iter().map(|(at, step)| (*at, event(step))).collect();
        plan.extend(plan.iter().map(|(at, _)| *at).max().map(|last| (last, Event::Heal)));
        plan
    }
}

/// What the clients saw in a run. A second reply to the same request is not seen: the client has gone on.
fn sightings<N: Node, H: History<N>>(
    cluster: &Cluster<N, H>,
    run: impl Iterator<Item = (Action, Tick)>,
) -> Vec<Sighting<N::Response>> {
    let (mut state, mut taken) = (cluster.initial(), Vec::new());
    let (mut seen, mut answered) = (Vec::new(), BTreeSet::new());
    for (action, at) in run {
        if let Event::Invoke { client, .. } = action.event {
            seen.push(Sighting::Asked { client, at });
        }
        for output in cluster.outputs(&state, action.event).iter().flat_map(|(_, outputs)| outputs.iter()) {
            if let Output::Reply { to, response } = *output
                && answered.insert(to)
            {
                let response = cluster.response(response).clone();
                seen.push(Sighting::Answered { client: to.client, at, response });
            }
        }
        cluster.take(&mut state, action, &mut taken);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Ask, Counter};
    use crate::simulation::Faults;

    fn play(timetable: &[(Tick, Step<Ask>)], seed: u64) -> Vec<Sighting<u32>> {
        let cluster = Cluster::<Counter<false>, ()>::new(2, ());
        Simulation::new(cluster, Faults::default()).messages_take(5..=10).play(timetable, seed).unwrap()
    }

    fn ask(client: usize, server: usize, request: Ask) -> Step<Ask> {
        Step::Ask { client, server, request }
    }

    /// The last answer in a run.
    fn last(timetable: &[(Tick, Step<Ask>)]) -> (usize, Tick, u32) {
        match play(timetable, 7).pop() {
            Some(Sighting::Answered { client, at, response }) => (client.0, at, response),
            other => panic!("the run ends with {other:?}"),
        }
    }

    #[test]
    fn each_step_happens_at_its_tick() {
        let seen = play(&[(40, ask(1, 1, Ask::Get)), (3, ask(0, 0, Ask::Add))], 7);
        let asked = |client, at| Sighting::Asked { client: ClientId(client), at };
        assert_eq!([&seen[0], &seen[2]], [&asked(0, 3), &asked(1, 40)]);
        assert_eq!(seen.len(), 4, "both were answered: {seen:?}");
    }

    #[test]
    fn a_message_takes_its_time_and_a_cut_link_holds_it() {
        let add = (0, ask(0, 0, Ask::Add));
        assert_eq!(last(&[add.clone(), (4, ask(1, 1, Ask::Get))]), (1, 4, 0));
        assert_eq!(last(&[add.clone(), (11, ask(1, 1, Ask::Get))]), (1, 11, 1));
        let (cut, heal) = ((0, Step::Cut { a: 0, b: 1 }), (100, Step::Heal { a: 1, b: 0 }));
        assert_eq!(last(&[cut.clone(), add.clone(), heal.clone(), (99, ask(1, 1, Ask::Get))]), (1, 99, 0));
        assert_eq!(last(&[cut, add, heal, (120, ask(1, 1, Ask::Get))]), (1, 120, 1));
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let timetable: Vec<_> = (0..50).map(|n| (3 * n as Tick, ask(n, n % 2, [Ask::Add, Ask::Get][n % 2]))).collect();
        assert_eq!(play(&timetable, 1), play(&timetable, 1));
        assert_ne!(play(&timetable, 1), play(&timetable, 2));
    }
}
