//! What a check asks of a server that may have to leave, and is alone: whom it asks, what it puts into its log, for whom it votes.

use testkit::check::{Check, Proven};
use testkit::node::{ClientId, NodeId};
use testkit::schedule::Schedule;
use testkit::text::list;

use super::lone_member::{Lone, Wants, last, leader, sent_to, stands, told, votes};
use super::membership_rules::{A_QUESTION, COMES_BACK, HEARD, IN_THE_LOG, ONCE, ONE_AT_A_TIME, WHO_COUNTS};
use super::raft::all_have_caught_up;
use super::sizes::{asks, changing, elect};
use super::words;
use crate::subject::membership::SIZE;
use crate::subject::raft::Timer;
use crate::subject::raft::log::{Command, Index, Term};
use crate::subject::raft::message::{self, Hint, Outcome};
use crate::subject::raft::store::Request::{self, Add, Get, Put};
use crate::subject::raft::store::{Response, Value};
use crate::subject::snapshot::Message;

/// n0 stands for election. It should ask all who count but itself, and lead as soon as it has a majority of them.
pub fn counts(check: &mut Check, has: &str, size: usize, mut lone: Lone) -> Proven {
    let asked = sent_to(&lone.stands(), |message| matches!(message, message::Message::RequestVote { .. }));
    let should: Vec<NodeId> = (1..size).map(NodeId).collect();
    check.requires(IN_THE_LOG, asked == should, || {
        format!(
            "n0 of five servers has {has}, so {size} count. n0 becomes a candidate, and asks {} for their votes.",
            list(&asked, "nobody")
        )
    })?;
    let term = lone.raft().term();
    for voter in 1..=size / 2 {
        check.requires(IN_THE_LOG, !lone.raft().is_leader(), || {
            format!("n0 of five servers has {has}, so {size} count. With {voter} votes, its own included, n0 leads.")
        })?;
        lone.hears(voter, Message::Raft(message::Message::Vote { term, granted: true }));
    }
    check.requires(IN_THE_LOG, lone.raft().is_leader(), || {
        let votes = size / 2 + 1;
        format!(
            "n0 of five servers has {has}, so {size} count. With {votes} votes, its own included, n0 does not lead."
        )
    })
}

/// The change to `to` is the last entry of the log.
pub fn is_made(check: &mut Check, lone: &Lone, to: Value, story: impl Fn() -> String) -> Proven {
    check.requires(ONE_AT_A_TIME, last(lone) == Some(Put(SIZE, to)), || {
        format!(
            "{}, and is asked for {to}. That is allowed, but the last entry of its log asks for {}.",
            story(),
            words::request(last(lone))
        )
    })
}

/// The request goes into the log as a question, and is not answered before others have it.
pub fn is_a_question(check: &mut Check, mut lone: Lone, request: Request, story: impl Fn() -> String) -> Proven {
    let alone = lone.raft().size() == 1;
    let (before, was) = (lone.raft().log().last_index(), lone.raft().size());
    let wants = lone.is_asked(9, request);
    let (log, size) = (lone.raft().log(), lone.raft().size());
    let changed = (before + 1..=log.last_index())
        .filter_map(|index| log.entry(index))
        .any(|entry| matches!(entry.command, Command::Client { request: Put(SIZE, _) | Add(SIZE, _), .. }));
    check.requires(ONE_AT_A_TIME, !changed && size == was, || {
        format!(
            "{}, and gets `{request:?}`. That is not allowed; {size} servers count for it now, and its log is {log:?}.",
            story()
        )
    })?;
    let asks = last(&lone) == Some(Get(SIZE)) && log.last_index() == before + 1 && lone.raft().is_leader();
    let answered = told(&wants);
    check.requires(A_QUESTION, asks && (answered.is_empty() || alone), || {
        format!(
            "{}, and gets `{request:?}`. That is not allowed, so n0 should put the question `Get('#')` into its log, and answer \
             when that is committed. It says {}, and its log is {log:?}.",
            story(),
            words::told(&answered)
        )
    })
}

/// n0 leads `from` servers, and changes that to `to`: the entry and the heartbeats go to the others of these, and a majority of these commits it.
pub fn goes_to_those_who_count(check: &mut Check, from: usize, to: usize) -> Proven {
    let mut lone = leader(0, from, true);
    let wants = lone.is_asked(1, Put(SIZE, to as Value));
    let brings = |wants: &Wants| {
        sent_to(
            wants,
            |message| matches!(message, message::Message::AppendEntries { entries, .. } if !entries.is_empty()),
        )
    };
    let counts = |server: &NodeId| (1..to).contains(&server.0);
    let early: Vec<NodeId> = brings(&wants).into_iter().filter(|server| !counts(server)).collect();
    check.requires(WHO_COUNTS, early.is_empty(), || {
        format!(
            "n0 leads, and changes the size from {from} to {to}. The entry goes to {}, which should not get it.",
            list(&early, "nobody")
        )
    })?;
    let beats = lone.fires(Timer::Heartbeat);
    let heard: Vec<NodeId> = sent_to(&beats, |_| true).into_iter().filter(|server| !counts(server)).collect();
    check.requires(WHO_COUNTS, heard.is_empty(), || {
        format!(
            "n0 leads, and changes the size from {from} to {to}. Its heartbeats go to {}, which are out.",
            list(&heard, "nobody")
        )
    })?;
    let mut answered = told(&wants);
    // The last ones first: who has just come back counts like everybody else.
    for (others, follower) in (1..to).rev().enumerate() {
        let has_majority = others + 1 > to / 2;
        check.requires(WHO_COUNTS, answered.is_empty() != has_majority, || {
            format!(
                "n0 leads, and changes the size from {from} to {to}. {} of these servers have the entry, and the client was \
                 told {}.",
                others + 1,
                words::told(&answered)
            )
        })?;
        answered.extend(told(&lone.is_followed_by(follower)));
    }
    check.requires(WHO_COUNTS, answered == [Response::Done(to as Value)], || {
        format!("n0 leads, and changes the size from {from} to {to}. All of these servers have the entry, and the client was \
                 told {}.", words::told(&answered))
    })
}

/// n0 takes a command, and then changes the size from `from` to one less. The server that is out has the command, and says so late: that
/// is one of the old size, and counts for nothing.
pub fn does_not_count_who_is_out(check: &mut Check, from: usize) -> Proven {
    let (out, to) = (from - 1, from - 1);
    let mut lone = leader(0, from, true);
    lone.is_asked(1, Put('x', 1));
    let command = lone.raft().log().last_index();
    lone.is_asked(2, Put(SIZE, to as Value));
    for follower in 1..to / 2 {
        lone.is_followed_up_to(follower, command);
    }
    let (term, outcome) = (lone.raft().term(), Outcome::Conflict(Hint { term: None, index: 1 }));
    lone.hears(out, Message::Raft(message::Message::AppendReply { term, outcome }));
    lone.is_followed_up_to(out, command);
    check.requires(WHO_COUNTS, lone.raft().commit_index() < command, || {
        format!(
            "n0 leads {from} servers, takes a command, and changes their number to {to}. {} of these have the command, and \
             n{out}, which is out, says that it has it as well. n0 considers the command committed.",
            to / 2
        )
    })?;
    lone.is_followed_up_to(to / 2, command);
    check.requires(WHO_COUNTS, lone.raft().commit_index() >= command, || {
        format!(
            "n0 leads {from} servers, takes a command, and changes their number to {to}. {} of these have the command, but n0 \
             does not consider it committed.",
            to / 2 + 1
        )
    })
}

/// c0's request 1, which asks for `to`, comes when the map would not carry it out any more. It should be a question.
pub fn comes_again(check: &mut Check, mut lone: Lone, to: Value, story: &str) -> Proven {
    let before = lone.raft().log().last_index();
    lone.is_asked(1, Put(SIZE, to));
    let log = lone.raft().log();
    check.requires(ONCE, last(&lone) == Some(Get(SIZE)), || {
        format!(
            "n0 leads. {story}. Now c0's request 1 arrives, which asks for {to}, and n0's log continues with {:?}. When that is \
             applied, c0's session shows that the request is over, so the map ignores it: {to} servers count by the log, but \
             not by the map.",
            log.after(before)
        )
    })
}

/// The server `outside` stands, and then, before another such server, one that counts: with a log that ends as `(term,
/// last_index, last_term)` says. A server that would vote for the one votes for the other.
pub fn votes_for(
    check: &mut Check,
    lone: impl Fn() -> Lone,
    (outside, inside): (usize, usize),
    (term, last_index, last_term): (Term, Index, Term),
    story: &str,
) -> Proven {
    let granted = votes(&lone().hears(outside, stands(term, last_index, last_term)));
    let otherwise = votes(&lone().hears(inside, stands(term, last_index, last_term)));
    check.requires(HEARD, granted == otherwise, || {
        format!(
            "{story}. So n{outside} is out. n{outside} is a candidate in term {term}, with a log that ends in term {last_term}, \
             so it may know of a change that others do not. The votes for it are: {}. For n{inside}, which counts, they would \
             be: {}.",
            words::votes(&granted),
            words::votes(&otherwise)
        )
    })
}

/// Servers leave and come back, with requests in between, and then the one that led is gone.
pub fn comes_back<const LIMIT: Index>(check: &mut Check) -> Proven {
    let scope = format!("three servers that hold {LIMIT} applied entries, two of which leave and come back");
    let requests = [
        Put('x', 1),
        Put(SIZE, 2),
        Add('x', 1),
        Put(SIZE, 1),
        Add('x', 1),
        Put(SIZE, 2),
        Add('x', 1),
        Put(SIZE, 3),
        Add('x', 1),
    ];
    let elected = elect::<LIMIT>(3, Schedule::with_timers(), &[0]);
    let halfway = requests[..4].iter().fold(elected.clone(), |steps, request| asks(steps, 0, 0, *request));
    let played = check.drives(COMES_BACK, &scope, changing::<LIMIT>(3, 99, 99), &halfway)?;
    let counts = played.view().server(NodeId(0)).map_or(0, |server| server.raft().size());
    check.requires_of_run(&scope, &played, COMES_BACK, counts == 1, || {
        format!(
            "All servers work and everything arrives. n0, which leads three servers, was asked for two of them, and later for one. By its \
             log, {counts} count."
        )
    })?;
    let done = requests.into_iter().fold(elected, |steps, request| asks(steps, 0, 0, request));
    // From here on n0 is not needed any more.
    let other = elect::<LIMIT>(3, done.crash(0), &[2, 1]);
    let schedule = asks(other, 1, 2, Add('x', 1));
    let played = check.drives(COMES_BACK, &scope, changing::<LIMIT>(3, 99, 99), &schedule)?;
    let view = played.view();
    let answered = (view.answered(ClientId(0)), view.answered(ClientId(1)));
    check.requires_of_run(&scope, &played, COMES_BACK, answered == (requests.len(), 1), || {
        format!(
            "All servers work and everything arrives. Of {} requests, {} were answered; after n0 is gone, {} of one.",
            requests.len(),
            answered.0,
            answered.1
        )
    })?;
    let caught_up = all_have_caught_up(&view);
    check.requires_of_run(&scope, &played, COMES_BACK, caught_up.is_ok(), || {
        caught_up.clone().err().unwrap_or_default()
    })?;
    check.evidence(format!("{scope}: all are answered, and all have caught up"));
    Ok(())
}
