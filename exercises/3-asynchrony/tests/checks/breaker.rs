//! Task `breaker`: who may call, and when.

use testkit::check::{Rule, check};
use testkit::cluster::Cluster;

use super::caller::Call::{self, Fails, IsDropped, IsIgnored, IsLost, Succeeds};
use super::caller::{Service, Told, calling, expected};
use super::expected::Expected;

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

#[test]
pub fn a_probe_that_says_nothing_gives_its_place_back() {
    check(|check| {
        for (outcome, what) in [(IsIgnored, "ignored"), (IsDropped, "dropped")] {
            let clients: [&[Call]; 2] = [&[Fails, Fails, outcome, Succeeds], &[outcome, Succeeds, Succeeds]];
            let cluster = closes(recovers(calling::<0>(3, &clients), 12));
            check.exhausts(&format!("probes that are {what}"), cluster)?;
            let cluster = closes(recovers(calling::<1>(4, &[&[Fails, outcome, Succeeds], &[outcome, Succeeds]]), 12));
            check.exhausts(&format!("one probe, which is {what}"), cluster)?;
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
        check.exhausts(
            "a downstream that is well after three failures",
            closes(recovers(calling::<0>(3, &clients), 16)),
        )?;
        check.exhausts("a breaker with one probe", closes(recovers(calling::<1>(3, &clients), 16)))
    });
}
