//! Time, as machines are told it.

/// A moment or a span, in milliseconds. A moment counts from the start of the process, by a clock that never goes back: what
/// [`std::time::Instant`] shows, and not the time of day.
///
/// Machines never ask what time it is. Each call that needs to know has an argument `now`, and no call has an earlier one than the
/// call before.
pub type Millis = u64;
