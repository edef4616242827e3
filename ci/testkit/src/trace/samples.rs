//! Traces written by hand, on which the views are tried.

use super::{Kind, Participant, Producer, Step, StepKind, Trace, VERSION, Violation};

/// A trace of `clients` and `servers`, which all start in `state`.
fn trace(scope: &str, clients: usize, servers: usize, state: &str) -> Trace {
    let client = |id| Participant { name: format!("c{id}"), kind: Kind::Client, state: String::new() };
    let server = |id| Participant { name: format!("n{id}"), kind: Kind::Server, state: state.into() };
    Trace {
        version: VERSION,
        stage: "1-cap".into(),
        check: "checks::abd::every_history_is_linearizable".into(),
        scope: scope.into(),
        producer: Producer::Model,
        seed: None,
        participants: (0..clients).map(client).chain((0..servers).map(server)).collect(),
        staged: 0,
        steps: Vec::new(),
        violation: None,
    }
}

impl Trace {
    fn index(&self, name: &str) -> usize {
        self.participants.iter().position(|participant| participant.name == name).expect("a participant's name")
    }

    /// The state of `who` after the steps so far.
    fn state(&self, who: usize) -> String {
        let last = self.steps.iter().rev().find(|step| step.who == who);
        last.map_or_else(|| self.participants[who].state.clone(), |step| step.after.clone())
    }

    /// Adds a step; `after` empty leaves the state as it is.
    fn step(&mut self, kind: StepKind, label: &str, (from, who): (&str, &str), effects: &[&str], after: &str) {
        let (who, from) = (self.index(who), (!from.is_empty()).then(|| self.index(from)));
        let before = self.state(who);
        let crashed = kind == StepKind::Crash;
        let after = if after.is_empty() && !crashed { before.clone() } else { after.to_string() };
        let effects = effects.iter().map(|effect| effect.to_string()).collect();
        self.steps.push(Step { label: label.into(), kind, who, from, message: None, effects, before, after });
    }
}

fn register(counter: u32, writer: u32, value: char, op: &str) -> String {
    format!("Abd {{ id: n0, tag: Tag {{ counter: {counter}, writer: n{writer} }}, value: '{value}', running: {op} }}")
}

/// A read that skips the write-back: the classic mistake.
pub(super) fn abd() -> Trace {
    use StepKind::{Deliver, Invoke};
    let mut trace = trace("one writer, two readers", 2, 3, &register(0, 0, '-', "None"));
    let asking = "Some(Operation { number: 1, phase: Asking { answers: {n0} } })";
    let storing = "Some(Operation { number: 1, phase: Storing { acks: {n0} } })";
    trace.step(
        Invoke,
        "c0 asks n0: Write('A')",
        ("c0", "n0"),
        &["sends Query { op: 1 } to n1", "sends Query { op: 1 } to n2"],
        &register(0, 0, '-', asking),
    );
    trace.step(
        Deliver,
        "n1 receives Query { op: 1 } from n0",
        ("n0", "n1"),
        &["sends Answer { op: 1, tag: Tag { counter: 0, writer: n0 }, value: '-' } to n0"],
        "",
    );
    trace.step(
        Deliver,
        "n0 receives Answer { op: 1, tag: Tag { counter: 0, writer: n0 }, value: '-' } from n1",
        ("n1", "n0"),
        &[
            "sends Store { op: 1, tag: Tag { counter: 1, writer: n0 }, value: 'A' } to n1",
            "sends Store { op: 1, tag: Tag { counter: 1, writer: n0 }, value: 'A' } to n2",
        ],
        &register(1, 0, 'A', storing),
    );
    trace.step(Invoke, "c1 asks n0: Read", ("c1", "n0"), &["replies Value('A') to c1"], "");
    trace.step(
        Invoke,
        "c1 asks n2: Read",
        ("c1", "n2"),
        &["sends Query { op: 1 } to n0", "sends Query { op: 1 } to n1"],
        &register(0, 0, '-', asking),
    );
    trace.step(
        Deliver,
        "n1 receives Query { op: 1 } from n2",
        ("n2", "n1"),
        &["sends Answer { op: 1, tag: Tag { counter: 0, writer: n0 }, value: '-' } to n2"],
        "",
    );
    trace.step(
        Deliver,
        "n2 receives Answer { op: 1, tag: Tag { counter: 0, writer: n0 }, value: '-' } from n1",
        ("n1", "n2"),
        &["replies Value('-') to c1"],
        &register(0, 0, '-', "None"),
    );
    trace.violation = Some(Violation {
        kind: "violated".into(),
        rule: "every history is linearizable".into(),
        says: "What clients see is explained by one order of all operations, in which each takes effect between its \
               call and its return."
            .into(),
        source: "Herlihy & Wing 1990, section 2".into(),
        explanation: "c1 read 'A' and afterwards '-': once a read has seen a value, no later read may see an older \
                      one."
            .into(),
    });
    trace
}

/// A partition, a write on each side, and the end of the partition.
pub(super) fn partition() -> Trace {
    use StepKind::{Cut, Deliver, Drop, Heal, Invoke};
    let mut trace = trace("a split, and a write on each side", 2, 3, "Lww { clock: 0, value: '-' }");
    trace.producer = Producer::Schedule;
    trace.step(Cut, "the network splits: n0 n2 | n1", ("", "n0"), &[], "");
    trace.step(
        Invoke,
        "c0 asks n0: Write('A')",
        ("c0", "n0"),
        &[
            "sends Update { clock: 1, value: 'A' } to n1",
            "sends Update { clock: 1, value: 'A' } to n2",
            "replies Written to c0",
        ],
        "Lww { clock: 1, value: 'A' }",
    );
    trace.step(
        Invoke,
        "c1 asks n1: Write('B')",
        ("c1", "n1"),
        &[
            "sends Update { clock: 1, value: 'B' } to n0",
            "sends Update { clock: 1, value: 'B' } to n2",
            "replies Written to c1, but the reply is lost",
        ],
        "Lww { clock: 1, value: 'B' }",
    );
    trace.step(
        Deliver,
        "n2 receives Update { clock: 1, value: 'A' } from n0",
        ("n0", "n2"),
        &[],
        "Lww { clock: 1, value: 'A' }",
    );
    trace.step(Drop, "the network loses Update { clock: 1, value: 'A' } from n0 to n1", ("n0", "n1"), &[], "");
    trace.step(Heal, "the network heals", ("", "n0"), &[], "");
    trace.step(Cut, "the link between n0 and n2 is cut", ("n2", "n0"), &[], "");
    trace.step(
        Deliver,
        "n0 receives Update { clock: 1, value: 'B' } from n1",
        ("n1", "n0"),
        &[],
        "Lww { clock: 2, value: 'B' }",
    );
    trace.step(Heal, "the link between n0 and n2 works again", ("n2", "n0"), &[], "");
    trace
}

/// A server crashes while messages are on their way.
pub(super) fn crash() -> Trace {
    use StepKind::{Crash, Deliver, Drop, Duplicate, Invoke, Other, Restart, Retry, Timeout};
    let mut trace = trace("one crash, one lost message", 1, 3, "Log { term: 1, entries: [], votes: {} }");
    trace.producer = Producer::Simulation;
    trace.seed = Some(48_211);
    trace.step(
        Timeout,
        "n0's timer Election fires",
        ("", "n0"),
        &[
            "arms Election",
            "saves Saved { term: 2 }",
            "sends RequestVote { term: 2 } to n1",
            "sends RequestVote { term: 2 } to n2",
        ],
        "Log { term: 2, entries: [], votes: {n0} }",
    );
    trace.step(Drop, "the network loses RequestVote { term: 2 } from n0 to n2", ("n0", "n2"), &[], "");
    trace.step(
        Duplicate,
        "n1 receives RequestVote { term: 2 } from n0, and a copy stays on its way",
        ("n0", "n1"),
        &["sends Vote { term: 2 } to n0"],
        "Log { term: 2, entries: [], votes: {} }",
    );
    trace.step(
        Deliver,
        "n0 receives Vote { term: 2 } from n1",
        ("n1", "n0"),
        &[],
        "Log { term: 2, entries: [], votes: {n0, n1} }",
    );
    trace.step(
        Invoke,
        "c0 asks n0: Append(\"first line\")",
        ("c0", "n0"),
        &["sends Entries { term: 2, from: 0, entries: [Entry { term: 2, line: \"first line\" }] } to n1"],
        "Log { term: 2, entries: [Entry { term: 2, line: \"first line\" }], votes: {n0, n1} }",
    );
    trace.step(Crash, "n0 crashes", ("", "n0"), &[], "");
    trace.step(Retry, "c0 asks n1 again: Append(\"first line\")", ("c0", "n1"), &["replies NotLeader to c0"], "");
    trace.step(
        Restart,
        "n0 crashes and restarts",
        ("", "n0"),
        &["arms Election"],
        "Log { term: 2, entries: [], votes: {} }",
    );
    trace.step(Deliver, "n2 receives Ping from n2", ("n2", "n2"), &[], "");
    trace.step(Other, "n2 is told to step down", ("", "n2"), &[], "");
    trace
}

/// Twenty-five steps.
pub(super) fn long() -> Trace {
    let mut trace = trace("twenty-five messages around a ring", 1, 5, "Ring { seen: 0, last: None }");
    for number in 1..=25_usize {
        let (from, to) = (format!("n{}", (number - 1) % 5), format!("n{}", (number * 2) % 5));
        trace.step(
            StepKind::Deliver,
            &format!("{to} receives Token {{ hop: {number} }} from {from}"),
            (&from, &to),
            &[&format!("sends Token {{ hop: {} }} to n{}", number + 1, number % 5)],
            &format!("Ring {{ seen: {number}, last: Some({from}) }}"),
        );
    }
    trace
}

/// As many participants as a diagram holds, with names and texts that are hard to set.
pub(super) fn wide() -> Trace {
    let mut trace = trace("eight participants", 2, 6, "it's a \"custom\" <Debug> & more");
    trace.participants[7].name = "coordinator".into();
    trace.step(
        StepKind::Invoke,
        "c0 asks coordinator: Write(\"語\tline\nbreak\")",
        ("c0", "coordinator"),
        &["replies Written to c0"],
        "it's another & longer",
    );
    trace.step(
        StepKind::Deliver,
        "n0 receives AMessageWithAVeryLongNameThatHasNoSpacesAtAllAndGoesOnForEverSo\
         LongThatItMustBeBroken(0) from coordinator",
        ("coordinator", "n0"),
        &[],
        "",
    );
    trace.step(StepKind::Deliver, "n4 receives X from n0", ("n0", "n4"), &[], "");
    trace
}

/// All of them, by name.
pub(super) fn all() -> [(&'static str, Trace); 5] {
    [("abd", abd()), ("partition", partition()), ("crash", crash()), ("long", long()), ("wide", wide())]
}
