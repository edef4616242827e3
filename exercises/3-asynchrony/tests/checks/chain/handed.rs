//! A future that goes from task to task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future twice each time, each with a waker of its own, as if another task had taken it over. Only the latest waker does anything: that is
/// all that [`Future::poll`] promises.
pub struct Handed<F> {
    future: Pin<Box<F>>,
    latest: Arc<AtomicU64>,
}

impl<F: Future> Handed<F> {
    pub fn new(future: F) -> Self {
        Handed { future: Box::pin(future), latest: Arc::default() }
    }
}

impl<F: Future> Future for Handed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.poll_once(context) {
            Poll::Pending => self.poll_once(context),
            ready => ready,
        }
    }
}

impl<F: Future> Handed<F> {
    fn poll_once(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        let number = self.latest.fetch_add(1, Ordering::AcqRel) + 1;
        let (latest, waker) = (Arc::clone(&self.latest), context.waker().clone());
        let waker = Waker::from(Arc::new(Numbered { number, latest, waker }));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

struct Numbered {
    number: u64,
    latest: Arc<AtomicU64>,
    waker: Waker,
}

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        if self.latest.load(Ordering::Acquire) == self.number {
            self.waker.wake_by_ref();
        }
    }
}
