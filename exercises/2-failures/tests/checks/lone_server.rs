//! A server that is alone with the messages of others: with those of its leader, or with the answers of those who follow it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use testkit::alone::Alone;
use testkit::node::{Effect, NodeId};
use testkit::panics;

use super::entries;
use crate::subject::raft::log::{Entry, Index, Log, Start, Term};
use crate::subject::raft::message::{self, Hint, Outcome};
use crate::subject::raft::store::Request::Get;
use crate::subject::raft::{self, Timer};
use crate::subject::snapshot::{Compacting, Durable, Message, Snapshot};

/// A snapshot up to `index` of a log whose entries are all of term 1 and put their index under 'x'.
pub fn snapshot(index: Index) -> Snapshot {
    entries::snapshot(index, 1)
}

/// The entry at `index`: it is of term 1, and puts its index under 'x'.
pub fn put(index: Index) -> Entry {
    entries::put(1, (index as usize, 0), index as i64)
}

/// Entries of term 1 behind `prev`, up to `last`, that put their index under 'x'.
pub fn puts(prev: Index, last: Index, commit_index: Index) -> Message {
    let entries = (prev + 1..=last).map(put).collect();
    let prev_term = Term::from(prev > 0);
    Message::Raft(message::Message::AppendEntries { term: 1, prev_index: prev, prev_term, entries, commit_index })
}

/// The snapshot up to `index`, from a leader of `term`.
pub fn install(term: Term, index: Index) -> Message {
    Message::InstallSnapshot { term, snapshot: snapshot(index) }
}

/// How far a follower says that it agrees, and what it had saved by then.
pub fn told<const LIMIT: Index>(effects: &[Effect<Compacting<LIMIT>>]) -> Option<(Outcome, Option<&Durable>)> {
    let mut saved = None;
    for effect in effects {
        match effect {
            Effect::Save { durable } => saved = Some(durable),
            Effect::Send { message: Message::Raft(message::Message::AppendReply { outcome, .. }), .. } => {
                return Some((*outcome, saved));
            }
            _ => {}
        }
    }
    None
}

/// What was saved last.
pub fn last_saved<const LIMIT: Index>(effects: &[Effect<Compacting<LIMIT>>]) -> Option<Durable> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Save { durable } => Some(durable.clone()),
        _ => None,
    })
}

/// Whether the follower has applied all entries up to the one that puts `value` under 'x', and no more.
pub fn holds_x<const LIMIT: Index>(follower: &Alone<Compacting<LIMIT>>, value: Index) -> bool {
    follower.raft().store().clone().execute(Get('x')) == value as i64
}

/// A leader of term 2 whose log starts at 5, with one entry of its own behind that.
fn leader() -> Alone<Compacting<2>> {
    let mut log = Log::beginning_after(Start { index: 5, term: 1 });
    log.push(put(6));
    let raft = raft::Durable { term: 1, voted_for: None, log };
    let saved = Durable { snapshot: Some(Arc::new(snapshot(5))), raft };
    let mut leader = Alone::<Compacting<2>>::start(3, Some(saved), &[]);
    leader.fires(Timer::Election);
    leader.receives(NodeId(1), Message::Raft(message::Message::Vote { term: 2, granted: true }));
    leader
}

/// What the leader does with n2's answer, or what it says when it panics.
pub fn answers(term: Term, outcome: Outcome) -> Result<Vec<Effect<Compacting<2>>>, String> {
    let mut leader = leader();
    let reply = Message::Raft(message::Message::AppendReply { term, outcome });
    catch_unwind(AssertUnwindSafe(|| leader.receives(NodeId(2), reply))).map_err(|payload| panics::take(payload).0)
}

/// Whether the leader, by its own rule for where to go on, would need an entry that it has cut off.
pub fn is_gone(hint: Hint) -> bool {
    let leader = leader();
    let log = leader.raft().log();
    log.next_after(hint) <= log.start().index
}

/// Which term the leader is in, and whether it leads, once n2 has asked for what is gone in an answer of a later `term`.
pub fn hears_of_a_later_term(term: Term) -> (Term, bool) {
    let mut leader = leader();
    let outcome = Outcome::Conflict(Hint { term: None, index: 1 });
    leader.receives(NodeId(2), Message::Raft(message::Message::AppendReply { term, outcome }));
    (leader.raft().term(), leader.raft().is_leader())
}

/// How often the leader sends n2 its snapshot, if n2 asks for what is gone before and after each of so many heartbeats.
pub fn snapshots_in(heartbeats: usize) -> usize {
    let mut leader = leader();
    let outcome = Outcome::Conflict(Hint { term: None, index: 1 });
    let asks = || Message::Raft(message::Message::AppendReply { term: 2, outcome });
    let mut sent = snapshots(&leader.receives(NodeId(2), asks()));
    for _ in 0..heartbeats {
        sent += snapshots(&leader.fires(Timer::Heartbeat));
        leader.receives(
            NodeId(1),
            Message::Raft(message::Message::AppendReply { term: 2, outcome: Outcome::Matches(6) }),
        );
        sent += snapshots(&leader.receives(NodeId(2), asks()));
    }
    sent
}

/// How often the leader sends n2 its snapshot.
pub fn snapshots(effects: &[Effect<Compacting<2>>]) -> usize {
    let is_snapshot = |effect: &&Effect<_>| matches!(effect, Effect::Send { to: NodeId(2), message: Message::InstallSnapshot { term: 2, snapshot } } if snapshot.index == 5);
    effects.iter().filter(is_snapshot).count()
}
