//! Task `minority`: what the quorum register costs, in a schedule.

use testkit::check::{Check, Proven, Rule, check};
use testkit::cluster::{Cluster, View};
use testkit::node::{ClientId, NodeId};
use testkit::schedule::Step;

use super::spec::{LINEARIZABLE, Register, is_linearizable, register};
use crate::subject::abd::Abd;
use crate::subject::schedules::silent_minority;

const SILENT: Rule = Rule::new(
    "the schedule must silence a minority",
    "A client waits for an answer from a server that is up, but whose cut links leave it with less than a majority.",
    "Gilbert & Lynch 2002, section 3: a consistent register gives up availability",
    "1-cap/break.md#minority",
);

const SHORTEST: Rule = Rule::new(
    "shortest schedule",
    "No shorter schedule does this: three steps are enough.",
    "found by trying every schedule of one and two steps",
    "1-cap/break.md#minority",
);

/// How many servers the schedule plays on.
const SERVERS: usize = 3;
/// The most steps of a shortest schedule.
const STEPS: usize = 3;

type Registers = testkit::cluster::Linearizable<Register>;

#[test]
pub fn a_minority_gives_no_answer() {
    check(|check| {
        play(check)?;
        Ok(())
    });
}

#[test]
pub fn three_steps_are_enough() {
    check(|check| {
        play(check)?;
        let steps = silent_minority().len();
        check.requires(SHORTEST, steps <= STEPS, || {
            format!("Your schedule silences a server in {steps} steps. It can be done in {STEPS}.")
        })
    });
}

fn play(check: &mut Check) -> Proven {
    const SCOPE: &str = "your schedule on three quorum servers";
    let schedule = silent_minority();
    let cluster = Cluster::<Abd, _>::new(SERVERS, register()).always(LINEARIZABLE, is_linearizable);
    let played = check.plays(SCOPE, cluster, &schedule)?;
    let view = played.view();
    // The server that a client asked last is the one it waits for.
    let asked = schedule.steps().iter().filter_map(|step| match step {
        Step::Ask { client, server, .. } => Some((ClientId(*client), NodeId(*server))),
        _ => None,
    });
    let silent = asked.into_iter().any(|(client, server)| {
        view.waiting(client).is_some() && view.server(server).is_some() && 2 * reach(&view, server) <= SERVERS
    });
    check.requires_of_run(SCOPE, &played, SILENT, silent, || {
        "Every client has its answer, or waits for a server that has crashed or that still reaches a majority. Cut a server off \
         from so many others that it is left with less than a majority, and let a client ask it."
            .to_owned()
    })?;
    check.evidence(format!("{} steps: the register gives no answer rather than a wrong one", schedule.len()));
    Ok(())
}

/// To how many servers the links of `server` work, itself included. A crashed server counts: the silence is to come from the
/// network.
fn reach(view: &View<'_, Abd, Registers>, server: NodeId) -> usize {
    (0..SERVERS).filter(|&other| !view.is_cut(server, NodeId(other))).count()
}
