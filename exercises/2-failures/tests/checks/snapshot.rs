//! Task `snapshot`: a server that cuts off its log's beginning, and is still right.

use std::sync::Arc;

use testkit::alone::Alone;
use testkit::check::{Check, Proven, check};
use testkit::cluster::Cluster;
use testkit::node::{ClientId, Effect, NodeId, RequestId};
use testkit::schedule::Schedule;
use testkit::simulation::Faults;
use testkit::text::or_nothing;

use super::cut_log;
use super::entries;
use super::lone_server::{
    answers, hears_of_a_later_term, holds_x, install, is_gone, last_saved, put, puts, snapshot, snapshots,
    snapshots_in, told,
};
use super::raft::servers::{FINISHES, Watched, finishes, serving, serving_late};
use super::raft::words as raft_words;
use super::raft::{all_have_caught_up, somebody_lacks_what_is_cut_off};
use super::short_logs::{BOUNDED, LACKS, behind, healing, long_run, short};
use super::snapshot_rules::{
    ANSWERED, AT_MOST_ONCE, CATCHES_UP, IN_PLACE, KEEPS_SUFFIX, NEVER_BACK, SAVED_FIRST, SENT_INSTEAD, TRUE,
};
use super::words;
use crate::subject::raft::clients::Session;
use crate::subject::raft::log::{Entry, Index, Log, Start, Term};
use crate::subject::raft::message::{self, Hint, Outcome};
use crate::subject::raft::store::Request::{Add, Get, Put};
use crate::subject::raft::{self, Timer};
use crate::subject::snapshot::{Compacting, Durable, Message, Snapshot};

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 9;

#[test]
pub fn the_log_does_not_grow_without_end() {
    check(|check| {
        stays_short::<2>(check, 1)?;
        stays_short::<2>(check, 3)?;
        stays_short::<0>(check, 3)
    });
}

fn stays_short<const LIMIT: Index>(check: &mut Check, size: usize) -> Proven {
    let commands: usize = 40;
    let servers = if size == 1 { "one server holds".to_owned() } else { format!("{size} servers hold") };
    let scope = format!("{servers} {LIMIT} applied entries at most, forty commands");
    let cluster = short(serving::<Compacting<LIMIT>>(size, 1, 1));
    let schedule = Schedule::with_timers().fire(0, Timer::Election);
    let schedule =
        (0..commands).fold(schedule, |schedule, _| schedule.ask(0, 0, Add('x', 1)).fire(0, Timer::Heartbeat));
    let played = check.drives(FINISHES, &scope, cluster, &schedule)?;
    let view = played.view();
    let answered = view.answered(ClientId(0));
    check.requires_of_run(&scope, &played, FINISHES, answered == commands, || {
        format!("n0 leads, everything arrives, and {answered} of {commands} commands were answered.")
    })?;
    for id in (0..size).map(NodeId) {
        // What is saved may be as much longer as the last command.
        let held = view.saved(id).map_or(0, |saved| saved.raft.log.entries().len());
        let fits = held as Index <= LIMIT + 2;
        check.requires_of_run(&scope, &played, BOUNDED, fits, || {
            format!("The limit is {LIMIT}. After {commands} commands, {id} has {held} entries in what it has saved.")
        })?;
    }
    check.evidence(format!("{scope}: all answered"));
    Ok(())
}

#[test]
pub fn every_history_is_linearizable() {
    check(|check| {
        let cluster = short(serving::<Compacting<0>>(1, 1, 0)).client(&[0], [Add('x', 1), Add('x', 1), Get('x')]);
        check.exhausts("one server alone", finishes(cluster))?;
        let cluster = short(serving::<Compacting<0>>(2, 2, 1));
        let cluster = cluster.client(&[0, 1], [Put('x', 1), Get('x')]).client(&[0, 1], [Put('x', 2)]);
        let scope = "two servers that cut off all that is applied, two writers of which one reads, two elections";
        check.explores(scope, finishes(cluster), ENOUGH)?;
        let cluster =
            short(serving::<Compacting<2>>(2, 2, 0)).client(&[0, 1], [Put('x', 1), Add('x', 1), Get('x')]).restarts(1);
        let scope = "two servers that hold two applied entries, a writer who reads, two elections, a restart";
        check.explores(scope, finishes(cluster), ENOUGH)?;
        let cluster = healing(serving_late::<Compacting<0>>(3, 1, 1), &behind()).client(&[1], [Get('x')]);
        check.bounded("three servers of which one was away, a reader, an election", cluster, 8)
    });
}

#[test]
pub fn whoever_was_away_catches_up() {
    check(|check| {
        let scope = "three servers of which one was away";
        catches_up(check, scope, healing(serving::<Compacting<0>>(3, 0, 1), &behind()))?;
        let scope = "three servers of which one was away, an election";
        catches_up(check, scope, healing(serving::<Compacting<0>>(3, 1, 0), &behind()))?;
        let scope = "three servers that hold two applied entries, of which one was away, a restart";
        let more = behind().ask(0, 0, Add('x', 1)).fire(0, Timer::Heartbeat);
        catches_up(check, scope, healing(serving::<Compacting<2>>(3, 0, 0), &more).restarts(1))?;
        let scope = "three servers of which one was away, a command";
        let cluster = healing(serving::<Compacting<0>>(3, 0, 0), &behind()).client(&[0], [Add('x', 5)]);
        catches_up(check, scope, cluster)
    });
}

fn catches_up<const LIMIT: Index>(
    check: &mut Check,
    scope: &str,
    cluster: Cluster<Compacting<LIMIT>, Watched>,
) -> Proven {
    let cluster = cluster.sometimes(LACKS, somebody_lacks_what_is_cut_off);
    check.explores(scope, cluster.leads_to(CATCHES_UP, 4, all_have_caught_up), ENOUGH)
}

#[test]
pub fn a_snapshot_is_what_the_log_led_to() {
    check(|check| {
        cut_log::goes_by_its_indices(check)?;
        for committed in 1..=6 {
            is_what_the_log_led_to::<0>(check, committed)?;
            is_what_the_log_led_to::<2>(check, committed)?;
        }
        check.evidence("twelve logs of which a part is committed");
        has_applied_nothing(check)?;
        knows_all_sessions(check)
    });
}

/// A leader that nobody answers takes five requests, which it cannot apply.
fn has_applied_nothing(check: &mut Check) -> Proven {
    let mut leader = Alone::<Compacting<2>>::start(3, None, &[]);
    let mut effects = leader.fires(Timer::Election);
    effects.extend(leader.receives(NodeId(1), Message::Raft(message::Message::Vote { term: 1, granted: true })));
    for number in 0..5 {
        effects.extend(leader.is_asked_as(RequestId { client: ClientId(number), number: 0 }, Put('x', 1)));
    }
    let saved = last_saved(&effects).and_then(|saved| saved.snapshot);
    check.requires(TRUE, saved.is_none() && leader.snapshot().is_none(), || {
        "n0 leads, and has five entries that no other server has acknowledged. It has applied nothing, and takes a snapshot all the same."
            .to_owned()
    })
}

/// Twenty clients have each asked for something, and the snapshot covers all of it.
fn knows_all_sessions(check: &mut Check) -> Proven {
    let entries = (0..20).map(|client| entries::put(1, (client, 0), 1)).collect();
    let append = message::Message::AppendEntries { term: 1, prev_index: 0, prev_term: 0, entries, commit_index: 20 };
    let mut follower = Alone::<Compacting<0>>::start(3, None, &[]);
    follower.receives(NodeId(1), Message::Raft(append));
    let known = follower.snapshot().map_or(0, |snapshot| snapshot.sessions.len());
    check.requires(TRUE, follower.snapshot().is_none_or(|snapshot| snapshot.index < 20) || known == 20, || {
        format!("n0 has applied one request of each of twenty clients, and its snapshot covers all of them. But the snapshot \
                 knows {known} clients.")
    })?;
    check.evidence("a snapshot of the requests of twenty clients");
    Ok(())
}

/// A follower takes six entries of the terms 1, 1, 2, 2, 2 and 4 from a leader of term 5, and hears that some of them are committed.
fn is_what_the_log_led_to<const LIMIT: Index>(check: &mut Check, committed: Index) -> Proven {
    let terms = [1, 1, 2, 2, 2, 4];
    let mut entries: Vec<Entry> = (1..=6).map(put).collect();
    entries.iter_mut().zip(terms).for_each(|(entry, term)| entry.term = term);
    let append =
        message::Message::AppendEntries { term: 5, prev_index: 0, prev_term: 0, entries, commit_index: committed };
    let mut follower = Alone::<Compacting<LIMIT>>::start(3, None, &[]);
    follower.receives(NodeId(1), Message::Raft(append));
    let (start, held) = (follower.raft().log().start().index, follower.raft().log().last_index());
    let Some(snapshot) = follower.snapshot() else {
        return check
            .requires(TRUE, start == 0, || format!("n0 has cut off its log up to {start}, but has no snapshot."));
    };
    let led_to = snapshot.store.clone().execute(Get('x'));
    let fits = (start..=committed).contains(&snapshot.index)
        && held == 6
        && led_to == snapshot.index as i64
        && Some(&snapshot.term) == snapshot.index.checked_sub(1).and_then(|at| terms.get(at as usize));
    check.requires(TRUE, fits, || {
        format!(
            "n0 has six entries of the terms {terms:?}, which put 1 to 6 under 'x'; {committed} of them are committed and applied. Its log \
             starts at {start} and ends at {held}, and it has {}.",
            words::snapshot(snapshot)
        )
    })
}

#[test]
pub fn what_is_gone_is_sent_as_a_snapshot() {
    check(|check| {
        let conflict = |index| Outcome::Conflict(Hint { term: None, index });
        let cases = [
            (conflict(1), true),
            (conflict(4), true),
            (conflict(5), true),
            (conflict(6), false),
            (Outcome::Matches(1), true),
            (Outcome::Matches(4), true),
            (Outcome::Matches(5), false),
            (Outcome::Matches(6), false),
        ];
        for (outcome, is_gone) in cases {
            let answered = answers(2, outcome);
            let sent = answered.as_ref().map_or(0, |effects| snapshots(effects));
            let fits = answered.is_ok() && sent == usize::from(is_gone);
            check.requires(SENT_INSTEAD, fits, || {
                let did = answered.as_ref().map_or_else(
                    |panic| format!("The inner server looks for an entry that is cut off, and panics: {panic}"),
                    |_| format!("It sends {sent} snapshots."),
                );
                let should = if is_gone { "its snapshot, once" } else { "entries, and no snapshot" };
                let answer = raft_words::outcome(outcome);
                format!("n0 leads term 2, and its log starts at 5. n2 answers {answer}. n0 should send {should}. {did}")
            })?;
        }
        let hint = Hint { term: Some(1), index: 3 };
        let (expected, answered) = (usize::from(is_gone(hint)), answers(2, Outcome::Conflict(hint)));
        let sent = answered.map_or(0, |effects| snapshots(&effects));
        check.requires(SENT_INSTEAD, sent == expected, || {
            format!(
                "n0 leads term 2, and its log starts at 5 and goes on with 6, of term 1. n2 refuses entries, since it has others of term 1, from \
                 3 on. By its own `next_after`, n0 would send {}. It sends {sent} snapshots.",
                if expected == 0 { "entries that it still has" } else { "entries that it has cut off" }
            )
        })?;
        let others = answers(1, Outcome::Matches(1)).map_or(0, |effects| snapshots(&effects));
        check.requires(SENT_INSTEAD, others == 0, || {
            "n0 leads term 2. n2's answer is of term 1, and says nothing about the present, but n0 sends a snapshot all the \
             same.".to_owned()
        })?;
        let sent = snapshots_in(4);
        check.requires(SENT_INSTEAD, sent >= 2, || {
            format!(
                "n0 leads, and for four heartbeats n2 asks for what n0 has cut off, since everything that n0 sent was lost. n0 \
                 has sent its snapshot {sent} times."
            )
        })?;
        let (term, leads) = hears_of_a_later_term(3);
        check.requires(ANSWERED, term == 3 && !leads, || {
            format!(
                "n0 leads term 2. n2's answer is of term 3, and asks for what n0 has cut off. n0 is in term {term}, and {}.",
                if leads { "leads" } else { "does not lead" }
            )
        })?;
        check.evidence(format!("a leader and {} answers, of which five ask for what is gone", cases.len() + 2));
        Ok(())
    });
}

#[test]
pub fn entries_that_come_late_are_put_in_their_place() {
    check(|check| {
        let mut messages = 0;
        for prev in 0..=4 {
            for last in prev..=6 {
                messages += 1;
                comes_late(check, prev, last)?;
            }
        }
        check.evidence(format!("a snapshot up to index 3, and {messages} messages that begin before or after its end"));
        Ok(())
    });
}

/// The follower has a snapshot up to index 3 and the entry after that. Then entries come that follow `prev`, up to `last`.
fn comes_late(check: &mut Check, prev: Index, last: Index) -> Proven {
    let mut follower = Alone::<Compacting<2>>::start(3, None, &[]);
    follower.receives(NodeId(1), install(1, 3));
    follower.receives(NodeId(1), puts(3, 4, 3));
    let effects = follower.receives(NodeId(1), puts(prev, last, last));
    let (log, told) = (follower.raft().log(), told(&effects).map(|(outcome, _)| outcome));
    let in_place = log.iter().all(|(index, entry)| *entry == put(index)) && log.last_index() == last.max(4);
    let agreed = last.max(3);
    let fits = in_place
        && holds_x(&follower, agreed)
        && matches!(told, Some(Outcome::Matches(index)) if index <= log.last_index());
    check.requires(IN_PLACE, fits, || {
        format!(
            "n0 has a snapshot up to index 3, and entry 4. Then the leader's entries after index {prev} arrive, up to {last}, \
             all of them committed. n0's log is {log:?}, its store holds {}, and it answers {}.",
            raft_words::store(follower.raft().store()),
            or_nothing(told, raft_words::outcome)
        )
    })
}

#[test]
pub fn an_old_snapshot_takes_nothing_back() {
    check(|check| {
        // The follower has applied five entries; snapshots of fewer come late, or again.
        for limit_is_low in [true, false] {
            for old in 1..=5 {
                if limit_is_low {
                    takes_nothing_back::<0>(check, old)?;
                } else {
                    takes_nothing_back::<2>(check, old)?;
                }
            }
        }
        let cluster = healing(serving::<Compacting<0>>(3, 0, 2), &behind()).duplicates(1);
        let cluster = cluster.client(&[0], [Add('x', 1)]).client(&[0], [Get('x')]);
        check.bounded("three servers of which one was away, a message that comes twice", cluster, 7)?;
        check.evidence("ten snapshots that come late");
        Ok(())
    });
}

fn takes_nothing_back<const LIMIT: Index>(check: &mut Check, old: Index) -> Proven {
    let mut follower = Alone::<Compacting<LIMIT>>::start(3, None, &[]);
    follower.receives(NodeId(1), install(1, 3));
    follower.receives(NodeId(1), puts(3, 5, 5));
    let before = (follower.raft().commit_index(), follower.raft().store().clone());
    check.requires(NEVER_BACK, before.0 == 5 && holds_x(&follower, 5), || {
        format!(
            "n0 got a snapshot up to index 3 and two entries after it, all of it committed. Its commit index is {}, and its \
             store holds {}.",
            before.0,
            raft_words::store(&before.1)
        )
    })?;
    let effects = follower.receives(NodeId(1), install(1, old));
    let after = (follower.raft().commit_index(), follower.raft().store().clone());
    let log_goes_on = follower.raft().log().last_index() == 5;
    check.requires(NEVER_BACK, after == before && log_goes_on, || {
        format!(
            "n0 has applied five entries. Then a snapshot up to index {old} arrives late. Now n0's commit index is {}, its log \
             ends at {}, and its store holds {}.",
            after.0,
            follower.raft().log().last_index(),
            raft_words::store(&after.1)
        )
    })?;
    let outcome = told(&effects).map(|(outcome, _)| outcome);
    check.requires(ANSWERED, matches!(outcome, Some(Outcome::Matches(_))), || {
        format!(
            "n0 has applied five entries, and gets a snapshot up to index {old}. n0 answers {}.",
            or_nothing(outcome, raft_words::outcome)
        )
    })
}

#[test]
pub fn what_stands_behind_a_snapshot_stays() {
    check(|check| {
        // The follower holds five entries, of which it knows the first to be committed.
        let mut follower = Alone::<Compacting<2>>::start(3, None, &[]);
        let earlier = last_saved(&follower.receives(NodeId(1), puts(0, 5, 1)));
        let effects = follower.receives(NodeId(1), install(1, 3));
        let log = follower.raft().log().clone();
        check.requires(KEEPS_SUFFIX, log.last_index() == 5, || {
            format!(
                "n0 has said that it holds five entries. Then it gets a snapshot up to index 3, and now its log is {log:?}."
            )
        })?;
        saved_before_told(check, earlier.as_ref(), &effects, (3, 5))?;
        let told = effects.iter().find_map(|effect| match effect {
            Effect::Send { message: Message::Raft(message::Message::AppendReply { outcome, .. }), .. } => {
                Some(*outcome)
            }
            _ => None,
        });
        check.requires(ANSWERED, told == Some(Outcome::Matches(3)), || {
            format!(
                "n0 holds five entries and gets a snapshot up to index 3. n0's log is known to match the leader's up to there, \
                 but n0 answers {}.",
                or_nothing(told, raft_words::outcome)
            )
        })?;
        others_stand_there(check, &[1, 1, 2, 2, 2], (3, 3))?;
        others_stand_there(check, &[1, 1, 3, 3, 3], (3, 2))?;
        check.evidence(
            "a snapshot of entries that the log holds, and two of others: of a later term, and of an earlier one",
        );
        Ok(())
    });
}

/// The follower's entries are of these terms, and the snapshot's last entry is another one than the follower has at its index.
fn others_stand_there(check: &mut Check, terms: &[Term], (index, term): (Index, Term)) -> Proven {
    let raft = raft::Durable { term: 3, voted_for: None, log: cut_log::log(terms) };
    let saved = Durable { snapshot: None, raft };
    let mut follower = Alone::<Compacting<2>>::start(3, Some(saved.clone()), &[]);
    let effects =
        follower.receives(NodeId(1), Message::InstallSnapshot { term: 4, snapshot: entries::snapshot(index, term) });
    let log = follower.raft().log().clone();
    check.requires(KEEPS_SUFFIX, log.last_index() == index, || {
        format!(
            "n0's log has entries of term {} from index {index} on. Then n0 gets a snapshot whose last entry has index {index} and term \
             {term}. Now n0's log is {log:?}.",
            terms[index as usize - 1]
        )
    })?;
    saved_before_told(check, Some(&saved), &effects, (index, index))
}

/// The follower has answered that it agrees up to the snapshot at least, and what it has saved by then says so too. `earlier` is what it
/// had saved before it got the snapshot.
fn saved_before_told(
    check: &mut Check,
    earlier: Option<&Durable>,
    effects: &[Effect<Compacting<2>>],
    (index, end): (Index, Index),
) -> Proven {
    let told = told(effects);
    let fits = matches!(told, Some((Outcome::Matches(told), _)) if (index..=end).contains(&told));
    check.requires(ANSWERED, fits, || {
        let outcome = or_nothing(told, |(outcome, _)| raft_words::outcome(outcome));
        format!("n0 gets a snapshot up to index {index} from its leader. n0 answers {outcome}.")
    })?;
    let saved = told.and_then(|(_, saved)| saved).or(earlier);
    let has_it = saved.is_some_and(|saved| {
        let newest = saved.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        newest == index && saved.raft.log.start().index <= index && saved.raft.log.last_index() == end
    });
    check.requires(SAVED_FIRST, has_it, || {
        format!(
            "n0 has answered that its log matches up to index {index}, where a snapshot ends. But its disk holds {}.",
            words::durable(saved)
        )
    })
}

#[test]
pub fn a_snapshot_shows_who_is_deposed() {
    check(|check| {
        let raft = raft::Durable { term: 2, voted_for: Some(NodeId(2)), log: Log::default() };
        let mut follower = Alone::<Compacting<2>>::start(3, Some(Durable { snapshot: None, raft }), &[]);
        let effects = follower.receives(NodeId(1), install(1, 3));
        let term = effects.iter().find_map(|effect| match effect {
            Effect::Send { message: Message::Raft(message::Message::AppendReply { term, .. }), .. } => Some(*term),
            _ => None,
        });
        check.requires(ANSWERED, term == Some(2), || {
            format!(
                "n0 is in term 2 and gets a snapshot of term 1. n0 answers in {}.",
                or_nothing(term, |term| format!("term {term}"))
            )
        })?;
        let waits = effects.iter().any(|effect| matches!(effect, Effect::Arm { timer: Timer::Election }));
        check.requires(ANSWERED, !waits && follower.raft().leader().is_none(), || {
            format!(
                "n0 is in term 2 and gets a snapshot of n1, which led term 1. Now n0 considers {:?} the leader of term 2{}.",
                follower.raft().leader(),
                if waits { ", and has restarted its election timer" } else { "" }
            )
        })?;
        let mut candidate = Alone::<Compacting<2>>::start(3, None, &[]);
        candidate.fires(Timer::Election);
        candidate.receives(NodeId(1), install(3, 3));
        let (term, leads) = (candidate.raft().term(), candidate.raft().is_leader());
        check.requires(ANSWERED, term == 3 && !leads && holds_x(&candidate, 3), || {
            format!(
                "n0 is a candidate in term 1 and gets a snapshot of term 3. Now n0's term is {term}, and its store holds {}.",
                raft_words::store(candidate.raft().store())
            )
        })?;
        check.evidence("a snapshot of an earlier term, and one of a later term");
        Ok(())
    });
}

#[test]
pub fn a_retry_after_a_snapshot_is_done_once() {
    check(|check| {
        let cluster = short(serving::<Compacting<0>>(1, 2, 0)).client(&[0], [Add('x', 1), Get('x')]);
        let scope = "one server alone, an addition and a read, a lost reply, a retry, a restart";
        check.explores(scope, finishes(cluster.retries(1).lost_replies(1).restarts(1)), ENOUGH)?;
        comes_to_another(check)
    });
}

/// n0 and n1 hold a snapshot in which c7's first request is done. n2 gets it, and is elected.
fn comes_to_another(check: &mut Check) -> Proven {
    let scope = "three servers of which one was away, and is elected";
    let session = Session { number: 0, value: 1 };
    let done = Snapshot { sessions: [(ClientId(7), session)].into(), ..snapshot(2) };
    let log = Log::beginning_after(Start { index: 2, term: 1 });
    let raft = raft::Durable { term: 1, voted_for: None, log };
    let saved = || Durable { snapshot: Some(Arc::new(done.clone())), raft: raft.clone() };
    let cluster = short(serving::<Compacting<0>>(3, 2, 1)).saved(0, saved()).saved(1, saved());
    let schedule = Schedule::with_timers().fire(0, Timer::Election).fire(0, Timer::Heartbeat).fire(2, Timer::Election);
    let played = check.drives(AT_MOST_ONCE, scope, cluster, &schedule)?;
    let view = played.view();
    let Some(n2) = view.server(NodeId(2)) else { return Ok(()) };
    check.requires_of_run(scope, &played, CATCHES_UP, n2.raft().is_leader(), || {
        "n0 leads, everything arrives, and n2 becomes a candidate: n2 should have caught up, and be elected.".to_owned()
    })?;
    let known = n2.raft().sessions().get(&ClientId(7));
    check.requires_of_run(scope, &played, AT_MOST_ONCE, known == Some(&session), || {
        format!(
            "c7's request 0 is done, and its answer may be lost. n2 leads now, and all it knows of c7 is {}: if c7 asks again, \
             the request is done twice.",
            or_nothing(known, words::session)
        )
    })?;
    check.evidence(format!("{scope}: it knows what was done"));
    Ok(())
}

#[test]
pub fn long_runs_are_linearizable() {
    check(|check| {
        let apart = Faults { partitions: 4, restarts: 4, duplicated: 20, ..Faults::default() };
        check.simulates("five servers, long partitions and restarts", long_run::<2>(apart), 0..40)?;
        let slow = Faults { lost: 20, duplicated: 20, flaps: 12, slow: Some(4), ..Faults::default() };
        check.simulates("five servers, flapping links and a slow server", long_run::<2>(slow), 0..40)?;
        let crashes = Faults { crashes: 2, partitions: 2, lost: 20, ..Faults::default() };
        check.simulates("five servers, two crashes and partitions", long_run::<2>(crashes), 0..40)
    });
}
