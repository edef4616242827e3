//! Task `election`: at most one leader a term, and none without what is committed.

use testkit::alone::Alone;
use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, View};
use testkit::node::{Effect, NodeId};

use super::chronicle::Chronicle;
use super::servers::{leaders, saved, servers, somebody_leads, timeouts};
use crate::subject::raft::log::Term;
use crate::subject::raft::message::Message;
use crate::subject::raft::{Raft, Timer};

/// What later tasks write.
const LATER: [&str; 5] = ["raft/log.rs", "raft/replication.rs", "raft/quorum.rs", "raft/commit.rs", "raft/clients.rs"];

const ELECTED: Rule = Rule::new(
    "a leader is elected",
    "There is a run in which a server becomes the leader.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.2",
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
    "There is a run in which another server leads a later term.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.1",
    "1-cap/raft-election.md#the-idea",
);

const UP_TO_DATE: Rule = Rule::new(
    "up-to-date leaders",
    "A leader's log holds every entry that a majority holds and that was committed by an earlier leader.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.4.1",
    "1-cap/raft-election.md#grants-a-stale-log",
);

const WAITS: Rule = Rule::new(
    "election timeout",
    "A server that grants a vote or hears from the leader of its term waits a full election timeout before it becomes a candidate.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for followers and for candidates",
    "1-cap/raft-election.md#vote-without-waiting",
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
        check.requires(ELECTED, vote == Some(Message::Vote { term: 1, granted: true }), || {
            format!("A server that has not voted was asked for a vote in term 1, and answered {vote:?}.")
        })?;
        check.requires(WAITS, arms_a_timer(&effects), || {
            "n0 granted its vote to n1, and did not start its timer anew: it may become a candidate the moment after."
                .to_owned()
        })?;

        let mut candidate = Alone::<Raft>::start(3, None, &LATER);
        candidate.fires(Timer::Election);
        let (prev_index, prev_term, entries, commit_index) = (0, 0, vec![], 0);
        let heartbeat = Message::AppendEntries { term: 1, prev_index, prev_term, entries, commit_index };
        let effects = candidate.receives(NodeId(1), heartbeat);
        check.requires(WAITS, arms_a_timer(&effects), || {
            "n0 is a candidate of term 1 and heard from n1, the leader of term 1. It did not start its timer anew: it may become a \
             candidate again the moment after, although there is a leader."
                .to_owned()
        })?;
        check.evidence("a granted vote, and a leader that is heard: the timer starts anew");
        Ok(())
    });
}

fn arms_a_timer(effects: &[Effect<Raft>]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Arm { .. }))
}
