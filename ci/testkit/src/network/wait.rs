//! Waiting for what can only be looked at.

use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked.
const POLL: Duration = Duration::from_millis(2);

/// Far more than anything needs that is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until something holds, by looking at it again and again: for tests of what other processes and threads do.
///
/// A graded check says with [`Check::requires`](crate::check::Check::requires) what it demands, and waits no longer than it says there.
///
/// # Panics
/// If it does not hold within a minute. That is only there against hanging: no verdict should depend on how fast a machine is. `what`
/// says what was waited for, as in "its folder is gone".
///
/// ```
/// use testkit::network::{Log, until};
///
/// let log = Log::new();
/// let writer = log.clone();
/// let writing = std::thread::spawn(move || writer.add("ready"));
/// until("it says that it is ready", || log.last(1) == "ready");
/// # writing.join().unwrap();
/// ```
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "waited in vain until {what}");
        thread::sleep(POLL);
    }
}
