//! Code under test that must not panic, whatever it is given.

use std::panic::{self, AssertUnwindSafe};

use testkit::check::{Check, Failure, Rule};
use testkit::panics;

pub const HARMLESS: Rule = Rule::new(
    "hostile bytes",
    "Whatever bytes come, the answer is an arrival or one reason to close, never a panic, and nothing arrives after that \
     reason.",
    "contract of `Inbound::take`",
    "2-failures/server.md#one-reason",
);

/// Runs code under test. A panic breaks a rule, unless it is a `todo!`.
pub fn guarded<T>(check: &mut Check, len: usize, run: impl FnOnce() -> T) -> Result<T, Box<Failure>> {
    panic::catch_unwind(AssertUnwindSafe(run)).or_else(|payload| {
        let (message, at) = panics::describe(&*payload);
        if message.starts_with("not yet implemented") {
            panic::resume_unwind(payload);
        }
        let says = || format!("With {len} more bytes from outside, the server panics: {message} (at {at}).");
        check.requires(HARMLESS, false, says)?;
        panic::resume_unwind(payload)
    })
}
