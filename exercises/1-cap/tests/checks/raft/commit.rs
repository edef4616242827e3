//! Task `commit`: which entries are settled, and who knows it when.

use testkit::alone::Alone;
use testkit::check::{Check, Proven, Rule, check};
use testkit::cluster::{Cluster, View};
use testkit::node::NodeId;
use testkit::schedule::Schedule;

use super::chronicle::Chronicle;
use super::followers::{self, among_followers, commits_what_it_may};
use super::leaders::{Leaders, Talk, among_leaders};
use super::servers::{committed, elected, leaders, leads_or_not, saved, servers, timeouts};
use super::transitions::{FOLLOWS, TAKES, follows_the_commit_index, takes_what_fits};
use crate::subject::raft::log::{Command, Entry, Index};
use crate::subject::raft::message::{Message, Outcome};
use crate::subject::raft::quorum::agreed;
use crate::subject::raft::store::Request::Put;
use crate::subject::raft::{Raft, Timer};

/// What later tasks write.
const LATER: [&str; 1] = ["raft/clients.rs"];

const AGREEMENT: Rule = Rule::new(
    "agreement of a majority",
    "`agreed` is the largest index that a majority holds.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for leaders",
    "1-cap/raft-commit.md#the-idea",
);

const COMMITS: Rule = Rule::new(
    "an entry is committed",
    "There is a run in which a server knows a client's command to be committed.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3",
    "1-cap/raft-commit.md#the-idea",
);

const MAJORITY_COMMITS: Rule = Rule::new(
    "a majority commits",
    "A leader considers an entry of its own term committed as soon as it knows that a majority holds it.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for leaders",
    "1-cap/raft-commit.md#the-idea",
);

const TAKES_COMMANDS: Rule = Rule::new(
    "a leader takes commands",
    "A candidate becomes leader once a majority has voted for it, and then puts a client's command into its log.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for leaders",
    "1-cap/raft-replication.md#the-idea",
);

const ALL_KNOW: Rule = Rule::new(
    "everybody knows",
    "There is a run in which every server knows an entry to be committed.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3",
    "1-cap/raft-commit.md#the-idea",
);

const CARRIED_OVER: Rule = Rule::new(
    "committed with a later entry",
    "There is a run in which a leader knows an entry of an earlier term to be committed.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.4.2",
    "1-cap/raft-commit.md#figure-8",
);

const PROGRESS: Rule = Rule::new(
    "progress",
    "Once messages arrive, timers fire in turn and clients ask again, a new command is committed everywhere.",
    "Ongaro & Ousterhout 2014 (extended version), sections 5.3 and 8",
    "1-cap/raft-commit.md#the-idea",
);

const MAJORITY_IS_ENOUGH: Rule = Rule::new(
    "a majority is enough",
    "Once messages arrive and timers fire in turn, a leader that reaches a majority commits its clients' commands.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3",
    "1-cap/raft-commit.md#wrong-majority",
);

const KNOWN_TO_MATCH: Rule = Rule::new(
    "bounded by what was checked",
    "A follower considers nothing committed beyond the last entry that the leader's message spoke of.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, step 5",
    "1-cap/raft-commit.md#commits-too-far",
);

const OWN_REPLIES: Rule = Rule::new(
    "replies of this term",
    "A leader counts only replies to what it sent in its current term.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.1: a server rejects what comes with a stale term",
    "1-cap/raft-replication.md#old-reply",
);

fn committing(size: usize, elections: u8, heartbeats: u8) -> Cluster<Raft, Chronicle> {
    timeouts(servers(size, Chronicle::default()).later_tasks(&LATER), elections, heartbeats).leaving_out_ignored()
}

fn commits(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    cluster.sometimes(COMMITS, |view| view.servers().any(|(_, server)| knows_a_command(server)))
}

fn all_know(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    commits(cluster).sometimes(ALL_KNOW, |view| view.servers().all(|(_, server)| server.commit_index() > 0))
}

fn carries_over(cluster: Cluster<Raft, Chronicle>) -> Cluster<Raft, Chronicle> {
    cluster.sometimes(CARRIED_OVER, |view| {
        leaders(view).any(|(_, leader)| {
            let known = leader.log().entries().iter().take(leader.commit_index() as usize);
            known.into_iter().any(|entry| entry.term < leader.term())
        })
    })
}

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 10;

#[test]
pub fn a_majority_agrees_on_the_right_index() {
    check(|check| {
        let mut clusters = 0;
        for size in 1..=5_usize {
            for number in 0..4_usize.pow(size as u32) {
                let held: Vec<Index> = (0..size as u32).map(|at| (number / 4_usize.pow(at) % 4) as Index).collect();
                let holds = |index: Index| 2 * held.iter().filter(|&&held| held >= index).count() > size;
                let found = agreed(&held);
                check.requires(AGREEMENT, holds(found) && !holds(found + 1), || {
                    let right = (0..=3).rev().find(|&index| holds(index)).unwrap_or(0);
                    format!(
                        "Of {size} servers that hold {held:?}, a majority holds {right}, but `agreed(&{held:?})` is {found}."
                    )
                })?;
                clusters += 1;
            }
        }
        check.evidence(format!("{clusters} clusters of one to five servers"));
        Ok(())
    });
}

#[test]
pub fn what_is_committed_stays() {
    check(|check| {
        let scope = "three servers, a command, three elections of which the first is n0's";
        let cluster = committing(3, 2, 0).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]);
        check.explores_up_to(2_500_000, scope, cluster, ENOUGH)
    });
}

#[test]
pub fn two_commands_are_committed_in_one_order() {
    check(|check| {
        check.exhausts("one server alone", commits(committing(1, 1, 0).client(&[0], [Put('x', 1)])))?;
        let cluster = committing(3, 0, 2).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]);
        check.explores("three servers, a command, an election, two heartbeats", all_know(cluster), ENOUGH)?;
        let cluster = committing(2, 2, 1).client(&[0, 1], [Put('x', 1)]).client(&[0, 1], [Put('x', 2)]);
        let scope = "two servers, two commands, two elections, a heartbeat";
        check.explores(scope, commits(cluster), ENOUGH)?;
        let cluster = committing(3, 1, 1).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]);
        let scope = "three servers, a command, two elections of which the first is n0's, a heartbeat";
        check.explores(scope, commits(cluster), ENOUGH)?;
        let cluster = committing(3, 1, 0).fires_first(0, Timer::Election);
        let cluster = cluster.client(&[0, 1, 2], [Put('x', 1), Put('x', 2)]);
        check.explores("three servers, two commands, two elections of which the first is n0's", cluster, ENOUGH)
    });
}

#[test]
pub fn a_restart_forgets_nothing_that_is_committed() {
    check(|check| {
        let cluster = committing(3, 1, 0).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]).restarts(1);
        check.explores("three servers, a command, two elections of which the first is n0's, a restart", cluster, ENOUGH)
    });
}

#[test]
pub fn a_message_that_comes_twice_commits_nothing_more() {
    check(|check| {
        let cluster = committing(3, 1, 0).fires_first(0, Timer::Election).client(&[0, 1], [Put('x', 1)]).duplicates(1);
        check.explores(
            "three servers, a command, two elections of which the first is n0's, a duplicate",
            cluster,
            ENOUGH,
        )?;
        let cluster = committing(2, 1, 3).client(&[0, 1], [Put('x', 1), Put('x', 2)]).duplicates(1);
        check.explores("two servers, two commands, an election, a duplicate", all_know(cluster), ENOUGH)
    });
}

#[test]
pub fn an_entry_of_an_earlier_term_is_not_counted() {
    check(|check| {
        // Figure 8 at its step (b): n0 led term 2 and told nobody of its entry; then n2 led term 3, and told nobody either.
        let step_b = |cluster: Cluster<Raft, Chronicle>| {
            cluster.saved(0, saved(3, &[1, 2])).saved(1, saved(3, &[1])).saved(2, saved(3, &[1, 3]))
        };
        check.explores("figure 8, from its step (b) on", step_b(committing(3, 2, 1)), 14)?;
        let cluster = step_b(committing(3, 2, 0)).client(&[0], [Put('x', 1)]);
        check.explores("figure 8, and a new command", carries_over(cluster), 12)
    });
}

#[test]
pub fn a_new_command_is_committed() {
    check(|check| {
        // n0 leads and reaches n1, but not n2.
        let cluster = committing(3, 0, 1).split(&[&[0, 1], &[2]]);
        let cluster = cluster.staged(&Schedule::with_timers().fire(0, Timer::Election)).client(&[0], [Put('x', 1)]);
        let cluster = cluster.persistent_clients().leads_to(MAJORITY_IS_ENOUGH, 0, |view| {
            match leaders(view).any(|(_, leader)| knows_a_command(leader)) {
                true => Ok(()),
                false => {
                    Err("n0 leads and n1 holds all of n0's log, but the client's command is not committed.".to_owned())
                }
            }
        });
        check.explores("three servers of which the leader reaches one, a command", cluster, ENOUGH)?;
        let done = |view: &View<'_, Raft, Chronicle>| {
            // A client that was answered asks for nothing more; then there need not be a new command.
            match view.is_finished() || view.servers().all(|(_, server)| knows_a_command(server)) {
                true => Ok(()),
                false => Err(format!(
                    "Not every server knows the client's command to be committed; the highest commit index is {}.",
                    committed(view)
                )),
            }
        };
        let cluster = committing(3, 2, 0).client(&[0, 1, 2], [Put('x', 1)]).drops(1).persistent_clients();
        let cluster = cluster.leads_to(PROGRESS, 4, done);
        check.explores("three servers, a command, two elections, a lost message", cluster, ENOUGH)?;
        let cluster = committing(3, 1, 0).client(&[0, 1, 2], [Put('x', 1)]).restarts(1).persistent_clients();
        let cluster = cluster.leads_to(PROGRESS, 4, done);
        check.explores("three servers, a command, an election, a restart", cluster, ENOUGH)?;
        let cluster = committing(3, 1, 0).client(&[0, 1, 2], [Put('x', 1)]).crashes(1).persistent_clients();
        let cluster = cluster.leads_to(PROGRESS, 4, done);
        check.explores("three servers, a command, an election, a crash", cluster, ENOUGH)
    });
}

fn knows_a_command(server: &Raft) -> bool {
    let known = server.log().entries().iter().take(server.commit_index() as usize);
    known.into_iter().any(|entry| entry.command != Command::Noop)
}

#[test]
pub fn a_follower_commits_only_what_is_known_to_match() {
    check(|check| {
        // n0 holds an entry that the leader of term 2 does not have. A heartbeat speaks of the entry before it.
        let noop = |term| Entry { term, command: Command::Noop };
        let mut follower = Alone::<Raft>::start(3, Some(saved(1, &[1, 1])), &LATER);
        let append = |prev_index, entries, commit_index| Message::AppendEntries {
            term: 2,
            prev_index,
            prev_term: 1,
            entries,
            commit_index,
        };
        follower.receives(NodeId(1), append(1, vec![], 2));
        check.requires(KNOWN_TO_MATCH, follower.commit_index() <= 1, || {
            format!("A heartbeat showed that n0's log matches up to index 1, and that the leader has committed index 2. n0 now \
                     considers index {} committed.", follower.commit_index())
        })?;
        let mut other = Alone::<Raft>::start(3, Some(saved(1, &[1, 1])), &LATER);
        let does_not_fit =
            Message::AppendEntries { term: 3, prev_index: 2, prev_term: 2, entries: vec![], commit_index: 2 };
        other.receives(NodeId(1), does_not_fit);
        check.requires(KNOWN_TO_MATCH, other.commit_index() == 0, || {
            format!(
                "A heartbeat spoke of an entry of term 2 at index 2, where n0 has one of term 1. n0 refused it, but now \
                 considers index {} committed.",
                other.commit_index()
            )
        })?;
        follower.receives(NodeId(1), append(1, vec![noop(2)], 2));
        check.requires(FOLLOWS, follower.commit_index() == 2, || {
            format!(
                "n0 was sent the entry at index 2, and told that index 2 is committed. Its commit index is {}.",
                follower.commit_index()
            )
        })?;
        follower.receives(NodeId(1), append(1, vec![noop(2)], 1));
        check.requires(super::rules::COMMIT_NEVER_FALLS, follower.commit_index() == 2, || {
            format!("n0's commit index was 2. After an old message it is {}.", follower.commit_index())
        })?;
        check.evidence("four messages to a follower: the commit index is what the paper says");
        Ok(())
    });
}

#[test]
pub fn a_follower_commits_what_any_leader_has_committed() {
    check(|check| {
        let cluster = among_leaders(Talk::Commits, 0, &LATER);
        let cluster = cluster.each_transition(TAKES, takes_what_fits);
        let cluster = cluster.each_transition(FOLLOWS, follows_the_commit_index);
        let cluster = cluster.always(KNOWN_TO_MATCH, |view: &View<'_, Raft, Leaders>| {
            let (index, known) = (view.server(NodeId(0)).map_or(0, Raft::commit_index), view.history().known);
            match index <= known {
                true => Ok(()),
                false => Err(format!(
                    "n0 considers its log committed up to index {index}. What leaders have told it, and have shown to match, is \
                     committed only up to index {known}."
                )),
            }
        });
        let knows_all =
            |view: &View<'_, Raft, _>| view.server(NodeId(0)).is_some_and(|server| server.commit_index() == 3);
        let scope = "a follower, and whatever leaders of two terms may send";
        check.exhausts(scope, cluster.sometimes(COMMITS, knows_all))
    });
}

#[test]
pub fn a_reply_of_an_earlier_term_commits_nothing() {
    check(|check| {
        // n0 leads term 3, and takes a command to index 2. Then a reply comes that n1 sent in term 1, when its log was another.
        let mut leader = Alone::<Raft>::start(3, Some(saved(2, &[1])), &LATER);
        leader.fires(Timer::Election);
        leader.receives(NodeId(1), Message::Vote { term: 3, granted: true });
        leader.is_asked(Put('x', 1));
        check.requires(TAKES_COMMANDS, leader.is_leader() && leader.log().last_index() >= 2, || {
            format!(
                "n0 was elected and asked for Put('x', 1). It {}, and its log is {:?}.",
                leads_or_not(&leader),
                leader.log()
            )
        })?;
        let index = leader.log().last_index();
        let matches = |term| Message::AppendReply { term, outcome: Outcome::Matches(index) };
        leader.receives(NodeId(1), matches(1));
        check.requires(OWN_REPLIES, leader.commit_index() == 0, || {
            format!(
                "n0 leads term 3. A reply of term 1 came late, and n0 now considers index {} committed, though no other server \
                 holds it.",
                leader.commit_index()
            )
        })?;
        leader.receives(NodeId(1), matches(3));
        check.requires(MAJORITY_COMMITS, leader.commit_index() == index, || {
            format!(
                "n1 holds n0's log up to index {index}, and said so in term 3. n0's commit index is {}.",
                leader.commit_index()
            )
        })?;
        check.evidence("a reply of an earlier term commits nothing, and one of this term does");
        for (scope, followers) in [
            ("a leader, and whatever its followers may answer", [&[1, 1][..], &[1, 1, 1]]),
            ("a leader, and whatever followers that lack entries may answer", [&[], &[1]]),
        ] {
            let followers = followers.map(|terms| saved(2, terms).log);
            let cluster = timeouts(among_followers(followers, &LATER), 2, 0).saved(0, saved(2, &[1, 2]));
            let cluster = cluster.client(&[0], [Put('x', 1)]).always(followers::COMMITS, commits_what_it_may);
            let commits = |view: &View<'_, Raft, _>| committed(view) > 2;
            check.bounded(scope, cluster.sometimes(COMMITS, commits), 14)?;
        }
        // One follower may be further than the other: what both hold is committed.
        let cluster = timeouts(among_followers([&[], &[]].map(|terms| saved(0, terms).log), &LATER), 1, 1);
        let cluster = cluster.client(&[0], [Put('x', 1)]).client(&[0], [Put('x', 2)]);
        let cluster = cluster.always(followers::COMMITS, commits_what_it_may);
        let scope = "a leader with two commands, and whatever its followers may answer";
        check.bounded(scope, cluster.sometimes(COMMITS, |view| committed(view) > 1), 12)?;
        Ok(())
    });
}

#[test]
pub fn committed_entries_reach_everybody() {
    check(|check| {
        let scope = "three servers, two commands";
        let cluster = committing(3, 1, 1);
        let schedule = Schedule::with_timers().fire(0, Timer::Election).ask(1, 0, Put('x', 1)).ask(2, 0, Put('x', 2));
        let schedule = schedule.fire(0, Timer::Heartbeat).fire(0, Timer::Heartbeat);
        let played = check.drives(ALL_KNOW, scope, cluster, &schedule)?;
        let behind = played
            .view()
            .servers()
            .find(|(_, server)| server.commit_index() < 2)
            .map(|(id, server)| (id, server.commit_index()));
        check.requires_of_run(scope, &played, ALL_KNOW, behind.is_none(), || {
            let (id, index) = behind.expect("a server is behind");
            format!(
                "n0 took two commands, everything arrived, and so did two heartbeats. {id}'s commit index is {index}."
            )
        })?;
        check.evidence(format!("{scope}: each server knows them to be committed after two heartbeats"));
        reach_who_was_away(check)
    });
}

/// n2 is cut off while n0 and n1 commit a command. Then n0 crashes for good, and n1 leads n2, which has nothing.
fn reach_who_was_away(check: &mut Check) -> Proven {
    let scope = "three servers, of which one was away when a command was committed";
    let heartbeats =
        |steps: Schedule<_, _>, server| (0..4).fold(steps, |steps, _| steps.fire(server, Timer::Heartbeat));
    let begun = Schedule::with_timers().cut(0, 2).cut(1, 2).fire(0, Timer::Election).ask(1, 0, Put('x', 1));
    let away = heartbeats(begun, 0).crash(0).heal(1, 2);
    let elected = elected(&away, &[1], |steps| {
        let played = committing(3, 9, 9).play(steps).ok()?;
        Some(played.view().server(NodeId(1)).is_some_and(Raft::is_leader))
    });
    let schedule = heartbeats(elected.ask(2, 1, Put('x', 2)), 1);
    let played = check.drives(ALL_KNOW, scope, committing(3, 9, 9), &schedule)?;
    let view = played.view();
    let known = view.server(NodeId(2)).map_or(0, Raft::commit_index);
    check.requires_of_run(scope, &played, ALL_KNOW, known >= 2, || {
        format!(
            "n0 and n1 committed a command while n2 was cut off. n0 crashed, n1 became leader with n2's vote, took another command, and its \
             heartbeat timer fired four times; everything arrived. n2's commit index is {known}."
        )
    })?;
    check.evidence(format!("{scope}: it has all that is committed once it is back"));
    Ok(())
}
