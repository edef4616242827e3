//! The gateway, asynchronous, and nothing else: a task for each request, as many as come, and a timeout for each call. Like the blocking one, it
//! does not tell the services below how long it waits.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::link::Downstream;
use super::listen::Answers;
use super::message::{Reply, Request};

/// A gateway that takes whatever comes.
#[derive(Debug)]
pub struct Naive<E, T> {
    /// For lines.
    pub enrich: E,
    /// For tails.
    pub tail: T,
    /// How long it waits for either.
    pub timeout: Duration,
}

impl<E: Downstream, T: Downstream> Answers for Naive<E, T> {
    async fn answer(&self, request: Request, _: Instant) -> Reply {
        let call = async {
            match request {
                Request::Line { .. } => self.enrich.call(request, Duration::MAX).await,
                Request::Tail { .. } => self.tail.call(request, Duration::MAX).await,
            }
        };
        timeout(self.timeout, call).await.unwrap_or(Reply::Failed)
    }

    async fn drain(&self) {}
}
