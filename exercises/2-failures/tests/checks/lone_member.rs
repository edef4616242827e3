//! A server that may have to leave, alone with the messages of others.

use std::sync::Arc;

use testkit::alone::Alone;
use testkit::node::{ClientId, Effect, Membership, NodeId, RequestId};

use super::entries;
use super::sizes::ALL;
use crate::subject::membership::{Member, SIZE};
use crate::subject::raft::log::{Command, Entry, Index, Log, Start, Term};
use crate::subject::raft::message::{self, Outcome};
use crate::subject::raft::store::Request::{self, Put};
use crate::subject::raft::store::{Response, Value};
use crate::subject::raft::{self, Raft, Timer};
use crate::subject::snapshot::{Durable, Message, Snapshot};

/// An entry of `term` by which a client wants `size` servers to count.
pub fn change(term: Term, number: usize, size: usize) -> Entry {
    let id = RequestId { client: ClientId(9), number };
    Entry { term, command: Command::Client { id, request: Put(SIZE, size as Value) } }
}

/// A snapshot of one entry of term 1, by which `size` servers count.
pub fn snapshot(size: usize) -> Snapshot {
    let mut snapshot = entries::snapshot(1, 1);
    snapshot.store.execute(Put(SIZE, size as Value));
    snapshot
}

/// What a server has saved of which `size` servers count by its snapshot, with `entries` behind that.
pub fn saved(size: usize, entries: impl IntoIterator<Item = Entry>) -> Durable {
    let mut log = Log::beginning_after(Start { index: 1, term: 1 });
    entries.into_iter().for_each(|entry| log.push(entry));
    let raft = raft::Durable { term: 1, voted_for: None, log };
    Durable { snapshot: Some(Arc::new(snapshot(size))), raft }
}

/// Entries of a leader of `term` behind `prev`.
pub fn append(term: Term, (prev_index, prev_term): (Index, Term), entries: Vec<Entry>, commit_index: Index) -> Message {
    Message::Raft(message::Message::AppendEntries { term, prev_index, prev_term, entries, commit_index })
}

/// A candidate of `term` asks for votes. Its log ends as the other two say.
pub fn stands(term: Term, last_index: Index, last_term: Term) -> Message {
    Message::Raft(message::Message::RequestVote { term, last_index, last_term })
}

/// A server that is alone with the messages of others. It does not cut its log.
pub struct Lone {
    id: usize,
    server: Alone<Member<100>>,
}

/// What it wants done.
pub type Wants = Vec<Effect<Member<100>>>;

impl Lone {
    pub fn start(id: usize, saved: Option<Durable>) -> Self {
        Lone { id, server: Alone::start_as(Membership { id: NodeId(id), size: ALL }, saved, &[]) }
    }

    pub fn raft(&self) -> &Raft {
        self.server.raft()
    }

    pub fn hears(&mut self, from: usize, message: Message) -> Wants {
        self.server.receives(NodeId(from), message)
    }

    pub fn fires(&mut self, timer: Timer) -> Wants {
        self.server.fires(timer)
    }

    pub fn is_asked(&mut self, number: usize, request: Request) -> Wants {
        self.is_asked_by(0, number, request)
    }

    pub fn is_asked_by(&mut self, client: usize, number: usize, request: Request) -> Wants {
        self.server.is_asked_as(RequestId { client: ClientId(client), number }, request)
    }

    /// `from` says that it agrees with all of this leader's log.
    pub fn is_followed_by(&mut self, from: usize) -> Wants {
        self.is_followed_up_to(from, self.raft().log().last_index())
    }

    /// All others of `size` servers say so.
    pub fn is_followed_by_all(&mut self, size: usize) {
        let me = self.id;
        (0..size).filter(|&from| from != me).for_each(|from| drop(self.is_followed_by(from)));
    }

    /// `from` says that it agrees with this leader's log up to `index`.
    pub fn is_followed_up_to(&mut self, from: usize, index: Index) -> Wants {
        let (term, outcome) = (self.raft().term(), Outcome::Matches(index));
        self.hears(from, Message::Raft(message::Message::AppendReply { term, outcome }))
    }

    /// Its election timer fires until it stands for election; some wait twice. Gives what it wants done then.
    pub fn stands(&mut self) -> Wants {
        let before = self.raft().term();
        let mut wants = self.fires(Timer::Election);
        for _ in 0..2 {
            if self.raft().term() == before {
                wants = self.fires(Timer::Election);
            }
        }
        wants
    }
}

/// `id` leads term 2, and `size` servers count. If it is `settled`, it has committed an entry of its own term. Its clients' requests go on
/// from 1.
pub fn leader(id: usize, size: usize, settled: bool) -> Lone {
    let mut leader = Lone::start(id, Some(saved(size, [])));
    leader.stands();
    let term = leader.raft().term();
    for voter in (0..size).filter(|&voter| voter != id) {
        leader.hears(voter, Message::Raft(message::Message::Vote { term, granted: true }));
    }
    if settled {
        leader.is_asked(0, Put('x', 7));
        leader.is_followed_by_all(size);
    }
    leader
}

/// To whom something goes that `is_it`.
pub fn sent_to(wants: &Wants, is_it: impl Fn(&message::Message) -> bool) -> Vec<NodeId> {
    let to = |effect: &Effect<Member<100>>| match effect {
        Effect::Send { to, message: Message::Raft(message) } if is_it(message) => Some(*to),
        _ => None,
    };
    wants.iter().filter_map(to).collect()
}

/// What the clients are told.
pub fn told(wants: &Wants) -> Vec<Response> {
    let told = |effect: &Effect<_>| match effect {
        Effect::Reply { response, .. } => Some(*response),
        _ => None,
    };
    wants.iter().filter_map(told).collect()
}

/// Whether the server waits for this timer anew.
pub fn waits_for(wants: &Wants, wanted: Timer) -> bool {
    wants.iter().any(|effect| matches!(effect, Effect::Arm { timer } if *timer == wanted))
}

/// In which terms it has voted, and whether with yes.
pub fn votes(wants: &Wants) -> Vec<(Term, bool)> {
    let vote = |effect: &Effect<_>| match effect {
        Effect::Send { message: Message::Raft(message::Message::Vote { term, granted }), .. } => {
            Some((*term, *granted))
        }
        _ => None,
    };
    wants.iter().filter_map(vote).collect()
}

/// What the last entry of a server's log asks for.
pub fn last(lone: &Lone) -> Option<Request> {
    match lone.raft().log().entries().last()?.command {
        Command::Client { request, .. } => Some(request),
        Command::Noop => None,
    }
}

/// Four of five servers count for n0, which leads term 2.
pub fn leads() -> (&'static str, Lone) {
    ("leads", leader(0, 4, true))
}

/// Four of five servers count for n0, which follows n1 in term 1.
pub fn follows() -> (&'static str, Lone) {
    let mut lone = Lone::start(0, Some(saved(4, [])));
    lone.hears(1, append(1, (1, 1), vec![], 1));
    ("follows n1", lone)
}
