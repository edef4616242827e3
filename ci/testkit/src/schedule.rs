//! A schedule: one run of a cluster, written by hand.
//!
//! ```
//! use testkit::schedule::Schedule;
//!
//! let schedule = Schedule::new()
//!     .cut(0, 1)             // the link between n0 and n1 carries nothing from here on
//!     .ask(0, 0, "write 1")  // client c0 asks server n0
//!     .ask(1, 1, "read");    // client c1 asks server n1
//! assert_eq!(schedule.len(), 3);
//! ```
//!
//! After each step, the network delivers all it can: every message whose link works and whose receiver is up, and the
//! messages that those cause, until nothing moves. What waits on a cut link is delivered when the link heals.

use std::any;
use std::fmt;

use crate::check::Finding;
use crate::cluster::{Action, Cluster, Event, History, Occurrence, State, View};
use crate::node::{ClientId, Never, Node, NodeId};
use crate::trace::Producer;

/// One step of a [`Schedule`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Step<Request, Timer = Never> {
    /// Cuts the link between two servers, in both directions.
    Cut { a: usize, b: usize },
    /// Lets the link work again.
    Heal { a: usize, b: usize },
    /// A client asks a server.
    Ask { client: usize, server: usize, request: Request },
    /// A server stops for good.
    Crash { server: usize },
    /// A server stops, and starts again with what it had saved.
    Restart { server: usize },
    /// A timer that the server has armed fires.
    Fire { server: usize, timer: Timer },
}

/// A step as it is written in a program: `.ask(0, 1, Request::Read)`.
impl<Request: fmt::Debug, Timer: fmt::Debug> fmt::Display for Step<Request, Timer> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Cut { a, b } => write!(f, ".cut({a}, {b})"),
            Step::Heal { a, b } => write!(f, ".heal({a}, {b})"),
            Step::Ask { client, server, request } => write!(f, ".ask({client}, {server}, {})", written(request)),
            Step::Crash { server } => write!(f, ".crash({server})"),
            Step::Restart { server } => write!(f, ".restart({server})"),
            Step::Fire { server, timer } => write!(f, ".fire({server}, {})", written(timer)),
        }
    }
}

/// A value as it is written in a program. Variants of an enum follow its name, which their `Debug` form lacks; those that every
/// program knows, `Some` for instance, stand alone.
fn written<T: fmt::Debug>(value: &T) -> String {
    let shown = format!("{value:?}");
    let path = any::type_name::<T>().split('<').next().unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default();
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase());
    let alone = path.starts_with("core::") || shown.starts_with(name);
    if begins(name) && begins(&shown) && !alone { format!("{name}::{shown}") } else { shown }
}

/// Steps in the order in which they happen. See the [module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schedule<Request, Timer = Never> {
    steps: Vec<Step<Request, Timer>>,
}

impl<Request, Timer> Default for Schedule<Request, Timer> {
    fn default() -> Self {
        Schedule { steps: Vec::new() }
    }
}

impl<Request> Schedule<Request> {
    /// A schedule in which nothing happens yet, for servers without timers.
    pub fn new() -> Self {
        Schedule::default()
    }
}

impl<Request, Timer> Schedule<Request, Timer> {
    /// A schedule in which nothing happens yet, for servers with timers.
    pub fn with_timers() -> Self {
        Schedule::default()
    }

    /// Cuts the link between the servers `a` and `b`, in both directions.
    pub fn cut(self, a: usize, b: usize) -> Self {
        self.step(Step::Cut { a, b })
    }

    /// Lets the link between the servers `a` and `b` work again; what waited on it is delivered.
    pub fn heal(self, a: usize, b: usize) -> Self {
        self.step(Step::Heal { a, b })
    }

    /// The client `client` asks the server `server`.
    pub fn ask(self, client: usize, server: usize, request: Request) -> Self {
        self.step(Step::Ask { client, server, request })
    }

    /// The server `server` stops for good.
    pub fn crash(self, server: usize) -> Self {
        self.step(Step::Crash { server })
    }

    /// The server `server` stops, and starts again with what it had saved.
    pub fn restart(self, server: usize) -> Self {
        self.step(Step::Restart { server })
    }

    /// The timer `timer`, which `server` has armed, fires.
    pub fn fire(self, server: usize, timer: Timer) -> Self {
        self.step(Step::Fire { server, timer })
    }

    fn step(mut self, step: Step<Request, Timer>) -> Self {
        self.steps.push(step);
        self
    }

    /// The steps.
    pub fn steps(&self) -> &[Step<Request, Timer>] {
        &self.steps
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Does nothing happen?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl<Request, Timer> FromIterator<Step<Request, Timer>> for Schedule<Request, Timer> {
    fn from_iter<T: IntoIterator<Item = Step<Request, Timer>>>(steps: T) -> Self {
        Schedule { steps: steps.into_iter().collect() }
    }
}

/// A schedule that has been played: the cluster after it, and the steps that led there.
pub struct Played<N: Node, H: History<N>> {
    /// The cluster that played it.
    pub cluster: Cluster<N, H>,
    /// The state after the last step.
    pub state: State,
    /// All steps, the deliveries too.
    pub actions: Vec<Action>,
}

impl<N: Node, H: History<N>> Played<N, H> {
    /// A look at the state after the last step.
    pub fn view(&self) -> View<'_, N, H> {
        self.cluster.view(&self.state)
    }

    /// How many of the steps `counts` says yes to.
    pub fn count(&self, counts: impl Fn(&Occurrence<'_, N>) -> bool) -> usize {
        let mut state = self.cluster.initial();
        let mut taken = Vec::new();
        let mut count = 0;
        for &action in &self.actions {
            count += usize::from(counts(&self.cluster.occurrence(&state, action.event)));
            self.cluster.take(&mut state, action, &mut taken);
        }
        count
    }

    /// Takes one more step. The error says why that is impossible.
    fn go_on(&mut self, step: &Step<N::Request, N::Timer>, first: usize) -> Result<(), String> {
        let event = self.cluster.event(&self.state, step, first)?;
        self.cluster.take(&mut self.state, event.into(), &mut self.actions);
        match self.cluster.deliver_all(&mut self.state, ROUNDS, &mut self.actions) {
            true => Ok(()),
            false => Err("the servers never stop sending".to_owned()),
        }
    }

    /// Did the servers keep the rules of the cluster up to the end of the schedule?
    pub(crate) fn tested(&self) -> Result<(), Box<Finding>> {
        self.cluster
            .test_state(&self.state)
            .map_err(|broken| Box::new(self.cluster.finding(Producer::Schedule, &broken, &self.actions)))
    }
}

/// A schedule that could not be played to its end. Shown as one sentence that names the step, and why.
pub struct Unplayable<N: Node, H: History<N>> {
    /// The step's number, from 1.
    pub number: usize,
    /// The step as it is written in a program.
    pub step: String,
    /// Why it is impossible: half a sentence.
    pub why: String,
    /// What was played until then.
    pub played: Played<N, H>,
}

impl<N: Node, H: History<N>> Unplayable<N, H> {
    /// What happened to the run, where the schedule is not the learner's.
    pub(crate) fn as_interrupted(&self) -> String {
        format!("This run was to go on with `{}`, but {}.", self.step, self.why)
    }
}

impl<N: Node, H: History<N>> fmt::Display for Unplayable<N, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step {} of the schedule, `{}`, cannot be played: {}.", self.number, self.step, self.why)
    }
}

impl<N: Node, H: History<N>> fmt::Debug for Unplayable<N, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many rounds of deliveries a step may cause. Servers that still talk after that talk forever.
const ROUNDS: usize = 1_000;

impl<N: Node, H: History<N>> Cluster<N, H> {
    /// Plays `schedule` from the initial state. The clients that it names are added behind the cluster's own.
    ///
    /// # Errors
    /// The first step that cannot be played, and why.
    pub fn play(mut self, schedule: &Schedule<N::Request, N::Timer>) -> Result<Played<N, H>, Box<Unplayable<N, H>>> {
        let first = self.add_scripts(schedule);
        let mut played = Played { state: self.initial(), cluster: self, actions: Vec::new() };
        for (at, step) in schedule.steps().iter().enumerate() {
            if let Err(why) = played.go_on(step, first) {
                return Err(Box::new(Unplayable { number: at + 1, step: step.to_string(), why, played }));
            }
            if played.view().fault().is_some() {
                break; // nothing can happen after a fault; the judgement on it follows
            }
        }
        Ok(played)
    }

    /// Gives the clients of `schedule` their scripts, and says which number the first of them has in this cluster.
    fn add_scripts(&mut self, schedule: &Schedule<N::Request, N::Timer>) -> usize {
        let first = self.clients();
        for step in schedule.steps() {
            if let Step::Ask { client, request, .. } = step {
                self.append_request(first + client, request.clone());
            }
        }
        first
    }

    fn event(&self, state: &State, step: &Step<N::Request, N::Timer>, first: usize) -> Result<Event, String> {
        let server = |id: usize| match id < self.size() {
            true => Ok(NodeId(id)),
            false => Err(format!("there is no server n{id} (the last is n{})", self.size() - 1)),
        };
        let up = |id: usize| match self.view(state).server(server(id)?) {
            Some(_) => Ok(NodeId(id)),
            None => Err(format!("n{id} has crashed")),
        };
        let link = |a: usize, b: usize| match a == b {
            true => Err(format!("n{a} needs no link to itself")),
            false => Ok((server(a)?, server(b)?)),
        };
        Ok(match *step {
            Step::Cut { a, b } => link(a, b).map(|(a, b)| Event::CutLink { a, b })?,
            Step::Heal { a, b } => link(a, b).map(|(a, b)| Event::HealLink { a, b })?,
            Step::Crash { server } => Event::Crash { server: up(server)? },
            Step::Restart { server } => Event::Restart { server: up(server)? },
            Step::Fire { server, ref timer } => self
                .firing(state, up(server)?, timer)
                .ok_or_else(|| format!("n{server} has not armed its timer {timer:?}"))?,
            Step::Ask { client, server, .. } => {
                let asker = ClientId(first + client);
                if self.view(state).waiting(asker).is_some() {
                    return Err(format!("c{client} still waits for the answer to its last request"));
                }
                Event::Invoke { client: asker, to: up(server)? }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Ask, Counter};

    fn play(schedule: Schedule<Ask>) -> Result<Played<Counter<false>, ()>, String> {
        Cluster::new(2, ()).play(&schedule).map_err(|unplayable| unplayable.to_string())
    }

    fn counts(schedule: Schedule<Ask>) -> Vec<u32> {
        play(schedule).unwrap().view().servers().map(|(_, counter)| counter.count()).collect()
    }

    #[test]
    fn a_message_arrives_before_the_next_step() {
        assert_eq!(counts(Schedule::new().ask(0, 0, Ask::Add)), [1, 1]);
    }

    #[test]
    fn a_cut_link_holds_messages_until_it_heals() {
        let cut = Schedule::new().cut(0, 1).ask(0, 0, Ask::Add);
        assert_eq!(counts(cut.clone()), [1, 0]);
        assert_eq!(counts(cut.heal(1, 0)), [1, 1]);
    }

    #[test]
    fn a_step_is_shown_as_it_is_written() {
        let shown = |step: Step<Ask>| step.to_string();
        assert_eq!(shown(Step::Cut { a: 0, b: 1 }), ".cut(0, 1)");
        assert_eq!(shown(Step::Heal { a: 0, b: 1 }), ".heal(0, 1)");
        assert_eq!(shown(Step::Crash { server: 2 }), ".crash(2)");
        assert_eq!(shown(Step::Ask { client: 0, server: 1, request: Ask::Add }), ".ask(0, 1, Ask::Add)");
        assert_eq!(Step::<_>::Ask { client: 0, server: 1, request: "read" }.to_string(), ".ask(0, 1, \"read\")");
        assert_eq!(Step::<_>::Ask { client: 0, server: 1, request: Some(1) }.to_string(), ".ask(0, 1, Some(1))");
        assert_eq!(shown(Step::Restart { server: 2 }), ".restart(2)");
        let fire = Step::<Ask, &str>::Fire { server: 2, timer: "tea" };
        assert_eq!(fire.to_string(), ".fire(2, \"tea\")");
    }

    #[test]
    fn an_impossible_step_is_named_with_its_reason() {
        let refused = |schedule| play(schedule).err().unwrap();
        let ask = |server| Schedule::new().crash(1).ask(0, server, Ask::Get);
        assert_eq!(
            refused(ask(1)),
            "Step 2 of the schedule, `.ask(0, 1, Ask::Get)`, cannot be played: n1 has crashed."
        );
        assert!(refused(ask(7)).ends_with("there is no server n7 (the last is n1)."));
        assert!(refused(Schedule::new().cut(1, 1)).ends_with("n1 needs no link to itself."));
    }
}
