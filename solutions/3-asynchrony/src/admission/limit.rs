//! How many calls may be under way at once, when nobody knows how many are too many.
//!
//! A bulkhead has a fixed number of places, and someone has to choose it. The right number changes: with the network, with last Tuesday's
//! release, with what else runs on the same machine. So the limit looks for it. While calls succeed and the limit is in use, it grows by
//! one in each round. When a call comes back with an overload, it falls by a fraction of itself. That is **additive increase, multiplicative
//! decrease** (AIMD), as in TCP.
//!
//! Calls that were under way when the limit fell were allowed by the old limit. What comes of them says nothing about the new one. So each
//! change downwards begins a new **epoch**, as in the [breaker](crate::breaker).
//!
//! Source: Netflix/concurrency-limits, `AIMDLimit.java`; Ramakrishnan and others 2001, RFC 3168, section 6.1.2: one reaction for each window.

//# allow: dead_code, unused_imports, unused_variables
/// How far a limit goes, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// The smallest limit. At least 1.
    pub least: u32,
    /// The greatest limit. At least `least`.
    pub most: u32,
    /// The first limit, from `least` to `most`.
    pub first: u32,
    /// What is left of a limit that falls, in per cent, from 50 to 99.
    pub keeps: u32,
}

/// Allows one call. The caller gives it back with [`Limit::end`], once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The epoch in which the call was allowed.
    epoch: u64,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// It was answered in time.
    Success,
    /// The service has said that it is overloaded, or has said nothing in time.
    Overload,
    /// It says nothing about the load: the request was bad, or the client has left.
    Ignored,
}

/// As many calls are under way as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AtTheLimit;

/// A limit for calls to one service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    settings: Settings,
    limit: u32,
    under_way: u32,
    epoch: u64,
    /// Calls that have succeeded, and count, since the limit has changed.
    successes: u32,
}

impl Limit {
    /// The first limit, with no call under way.
    pub fn new(settings: Settings) -> Self {
        Limit { settings, limit: settings.first, under_way: 0, epoch: 0, successes: 0 }
    }

    /// Asks whether a call may begin.
    ///
    /// Contract: it may if fewer calls are under way than the limit says. A call is under way until it is given back.
    pub fn begin(&mut self) -> Result<Slot, AtTheLimit> {
        //# hole: Is there a place?
        if self.under_way >= self.limit {
            return Err(AtTheLimit);
        }
        self.under_way += 1;
        Ok(Slot { epoch: self.epoch })
        //# end
    }

    /// Takes a slot back, with what came of its call.
    ///
    /// Contract:
    /// - The call is no longer under way, whatever came of it.
    /// - `Ignored` changes nothing else. Nor does a call that began before the limit has last fallen, whatever came of it.
    /// - `Overload`: the limit falls to `keeps` per cent of itself, rounded down, but not below `least`. Even if it was `least` already, this
    ///   counts as a fall.
    /// - `Success` counts only if the limit is in use: if the calls under way, this one among them, are at least half of the limit. When as many
    ///   have counted as the limit says, since it has last changed or fallen, it grows by one; but not above `most`.
    pub fn end(&mut self, slot: Slot, ending: Ending) {
        //# hole: Give the place back. Does this call say anything about the limit, and what?
        let is_in_use = self.under_way >= self.limit.div_ceil(2);
        self.under_way -= 1;
        if slot.epoch != self.epoch {
            return;
        }
        match ending {
            Ending::Ignored => {}
            Ending::Overload => {
                let kept = u64::from(self.limit) * u64::from(self.settings.keeps) / 100;
                self.limit = (kept as u32).max(self.settings.least);
                self.epoch += 1;
                self.successes = 0;
            }
            Ending::Success if is_in_use => {
                self.successes += 1;
                if self.successes >= self.limit {
                    self.limit = self.limit.saturating_add(1).min(self.settings.most);
                    self.successes = 0;
                }
            }
            Ending::Success => {}
        }
        //# end
    }

    /// How many calls may be under way now.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How many calls are under way.
    pub fn under_way(&self) -> u32 {
        self.under_way
    }
}
