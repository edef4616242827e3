//! Absolute limits, for a link that loses, repeats and reorders.
//!
//! Records are numbered from 0, and each travels by itself, with its number. A **limit** is the number of the first record that may *not*
//! be sent: a limit of 5 allows the records 0 to 4, however often it is heard, in whatever order. The [`Receiver`] says its limit with a
//! [`Status`], and says it again, since one may be lost. The [`Sender`] sends records again, for the same reason.
//!
//! Source: RFC 9000, *QUIC*, sections 4.1 and 13.3; Aeron's `UnicastFlowControl` and its status messages.

//# allow: dead_code, unused_imports, unused_variables
use std::collections::BTreeSet;
use std::ops::Range;

use super::Violation;

/// Sent by the receiver, again and again: how far it has come, and how far the sender may go. `MAX_STREAM_DATA` in QUIC, and a status
/// message in Aeron.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status {
    /// The receiver's application has consumed all records before this one.
    pub consumed: u64,
    /// The first record that may not be sent.
    pub limit: u64,
}

/// The side that sends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// The first record that was never sent.
    next: u64,
    /// The first record that may not be sent.
    limit: u64,
    /// All records before this one were consumed, as far as the sender knows.
    consumed: u64,
}

impl Sender {
    /// A sender that knows from the start that the first `window` records may be sent.
    pub fn new(window: u64) -> Self {
        Sender { next: 0, limit: window, consumed: 0 }
    }

    /// There is another record. Gives its number if it is sent now.
    ///
    /// Contract: records get their numbers in order, without a gap. The next one is sent if the largest limit that
    /// was ever heard allows it; if not, it has to wait.
    pub fn send(&mut self) -> Option<u64> {
        //# hole: May the next record be sent?
        if self.next >= self.limit {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
        //# end
    }

    /// A status has come, perhaps for a second time, perhaps later than one that was sent after it.
    ///
    /// Contract: what was allowed stays allowed, and what was consumed stays consumed.
    pub fn hear(&mut self, status: Status) {
        //# hole: Learn from the status what is new in it.
        self.limit = self.limit.max(status.limit);
        self.consumed = self.consumed.max(status.consumed);
        //# end
    }

    /// Nothing has been heard for a while. Gives the records to send again.
    ///
    /// Contract: all that were sent and may not have arrived.
    pub fn again(&self) -> Range<u64> {
        //# hole: Which records may have been lost?
        self.consumed..self.next
        //# end
    }
}

/// What to do with a record that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arrival {
    /// Keep it until it is consumed.
    New,
    /// It was here before: throw it away.
    Known,
}

/// The side that receives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receiver {
    /// For how many records there is room, from now on.
    window: u64,
    /// All records before this one were consumed.
    consumed: u64,
    /// The largest limit that the sender may know of.
    limit: u64,
    /// The records in the buffer.
    held: BTreeSet<u64>,
}

impl Receiver {
    /// A receiver with room for `window` records. The sender knows so.
    pub fn new(window: u64) -> Self {
        Receiver { window, consumed: 0, limit: window, held: BTreeSet::new() }
    }

    /// Memory has become scarce, or there is more of it: from now on there is to be room for `window` records.
    pub fn resize(&mut self, window: u64) {
        self.window = window;
    }

    /// A record has come.
    ///
    /// Contract: a record at or after every limit that was ever said is a [`Violation::TooMuchData`]. One that is in the buffer, or was
    /// consumed, is `Known`. Any other one is `New`, even if one before it is missing.
    pub fn receive(&mut self, number: u64) -> Result<Arrival, Violation> {
        //# hole: Was the record allowed, and was it here before?
        if number >= self.limit {
            return Err(Violation::TooMuchData);
        }
        match number >= self.consumed && self.held.insert(number) {
            true => Ok(Arrival::New),
            false => Ok(Arrival::Known),
        }
        //# end
    }

    /// The application wants the next record. Gives its number if it is there.
    ///
    /// Contract: the application gets all records in the order of their numbers, each once.
    pub fn consume(&mut self) -> Option<u64> {
        //# hole: Hand over the next record, if it is there.
        if !self.held.remove(&self.consumed) {
            return None;
        }
        self.consumed += 1;
        Some(self.consumed - 1)
        //# end
    }

    /// How many records are in the buffer: memory that has a bound.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Something was consumed, or nothing has come for a while. Gives the status that goes out now, if there is need of one.
    ///
    /// Contract:
    /// - The limit leaves room for `window` records that were not consumed. If a larger one was said before, that was a promise, and is
    ///   kept. No status promises more.
    /// - It gives a status whenever the sender may not know what that status says. A status that the sender knows already does no harm.
    pub fn report(&mut self) -> Option<Status> {
        //# hole: How far may the sender go, and does it know?
        self.limit = self.limit.max(self.consumed + self.window);
        Some(Status { consumed: self.consumed, limit: self.limit })
        //# end
    }
}
