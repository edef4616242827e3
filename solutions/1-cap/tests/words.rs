//! What failures call a value can be read without having seen the types.

use cap_solution as subject;
use subject::raft::message::{Hint, Message, Outcome};
use subject::raft::store::Response;
use testkit::node::NodeId;

#[expect(dead_code, reason = "the checks use the rest of it")]
#[path = "../../../exercises/1-cap/tests/checks/raft/words.rs"]
mod words;

use words::{message, outcome, response};

#[test]
fn what_may_be_missing_is_said() {
    let conflict = |term| outcome(Outcome::Conflict(Hint { term, index: 4 }));
    assert_eq!([conflict(None), conflict(Some(2))], ["a conflict at 4 in no term", "a conflict at 4 in term 2"]);
    let refusal = |leader| response(Response::NotLeader { leader });
    assert_eq!(refusal(Some(NodeId(2))), "that it does not lead, and that n2 does");
    assert_eq!(refusal(None), "that it does not lead, and knows of no leader");
}

#[test]
fn a_message_is_called_by_what_it_says() {
    assert_eq!(message(&Message::Vote { term: 3, granted: false }), "a refusal to vote in term 3");
    let reply = Message::AppendReply { term: 3, outcome: Outcome::Matches(0) };
    assert_eq!(message(&reply), "a reply of term 3: a match up to 0");
    let heartbeat = Message::AppendEntries { term: 3, prev_index: 2, prev_term: 1, entries: vec![], commit_index: 1 };
    assert_eq!(message(&heartbeat), "a heartbeat of the leader of term 3, after index 2 in term 1, with 1 committed");
}
