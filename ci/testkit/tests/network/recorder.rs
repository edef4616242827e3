//! Histories of real clients, and what the judge says of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use stateright::semantics::SequentialSpec;
use testkit::history::{Operation, Verdict, linearizable_by_key};
use testkit::network::{Party, Recorder, Site, settled};

use super::{Client, SILENCE, started};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Op {
    Read { key: u64 },
    Write { key: u64, value: u64 },
}

/// What a read saw, 0 for nothing; a write answers with `None`.
type Ret = Option<u64>;

/// One register; 0 is nothing.
#[derive(Clone, Debug, PartialEq, Hash)]
struct Register(u64);

impl SequentialSpec for Register {
    type Op = Op;
    type Ret = Ret;
    fn invoke(&mut self, op: &Op) -> Ret {
        match op {
            Op::Read { .. } => Some(self.0),
            Op::Write { value, .. } => {
                self.0 = *value;
                None
            }
        }
    }
}

fn key(op: &Op) -> u64 {
    match op {
        Op::Read { key } | Op::Write { key, .. } => *key,
    }
}

fn shows(answered: &Operation<Op, Ret>, lost: &Op) -> bool {
    let Op::Write { key: written, value } = *lost else { return false };
    key(&answered.op) == written && answered.returned.as_ref().is_some_and(|(_, ret)| *ret == Some(value))
}

fn judge(history: &[Operation<Op, Ret>]) -> Verdict<Ret> {
    linearizable_by_key(|_| Register(0), history, key)
}

fn line(op: Op) -> String {
    match op {
        Op::Read { key } => format!("r {key}"),
        Op::Write { key, value } => format!("w {key} {value}"),
    }
}

fn understood(op: Op, answer: &str) -> Ret {
    matches!(op, Op::Read { .. }).then(|| answer.parse().unwrap_or(0))
}

/// Clients that ask one after the other, each of its own server, as fast as they can, and every second time for a write.
fn work(site: &Site, clients: usize, requests: u64, keys: u64) -> Recorder<Op, Ret> {
    let recorder = Recorder::new();
    let values = AtomicU64::new(1);
    thread::scope(|scope| {
        for client in 0..clients {
            let (recorder, values, address) = (&recorder, &values, site.address(client % site.size()));
            scope.spawn(move || {
                let mut connection = Client::connect(address);
                for request in 0..requests {
                    let key = (request / 2 + client as u64) % keys;
                    let op = match (request + client as u64) % 2 {
                        0 => Op::Read { key },
                        _ => Op::Write { key, value: values.fetch_add(1, Ordering::Relaxed) },
                    };
                    let call = recorder.invoke(client, op);
                    match connection.ask(&line(op)) {
                        Some(answer) => call.returned(understood(op, &answer)),
                        None => return call.unknown(),
                    }
                }
            });
        }
    });
    recorder
}

#[test]
fn a_register_on_one_server_is_linearizable() {
    let site = started(1);
    let history = work(&site, 4, 250, 5).history();
    assert_eq!(history.len(), 1_000);
    assert!(history.iter().all(|operation| operation.returned.is_some()));
    let verdict = judge(&history);
    assert!(verdict.is_linearizable(), "{verdict:?}");
}

#[test]
fn two_servers_that_know_nothing_of_each_other_are_not() {
    let site = started(2);
    let recorder = Recorder::new();
    let ask = |server, op| {
        let call = recorder.invoke(server, op);
        call.returned(understood(op, &Client::connect(site.address(server)).ask(&line(op)).unwrap()));
    };
    for key in 0..3 {
        ask(0, Op::Write { key, value: key + 7 });
    }
    ask(0, Op::Read { key: 1 });
    assert!(judge(&recorder.history()).is_linearizable(), "as long as only one of them is asked, nothing shows");
    ask(1, Op::Read { key: 1 });
    let history = recorder.history();
    let Verdict::Not { misfit, .. } = judge(&history) else { panic!("two registers pass for one") };
    assert_eq!(
        misfit.sentence(&history),
        "No order explains that c1's Read { key: 1 } was answered by Some(0). The 2 operations that had returned before \
         can be put in order; here Some(8) would have had a place."
    );
}

#[test]
fn a_write_without_an_answer_may_have_happened() {
    let site = started(1);
    let recorder = Recorder::new();
    let mut client = Client::connect(site.address(0));
    let ask = |client: &mut Client, op| {
        let call = recorder.invoke(0, op);
        client.send(&line(op));
        match client.receive(SILENCE) {
            Some(answer) => call.returned(understood(op, &answer)),
            None => call.unknown(),
        }
    };
    site.proxy().set(0, Party::Clients, testkit::network::Condition::Cut);
    ask(&mut client, Op::Write { key: 0, value: 7 });
    site.heal(Party::Clients, 0);
    ask(&mut Client::connect(site.address(0)), Op::Read { key: 0 });
    let history = recorder.history();
    assert_eq!(history[0].returned, None);
    assert!(judge(&history).is_linearizable());
    let settled = settled(history, shows, |_| None);
    assert!(judge(&settled).is_linearizable());
}

#[test]
fn a_call_is_answered_unknown_or_void() {
    let recorder = Recorder::new();
    let write = recorder.invoke(0, Op::Write { key: 0, value: 1 });
    let read = recorder.invoke(1, Op::Read { key: 0 });
    recorder.invoke(2, Op::Write { key: 0, value: 2 }).void();
    drop(recorder.invoke(3, Op::Write { key: 0, value: 3 }));
    read.returned(Some(0));
    write.returned(None);
    let expected = [
        Operation { client: 0, op: Op::Write { key: 0, value: 1 }, invoked: 1, returned: Some((6, None)) },
        Operation { client: 1, op: Op::Read { key: 0 }, invoked: 2, returned: Some((5, Some(0))) },
        Operation { client: 3, op: Op::Write { key: 0, value: 3 }, invoked: 4, returned: None },
    ];
    assert_eq!(recorder.history(), expected);
}

#[test]
fn what_is_known_of_lost_writes_is_what_was_seen() {
    let write = |value, invoked, returned: Option<u64>| Operation {
        client: 0,
        op: Op::Write { key: 0, value },
        invoked,
        returned: returned.map(|at| (at, None)),
    };
    let read = |value, invoked, at| Operation {
        client: 1,
        op: Op::Read { key: 0 },
        invoked,
        returned: Some((at, Some(value))),
    };
    let history = vec![write(1, 1, None), write(2, 2, None), read(1, 3, 6), read(1, 4, 5)];
    let expected = [write(1, 1, Some(5)), read(1, 3, 6), read(1, 4, 5)];
    assert_eq!(settled(history, shows, |_| None), expected);
    let impossible = vec![read(1, 1, 2), write(1, 3, None)];
    assert_eq!(settled(impossible.clone(), shows, |_| None), impossible);
}

/// splitmix64, as in the tests of `history`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Clients against true registers, one random event at a time. One operation in `lost_one_in` is never answered, and took
/// effect or not; `lies` lets a read in so many answer with a random value.
fn made_up(operations: usize, keys: u64, lost_one_in: u64, lies: Option<u64>, seed: u64) -> Vec<Operation<Op, Ret>> {
    let mut dice = Dice(seed);
    let mut registers = vec![Register(0); keys as usize];
    let recorder = Recorder::new();
    let mut running = Vec::new();
    let mut begun = 0;
    while begun < operations || !running.is_empty() {
        if begun < operations && running.len() < 8 && dice.roll(2) == 0 {
            begun += 1;
            let key = dice.roll(keys);
            let op = if dice.roll(2) == 0 { Op::Read { key } } else { Op::Write { key, value: begun as u64 } };
            running.push((op, recorder.invoke(begun, op), None));
        } else if !running.is_empty() {
            let (op, call, answer) = running.swap_remove(dice.roll(running.len() as u64) as usize);
            let is_lost = lost_one_in > 0 && dice.roll(2 * lost_one_in) == 0;
            match (answer, is_lost) {
                (_, true) if matches!(op, Op::Read { .. }) => call.void(),
                (_, true) => call.unknown(),
                (None, false) => {
                    let mut answer = registers[key(&op) as usize].invoke(&op);
                    if answer.is_some() && lies.is_some_and(|lies| dice.roll(lies) == 0) {
                        answer = Some(dice.roll(begun as u64 + 1));
                    }
                    running.push((op, call, Some(answer)));
                }
                (Some(answer), false) => call.returned(answer),
            }
        }
    }
    recorder.history()
}

#[test]
fn settling_changes_no_verdict() {
    let (mut accepted, mut rejected) = (0, 0);
    for seed in 0..4_000 {
        let history = made_up(4 + (seed % 9) as usize, 1 + seed % 2, 3, Some(3), seed);
        let verdict = judge(&history).is_linearizable();
        let settled = settled(history.clone(), shows, |_| None);
        assert_eq!(judge(&settled).is_linearizable(), verdict, "seed {seed}: {history:?}");
        *(if verdict { &mut accepted } else { &mut rejected }) += 1;
    }
    assert!(accepted > 1_000 && rejected > 1_000, "{accepted} accepted, {rejected} rejected: both should be common");
}

#[test]
fn twenty_thousand_operations_with_a_thousand_lost_are_decided_in_a_few_steps_each() {
    let begun = Instant::now();
    let history = settled(made_up(20_000, 1, 20, None, 1), shows, |_| None);
    let verdict = judge(&history);
    assert!(verdict.is_linearizable(), "{verdict:?}");
    println!("accepted {} operations in {} steps, {:?}", history.len(), verdict.steps(), begun.elapsed());
    let begun = Instant::now();
    let history = settled(made_up(20_000, 5, 20, Some(4_000), 2), shows, |_| None);
    let verdict = judge(&history);
    assert!(matches!(verdict, Verdict::Not { .. }), "{verdict:?}");
    println!("rejected {} operations in {} steps, {:?}", history.len(), verdict.steps(), begun.elapsed());
}
