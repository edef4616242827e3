//! Bonus task `prevote`: a server that was away deposes nobody.

use testkit::alone::Alone;
use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{Effect, NodeId};
use testkit::schedule::Schedule;
use testkit::text::or_nothing;

use super::chronicle::Chronicle;
use super::prevoters::among_prevoters;
use super::servers::{leaders, saved, servers, serving, somebody_leads, timeouts};
use crate::subject::raft::log::Term;
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
    "a pre-vote changes nothing",
    "When a server is asked for a pre-vote, its term, its vote and its election timer stay as they are.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-changes-the-term",
);

const UP_TO_DATE: Rule = Rule::new(
    "pre-votes for up-to-date logs",
    "A server enters a new term of its own accord only if its log is at least as up to date as those of a majority.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-stale-log",
);

const LEADS_ON: Rule = Rule::new(
    "a leader goes on leading",
    "A leader leads until it hears of a later term. A late answer to a request that it made before it was elected changes \
     nothing.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, sections 3.4 and 9.6",
    "1-cap/raft-production.md#pre-vote-counts",
);

const GRANTS: Rule = Rule::new(
    "when a pre-vote is granted",
    "A server that hears no leader says yes if the term asked about is later than its own and the asking server's log is at \
     least as up to date as its own. Otherwise it says no.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote-stale-log",
);

const STANDS: Rule = Rule::new(
    "a majority that says yes is enough",
    "As soon as a majority, itself included, has said yes to the term that a server asked about, the server becomes a candidate \
     in that term.",
    "Ongaro 2014, Consensus: Bridging Theory and Practice, section 9.6",
    "1-cap/raft-production.md#pre-vote",
);

const ASKS: Rule = Rule::new(
    "a server asks",
    "There is a run in which a server whose election timer has fired asks the others.",
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

/// Another server has been sent something by `server`.
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
                    "n0 was elected, n1 and n2 heard from it, and only n2's election timer has fired since. Now n0 does not \
                     lead; n0's term is {}, n1's {}, n2's {}.",
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
                term => Err(format!("n0 is cut off from n1 and n2, and yet it has entered term {term}.")),
            });
        check.explores("n0 apart from n1 and n2", cluster, ENOUGH)?;
        let cluster = elects(asking(4, 2, 0).split(&[&[0, 1, 2], &[3]])).duplicates(1);
        check.explores("n3 apart from three others, and a duplicate", cluster, ENOUGH)?;
        let halves = only_one_wakes(servers(4, Chronicle::default()), 0, 3).split(&[&[0, 1], &[2, 3]]).duplicates(2);
        let cluster = halves.always(NO_TERM_ALONE, |view| match term(view, 0) {
            0 => Ok(()),
            term => Err(format!("n0 reaches only one of three other servers, and yet it has entered term {term}.")),
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
                term => Err(format!("n0 lacks an entry that n1 and n2 hold, and yet it has entered term {term}.")),
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
            let (granted, saved, waits_anew) = asked(&mut server, question);
            check.requires(CHANGES_NOBODY, server.raft().term() == 2 && saved.is_none(), || {
                let did = if saved.is_some() { "saved something" } else { "saved nothing" };
                format!("n0 {state}, in term 2. Asked for a pre-vote, it {did}; its term is {}.", server.raft().term())
            })?;
            check.requires(CHANGES_NOBODY, !waits_anew, || {
                format!("n0 {state}, was asked for a pre-vote, and restarted a timer: a server that keeps asking would keep n0 \
                         quiet forever.")
            })?;
            let says_yes = granted == Some(true);
            check.requires(GRANTS, says_yes == expected, || {
                format!("n0, in term 2, {state}. It should say {}, and says {}.", yes_or_no(expected), answer(granted))
            })?;
        }
        server.receives(NodeId(2), heartbeat_of(2));
        let (granted, ..) = asked(&mut server, question(3, 2, 2));
        check.requires(UNDISTURBED, granted != Some(true), || {
            "n0 has just heard from n2, the leader of its term. Asked for a pre-vote by n1, n0 says yes.".to_owned()
        })?;
        let mut server = Alone::<PreVote>::start(3, Some(saved(2, &[1, 2])), &[]);
        server.receives(NodeId(2), heartbeat_of(3));
        let (granted, ..) = asked(&mut server, question(4, 2, 2));
        check.requires(UNDISTURBED, granted != Some(true), || {
            "n0 was in term 2, and has just heard of term 3 from its leader, n2. Asked for a pre-vote by n1, n0 says yes."
                .to_owned()
        })?;
        check.evidence("six questions: each is answered as it should be, and changes nothing");
        Ok(())
    });
}

/// A message of the leader of `term` to a server whose log has two entries.
fn heartbeat_of(term: Term) -> Message {
    let (prev_index, prev_term, commit_index) = (2, 2, 0);
    Message::Raft(message::Message::AppendEntries { term, prev_index, prev_term, entries: vec![], commit_index })
}

fn answer(granted: Option<bool>) -> String {
    or_nothing(granted, |granted| yes_or_no(granted).to_owned())
}

fn yes_or_no(granted: bool) -> &'static str {
    if granted { "yes" } else { "no" }
}

/// Whether the server grants what n1 asks, what it saves by that, and whether it arms a timer.
fn asked(server: &mut Alone<PreVote>, question: Message) -> (Option<bool>, Option<Durable>, bool) {
    let (mut granted, mut saved, mut waits_anew) = (None, None, false);
    for effect in server.receives(NodeId(1), question) {
        match effect {
            Effect::Send { message: Message::PreVoteReply { granted: says, .. }, .. } => granted = Some(says),
            Effect::Save { durable } => saved = Some(durable),
            Effect::Arm { .. } => waits_anew = true,
            _ => {}
        }
    }
    (granted, saved, waits_anew)
}

#[test]
pub fn a_late_yes_counts_for_nothing() {
    check(|check| {
        let yes = |term| Message::PreVoteReply { term, granted: true };
        let asking = || {
            let mut server = Alone::<PreVote>::start(3, Some(saved(2, &[1, 2])), &[]);
            server.fires(Timer::Election);
            server
        };
        // The question was about term 3. Then n0 enters term 4 by a message, and asks about term 5.
        let mut server = asking();
        server.receives(NodeId(2), Message::Raft(message::Message::Vote { term: 4, granted: false }));
        server.fires(Timer::Election);
        server.receives(NodeId(1), yes(3));
        check.requires(NO_TERM_ALONE, server.raft().term() == 4, || {
            format!(
                "n0 asked about term 3, later entered term 4, and asked about term 5. Then n1's yes to the first question came, and \
                 n0's term is {}.",
                server.raft().term()
            )
        })?;
        server.receives(NodeId(1), yes(5));
        check.requires(STANDS, server.raft().term() == 5, || {
            format!("n0 asked about term 5, and n1 said yes. n0's term is {}.", server.raft().term())
        })?;
        // The question was about term 3, which n0 has entered by a message since.
        let mut server = asking();
        server.receives(NodeId(2), Message::Raft(message::Message::Vote { term: 3, granted: false }));
        server.receives(NodeId(1), yes(3));
        check.requires(NO_TERM_ALONE, server.raft().term() == 3, || {
            format!(
                "n0 asked about term 3, and then entered that term because of a message. Then n1's yes came, and n0's term is \
                 {}, though n0 asked no server about that term.",
                server.raft().term()
            )
        })?;
        // Of four servers, one said yes to the first question, and another to the second.
        let mut server = Alone::<PreVote>::start(4, Some(saved(2, &[1, 2])), &[]);
        server.fires(Timer::Election);
        server.receives(NodeId(1), yes(3));
        server.receives(NodeId(2), Message::Raft(message::Message::Vote { term: 4, granted: false }));
        server.fires(Timer::Election);
        server.receives(NodeId(2), yes(5));
        check.requires(NO_TERM_ALONE, server.raft().term() == 4, || {
            format!(
                "n0, one of four servers, asked about term 3, and n1 said yes. Later n0 entered term 4, asked about term 5, and \
                 n2 said yes. Only two of four servers, n0 itself included, said yes to term 5, and n0's term is {}.",
                server.raft().term()
            )
        })?;
        // A leader was heard since the question was asked.
        let mut server = asking();
        server.receives(NodeId(2), heartbeat_of(2));
        server.receives(NodeId(1), yes(3));
        check.requires(UNDISTURBED, server.raft().term() == 2, || {
            format!(
                "n0 asked about term 3, and then heard from n2, the leader of term 2. Then n1's yes came, and n0's term is {}.",
                server.raft().term()
            )
        })?;
        check.evidence(
            "a yes to an earlier question, even before the current one was asked, one about a term entered since, and one that \
             comes after a leader was heard: none starts an election",
        );
        Ok(())
    });
}

#[test]
pub fn a_majority_of_yes_is_enough() {
    check(|check| {
        let cluster = timeouts(among_prevoters(), 2, 0);
        let stands =
            |view: &View<'_, PreVote, _>| view.server(NodeId(0)).is_some_and(|server| server.raft().term() > 2);
        check.exhausts("a server that asks, and whatever two others may say", cluster.sometimes(ELECTED, stands))
    });
}

#[test]
pub fn a_leader_does_not_depose_itself() {
    check(|check| {
        let mut server = Alone::<PreVote>::start(3, Some(saved(2, &[1, 2])), &[]);
        let yes = |term| Message::PreVoteReply { term, granted: true };
        let vote = |term| Message::Raft(message::Message::Vote { term, granted: true });
        // n0 stands for election in term 3. Its timer fires again, and it asks about term 4. Then the votes of term 3 come.
        server.fires(Timer::Election);
        server.receives(NodeId(1), yes(3));
        server.fires(Timer::Election);
        server.receives(NodeId(1), vote(3));
        check.requires(STANDS, server.raft().is_leader() && server.raft().term() == 3, || {
            "n0 asked about term 3, and n1 said yes and voted for it. n0 does not lead term 3.".to_owned()
        })?;
        for (from, told, late) in [
            (1, "a pre-vote for term 4", yes(4)),
            (2, "a pre-vote for term 4", yes(4)),
            (2, "a pre-vote for term 3", yes(3)),
            (2, "a vote in term 3", vote(3)),
        ] {
            server.receives(NodeId(from), late);
            check.requires(LEADS_ON, server.raft().is_leader() && server.raft().term() == 3, || {
                format!(
                    "n0 was elected in term 3, after its timer had fired once more. Then {told} came from n{from}, and n0 {} term {}.",
                    if server.raft().is_leader() { "leads" } else { "does not lead any more, and is in" },
                    server.raft().term()
                )
            })?;
        }
        check.evidence("a leader, and the late answers to what it asked before it was elected: it leads on");
        Ok(())
    });
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
