//! Known histories, thousands of small ones beside stateright's tester, and long ones.
//!
//! Random numbers come from splitmix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators")
//! with fixed seeds, so each run of the tests judges the same histories.

use stateright::semantics::register::Register;
use stateright::semantics::register::RegisterOp::{self, Read, Write};
use stateright::semantics::register::RegisterRet::{self, ReadOk, WriteOk};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use super::{Misfit, Operation, Verdict, linearizable, linearizable_by_key};

type RegisterOperation = Operation<RegisterOp<u32>, RegisterRet<u32>>;

fn write(client: usize, value: u32, invoked: u64, returned: u64) -> RegisterOperation {
    Operation { client, op: Write(value), invoked, returned: Some((returned, WriteOk)) }
}

fn read(client: usize, value: u32, invoked: u64, returned: u64) -> RegisterOperation {
    Operation { client, op: Read, invoked, returned: Some((returned, ReadOk(value))) }
}

fn lost_write(client: usize, value: u32, invoked: u64) -> RegisterOperation {
    Operation { client, op: Write(value), invoked, returned: None }
}

fn misfit(history: &[RegisterOperation]) -> Option<Misfit<RegisterRet<u32>>> {
    match linearizable(Register(0), history) {
        Verdict::Linearizable { .. } => None,
        Verdict::Not { misfit, .. } => Some(misfit),
        Verdict::Undecided { steps } => panic!("no verdict after {steps} steps"),
    }
}

#[test]
fn histories_with_an_order_are_accepted() {
    for (history, why) in [
        (vec![], "nothing happened"),
        (vec![read(0, 0, 1, 2)], "the initial value is read"),
        (vec![write(0, 1, 1, 2), read(1, 1, 3, 4)], "a write is seen"),
        (vec![write(0, 1, 1, 6), read(1, 1, 2, 3), read(1, 1, 4, 5)], "a write takes effect before it returns"),
        (vec![write(0, 1, 1, 6), read(1, 0, 2, 3), read(1, 1, 4, 5)], "a write takes effect between two reads"),
        (
            // Herlihy & Wing's point that overlapping operations may take effect in any order.
            vec![
                write(0, 1, 1, 10),
                write(1, 2, 2, 11),
                write(2, 3, 3, 12),
                read(3, 3, 4, 5),
                read(3, 2, 6, 7),
                read(3, 1, 8, 9),
            ],
            "three writes take effect in the reverse order of their calls",
        ),
        (vec![lost_write(0, 1, 1), read(1, 0, 2, 3), read(1, 0, 4, 5)], "a lost write never happens"),
        (vec![lost_write(0, 1, 1), read(1, 0, 2, 3), read(1, 1, 4, 5)], "a lost write happens late"),
        (vec![lost_write(0, 1, 1), write(1, 2, 2, 3), read(1, 1, 4, 5)], "a lost write happens after a later one"),
        (vec![write(0, 1, 1, 2), read(1, 0, 2, 3)], "events of the same time overlap"),
    ] {
        assert_eq!(misfit(&history), None, "{why}");
    }
}

#[test]
fn histories_without_an_order_are_rejected_at_the_first_answer_that_cannot_be() {
    for (history, operation, ordered, beside, fitting, why) in [
        (vec![read(0, 7, 1, 2)], 0, 0, vec![], vec![0], "a value that nobody wrote"),
        (vec![write(0, 1, 1, 2), read(1, 0, 3, 4)], 1, 1, vec![], vec![1], "a stale read"),
        (
            vec![write(0, 1, 1, 8), read(1, 1, 2, 3), read(2, 0, 4, 5), read(1, 1, 6, 7)],
            2,
            1,
            vec![0],
            vec![1],
            "an old value after a new one, while the write still runs (ABD without write-back)",
        ),
        (
            vec![write(0, 1, 1, 4), write(1, 2, 2, 3), read(0, 1, 5, 6), read(1, 2, 7, 8)],
            3,
            3,
            vec![],
            vec![1],
            "two readers see two writes in two orders",
        ),
        (
            vec![lost_write(0, 1, 1), read(1, 1, 2, 3), read(1, 0, 4, 5)],
            2,
            1,
            vec![0],
            vec![1],
            "a lost write happens, and un-happens",
        ),
        (vec![read(1, 1, 1, 2), lost_write(0, 1, 3)], 0, 0, vec![], vec![0], "a write is read before it is called"),
        (
            vec![write(0, 1, 1, 2), write(1, 2, 3, 9), read(2, 0, 4, 8)],
            2,
            1,
            vec![1],
            vec![1, 2],
            "more than one answer would have been right",
        ),
    ] {
        let found = misfit(&history).unwrap_or_else(|| panic!("accepted: {why}"));
        let mut answers: Vec<u32> = found.fitting.iter().map(value_read).collect();
        answers.sort_unstable();
        assert_eq!(
            (found.operation, found.ordered, found.beside, answers),
            (operation, ordered, beside, fitting),
            "{why}"
        );
    }
}

fn value_read(ret: &RegisterRet<u32>) -> u32 {
    match ret {
        ReadOk(value) => *value,
        WriteOk => panic!("a read is not answered by WriteOk"),
    }
}

#[test]
fn the_sentence_names_the_operation_and_what_would_have_been_right() {
    let history = [write(0, 1, 1, 2), write(1, 2, 3, 9), read(2, 0, 4, 8)];
    assert_eq!(
        misfit(&history).map(|misfit| misfit.sentence(&history)).unwrap_or_default(),
        "No order explains that c2's Read was answered by ReadOk(0). The one operation that had returned before has \
         its place; here ReadOk(1) or ReadOk(2) would have had a place."
    );
}

/// A counter that only goes up if it holds the expected value.
#[derive(Clone, Debug, PartialEq, Hash)]
struct Counter(u32);

#[derive(Clone, Debug, PartialEq, Hash)]
struct UpFrom(u32);

impl SequentialSpec for Counter {
    type Op = UpFrom;
    type Ret = bool;
    fn invoke(&mut self, UpFrom(expected): &UpFrom) -> bool {
        let goes_up = self.0 == *expected;
        self.0 += u32::from(goes_up);
        goes_up
    }
}

#[test]
fn an_impossible_answer_is_blamed_on_its_own_operation() {
    let up =
        |client, from, invoked, returned| Operation { client, op: UpFrom(from), invoked, returned: Some(returned) };
    // The second needs the first to have happened by time 3; that it had not, the first says only at time 4.
    let history = [up(0, 0, 1, (4, false)), up(1, 1, 2, (3, true))];
    match linearizable(Counter(0), &history) {
        Verdict::Not { misfit, .. } => {
            assert_eq!(misfit, Misfit { operation: 0, alone: true, ordered: 1, beside: vec![1], fitting: vec![true] });
        }
        other => panic!("{other:?}"),
    }
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// A request about one of several registers.
type Keyed = (usize, RegisterOp<u32>);

/// What a made-up run is like.
struct Shape {
    operations: usize,
    clients: usize,
    keys: usize,
    /// One operation in so many never returns; its client is replaced by a new one.
    lost_one_in: u64,
}

/// Runs clients against true registers, one random event at a time: a client calls, its operation takes effect, it
/// returns. Every write has its own value. The history is linearizable because it happened.
fn happened(shape: &Shape, seed: u64) -> Vec<Operation<Keyed, RegisterRet<u32>>> {
    let mut dice = Dice(seed);
    let mut registers = vec![Register(0); shape.keys];
    let mut history: Vec<Operation<Keyed, RegisterRet<u32>>> = Vec::new();
    let mut running: Vec<Option<(usize, Option<RegisterRet<u32>>)>> = vec![None; shape.clients];
    let mut names: Vec<usize> = (0..shape.clients).collect();
    for now in 0.. {
        let at = dice.roll(shape.clients as u64) as usize;
        match running[at].take() {
            None if history.len() == shape.operations => {
                if running.iter().all(Option::is_none) {
                    break;
                }
            }
            None => {
                let op = if dice.one_in(2) { Write(history.len() as u32 + 1) } else { Read };
                let key = dice.roll(shape.keys as u64) as usize;
                running[at] = Some((history.len(), None));
                history.push(Operation { client: names[at], op: (key, op), invoked: now, returned: None });
            }
            Some(_) if shape.lost_one_in > 0 && dice.one_in(2 * shape.lost_one_in) => {
                names[at] = shape.clients + now as usize;
            }
            Some((index, None)) => {
                let (key, op) = &history[index].op;
                running[at] = Some((index, Some(registers[*key].invoke(op))));
            }
            Some((index, Some(ret))) => history[index].returned = Some((now, ret)),
        }
    }
    history
}

/// A register among several: it leaves the choice of the key to others.
#[derive(Clone, Debug, PartialEq, Hash)]
struct KeyedRegister(Register<u32>);

impl SequentialSpec for KeyedRegister {
    type Op = Keyed;
    type Ret = RegisterRet<u32>;
    fn invoke(&mut self, (_, op): &Keyed) -> RegisterRet<u32> {
        self.0.invoke(op)
    }
}

fn judge(history: &[Operation<Keyed, RegisterRet<u32>>]) -> Verdict<RegisterRet<u32>> {
    linearizable_by_key(|_| KeyedRegister(Register(0)), history, |(key, _)| *key)
}

/// What stateright's tester says of the same history.
fn accepted_by_stateright(history: &[RegisterOperation]) -> bool {
    let mut events: Vec<(u64, usize, Option<&RegisterRet<u32>>)> = Vec::new();
    for (index, operation) in history.iter().enumerate() {
        events.push((operation.invoked, index, None));
        events.extend(operation.returned.iter().map(|(at, ret)| (*at, index, Some(ret))));
    }
    events.sort_by_key(|&(at, ..)| at);
    let mut tester = LinearizabilityTester::new(Register(0));
    for (_, index, ret) in events {
        let Operation { client, op, .. } = &history[index];
        match ret {
            None => tester.on_invoke(*client, op.clone()).map(drop),
            Some(ret) => tester.on_return(*client, ret.clone()).map(drop),
        }
        .expect("each client has one operation at a time");
    }
    tester.is_consistent()
}

#[test]
fn verdicts_agree_with_stateright_on_small_random_histories() {
    let (mut accepted, mut rejected) = (0, 0);
    for seed in 0..6_000 {
        let mut dice = Dice(seed);
        let lost_one_in = [0, 4][dice.roll(2) as usize];
        let shape = Shape { operations: 3 + dice.roll(5) as usize, clients: 3, keys: 1, lost_one_in };
        let mut history: Vec<RegisterOperation> = Vec::new();
        for Operation { client, op: (_, op), invoked, mut returned } in happened(&shape, seed) {
            if let Some((_, ReadOk(value))) = &mut returned
                && dice.one_in(4)
            {
                *value = dice.roll(shape.operations as u64) as u32;
            }
            history.push(Operation { client, op, invoked, returned });
        }
        let expected = accepted_by_stateright(&history);
        assert_eq!(misfit(&history).is_none(), expected, "seed {seed}: {history:?}");
        *(if expected { &mut accepted } else { &mut rejected }) += 1;
    }
    assert!(
        accepted > 1_500 && rejected > 1_500,
        "{accepted} accepted, {rejected} rejected: both kinds should be common"
    );
}

const LONG: Shape = Shape { operations: 10_000, clients: 8, keys: 5, lost_one_in: 100 };

#[test]
fn ten_thousand_operations_take_a_few_steps_each() {
    for seed in 0..5 {
        match judge(&happened(&LONG, seed)) {
            Verdict::Linearizable { steps } => assert!(steps < 100_000, "seed {seed} took {steps} steps"),
            other => panic!("seed {seed}: {other:?}"),
        }
    }
}

#[test]
fn ten_thousand_operations_on_one_register_are_accepted() {
    let verdict = judge(&happened(&Shape { keys: 1, ..LONG }, 1));
    assert!(verdict.is_linearizable() && verdict.steps() < 4_000_000, "{verdict:?}");
}

#[test]
fn one_stale_read_among_ten_thousand_operations_is_found() {
    for seed in 0..5 {
        let mut history = happened(&LONG, seed);
        let (index, stale) = plant_stale_read(&mut history);
        let verdict = judge(&history);
        let Verdict::Not { steps, misfit } = verdict else { panic!("seed {seed}: {verdict:?}") };
        assert_eq!(misfit.operation, index, "seed {seed}: {}", misfit.sentence(&history));
        assert!(
            !misfit.fitting.is_empty() && !misfit.fitting.contains(&ReadOk(stale)),
            "seed {seed}: {:?}",
            misfit.fitting
        );
        assert!(steps < 1_000_000, "seed {seed} took {steps} steps");
    }
}

/// Lets a read late in the history return a value that was overwritten before it began.
fn plant_stale_read(history: &mut [Operation<Keyed, RegisterRet<u32>>]) -> (usize, u32) {
    let late = history.len() * 3 / 4;
    let is_read = |operation: &Operation<Keyed, _>| operation.op.1 == Read && operation.returned.is_some();
    let index = late + history[late..].iter().position(is_read).expect("half of the operations are reads");
    let (key, began) = (history[index].op.0, history[index].invoked);
    let written = |end: u64| {
        let before = history.iter().filter(move |write| write.op.0 == key && write.op.1 != Read);
        before
            .filter(move |write| write.returned.as_ref().is_some_and(|(at, _)| *at < end))
            .max_by_key(|write| write.invoked)
    };
    let newer = written(began).expect("a write before the read");
    let older = written(newer.invoked).expect("a write before that write");
    let Write(stale) = older.op.1 else { unreachable!("only writes were looked at") };
    let at = history[index].returned.as_ref().map(|(at, _)| *at).expect("only reads that returned were looked at");
    history[index].returned = Some((at, ReadOk(stale)));
    (index, stale)
}
