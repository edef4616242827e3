//! The gateway, blocking: one pool of threads, for lines and for tails.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::{call, pool};
use crate::chain::message::{Call, Message, Reply, Request};
use crate::chain::parameters::Parameters;

/// Where the services below are.
#[derive(Clone, Copy, Debug)]
pub struct Below {
    /// `enrich`, for lines.
    pub enrich: SocketAddr,
    /// `tail`, for tails.
    pub tail: SocketAddr,
}

impl Below {
    /// The service that answers such a request.
    pub fn of(self, request: &Request) -> SocketAddr {
        match request {
            Request::Line { .. } => self.enrich,
            Request::Tail { .. } => self.tail,
        }
    }
}

// ANCHOR: serve
/// Serves clients forever.
pub fn serve(listener: &TcpListener, parameters: Parameters, below: Below) -> ! {
    let timeout = Duration::from_millis(parameters.timeout);
    pool::serve(listener, parameters.gateway_threads, move |message, _| match message.call() {
        Some(Call { request, .. }) => {
            let service = below.of(&request);
            call(service, &Message::from(Call { request, left: None }), timeout)
        }
        None => Reply::Refused,
    })
}
// ANCHOR_END: serve
