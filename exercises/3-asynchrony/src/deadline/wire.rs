//! How much time is left, on the wire.
//!
//! A moment means nothing to another machine, whose clock shows another one. So what is sent is the time that is *left*, in the form that gRPC
//! gives it: at most eight digits, and a unit.

use std::time::Duration;

/// The units of gRPC's `grpc-timeout`, from the finest to the coarsest, in nanoseconds.
const UNITS: [(char, u128); 6] =
    [('n', 1), ('u', 1_000), ('m', 1_000_000), ('S', 1_000_000_000), ('M', 60_000_000_000), ('H', 3_600_000_000_000)];

/// The largest number that fits into eight digits.
const MOST: u128 = 99_999_999;

/// Writes the time that is left: `100000u` for a hundred milliseconds.
///
/// Contract: the finest unit in which the number, rounded *up*, has at most eight digits. It is rounded up so that a deadline does not shrink
/// with each hop. `None` if nothing is left: such a call is not made. What is longer than 99,999,999 hours is written as that.
pub fn written(left: Duration) -> Option<String> {
    todo!("Which unit, and which number?")
}

/// Reads what was written by another service, which may not be yours.
///
/// Contract: one to eight ASCII digits and one of the six units, and nothing else. Anything else is refused, and so is zero: it means
/// that no time is left.
pub fn read(text: &str) -> Option<Duration> {
    todo!("Read it, and believe nothing.")
}
