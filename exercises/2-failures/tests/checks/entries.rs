//! Entries and snapshots as a leader would make them, with one key in them.

use testkit::node::{ClientId, RequestId};

use crate::subject::raft::log::{Command, Entry, Index, Term};
use crate::subject::raft::store::{Request, Store, Value};
use crate::subject::snapshot::Snapshot;

/// An entry of `term` by which a client, in its request of that number, puts `value` under 'x'.
pub fn put(term: Term, (client, number): (usize, usize), value: Value) -> Entry {
    let id = RequestId { client: ClientId(client), number };
    Entry { term, command: Command::Client { id, request: Request::Put('x', value) } }
}

/// A snapshot up to `index`, whose last entry is of `term` and has put its index under 'x'.
pub fn snapshot(index: Index, term: Term) -> Snapshot {
    let mut store = Store::default();
    store.execute(Request::Put('x', index as i64));
    Snapshot { index, term, store, sessions: Default::default() }
}
