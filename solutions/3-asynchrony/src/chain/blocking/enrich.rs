//! The service that adds to a line what is known of its sender.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use super::{Pace, call, pool};
use crate::chain::message::{Call, Message, Reply, Request};
use crate::chain::parameters::Parameters;

/// Serves the gateway forever.
pub fn serve(listener: &TcpListener, parameters: Parameters, slower: Option<PathBuf>, store: SocketAddr) -> ! {
    let pace = Pace { takes: parameters.enrich_takes, slower };
    let timeout = Duration::from_millis(parameters.timeout);
    pool::serve(listener, parameters.enrich_threads, move |message, waited| match message.call() {
        Some(Call { left: Some(left), .. }) if left <= waited => Reply::TooLate,
        Some(Call { request: Request::Line { tenant, key, text }, .. }) => {
            let text = pace.work(|| format!("{text} (tenant {tenant})"));
            let request = Request::Line { tenant, key, text };
            call(store, &Message::from(Call { request, left: None }), timeout)
        }
        _ => Reply::Refused,
    })
}
