//! Task `hedging`: when a second copy is sent, and what comes of two.

use testkit::check::{Check, Proven, check};

use super::hedged::Hedged;
use super::replicas::{Plan, replicas};
use crate::subject::hedging::{Answer, Attempt, RequestId, Settings};
use crate::subject::time::Millis;

/// What can happen to the machine.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A request begins: repeatable or not, with so much time.
    Begins(bool, Millis),
    /// So much time passes, and the machine is asked for second copies.
    Passes(Millis),
    /// The first or second copy of a request is answered.
    Hears(Attempt, Answer),
    Leaves(RequestId),
}
use Attempt::{First, Second};
use Event::{Begins, Hears, Leaves, Passes};

const LONG: Millis = 1_000;

/// Half a copy a request, one latency is enough, and the delay is the longest one.
const SETTINGS: Settings = Settings { percentile: 1000, remembers: 3, needs: 1, share: 500, saves: 1, calm: 3 };

/// A machine that has heard of so many latencies, one after the other, and the time.
fn after(settings: Settings, latencies: &[Millis]) -> (Hedged, Millis) {
    let (mut hedged, mut now) = (Hedged::new(settings), 0);
    for &latency in latencies {
        hedged.usual(latency, now);
        now += latency;
    }
    (hedged, now)
}

/// What was looked at.
#[derive(Default)]
struct Seen {
    runs: u64,
    sent: u64,
}

/// Each sequence of so many of the events, the short ones first.
fn each(check: &mut Check, what: &str, (start, now): (Hedged, Millis), events: &[Event], most: usize) -> Proven {
    let mut seen = Seen::default();
    for length in 1..=most {
        let mut run = Vec::new();
        if let Some((broken, run)) = search(&start, now, events, length, &mut run, &mut seen) {
            let (rule, why) = broken;
            return check.requires(rule, false, || format!("{why} What happened, from {now} on: {run:?}."));
        }
    }
    assert!(seen.sent > 0, "{what}: no run has a second copy");
    check.evidence(format!(
        "{what}: {} runs of up to {most} events; second copies are sent in {} of them",
        seen.runs, seen.sent
    ));
    Ok(())
}

type Wrong = (super::oracle::Broken, Vec<Event>);

fn search(
    hedged: &Hedged,
    now: Millis,
    events: &[Event],
    left: usize,
    run: &mut Vec<Event>,
    seen: &mut Seen,
) -> Option<Wrong> {
    if left == 0 {
        seen.runs += 1;
        seen.sent += u64::from(hedged.sent > 0);
        return None;
    }
    for &event in events {
        let (mut next, mut time) = (hedged.clone(), now);
        happens(&mut next, &mut time, event);
        run.push(event);
        if let Some(broken) = next.broken.take() {
            return Some((broken, run.clone()));
        }
        if let Some(wrong) = search(&next, time, events, left - 1, run, seen) {
            return Some(wrong);
        }
        run.pop();
    }
    None
}

fn happens(hedged: &mut Hedged, now: &mut Millis, event: Event) {
    match event {
        Begins(repeatable, time) => {
            hedged.begin(repeatable, *now + time, *now);
        }
        Passes(time) => {
            *now += time;
            hedged.tick(*now);
        }
        Hears(copy, answer) => {
            hedged.answer(copy, answer, *now);
        }
        Leaves(request) => {
            hedged.leave(request, *now);
        }
    }
}

#[test]
pub fn the_delay_is_a_percentile() {
    check(|check| {
        let mut lists = vec![vec![]];
        for length in 1..=6 {
            let all = (0..3_u64.pow(length))
                .map(|number| (0..length).map(|digit| 1 + number / 3_u64.pow(digit) % 3).collect());
            lists.extend(all);
        }
        // Forty latencies, all different, in an order that is neither up nor down.
        lists.push((0..40).map(|number| 1 + number * 17 % 41).collect());
        let mut looked = 0;
        for percentile in [1, 333, 500, 667, 950, 999, 1000] {
            for (remembers, needs) in [(1, 1), (3, 2), (5, 5), (20, 20), (40, 3)] {
                let settings = Settings { percentile, remembers, needs, share: 0, saves: 1, calm: 0 };
                for list in &lists {
                    let (mut hedged, _) = after(settings, list);
                    hedged.compare_percentiles();
                    looked += 1;
                    if let Some((rule, why)) = hedged.broken {
                        let why =
                            format!("{why} Of the latest {remembers}, {percentile} thousandths; {needs} are needed.");
                        return check.requires(rule, false, || why.clone());
                    }
                }
            }
        }
        check.evidence(format!("{looked} lists of latencies"));
        Ok(())
    });
}

#[test]
pub fn second_copies_are_few() {
    check(|check| {
        let events = [Begins(true, LONG), Begins(false, LONG), Passes(2)];
        for (share, saves) in [(500, 1), (500, 2), (300, 1), (1000, 1), (1000, 3)] {
            let settings = Settings { share, saves, ..SETTINGS };
            each(check, &format!("{share} thousandths each, {saves} at most"), after(settings, &[1]), &events, 9)?;
        }
        one_in_twenty(check)
    });
}

/// A thousand slow requests, one after the other: the worst that can happen to a budget. They fail, so what is usual stays as it was.
fn one_in_twenty(check: &mut Check) -> Proven {
    let settings = Settings { share: 50, saves: 10, ..SETTINGS };
    let (mut hedged, mut now) = after(settings, &[1]);
    for _ in 0..1_000 {
        let id = hedged.begin(true, now + LONG, now);
        now += 2;
        hedged.tick(now);
        hedged.answer(First(id), Answer::Failed, now);
        hedged.answer(Second(id), Answer::Failed, now);
    }
    if let Some((rule, why)) = hedged.broken.take() {
        return check.requires(rule, false, || format!("A thousand slow requests, one after the other. {why}"));
    }
    assert!(hedged.sent > 0, "no second copy was sent");
    check.evidence(format!(
        "1000 slow requests, one after the other, at 50 thousandths each: {} second copies",
        hedged.sent
    ));
    Ok(())
}

#[test]
pub fn a_second_copy_is_sent_when_it_helps() {
    check(|check| {
        let settings = Settings { share: 1000, saves: 2, ..SETTINGS };
        let events = [Begins(true, LONG), Begins(true, 3), Begins(false, LONG), Passes(1), Passes(2)];
        each(check, "requests with and without time", after(settings, &[2]), &events, 7)?;
        let events =
            [Begins(true, LONG), Passes(1), Hears(First(1), Answer::Failed), Hears(First(1), Answer::Done), Leaves(1)];
        each(check, "a first copy that is over", after(settings, &[1]), &events, 7)?;
        let events = [
            Begins(true, LONG),
            Passes(1),
            Passes(2),
            Hears(First(1), Answer::Overloaded),
            Hears(Second(1), Answer::Overloaded),
        ];
        for calm in [0, 1, 3] {
            let start = after(Settings { calm, ..settings }, &[1]);
            each(check, &format!("a service that is overloaded, and a calm of {calm}"), start, &events, 7)?;
        }
        nothing_is_known(check)
    });
}

/// Without latencies no second copy is sent, however long it takes.
fn nothing_is_known(check: &mut Check) -> Proven {
    let settings = Settings { share: 1000, needs: 2, ..SETTINGS };
    for known in [&[][..], &[1]] {
        let (mut hedged, now) = after(settings, known);
        hedged.begin(true, now + LONG, now);
        for passed in [1, 2, 100, LONG - 1] {
            hedged.tick(now + passed);
        }
        if let Some((rule, why)) = hedged.broken.take() {
            return check.requires(rule, false, || {
                format!("Of two latencies that are needed, {} are known. {why}", known.len())
            });
        }
    }
    Ok(())
}

#[test]
pub fn what_was_cancelled_was_slow() {
    check(|check| {
        let events = [
            Begins(true, LONG),
            Passes(1),
            Passes(3),
            Hears(First(2), Answer::Done),
            Hears(Second(2), Answer::Done),
            Hears(First(2), Answer::Failed),
            Leaves(2),
        ];
        for percentile in [1, 500, 1000] {
            let settings = Settings { percentile, share: 1000, remembers: 4, ..SETTINGS };
            let start = after(settings, &[1, 2]);
            each(check, &format!("losers, and a percentile of {percentile}"), start, &events, 6)?;
        }
        let events = [
            Begins(true, LONG),
            Passes(2),
            Hears(First(1), Answer::Refused),
            Hears(Second(1), Answer::Refused),
            Hears(Second(1), Answer::Done),
            Hears(First(1), Answer::Overloaded),
            Leaves(1),
        ];
        let start = after(Settings { share: 1000, ..SETTINGS }, &[1]);
        each(check, "answers that are no latencies", start, &events, 6)
    });
}

#[test]
pub fn one_answer_and_no_copy_left() {
    check(|check| {
        use Answer::{Done, Failed, Overloaded, Refused};
        let each = [Some(Done), Some(Refused), Some(Failed), Some(Overloaded), None];
        for first in each {
            let plans: Vec<Vec<Plan>> = each.iter().map(|second| vec![Plan { first, second: *second }]).collect();
            for plan in &plans {
                check.exhausts(&format!("{:?}", plan[0]), replicas(6, &[plan]))?;
            }
        }
        let fails = Plan { first: Some(Failed), second: Some(Done) };
        let slow = Plan { first: None, second: Some(Done) };
        let done = Plan { first: Some(Done), second: Some(Done) };
        check.exhausts("two clients", replicas(5, &[&[fails, done], &[slow]]))
    });
}
