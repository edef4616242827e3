//! Task `clients`: the replicated map, as clients see it.

use testkit::alone::Alone;
use testkit::check::{Check, Proven, Rule, check};
use testkit::cluster::{Occurrence, View};
use testkit::node::{ClientId, Effect, NodeId, RequestId};
use testkit::schedule::Schedule;
use testkit::simulation::{Faults, Simulation};
use testkit::text::{list, or_nothing};

use super::leaders::{Talk, among_leaders};
use super::rules::{APPLIED, applies_its_log};
use super::servers::{FINISHES, Logged, Watched, busy, finishes, in_time, saved, serving, serving_late};
use super::words;
use crate::subject::raft::log::{Command, Entry};
use crate::subject::raft::message::Message;
use crate::subject::raft::store::Request::{self, Add, Get, Put};
use crate::subject::raft::store::{Response, Value};
use crate::subject::raft::{Raft, Timer};

const PERSISTENCE_PAYS: Rule = Rule::new(
    "a client that asks again is answered",
    "Once messages arrive and timers fire in turn, a client that asks each server again gets its answers.",
    "Ongaro & Ousterhout 2014 (extended version), section 8",
    "1-cap/raft-commit.md#clients",
);

const AT_MOST_ONCE: Rule = Rule::new(
    "at most once",
    "A request is carried out once, however often and however late it arrives again.",
    "Ongaro & Ousterhout 2014 (extended version), section 8; Ongaro 2014, section 6.3",
    "1-cap/raft-commit.md#applied-twice",
);

const SAME_ANSWER: Rule = Rule::new(
    "one answer",
    "A request that arrives again gets the same answer as before, or none.",
    "Ongaro & Ousterhout 2014 (extended version), section 8: the state machine responds without re-executing the request",
    "1-cap/raft-commit.md#applied-twice",
);

const ALL_AT_ONCE: Rule = Rule::new(
    "what is committed is applied",
    "A server applies everything that it knows to be committed, as soon as it knows.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for all servers",
    "1-cap/raft-commit.md#skips-or-reorders",
);

const APPLIES: Rule = Rule::new(
    "entries are applied",
    "There is a run in which a follower applies three entries.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for all servers",
    "1-cap/raft-commit.md#skips-or-reorders",
);

const REDIRECTS: Rule = Rule::new(
    "redirect",
    "A server that does not lead refuses a request at once, and names the leader of its term if it has heard from one.",
    "Ongaro & Ousterhout 2014 (extended version), section 8",
    "1-cap/raft-commit.md#redirect",
);

const FEW_MESSAGES: Rule = Rule::new(
    "messages per command",
    "In a quiet cluster, a command costs a constant number of messages for each follower.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.3: one round of AppendEntries to each follower",
    "1-cap/raft-commit.md#clients",
);

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 10;

#[test]
pub fn every_history_is_linearizable() {
    check(|check| {
        // The same command twice is two requests.
        let cluster = serving::<Raft>(1, 1, 0).client(&[0], [Add('x', 1), Add('x', 1), Get('x')]);
        check.exhausts("one server alone", finishes(cluster))?;
        // A majority of one is no reason to save later.
        let cluster = serving::<Raft>(1, 2, 0).client(&[0], [Add('x', 1), Get('x')]).restarts(1);
        check.exhausts("one server alone, and a restart", finishes(cluster))?;
        // n0 has a command that nobody else holds. n1 leads the next term, and puts another one in its place.
        let alone = Schedule::with_timers().fire(0, Timer::Election).cut(0, 1).cut(0, 2).ask(0, 0, Put('x', 1));
        let replaced = alone.fire(1, Timer::Election).heal(0, 1).heal(0, 2);
        let cluster = serving::<Raft>(3, 0, 1).staged(&replaced).client(&[1], [Get('x')]);
        check.explores("three servers, a leader that is deposed with a command, a reader", cluster, ENOUGH)?;
        let cluster = serving::<Raft>(2, 2, 1).client(&[0, 1], [Put('x', 1), Get('x')]).client(&[0, 1], [Put('x', 2)]);
        check.explores("two servers, two writers of which one reads, two elections", finishes(cluster), ENOUGH)?;
        // n0 leads and has committed a command. What it sends and hears from now on may be late.
        let led = Schedule::with_timers().fire(0, Timer::Election).ask(0, 0, Put('x', 1)).fire(0, Timer::Heartbeat);
        let cluster = serving_late::<Raft>(3, 1, 1).staged(&led).client(&[1], [Put('x', 2)]).client(&[0], [Get('x')]);
        check.bounded("three servers, a leader that has committed, a writer, a reader, an election", cluster, 12)?;
        let cluster = serving::<Raft>(3, 1, 0).fires_first(0, Timer::Election);
        let cluster = cluster.client(&[0, 1], [Put('x', 1)]).client(&[0, 1, 2], [Get('x')]);
        check.bounded("three servers, a writer, a reader, two elections of which the first is n0's", cluster, 13)
    });
}

#[test]
pub fn a_request_that_is_made_again_is_done_once() {
    check(|check| {
        let adding = |elections, heartbeats| serving::<Raft>(2, elections, heartbeats).client(&[0, 1], [Add('x', 1)]);
        let cluster = adding(1, 1).client(&[0, 1], [Add('x', 2)]).retries(1).lost_replies(1);
        let scope = "two servers, two clients that add, an election, a lost reply, a retry";
        check.explores(scope, finishes(cluster), ENOUGH)?;
        let cluster = serving::<Raft>(2, 2, 1).client(&[0, 1], [Add('x', 1), Get('x')]).retries(1).lost_replies(1);
        let scope = "two servers, an addition and a read, two elections, a lost reply, a retry";
        check.explores(scope, finishes(cluster), ENOUGH)?;
        let cluster = adding(2, 0).client(&[0, 1], [Add('x', 2)]).retries(1).restarts(1);
        check.explores("two servers, two clients that add, two elections, a restart, a retry", cluster, ENOUGH)?;
        let cluster = serving::<Raft>(3, 1, 0).fires_first(0, Timer::Election);
        let cluster = cluster.client(&[0, 1], [Add('x', 1)]).retries(1).lost_replies(1);
        check.bounded("three servers, an addition, two elections, a lost reply, a retry", cluster, 13)?;
        repeated_in_the_log(check, Add('x', 1), 9)?;
        repeated_in_the_log(check, Get('x'), 8)?;
        later_than_another(check)
    });
}

/// A request that comes again after those of others, and an earlier one of the same client, whose later one has been answered. Of some
/// numbers a client may have thought better: they never come.
fn later_than_another(check: &mut Check) -> Proven {
    let requests = [
        (1, 0, Put('x', 1)),
        (2, 0, Put('x', 2)),
        (1, 0, Put('x', 1)),
        (1, 3, Put('y', 5)),
        (1, 0, Put('x', 1)),
        (2, 7, Add('x', 10)),
    ];
    let mut saved = saved(1, &[]);
    for (client, number, request) in requests {
        let command = Command::Client { id: RequestId { client: ClientId(client), number }, request };
        saved.log.push(Entry { term: 1, command });
    }
    let log = saved.log.clone();
    let mut server = Alone::<Raft>::start(1, Some(saved), &[]);
    let mut effects = server.fires(Timer::Election);
    for (client, request) in [(3, Get('x')), (4, Get('y'))] {
        effects.extend(server.is_asked_as(RequestId { client: ClientId(client), number: 0 }, request));
    }
    effects.extend(server.fires(Timer::Heartbeat));
    let told = |client: usize, number: usize| {
        effects.iter().filter_map(move |effect| match effect {
            Effect::Reply { to, response } if *to == RequestId { client: ClientId(client), number } => Some(response),
            _ => None,
        })
    };
    let (x, y) = (told(3, 0).next(), told(4, 0).next());
    let fits = x == Some(&Response::Done(12)) && y == Some(&Response::Done(5));
    check.requires(AT_MOST_ONCE, fits, || {
        format!(
            "The log is {log:?}: it has c1's first request again after c2's, and once more after c1's own later one. Asked for \
             x, which should be 12, and y, which should be 5, the only server of its cluster answers {} and {}.",
            or_nothing(x.copied(), words::response),
            or_nothing(y.copied(), words::response)
        )
    })?;
    let mut answers: Vec<&Response> = told(1, 0).collect();
    answers.dedup();
    check.requires(SAME_ANSWER, answers.len() <= 1, || {
        let answers = answers.into_iter().map(|response| words::response(*response));
        format!("The log is {log:?}. c1's first request was answered in different ways: {}.", list(answers, "nothing"))
    })?;
    check.evidence(
        "six entries for four requests, with gaps in the numbers: each is carried out once, and always answered alike",
    );
    Ok(())
}

/// A log in which c8's first request stands three times, the last time behind its `second`: a repetition that was on its way for
/// long. After that, seven other clients' requests follow, twice each. All but the second add one, so x is `sum` in the end.
fn repeated_in_the_log(check: &mut Check, second: Request, sum: Value) -> Proven {
    let others = || (0..7).map(|client| (client, 0));
    let requests = [(7, 0), (7, 0), (7, 1), (7, 0)].into_iter().chain(others()).chain(others());
    let mut saved = saved(1, &[]);
    for (client, number) in requests {
        let request = if number == 0 { Add('x', 1) } else { second };
        let command = Command::Client { id: RequestId { client: ClientId(1 + client), number }, request };
        saved.log.push(Entry { term: 1, command });
    }
    let log = saved.log.clone();
    let mut server = Alone::<Raft>::start(1, Some(saved), &[]);
    server.fires(Timer::Election);
    let mut effects = server.is_asked(Get('x'));
    effects.extend(server.fires(Timer::Heartbeat));
    let told = effects.into_iter().find_map(|effect| match effect {
        Effect::Reply { to, response } if to.client == ClientId(0) => Some(response),
        _ => None,
    });
    check.requires(AT_MOST_ONCE, told == Some(Response::Done(sum)), || {
        format!(
            "Eight clients have made nine requests, for which the log has {} entries, since some were sent again: {log:?}. \
             Asked for x, which should be {sum}, the only server of its cluster answers {}.",
            log.last_index(),
            or_nothing(told, words::response)
        )
    })?;
    check.evidence("nine requests with eighteen entries in the log: each is carried out once");
    Ok(())
}

#[test]
pub fn whoever_asks_again_is_answered() {
    check(|check| {
        let answered = |view: &View<'_, Raft, Watched>| match view.waiting(ClientId(0)) {
            None if view.is_finished() => Ok(()),
            _ => Err("A client has asked every server again, and still has no answer.".to_owned()),
        };
        let cluster = serving::<Raft>(1, 1, 0).client(&[0], [Add('x', 1)]).lost_replies(1).persistent_clients();
        let cluster = cluster.leads_to(PERSISTENCE_PAYS, 1, answered);
        check.explores("one server alone, an addition, a lost reply", cluster, ENOUGH)?;
        let cluster = serving::<Raft>(3, 1, 0).fires_first(0, Timer::Election).client(&[0, 1, 2], [Add('x', 1)]);
        let cluster = cluster.drops(1).persistent_clients().leads_to(PERSISTENCE_PAYS, 4, answered);
        check.explores("three servers, an addition, two elections, a lost message", cluster, ENOUGH)?;
        let cluster = serving::<Raft>(2, 2, 1).client(&[0, 1], [Add('x', 1), Get('x')]).lost_replies(2);
        let cluster = cluster.persistent_clients().leads_to(PERSISTENCE_PAYS, 4, answered);
        check.explores("two servers, an addition and a read, two elections, two lost replies", cluster, ENOUGH)?;
        let cluster = serving::<Raft>(2, 2, 0).client(&[0, 1], [Add('x', 1), Get('x')]).persistent_clients();
        let cluster = cluster.restarts(1).leads_to(PERSISTENCE_PAYS, 4, answered);
        check.explores("two servers, an addition and a read, two elections, a restart", cluster, ENOUGH)
    });
}

#[test]
pub fn what_is_committed_at_once_is_answered_at_once() {
    check(|check| {
        // n0 holds an entry of term 1 that n1 lacks. It leads term 2, and the next command commits both.
        let scope = "a command that is committed together with one of an earlier term";
        let schedule = Schedule::with_timers().fire(0, Timer::Election).fire(0, Timer::Heartbeat);
        let schedule = schedule.ask(0, 0, Add('x', 2)).fire(0, Timer::Heartbeat).fire(0, Timer::Heartbeat);
        let played = check.drives(ALL_AT_ONCE, scope, serving::<Raft>(2, 1, 3).saved(0, saved(1, &[1])), &schedule)?;
        let answered = played.view().answered(ClientId(0));
        check.requires_of_run(scope, &played, ALL_AT_ONCE, answered == 1, || {
            "n0 leads, everything arrives, and two heartbeats have followed c0's command, but it is not answered."
                .to_owned()
        })?;
        check.evidence(format!("{scope}: it is answered"));
        Ok(())
    });
}

#[test]
pub fn a_followers_store_is_what_its_log_leads_to() {
    check(|check| {
        let cluster = among_leaders(Talk::Commits, 1, &[]).restarts(1).each_transition(APPLIED, applies_its_log);
        let applies_all = |view: &View<'_, Raft, _>| view.server(NodeId(0)).is_some_and(|server| server.applied() == 3);
        let scope = "a follower, and whatever leaders of two terms may send";
        check.exhausts(scope, cluster.sometimes(APPLIES, applies_all))
    });
}

#[test]
pub fn a_server_that_does_not_lead_says_who_does() {
    check(|check| {
        let mut server = Alone::<Raft>::start(3, None, &[]);
        let told = ask(&mut server, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: None }), || {
            format!("n0 has just started and was asked Get('x'). It answers {}.", or_nothing(told, words::response))
        })?;
        let heartbeat =
            Message::AppendEntries { term: 1, prev_index: 0, prev_term: 0, entries: vec![], commit_index: 0 };
        server.receives(NodeId(2), heartbeat.clone());
        let told = ask(&mut server, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: Some(NodeId(2)) }), || {
            format!(
                "n0 has heard from n2, the leader of its term, and was asked Get('x'). It answers {}.",
                or_nothing(told, words::response)
            )
        })?;
        let mut candidate = Alone::<Raft>::start(3, None, &[]);
        candidate.fires(Timer::Election);
        candidate.receives(NodeId(2), heartbeat);
        let told = ask(&mut candidate, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: Some(NodeId(2)) }), || {
            format!(
                "n0 was a candidate when it heard from n2, the leader of its term. Asked Get('x'), it answers {}.",
                or_nothing(told, words::response)
            )
        })?;
        server.receives(NodeId(1), Message::Vote { term: 2, granted: false });
        let told = ask(&mut server, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: None }), || {
            format!(
                "n0 has entered term 2, whose leader it does not know, and was asked Get('x'). It answers {}.",
                or_nothing(told, words::response)
            )
        })?;
        // It votes for n1, which need not become the leader.
        server.receives(NodeId(1), Message::RequestVote { term: 2, last_index: 0, last_term: 0 });
        let told = ask(&mut server, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: None }), || {
            format!(
                "n0 has voted for n1, but has not heard from n1 as a leader. Asked Get('x'), it answers {}.",
                or_nothing(told, words::response)
            )
        })?;
        let heard = Message::AppendEntries { term: 2, prev_index: 0, prev_term: 0, entries: vec![], commit_index: 0 };
        server.receives(NodeId(2), heard);
        server.fires(Timer::Election);
        let told = ask(&mut server, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: None }), || {
            format!(
                "n0 is a candidate in term 3, whose leader it does not know, and was asked Get('x'). It answers {}.",
                or_nothing(told, words::response)
            )
        })?;
        server.receives(NodeId(1), Message::Vote { term: 3, granted: true });
        server.receives(NodeId(1), Message::Vote { term: 4, granted: false });
        let told = ask(&mut server, Get('x'));
        check.requires(REDIRECTS, told == Some(Response::NotLeader { leader: None }), || {
            format!(
                "n0 led term 3 until it heard of term 4, whose leader it does not know. Asked Get('x'), it answers {}.",
                or_nothing(told, words::response)
            )
        })?;
        check
            .evidence("seven requests to servers that do not lead: each names the leader of its term, if it knows one");
        Ok(())
    });
}

fn ask(server: &mut Alone<Raft>, request: Request) -> Option<Response> {
    server.is_asked(request).into_iter().find_map(|effect| match effect {
        Effect::Reply { response, .. } => Some(response),
        _ => None,
    })
}

#[test]
pub fn a_command_costs_few_messages() {
    check(|check| {
        let (size, commands) = (5, 50);
        let scope = "five servers, fifty commands one after the other";
        let cluster = serving::<Raft>(size, 1, 1);
        let schedule = Schedule::with_timers().fire(0, Timer::Election);
        let schedule =
            (0..commands).fold(schedule, |schedule, _| schedule.ask(0, 0, Add('x', 1)).fire(0, Timer::Heartbeat));
        let played = check.drives(FINISHES, scope, cluster, &schedule)?;
        let messages = played.count(|step| matches!(step, Occurrence::Deliver { .. }));
        let answered = played.view().answered(ClientId(0));
        check.requires_of_run(scope, &played, FINISHES, answered == commands, || {
            format!("n0 leads, everything arrives, and a heartbeat follows each command. {answered} of {commands} were answered.")
        })?;
        // One round for the command, one that says it is committed, and the heartbeat's, each with its replies.
        let enough = commands * (size - 1) * 6 + 4 * size;
        check.requires_of_run(scope, &played, FEW_MESSAGES, messages <= enough, || {
            format!("{commands} commands took {messages} messages. Three rounds for each would be {enough}.")
        })?;
        check.evidence(format!("{scope}: {messages} messages, heartbeats included"));
        Ok(())
    });
}

#[test]
pub fn long_runs_are_linearizable() {
    check(|check| {
        let slow = Faults { lost: 20, duplicated: 20, flaps: 12, slow: Some(4), ..Faults::default() };
        check.simulates("five servers, flapping links and a slow server", long_run(slow), 0..70)?;
        let apart = Faults { partitions: 4, restarts: 4, duplicated: 20, ..Faults::default() };
        check.simulates("five servers, long partitions and restarts", long_run(apart), 0..70)?;
        let crashes = Faults { crashes: 2, partitions: 2, lost: 20, ..Faults::default() };
        check.simulates("five servers, two crashes and partitions", long_run(crashes), 0..70)
    });
}

fn long_run(faults: Faults) -> Simulation<Raft, Logged<Raft>> {
    in_time(busy(), faults)
}
