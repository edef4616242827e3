//! The service that adds to a line what is known of its sender.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{Pace, call, pool};
use crate::chain::message::{Call, Message, Reply, Request};
use crate::chain::parameters::Parameters;

/// Serves the gateway forever.
pub fn serve(listener: &TcpListener, parameters: Parameters, store: SocketAddr) -> ! {
    let pace = Pace::new(parameters.enrich_takes);
    let timeout = Duration::from_millis(parameters.timeout);
    pool::serve(listener, parameters.enrich_threads, move |message, waited| match message {
        Message::Slow { by } => {
            pace.slow(by);
            Reply::Stored
        }
        message => match message.call() {
            Some(Call { request: Request::Line { tenant, key, text }, left }) => {
                if left.is_some_and(|left| left <= waited) {
                    return Reply::TooLate;
                }
                let text = pace.work(|| format!("{text} (tenant {tenant})"));
                let request = Request::Line { tenant, key, text };
                call(store, &Message::from(Call { request, left: None }), timeout)
            }
            _ => Reply::Refused,
        },
    })
}
