//! Coalescing: of messages that say the same, the last.
//!
//! # The problem
//!
//! Many leaders send a message with each request that they take, and each says again what the ones before it said, as long as nobody has
//! answered. The reference of stage 1 does. Of a batch with 64 requests only the last is worth a frame. The others would be 64 times the
//! work for everybody: each is encoded, sent, decoded, saved and answered by each follower.
//!
//! # The way
//!
//! Within a batch, what a later message between the same two servers covers is dropped, both of what goes out and of what comes in. To
//! the server that is nothing new: messages get lost, and the next one makes up for it. A leader that sends each entry once says nothing twice,
//! so of its messages nothing is dropped.

use std::collections::BTreeMap;

use cap::raft::log::{Entry, Index};
use cap::raft::message::{Message as Inner, Outcome};
use testkit::node::NodeId;

use crate::snapshot::Message;

/// Drops each message that the next one between the same two servers covers. `message` says whose it is, if it is one.
pub(super) fn drop_what_is_covered<T>(all: &mut Vec<T>, message: impl Fn(&T) -> Option<(NodeId, &Message)>) {
    let mut last: BTreeMap<NodeId, &Message> = BTreeMap::new();
    let mut stays: Vec<bool> = Vec::with_capacity(all.len());
    for item in all.iter().rev() {
        stays.push(message(item).is_none_or(|(peer, message)| {
            let is_covered = last.get(&peer).is_some_and(|later| covers(later, message));
            if !is_covered {
                last.insert(peer, message);
            }
            !is_covered
        }));
    }
    all.retain(|_| stays.pop().unwrap_or(true));
}

/// Whether a message says all that an earlier one said, so that nobody misses the earlier one who gets both.
///
/// Within a term a leader's log only grows, and so does what a follower is known to hold. So entries are the same if their indices are.
fn covers(later: &Message, earlier: &Message) -> bool {
    let (Message::Raft(later), Message::Raft(earlier)) = (later, earlier) else { return false };
    later.term() == earlier.term()
        && match (later, earlier) {
            (
                Inner::AppendEntries { prev_index, entries, commit_index, .. },
                Inner::AppendEntries { prev_index: from, entries: old, commit_index: known, .. },
            ) => {
                let end = |before: &Index, entries: &[Entry]| before.saturating_add(entries.len() as Index);
                prev_index <= from && end(from, old) <= end(prev_index, entries) && known <= commit_index
            }
            (Inner::AppendReply { outcome, .. }, Inner::AppendReply { outcome: old, .. }) => {
                matches!((outcome, old), (Outcome::Matches(now), Outcome::Matches(before)) if before <= now)
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use cap::raft::log::{Command, Term};
    use cap::raft::message::Hint;

    use super::*;

    fn entries(term: Term, prev_index: Index, many: usize, commit_index: Index) -> Message {
        let entries = vec![Entry { term, command: Command::Noop }; many];
        Message::Raft(Inner::AppendEntries { term, prev_index, prev_term: 1, entries, commit_index })
    }

    fn reply(term: Term, outcome: Outcome) -> Message {
        Message::Raft(Inner::AppendReply { term, outcome })
    }

    #[test]
    fn a_message_is_covered_only_if_nothing_of_it_is_missed() {
        let vote = || Message::Raft(Inner::Vote { term: 2, granted: true });
        let hint = |index| Outcome::Conflict(Hint { index, term: None });
        for (earlier, later, is_covered) in [
            (entries(2, 5, 1, 4), entries(2, 5, 3, 4), true),
            (entries(2, 5, 3, 4), entries(2, 5, 3, 6), true),
            (entries(2, 5, 3, 4), entries(2, 4, 4, 4), true),
            (entries(2, 5, 3, 4), entries(2, 6, 9, 4), false), // does not say what stands at 6
            (entries(2, 5, 3, 4), entries(2, 5, 2, 4), false), // ends before it
            (entries(2, 5, 3, 4), entries(2, 5, 3, 3), false), // knows less to be committed
            (entries(2, 5, 1, 4), entries(3, 5, 3, 4), false), // another leader
            (reply(2, Outcome::Matches(3)), reply(2, Outcome::Matches(4)), true),
            (reply(2, Outcome::Matches(4)), reply(2, Outcome::Matches(3)), false),
            (reply(2, Outcome::Matches(3)), reply(3, Outcome::Matches(4)), false),
            (reply(2, hint(3)), reply(2, Outcome::Matches(4)), false),
            (reply(2, Outcome::Matches(3)), reply(2, hint(4)), false),
            (vote(), vote(), false),
        ] {
            assert_eq!(covers(&later, &earlier), is_covered, "{earlier:?}, then {later:?}");
        }
    }

    #[test]
    fn what_is_left_of_a_batch_stays_in_its_order() {
        let to = |peer, message| (NodeId(peer), message);
        let mut batch = vec![
            to(1, entries(2, 5, 1, 4)),
            to(2, entries(2, 5, 1, 4)),
            to(1, entries(2, 5, 2, 4)),
            to(1, Message::Raft(Inner::Vote { term: 2, granted: true })),
            to(1, entries(2, 5, 3, 4)),
            to(2, entries(2, 6, 1, 4)),
        ];
        let left = [1, 2, 3, 4, 5].map(|place| batch[place].clone());
        drop_what_is_covered(&mut batch, |(peer, message)| Some((*peer, message)));
        assert_eq!(batch, left);
    }
}
