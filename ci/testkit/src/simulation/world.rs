//! One run under way: the cluster's state, the moment, and what is to come.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::RangeInclusive;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Faults, Tick, Timing};
use crate::cluster::{Action, Broken, Cluster, Envelope, Event, History, Output, State};
use crate::node::{ClientId, Node, NodeId};

/// A run of one seed.
pub(super) struct World<'a, N: Node, H: History<N>> {
    cluster: &'a Cluster<N, H>,
    timing: &'a Timing,
    faults: Faults,
    slow: Option<(NodeId, Tick)>,
    rng: ChaCha8Rng,
    plan: Vec<(Tick, Event)>,
    now: Tick,
    state: State,
    actions: Vec<Action>,
    /// When each of the actions happened.
    ticks: Vec<Tick>,
    agenda: BinaryHeap<Reverse<Appointment>>,
    /// How many appointments were made: those of the same tick keep their order.
    appointments: u64,
    /// For each armed timer the appointment that counts. To arm it again moves it.
    armed: BTreeMap<(NodeId, u8), u64>,
    /// Until when each client waits for its answer, if clients ask again.
    patience: BTreeMap<ClientId, Tick>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Appointment {
    at: Tick,
    number: u64,
    what: What,
}

/// What is to come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A fault of the plan, by its index.
    Fault(usize),
    /// A message arrives; with `keep`, once more later.
    Message {
        envelope: Envelope,
        keep: bool,
    },
    Lost(Envelope),
    Timer(NodeId, u8),
    Client(ClientId),
}

impl<'a, N: Node, H: History<N>> World<'a, N, H> {
    pub fn new(
        cluster: &'a Cluster<N, H>,
        timing: &'a Timing,
        faults: Faults,
        slow: Option<(NodeId, Tick)>,
        rng: ChaCha8Rng,
        plan: Vec<(Tick, Event)>,
    ) -> Self {
        let state = cluster.initial();
        let mut world = World {
            cluster,
            timing,
            faults,
            slow,
            rng,
            plan,
            now: 0,
            state,
            actions: Vec::new(),
            ticks: Vec::new(),
            agenda: BinaryHeap::new(),
            appointments: 0,
            armed: BTreeMap::new(),
            patience: BTreeMap::new(),
        };
        for fault in 0..world.plan.len() {
            world.appoint(world.plan[fault].0, What::Fault(fault));
        }
        for client in 0..cluster.clients() {
            world.appoint_client(ClientId(client));
        }
        let (sent, armed) = cluster.pending(&world.state);
        sent.into_iter().for_each(|envelope| world.appoint_message(envelope));
        armed.into_iter().for_each(|(server, timer)| world.appoint_timer(server, timer));
        world
    }

    /// Plays until clients and network have nothing left to do, or `steps` are taken; then lets everything calm down.
    pub fn play(&mut self, steps: usize, seen: &mut [bool]) -> Result<(), Box<Broken>> {
        while self.actions.len() < steps && !self.is_over() {
            let Some(Reverse(Appointment { at, number, what })) = self.agenda.pop() else { break };
            self.now = at;
            if let Some(event) = self.due(what, number) {
                self.step(event, seen)?;
            }
        }
        self.cluster.test_end(&self.state)
    }

    /// The steps, the tick of each, and the state after the last.
    pub fn into_run(self) -> (Vec<Action>, Vec<Tick>, State) {
        (self.actions, self.ticks, self.state)
    }

    /// Timers may go on forever; the run is over when only they are left. If clients ask again, it is over when they need not
    /// any more.
    fn is_over(&self) -> bool {
        let what = || self.agenda.iter().map(|Reverse(appointment)| appointment.what);
        match self.timing.patience {
            None => what().all(|what| matches!(what, What::Timer(..))),
            Some(_) => self.cluster.has_answered_all(&self.state) && !what().any(|what| matches!(what, What::Fault(_))),
        }
    }

    /// The event of an appointment, if it can happen now.
    fn due(&mut self, what: What, number: u64) -> Option<Event> {
        let event = match what {
            What::Fault(index) => self.plan[index].1,
            What::Lost(envelope) => Event::Drop { envelope },
            What::Timer(server, timer) => {
                // Armed again since, or disarmed: this appointment does not count.
                (self.armed.get(&(server, timer)) == Some(&number)).then_some(Event::Timeout { server, timer })?
            }
            What::Client(client) => return self.ask(client),
            What::Message { envelope, keep } => {
                if self.cluster.is_link_cut(&self.state, envelope) {
                    // What waits on a cut link is delivered after it heals.
                    self.appoint(self.now + self.timing.messages.end(), what);
                    return None;
                }
                if keep {
                    self.appoint_message_once_more(envelope);
                }
                Event::Deliver { envelope, keep }
            }
        };
        self.cluster.is_possible(&self.state, event).then_some(event)
    }

    /// A client's next request, at one of its servers that are up. A client that waits looks again later, and then asks again
    /// if it was refused or has lost its patience.
    fn ask(&mut self, client: ClientId) -> Option<Event> {
        if self.timing.patience.is_none() && self.cluster.has_asked_all(&self.state, client) {
            return None;
        }
        let servers = self.cluster.servers_for(&self.state, client);
        if servers.is_empty() {
            return None;
        }
        let to = servers[self.rng.random_range(0..servers.len())];
        let (next, again) = (Event::Invoke { client, to }, Event::Retry { client, to });
        if self.cluster.is_possible(&self.state, next) {
            self.wait_for_answer(client);
            self.appoint_client(client);
            return Some(next);
        }
        if !self.cluster.is_possible(&self.state, again) {
            return None; // it has all of its answers
        }
        let has_patience = self.patience.get(&client).is_none_or(|until| self.now < *until);
        if self.timing.patience.is_none() || has_patience && !self.cluster.has_been_refused(&self.state, client) {
            if self.timing.patience.is_some() || self.can_still_be_answered() {
                self.appoint_client(client);
            }
            return None;
        }
        self.wait_for_answer(client);
        self.appoint_client(client);
        Some(again)
    }

    fn wait_for_answer(&mut self, client: ClientId) {
        if let Some(patience) = self.timing.patience.clone() {
            let until = self.now + self.draw(&patience);
            self.patience.insert(client, until);
        }
    }

    /// Is anything under way that could bring a waiting client its answer?
    fn can_still_be_answered(&self) -> bool {
        self.agenda.iter().any(|Reverse(appointment)| !matches!(appointment.what, What::Client(_)))
    }

    fn step(&mut self, event: Event, seen: &mut [bool]) -> Result<(), Box<Broken>> {
        let outputs = self.cluster.outputs(&self.state, event);
        if let Event::Timeout { server, timer } = event {
            self.armed.remove(&(server, timer));
        }
        let before = self.actions.len();
        self.cluster.take(&mut self.state, event.into(), &mut self.actions);
        debug_assert_eq!(self.actions.len(), before + 1);
        self.ticks.push(self.now);
        if let Some((server, outputs)) = outputs {
            self.schedule(server, outputs);
        }
        self.cluster.note_seen(&self.state, seen);
        self.cluster.test_state(&self.state)
    }

    fn schedule(&mut self, server: NodeId, outputs: &[Output]) {
        for output in outputs {
            match *output {
                Output::Send { to, .. } if to.0 >= self.cluster.size() => {}
                Output::Send { to, message } => {
                    self.appoint_message(self.cluster.sent(&self.state, server, to, message))
                }
                Output::Arm { timer } => self.appoint_timer(server, timer),
                Output::Disarm { timer } => {
                    self.armed.remove(&(server, timer));
                }
                Output::Save { .. } | Output::Reply { .. } => {}
            }
        }
    }

    fn appoint(&mut self, at: Tick, what: What) -> u64 {
        let number = self.appointments;
        self.appointments += 1;
        self.agenda.push(Reverse(Appointment { at, number, what }));
        number
    }

    fn appoint_message(&mut self, envelope: Envelope) {
        let luck = self.rng.random_range(0..1_000);
        let at = self.arrival(envelope);
        let Faults { lost, duplicated, .. } = self.faults;
        let what = match luck {
            _ if luck < lost => What::Lost(envelope),
            _ if luck < lost + duplicated => What::Message { envelope, keep: true },
            _ => What::Message { envelope, keep: false },
        };
        self.appoint(at, what);
    }

    fn appoint_message_once_more(&mut self, envelope: Envelope) {
        let at = self.arrival(envelope);
        self.appoint(at, What::Message { envelope, keep: false });
    }

    fn arrival(&mut self, envelope: Envelope) -> Tick {
        let delay = self.draw(&self.timing.messages.clone());
        let factor = self.slow.filter(|(server, _)| *server == envelope.to()).map_or(1, |(_, factor)| factor);
        self.now + delay * factor
    }

    fn appoint_timer(&mut self, server: NodeId, timer: u8) {
        let at = self.now + self.draw(&self.timing.of_timer(timer).clone());
        let number = self.appoint(at, What::Timer(server, timer));
        self.armed.insert((server, timer), number);
    }

    fn appoint_client(&mut self, client: ClientId) {
        let at = self.now + self.draw(&self.timing.pauses.clone());
        self.appoint(at, What::Client(client));
    }

    fn draw(&mut self, range: &RangeInclusive<Tick>) -> Tick {
        self.rng.random_range(range.clone())
    }
}
