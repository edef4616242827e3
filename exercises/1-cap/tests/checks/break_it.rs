//! Task `break`: a schedule in which the naive register gives itself away.

use testkit::check::{Check, Proven, Rule, check};
use testkit::cluster::Cluster;

use super::spec::register;
use crate::subject::naive::Naive;
use crate::subject::schedules::stale_read;

const BROKEN: Rule = Rule::new(
    "the schedule must end in a stale read",
    "The schedule leads the naive register to answers that no single copy could have given.",
    "Gilbert & Lynch 2002, Brewer's Conjecture and the Feasibility of Consistent, Available, Partition-Tolerant Web Services, \
     theorem 1",
    "1-cap/break.md#tasks",
);

const SHORTEST: Rule = Rule::new(
    "shortest schedule",
    "No shorter schedule does this: three steps are enough.",
    "found by trying every schedule of one and two steps",
    "1-cap/break.md#tasks",
);

/// The most steps of a shortest schedule.
const STEPS: usize = 3;

#[test]
pub fn the_naive_register_is_not_linearizable() {
    check(|check| {
        play(check)?;
        Ok(())
    });
}

#[test]
pub fn three_steps_are_enough() {
    check(|check| {
        play(check)?;
        let steps = stale_read().len();
        check.requires(SHORTEST, steps <= STEPS, || {
            format!("Your schedule breaks the register in {steps} steps. It can be done in {STEPS}.")
        })
    });
}

fn play(check: &mut Check) -> Proven {
    const SCOPE: &str = "your schedule on three naive servers";
    let schedule = stale_read();
    let played = check.plays(SCOPE, Cluster::<Naive, _>::new(3, register()), &schedule)?;
    check.requires_of_run(SCOPE, &played, BROKEN, !played.view().history().holds(), || {
        "The register got away with it: one order of the operations explains all of its answers. Find a read that must see a \
         write and does not."
            .to_owned()
    })?;
    check.evidence(format!("{} steps: no order of the operations explains the answers", schedule.len()));
    Ok(())
}
