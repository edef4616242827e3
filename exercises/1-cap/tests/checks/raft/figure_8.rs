//! Task `figure-8`: a schedule in which a leader that counts copies breaks its word.

use testkit::check::{Check, Proven, Rule, check};

use super::counting::Counting;
use super::counting::counts::{COPIES, ITS_OWN_TERM};
use super::servers::{one_map_told_it, played_on};
use crate::subject::schedules::figure_8;

const LOST: Rule = Rule::new(
    "an answer is taken back",
    "The schedule leads servers that count copies of any term to answers that no single map could have given.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.4.2 and figure 8",
    "1-cap/raft-commit.md#figure-8",
);

const KEPT: Rule = Rule::new(
    "counting only the own term keeps every answer",
    "The same schedule leads servers that count entries of their own term to answers that a single map could have given.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.4.2",
    "1-cap/raft-commit.md#figure-8",
);

#[test]
pub fn counting_copies_takes_an_answer_back() {
    check(|check| {
        let (scope, schedule) = ("your schedule on three servers that count copies", figure_8());
        let played = check.plays(scope, played_on::<Counting<COPIES>>(3), &schedule)?;
        let story = one_map_told_it(&played.view());
        check.requires_of_run(scope, &played, LOST, story.is_err(), || {
            "The leaders got away with it: one map could have given all the answers that clients got. Let a client be told that \
             its command is done, let the entry be lost, and let another client see that."
                .to_owned()
        })?;
        let steps = schedule.len();
        check.evidence(format!("{steps} steps: an answer is taken back, though a majority held the entry"));
        keeps_its_word(check)
    });
}

/// Plays the schedule on servers that count entries of their own term, up to where a client would have to ask that still waits.
fn keeps_its_word(check: &mut Check) -> Proven {
    let scope = "your schedule on three servers that count entries of their own term";
    let played =
        played_on::<Counting<ITS_OWN_TERM>>(3).play(&figure_8()).unwrap_or_else(|unplayable| unplayable.played);
    let story = one_map_told_it(&played.view());
    check.requires_of_run(scope, &played, KEPT, story.is_ok(), || story.as_ref().err().cloned().unwrap_or_default())?;
    check.evidence("the same steps where a leader counts entries of its own term: every answer holds");
    Ok(())
}
