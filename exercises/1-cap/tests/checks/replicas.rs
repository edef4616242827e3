//! What both AP exercises promise: an answer at once, and agreement once everything has arrived.

use std::fmt::Display;

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, View, answer};
use testkit::node::{ClientId, Node};
use testkit::text::or_nothing;

/// A reply never waits for another replica.
pub const AT_ONCE: Rule = Rule::new(
    "availability",
    "A server answers every request that reaches it at once, whatever the network does.",
    "Gilbert & Lynch 2002, section 2.2 (available: every request received by a server that is up results in a response)",
    "1-cap/ap.md#invariants-to-keep",
);

/// Replicas that have heard of the same updates agree.
pub const CONVERGENCE: Rule = Rule::new(
    "strong convergence",
    "Servers that have heard of the same updates give the same answers, in whatever order they heard of them.",
    "Shapiro, Preguiça, Baquero & Zawirski 2011, Conflict-Free Replicated Data Types, definition 2.3",
    "1-cap/ap.md#invariants-to-keep",
);

/// What availability costs. No register that answers at once can fail to pay it: a bug breaks this check by not answering, and
/// the check is there to show learners the run.
pub const NOT_LINEARIZABLE: Rule = Rule::new(
    "the price of availability",
    "Some run is not linearizable: a register that always answers sometimes answers with an old value.",
    "Gilbert & Lynch 2002, theorem 1",
    "1-cap/ap.md#the-idea",
);

/// There is a run to the end of all scripts.
pub const FINISHES: Rule = Rule::new(
    "operations finish",
    "There is a run in which every client gets all of its answers.",
    "Gilbert & Lynch 2002, section 2.2",
    "1-cap/ap.md#the-idea",
);

/// How long the runs are that each larger scope looks at, at the least. The classic mistakes show in 4 to 6 steps.
pub const ENOUGH: usize = 8;

/// No client ever waits.
pub fn answers_at_once<N: Node, H: History<N>>(cluster: Cluster<N, H>) -> Cluster<N, H> {
    let clients = cluster.clients();
    cluster.sometimes(FINISHES, |view| view.is_finished()).always(AT_ONCE, move |view| {
        match (0..clients).map(ClientId).find_map(|client| view.waiting(client)) {
            None => Ok(()),
            Some(request) => Err(format!("{request} reached its server, but was not answered at once.")),
        }
    })
}

/// All servers that are up answer `request` alike, in the words `A` of the checks.
pub fn agree<A: From<N::Response> + PartialEq + Display, N: Node, H: History<N>>(
    view: &View<'_, N, H>,
    request: &N::Request,
) -> Result<(), String> {
    let answers: Vec<_> = view.servers().map(|(id, node)| (id, answer(node, request.clone()).map(A::from))).collect();
    match answers.iter().find(|(_, answer)| *answer != answers[0].1) {
        None => Ok(()),
        Some((id, other)) => {
            let (first, one) = &answers[0];
            let shown = |answer: &Option<A>| or_nothing(answer.as_ref(), ToString::to_string);
            Err(format!(
                "Every message has arrived, but the servers still differ: asked {request:?}, {first} answers {}, and {id} \
                 answers {}.",
                shown(one),
                shown(other)
            ))
        }
    }
}
