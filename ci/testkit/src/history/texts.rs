//! Long histories of texts: fifty clients, thousands of operations, appends, and requests that were lost.

use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use super::made_up::{Answer, Ask, Dice, Planted, Shape, Text, Told, happened};
use super::{Judged, Misfit, Operation, Verdict, judge, linearizable_by_key};

/// Fifty clients on ten keys. Half of what they do is get, and appends are told nothing: their order is known only from
/// what is read later.
const SILENT: Shape =
    Shape { operations: 2_000, clients: 50, keys: 10, lost_one_in: 0, gets: 5, puts: 0, appends_tell: false };
/// The same with appends that return the whole text.
const TELLING: Shape = Shape { gets: 3, appends_tell: true, ..SILENT };
/// The same on one key: each operation overlaps with all fifty clients.
const CROWDED: Shape = Shape { keys: 1, ..TELLING };
/// Here too many appends run at once to tell whether one of their later answers is to blame.
const CROWD: &str = "fifty clients on one key";
/// One request in fifty is lost, one in ten replaces the text.
const LOSSY: Shape = Shape { operations: 4_000, lost_one_in: 50, puts: 1, ..TELLING };

fn judged(history: &[Told]) -> Verdict<Answer> {
    linearizable_by_key(|_| Text::default(), history, |(key, _)| *key)
}

#[test]
fn what_happened_is_accepted() {
    for (shape, most, why) in [
        (Shape { puts: 1, ..SILENT }, 400_000, "silent appends"),
        (TELLING, 30_000, "appends that tell"),
        (CROWDED, 100_000, CROWD),
        (LOSSY, 300_000, "lost requests"),
    ] {
        for seed in 0..3 {
            let verdict = judged(&happened(&shape, seed));
            assert!(verdict.is_linearizable(), "{why}, seed {seed}: {verdict:?}");
            assert!(verdict.steps() < most, "{why}, seed {seed}: {} steps", verdict.steps());
        }
    }
}

#[test]
fn what_was_planted_is_found_where_it_was_planted() {
    for (shape, most, why) in [
        (SILENT, 1_000_000, "silent appends"),
        (TELLING, 30_000, "appends that tell"),
        (CROWDED, 100_000, CROWD),
        (LOSSY, 300_000, "lost requests"),
    ] {
        for (planted, seed) in Planted::ALL.into_iter().flat_map(|planted| (0..3).map(move |seed| (planted, seed))) {
            let mut history = happened(&shape, seed);
            let at = planted.plant(&mut history, shape.operations * 3 / 4);
            let verdict = judged(&history);
            let Verdict::Not { steps, misfit } = verdict else {
                panic!("{why}, {planted:?}, seed {seed}: {verdict:?}")
            };
            let named = misfit.operation == at || !misfit.alone && misfit.beside.contains(&at);
            assert!(named, "{why}, {planted:?}, seed {seed}: {misfit:?}");
            assert!(misfit.alone || why == CROWD, "{why}, {planted:?}, seed {seed}: {:?}", misfit.beside);
            assert!(steps < most, "{why}, {planted:?}, seed {seed}: {steps} steps");
            let told = history[misfit.operation].returned.as_ref().map(|(_, answer)| answer);
            assert!(
                !misfit.fitting.is_empty() && misfit.fitting.iter().all(|fitting| Some(fitting) != told),
                "{why}, {planted:?}, seed {seed}: {:?}",
                misfit.fitting
            );
        }
    }
}

#[test]
fn a_key_that_is_hard_does_not_delay_the_verdict_on_another() {
    // Twenty appends at once, of which nobody reads anything but that they all came, in an order that none of them has.
    let mut history: Vec<Told> = (0..20).map(|word| asked(word, 0, Ask::Append(format!("<{word}>")), 1, 2)).collect();
    history.push(told(20, 0, Ask::Get, 3, 4, &"<0>".repeat(20)));
    history.push(told(21, 1, Ask::Get, 5, 6, "<never written>"));
    let verdict = judged(&history);
    let Verdict::Not { steps, misfit } = verdict else { panic!("{verdict:?}") };
    assert_eq!(misfit.operation, 21);
    assert!(steps < 10_000, "{steps} steps");
}

#[test]
fn a_search_that_is_too_large_says_so() {
    let lost: Vec<Told> = (0..20)
        .map(|word| Operation { client: word, op: (0, Ask::Append(format!("<{word}>"))), invoked: 1, returned: None })
        .collect();
    let history = [lost, vec![told(20, 0, Ask::Get, 3, 4, "<never written>")]].concat();
    let calls = history.iter().enumerate().map(|(index, operation)| operation.call(index)).collect();
    let verdict = judge(vec![Judged::new(Text::default(), calls)], 50_000);
    assert!(matches!(verdict, Verdict::Undecided { steps: 50_000..60_000 }), "{verdict:?}");
}

/// n0's answer shows the word `<1>`, whose append returns later with an answer that contradicts it. Twenty other appends
/// run at that time: too many orders to see that they are not to blame.
fn contradiction() -> Vec<Told> {
    let tell = |word: usize| Ask::AppendAndGet(format!("<{word}>"));
    let mut history = vec![told(0, 0, tell(0), 1, 10, "<1><0>"), told(1, 0, tell(1), 2, 11, "<0><1>")];
    history.extend((2..22).map(|word| told(word, 0, tell(word), 3, 10 + word as u64, &format!("<0><1><{word}>"))));
    history
}

#[test]
fn a_contradiction_between_two_answers_is_told_as_one_where_telling_more_would_take_too_long() {
    let history = contradiction();
    let Verdict::Not { misfit, .. } = judged(&history) else { panic!("accepted") };
    assert_eq!((misfit.operation, misfit.alone, misfit.ordered), (0, false, 0));
    assert_eq!(misfit.fitting, [Answer::Whole("<0>".to_owned())]);
    let sentence = misfit.sentence(&history);
    let begins = "No order explains that c0's (0, AppendAndGet(\"<0>\")) was answered by Whole(\"<1><0>\"), if c1's \
                  (0, AppendAndGet(\"<1>\")) was answered by Whole(\"<0><1>\")";
    assert!(sentence.starts_with(begins), "{sentence}");
}

#[test]
fn a_contradiction_between_two_answers_is_blamed_on_the_later_one_where_that_can_be_told() {
    let history = &contradiction()[..6];
    let Verdict::Not { misfit, .. } = judged(history) else { panic!("accepted") };
    assert_eq!((misfit.operation, misfit.alone, misfit.ordered), (1, true, 1));
}

fn asked(client: usize, key: usize, ask: Ask, invoked: u64, returned: u64) -> Told {
    Operation { client, op: (key, ask), invoked, returned: Some((returned, Answer::Done)) }
}

fn told(client: usize, key: usize, ask: Ask, invoked: u64, returned: u64, text: &str) -> Told {
    Operation { client, op: (key, ask), invoked, returned: Some((returned, Answer::Whole(text.to_owned()))) }
}

/// What stateright's tester says of the events up to `time`: the history without what came later.
fn accepted_by_stateright(history: &[Told], time: u64) -> bool {
    let mut events: Vec<(u64, usize, Option<&Answer>)> = Vec::new();
    for (index, operation) in history.iter().enumerate() {
        events.push((operation.invoked, index, None));
        events.extend(operation.returned.iter().map(|(at, answer)| (*at, index, Some(answer))));
    }
    events.sort_by_key(|&(at, ..)| at);
    let mut tester = LinearizabilityTester::new(Text::default());
    for (_, index, answer) in events.into_iter().filter(|&(at, ..)| at <= time) {
        let Operation { client, op, .. } = &history[index];
        match answer {
            None => tester.on_invoke(*client, op.clone()).map(drop),
            Some(answer) => tester.on_return(*client, answer.clone()).map(drop),
        }
        .expect("each client has one operation at a time");
    }
    tester.is_consistent()
}

/// The first return after which stateright accepts nothing any more.
fn first_misfit(history: &[Told]) -> Option<usize> {
    let returned = |index: &usize| history[*index].returned.as_ref().map(|(at, _)| *at);
    let mut returns: Vec<usize> = (0..history.len()).filter(|index| returned(index).is_some()).collect();
    returns.sort_by_key(returned);
    returns.into_iter().find(|index| !accepted_by_stateright(history, returned(index).unwrap_or(0)))
}

#[test]
fn verdicts_and_explanations_agree_with_stateright_on_small_random_histories() {
    let (mut accepted, mut rejected) = (0, 0);
    for seed in 0..6_000 {
        let mut dice = Dice(seed);
        let (lost_one_in, appends_tell) = ([0, 4][dice.roll(2) as usize], dice.one_in(2));
        let operations = 3 + dice.roll(4) as usize;
        let mut history =
            happened(&Shape { operations, clients: 3, keys: 1, lost_one_in, gets: 4, puts: 2, appends_tell }, seed);
        let told: Vec<Answer> = history.iter().flat_map(|told| Some(told.returned.as_ref()?.1.clone())).collect();
        for operation in &mut history {
            if let Some((_, answer @ Answer::Whole(_))) = &mut operation.returned
                && dice.one_in(2)
                && let other @ Answer::Whole(_) = &told[dice.roll(told.len() as u64) as usize]
            {
                *answer = other.clone();
            }
        }
        let expected = first_misfit(&history);
        let verdict = judged(&history);
        match &verdict {
            Verdict::Not { misfit, .. } => {
                assert_eq!((Some(misfit.operation), misfit.alone), (expected, true), "seed {seed}: {history:?}");
                check_fitting(&history, misfit);
                rejected += 1;
            }
            _ => {
                assert_eq!((expected, verdict.is_linearizable()), (None, true), "seed {seed}: {history:?}");
                accepted += 1;
            }
        }
    }
    assert!(accepted > 1_500 && rejected > 900, "{accepted} accepted, {rejected} rejected");
}

/// Each answer that is offered would have been accepted.
fn check_fitting(history: &[Told], misfit: &Misfit<Answer>) {
    let mut history = history.to_vec();
    assert!(!misfit.fitting.is_empty());
    for answer in &misfit.fitting {
        let (time, _) = history[misfit.operation].returned.clone().expect("it returned");
        history[misfit.operation].returned = Some((time, answer.clone()));
        assert!(accepted_by_stateright(&history, time), "{answer:?} would not have fitted: {history:?}");
    }
}
