//! Task `breaker`: who may call, and when.

use testkit::check::{Check, Failure, Rule, check};
use testkit::cluster::Cluster;
use testkit::node::{ClientId, RequestId};
use testkit::simulation::{Faults, Simulation, Tick};

use super::caller::Call::{self, Fails, IsDropped, IsIgnored, IsLost, Succeeds};
use super::caller::{
    ENDLESS_PATIENCE, ENDLESS_PAUSE, ENDLESS_PROBES, MANY_PROBES, NO_PAUSE, Service, Told, calling, expected,
};
use super::expected::Expected;
use crate::subject::breaker::{Breaker, Outcome, Permit, Rejected, Settings};
use crate::subject::time::Millis;

const OPENS: Rule = Rule::new(
    "failures in a row open it",
    "There is a run in which failures in a row open the breaker.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Circuit Breaker",
    "3-asynchrony/breaker.md#the-idea",
);

const CLOSES: Rule = Rule::new(
    "probes close it",
    "There is a run in which the breaker opens, probes succeed, and it closes again.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Circuit Breaker",
    "3-asynchrony/breaker.md#the-idea",
);

const RECOVERS: Rule = Rule::new(
    "a downstream that is well is called",
    "Once the downstream is well and time passes, a call is allowed and answered, whatever happened before.",
    "resilience4j/resilience4j, issue 935; App-vNext/Polly, issue 1979",
    "3-asynchrony/breaker.md#stuck-half-open",
);

fn opens<const AS: usize>(cluster: Cluster<Service<AS>>) -> Cluster<Service<AS>> {
    cluster.sometimes(OPENS, |view| expected(view).is_some_and(Expected::is_open))
}

fn closes<const AS: usize>(cluster: Cluster<Service<AS>>) -> Cluster<Service<AS>> {
    opens(cluster)
        .sometimes(CLOSES, |view| expected(view).is_some_and(|expected| expected.is_closed() && expected.changes() > 0))
}

/// A client that is rejected asks again, and in the end all clients whose calls are not lost have been answered.
fn recovers<const AS: usize>(cluster: Cluster<Service<AS>>, rounds: usize) -> Cluster<Service<AS>> {
    let cluster = cluster.refusals(|told| *told == Told::Rejected).persistent_clients();
    cluster.leads_to(RECOVERS, rounds, |view| match view.is_finished() {
        true => Ok(()),
        false => Err("The downstream is well, time has passed, and a call still gets no permit.".to_owned()),
    })
}

#[test]
pub fn a_closed_breaker_allows_every_call() {
    check(|check| {
        let clients: [&[Call]; 3] = [&[Fails, Succeeds], &[IsIgnored, Succeeds], &[IsDropped, Succeeds]];
        check.exhausts("three clients, and a failure, which is not enough", calling::<0>(1, &clients))?;
        let clients: [&[Call]; 2] = [&[Fails, Fails, Succeeds, Fails, Fails], &[IsIgnored, IsDropped]];
        check.exhausts("failures with a success between them", calling::<2>(0, &clients))
    });
}

#[test]
pub fn failures_in_a_row_open_it() {
    check(|check| {
        let clients: [&[Call]; 3] = [&[Fails, Succeeds], &[Fails, Succeeds], &[Succeeds, Succeeds]];
        check.exhausts("two failures in a row", opens(calling::<0>(1, &clients)))?;
        let clients: [&[Call]; 2] = [&[Fails, Fails, Fails, Fails, Fails], &[Succeeds, IsIgnored, IsDropped]];
        check.exhausts("three failures in a row", opens(calling::<2>(0, &clients)))?;
        check.exhausts("one failure", opens(calling::<1>(2, &[&[Fails, Succeeds], &[Succeeds, Succeeds]])))
    });
}

#[test]
pub fn probes_close_it() {
    check(|check| {
        let clients: [&[Call]; 3] = [&[Fails, Succeeds, Succeeds], &[Fails, Succeeds, Fails], &[Succeeds, Succeeds]];
        check.exhausts("two failures, and two probes", closes(calling::<0>(2, &clients)))?;
        let clients: [&[Call]; 2] = [&[Fails, Succeeds, Fails, Succeeds], &[Fails, Succeeds, Succeeds]];
        check.exhausts("one failure, and one probe", closes(calling::<1>(4, &clients)))?;
        let clients: [&[Call]; 3] =
            [&[Fails, Succeeds, Fails], &[Fails, Succeeds, Succeeds], &[Fails, Succeeds, Succeeds]];
        check.exhausts("three failures, and three probes", closes(calling::<2>(2, &clients)))
    });
}

#[test]
pub fn a_late_outcome_changes_nothing() {
    check(|check| {
        let clients: [&[Call]; 4] = [&[Fails, Succeeds], &[Fails, Succeeds], &[Succeeds], &[Fails]];
        check.exhausts("calls of before that end while probes are under way", closes(calling::<0>(2, &clients)))?;
        let clients: [&[Call]; 3] = [&[Fails, Succeeds, Succeeds], &[Fails, Succeeds], &[Succeeds, Succeeds]];
        check.exhausts("calls of before, and one probe", closes(calling::<1>(3, &clients)))
    });
}

/// How long the runs are that are looked at where clients ask again, at the least: a breaker that counts its rejections has no end of states.
const ENOUGH: usize = 14;

#[test]
pub fn a_probe_that_says_nothing_gives_its_place_back() {
    check(|check| {
        for (outcome, what) in [(IsIgnored, "ignored"), (IsDropped, "dropped")] {
            let clients: [&[Call]; 2] = [&[Fails, Fails, outcome, Succeeds], &[outcome, Succeeds, Succeeds]];
            let cluster = closes(recovers(calling::<0>(3, &clients), 12));
            check.explores(&format!("probes that are {what}"), cluster, ENOUGH)?;
            let cluster = closes(recovers(calling::<1>(4, &[&[Fails, outcome, Succeeds], &[outcome, Succeeds]]), 12));
            check.explores(&format!("one probe, which is {what}"), cluster, ENOUGH)?;
        }
        Ok(())
    });
}

#[test]
pub fn a_probe_of_which_nothing_is_heard_has_failed() {
    check(|check| {
        let clients: [&[Call]; 2] = [&[Fails, Fails, IsLost], &[Succeeds, Succeeds, Succeeds, Succeeds, Succeeds]];
        check.exhausts("a probe that is lost", closes(calling::<0>(8, &clients)))?;
        let clients: [&[Call]; 3] = [&[Fails, IsLost], &[Fails, Succeeds], &[Succeeds, Succeeds]];
        check.exhausts("one probe, which is lost", closes(calling::<1>(5, &clients)))
    });
}

#[test]
pub fn from_everywhere_it_closes_again() {
    check(|check| {
        let clients: [&[Call]; 3] =
            [&[Fails, Succeeds, Succeeds], &[Fails, IsDropped, Succeeds], &[Fails, IsIgnored, Succeeds]];
        check.explores(
            "a downstream that is well after three failures",
            closes(recovers(calling::<0>(3, &clients), 16)),
            ENOUGH,
        )?;
        check.explores("a breaker with one probe", closes(recovers(calling::<1>(3, &clients), 16)), ENOUGH)
    });
}

#[test]
pub fn it_may_be_set_to_any_number() {
    check(|check| {
        let clients: [&[Call]; 3] = [&[Fails, Succeeds], &[Fails, Succeeds], &[Succeeds]];
        check.exhausts("no pause", closes(calling::<NO_PAUSE>(3, &clients)))?;
        let clients: [&[Call]; 3] = [&[Fails, Succeeds], &[IsLost], &[Succeeds, Succeeds]];
        check.exhausts("a patience without end", closes(calling::<ENDLESS_PATIENCE>(3, &clients)))?;
        let clients: [&[Call]; 2] = [&[Fails, Succeeds], &[Succeeds, Fails, Succeeds]];
        check.exhausts("a pause without end", opens(calling::<ENDLESS_PAUSE>(3, &clients)))?;
        let clients: [&[Call]; 2] = [&[Fails, IsDropped, Succeeds], &[Succeeds, Succeeds]];
        check.exhausts("more probes than there will ever be", opens(calling::<ENDLESS_PROBES>(3, &clients)))
    });
}

/// What comes of the calls of long runs: enough failures to open a breaker again and again, and enough successes to close it.
const LONG: [Call; 11] =
    [Fails, Succeeds, Succeeds, IsDropped, Fails, Succeeds, Succeeds, Succeeds, IsIgnored, Succeeds, Succeeds];

/// Clients that make forty calls each, while a millisecond is 10 to 30 ticks long. Many calls are under way at once, their answers may be late
/// by several changes of state, and whatever a breaker keeps of them is used again and again.
fn long<const AS: usize>(clients: usize, pause: Tick, answer_after: Tick) -> Simulation<Service<AS>, ()> {
    let mut cluster = calling::<AS>(u8::MAX, &[]);
    for client in 0..clients {
        cluster = cluster.client(&[0], LONG.into_iter().cycle().skip(4 * client).take(40));
    }
    let simulation = Simulation::new(closes(cluster), Faults::default());
    simulation.timers_wait(10..=30).messages_take(1..=answer_after / 2).clients_pause(1..=pause)
}

#[test]
pub fn long_runs_keep_to_the_contract() {
    check(|check| {
        // About a third of all probes take longer than the patience.
        check.simulates("two failures, two probes, and eight clients", long::<0>(8, 40, 100), 0..10)?;
        check.simulates("one failure, one probe, and eight clients", long::<1>(8, 40, 40), 0..10)?;
        check.simulates("two failures, five probes, and eight clients", long::<MANY_PROBES>(8, 40, 200), 0..20)?;
        // Most of the time, no call asks in between.
        let seldom = "two failures, five probes, and four clients that call seldom";
        check.simulates(seldom, long::<MANY_PROBES>(4, 250, 200), 0..20)?;
        check.simulates("no pause, and eight clients", long::<NO_PAUSE>(8, 40, 60), 0..10)
    });
}

/// A breaker beside its contract, without a cluster: for runs that are too long for one.
struct Driven {
    breaker: Breaker,
    expected: Expected,
    now: Millis,
    asked: usize,
}

impl Driven {
    fn new(settings: Settings) -> Self {
        Driven { breaker: Breaker::new(settings), expected: Expected::new(settings), now: 0, asked: 0 }
    }

    /// Another call asks for a permit.
    fn ask(&mut self, check: &mut Check, how: &str) -> Result<(RequestId, Result<Permit, Rejected>), Box<Failure>> {
        let call = RequestId { client: ClientId(self.asked), number: 0 };
        self.asked += 1;
        let permit = self.breaker.try_acquire(self.now);
        if let Err((rule, why)) = self.expected.asked(call, permit.is_ok(), self.now) {
            check.requires(rule, false, || format!("{how} {why}"))?;
        }
        Ok((call, permit))
    }

    fn finish(&mut self, (call, permit): (RequestId, Result<Permit, Rejected>), outcome: Outcome) {
        if let Ok(permit) = permit {
            self.breaker.finish(permit, outcome, self.now);
            self.expected.finished(call, outcome, self.now);
        }
    }
}

/// So many times the state changes, and so many permits are given, that a number of 16 bits would have come round.
const MANY: usize = 1 << 16;

#[test]
pub fn a_permit_of_long_ago_changes_nothing() {
    check(|check| {
        let how = "One failure opens the breaker, and one probe closes it. 65,536 calls were allowed before it ever opened. Since then it opens \
                   and closes again and again, and each time that it has closed, one of those calls fails.";
        let mut driven = Driven::new(Settings { failures: 1, pause: 1, probes: 1, patience: 1 });
        let mut old = Vec::new();
        for _ in 0..MANY {
            old.push(driven.ask(check, how)?);
        }
        for old in old {
            let fails = driven.ask(check, how)?;
            driven.finish(fails, Outcome::Failure);
            driven.now += 1;
            let probe = driven.ask(check, how)?;
            driven.finish(probe, Outcome::Success);
            driven.finish(old, Outcome::Failure);
            let dropped = driven.ask(check, how)?;
            driven.finish(dropped, Outcome::Dropped);
        }
        let how = "A half-open breaker needs two probes. One has been under way for long; 65,536 others came since, one after another, and were \
                   dropped.";
        let mut driven = Driven::new(Settings { failures: 1, pause: 0, probes: 2, patience: 1 });
        let fails = driven.ask(check, how)?;
        driven.finish(fails, Outcome::Failure);
        let _long = driven.ask(check, how)?;
        for _ in 0..MANY {
            let probe = driven.ask(check, how)?;
            let rejected = driven.ask(check, how)?;
            driven.finish(probe, Outcome::Dropped);
            driven.finish(rejected, Outcome::Dropped);
        }
        check.evidence(
            "65,536 permits of before, given back after as many failures; and 65,536 probes beside another one",
        );
        Ok(())
    });
}
