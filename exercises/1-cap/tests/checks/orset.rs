//! Task `orset`: the AP set.

use std::collections::BTreeSet;

use testkit::check::{Rule, check};
use testkit::cluster::{Causes, Cluster, History, Invocation, Linearizable, View, answer};
use testkit::node::{NodeId, RequestId};
use testkit::simulation::{Faults, Simulation};

use super::replicas::{CONVERGENCE, ENOUGH, NOT_LINEARIZABLE, agree, answers_at_once};
use super::set::{Asked, Set, Told};
use crate::subject::orset::Request::{Add, Elements, Remove};
use crate::subject::orset::{OrSet, Response};

const SEQUENTIAL: Rule = Rule::new(
    "a set",
    "A client that is alone sees a set: what it added is in, what it removed is out.",
    "Shapiro et al. 2011, INRIA RR-7506, section 3.3",
    "1-cap/ap.md#invariants-to-keep",
);

const OBSERVED_IS_GONE: Rule = Rule::new(
    "a removed element stays away",
    "An element is out when every Add of it had been observed by a server that then took a Remove, whatever arrives later or \
     twice.",
    "Shapiro et al. 2011, INRIA RR-7506, section 3.3.5",
    "1-cap/ap.md#resurrects",
);

const CONCURRENT_ADD_STAYS: Rule = Rule::new(
    "a concurrent add survives",
    "An element is in when no server that took a Remove of it can have known of some Add of it.",
    "Shapiro et al. 2011, INRIA RR-7506, section 3.3.5",
    "1-cap/ap.md#forgets-add",
);

#[test]
pub fn every_request_is_answered_at_once() {
    check(|check| {
        let apart = Cluster::<OrSet, _>::new(3, ())
            .split(&[&[0], &[1], &[2]])
            .client(&[0], [Add(1), Elements])
            .client(&[1], [Remove(1), Elements])
            .client(&[2], [Elements]);
        check.exhausts("three servers, each cut off from the others", answers_at_once(apart))
    });
}

#[test]
pub fn a_client_alone_sees_a_set() {
    check(|check| {
        let script = [Add(1), Add(2), Elements, Remove(1), Elements, Remove(3), Add(1), Elements, Remove(2), Elements];
        let alone = Cluster::<OrSet, _>::new(2, Linearizable::new(Set::default())).client(&[1], script);
        let alone = alone.always(SEQUENTIAL, |view| match view.history().holds() {
            true => Ok(()),
            false => Err(format!("No set answers a client like this: {}.", view.history().summary())),
        });
        check.exhausts("one client, ten requests", answers_at_once(alone))
    });
}

#[test]
pub fn replicas_that_saw_the_same_updates_agree() {
    check(|check| {
        let cluster = Cluster::<OrSet, _>::new(3, ())
            .client(&[0], [Add(1), Remove(1)])
            .client(&[1], [Add(1)])
            .client(&[2], [Remove(1)]);
        check.explores("three clients", settled(cluster), ENOUGH)?;
        let cluster = Cluster::<OrSet, _>::new(2, ())
            .client(&[0], [Add(1), Remove(1), Add(1)])
            .client(&[1], [Add(1), Remove(1)])
            .duplicates(2);
        check.explores("two clients and two duplicates", settled(cluster), ENOUGH)
    });
}

#[test]
pub fn a_removed_element_stays_away() {
    check(|check| {
        let cluster = updates(2).client(&[0], [Add(1), Add(2), Add(1)]).client(&[1], [Remove(1)]).duplicates(1);
        check.explores(
            "an observed remove and a duplicate",
            cluster.settles(OBSERVED_IS_GONE, 1, Updates::gone),
            ENOUGH,
        )?;
        let cluster = updates(3).client(&[0], [Add(1)]).client(&[1], [Remove(1)]).client(&[2], [Add(2)]);
        check.explores("three servers", cluster.settles(OBSERVED_IS_GONE, 1, Updates::gone), ENOUGH)
    });
}

#[test]
pub fn a_concurrent_add_survives() {
    check(|check| {
        let cluster = updates(2).client(&[0], [Add(1), Remove(1), Add(1)]).client(&[1], [Add(1), Remove(1)]);
        check.explores("two servers", cluster.settles(CONCURRENT_ADD_STAYS, 1, Updates::survive), ENOUGH)?;
        let cluster = updates(3).client(&[0], [Add(1)]).client(&[1], [Add(1), Remove(1)]).client(&[2], [Remove(1)]);
        check.explores("three servers", cluster.settles(CONCURRENT_ADD_STAYS, 1, Updates::survive), ENOUGH)?;
        // The second add is another one, though the element is there already.
        let cluster = updates(2).client(&[0], [Add(1), Add(1)]).client(&[1], [Remove(1)]);
        let cluster = cluster.settles(CONCURRENT_ADD_STAYS, 1, Updates::survive);
        check.explores("an element that is added again", cluster, ENOUGH)?;
        let cluster = updates(2).client(&[0], [Add(1), Add(2), Remove(2)]).client(&[1], [Add(2), Add(1), Remove(2)]);
        let cluster = cluster.settles(CONCURRENT_ADD_STAYS, 1, Updates::survive);
        check.explores("two elements of which one is removed", cluster, ENOUGH)
    });
}

#[test]
pub fn it_is_not_linearizable() {
    check(|check| {
        let cluster = Cluster::<OrSet, Linearizable<Set>>::new(2, Linearizable::new(Set::default()));
        let cluster = cluster.client(&[0], [Add(1)]).client(&[1], [Elements]);
        let cluster = answers_at_once(cluster).sometimes(NOT_LINEARIZABLE, |view| !view.history().holds());
        check.exhausts("a writer and a reader", cluster)
    });
}

#[test]
pub fn long_runs_agree_in_the_end() {
    check(|check| {
        let mut cluster = Cluster::<OrSet, _>::new(4, ());
        for client in 0..4 {
            let element = move |n: u32| (n * 7 + client) % 5;
            let request = move |n: u32| if n % 3 == 2 { Remove(element(n)) } else { Add(element(n)) };
            cluster = cluster.client(&[client as usize], (0..15).map(request));
        }
        let faults = Faults { duplicated: 50, partitions: 3, slow: Some(5), ..Faults::default() };
        check.simulates("four servers, 60 updates", Simulation::new(settled(cluster), faults), 0..40)
    });
}

fn settled(cluster: Cluster<OrSet>) -> Cluster<OrSet> {
    answers_at_once(cluster).settles(CONVERGENCE, 1, |view| agree::<Told, _, _>(view, &Elements))
}

/// Servers with a history of who could know of what.
fn updates(size: usize) -> Cluster<OrSet, Updates> {
    Cluster::new(size, Updates::default()).track_causes()
}

/// The requests of a run in their order, with what their servers can have known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Updates {
    made: Vec<Made>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Made {
    request: Asked,
    server: NodeId,
    /// The earlier requests that can have influenced the server, by their place in the run.
    causes: Causes,
    /// For a Remove: did its server show the element?
    shown: bool,
}

impl History<OrSet> for Updates {
    fn invoked(&mut self, invocation: Invocation<'_, OrSet>) {
        let shown = match (*invocation.request, answer(invocation.state, Elements)) {
            (Remove(element), Some(Response::Elements(elements))) => elements.contains(&element),
            _ => false,
        };
        let Invocation { request, server, causes, .. } = invocation;
        self.made.push(Made { request: Asked::from(*request), server, causes, shown });
    }

    fn returned(&mut self, _id: RequestId, _response: &Response) {}
}

impl Updates {
    fn places(&self, request: Asked) -> impl Iterator<Item = usize> + '_ {
        (0..self.made.len()).filter(move |&at| self.made[at].request == request)
    }

    fn elements(&self) -> BTreeSet<u32> {
        self.made
            .iter()
            .filter_map(|made| if let Asked::Add(element) = made.request { Some(element) } else { None })
            .collect()
    }

    /// Can the Remove at `remove` have known of the request at `add`?
    fn can_know(&self, remove: usize, add: usize) -> bool {
        self.made[remove].causes >> add & 1 == 1
    }

    /// Did the Remove at `remove` certainly observe the Add at `add`? Its server took the Add itself, or it showed the
    /// element and can have known of no other Add of it.
    fn observed(&self, remove: usize, add: usize) -> bool {
        let own = self.made[remove].server == self.made[add].server && add < remove;
        let others = self.places(self.made[add].request).filter(|&other| other != add);
        let only = self.can_know(remove, add) && !others.into_iter().any(|other| self.can_know(remove, other));
        own || (self.made[remove].shown && only)
    }

    fn gone(view: &View<'_, OrSet, Updates>) -> Result<(), String> {
        let history = view.history();
        let gone = |element: &u32| {
            let removed = |add| history.places(Asked::Remove(*element)).any(|remove| history.observed(remove, add));
            history.places(Asked::Add(*element)).all(removed)
        };
        let expected: BTreeSet<_> = history.elements().into_iter().filter(gone).collect();
        each_server(view, |id, shown| match expected.intersection(shown).next() {
            None => Ok(()),
            Some(element) => Err(format!(
                "Every message has arrived, and {id} shows {element}. But every Add({element}) had been observed by a server \
                 that then took a Remove({element})."
            )),
        })
    }

    fn survive(view: &View<'_, OrSet, Updates>) -> Result<(), String> {
        let history = view.history();
        let safe = |element: &u32| {
            let unknown = |add| !history.places(Asked::Remove(*element)).any(|remove| history.can_know(remove, add));
            history.places(Asked::Add(*element)).any(unknown)
        };
        let expected: BTreeSet<_> = history.elements().into_iter().filter(safe).collect();
        each_server(view, |id, shown| match expected.difference(shown).next() {
            None => Ok(()),
            Some(element) => Err(format!(
                "Every message has arrived, and {id} does not show {element}. But no server that took a Remove({element}) can \
                 have known of one Add({element})."
            )),
        })
    }
}

/// Asks each server that is up what it shows.
fn each_server(
    view: &View<'_, OrSet, Updates>,
    judge: impl Fn(NodeId, &BTreeSet<u32>) -> Result<(), String>,
) -> Result<(), String> {
    view.servers().try_for_each(|(id, node)| match answer(node, Elements) {
        Some(Response::Elements(shown)) => judge(id, &shown),
        _ => Err(format!("{id} does not answer Elements at once.")),
    })
}
