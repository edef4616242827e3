//! The bonus tasks say that three steps are enough for a schedule, and no fewer. Here every shorter schedule is tried.

#[path = "../../../exercises/1-cap/tests/checks/spec.rs"]
#[expect(dead_code, reason = "this file needs the register only")]
mod spec;

use cap_solution as subject;
use subject::abd::Abd;
use subject::naive::Naive;
use subject::register::{Request, Response};
use testkit::cluster::{Cluster, Linearizable, View};
use testkit::node::{ClientId, Never, Node};
use testkit::schedule::{Schedule, Step};

const SERVERS: usize = 3;
/// Two steps name at most two clients.
const CLIENTS: usize = 2;

#[test]
fn no_schedule_of_two_steps_breaks_the_naive_register() {
    assert_eq!(how_many::<Naive>(|view| !view.history().holds()), 0);
}

#[test]
fn no_schedule_of_two_steps_silences_a_quorum_server() {
    let waits = |view: &View<'_, Abd, Registers>| (0..CLIENTS).any(|id| view.waiting(ClientId(id)).is_some());
    assert_eq!(how_many::<Abd>(waits), 0, "two steps cannot even make a client wait");
}

type Registers = Linearizable<spec::Register>;

/// How many schedules of one or two steps end in a state of which `wanted` says yes.
fn how_many<N: Node<Request = Request, Response = Response, Timer = Never>>(
    wanted: impl Fn(&View<'_, N, Registers>) -> bool,
) -> usize {
    let steps = steps();
    let one = steps.iter().map(|first| vec![first.clone()]);
    let two = steps.iter().flat_map(|first| steps.iter().map(move |second| vec![first.clone(), second.clone()]));
    let schedules: Vec<Schedule<Request>> = one.chain(two).map(Schedule::from_iter).collect();
    assert!(schedules.len() > 400, "only {} schedules were tried", schedules.len());
    let shows = |schedule: &Schedule<Request>| {
        let cluster = Cluster::<N, _>::new(SERVERS, spec::register());
        // A schedule that cannot be played (it asks a crashed server, say) shows nothing.
        cluster.play(schedule).is_ok_and(|played| wanted(&played.view()))
    };
    schedules.iter().filter(|schedule| shows(schedule)).count()
}

/// Every step that is worth trying.
fn steps() -> Vec<Step<Request>> {
    let servers = 0..SERVERS;
    let links = servers.clone().flat_map(|b| (0..b).map(move |a| (a, b)));
    let links = links.flat_map(|(a, b)| [Step::Cut { a, b }, Step::Heal { a, b }]);
    let crashes = servers.clone().map(|server| Step::Crash { server });
    let asks = servers.flat_map(|server| (0..CLIENTS).map(move |client| (client, server)));
    let asks = asks.flat_map(|(client, server)| {
        [Request::Read, Request::Write(1)].map(|request| Step::Ask { client, server, request })
    });
    links.chain(crashes).chain(asks).collect()
}
