//! One server among peers that the check plays, and rules about what it makes of a single message.

use testkit::cluster::{Cluster, Given, History, Invocation, Peers, Transition, View};
use testkit::node::{Effect, NodeId, RequestId};

use super::puppet::Puppet;
use super::{ALL, rule};

/// Two peers: `n1` counts up, and `n2` may say 9 at any time. Both fall silent when three messages were heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Counting {
    highest: u32,
}

impl History<Puppet> for Counting {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Puppet>) {}

    fn returned(&mut self, _: RequestId, _: &u32) {}

    fn transition(&mut self, transition: &Transition<'_, Puppet>) {
        if let Some((NodeId(1), number)) = transition.received() {
            self.highest = self.highest.max(*number);
        }
    }
}

impl Peers<Puppet> for Counting {
    fn may_say(&self, server: &Puppet) -> Vec<(NodeId, u32)> {
        let more = server.heard.len() < 3;
        let counts = (1..=self.highest + 1).map(|number| (NodeId(1), number));
        counts.chain([(NodeId(2), 9)]).filter(|_| more).collect()
    }
}

fn counting() -> Cluster<Puppet, Counting> {
    Cluster::new(3, Counting::default()).among_peers()
}

fn heard<'a>(view: &View<'a, Puppet, Counting>) -> &'a [u32] {
    view.server(NodeId(0)).map_or(&[], |puppet| &puppet.heard)
}

#[test]
fn peers_say_all_that_they_may_in_every_order() {
    for wanted in [[1, 2, 3], [1, 2, 1], [9, 1, 9], [1, 1, 2]] {
        let seen = counting().sometimes(rule("seen"), move |view| heard(view) == wanted);
        seen.prove(ALL, None).expect("each of these runs is possible");
    }
    let finding = counting().sometimes(rule("unseen"), |view| heard(view) == [2, 1]).prove(ALL, None).unwrap_err();
    assert!(finding.summary.contains("No run"), "n1 says 2 before it has said 1: {}", finding.summary);
}

#[test]
fn only_n0_runs_the_code_under_test() {
    let alone =
        counting().always(rule("alone"), |view| match view.servers().map(|(id, _)| id).collect::<Vec<_>>()[..] {
            [NodeId(0)] => Ok(()),
            ref others => Err(format!("{others:?}")),
        });
    alone.prove(ALL, None).expect("the others are played");
}

#[test]
fn a_broken_transition_is_shown_with_the_shortest_run_and_can_be_played_again() {
    let cluster = || {
        counting().each_transition(rule("no three"), |transition| match transition.given {
            Given::Message { from, message: 3 } => Err(format!("{from} said 3.")),
            _ => Ok(()),
        })
    };
    let finding = cluster().prove(ALL, None).unwrap_err();
    assert_eq!((&*finding.rule.name, &*finding.summary), ("no three", "n1 said 3."));
    let trace = finding.trace.unwrap();
    let labels: Vec<_> = trace.steps.iter().map(|step| &*step.label).collect();
    assert_eq!(labels, ["n0 receives 1 from n1", "n0 receives 2 from n1", "n0 receives 3 from n1"]);
    assert_eq!(cluster().replay(&trace).unwrap_err().summary, "n1 said 3.");
    let path: Vec<String> = labels.into_iter().map(str::to_owned).collect();
    let place = cluster().place(&path);
    assert_eq!(place.trace.violation.map(|violation| violation.rule), Some("no three".to_owned()));
}

#[test]
fn a_transition_knows_what_was_on_the_disk_when_something_was_sent() {
    let effects = [
        Effect::Send { to: NodeId(1), message: 1 },
        Effect::Save { durable: 7 },
        Effect::Send { to: NodeId(2), message: 2 },
    ];
    let mut out = testkit::node::Outbox::new();
    let puppet =
        <Puppet as testkit::node::Node>::start(testkit::node::Membership { id: NodeId(0), size: 3 }, None, &mut out);
    let transition = Transition {
        server: NodeId(0),
        before: None,
        given: Given::Start,
        saved: Some(&5),
        effects: &effects,
        after: &puppet,
        unfinished: false,
    };
    let sent: Vec<_> = transition.sent().collect();
    assert_eq!(sent, [(NodeId(1), &1, Some(&5)), (NodeId(2), &2, Some(&7))]);
    assert_eq!(transition.saved_after(), Some(&7));
}
