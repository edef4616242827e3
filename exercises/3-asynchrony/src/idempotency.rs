//! Idempotency keys: what is asked twice under one key is done once.
//!
//! A client that gets no answer does not know whether its order was carried out. If it asks again, an invitation is sent twice, or an account
//! is charged twice. So it makes up a **key** for each thing that it wants, and sends the key along, the same one each time. The server keeps
//! what it answered, and says it again.
//!
//! The effect and the record of it must not be separable by a crash. Here they are not: whoever uses this machine writes the effect and
//! [`Record`] to the disk in one step. What is only *under way* is on no disk. After a crash it has never been.
//!
//! Source: Jena and Dalal 2025, *The Idempotency-Key HTTP Header Field* (IETF draft 07); Leach 2017, *Implementing Stripe-like Idempotency
//! Keys in Postgres*.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use std::collections::BTreeMap;

/// The time of day, in milliseconds since 1970. It outlives the process, which is why it is used here, and it may be set back at any time.
pub type Date = u64;

/// The customer who asks. Two customers may make up the same key.
pub type Tenant = u64;

/// What a client calls one thing that it wants.
pub type Key = u64;

/// What tells requests apart: a hash of all that the client has sent.
pub type Fingerprint = u64;

/// What the client was told in the end, be it good or bad.
pub type Answer = u64;

/// One line of the record: what was asked under a key, what came of it, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Who asked.
    pub tenant: Tenant,
    /// Under which key.
    pub key: Key,
    /// For what.
    pub request: Fingerprint,
    /// What they were told.
    pub answer: Answer,
    /// When it was done.
    pub at: Date,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Do it, and say [`Keys::finish`] when it is done, or [`Keys::abandon`] if it never will be.
    Do,
    /// The same request is being done right now: say that, and do nothing (409 in the draft).
    UnderWay,
    /// The key was used for another request: refuse it (422 in the draft).
    Reused,
    /// It was done before: say this.
    Again(Answer),
}

/// What is known of keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keys {
    /// For how many milliseconds a record is kept.
    keeps: u64,
    done: BTreeMap<(Tenant, Key), Record>,
    under_way: BTreeMap<(Tenant, Key), Fingerprint>,
}

impl Keys {
    /// Starts with the `records` that are on the disk: none at first, after a crash those that were written before, in that order. Of
    /// several records under one key, the one written last counts. A record is kept for `keeps` milliseconds.
    pub fn start(keeps: u64, records: impl IntoIterator<Item = Record>) -> Self {
        todo!("Begin with what is on the disk.")
    }

    /// A request comes, with a key.
    ///
    /// Contract: of all requests of one tenant under one key, at most one is being done at a time, and once one was done, none is done again.
    /// The same request gets the answer that the first one got. Another request under that key is refused, while the first is under way and
    /// afterwards. A record that is older than `keeps` is forgotten: the key is as good as new.
    pub fn ask(&mut self, tenant: Tenant, key: Key, request: Fingerprint, now: Date) -> Verdict {
        todo!("What is known of this key, and is it of this request?")
    }

    /// A request that was to be done is done, and its client will be told `answer`: that it worked, or that it cannot. Gives the record that
    /// goes to the disk, together with the effect.
    ///
    /// Contract: until the record is forgotten, a client that asks the same is told `answer`. Nothing is under way under this key any more. If
    /// nothing was, there is no record.
    pub fn finish(&mut self, tenant: Tenant, key: Key, answer: Answer, now: Date) -> Option<Record> {
        todo!("Remember what came of it.")
    }

    /// A request that was to be done will not be: its client has left before anything was done.
    ///
    /// Contract: as if it had not been asked. If nothing is under way under this key, this changes nothing.
    pub fn abandon(&mut self, tenant: Tenant, key: Key) {
        todo!("Let go of the key.")
    }

    /// How many keys are remembered, done or under way: memory that has to be paid for.
    pub fn len(&self) -> usize {
        self.done.len() + self.under_way.len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
