//! How long a caller waits before it tries again.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use crate::time::Millis;

/// Exponential back-off with full jitter: each time, the span from which the pause is drawn is twice as long.
///
/// Source: Brooker 2015, *Exponential Backoff And Jitter*, AWS Architecture Blog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// The longest pause after the first attempt. May be 0, or more than `cap`.
    pub base: Millis,
    /// The longest pause of all.
    pub cap: Millis,
}

impl Backoff {
    /// The pause after the `made`th attempt, counted from 1. `draw(most)` gives a random number from 0 to `most`, each as likely as the others.
    ///
    /// Contract: after the first attempt, each pause from 0 to `base` is possible, and each is as likely as the others; after the second, from
    /// 0 to twice as much, and so on, up to `cap` and no further. That holds after any number of attempts.
    pub fn pause(&self, made: u32, draw: impl FnOnce(Millis) -> Millis) -> Millis {
        todo!("Draw the pause. From which span?")
    }
}
