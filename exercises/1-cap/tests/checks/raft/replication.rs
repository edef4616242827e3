//! Task `replication`: the leader's log becomes everybody's log.

use testkit::alone::Alone;
use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{ClientId, Effect, NodeId, RequestId};
use testkit::schedule::Schedule;
use testkit::text::or_nothing;

use super::chronicle::Chronicle;
use super::followers::{MAJORITY_ELECTS, among_followers};
use super::leaders::{Talk, among_leaders};
use super::lone_follower::{Follower, shown};
use super::servers::{leaders, saved, servers, timeouts};
use super::transitions::{REPORTS, TAKES, reports_what_is_so, takes_what_fits};
use super::words;
use crate::subject::raft::log::{Command, Entry, Index, Term};
use crate::subject::raft::message::{Hint, Message, Outcome};
use crate::subject::raft::store::Request::{self, Put};
use crate::subject::raft::{Raft, Timer};

/// What later tasks write.
const LATER: [&str; 3] = ["raft/quorum.rs", "raft/commit.rs", "raft/clients.rs"];

const REPLICATED: Rule = Rule::new(
    "an entry is replicated",
    "There is a run in which every server holds a client's command.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3",
    "1-cap/raft-replication.md#the-idea",
);

const CARRIED_OVER: Rule = Rule::new(
    "entries are carried over",
    "There is a run in which every server holds an entry of an earlier term than the leader's.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3",
    "1-cap/raft-replication.md#the-idea",
);

const TAKES_ALL: Rule = Rule::new(
    "entries are taken",
    "There is a run in which a server holds all three entries of the last term's leader.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, step 4",
    "1-cap/raft-replication.md#the-idea",
);

const CATCHES_UP: Rule = Rule::new(
    "followers catch up",
    "Once messages arrive and timers fire in turn, every server ends up with the leader's log.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3",
    "1-cap/raft-replication.md#never-backs-off",
);

const SENDS_ON: Rule = Rule::new(
    "the rest follows",
    "When an answer shows that a follower still lacks entries, they are on their way to it: it need not wait for another \
     heartbeat.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for leaders: \"If last log index \u{2265} nextIndex for a follower\"",
    "1-cap/raft-replication.md#the-idea",
);

const KEEPS: Rule = Rule::new(
    "nothing is taken back",
    "An entry is deleted only if it conflicts with a new one: the same index, another term.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, step 3",
    "1-cap/raft-replication.md#truncates-without-conflict",
);

const CONSISTENCY: Rule = Rule::new(
    "consistency check",
    "A server refuses entries from a leader of an earlier term, and entries that follow one that its log does not hold.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, steps 1 and 2",
    "1-cap/raft-replication.md#skips-the-check",
);

const OLD_LEADER: Rule = Rule::new(
    "the current leader",
    "A message from the leader of an earlier term is refused, and does not restart the election timer.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for followers: \"AppendEntries RPC from current leader\"",
    "1-cap/raft-replication.md#old-leader",
);

const OWN_ENTRY: Rule = Rule::new(
    "a leader takes a request that comes again",
    "A leader has an entry of its own term for each request that it is sent, even if an earlier leader took the same request.",
    "Ongaro & Ousterhout 2014 (extended version), sections 5.3 and 5.4.2",
    "1-cap/raft-commit.md#invariants-to-keep",
);

const AFRESH: Rule = Rule::new(
    "each term starts afresh",
    "A new leader knows nothing of the others' logs, even if it has led before.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, volatile state on leaders: \"reinitialized after election\"",
    "1-cap/raft-replication.md#match-goes-back",
);

const NEWS: Rule = Rule::new(
    "old replies cause no messages",
    "A leader sends nothing because of a reply of an earlier term, or of one that shows no more than it knows already.",
    "Gjengset 2016, Students' Guide to Raft, \"Term confusion\"; ongardie/raft.tla, pull request 21",
    "1-cap/raft-replication.md#match-goes-back",
);

const HEARD: Rule = Rule::new(
    "a leader is heard",
    "Each time its timer fires, a leader sends something to each of the others, even if it has nothing new to say.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for leaders: \"repeat during idle periods\"",
    "1-cap/raft-replication.md#never-backs-off",
);

const TOLD: Rule = Rule::new(
    "a deposed leader is told",
    "A server that refuses the leader of an earlier term answers with its own term.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, results: \"currentTerm, for leader to update itself\"",
    "1-cap/raft-election.md#no-step-down",
);

const FAST_BACK_UP: Rule = Rule::new(
    "fast back-up",
    "To find where a follower's log agrees with its own, a leader needs one message for each conflicting term, not one for each \
     entry.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3, last paragraphs",
    "1-cap/raft-replication.md#one-entry-at-a-time",
);

fn replicating(size: usize, elections: u8, heartbeats: u8) -> Cluster<Raft, Chronicle> {
    timeouts(servers(size, Chronicle::default()).later_tasks(&LATER), elections, heartbeats).leaving_out_ignored()
}

/// Every server's log begins as the leader's does, and there is one.
fn caught_up(view: &View<'_, Raft, Chronicle>) -> Result<(), String> {
    let Some((leader, raft)) = leaders(view).max_by_key(|(_, raft)| raft.term()) else {
        return Err("No server leads.".to_owned());
    };
    for (id, server) in view.servers() {
        if server.log() != raft.log() {
            let (leaders, its) = (shown(raft.log().entries()), shown(server.log().entries()));
            return Err(format!("{leader} leads, and its log is {leaders}. {id}'s log is {its}."));
        }
    }
    Ok(())
}

fn everybody_holds(view: &View<'_, Raft, Chronicle>, wanted: impl Fn(&Entry) -> bool) -> bool {
    view.servers().all(|(_, server)| server.log().entries().iter().any(&wanted))
}

fn replicates(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    let of_a_client = |entry: &Entry| entry.command != Command::Noop;
    cluster.sometimes(REPLICATED, move |view| everybody_holds(view, of_a_client))
}

fn carries_over(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    cluster.sometimes(CARRIED_OVER, |view| {
        leaders(view).any(|(_, leader)| everybody_holds(view, |entry| entry.term < leader.term()))
    })
}

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 9;

/// n1 lacks eight entries. One heartbeat shows the leader where it is, and another one may be needed to begin.
fn sends_on(check: &mut Check) -> Proven {
    let scope = "two servers, of which one lacks eight entries";
    let cluster = replicating(2, 0, 2).saved(0, saved(1, &[1; 8]));
    let schedule = Schedule::with_timers().fire(0, Timer::Election).fire(0, Timer::Heartbeat).fire(0, Timer::Heartbeat);
    let played = check.drives(SENDS_ON, scope, cluster, &schedule)?;
    let agree = caught_up(&played.view());
    check.requires_of_run(scope, &played, SENDS_ON, agree.is_ok(), || {
        format!(
            "n0 was elected, its heartbeat timer fired twice, and every message has arrived. {}",
            agree.err().unwrap_or_default()
        )
    })
}

#[test]
pub fn logs_match() {
    check(|check| {
        let cluster = replicating(3, 1, 0).fires_first(0, Timer::Election);
        let cluster = cluster.client(&[0, 1], [Put('x', 1)]).client(&[0, 1, 2], [Put('x', 2)]);
        check.bounded("three servers, two commands, two elections of which the first is n0's", cluster, 12)?;
        let cluster = replicating(2, 3, 1).client(&[0, 1], [Put('x', 1)]).client(&[0, 1], [Put('x', 2)]);
        check.explores("two servers, two commands, three elections", replicates(cluster), ENOUGH)?;
        let cluster = replicating(3, 1, 0).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]);
        check.explores("three servers, a command, two elections, a duplicate", cluster.duplicates(1), ENOUGH)
    });
}

#[test]
pub fn a_log_survives_a_restart() {
    check(|check| {
        let cluster = replicating(2, 2, 1).client(&[0, 1], [Put('x', 1)]).client(&[0, 1], [Put('x', 2)]).restarts(1);
        check.explores("two servers, two commands, two elections, a restart", replicates(cluster), ENOUGH)
    });
}

#[test]
pub fn followers_catch_up() {
    check(|check| {
        // n0 leads two servers, and its heartbeats have to be enough.
        for (scope, n0, n1) in [
            ("two servers, of which one lacks an entry", &[1][..], &[][..]),
            ("two servers, of which one has another entry", &[1, 2], &[1, 1]),
            ("two servers, of which one has entries that the leader lacks", &[3], &[1, 2, 2]),
        ] {
            let cluster = replicating(2, 0, 1).saved(0, saved(3, n0)).saved(1, saved(3, n1));
            let cluster = cluster.staged(&Schedule::with_timers().fire(0, Timer::Election));
            check.explores(scope, carries_over(cluster).leads_to(CATCHES_UP, 0, caught_up), ENOUGH)?;
        }
        let cluster = replicating(2, 2, 1).client(&[0, 1], [Put('x', 1)]).client(&[0, 1], [Put('x', 2)]).drops(1);
        let cluster = cluster.leads_to(CATCHES_UP, 2, caught_up);
        check.explores("two servers, two commands, two elections, a lost message", replicates(cluster), ENOUGH)?;
        // n0 leads, and nobody else wakes up: its heartbeats alone have to bring what was lost.
        let led = replicating(3, 0, 1).staged(&Schedule::with_timers().fire(0, Timer::Election));
        let cluster = replicates(led.client(&[0], [Put('x', 1)]).drops(2)).leads_to(CATCHES_UP, 0, caught_up);
        check.explores("three servers of which n0 leads, a command, two lost messages", cluster, ENOUGH)?;
        sends_on(check)?;
        // Logs as earlier leaders may have left them behind (figure 7).
        for (scope, logs) in [
            ("one log ends early", [&[1, 1, 2][..], &[1], &[1, 1, 2]]),
            ("one log has entries that no other has", [&[1, 1, 3], &[1, 2, 2, 2], &[1, 1, 3]]),
            ("all logs differ", [&[1, 2, 2], &[1, 1], &[3]]),
        ] {
            let cluster = replicating(3, 2, 1);
            let cluster = (0..3).fold(cluster, |cluster, id| cluster.saved(id, saved(3, logs[id])));
            check.explores(scope, cluster.leads_to(CATCHES_UP, 2, caught_up), ENOUGH)?;
        }
        Ok(())
    });
}

#[test]
pub fn a_follower_takes_what_fits_and_keeps_what_it_has() {
    check(|check| {
        let two = [Put('x', 1), Put('x', 2)].map(|request| entry(1, request));
        let [first, second] = two.clone();
        // A message that was overtaken by a later one of the same leader.
        let mut follower = Follower::new(&LATER);
        follower.receives(1, (0, 0), &two);
        follower.has_reported_what_is_saved(check, &two, true)?;
        let outcome = follower.receives(1, (0, 0), std::slice::from_ref(&first));
        check.requires(KEEPS, follower.holds(&two), || {
            format!("n0 held {two:?}. An older message with only the first of them left it {:?}.", follower.log())
        })?;
        check.requires(CONSISTENCY, outcome.is_none_or(|outcome| outcome == Outcome::Matches(1)), || {
            format!("n0 was sent one entry, at index 1, and reports {}.", or_nothing(outcome, words::outcome))
        })?;
        let outcome = follower.receives(1, (2, 1), &[]);
        check.requires(KEEPS, follower.holds(&two), || {
            format!("n0 held {two:?}. A heartbeat left it {:?}.", follower.log())
        })?;
        check.requires(CONSISTENCY, outcome.is_none_or(|outcome| outcome == Outcome::Matches(2)), || {
            format!(
                "A heartbeat spoke of the entry at index 2, which n0 holds, and n0 reported {}.",
                or_nothing(outcome, words::outcome)
            )
        })?;

        // Heartbeats that speak of an entry which is not there, and of one of another term.
        for (leaders, prev) in [(1, (3, 1)), (3, (2, 2))] {
            let outcome = follower.receives(leaders, prev, &[]);
            check.requires(CONSISTENCY, !matches!(outcome, Some(Outcome::Matches(_))), || {
                let (index, term) = prev;
                format!(
                    "n0 holds two entries of term 1. A heartbeat spoke of an entry of term {term} at index {index}, and n0 reported \
                     {}.",
                    or_nothing(outcome, words::outcome)
                )
            })?;
        }

        // An entry that follows one which is not there, and a leader that is deposed.
        let mut follower = Follower::new(&LATER);
        follower.receives(1, (1, 1), std::slice::from_ref(&second));
        check.requires(CONSISTENCY, follower.holds(&[]), || {
            format!("n0 has no entry at index 1, and yet took what follows it: {:?}.", follower.log())
        })?;
        follower.receives(2, (0, 0), &[entry(2, Put('x', 3))]);
        follower.receives(1, (0, 0), &two);
        check.requires(CONSISTENCY, follower.holds(&[entry(2, Put('x', 3))]), || {
            format!("n0 is in term 2, and yet took entries from the leader of term 1: {:?}.", follower.log())
        })?;

        check.requires(OLD_LEADER, !follower.waits_anew, || {
            "n0 is in term 2, and yet a message from the leader of term 1 restarted n0's election timer.".to_owned()
        })?;
        check.requires(TOLD, follower.replied_in.is_none_or(|term| term == 2), || {
            format!(
                "n0 is in term 2, and answered the leader of term 1 with a reply of term {}.",
                or_nothing(follower.replied_in, |term| term.to_string())
            )
        })?;

        // A conflict in the middle takes all that follows it.
        let mut follower = Follower::new(&LATER);
        follower.receives(1, (0, 0), &two);
        let new = entry(2, Put('x', 4));
        follower.receives(2, (1, 1), std::slice::from_ref(&new));
        check.requires(KEEPS, follower.holds(&[first.clone(), new.clone()]), || {
            format!("n0 held {two:?}, and was sent {new:?} for index 2. It holds {:?}.", follower.log())
        })?;
        follower.has_reported_what_is_saved(check, &[first, new], true)?;
        check.evidence("messages to a follower, in order and out of order: each leaves the log that the paper says");
        many_at_once(check)
    });
}

/// A hundred entries on each side, of which the last fifty conflict; then a heartbeat, and the leader's first message again.
fn many_at_once(check: &mut Check) -> Proven {
    let of_term = |term, count| -> Vec<Entry> { (0..count).map(|number| entry(term, Put('x', number))).collect() };
    let (old, new) = (of_term(1, 100), of_term(2, 100));
    let expected = [&old[..50], &new].concat();
    let mut follower = Follower::new(&LATER);
    follower.receives(1, (0, 0), &old);
    let conflicts = [&old[25..50], &new].concat();
    for (prev, entries) in [((25, 1), &conflicts[..]), ((150, 2), &[]), ((25, 1), &conflicts[..40])] {
        let last = prev.0 + entries.len() as Index;
        let outcome = follower.receives(2, prev, entries);
        check.requires(KEEPS, follower.holds(&expected) && outcome.is_none_or(|it| it == Outcome::Matches(last)), || {
            format!(
                "n0 held a hundred entries of term 1, and was sent a hundred of term 2 in place of the last fifty. After a message \
                 that spoke of the log up to index {last}, it holds {} entries, of which {} are of term 2, and reports {}.",
                follower.log().len(),
                follower.log().iter().filter(|entry| entry.term == 2).count(),
                or_nothing(outcome, words::outcome)
            )
        })?;
        follower.has_reported_what_is_saved(check, &expected, last == 150 && !entries.is_empty())?;
    }
    check.evidence("a hundred entries, of which fifty conflict: those are replaced, and no others");
    Ok(())
}

#[test]
pub fn any_leader_leaves_the_log_that_it_should() {
    check(|check| {
        let cluster = among_leaders(Talk::Logs, 0, &LATER);
        let cluster = cluster.each_transition(TAKES, takes_what_fits);
        let cluster = cluster.each_transition(REPORTS, reports_what_is_so);
        let holds_a_later_term = |view: &View<'_, Raft, _>| {
            let log = view.server(NodeId(0)).map(Raft::log);
            log.is_some_and(|log| log.last_term() == 3 && log.last_index() == 3)
        };
        let scope = "a follower, and whatever leaders of three terms may send";
        check.exhausts(scope, cluster.sometimes(TAKES_ALL, holds_a_later_term))
    });
}

fn entry(term: Term, request: Request) -> Entry {
    Entry { term, command: Command::Client { id: RequestId { client: ClientId(0), number: 0 }, request } }
}

/// n0 of three servers, which was elected after it had saved `term`, by the vote of n1.
fn elected(check: &mut Check, term: Term, terms: &[Term]) -> Result<Alone<Raft>, Box<Failure>> {
    let mut server = Alone::<Raft>::start(3, Some(saved(term, terms)), &LATER);
    server.fires(Timer::Election);
    server.receives(NodeId(1), Message::Vote { term: term + 1, granted: true });
    check.requires(MAJORITY_ELECTS, server.is_leader(), || {
        format!("n0's election timer fired, and n1 voted for it in term {}. n0 does not lead.", term + 1)
    })?;
    Ok(server)
}

/// What n0 sends to n1, as pairs of the index before the entries and their number.
fn sent_to_n1(effects: &[Effect<Raft>]) -> Vec<(Index, usize)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to: NodeId(1), message: Message::AppendEntries { prev_index, entries, .. } } => {
            Some((*prev_index, entries.len()))
        }
        _ => None,
    });
    sent.collect()
}

#[test]
pub fn a_quiet_leader_is_heard() {
    check(|check| {
        let mut leader = elected(check, 0, &[])?;
        let end = leader.log().last_index();
        // A leader may give up its office if nobody answers, so both others do, each time.
        let answered = |leader: &mut Alone<Raft>| {
            for follower in [NodeId(1), NodeId(2)] {
                leader.receives(follower, Message::AppendReply { term: 1, outcome: Outcome::Matches(end) });
            }
        };
        answered(&mut leader);
        // Whoever has said something since the timer fired last may leave a heartbeat out.
        leader.fires(Timer::Heartbeat);
        for _ in 0..2 {
            answered(&mut leader);
            let effects = leader.fires(Timer::Heartbeat);
            let is_sent =
                |to| effects.iter().any(|effect| matches!(effect, Effect::Send { to: other, .. } if *other == to));
            check.requires(HEARD, is_sent(NodeId(1)) && is_sent(NodeId(2)), || {
                "n0 leads, and both others hold its log. Its heartbeat timer fired, but n0 did not send something to each of \
                 them."
                    .to_owned()
            })?;
            let arms = effects.iter().any(|effect| matches!(effect, Effect::Arm { timer: Timer::Heartbeat }));
            check.requires(HEARD, arms, || {
                "n0 leads. Its heartbeat timer fired, but n0 did not arm it again: the others will hear no more heartbeats."
                    .to_owned()
            })?;
        }
        check.evidence("three heartbeats of a leader with nothing new to say: every server hears them");
        Ok(())
    });
}

/// Replies are delayed, come twice and overtake each other. Would each old one cause a message, a message would be answered by the next.
#[test]
pub fn a_reply_that_is_no_news_causes_no_message() {
    check(|check| {
        let mut leader = elected(check, 4, &[1, 4, 4])?;
        let end = leader.log().last_index();
        let hint = Hint { term: None, index: 1 };
        for (what, term, outcome) in [
            ("n1's reply to a message that n0 sent in term 1 came late", 1, Outcome::Matches(1)),
            ("n1's refusal of a message that n0 sent in term 1 came late", 1, Outcome::Conflict(hint)),
            ("n1's reply to a message that n0 sent in term 4 came late", 4, Outcome::Matches(2)),
        ] {
            says_nothing(check, &mut leader, what, term, outcome)?;
        }
        leader.receives(NodeId(1), Message::AppendReply { term: 5, outcome: Outcome::Matches(end) });
        for (what, outcome) in [
            ("n1 had reported that it holds n0's whole log, and the report came again", Outcome::Matches(end)),
            ("n1 had reported that it holds n0's whole log, and an earlier report came late", Outcome::Matches(1)),
        ] {
            says_nothing(check, &mut leader, what, 5, outcome)?;
        }
        check.evidence("five replies that are late or come again: the leader sends nothing because of them");
        Ok(())
    });
}

fn says_nothing(check: &mut Check, leader: &mut Alone<Raft>, what: &str, term: Term, outcome: Outcome) -> Proven {
    let effects = leader.receives(NodeId(1), Message::AppendReply { term, outcome });
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Send { to, message } => Some((to, message)),
        _ => None,
    });
    check.requires(NEWS, sent.is_none(), || {
        let (to, message) = sent.expect("something was sent");
        format!(
            "n0 leads term 5, and its log is {:?}. {what}, and n0 sent {} to {to}.",
            leader.log(),
            words::message(message)
        )
    })
}

/// A leader holds a command of an earlier term, and the client makes the request again.
fn takes_a_command_again(check: &mut Check) -> Proven {
    let mut saved = saved(1, &[]);
    saved.log.push(entry(1, Put('x', 1)));
    let mut leader = Alone::<Raft>::start(3, Some(saved), &LATER);
    leader.fires(Timer::Election);
    leader.receives(NodeId(1), Message::Vote { term: 2, granted: true });
    leader.is_asked(Put('x', 1));
    check.requires(OWN_ENTRY, leader.log().last_term() == 2, || {
        format!(
            "n0 leads term 2, and its log has a command of term 1 that is not committed. The client makes that request again, \
             and n0's log is {:?}: without an entry of its own term, n0 can never commit that command.",
            leader.log()
        )
    })?;
    check.evidence("a request that is made again in a later term: the leader has an entry of its own term");
    Ok(())
}

#[test]
pub fn a_leader_that_led_before_begins_afresh() {
    check(|check| {
        takes_a_command_again(check)?;
        // n0 leads term 2, and n1 has all of its log. Then somebody leads term 3, and n1's only entry is of that term. n0 leads
        // term 4, and n1 refuses whatever does not begin with the first entry.
        let mut leader = elected(check, 1, &[1])?;
        let end = leader.log().last_index();
        leader.receives(NodeId(1), Message::AppendReply { term: 2, outcome: Outcome::Matches(end) });
        leader.receives(NodeId(2), Message::Vote { term: 3, granted: false });
        leader.fires(Timer::Election);
        let mut effects = leader.receives(NodeId(2), Message::Vote { term: 4, granted: true });
        let mut begins = false;
        for _ in 0..8 {
            let mut next = Vec::new();
            for (prev_index, entries) in sent_to_n1(&effects) {
                begins |= prev_index == 0 && entries > 0;
                let hint = match prev_index {
                    1 => Hint { term: Some(3), index: 1 },
                    _ => Hint { term: None, index: 2 },
                };
                if prev_index > 0 {
                    let outcome = Outcome::Conflict(hint);
                    next.extend(leader.receives(NodeId(1), Message::AppendReply { term: 4, outcome }));
                }
            }
            next.extend(leader.fires(Timer::Heartbeat));
            effects = next;
        }
        check.requires(AFRESH, begins, || {
            "When n0 led term 2, n1 had all of n0's log. Now n0 leads term 4, and n1 has a different entry, of term 3, at index \
             1. n1 refused everything that n0 sent, and n0 never begins with the first entry of its log."
                .to_owned()
        })?;
        check.evidence("a leader of two terms: what it knew in the first is forgotten in the second");
        let followers = [saved(1, &[1]).log, saved(1, &[1, 1, 1]).log];
        let cluster = timeouts(among_followers(followers, &LATER), 2, 1).saved(0, saved(2, &[1, 2]));
        let cluster = cluster.client(&[0], [Put('x', 1)]);
        let leads_again = |view: &View<'_, Raft, _>| {
            leaders(view)
                .any(|(_, leader)| leader.term() > 4 && leader.log().entries().iter().any(|entry| entry.term == 3))
        };
        let cluster = cluster.sometimes(CARRIED_OVER, leads_again);
        check.bounded("a leader, and whatever its followers may answer", cluster, 10)
    });
}

#[test]
pub fn back_up_takes_a_step_for_each_term() {
    check(|check| {
        // The follower has 40 entries of four terms that the leader lacks, and the leader 30 of another.
        let terms = |counts: &[(Term, usize)]| -> Vec<Term> {
            counts.iter().flat_map(|&(term, count)| std::iter::repeat_n(term, count)).collect()
        };
        let leader = terms(&[(1, 5), (6, 30)]);
        let follower = terms(&[(1, 5), (2, 10), (3, 10), (4, 10), (5, 10)]);
        for (scope, n1) in
            [("a follower with entries of four other terms", &follower), ("an empty follower", &Vec::new())]
        {
            let cluster = replicating(2, 1, 40).saved(0, saved(6, &leader)).saved(1, saved(6, n1));
            let schedule = Schedule::with_timers().fire(0, Timer::Election);
            // Enough heartbeats for a leader that sends nothing else, and one entry at a time.
            let schedule = (0..40).fold(schedule, |schedule, _| schedule.fire(0, Timer::Heartbeat));
            let played = check.drives(CATCHES_UP, scope, cluster, &schedule)?;
            let agree = caught_up(&played.view());
            check.requires_of_run(scope, &played, CATCHES_UP, agree.is_ok(), || agree.err().unwrap_or_default())?;
            let conflicts = played.count(|step| {
                let conflict =
                    |message: &Message| matches!(message, Message::AppendReply { outcome: Outcome::Conflict(_), .. });
                matches!(step, Occurrence::Deliver { to: NodeId(0), message, .. } if conflict(message))
            });
            check.requires_of_run(scope, &played, FAST_BACK_UP, conflicts <= 8, || {
                format!(
                    "n1 refused {conflicts} messages before the logs agreed. Eight are enough for a leader that skips a term at \
                     a time, or halves the distance."
                )
            })?;
            check.evidence(format!("{scope}: conflicts until the logs agree: {conflicts}"));
        }
        Ok(())
    });
}
