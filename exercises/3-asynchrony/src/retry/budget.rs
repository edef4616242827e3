//! How many retries there may be: a budget without a clock.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use super::Answer;

/// A bucket of tokens, in thousandths of a token. It begins full. Failures take tokens out, successes put some back, and while it is no more
/// than half full, nothing is tried again.
///
/// So if a service fails altogether, there is an end of retries after half the bucket, whatever the traffic; and if it fails now and then,
/// successes pay for them.
///
/// Source: gRPC's proposal A6, *Client Retries*, "Throttling Retry Attempts and Hedged RPCs".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    /// The bucket's size, in thousandths.
    most: u64,
    /// What a success puts back, in thousandths.
    ratio: u64,
    tokens: u64,
}

impl Budget {
    /// A full bucket of `tokens` (whole ones), into which each success puts `ratio` thousandths of one.
    pub fn new(tokens: u32, ratio: u32) -> Self {
        let most = 1000 * u64::from(tokens);
        Budget { most, ratio: ratio.into(), tokens: most }
    }

    /// An answer has come, to a first attempt or to a later one.
    ///
    /// Contract: `Done` puts `ratio` thousandths in. `Overloaded`, `Failed` and `GivenUp` each take a whole token out. `Refused` says nothing
    /// about the service. There are never more tokens than fit, and never less than zero.
    pub fn hears(&mut self, answer: Answer) {
        todo!("Put something in, or take something out.")
    }

    /// Whether a call may be made again: the bucket is more than half full.
    pub fn allows_a_retry(&self) -> bool {
        todo!("Is enough left?")
    }
}
