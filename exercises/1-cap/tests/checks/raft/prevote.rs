//! Bonus task `prevote`: a server that was away deposes nobody.

use testkit::alone::Alone;
use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{Effect, NodeId};
use testkit::schedule::Schedule;

use super::chronicle::Chronicle;
use super::servers::{leaders, saved, servers, serving, somebody_leads, timeouts};
use crate::subject::raft::prevote::{Message, PreVote};
use crate::subject::raft::store::Request::{Get, Put};
use crate::subject::raft::{Durable, Timer, message};

const ELECTED: Rule = Rule::new(
    "a leader is elected",
    "There is a run in which a server becomes the leader, and one in which another takes over.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote",
);

const EMERGES: Rule = Rule::new(
    "a leader emerges",
    "Once messages arrive and timers fire in turn, some server becomes the leader.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-never-tries",
);

const UNDISTURBED: Rule = Rule::new(
    "an undisturbed leader",
    "As long as a majority hears from a leader, no other server can start an election.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-without-the-leader",
);

const NO_TERM_ALONE: Rule = Rule::new(
    "no new term alone",
    "A server enters a new term of its own accord only if a majority would vote for it.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-changes-the-term",
);

const CHANGES_NOBODY: Rule = Rule::new(
    "to ask changes nobody",
    "To be asked for a pre-vote changes neither the term nor the vote of a server.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-changes-the-term",
);

const UP_TO_DATE: Rule = Rule::new(
    "pre-votes for up-to-date logs",
    "A server enters a new term of its own accord only if its log is as up to date as those of a majority.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-stale-log",
);

const ASKS: Rule = Rule::new(
    "a server asks",
    "A server whose election timer fires asks the others before it does anything else.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote",
);

fn asking(size: usize, elections: u8, heartbeats: u8) -> Cluster<PreVote, Chronicle> {
    timeouts(servers(size, Chronicle::default()), elections, heartbeats).leaving_out_ignored()
}

fn elects(cluster: Cluster<PreVote, Chronicle>) -> Cluster<PreVote, Chronicle> {
    cluster.sometimes(ELECTED, |view| somebody_leads(view).is_ok())
}

/// Only the election timer of `server` fires, so many times.
fn only_one_wakes(cluster: Cluster<PreVote, Chronicle>, server: usize, most: u8) -> Cluster<PreVote, Chronicle> {
    let election = |occurrence: &Occurrence<'_, PreVote>| match occurrence {
        Occurrence::Timeout { server, timer: Timer::Election } => Some(*server),
        _ => None,
    };
    cluster
        .limit(most, move |occurrence| election(occurrence) == Some(NodeId(server)))
        .limit(0, move |occurrence| election(occurrence).is_some_and(|other| other != NodeId(server)))
        .limit(1, |occurrence| matches!(occurrence, Occurrence::Timeout { timer: Timer::Heartbeat, .. }))
}

/// Somebody has been sent something by `server`.
fn says_something(view: &View<'_, PreVote, Chronicle>, server: usize) -> bool {
    view.in_flight().any(|(from, ..)| from == NodeId(server))
}

fn term(view: &View<'_, PreVote, Chronicle>, server: usize) -> u64 {
    view.server(NodeId(server)).map_or(0, |server| server.raft().term())
}

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 10;

#[test]
pub fn a_server_that_was_away_deposes_nobody() {
    check(|check| {
        // n0 leads, and both others have heard it. From then on only n2's election timer fires, as if it were cut off.
        let cluster = servers(3, Chronicle::default()).staged(&Schedule::with_timers().fire(0, Timer::Election));
        let cluster = only_one_wakes(cluster, 2, 3).duplicates(1);
        let cluster = cluster.sometimes(ASKS, |view| says_something(view, 2)).always(UNDISTURBED, |view| {
            match leaders(view).any(|(id, _)| id == NodeId(0)) {
                true => Ok(()),
                false => Err(format!(
                    "n0 was elected, n1 and n2 heard it, and only n2's election timer fired since. Now n0 does not lead; its term \
                     is {}, n1's {}, n2's {}.",
                    term(view, 0),
                    term(view, 1),
                    term(view, 2)
                )),
            }
        });
        check.explores("n0 leads, and n2 does not hear it", cluster, ENOUGH)
    });
}

#[test]
pub fn a_minority_enters_no_term() {
    check(|check| {
        let cluster =
            elects(asking(3, 3, 0).split(&[&[0], &[1, 2]])).always(NO_TERM_ALONE, |view| match term(view, 0) {
                0 => Ok(()),
                term => Err(format!("n0 is cut off from n1 and n2, and has entered term {term}.")),
            });
        check.explores("n0 apart from n1 and n2", cluster, ENOUGH)?;
        let cluster = elects(asking(4, 2, 0).split(&[&[0, 1, 2], &[3]])).duplicates(1);
        check.explores("n3 apart from three others, and a duplicate", cluster, ENOUGH)?;
        let halves = only_one_wakes(servers(4, Chronicle::default()), 0, 3).split(&[&[0, 1], &[2, 3]]).duplicates(2);
        let cluster = halves.always(NO_TERM_ALONE, |view| match term(view, 0) {
            0 => Ok(()),
            term => Err(format!("n0 reaches one of three other servers, and has entered term {term}.")),
        });
        check.explores(
            "two and two servers, and two duplicates",
            cluster.sometimes(ASKS, |view| says_something(view, 0)),
            ENOUGH,
        )?;
        // n0 lacks an entry that both others hold.
        let cluster = servers(3, Chronicle::default()).saved(0, saved(2, &[1]));
        let cluster = only_one_wakes(cluster.saved(1, saved(2, &[1, 2])).saved(2, saved(2, &[1, 2])), 0, 2);
        let cluster =
            cluster.sometimes(ASKS, |view| says_something(view, 0)).always(UP_TO_DATE, |view| match term(view, 0) {
                2 => Ok(()),
                term => Err(format!("n0 lacks an entry that n1 and n2 hold, and has entered term {term}.")),
            });
        check.explores("n0 with a stale log", cluster, ENOUGH)
    });
}

#[test]
pub fn asking_changes_nobody() {
    check(|check| {
        let mut server = Alone::<PreVote>::start(3, Some(saved(2, &[1, 2])), &[]);
        let question = |term, last_index, last_term| Message::PreVote { term, last_index, last_term };
        // In which state, asked what, is n0 to say what?
        let cases = [
            ("has heard no leader", question(3, 2, 2), true),
            ("has heard no leader, and is asked with a shorter log", question(3, 1, 1), false),
            ("has heard no leader, and is asked with a longer log of an earlier term", question(3, 5, 1), false),
            ("has heard no leader, and is asked about its own term", question(2, 2, 2), false),
        ];
        for (state, question, expected) in cases {
            let (granted, saved) = asked(&mut server, question);
            check.requires(CHANGES_NOBODY, server.raft().term() == 2 && saved.is_none(), || {
                format!(
                    "n0 {state}, and was asked for a pre-vote. Its term is {}, and it saved {saved:?}.",
                    server.raft().term()
                )
            })?;
            let says_no = granted != Some(true);
            check.requires(UP_TO_DATE, says_no != expected, || {
                format!("n0, in term 2, {state}. Its pre-vote should be {expected}; it is {granted:?}.")
            })?;
        }
        let (prev_index, prev_term, commit_index) = (2, 2, 0);
        let heartbeat =
            message::Message::AppendEntries { term: 2, prev_index, prev_term, entries: vec![], commit_index };
        server.receives(NodeId(2), Message::Raft(heartbeat));
        let (granted, _) = asked(&mut server, question(3, 2, 2));
        check.requires(UNDISTURBED, granted != Some(true), || {
            format!(
                "n0 has just heard from n2, the leader of its term. Asked for a pre-vote by n1, it says {granted:?}."
            )
        })?;
        check.evidence("five questions: each is answered as it should be, and changes nothing");
        Ok(())
    });
}

/// Whether the server grants what n1 asks, and what it saves by that.
fn asked(server: &mut Alone<PreVote>, question: Message) -> (Option<bool>, Option<Durable>) {
    let (mut granted, mut saved) = (None, None);
    for effect in server.receives(NodeId(1), question) {
        match effect {
            Effect::Send { message: Message::PreVoteReply { granted: says, .. }, .. } => granted = Some(says),
            Effect::Save { durable } => saved = Some(durable),
            _ => {}
        }
    }
    (granted, saved)
}

#[test]
pub fn no_term_has_two_leaders() {
    check(|check| {
        check.explores("three servers, two elections", elects(asking(3, 2, 0)), ENOUGH)?;
        check.explores("two servers, four elections, a duplicate", elects(asking(2, 4, 0).duplicates(1)), ENOUGH)?;
        check.explores("three servers, two elections, a restart", elects(asking(3, 2, 0).restarts(1)), ENOUGH)
    });
}

#[test]
pub fn every_history_is_linearizable() {
    check(|check| {
        let cluster =
            serving::<PreVote>(2, 2, 1).client(&[0, 1], [Put('x', 1), Get('x')]).client(&[0, 1], [Put('x', 2)]);
        check.explores("two servers, two writers of which one reads, two elections", cluster, ENOUGH)?;
        let cluster = serving::<PreVote>(3, 1, 0).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]);
        check.explores("three servers, a writer, two elections of which the first is n0's", cluster, ENOUGH)
    });
}

#[test]
pub fn a_leader_emerges() {
    check(|check| {
        let emerges = |cluster: Cluster<PreVote, Chronicle>| elects(cluster.leads_to(EMERGES, 2, somebody_leads));
        check.explores("three servers, two elections, a restart", emerges(asking(3, 2, 0).restarts(1)), ENOUGH)?;
        check.explores("three servers, two elections, a crash", emerges(asking(3, 2, 0).crashes(1)), ENOUGH)?;
        check.explores("two servers, two elections, two lost messages", emerges(asking(2, 2, 0).drops(2)), ENOUGH)?;
        // The only server that can be elected is behind in its term.
        let cluster = asking(3, 2, 0).saved(0, saved(1, &[1, 1])).saved(1, saved(5, &[1])).saved(2, saved(5, &[1]));
        check.explores("the best log in an early term", emerges(cluster.split(&[&[0, 1], &[2]])), ENOUGH)
    });
}
