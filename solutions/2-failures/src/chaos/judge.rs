//! The judge: were clients told one story?
//!
//! 1. The history is linearizable, the last reads included: so no acknowledged write is lost.
//! 2. Each addition counts once: retried or not, a client's own key has the value that it must have.
//!
//! The first is decided key by key, as Herlihy & Wing 1990, theorem 1, allows. The second needs no search: nobody else touches the key.

use cap::raft::store::{Request, Value};
use testkit::cluster::SequentialSpec;
use testkit::history::{Operation, Verdict, linearizable_by_key};
use testkit::network::settled;

use super::clients::Told;
use super::{Broken, Injected, Report};

/// Puts together what a run has shown.
pub(super) fn report(told: Told, faults: Vec<Injected>, left_out: usize, mut broken: Vec<Broken>) -> Report {
    let Told { answers, unknown, not_done, wrong, history, .. } = told;
    broken.extend(wrong);
    broken.extend(order(history).map(Broken::Order));
    Report { answers, unknown, not_done, faults, left_out, broken, ..Report::default() }
}

/// What one copy of a key would do.
#[derive(Clone, Debug, PartialEq, Hash)]
struct Cell(Value);

impl SequentialSpec for Cell {
    type Op = Request;
    type Ret = Value;
    fn invoke(&mut self, op: &Request) -> Value {
        match *op {
            Request::Get(_) => {}
            Request::Put(_, value) => self.0 = value,
            Request::Add(_, amount) => self.0 += amount,
        }
        self.0
    }
}

/// Why no order explains a history of reads, and of writes with values of their own.
fn order(history: Vec<Operation<Request, Value>>) -> Option<String> {
    let key = |op: &Request| match *op {
        Request::Get(key) | Request::Put(key, _) | Request::Add(key, _) => key,
    };
    let value = |op: &Request| match *op {
        Request::Put(_, value) => value,
        Request::Get(_) | Request::Add(..) => 0,
    };
    let shows = |answered: &Operation<Request, Value>, lost: &Request| {
        key(&answered.op) == key(lost) && answered.returned.is_some_and(|(_, ret)| ret == value(lost))
    };
    let history = settled(history, shows, value);
    match linearizable_by_key(|_| Cell(0), &history, key) {
        Verdict::Linearizable { .. } => None,
        Verdict::Not { misfit, .. } => Some(misfit.sentence(&history)),
        Verdict::Undecided { steps } => Some(format!("The history could not be judged in {steps} steps.")),
    }
}
