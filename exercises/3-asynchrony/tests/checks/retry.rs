//! Task `retry`: when a call is made again, and how often at most.

use std::cell::Cell;

use testkit::check::{Check, Failure, Proven, Rule, check};

use super::hops::{MULTIPLIES, chain};
use super::purse::Purse;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::retry::{Answer, Call, Next, Policy, Retries};
use crate::subject::time::Millis;

const FULL_JITTER: Rule = Rule::new(
    "full jitter",
    "Each pause from nothing to the longest is possible, and each is as likely as the others. The longest doubles up to the cap.",
    "Brooker 2015, Exponential Backoff And Jitter, AWS Architecture Blog",
    "3-asynchrony/retry.md#full-jitter",
);

const HALF: Rule = Rule::new(
    "above half",
    "A retry is allowed while the bucket is more than half full: a failure takes a token out, and a success puts its fraction in.",
    "gRPC proposal A6, Throttling Retry Attempts and Hedged RPCs",
    "3-asynchrony/retry.md#a-budget",
);

const REPEATABLE: Rule = Rule::new(
    "only what may be repeated",
    "A call is made again only if it was refused before any work, or may be done twice, and if no service further down has tried again.",
    "gRPC proposal A6, Retryable Status Codes; Beyer et al. 2016, Site Reliability Engineering, chapter 21",
    "3-asynchrony/retry.md#invariants-to-keep",
);

const ATTEMPTS: Rule = Rule::new(
    "so often and no more",
    "A call is made at most as many times as the policy says.",
    "gRPC proposal A6, maxAttempts",
    "3-asynchrony/retry.md#invariants-to-keep",
);

const IN_TIME: Rule = Rule::new(
    "nothing after the deadline",
    "A call is made again only if the pause is over before its deadline.",
    "gRPC proposal A6: the deadline applies across all attempts",
    "3-asynchrony/retry.md#after-the-deadline",
);

const TRIES: Rule = Rule::new(
    "what may be tried again is",
    "A call that has all four permissions is made again.",
    "gRPC proposal A6",
    "3-asynchrony/retry.md#the-idea",
);

const SAYS: Rule = Rule::new(
    "the truth, to whoever is above",
    "A caller is told `Done` and `Refused` unchanged. Of every other call that is not made again, it is told `GivenUp`.",
    "Beyer et al. 2016, Site Reliability Engineering, chapter 21: retry only at the layer directly above",
    "3-asynchrony/retry.md#each-layer-tries-again",
);

/// All answers.
pub const ANSWERS: [Answer; 5] = [Answer::Done, Answer::Refused, Answer::Overloaded, Answer::Failed, Answer::GivenUp];

#[test]
pub fn every_pause_is_as_likely_as_the_others() {
    check(|check| {
        for (base, cap) in [(1, 1), (1, 8), (3, 10), (10, 7), (5, 40)] {
            for made in (1..=7).chain([64, 65, 1000, u32::MAX]) {
                is_fully_jittered(check, Backoff { base, cap }, made)?;
            }
        }
        for (base, cap) in [(100, 20_000), (1 << 40, u64::MAX), (u64::MAX, u64::MAX), (0, 1000)] {
            for made in (1..=70).chain([1000, u32::MAX]) {
                reaches_both_ends(check, Backoff { base, cap }, made)?;
            }
        }
        check.evidence(
            "nine back-offs, after up to 4,294,967,295 attempts: every pause up to the longest, and no longer one",
        );
        Ok(())
    });
}

/// The longest pause after so many attempts.
fn longest(backoff: Backoff, made: u32) -> Millis {
    let doubled = (1..made.min(66)).fold(u128::from(backoff.base), |span, _| span.saturating_mul(2));
    doubled.min(backoff.cap.into()) as Millis
}

/// Tries out everything that may be drawn.
fn is_fully_jittered(check: &mut Check, backoff: Backoff, made: u32) -> Proven {
    let longest = longest(backoff, made);
    let asked = Cell::new(0);
    let draw = |drawn: Millis| {
        backoff.pause(made, |most| {
            asked.set(most);
            drawn
        })
    };
    draw(0);
    let mut counted = vec![0_u64; longest as usize + 1];
    let most = asked.get();
    check.requires(FULL_JITTER, most < 1_000_000, || {
        format!("{} The pause is drawn from 0 to {most}.", after(backoff, made))
    })?;
    for drawn in 0..=most {
        let pause = draw(drawn);
        let fits = counted.get_mut(pause as usize).map(|count| *count += 1).is_some();
        check.requires(FULL_JITTER, fits, || {
            format!(
                "{} The longest pause is {longest}. When {drawn} of {most} is drawn, it is {pause}.",
                after(backoff, made)
            )
        })?;
    }
    let (fewest, most_often) = (counted.iter().min(), counted.iter().max());
    check.requires(FULL_JITTER, fewest == most_often, || {
        let rare = counted.iter().position(|count| Some(count) == fewest).unwrap_or_default();
        let often = counted.iter().position(|count| Some(count) == most_often).unwrap_or_default();
        format!(
            "{} Each pause from 0 to {longest} should be as likely as the others, but {} of {} draws lead to {often}, and {} to {rare}.",
            after(backoff, made),
            counted[often],
            most + 1,
            counted[rare]
        )
    })
}

fn after(backoff: Backoff, made: u32) -> String {
    format!("The base is {}, the cap {}, and the call was made {made} times.", backoff.base, backoff.cap)
}

fn reaches_both_ends(check: &mut Check, backoff: Backoff, made: u32) -> Proven {
    let mut ends = [backoff.pause(made, |_| 0), backoff.pause(made, |most| most)];
    ends.sort_unstable();
    check.requires(FULL_JITTER, ends == [0, longest(backoff, made)], || {
        format!(
            "{} The pauses should go from 0 to {}, but they go from {} to {}.",
            after(backoff, made),
            longest(backoff, made),
            ends[0],
            ends[1]
        )
    })
}

#[test]
pub fn retries_end_at_half_the_budget() {
    check(|check| {
        let mut sequences = 0;
        for (tokens, ratio) in [(1, 100), (2, 500), (3, 1000), (4, 700), (2, 2500), (5, 1)] {
            every_sequence(&[], 7, &mut |answers| {
                sequences += 1;
                let mut budget = Budget::new(tokens, ratio);
                let mut purse = Purse::new(tokens, ratio);
                for &answer in answers {
                    budget.hears(answer);
                    purse.hears(answer);
                }
                is_allowed(check, (tokens, ratio), answers, budget.allows_a_retry(), purse)
            })?;
        }
        for (tokens, ratio, answer, times) in [
            (10, 100, Answer::Failed, 40),
            (u32::MAX, u32::MAX, Answer::Done, 3),
            (4, 100, Answer::Done, 100),
            (1000, 1, Answer::Failed, 499),
            (1000, 1, Answer::Failed, 500),
        ] {
            let answers = vec![answer; times];
            let (mut budget, mut purse) = (Budget::new(tokens, ratio), Purse::new(tokens, ratio));
            answers.iter().for_each(|&answer| {
                budget.hears(answer);
                purse.hears(answer);
            });
            // After a long time without a success, and one after it.
            is_allowed(check, (tokens, ratio), &answers, budget.allows_a_retry(), purse)?;
            for _ in 0..2 * tokens.min(20) {
                budget.hears(Answer::Done);
                purse.hears(Answer::Done);
                is_allowed(check, (tokens, ratio), &answers, budget.allows_a_retry(), purse)?;
            }
        }
        check.evidence(format!("six budgets, and all {sequences} sequences of up to seven answers"));
        Ok(())
    });
}

fn is_allowed(
    check: &mut Check,
    (tokens, ratio): (u32, u32),
    answers: &[Answer],
    allowed: bool,
    purse: Purse,
) -> Proven {
    check.requires(HALF, allowed == purse.is_more_than_half_full(), || {
        let shown = if answers.len() > 12 { format!("{} times {:?}", answers.len(), answers[0]) } else { format!("{answers:?}") };
        format!(
            "A bucket of {tokens} tokens, into which a success puts {ratio} thousandths. After {shown} it holds {}, and a retry is {}.",
            purse,
            if allowed { "allowed" } else { "not allowed" }
        )
    })
}

/// All sequences of answers of up to so many that begin with `begun`.
fn every_sequence(begun: &[Answer], more: usize, then: &mut impl FnMut(&[Answer]) -> Proven) -> Proven {
    then(begun)?;
    if more == 0 {
        return Ok(());
    }
    // For the budget, what failed has failed: one of the three stands for all where sequences are long.
    let answers = if begun.len() < 2 { &ANSWERS[..] } else { &[Answer::Done, Answer::Failed] };
    for &answer in answers {
        every_sequence(&[begun, &[answer]].concat(), more - 1, then)?;
    }
    Ok(())
}

/// When the answers come.
const NOW: Millis = 40;

#[test]
pub fn four_permissions_are_needed() {
    check(|check| {
        let mut cases = 0;
        let small = Backoff { base: 1, cap: 2 };
        for attempts in [1, 2, 3] {
            for made in 1..=attempts {
                let policy = Policy { attempts, backoff: small };
                cases += every_case(check, policy, made, &[0, 40, 41, 42, 1000], &[0, 1, Millis::MAX])?;
            }
        }
        // Pauses that end beyond all time, and just within it.
        let rest = Millis::MAX - NOW;
        for backoff in [Backoff { base: 1 << 40, cap: Millis::MAX }, Backoff { base: Millis::MAX, cap: Millis::MAX }] {
            for (attempts, made) in [(3, 1), (3, 2), (u32::MAX, 65), (u32::MAX, u32::MAX - 1), (u32::MAX, u32::MAX)] {
                let policy = Policy { attempts, backoff };
                let deadlines = [0, 41, 1 << 41, Millis::MAX - 1, Millis::MAX];
                cases += every_case(check, policy, made, &deadlines, &[0, rest - 2, rest - 1, rest, Millis::MAX])?;
            }
        }
        check.evidence(format!("{cases} answers: every policy, call, budget, deadline and pause that may matter"));
        Ok(())
    });
}

/// Every answer to a call that was made so often, with each budget, deadline and draw. Says how many that are.
fn every_case(
    check: &mut Check,
    policy: Policy,
    made: u32,
    deadlines: &[Millis],
    drawn: &[Millis],
) -> Result<usize, Box<Failure>> {
    let mut cases = 0;
    for answer in ANSWERS {
        for repeatable in [true, false] {
            for heard in 0..4 {
                for &deadline in deadlines {
                    for &drawn in drawn {
                        cases += 1;
                        case(check, policy, &Call { repeatable, deadline, made }, answer, heard, drawn)?;
                    }
                }
            }
        }
    }
    Ok(cases)
}

/// An answer comes to a call. A budget of four tokens has heard of `heard` failures before.
fn case(check: &mut Check, policy: Policy, call: &Call, answer: Answer, heard: u32, drawn: Millis) -> Proven {
    let Policy { attempts, backoff } = policy;
    let (mut budget, mut purse) = (Budget::new(4, 500), Purse::new(4, 500));
    for _ in 0..heard {
        budget.hears(Answer::Failed);
        purse.hears(Answer::Failed);
    }
    let mut retries = Retries::new(policy, budget);
    let next = retries.hear(call, answer, NOW, |most| drawn.min(most));
    purse.hears(answer);
    let pause = backoff.pause(call.made, |most| drawn.min(most)); // which pause a draw leads to is up to the learner
    let in_time = NOW.checked_add(pause).is_some_and(|end| end < call.deadline);
    let failed = matches!(answer, Answer::Overloaded | Answer::Failed | Answer::GivenUp);
    let is_repeatable = answer == Answer::Overloaded || answer == Answer::Failed && call.repeatable;
    let broken = match next {
        Next::Retry { .. } if !is_repeatable => Some(REPEATABLE),
        Next::Retry { .. } if call.made >= attempts => Some(ATTEMPTS),
        Next::Retry { .. } if !purse.is_more_than_half_full() => Some(HALF),
        Next::Retry { .. } if !in_time => Some(IN_TIME),
        Next::Retry { after } if after != pause => Some(FULL_JITTER),
        Next::Retry { .. } => None,
        Next::Say(_) if is_repeatable && call.made < attempts && purse.is_more_than_half_full() && in_time => {
            Some(TRIES)
        }
        Next::Say(said) => (said != if failed { Answer::GivenUp } else { answer }).then_some(SAYS),
    };
    if let Some(rule) = broken {
        check.requires(rule, false, || {
            format!(
                "{call:?} has come back at {NOW} with {answer:?}. At most {attempts} attempts are allowed, {pause} was drawn for the pause, and \
                 the bucket of 4 tokens holds {purse} by now. What comes next is {next:?}."
            )
        })?;
    }
    check.requires(HALF, retries.budget().allows_a_retry() == purse.is_more_than_half_full(), || {
        format!(
            "{call:?} has come back with {answer:?}. The bucket of 4 tokens should hold {purse} by now, and does not: whether a retry is allowed \
             says so."
        )
    })
}

#[test]
pub fn a_chain_does_not_multiply() {
    check(|check| {
        for (what, answer) in [("is overloaded", Answer::Overloaded), ("fails", Answer::Failed)] {
            for failures in [1, 2, 3, 9] {
                let scope = format!("three services above one that {what}, {failures} times");
                let cluster = chain(answer, failures).always(MULTIPLIES, super::hops::is_called_seldom);
                check.exhausts(&scope, cluster)?;
            }
        }
        Ok(())
    });
}
