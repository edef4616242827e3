//! Task `wild`: scripts that catch machines which real libraries got wrong.

use std::collections::BTreeSet;

use testkit::check::{Check, Proven, Rule, check};

use super::expected::Expected;
use super::places::{Places, request};
use crate::subject::breaker::Settings;
use crate::subject::bulkhead::Call;
use crate::subject::scripts;
use crate::subject::wild::{
    Event, Failsafe393, Opossum119, Polly1979, Resilience4j544, SETTINGS, Visit, WildBreaker, WildBulkhead,
};

const CAUGHT: Rule = Rule::new(
    "the machine is caught",
    "The script brings the machine to break its contract.",
    "the reports that the files of `wild` name",
    "3-asynchrony/breaker.md#in-the-wild",
);

const POSSIBLE: Rule = Rule::new(
    "a script that can happen",
    "Only what has begun can be over, and no call asks twice.",
    "contract of the scripts",
    "3-asynchrony/breaker.md#in-the-wild",
);

#[test]
pub fn polly_is_caught() {
    check(|check| breaker::<Polly1979>(check, "Polly1979", &scripts::polly_1979()));
}

#[test]
pub fn opossum_is_caught() {
    check(|check| breaker::<Opossum119>(check, "Opossum119", &scripts::opossum_119()));
}

#[test]
pub fn resilience4j_is_caught() {
    check(|check| breaker::<Resilience4j544>(check, "Resilience4j544", &scripts::resilience4j_544()));
}

/// Plays a script on a breaker, up to where it breaks its contract.
fn breaker<M: WildBreaker>(check: &mut Check, name: &str, script: &[Event]) -> Proven {
    let (mut machine, mut now) = (M::new(), 0);
    let mut expected = Expected::new(Settings { probes: M::PROBES, ..SETTINGS });
    let (mut asked, mut under_way) = (BTreeSet::new(), BTreeSet::new());
    for (at, event) in (1..).zip(script) {
        match *event {
            Event::Wait(span) => now += span,
            Event::Ask(call) => {
                check.requires(POSSIBLE, asked.insert(call), || {
                    format!("Event {at} of your script is Ask({call}), and call {call} has asked before.")
                })?;
                let allowed = machine.allows(call, now);
                if let Err((rule, why)) = expected.asked(request(call), allowed, now) {
                    check.evidence(format!("{name} breaks the rule \"{}\" at event {at}. {why}", rule.name));
                    return Ok(());
                }
                if allowed {
                    under_way.insert(call);
                }
            }
            Event::Over(call, outcome) => {
                check.requires(POSSIBLE, under_way.remove(&call), || {
                    format!("Event {at} of your script is Over({call}, {outcome:?}), and {name} has no call {call} under way.")
                })?;
                machine.is_over(call, outcome, now);
                expected.finished(request(call), outcome, now);
            }
        }
    }
    escapes(check, name, script.len())
}

fn escapes(check: &mut Check, name: &str, events: usize) -> Proven {
    check.requires(CAUGHT, false, || {
        format!("Your script has {events} events, and {name} keeps its contract in all of them. What it allows and rejects is right so far.")
    })
}

#[test]
pub fn failsafe_is_caught() {
    check(|check| {
        let (mut machine, script) = (Failsafe393::new(), scripts::failsafe_393());
        let (mut asked, mut expected) = (BTreeSet::new(), Places::new(1, 1));
        for (at, event) in (1..).zip(&script) {
            let (told, right) = match *event {
                Visit::Ask(call) => {
                    check.requires(POSSIBLE, asked.insert(call), || {
                        format!("Event {at} of your script is Ask({call}), and call {call} has asked before.")
                    })?;
                    (format!("{:?}", machine.ask(call)), format!("{:?}", expected.ask(call)))
                }
                Visit::Over(call) => {
                    check.requires(POSSIBLE, expected.inside.contains(&call), || {
                        format!("Event {at} of your script is Over({call}), and call {call} is not inside.")
                    })?;
                    (given(machine.is_over(call)), given(expected.leave(call)))
                }
                Visit::GiveUp(call) => {
                    check.requires(POSSIBLE, expected.waiting.contains(&call), || {
                        format!("Event {at} of your script is GiveUp({call}), and call {call} does not wait.")
                    })?;
                    expected.leave(call);
                    machine.gives_up(call);
                    continue;
                }
            };
            if told != right {
                check.evidence(format!("Failsafe393 says at event {at}: {told}. By its contract it is: {right}."));
                return Ok(());
            }
        }
        escapes(check, "Failsafe393", script.len())
    });
}

fn given(next: Option<Call>) -> String {
    next.map_or_else(|| "the place is free".to_owned(), |call| format!("the place goes to call {call}"))
}
