//! The service that shows a customer's newest lines.

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Pace, pool};
use crate::chain::message::{Call, Message, Reply, Request, Tenant};
use crate::chain::parameters::Parameters;

/// So many lines of a customer are kept.
const KEPT: usize = 10;

/// The newest lines of each customer.
#[derive(Debug, Default)]
struct Newest(Mutex<BTreeMap<Tenant, VecDeque<String>>>);

/// Serves the gateway forever, and hears from the store.
pub fn serve(listener: &TcpListener, parameters: Parameters, slower: Option<PathBuf>) -> ! {
    let (pace, newest) = (Pace { takes: parameters.tail_takes, slower }, Newest::default());
    pool::serve(listener, parameters.tail_places, move |message, waited| answer(&pace, &newest, message, waited))
}

fn answer(pace: &Pace, newest: &Newest, message: Message, waited: Duration) -> Reply {
    match message {
        Message::Stored { tenant, text } => {
            newest.add(tenant, text);
            Reply::Stored
        }
        message => match message.call() {
            Some(Call { left: Some(left), .. }) if left <= waited => Reply::TooLate,
            Some(Call { request: Request::Tail { tenant }, .. }) => pace.work(|| Reply::Lines(newest.of(tenant))),
            _ => Reply::Refused,
        },
    }
}

impl Newest {
    fn add(&self, tenant: Tenant, text: String) {
        let mut all = self.all();
        let lines = all.entry(tenant).or_default();
        lines.push_back(text);
        if lines.len() > KEPT {
            lines.pop_front();
        }
    }

    fn of(&self, tenant: Tenant) -> Vec<String> {
        self.all().get(&tenant).map_or_else(Vec::new, |lines| lines.iter().cloned().collect())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Tenant, VecDeque<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
