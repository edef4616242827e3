//! Async code on a clock that stands still: time passes only when nothing else can happen.
//!
//! A check of async code must not wait, and must not depend on how fast the machine is. So it runs on a runtime of one thread with tokio's
//! paused clock: as soon as every task waits, the clock jumps to the next timer. A timeout of a minute takes no time, and a timeout of ten
//! milliseconds never fires because the machine was busy.
//!
//! What that asks of a check, and what this module does about it:
//!
//! - A socket is never ready on such a clock: the runtime would think that nothing can happen, and let all timeouts fire (tokio issue 4522).
//!   So the runtime has no sockets. Code that opens one panics, and links are in memory.
//! - A timer is as fine as a millisecond, so checks keep what they compare ten milliseconds apart.
//! - `select!` draws at random which branch it looks at first, and stable tokio cannot be given a seed. So [`run`] is called [`RUNS`] times for
//!   each thing that a check looks at, and a check says so.
//! - What code leaves running is counted: [`Left`] says how many tasks are still alive when all that could run has run.
//!
//! ```
//! use std::time::Duration;
//!
//! let (waited, left) = testkit_async::paused::run(async {
//!     let begun = tokio::time::Instant::now();
//!     tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
//!     tokio::time::sleep(Duration::from_secs(60)).await;
//!     begun.elapsed()
//! });
//! assert_eq!(waited, Duration::from_secs(60));
//! assert_eq!(left.tasks, 1);
//! ```

use std::future::Future;

use tokio::runtime::{Builder, Handle};
use tokio::task::yield_now;

/// How often a check runs what may draw at random.
pub const RUNS: usize = 32;

/// How many turns tasks get to come to their ends. Each one that was cancelled needs one.
const TURNS: usize = 256;

/// What is still there at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How many tasks are alive: each waits for something that has not happened.
    pub tasks: usize,
}

/// Runs `body` to its end, and then lets other tasks run as long as they can without waiting for time to pass.
///
/// # Panics
/// Panics where `body` does.
pub fn run<T>(body: impl Future<Output = T>) -> (T, Left) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without sockets and threads needs nothing from the system");
    runtime.block_on(async {
        let done = body.await;
        for _ in 0..TURNS {
            if alive() == 0 {
                break;
            }
            yield_now().await;
        }
        (done, Left { tasks: alive() })
    })
}

fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
