//! Notes what clients asked and were told, for [`history`](crate::history) to judge.
//!
//! # The order
//!
//! Linearizability asks which operation had returned before another was invoked. So the only thing that counts about time is the
//! order of these events, and all clients live in the check's process: a shared counter numbers them. A request is numbered before
//! its first byte is sent, an answer after its last byte has come, so that the history never claims an order that was not there.
//!
//! # Operations without an answer
//!
//! Three things can become of a request:
//!
//! - It is answered ([`Call::returned`]).
//! - Nobody knows: the time was over, the connection broke ([`Call::unknown`], and whenever a call is dropped). It may have taken
//!   effect, or take effect at any later time. A client that asks again makes a new operation of it, unless the server knows the
//!   request to be the same one; then it is still the same call.
//! - It changed nothing, and never will ([`Call::void`]): it was never sent, or refused, or was a read, whose answer nobody saw.
//!
//! Say "unknown" wherever there is a doubt: a call that is wrongly called void lets a correct server fail, and "unknown" never does.
//! But each unknown one is a burden for the judge, who must try it at every later place. [`settled`] takes most of it away.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::Operation;

/// A history that is being written. Clones are the same one.
pub struct Recorder<Op, Ret>(Arc<Mutex<Record<Op, Ret>>>);

struct Record<Op, Ret> {
    events: u64,
    /// An operation that turned out void is taken away.
    operations: Vec<Option<Operation<Op, Ret>>>,
}

impl<Op, Ret> Recorder<Op, Ret> {
    /// An empty history.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Record { events: 0, operations: Vec::new() })))
    }

    /// Notes that a client is about to ask something. Call this before the request is sent.
    #[must_use = "a call that is dropped counts as one whose outcome nobody knows"]
    pub fn invoke(&self, client: usize, op: Op) -> Call<Op, Ret> {
        let mut record = self.record();
        let invoked = record.next();
        record.operations.push(Some(Operation { client, op, invoked, returned: None }));
        Call { recorder: Self(Arc::clone(&self.0)), index: record.operations.len() - 1 }
    }

    /// The history up to now, in the order of the invocations. What is still open counts as unknown.
    pub fn history(&self) -> Vec<Operation<Op, Ret>>
    where
        Op: Clone,
        Ret: Clone,
    {
        self.record().operations.iter().flatten().cloned().collect()
    }

    fn record(&self) -> MutexGuard<'_, Record<Op, Ret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Op, Ret> Record<Op, Ret> {
    fn next(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

/// An operation that was invoked and has not returned. If it is dropped, its outcome is unknown.
pub struct Call<Op, Ret> {
    recorder: Recorder<Op, Ret>,
    index: usize,
}

impl<Op, Ret> Call<Op, Ret> {
    /// The answer has come. Call this after the whole of it was read.
    pub fn returned(self, ret: Ret) {
        let mut record = self.recorder.record();
        let at = record.next();
        if let Some(operation) = &mut record.operations[self.index] {
            operation.returned = Some((at, ret));
        }
    }

    /// No answer came, and nobody knows what became of the request.
    pub fn unknown(self) {}

    /// It changed nothing, and never will: take it out of the history.
    pub fn void(self) {
        self.recorder.record().operations[self.index] = None;
    }
}

/// Decides what can be known about operations without an answer, so that the judge need not try them at every place.
///
/// `shows(answered, lost)` says whether an operation, by its answer, proves that `lost` had taken effect. Then `lost` had done so
/// before the first of these returned, and it gets that as its return, with the answer `ret(lost)`. If none shows it, it is left out.
///
/// # When this is allowed
///
/// If what a lost operation does can be seen only in that way, and if it can answer only one thing. So it is for a map of registers
/// in which each write writes a value of its own: a read that returns the value shows the write, and a write that no read has
/// returned can be taken out of any order without making an answer wrong. With compare-and-set it is not allowed, since
/// its refusal says something about a value without showing it.
pub fn settled<Op, Ret>(
    history: Vec<Operation<Op, Ret>>,
    shows: impl Fn(&Operation<Op, Ret>, &Op) -> bool,
    ret: impl Fn(&Op) -> Ret,
) -> Vec<Operation<Op, Ret>> {
    let (answered, lost): (Vec<_>, Vec<_>) = history.into_iter().partition(|operation| operation.returned.is_some());
    let returned = |operation: &Operation<Op, Ret>| operation.returned.as_ref().map(|(at, _)| *at);
    let settle = |mut lost: Operation<Op, Ret>| {
        let seen = answered.iter().filter(|operation| shows(operation, &lost.op)).filter_map(returned).min()?;
        // A value that was seen before it was written breaks every order: let the judge say so.
        lost.returned = (seen >= lost.invoked).then(|| (seen, ret(&lost.op)));
        Some(lost)
    };
    let lost: Vec<_> = lost.into_iter().filter_map(settle).collect();
    let mut history = Vec::from_iter(answered.into_iter().chain(lost));
    history.sort_by_key(|operation| operation.invoked);
    history
}

impl<Op, Ret> Clone for Recorder<Op, Ret> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Op, Ret> Default for Recorder<Op, Ret> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Op, Ret> fmt::Debug for Recorder<Op, Ret> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({} operations)", self.record().operations.iter().flatten().count())
    }
}

impl<Op, Ret> fmt::Debug for Call<Op, Ret> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.index)
    }
}
