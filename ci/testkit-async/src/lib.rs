//! What checks of async code stand on, beside the testkit: a clock that stands still, and futures that are cancelled wherever they wait.
//!
//! It is a crate of its own, so that the stages without async code do not wait for tokio.

pub mod cancel;
pub mod paused;
