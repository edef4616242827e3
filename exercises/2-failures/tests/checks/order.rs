//! The order of things in one tick: the log comes first, then the fault, then what came of it.

use testkit::check::{Check, Proven};

use super::monkey_rules::AUDIT;
use super::trial::{Event, Trial, What, told_of};
use crate::subject::monkey::Entry;

/// In one tick: before each fault its announcement, and behind it what came of it.
pub fn requires_order(check: &mut Check, trial: &Trial, tick: &[Event]) -> Proven {
    let mut announced = Vec::new();
    let log_works = !tick.iter().any(|event| matches!(event.what, What::NotWritten(_)));
    for (at, event) in tick.iter().enumerate() {
        if let Some(Entry::Will { fault, dry: false }) = event.wrote() {
            announced.push(fault);
        }
        let Some(fault) = event.fault() else { continue };
        let before = announced.iter().position(|announced| *announced == fault);
        check.requires(AUDIT, before.is_some(), || {
            let tried = tick[..at].iter().any(|event| matches!(event.what, What::NotWritten(_)));
            let why = if tried { "the log had refused to record it" } else { "the log did not hold it" };
            format!("This was done, although {why}.\n{}\n{}", told_of(&trial.config, event.now, fault), listed(tick))
        })?;
        announced.remove(before.unwrap_or(0));
        let outcome = |later: &Event| match (&later.what, &event.what) {
            (What::Wrote(Entry::Done { fault }) | What::NotWritten(Entry::Done { fault }), What::Did(did)) => {
                fault == did
            }
            (
                What::Wrote(Entry::Failed { fault, .. }) | What::NotWritten(Entry::Failed { fault, .. }),
                What::Botched(did),
            ) => fault == did,
            _ => false,
        };
        check.requires(AUDIT, !log_works || tick[at..].iter().any(outcome), || {
            format!(
                "What came of this was not recorded as it happened.\n{}\n{}",
                told_of(&trial.config, event.now, fault),
                listed(tick)
            )
        })?;
    }
    let refused = tick.iter().position(|event| matches!(event.what, What::NotWritten(_)));
    let outcome_refused =
        refused.is_some_and(|at| matches!(&tick[at].what, What::NotWritten(Entry::Done { .. } | Entry::Failed { .. })));
    // Whoever announces all faults before the first still does those that were announced when the log refuses another.
    let goes_on = |event: &Event| {
        let announces = matches!(event.what, What::Wrote(Entry::Will { .. }) | What::NotWritten(Entry::Will { .. }));
        announces || outcome_refused && event.fault().is_some()
    };
    let after = refused.map_or(&[][..], |at| &tick[at + 1..]);
    check.requires(AUDIT, !after.iter().any(goes_on), || {
        format!("The audit log refused something, and the monkey went on in the same tick.\n{}", listed(tick))
    })?;
    let told = tick.iter().any(|event| event.what == What::Refused) != log_works;
    check.requires(AUDIT, told, || {
        format!("`tick` returns an error if, and only if, the audit log has refused something.\n{}", listed(tick))
    })?;
    check.requires(AUDIT, announced.is_empty() || outcome_refused, || {
        format!("A fault was announced, but not done.\n{}", listed(tick))
    })
}

/// The events of a tick, one a line.
fn listed(tick: &[Event]) -> String {
    let lines: Vec<_> = tick.iter().map(|event| format!("  {}", event.what)).collect();
    format!("In this tick, in order:\n{}", lines.join("\n"))
}
