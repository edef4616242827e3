//! What is counted, and how. No server could count this: the lab knows the order in which things really happened.
//!
//! An operation is **over** when its client has the answer. A write whose client gave up is never over: it may take effect at
//! any later moment, or not at all. A value is **older** than a write if the write that it comes from was over before the other
//! one was asked. The value at the start is older than every write.
//!
//! - **answered**: the answer came before the client gave up. **Refused**: it did not.
//! - **stale**: an answered read whose value is older than some write that was over before the read was asked.
//! - **lost**: a write that was over, that nobody wrote after before the next look (no other write was asked once it was over),
//!   and at the look every server shows a value that is older. The writes before the last have been replaced, and are not
//!   counted: a single copy would not show them either. So a partition costs one such write, or none, if writes take no time.
//! - **disagreeing**: a look at which the servers showed different values, though everything had arrived.
//! - **late**: a refused write whose value was read later all the same.
//! - **linearizable**: one order explains all answers of the day, those of the looks too.
//!
//! A register that is linearizable has no stale read and no lost write: both contradict the order of a single copy. With other
//! values the opposite need not hold.

use std::collections::BTreeSet;

use testkit::cluster::SequentialSpec;
use testkit::history::{self, Verdict};
use testkit::lab;
use testkit::simulation::Tick;

use super::day::{Part, ROUNDS, writer_of};
use super::run::{Operation, Run};
use crate::subject::register::{Request, Response, Value};

/// The sums over all days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// While all links worked.
    pub calm: Weather,
    /// While one server was cut off.
    pub partition: Weather,
    /// Writes that were answered and undone.
    pub lost: usize,
    /// Writes without an answer in time.
    pub refused_writes: usize,
    /// Those that were read later all the same.
    pub late: usize,
    /// Looks, one after each partition.
    pub looks: usize,
    /// Looks at which servers showed different values.
    pub disagreeing: usize,
    /// Days, one for each seed.
    pub days: usize,
    /// Days that one order explains.
    pub linearizable: usize,
    /// Days that could not be decided, because too many writes were open.
    pub undecided: usize,
    /// How long answers took, in ticks, from short to long.
    pub latencies: Vec<Tick>,
}

/// Operations that were asked in one kind of weather.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Reads and writes.
    pub operations: usize,
    /// Those without an answer in time.
    pub refused: usize,
    /// Reads with an answer in time.
    pub reads: usize,
    /// Those with a value that had been replaced.
    pub stale: usize,
}

/// What came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered, and nothing is wrong with the answer as far as the lab counts.
    Fine,
    /// A read with a value that had been replaced.
    Stale,
    /// No answer in time.
    Refused,
}

impl Counts {
    /// Counts all days of a register.
    pub fn of(runs: &[Run]) -> Self {
        let mut counts = Counts::default();
        runs.iter().for_each(|run| counts.add(run));
        counts.latencies.sort_unstable();
        counts
    }

    /// Both kinds of weather together.
    pub fn all(&self) -> Weather {
        let (calm, partition) = (self.calm, self.partition);
        Weather {
            operations: calm.operations + partition.operations,
            refused: calm.refused + partition.refused,
            reads: calm.reads + partition.reads,
            stale: calm.stale + partition.stale,
        }
    }

    /// The latency that so many of a hundred answers did not exceed; none without answers.
    pub fn percentile(&self, percent: usize) -> Option<Tick> {
        lab::percentile(&self.latencies, percent * 10)
    }

    fn add(&mut self, run: &Run) {
        for (operation, fate) in fates(run) {
            let weather = if operation.planned.part == Part::Calm { &mut self.calm } else { &mut self.partition };
            weather.operations += 1;
            weather.refused += usize::from(fate == Fate::Refused);
            self.refused_writes += usize::from(fate == Fate::Refused && operation.is_write());
            weather.stale += usize::from(fate == Fate::Stale);
            weather.reads += usize::from(fate != Fate::Refused && !operation.is_write());
            self.latencies.extend(operation.latency());
        }
        for round in 0..ROUNDS {
            self.looks += 1;
            self.disagreeing += usize::from(run.shown(round).collect::<BTreeSet<_>>().len() > 1);
            self.lost += run.lost(round).count();
        }
        self.late += run.late();
        self.days += 1;
        match history::linearizable(OneCopy(0), &run.history()) {
            Verdict::Linearizable { .. } => self.linearizable += 1,
            Verdict::Undecided { .. } => self.undecided += 1,
            Verdict::Not { .. } => {}
        }
    }
}

/// The clients' operations of a day, each with what came of it.
pub fn fates(run: &Run) -> impl Iterator<Item = (&Operation, Fate)> {
    let fate = |operation: &Operation| match operation.answer {
        None => Fate::Refused,
        Some(_) if run.is_stale(operation) => Fate::Stale,
        Some(_) => Fate::Fine,
    };
    run.operations.iter().filter(|operation| operation.is_counted()).map(move |operation| (operation, fate(operation)))
}

impl Run {
    fn writes(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.is_write())
    }

    /// Is `value` older than `write`?
    fn is_older(&self, value: Value, write: &Operation) -> bool {
        let Some(number) = writer_of(value) else { return true };
        let source = self.operations.get(number).and_then(|source| source.answer);
        source.is_some_and(|answer| answer.place < write.asked)
    }

    fn is_stale(&self, read: &Operation) -> bool {
        let Some(value) = read.value_read() else { return false };
        let over = |write: &Operation| write.answer.is_some_and(|answer| answer.place < read.asked);
        self.writes().any(|write| over(write) && self.is_older(value, write))
    }

    /// What the servers show at the look of a round. A server that gives no answer shows nothing.
    fn shown(&self, round: usize) -> impl Iterator<Item = Value> {
        let looks = self.operations.iter().filter(move |look| look.planned.round == round && !look.is_counted());
        looks.filter_map(Operation::value_read)
    }

    /// The lost writes of a round.
    pub fn lost(&self, round: usize) -> impl Iterator<Item = &Operation> {
        let of_round = move |write: &&Operation| write.planned.round == round;
        let last = move |write: &Operation| {
            write.answer.is_some_and(|answer| !self.writes().filter(of_round).any(|other| other.asked > answer.place))
        };
        let undone = move |write: &Operation| {
            let mut shown = self.shown(round).peekable();
            shown.peek().is_some() && shown.all(|value| self.is_older(value, write))
        };
        self.writes().filter(of_round).filter(move |write| last(write) && undone(write))
    }

    /// How many refused writes were read later all the same.
    fn late(&self) -> usize {
        let read: BTreeSet<_> =
            self.operations.iter().filter_map(Operation::value_read).filter_map(writer_of).collect();
        let refused = |&number: &usize| self.operations.get(number).is_some_and(|write| write.answer.is_none());
        read.into_iter().filter(refused).count()
    }

    /// The day as its clients saw it. A read without an answer says nothing, so it is left out.
    fn history(&self) -> Vec<history::Operation<Request, Response>> {
        let told = self.operations.iter().enumerate().filter(|(_, op)| op.answer.is_some() || op.is_write());
        let told = told.map(|(client, operation)| history::Operation {
            client,
            op: operation.planned.request,
            invoked: operation.asked,
            returned: operation.answer.map(|answer| (answer.place, answer.response)),
        });
        told.collect()
    }
}

impl Operation {
    fn value_read(&self) -> Option<Value> {
        match self.answer?.response {
            Response::Read(value) => Some(value),
            Response::Written => None,
        }
    }
}

/// A register of which there is one copy.
#[derive(Clone, PartialEq, Eq, Hash)]
struct OneCopy(Value);

impl SequentialSpec for OneCopy {
    type Op = Request;
    type Ret = Response;

    fn invoke(&mut self, request: &Request) -> Response {
        match *request {
            Request::Read => Response::Read(self.0),
            Request::Write(value) => {
                self.0 = value;
                Response::Written
            }
        }
    }
}
