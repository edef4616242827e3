//! Task `faults`: each script finds out servers that are wrong in one way, and right ones bear it.

use testkit::check::{Check, Proven, Rule, check};

use super::planted::flaw::{ANSWERS_TOO_SOON, BEGINS_ANEW, EMPTIES_SNAPSHOTS, FORGETS_ITS_VOTE, READS_FOR_FREE};
use super::planted::{LIMIT, Planted};
use super::raft::servers::{one_map_told_it, played_on};
use crate::subject::faults::{self, Script};
use crate::subject::snapshot::Compacting;

const PLAYABLE: Rule = Rule::new(
    "a script can be played",
    "Each step names servers that exist, timers that are armed, and clients that are not waiting for an answer.",
    "documentation of testkit::schedule",
    "2-failures/chaos.md#the-task-faults",
);

const BORNE: Rule = Rule::new(
    "correct servers survive every script",
    "One map could have given all the answers of your own servers, in some order.",
    "Herlihy & Wing 1990: linearizability",
    "2-failures/chaos.md#the-task-faults",
);

const FOUND_OUT: Rule = Rule::new(
    "wrong servers are found out",
    "No map could have given the answers of the wrong servers, in any order.",
    "Herlihy & Wing 1990: linearizability",
    "2-failures/chaos.md#the-task-faults",
);

/// Demands that the learner's own servers bear a script, and that those with a flaw are found out by it.
fn tells<const FLAW: u8>(check: &mut Check, size: usize, script: &Script, flaw: &str) -> Proven {
    let scope = "your script on your own servers";
    let played = check.plays(scope, played_on::<Compacting<LIMIT>>(size), script)?;
    let story = one_map_told_it(&played.view());
    check
        .requires_of_run(scope, &played, BORNE, story.is_ok(), || story.as_ref().err().cloned().unwrap_or_default())?;
    let scope = format!("your script on servers that {flaw}");
    let played = match played_on::<Planted<FLAW>>(size).play(script) {
        Ok(played) => played,
        Err(unplayable) => {
            return check.requires_of_run(&scope, &unplayable.played, PLAYABLE, false, || {
                format!("On servers that {flaw}, step {} cannot be played: {}.", unplayable.number, unplayable.why)
            });
        }
    };
    let story = one_map_told_it(&played.view());
    check.requires_of_run(&scope, &played, FOUND_OUT, story.is_err(), || {
        format!(
            "These servers {flaw}, and got away with it: one map could have given all the answers that clients got."
        )
    })?;
    check.evidence(format!("{} steps: servers that {flaw} are found out, and yours pass", script.len()));
    Ok(())
}

#[test]
pub fn a_leader_that_reads_for_free_is_found_out() {
    check(|check| tells::<READS_FOR_FREE>(check, 3, &faults::reads_for_free(), "answer reads from their own memory"));
}

#[test]
pub fn an_answer_before_the_majority_is_found_out() {
    check(|check| {
        tells::<ANSWERS_TOO_SOON>(check, 3, &faults::answered_too_soon(), "answer a write when it is in their own log")
    });
}

#[test]
pub fn a_server_that_begins_anew_is_found_out() {
    check(|check| tells::<BEGINS_ANEW>(check, 3, &faults::begun_anew(), "start with nothing"));
}

#[test]
pub fn a_vote_that_is_forgotten_is_found_out() {
    check(|check| tells::<FORGETS_ITS_VOTE>(check, 5, &faults::two_votes(), "forget their vote at a start"));
}

#[test]
pub fn an_empty_snapshot_is_found_out() {
    check(|check| {
        tells::<EMPTIES_SNAPSHOTS>(check, 3, &faults::an_empty_snapshot(), "take snapshots without what is in them")
    });
}
