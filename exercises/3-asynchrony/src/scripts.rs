//! Scripts that you write: what has to happen for a machine of [`wild`](crate::wild) to break its contract?

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use crate::breaker::Outcome;
use crate::wild::Event::{self, Ask, Over, Wait};
use crate::wild::Visit;

/// An example, in which nothing goes wrong: two failures open the breaker, ten milliseconds later a probe succeeds, and then another call is
/// allowed.
pub fn a_quiet_day() -> Vec<Event> {
    let failures = [Ask(1), Ask(2), Over(1, Outcome::Failure), Over(2, Outcome::Failure)];
    let later = [Wait(10), Ask(3), Over(3, Outcome::Success), Ask(4)];
    [&failures[..], &later].concat()
}

/// A script that catches [`Polly1979`](crate::wild::Polly1979).
///
/// Contract: the machine breaks a rule of [`Breaker`](crate::breaker::Breaker), with one probe, where a call that is allowed by the
/// contract is rejected, or the other way round. Each call that is over was allowed before.
pub fn polly_1979() -> Vec<Event> {
    todo!("vec![Ask(…), …]: what may come of a probe?")
}

/// A script that catches [`Opossum119`](crate::wild::Opossum119). The contract is that of [`polly_1979`].
pub fn opossum_119() -> Vec<Event> {
    todo!("vec![Ask(…), …]: who may come when the pause is over?")
}

/// A script that catches [`Resilience4j544`](crate::wild::Resilience4j544), which needs two probes. The contract is that of [`polly_1979`].
pub fn resilience4j_544() -> Vec<Event> {
    todo!("vec![Ask(…), …]: what has become of the permissions?")
}

/// A script that catches [`Failsafe393`](crate::wild::Failsafe393), a bulkhead with one place and room for one call that waits.
///
/// Contract: the machine breaks a rule of [`Bulkhead`](crate::bulkhead::Bulkhead): a call is told something else than the contract says, or
/// a place goes to another call. Each call that is over was inside before.
pub fn failsafe_393() -> Vec<Visit> {
    todo!("vec![Visit::Ask(…), …]: who waits, and for how long?")
}
