//! Task `election`: at most one leader a term, and none without what is committed.

use testkit::alone::Alone;
use testkit::check::{Check, Failure, Rule, check};
use testkit::cluster::{Cluster, View};
use testkit::node::{Effect, NodeId};
use testkit::text::or_nothing;

use super::chronicle::Chronicle;
use super::followers::{MAJORITY_ELECTS, MAJORITY_LEADS, among_followers, is_elected};
use super::leaders::{Talk, among_leaders, heard_of_term_1};
use super::servers::{leaders, leads_or_not, saved, servers, somebody_leads, timeouts};
use super::transitions::{
    LATEST_TERM, ONE_VOTE, TERM_SAVED, WAITS, keeps_to_the_latest_term, saves_its_term, votes_once,
    waits_for_leaders_only,
};
use super::words;
use crate::subject::raft::log::Term;
use crate::subject::raft::message::{Hint, Message, Outcome};
use crate::subject::raft::{Raft, Timer};

/// What later tasks write.
const LATER: [&str; 5] =
    ["raft/agreement.rs", "raft/replication.rs", "raft/quorum.rs", "raft/commit.rs", "raft/clients.rs"];

const ELECTED: Rule = Rule::new(
    "a leader is elected",
    "There is a run in which a server becomes the leader.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.2",
    "1-cap/raft-election.md#the-idea",
);

const GRANTS: Rule = Rule::new(
    "a vote is granted",
    "A server that has not voted in a term votes for a candidate that asks, if the candidate's log is at least as up to date as \
     its own.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, RequestVote RPC, receiver implementation, step 2",
    "1-cap/raft-election.md#the-idea",
);

const VOTES: Rule = Rule::new(
    "a vote is given",
    "There is a run in which a server votes in the last of three terms.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, RequestVote RPC, receiver implementation, step 2",
    "1-cap/raft-election.md#the-idea",
);

const EMERGES: Rule = Rule::new(
    "a leader emerges",
    "Once messages arrive and timers fire in turn, some server becomes the leader.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.2",
    "1-cap/raft-election.md#the-idea",
);

const DEPOSED: Rule = Rule::new(
    "a leader is replaced",
    "There is a run in which a second server leads a later term.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.1",
    "1-cap/raft-election.md#the-idea",
);

const UP_TO_DATE: Rule = Rule::new(
    "up-to-date leaders",
    "A leader's log holds every entry that a majority holds and that was committed by an earlier leader.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.4.1",
    "1-cap/raft-election.md#grants-a-stale-log",
);

const OWN_TERM: Rule = Rule::new(
    "votes of one term",
    "A candidate counts the votes of the term in which it is a candidate, and no others.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.2: votes from a majority \"in the same term\"",
    "1-cap/raft-election.md#old-vote",
);

const OFFICE: Rule = Rule::new(
    "a term of office",
    "A leader leads until it learns of a higher term, from a reply as well as from a request.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.1, and figure 2, rules for all servers",
    "1-cap/raft-election.md#no-step-down",
);

const TOLD: Rule = Rule::new(
    "a candidate that is behind is told",
    "A server that refuses a candidate of an earlier term answers with its own term.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, RequestVote RPC, results: \"currentTerm, for candidate to update itself\"",
    "1-cap/raft-election.md#no-step-down",
);

/// Servers that elect, with what this task's checks have in common.
fn electing(size: usize, elections: u8) -> Cluster<Raft, Chronicle> {
    timeouts(servers(size, Chronicle::default()).later_tasks(&LATER), elections, 0).leaving_out_ignored()
}

fn elects(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    cluster.sometimes(ELECTED, |view| somebody_leads(view).is_ok())
}

fn replaces(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    elects(cluster).sometimes(DEPOSED, |view| leaders(view).any(|(_, raft)| raft.term() > 1))
}

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 10;

#[test]
pub fn no_term_has_two_leaders() {
    check(|check| {
        check.explores("three servers, three elections", replaces(electing(3, 3)), ENOUGH)?;
        check.explores("two servers, four elections", replaces(electing(2, 4)), ENOUGH)?;
        check.explores("four servers, two elections", elects(electing(4, 2)), ENOUGH)?;
        // Everything that the receiver would ignore is kept here, to see that leaving it out hides nothing.
        let all = timeouts(servers(3, Chronicle::default()).later_tasks(&LATER), 2, 1);
        check.explores("three servers, two elections, and all messages", replaces(all), ENOUGH)?;
        check.exhausts("one server alone", elects(electing(1, 2)))
    });
}

#[test]
pub fn a_vote_that_comes_twice_counts_once() {
    check(|check| {
        let mut candidate = Alone::<Raft>::start(5, None, &LATER);
        candidate.fires(Timer::Election);
        candidate.receives(NodeId(1), Message::Vote { term: 1, granted: true });
        candidate.fires(Timer::Election);
        candidate.receives(NodeId(2), Message::Vote { term: 2, granted: true });
        check.requires(OWN_TERM, !candidate.is_leader(), || {
            "n0, one of five servers, was a candidate in term 1, and n1 voted for it. n0 was a candidate again in term 2, and \
             n2 voted for it. With two votes of term 2, its own and n2's, n0 leads."
                .to_owned()
        })?;
        let voters = [saved(1, &[1]).log, saved(1, &[1, 1]).log];
        let cluster = timeouts(among_followers(voters, &LATER), 3, 0).saved(0, saved(1, &[1, 1]));
        let cluster = cluster.always(MAJORITY_LEADS, is_elected);
        let leads_late = |view: &View<'_, Raft, _>| {
            somebody_leads(view).is_ok() && view.server(NodeId(0)).is_some_and(|n0| n0.term() > 3)
        };
        check.exhausts("a candidate, and whatever voters may answer", cluster.sometimes(ELECTED, leads_late))?;
        let cluster = electing(4, 1).fires_first(0, Timer::Election).duplicates(2);
        let scope = "four servers, two elections of which the first is n0's, two duplicates";
        check.explores(scope, elects(cluster), ENOUGH)?;
        check.explores("three servers, two elections, a duplicate", replaces(electing(3, 2).duplicates(1)), ENOUGH)
    });
}

#[test]
pub fn a_vote_survives_a_restart() {
    check(|check| {
        check.explores("three servers, two elections, two restarts", replaces(electing(3, 2).restarts(2)), ENOUGH)
    });
}

#[test]
pub fn a_leader_emerges() {
    check(|check| {
        let emerges = |cluster: Cluster<Raft, Chronicle>, rounds| cluster.leads_to(EMERGES, rounds, somebody_leads);
        check.explores("one server alone", elects(emerges(electing(1, 1), 1)), ENOUGH)?;
        check.explores("two servers, two elections", elects(emerges(electing(2, 2), 2)), ENOUGH)?;
        // Only the server with the later last term can win, whatever the lengths.
        let cluster = electing(2, 1).saved(0, saved(2, &[1, 1, 1])).saved(1, saved(2, &[2]));
        check.explores("two servers, one with a longer log of an earlier term", elects(emerges(cluster, 2)), ENOUGH)?;
        // The only server that can win is far behind in its term, and has to catch up with the others.
        let cluster = electing(3, 2).saved(0, saved(1, &[1, 1])).saved(1, saved(5, &[1])).saved(2, saved(5, &[1]));
        let cluster = emerges(cluster.split(&[&[0, 1], &[2]]), 2);
        check.explores("the best log in an early term, and a server that is cut off", elects(cluster), ENOUGH)?;
        let cluster = electing(3, 2).restarts(1).drops(1).leads_to(EMERGES, 2, somebody_leads);
        check.explores("three servers, two elections, a restart, a lost message", replaces(cluster), ENOUGH)?;
        let cluster = electing(3, 2).crashes(1).leads_to(EMERGES, 2, somebody_leads);
        check.explores("three servers, two elections, a crash", replaces(cluster), ENOUGH)
    });
}

#[test]
pub fn a_leader_has_what_was_committed() {
    check(|check| {
        // In each, n1 and n2 hold what a leader of term 2 has committed, and n0 lacks the last of it.
        for (scope, n0, n1_and_n2) in [
            ("a shorter log of the same term", &[1, 2][..], &[1, 2, 2][..]),
            ("a longer log of an earlier term", &[1, 1, 1, 1], &[1, 2]),
            ("no log at all", &[], &[2]),
        ] {
            let cluster = electing(3, 2).saved(0, saved(2, n0));
            let cluster = cluster.saved(1, saved(2, n1_and_n2)).saved(2, saved(2, n1_and_n2));
            let cluster = cluster.always(UP_TO_DATE, move |view| holds_all_of(view, n1_and_n2));
            check.explores(scope, elects(cluster.leads_to(EMERGES, 2, somebody_leads)), ENOUGH)?;
        }
        Ok(())
    });
}

/// Each leader's log begins with entries of `terms`.
fn holds_all_of(view: &View<'_, Raft, Chronicle>, terms: &[Term]) -> Result<(), String> {
    for (id, raft) in leaders(view) {
        let held: Vec<Term> = raft.log().entries().iter().map(|entry| entry.term).collect();
        if !held.starts_with(terms) {
            return Err(format!(
                "{id} leads term {}, and its log holds entries of the terms {held:?}. A leader of term 2 has committed entries of \
                 the terms {terms:?}.",
                raft.term()
            ));
        }
    }
    Ok(())
}

#[test]
pub fn who_votes_or_hears_a_leader_waits() {
    check(|check| {
        let mut server = Alone::<Raft>::start(3, None, &LATER);
        let effects = server.receives(NodeId(1), Message::RequestVote { term: 1, last_index: 0, last_term: 0 });
        let vote = effects.iter().find_map(|effect| match effect {
            Effect::Send { to: NodeId(1), message } => Some(message.clone()),
            _ => None,
        });
        check.requires(GRANTS, vote == Some(Message::Vote { term: 1, granted: true }), || {
            format!(
                "A server that has not voted was asked for a vote in term 1, and answered {}.",
                or_nothing(vote.as_ref(), words::message)
            )
        })?;
        check.requires(WAITS, arms_a_timer(&effects), || {
            "n0 granted its vote to n1, but did not restart its election timer: n0 may become a candidate a moment later."
                .to_owned()
        })?;

        let other = Message::RequestVote { term: 1, last_index: 0, last_term: 0 };
        let effects = server.receives(NodeId(2), other);
        check.requires(WAITS, !arms_a_timer(&effects), || {
            "n0 has voted for n1 in term 1. It refused n2, and yet restarted its election timer: a candidate that cannot win \
             could keep the others from trying."
                .to_owned()
        })?;

        let mut candidate = Alone::<Raft>::start(3, None, &LATER);
        candidate.fires(Timer::Election);
        let (prev_index, prev_term, entries, commit_index) = (0, 0, vec![], 0);
        let heartbeat = Message::AppendEntries { term: 1, prev_index, prev_term, entries, commit_index };
        let effects = candidate.receives(NodeId(1), heartbeat);
        check.requires(WAITS, arms_a_timer(&effects), || {
            "n0 is a candidate of term 1 and heard from n1, the leader of term 1. n0 did not restart its election timer: it may \
             become a candidate again a moment later, although there is a leader."
                .to_owned()
        })?;
        check.evidence("a granted vote, or a message from the leader, restarts the timer; after a refusal it runs on");
        Ok(())
    });
}

#[test]
pub fn a_leader_leads_until_a_later_term() {
    check(|check| {
        let mut leader = elected(check)?;
        let index = leader.server.log().last_index();
        for follower in [NodeId(1), NodeId(2)] {
            leader.server.receives(follower, Message::AppendReply { term: 5, outcome: Outcome::Matches(index) });
        }
        if !leader.stopped_its_election_timer {
            leader.server.fires(Timer::Election);
        }
        check.requires(OFFICE, leader.server.is_leader() && leader.server.term() == 5, || {
            "n0 was elected in term 5, and both others have answered it. Its own election timer ran on and fired, and n0 \
             stepped down."
                .to_owned()
        })?;
        let (prev_index, prev_term, commit_index) = (0, 0, 0);
        let deposed = Message::AppendEntries { term: 4, prev_index, prev_term, entries: vec![], commit_index };
        leader.server.receives(NodeId(1), deposed);
        check.requires(OFFICE, leader.server.is_leader(), || {
            "n0 leads term 5. It heard from n1, which led term 4 and does not know that it is deposed, and n0 stepped down."
                .to_owned()
        })?;
        let outcome = Outcome::Conflict(Hint { term: None, index: 1 });
        leader.server.receives(NodeId(2), Message::AppendReply { term: 9, outcome });
        check.requires(OFFICE, !leader.server.is_leader() && leader.server.term() == 9, || {
            format!(
                "n0 led term 5, and n2 refused its entries with a reply of term 9. Now n0 {}, in term {}.",
                leads_or_not(&leader.server),
                leader.server.term()
            )
        })?;
        let mut candidate = Alone::<Raft>::start(3, None, &LATER);
        candidate.fires(Timer::Election);
        candidate.receives(NodeId(2), Message::Vote { term: 9, granted: false });
        check.requires(OFFICE, candidate.term() == 9, || {
            format!(
                "n0 was a candidate in term 1, and n2 refused its vote in a reply of term 9. n0's term is {}.",
                candidate.term()
            )
        })?;
        let mut voter = Alone::<Raft>::start(3, Some(saved(5, &[])), &LATER);
        let question = Message::RequestVote { term: 2, last_index: 0, last_term: 0 };
        let mut answers = voter.receives(NodeId(1), question).into_iter().filter_map(|effect| match effect {
            Effect::Send { message, .. } => Some(message),
            _ => None,
        });
        let untold = answers.find(|answer| *answer != Message::Vote { term: 5, granted: false });
        check.requires(TOLD, untold.is_none(), || {
            format!(
                "n0 is in term 5. A candidate of term 2 asked for its vote, and n0 answered {}.",
                or_nothing(untold.as_ref(), words::message)
            )
        })?;
        check.evidence(
            "terms in requests and in replies: a server that is behind is told, and a leader leads until then",
        );
        Ok(())
    });
}

/// n0 of three servers, which was elected in term 5.
struct Elected {
    server: Alone<Raft>,
    stopped_its_election_timer: bool,
}

fn elected(check: &mut Check) -> Result<Elected, Box<Failure>> {
    let mut server = Alone::<Raft>::start(3, Some(saved(4, &[])), &LATER);
    let mut effects = server.fires(Timer::Election);
    effects.extend(server.receives(NodeId(1), Message::Vote { term: 5, granted: true }));
    check.requires(MAJORITY_ELECTS, server.is_leader(), || {
        "The election timer of n0, one of three servers, fired, and n1 voted for it in term 5. n0 does not lead."
            .to_owned()
    })?;
    let last = effects.iter().rev().find_map(|effect| match effect {
        Effect::Arm { timer: Timer::Election } => Some(false),
        Effect::Disarm { timer: Timer::Election } => Some(true),
        _ => None,
    });
    Ok(Elected { server, stopped_its_election_timer: last == Some(true) })
}

#[test]
pub fn a_server_keeps_its_word_whoever_speaks() {
    check(|check| {
        for held in [0, 2] {
            let cluster = among_leaders(Talk::Elections, 2, &LATER).saved(0, heard_of_term_1(held)).restarts(1);
            let cluster = cluster.each_transition(ONE_VOTE, votes_once);
            let cluster = cluster.each_transition(LATEST_TERM, keeps_to_the_latest_term);
            let cluster = cluster.each_transition(TERM_SAVED, saves_its_term);
            let cluster = cluster.each_transition(WAITS, waits_for_leaders_only);
            let votes = |view: &View<'_, Raft, _>| {
                view.saved(NodeId(0)).is_some_and(|saved| saved.term == 3 && saved.voted_for.is_some())
            };
            let scope =
                format!("a server with {held} entries, and whatever leaders and candidates of three terms may say");
            check.exhausts(&scope, cluster.sometimes(VOTES, votes))?;
        }
        Ok(())
    });
}

#[test]
pub fn a_term_is_saved_before_it_is_told() {
    check(|check| {
        let start = || Alone::<Raft>::start(3, Some(saved(1, &[1])), &LATER);
        let (prev_index, prev_term, commit_index) = (1, 1, 0);
        let heartbeat = Message::AppendEntries { term: 5, prev_index, prev_term, entries: vec![], commit_index };
        let told = [
            (
                "it was asked for a vote in term 5, by a candidate with a shorter log",
                start().receives(NodeId(1), Message::RequestVote { term: 5, last_index: 0, last_term: 0 }),
            ),
            ("it heard from the leader of term 5", start().receives(NodeId(1), heartbeat)),
        ];
        for (why, effects) in told {
            let unsaved = before_it_was_saved(&effects, 1);
            check.requires(TERM_SAVED, unsaved.is_none(), || {
                format!(
                    "n0 had saved term 1. Then {why}, and n0 sent {}. Its disk still held an earlier term, to which n0 would go \
                     back after a crash.",
                    or_nothing(unsaved, words::message)
                )
            })?;
        }
        check.evidence("two messages that bring a new term: it is saved before they are answered");
        Ok(())
    });
}

/// The first message of a term above all that was saved before it. `term` was saved at the beginning.
fn before_it_was_saved(effects: &[Effect<Raft>], term: Term) -> Option<&Message> {
    let mut saved = term;
    effects.iter().find_map(|effect| match effect {
        Effect::Save { durable } => {
            saved = durable.term;
            None
        }
        Effect::Send { message, .. } => Some(message).filter(|message| message.term() > saved),
        _ => None,
    })
}

fn arms_a_timer(effects: &[Effect<Raft>]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Arm { .. }))
}
