//! Bonus task `membership`: servers that leave and come back, one at a time.

use testkit::check::check;
use testkit::node::{ClientId, NodeId};
use testkit::schedule::Schedule;
use testkit::simulation::Faults;
use testkit::text::list;

use super::entries::put;
use super::lone_member::{
    Lone, append, change, follows, leader, leads, saved, sent_to, snapshot, stands, told, votes, waits_for,
};
use super::member_trials::{
    comes_again, comes_back, counts, does_not_count_who_is_out, goes_to_those_who_count, is_a_question, is_made,
    votes_for,
};
use super::membership_rules::{A_QUESTION, HEARD, RESIGNS, SITS_OUT, UNDISTURBED};
use super::raft::rules::LEADER_COMPLETENESS;
use super::raft::servers::{FINISHES, finishes};
use super::sizes::{ALL, asks, c1_is_answered, changing, elect, long_run};
use super::words;
use crate::subject::membership::SIZE;
use crate::subject::raft::Timer;
use crate::subject::raft::log::Entry;
use crate::subject::raft::message::{self, Outcome};
use crate::subject::raft::store::Request::{Add, Get, Put};
use crate::subject::raft::store::{Response, Value};
use crate::subject::snapshot::Message;

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 9;

#[test]
pub fn the_last_change_in_the_log_counts() {
    check(|check| {
        let has = |messages: Vec<Message>| {
            let mut lone = Lone::start(0, None);
            messages.into_iter().for_each(|message| drop(lone.hears(1, message)));
            lone
        };
        let started = |entries: Vec<Entry>| Lone::start(0, Some(saved(3, entries)));
        let begin = |term, entries, committed| append(term, (0, 0), entries, committed);
        let behind = |term, entries| append(term, (1, 1), entries, 1);
        let install = || Message::InstallSnapshot { term: 1, snapshot: snapshot(3) };
        let other = |term| put(term, (0, 0), 4);
        let shrinks = || vec![change(1, 0, 4), change(1, 1, 3)];
        let to_4 = || vec![change(1, 0, 4)];
        let cases = [
            ("nothing", 5, has(vec![])),
            ("an entry that puts 4 under 'x'", 5, has(vec![begin(1, vec![other(1)], 1)])),
            ("a change to 4 that is not committed", 4, has(vec![begin(1, to_4(), 0)])),
            ("a change to 4 that is committed", 4, has(vec![begin(1, to_4(), 1)])),
            ("a committed change to 4, and one to 3", 3, has(vec![begin(1, shrinks(), 1)])),
            ("changes to 4 and to 3, none known to be committed", 3, has(vec![begin(1, shrinks(), 0)])),
            ("changes to 4 and back to 5", 5, has(vec![begin(1, vec![change(1, 0, 4), change(1, 1, 5)], 0)])),
            (
                "a change to 4 that another entry has replaced",
                5,
                has(vec![begin(1, to_4(), 0), begin(2, vec![other(2)], 0)]),
            ),
            (
                "a committed change to 4, and one to 3 that was replaced",
                4,
                has(vec![begin(1, shrinks(), 1), behind(2, vec![other(2)])]),
            ),
            ("a snapshot by which 3 count", 3, has(vec![install()])),
            ("that snapshot, and a change to 4", 4, has(vec![install(), behind(1, to_4())])),
            (
                "that snapshot, and a change to 4 that was replaced",
                3,
                has(vec![install(), behind(1, to_4()), behind(2, vec![other(2)])]),
            ),
            ("such a snapshot when it started", 3, started(vec![])),
            ("that snapshot and a change to 4 when it started", 4, started(to_4())),
        ];
        let tried = cases.len();
        for (has, size, lone) in cases {
            counts(check, has, size, lone)?;
        }
        check.evidence(format!("{tried} logs, of which a server has heard or with which it has started"));
        Ok(())
    });
}

#[test]
pub fn one_change_at_a_time() {
    check(|check| {
        for (from, to) in [(5, 4), (4, 3), (4, 5), (3, 2), (3, 4), (2, 1), (2, 3), (1, 2)] {
            let mut leader = leader(0, from, true);
            leader.is_asked(1, Put(SIZE, to));
            is_made(check, &leader, to, || {
                format!("n0 leads {from} of five servers, has committed an entry of its own term")
            })?;
        }
        let mut busy = leader(0, 5, true);
        busy.is_asked(1, Put('x', 1));
        busy.is_asked(2, Put(SIZE, 4));
        is_made(check, &busy, 4, || {
            "n0 leads five servers, has committed an entry of its own term, and has one more entry that no other server knows \
             yet".to_owned()
        })?;
        for (from, to) in [
            (5, 3),
            (5, 5),
            (5, 6),
            (5, 0),
            (5, -4),
            (5, Value::MAX),
            (5, Value::MIN),
            (4, 2),
            (4, 4),
            (3, 1),
            (3, 5),
            (2, 0),
            (2, 2),
            (1, 0),
            (1, 3),
        ] {
            is_a_question(check, leader(0, from, true), Put(SIZE, to), || {
                format!("n0 leads {from} of five servers, nothing is under way")
            })?;
        }
        is_a_question(check, leader(0, 4, true), Add(SIZE, 1), || "n0 leads four of five servers".to_owned())?;
        let mut second = leader(0, 5, true);
        second.is_asked(1, Put(SIZE, 4));
        second.is_followed_by(1);
        is_a_question(check, second, Put(SIZE, 3), || {
            "n0 leads five servers, and has changed their number to 4, which n0 and n1 have: no majority".to_owned()
        })?;
        let mut back = leader(0, 4, true);
        back.is_asked(1, Put(SIZE, 3));
        is_a_question(check, back, Put(SIZE, 5), || {
            "n0 leads four of five servers, and has changed their number to 3, which no other server has".to_owned()
        })?;
        let mut second = leader(0, 5, true);
        second.is_asked(1, Put(SIZE, 4));
        second.is_followed_by(1);
        second.is_followed_by(2);
        second.is_asked(2, Put(SIZE, 3));
        is_made(check, &second, 3, || {
            "n0 leads five servers, and has changed their number to 4, which three of them have".to_owned()
        })?;
        is_a_question(check, leader(0, 5, false), Put(SIZE, 4), || {
            "n0 leads five servers, and has no entry of its own term in its log".to_owned()
        })?;
        let mut not_yet = leader(0, 5, false);
        not_yet.is_asked(1, Put('x', 1));
        not_yet.is_followed_by(1);
        is_a_question(check, not_yet, Put(SIZE, 4), || {
            "n0 leads five servers, and n1 alone has the one entry of n0's own term: it is not committed".to_owned()
        })?;
        let mut follower = Lone::start(0, None);
        follower.hears(1, append(1, (0, 0), vec![], 0));
        let wants = follower.is_asked(1, Put(SIZE, 4));
        let refused = told(&wants) == [Response::NotLeader { leader: Some(NodeId(1)) }];
        check.requires(A_QUESTION, refused && follower.raft().log().last_index() == 0, || {
            format!(
                "n0 follows n1, and is asked for a change. n0 should refuse and name n1, but it says {}.",
                words::told(&told(&wants))
            )
        })?;
        check.evidence("ten changes that may be made, and 21 that may not");
        Ok(())
    });
}

#[test]
pub fn a_change_that_comes_twice_is_made_once() {
    check(|check| {
        // c0 shrinks the cluster to 4, and c1 lets it grow again. Then c0's request comes once more.
        let mut lone = leader(0, 5, true);
        lone.is_asked(1, Put(SIZE, 4));
        lone.is_followed_by_all(4);
        lone.is_asked_by(1, 0, Put(SIZE, 5));
        lone.is_followed_by_all(5);
        comes_again(check, lone, 4, "c0's request 1 has changed the size to 4, and c1 has changed it back to 5")?;
        // The same, but c0 has changed it back itself, in its next request.
        let mut lone = leader(0, 5, true);
        lone.is_asked(1, Put(SIZE, 4));
        lone.is_followed_by_all(4);
        lone.is_asked(2, Put(SIZE, 5));
        lone.is_followed_by_all(5);
        comes_again(
            check,
            lone,
            4,
            "c0's request 1 has changed the size to 4, and its request 2 has changed it back to 5",
        )?;
        // c0 asks while c1's change is under way, so that it is a question. c1's change is committed, and the question is not.
        let mut lone = leader(0, 5, true);
        lone.is_asked_by(1, 0, Put(SIZE, 4));
        let change = lone.raft().log().last_index();
        lone.is_asked(1, Put(SIZE, 3));
        [1, 2].into_iter().for_each(|from| drop(lone.is_followed_up_to(from, change)));
        comes_again(
            check,
            lone,
            3,
            "c1 has changed the size to 4, and c0's request 1 follows in the log, as a question",
        )?;
        // The same, and an older request of c0 has arrived since.
        let mut lone = leader(0, 5, true);
        lone.is_asked_by(1, 0, Put(SIZE, 4));
        let change = lone.raft().log().last_index();
        lone.is_asked(1, Put(SIZE, 3));
        lone.is_asked(0, Put('x', 1));
        [1, 2].into_iter().for_each(|from| drop(lone.is_followed_up_to(from, change)));
        comes_again(
            check,
            lone,
            3,
            "c1 has changed the size to 4. In the log follow c0's request 1, as a question, and c0's request 0, which came late",
        )?;
        // c0 gives its request 1 up and makes another one, which is not committed yet. Only then does the first one arrive.
        let mut lone = leader(0, 5, true);
        lone.is_asked(2, Put('x', 1));
        comes_again(check, lone, 4, "c0's request 2 is in the log, but not committed")?;
        let cluster = changing::<100>(2, 1, 2).client(&[0], [Put(SIZE, 1), Put(SIZE, 2)]).client(&[0], [Put('x', 1)]);
        let cluster = cluster.fires_first(0, Timer::Election).retries(2).duplicates(1);
        check.bounded("two servers, of which one leaves and comes back, two retries", cluster, 9)
    });
}

#[test]
pub fn a_change_goes_to_those_who_count() {
    check(|check| {
        for (from, to) in [(5, 4), (4, 3), (4, 5), (3, 2), (3, 4), (2, 1), (2, 3), (1, 2)] {
            goes_to_those_who_count(check, from, to)?;
        }
        for from in 3..=ALL {
            does_not_count_who_is_out(check, from)?;
        }
        check.evidence(
            "eight changes: which servers each goes to, and which commit it; and three late answers from servers that are out",
        );
        Ok(())
    });
}

#[test]
pub fn a_leader_resigns_before_it_is_removed() {
    check(|check| {
        for (id, is_busy) in [(4, false), (3, false), (2, false), (1, false), (4, true)] {
            let mut lone = leader(id, id + 1, true);
            if is_busy {
                lone.is_asked(1, Put('x', 1));
            }
            let before = lone.raft().log().clone();
            let wants = lone.is_asked(2, Put(SIZE, id as Value));
            let story = format!("n{id} leads all that count, and may make a change that would put n{id} itself out");
            let leads = lone.raft().is_leader();
            check.requires(RESIGNS, !leads && *lone.raft().log() == before, || {
                let leads = if leads { "still leads" } else { "has resigned" };
                format!("{story}. It {leads}, and its log went from {before:?} to {:?}.", lone.raft().log())
            })?;
            let said = told(&wants);
            let refuses = |leader: Option<NodeId>| leader != Some(NodeId(id));
            check.requires(RESIGNS, matches!(said[..], [Response::NotLeader { leader }] if refuses(leader)), || {
                format!(
                    "{story}. It resigns. It should refuse the client once, without naming itself as the leader, but it says \
                     {}.",
                    words::told(&said)
                )
            })?;
            check.requires(RESIGNS, waits_for(&wants, Timer::Election), || {
                format!(
                    "{story}. It resigns, but does not arm its election timer: if all others fail, it waits forever."
                )
            })?;
            let heard = sent_to(&lone.fires(Timer::Heartbeat), |_| true);
            check.requires(RESIGNS, heard.is_empty(), || {
                format!(
                    "{story}, so it has resigned. When its old heartbeat timer fires, it still sends something to {}.",
                    list(&heard, "nobody")
                )
            })?;
        }
        is_a_question(check, leader(4, 5, false), Put(SIZE, 4), || {
            "n4 leads five servers, and has no entry of its own term in its log".to_owned()
        })?;
        is_a_question(check, leader(4, 5, true), Put(SIZE, 2), || "n4 leads five servers".to_owned())?;
        let settled = asks(elect::<100>(2, Schedule::with_timers(), &[1]), 0, 1, Put('x', 1));
        let cluster = changing::<100>(2, 1, 1).staged(&settled).client(&[0, 1], [Put(SIZE, 1)]).persistent_clients();
        let cluster = cluster.leads_to(RESIGNS, 6, c1_is_answered);
        check.explores("two servers, whose leader is asked to leave, an election", cluster, ENOUGH)
    });
}

#[test]
pub fn who_is_out_does_not_stand() {
    check(|check| {
        for (id, size) in [(4, 4), (4, 3), (3, 3), (2, 2), (1, 1)] {
            let mut lone = Lone::start(id, Some(saved(size, [])));
            for _ in 0..3 {
                let wants = lone.fires(Timer::Election);
                let (sent, term) = (sent_to(&wants, |_| true), lone.raft().term());
                check.requires(SITS_OUT, sent.is_empty() && term == 1, || {
                    format!(
                        "n{id} of five servers knows that {size} count, so n{id} is out. Its election timer fires, its term is \
                         {term}, and it sends something to {}.",
                        list(&sent, "nobody")
                    )
                })?;
                check.requires(SITS_OUT, waits_for(&wants, Timer::Election), || {
                    format!("n{id} is out, and its election timer fires, but it does not arm the timer again: if it comes back \
                             in, it can never become a candidate.")
                })?;
            }
            let sizes = (size + 1..=id + 1).enumerate().map(|(number, size)| change(1, number, size)).collect();
            lone.hears(0, append(1, (1, 1), sizes, 1));
            let asked = sent_to(&lone.stands(), |message| matches!(message, message::Message::RequestVote { .. }));
            check.requires(SITS_OUT, asked.len() == id, || {
                format!(
                    "n{id} was out, and is in again after a change to {}. It becomes a candidate, and asks {}.",
                    id + 1,
                    list(&asked, "nobody")
                )
            })?;
        }
        check.evidence("five servers that are out, and come in again");
        Ok(())
    });
}

#[test]
pub fn who_is_out_disturbs_nobody() {
    check(|check| {
        for (state, mut lone) in [leads(), follows()] {
            let term = lone.raft().term();
            let wants = lone.hears(4, stands(9, 9, term));
            let after = lone.raft().term();
            let refuses = votes(&wants).iter().all(|(_, granted)| !granted);
            check.requires(UNDISTURBED, after == term && refuses, || {
                format!(
                    "n0 {state} in term {term}, and four servers count. n4, which is out, is a candidate in term 9. Now n0's \
                     term is {after}, and n0's votes are: {}.",
                    words::votes(&votes(&wants))
                )
            })?;
        }
        let mut quiet = Lone::start(0, Some(saved(4, [])));
        quiet.hears(1, append(3, (1, 1), vec![], 1));
        quiet.hears(4, stands(9, 9, 2));
        let after = quiet.raft().term();
        check.requires(UNDISTURBED, after == 3, || {
            format!(
                "n0 follows n1 in term 3, four servers count, and n0's log ends in term 1. n4, which is out, is a candidate in term 9, and its \
                 log ends in term 2: n4 can know of nothing that the leader of term 3 does not. Now n0's term is {after}."
            )
        })?;
        check.evidence("a candidate that is out, before a leader and before two followers");
        Ok(())
    });
}

#[test]
pub fn who_is_out_is_heard_all_the_same() {
    check(|check| {
        let deserted = |messages: &[Message]| {
            let (_, mut lone) = follows();
            messages.iter().for_each(|message| drop(lone.hears(1, message.clone())));
            lone.stands();
            lone
        };
        let story = "n0 goes by four servers. Its leader is silent, and n0 is a candidate";
        votes_for(check, || deserted(&[]), (4, 1), (9, 9, 1), story)?;
        let shrinks = [append(1, (1, 1), vec![change(1, 0, 3)], 1)];
        let story = "n0 goes by three servers, after a change that is not committed. Its leader is silent, and n0 is a candidate";
        votes_for(check, || deserted(&shrinks), (4, 1), (9, 9, 1), story)?;
        let story = "n0 leads term 2, and goes by four servers; n0 does not know that it is deposed";
        votes_for(check, || leads().1, (4, 1), (9, 9, 3), story)?;
        let sits_out = || {
            let mut lone = Lone::start(4, Some(saved(3, [])));
            lone.hears(0, append(1, (1, 1), vec![], 1));
            lone
        };
        let story = "n4 goes by three servers, so n4 itself is out, and has heard from n0, the leader of term 1";
        votes_for(check, sits_out, (3, 1), (9, 9, 1), story)?;
        let reply = message::Message::AppendReply { term: 9, outcome: Outcome::Matches(0) };
        for (from_outside, message, term) in [
            ("entries of a leader of term 3", append(3, (1, 1), vec![change(3, 0, 5)], 1), 3),
            ("a snapshot of a leader of term 3", Message::InstallSnapshot { term: 3, snapshot: snapshot(5) }, 3),
            ("a vote of term 9", Message::Raft(message::Message::Vote { term: 9, granted: false }), 9),
            ("an answer of term 9", Message::Raft(reply), 9),
        ] {
            for (state, mut lone) in [leads(), follows()] {
                lone.hears(4, message.clone());
                let after = lone.raft().term();
                check.requires(HEARD, after == term, || {
                    format!("n0 {state}, and four servers count. From n4, which is out, come {from_outside}. After that, n0's \
                             term is {after}.")
                })?;
            }
        }
        check.evidence("four candidates and eight other messages from a server that is out");
        Ok(())
    });
}

#[test]
pub fn the_bug_of_2015_does_not_come_back() {
    check(|check| {
        let scope = "four of five servers, two leaders, and a change by each";
        let cluster = changing::<100>(ALL, 99, 99);
        let elected = elect::<100>(ALL, Schedule::with_timers(), &[0]);
        let four = asks(asks(elected, 0, 0, Put('x', 1)), 0, 0, Put(SIZE, 4));
        let five = asks(four.cut(0, 1).cut(0, 2).cut(0, 3), 1, 0, Put(SIZE, 5));
        let other = elect::<100>(ALL, five.cut(1, 4).cut(2, 4).cut(3, 4), &[1, 2, 3]);
        let three = asks(asks(other, 2, 1, Put(SIZE, 3)), 2, 1, Put(SIZE, 3)).cut(1, 3).cut(2, 3);
        // n0 starts again, so that it leads no more, and stands in a term of its own.
        let met = three.heal(0, 3).restart(0).fire(0, Timer::Election).fire(0, Timer::Election);
        let played = check.drives(LEADER_COMPLETENESS, scope, cluster, &met)?;
        let view = played.view();
        let size = view.server(NodeId(1)).map_or(0, |server| server.raft().size());
        check.requires_of_run(scope, &played, FINISHES, size == 3 && view.answered(ClientId(2)) == 2, || {
            format!("n1 was asked twice for three servers, and can reach a majority. For n1, {size} servers count.")
        })?;
        check.evidence(format!("{scope}: nothing that was committed is lost"));
        Ok(())
    });
}

#[test]
pub fn servers_leave_and_come_back() {
    check(|check| {
        comes_back::<0>(check)?;
        comes_back::<100>(check)
    });
}

#[test]
pub fn every_history_is_linearizable() {
    check(|check| {
        let settled = |size| asks(elect::<100>(size, Schedule::with_timers(), &[0]), 0, 0, Put('x', 1));
        let cluster = changing::<100>(2, 1, 1).staged(&settled(2));
        let cluster = cluster.client(&[0, 1], [Put(SIZE, 1), Get('x')]).client(&[0, 1], [Put('x', 2)]);
        check.explores("two servers of which one leaves, a writer, an election", finishes(cluster), ENOUGH)?;
        let cluster = changing::<100>(3, 1, 0).staged(&settled(3));
        let cluster = cluster.client(&[0], [Put(SIZE, 2)]).client(&[1], [Get('x')]).restarts(1);
        check.bounded("three servers of which one leaves, a reader, an election, a restart", cluster, 8)?;
        let cluster = changing::<0>(3, 1, 1).staged(&asks(settled(3), 0, 0, Put(SIZE, 2)));
        let cluster = cluster.client(&[0, 1], [Put(SIZE, 3)]).client(&[0, 1], [Get('x')]);
        check.bounded("three servers of which one comes back, a reader, an election", cluster, 8)
    });
}

#[test]
pub fn long_runs_are_linearizable() {
    check(|check| {
        let apart = Faults { partitions: 4, restarts: 4, duplicated: 20, ..Faults::default() };
        check.simulates(
            "five servers that leave and come back, long partitions and restarts",
            long_run(apart),
            0..40,
        )?;
        let slow = Faults { lost: 20, duplicated: 20, flaps: 12, slow: Some(4), ..Faults::default() };
        check.simulates(
            "five servers that leave and come back, flapping links and a slow server",
            long_run(slow),
            0..40,
        )
    });
}
