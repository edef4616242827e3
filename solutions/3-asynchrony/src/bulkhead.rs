//! A bulkhead: calls to one downstream get so many places, and no more.
//!
//! A ship's hull has walls across it, so that one leak does not sink the ship. Without them, calls that wait for a slow service take one
//! place after another, until none is left for calls to services that are well. A bulkhead gives each downstream places of its own, and a short
//! queue in front of them. A call that gets no place in time goes away again; and *that* is where bulkheads leak.
//!
//! Source: Nygard, *Release It!* (2nd edition, 2018), chapter 5, *Bulkheads*.

//# allow: dead_code, unused_imports, unused_variables
use std::collections::{BTreeSet, VecDeque};

/// Names a call. No two calls that are at a bulkhead at the same time have the same name. When a call has left or was turned away, another one
/// may come under its name.
pub type Call = u64;

/// What a call that asks for a place is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// It has a place.
    Enter,
    /// It waits for one, in its turn.
    Wait,
    /// All places are taken, and so is the queue.
    Full,
}

/// The places for calls to one downstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bulkhead {
    places: usize,
    queue: usize,
    inside: BTreeSet<Call>,
    waiting: VecDeque<Call>,
}

impl Bulkhead {
    /// A bulkhead with so many `places` (at least 1), and room for so many calls that wait (perhaps none). `usize::MAX` of either means that
    /// there is no end of them.
    pub fn new(places: usize, queue: usize) -> Self {
        Bulkhead { places, queue, inside: BTreeSet::new(), waiting: VecDeque::new() }
    }

    /// A call asks for a place.
    ///
    /// Contract: at most `places` calls are inside, and at most `queue` wait. A call waits only if no place is free, and is turned away only
    /// if the queue is full as well. No call overtakes one that waits.
    pub fn ask(&mut self, call: Call) -> Entry {
        //# hole: Give the call a place, or let it wait, or turn it away.
        if self.inside.len() < self.places {
            self.inside.insert(call);
            Entry::Enter
        } else if self.waiting.len() < self.queue {
            self.waiting.push_back(call);
            Entry::Wait
        } else {
            Entry::Full
        }
        //# end
    }

    /// A call is over, or does not want its place any more: it was inside and has come to its end or was given up, or it has waited for too
    /// long, or its client has left. Says which call gets a place as a result, if one does.
    ///
    /// Contract: if the call was inside, its place goes to the call that has waited longest, and that one is named. If it was waiting, it is
    /// no longer, and gets no place in the future. If it was neither (it has been turned away, or it leaves for a second time), nothing
    /// changes.
    pub fn leave(&mut self, call: Call) -> Option<Call> {
        //# hole: Let the call go, wherever it is. Whose turn is it now?
        self.waiting.retain(|&other| other != call);
        if !self.inside.remove(&call) {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.inside.insert(next);
        Some(next)
        //# end
    }

    /// The calls that have a place, in any order.
    pub fn inside(&self) -> impl Iterator<Item = Call> {
        self.inside.iter().copied()
    }
}
