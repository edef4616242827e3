//! Cancellation at every `await`: a future is polled, and dropped where it waits for the first time, then for the second, and so on.
//!
//! A future can be dropped wherever it waits: by a timeout, by `select!`, by a client that closes its connection. What it has taken by then
//! must be given back, and what it has begun must be finished or undone. There are few places where it can wait, so all of them are tried.
//!
//! ```
//! use testkit_async::cancel::{Ending, after};
//! use testkit_async::paused::run;
//! use tokio::task::yield_now;
//!
//! let two_steps = || async {
//!     yield_now().await;
//!     yield_now().await;
//!     7
//! };
//! let endings: Vec<_> = (1..=3).map(|waits| run(after(waits, two_steps())).0).collect();
//! assert_eq!(endings, [Ending::Cancelled, Ending::Cancelled, Ending::Finished(7)]);
//! ```

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a future ended that was to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending<T> {
    /// It came to its end before it had waited so often.
    Finished(T),
    /// It was dropped.
    Cancelled,
}

/// A future that is dropped when it waits for the last of so many times.
pub struct After<F> {
    future: Option<Pin<Box<F>>>,
    waits: usize,
}

/// Polls `future` and drops it when it waits for the `waits`th time, counted from 1; that is at the first, if `waits` is 0. It is dropped there and then, and not when the caller
/// comes to it.
pub fn after<F: Future>(waits: usize, future: F) -> After<F> {
    After { future: Some(Box::pin(future)), waits }
}

impl<F: Future> Future for After<F> {
    type Output = Ending<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.future.as_mut().expect("a future is not polled again when it is ready");
        let ending = match future.as_mut().poll(context) {
            Poll::Ready(done) => Ending::Finished(done),
            Poll::Pending if self.waits > 1 => {
                self.waits -= 1;
                return Poll::Pending;
            }
            Poll::Pending => Ending::Cancelled,
        };
        self.future = None;
        Poll::Ready(ending)
    }
}
