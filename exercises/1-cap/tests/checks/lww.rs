//! Task `lww`: the AP register.

use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, Given, History, Invocation, Linearizable, Peers, Transition, View, answer};
use testkit::node::{NodeId, RequestId};
use testkit::simulation::{Faults, Simulation};
use testkit::text::or_nothing;

use super::replicas::{CONVERGENCE, ENOUGH, NOT_LINEARIZABLE, agree, answers_at_once};
use super::spec::{LINEARIZABLE, Register, Told, is_linearizable, register};
use super::words;
use crate::subject::lww::{Lww, Stamp, Stamped, Update};
use crate::subject::register::Request::{Read, Write};
use crate::subject::register::{Response, Value};

const HAPPENED_BEFORE: Rule = Rule::new(
    "a write wins over what it saw",
    "If a server shows one write when it takes another, every server treats the second as newer than the first.",
    "Lamport 1978, Time, Clocks, and the Ordering of Events in a Distributed System, clock condition",
    "1-cap/ap.md#clock-not-advanced",
);

const LATEST: Rule = Rule::new(
    "the last writer wins",
    "A server shows the latest of all writes that it has heard of, in whatever order it heard of them, and however often.",
    "Johnson & Thomas 1975, RFC 677",
    "1-cap/ap.md#invariants-to-keep",
);

const TELLS: Rule = Rule::new(
    "each write is passed on",
    "A replica that takes a client's write sends it to each of the others, whatever value it showed before.",
    "Johnson & Thomas 1975, RFC 677",
    "1-cap/ap.md#invariants-to-keep",
);

const HEARS_ALL: Rule = Rule::new(
    "a replica hears of all writes",
    "There is a run in which a replica has heard of every write, and has answered its own client.",
    "Johnson & Thomas 1975, RFC 677",
    "1-cap/ap.md#the-idea",
);

const SEES: Rule = Rule::new(
    "a write that saw another",
    "There is a run in which a write is made at a server that shows another client's write.",
    "Lamport 1978, Time, Clocks, and the Ordering of Events in a Distributed System",
    "1-cap/ap.md#clock-not-advanced",
);

const WRITTEN: Rule = Rule::new(
    "nothing is invented",
    "What a server shows was written by some client, or is the initial 0.",
    "Herlihy & Wing 1990, section 2 (a register returns what was written)",
    "1-cap/ap.md#invariants-to-keep",
);

#[test]
pub fn every_request_is_answered_at_once() {
    check(|check| {
        let apart = Cluster::<Lww, _>::new(3, ())
            .split(&[&[0], &[1], &[2]])
            .client(&[0], [Write(1), Read])
            .client(&[1], [Write(2), Read])
            .client(&[2], [Read, Read]);
        check.exhausts("three servers, each cut off from the others", answers_at_once(apart))?;
        let lonely = Cluster::<Lww, _>::new(3, ()).client(&[0], [Write(1), Read]).client(&[1], [Read]).crashes(2);
        check.exhausts("two crashes", answers_at_once(lonely))
    });
}

#[test]
pub fn a_client_alone_sees_its_own_writes() {
    check(|check| {
        let alone = Cluster::<Lww, _>::new(3, register()).client(&[1], [Write(1), Read, Write(2), Read, Read]);
        let alone = alone.always(LINEARIZABLE, is_linearizable);
        check.exhausts("one client at one of three servers", answers_at_once(alone))
    });
}

#[test]
pub fn replicas_that_saw_the_same_updates_agree() {
    check(|check| {
        let two = Cluster::<Lww, _>::new(3, ()).client(&[0], [Write(1)]).client(&[1], [Write(2)]);
        check.exhausts("two writers", settled(two))?;
        let three = Cluster::<Lww, _>::new(3, ())
            .client(&[0], [Write(1), Write(4)])
            .client(&[1], [Write(2)])
            .client(&[2], [Write(3)])
            .duplicates(1);
        check.explores("three writers and a duplicate", settled(three), ENOUGH)
    });
}

#[test]
pub fn a_write_wins_over_what_it_saw() {
    check(|check| {
        for (reader, other) in [(1, 0), (0, 1)] {
            let cluster = Cluster::<Lww, _>::new(3, Writes::default())
                .client(&[other], [Write(1), Write(2)])
                .client(&[reader], [Write(3)])
                .client(&[2], [Write(4)]);
            let cluster = cluster
                .settles(HAPPENED_BEFORE, 1, Writes::winner_was_not_overwritten)
                .always(WRITTEN, Writes::nothing_is_invented)
                .sometimes(SEES, |view| view.history().writes.iter().any(|write| write.overwritten));
            check.explores(
                &format!("two writes at n{other}, then one at n{reader}, and one at n2"),
                cluster,
                ENOUGH,
            )?;
        }
        Ok(())
    });
}

/// Other replicas, as one hears them: each of four writes may reach it at any time, in any order, and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Others {
    /// The latest clock that the replica has heard of or made.
    clock: u64,
    /// Who wrote what under it: several values, if these writes did not know of each other.
    newest: Vec<Value>,
    /// A write of the replica's own that was not stamped above all that it had heard of.
    below: Option<String>,
}

impl Others {
    fn heard(&self) -> String {
        let values: Vec<_> = self.newest.iter().map(ToString::to_string).collect();
        match values.len() {
            0 => "n0 has heard of no write".to_owned(),
            _ => format!("The latest that n0 has heard of, with clock {}, wrote {}", self.clock, values.join(" or ")),
        }
    }

    fn note(&mut self, write: Stamped) {
        if write.stamp.clock > self.clock {
            (self.clock, self.newest) = (write.stamp.clock, Vec::new());
        }
        if write.stamp.clock == self.clock && !self.newest.contains(&write.value) {
            self.newest.push(write.value);
            self.newest.sort_unstable();
        }
    }
}

impl History<Lww> for Others {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Lww>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, Lww>) {
        if let Some((_, Update(heard))) = transition.received() {
            self.note(*heard);
        } else if let Some((_, Update(own), _)) = transition.sent().next() {
            if own.stamp.clock <= self.clock {
                self.below = Some(format!(
                    "n0 had heard of a stamp with clock {}, and yet stamped its next write {own:?}.",
                    self.clock
                ));
            }
            self.note(*own);
        }
    }
}

impl Peers<Lww> for Others {
    fn may_say(&self, _: &Lww) -> Vec<(NodeId, Update)> {
        let writes = [(1, 1, 9), (1, 2, 5), (3, 1, 4), (5, 2, 1)];
        let update = |(clock, replica, value)| {
            let stamp = Stamp { clock, replica: NodeId(replica) };
            (NodeId(replica), Update(Stamped { stamp, value }))
        };
        writes.map(update).to_vec()
    }
}

/// A server that is handed a write sends it to both others.
fn tells_each_write(transition: &Transition<'_, Lww>) -> Result<(), String> {
    let Given::Request { request: Write(value), .. } = transition.given else { return Ok(()) };
    let is_told = |other: usize| transition.sent().any(|(to, Update(told), _)| to.0 == other && told.value == *value);
    match (1..3).find(|other| !is_told(*other)) {
        None => Ok(()),
        Some(other) => Err(format!("A client of n0 writes {value}, but n0 does not send that write to n{other}.")),
    }
}

#[test]
pub fn a_replica_shows_the_latest_write_that_it_heard_of() {
    check(|check| {
        let cluster = Cluster::new(3, Others::default()).among_peers().client(&[0], [Write(7), Write(7), Write(8)]);
        let cluster = cluster.each_transition(TELLS, tells_each_write);
        let cluster = cluster.always(HAPPENED_BEFORE, |view| view.history().below.clone().map_or(Ok(()), Err));
        let cluster = cluster.always(LATEST, |view: &View<'_, Lww, Others>| {
            let Others { newest, .. } = view.history();
            let shown = view.server(NodeId(0)).and_then(|replica| answer(replica, Read));
            match shown {
                Some(Response::Read(value)) if newest.contains(&value) || newest.is_empty() && value == 0 => Ok(()),
                shown => Err(format!("{}. It shows {}.", view.history().heard(), or_nothing(shown, words::response))),
            }
        });
        let heard_all = |view: &View<'_, Lww, Others>| view.is_finished() && view.history().clock > 5;
        check.exhausts("a replica, and whatever two others may say", cluster.sometimes(HEARS_ALL, heard_all))
    });
}

#[test]
pub fn it_is_not_linearizable() {
    check(|check| {
        let cluster = Cluster::<Lww, Linearizable<Register>>::new(2, register());
        let cluster = cluster.client(&[0], [Write(1)]).client(&[1], [Read]);
        let cluster = answers_at_once(cluster).sometimes(NOT_LINEARIZABLE, |view| !view.history().holds());
        check.exhausts("a writer and a reader", cluster)
    });
}

#[test]
pub fn long_runs_agree_in_the_end() {
    check(|check| {
        let mut cluster = Cluster::<Lww, _>::new(5, Writes::default());
        for client in 0..5 {
            cluster = cluster.client(&[client], (0..20).map(move |n| Write(100 * (client as Value + 1) + n)));
        }
        let cluster = cluster.settles(CONVERGENCE, 1, |view| agree::<Told, _, _>(view, &Read)).settles(
            HAPPENED_BEFORE,
            1,
            Writes::winner_was_not_overwritten,
        );
        let faults = Faults { duplicated: 50, partitions: 3, slow: Some(5), ..Faults::default() };
        check.simulates("five servers, 100 writes", Simulation::new(answers_at_once(cluster), faults), 0..40)
    });
}

fn settled(cluster: Cluster<Lww>) -> Cluster<Lww> {
    answers_at_once(cluster).settles(CONVERGENCE, 1, |view| agree::<Told, _, _>(view, &Read))
}

/// The writes of a run. Each writes a value of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Writes {
    writes: Vec<Made>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Made {
    value: Value,
    /// A later write was made at a server that showed this one.
    overwritten: bool,
}

impl History<Lww> for Writes {
    fn invoked(&mut self, invocation: Invocation<'_, Lww>) {
        let Write(value) = *invocation.request else { return };
        if let Some(Response::Read(shown)) = answer(invocation.state, Read) {
            self.writes.iter_mut().filter(|write| write.value == shown).for_each(|write| write.overwritten = true);
        }
        self.writes.push(Made { value, overwritten: false });
    }

    fn returned(&mut self, _id: RequestId, _response: &Response) {}
}

impl Writes {
    fn winner_was_not_overwritten(view: &View<'_, Lww, Writes>) -> Result<(), String> {
        let writes = &view.history().writes;
        for (id, node) in view.servers() {
            let Some(Response::Read(shown)) = answer(node, Read) else { continue };
            if writes.iter().any(|write| write.value == shown && write.overwritten) {
                return Err(format!(
                    "Every message has arrived, and {id} shows {shown}. But some server showed {shown} when it took a later \
                     write, and that write should have won."
                ));
            }
            if shown == 0 && !writes.is_empty() {
                return Err(format!("Every message has arrived, and {id} still shows the initial 0."));
            }
        }
        Ok(())
    }

    fn nothing_is_invented(view: &View<'_, Lww, Writes>) -> Result<(), String> {
        let known = |value| value == 0 || view.history().writes.iter().any(|write| write.value == value);
        for (id, node) in view.servers() {
            if let Some(Response::Read(shown)) =
                answer(node, Read).filter(|answer| !matches!(answer, Response::Read(v) if known(*v)))
            {
                return Err(format!("{id} shows {shown}, which no client has written."));
            }
        }
        Ok(())
    }
}
