//! Task `host`: nothing leaves before what it promises is on the disk.

use std::sync::Arc;

use testkit::check::{Check, Proven, Rule, check};
use testkit::cluster::{History, View};
use testkit::disk::{Disk, Faulty, Memory, Trouble};
use testkit::node::{ClientId, Effect, Membership, Node, NodeId, Outbox, RequestId};

use super::entries::put;
use super::machine::Machine;
use super::raft::all_have_caught_up;
use super::raft::servers::{Server, finishes, serving, somebody_leads};
use super::raft::words as raft_words;
use super::words;
use crate::subject::host::{Host, Input, Output};
use crate::subject::raft::log::{Index, Log, Term};
use crate::subject::raft::message::{self, Outcome};
use crate::subject::raft::store::Request::{Add, Get, Put};
use crate::subject::raft::store::Response;
use crate::subject::raft::{self, Timer};
use crate::subject::snapshot::{Compacting, Durable, Message};
use crate::subject::storage::Storage;

const BACKED: Rule = Rule::new(
    "nothing leaves before it is on the disk",
    "When a vote or a match leaves, the disk holds what it promises, whatever a crash may take.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2: \"updated on stable storage before responding to RPCs\"",
    "2-failures/remember.md#before-anything-leaves",
);

const GOES_ON: Rule = Rule::new(
    "a server continues where it was",
    "A server that restarts has the term, the vote, the log and the snapshot that it had made durable.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, persistent state on all servers",
    "2-failures/remember.md#before-anything-leaves",
);

const RECOVERS: Rule = Rule::new(
    "a cluster recovers",
    "Once messages arrive and timers fire in turn, a server leads and every client is answered, even after servers have \
     restarted.",
    "Ongaro & Ousterhout 2014 (extended version), section 5.2",
    "2-failures/remember.md#before-anything-leaves",
);

const SILENT: Rule = Rule::new(
    "a server whose disk has failed is silent",
    "Once the disk has refused an operation, the error is passed on, nothing leaves, and no later event is answered.",
    "Rebello et al. 2020, section 3.3: after a failed fsync only what was durable before can be relied on",
    "2-failures/remember.md#silent",
);

const IN_ORDER: Rule = Rule::new(
    "what leaves is what the server wants, in its order",
    "All that the server wants sent, armed and answered leaves, in the order in which the server wants it.",
    "contract of `Host::handle`",
    "2-failures/remember.md#before-anything-leaves",
);

const ONE_SYNC: Rule = Rule::new(
    "one sync for many events",
    "Events that come in together share one sync, and events that change nothing durable cost none.",
    "Ongaro 2014, section 10.2.2: batching; Spiro, Joshi & Rengarajan 1991: group commit",
    "2-failures/remember.md#one-sync",
);

/// How many steps are enough to look at where a program has more states than the reference.
const ENOUGH: usize = 9;

#[test]
pub fn what_was_promised_survives_every_crash() {
    check(|check| {
        let cluster = serving::<Machine<1>>(1, 2, 0).client(&[0], [Put('x', 1), Add('x', 1)]).client(&[0], [Get('x')]);
        let cluster = finishes(cluster.restarts(1).retries(1).lost_replies(1)).persistent_clients();
        let cluster = cluster.leads_to(RECOVERS, 4, all_are_answered);
        let scope = "one server alone, a writer and a reader, two elections, a restart, a retry, a lost reply";
        check.explores(scope, cluster.leads_to(RECOVERS, 3, somebody_leads), ENOUGH)?;
        let cluster = serving::<Machine<1>>(3, 2, 0).restarts(1);
        check.explores(
            "three servers, two elections, a restart",
            cluster.leads_to(RECOVERS, 3, somebody_leads),
            ENOUGH,
        )?;
        let cluster = serving::<Machine<1>>(2, 2, 1).client(&[0, 1], [Put('x', 1), Get('x')]).restarts(1);
        check.explores("two servers, a writer who reads, two elections, a restart", finishes(cluster), ENOUGH)?;
        let cluster = serving::<Machine<1>>(2, 2, 0).client(&[0, 1], [Add('x', 1)]).restarts(2).retries(1);
        let scope = "two servers that hold one applied entry, an addition, two elections, two restarts, a retry";
        check.explores(scope, finishes(cluster.leads_to(RECOVERS, 3, somebody_leads)), ENOUGH)?;
        let cluster = serving::<Machine<1>>(3, 1, 0).fires_first(0, Timer::Election).client(&[0], [Put('x', 1)]);
        let cluster = cluster.client(&[1, 2], [Get('x')]).restarts(1);
        check.bounded(
            "three servers, a writer and a reader, two elections of which the first is n0's, a restart",
            cluster,
            10,
        )?;
        let cluster = serving::<Machine<1>>(3, 1, 1)
            .client(&[0, 1, 2], [Add('x', 1)])
            .restarts(1)
            .fires_first(0, Timer::Election);
        let cluster = cluster.leads_to(RECOVERS, 4, all_have_caught_up);
        check.bounded("three servers that hold one applied entry, an addition, two elections, a restart", cluster, 9)
    });
}

/// Every client got all of its answers.
fn all_are_answered<N: Server, H: History<N>>(view: &View<'_, N, H>) -> Result<(), String> {
    if view.is_finished() { Ok(()) } else { Err("A client waits for an answer.".to_owned()) }
}

const ME: Membership = Membership { id: NodeId(0), size: 3 };

fn from(from: usize, message: message::Message) -> Input {
    Input::Message { from: NodeId(from), message: Message::Raft(message) }
}

fn wants_vote(candidate: usize, term: Term, last_index: Index, last_term: Term) -> Input {
    from(candidate, message::Message::RequestVote { term, last_index, last_term })
}

/// Entries of `term` behind `prev_index`, as many as `count`, of which those up to `commit_index` are committed. The first entry of all is
/// of term 1.
fn entries(leader: usize, term: Term, prev_index: Index, count: usize, commit_index: Index) -> Input {
    let put = |number: usize| put(term, (0, prev_index as usize + number), number as i64);
    let prev_term = if prev_index < 2 { prev_index } else { term };
    let entries = (0..count).map(put).collect();
    from(leader, message::Message::AppendEntries { term, prev_index, prev_term, entries, commit_index })
}

/// What a server goes through: votes, entries, entries that replace others, so many that the log is cut, an election of its own.
fn conversation() -> Vec<Input> {
    vec![
        wants_vote(1, 1, 0, 0),
        wants_vote(2, 1, 0, 0),
        entries(1, 1, 0, 2, 0),
        entries(1, 1, 2, 1, 1),
        wants_vote(2, 2, 0, 0),
        wants_vote(2, 3, 9, 2),
        entries(2, 3, 1, 0, 1),
        entries(2, 3, 1, 1, 1),
        entries(2, 3, 2, 7, 1),
        entries(2, 3, 9, 3, 12),
        Input::Timeout { timer: Timer::Election },
        from(2, message::Message::Vote { term: 4, granted: true }),
        Input::Request { id: RequestId { client: ClientId(5), number: 0 }, request: Add('x', 1) },
        wants_vote(1, 6, 99, 5),
        // It follows again, and answers one client more than once in a batch.
        Input::Request { id: RequestId { client: ClientId(5), number: 1 }, request: Add('x', 1) },
        Input::Request { id: RequestId { client: ClientId(5), number: 2 }, request: Add('x', 1) },
    ]
}

#[test]
pub fn nothing_leaves_before_it_is_on_the_disk() {
    check(|check| {
        let (mut promises, inputs) = (0, conversation());
        for apart in [1, 2, inputs.len()] {
            let (mut host, outputs) = start::<4, _>(check, Memory::new())?;
            let mut alone = Outbox::new();
            let mut server = Compacting::<4>::start(ME, None, &mut alone);
            in_order(check, "it was started", outputs, alone)?;
            for batch in inputs.chunks(apart) {
                let outputs = handled(check, &mut host, batch)?;
                let mut alone = Outbox::new();
                batch.iter().for_each(|input| hand(&mut server, input.clone(), &mut alone));
                in_order(check, &format!("it was handed {}", words::inputs(batch)), outputs.clone(), alone)?;
                let left = Storage::open(host.disk().after_crash()).map(|(_, left)| left).unwrap_or_default();
                for output in &outputs {
                    promises += usize::from(is_backed(check, batch, output, left.as_ref())?);
                }
            }
        }
        check.evidence(format!("{promises} votes and matches, each of them on the disk"));
        Ok(())
    });
}

/// Hands an event to a server without a disk.
fn hand(server: &mut Compacting<4>, input: Input, out: &mut Outbox<Compacting<4>>) {
    match input {
        Input::Message { from, message } => server.on_message(from, message, out),
        Input::Timeout { timer } => server.on_timer(timer, out),
        Input::Request { id, request } => server.on_request(id, request, out),
    }
}

/// What leaves is what a server without a disk wants.
fn in_order(check: &mut Check, when: &str, outputs: Vec<Output>, alone: Outbox<Compacting<4>>) -> Proven {
    let output = |effect| match effect {
        Effect::Save { .. } => None,
        Effect::Send { to, message } => Some(Output::Send { to, message }),
        Effect::Arm { timer } => Some(Output::Arm { timer }),
        Effect::Disarm { timer } => Some(Output::Disarm { timer }),
        Effect::Reply { to, response } => Some(Output::Reply { to, response }),
    };
    let wanted: Vec<Output> = alone.into_effects().into_iter().filter_map(output).collect();
    check.requires(IN_ORDER, outputs == wanted, || {
        let (wanted, outputs) = (words::outputs(&wanted), words::outputs(&outputs));
        format!("When {when}, n0's server wants this done: {wanted}. What leaves is: {outputs}.")
    })
}

/// Is what leaves a promise? Then the disk must hold it.
fn is_backed(
    check: &mut Check,
    batch: &[Input],
    output: &Output,
    left: Option<&Durable>,
) -> Result<bool, Box<testkit::check::Failure>> {
    let Output::Send { to, message: Message::Raft(message) } = output else { return Ok(false) };
    let raft = left.map(|left| &left.raft);
    let term = raft.map_or(0, |raft| raft.term);
    let voted = |id: NodeId| raft.is_some_and(|raft| raft.term > message.term() || raft.voted_for == Some(id));
    let holds = match message {
        message::Message::Vote { granted: true, .. } => voted(*to),
        message::Message::AppendReply { outcome: Outcome::Matches(index), .. } => {
            raft.is_some_and(|raft| raft.log.last_index() >= *index)
        }
        _ => return Ok(false),
    };
    check.requires(BACKED, holds && term >= message.term(), || {
        format!(
            "n0 was handed {}, and sends {to} {}. If the power fails now, n0 restarts with {}: it does not know what it has \
             promised.",
            words::inputs(batch),
            raft_words::message(message),
            words::durable(left)
        )
    })?;
    Ok(true)
}

type Started<const LIMIT: Index, D> = Result<(Host<D, LIMIT>, Vec<Output>), Box<testkit::check::Failure>>;

fn start<const LIMIT: Index, D: Disk>(check: &mut Check, disk: D) -> Started<LIMIT, D> {
    let started = Host::start(ME, disk);
    check.requires(GOES_ON, started.is_ok(), || {
        let error = started.as_ref().err().map(ToString::to_string).unwrap_or_default();
        format!("Nothing is wrong with the disk, but `start` says: {error}.")
    })?;
    started.map_err(|_| unreachable!("it was required that it starts"))
}

fn handled<const LIMIT: Index, D: Disk>(
    check: &mut Check,
    host: &mut Host<D, LIMIT>,
    batch: &[Input],
) -> Result<Vec<Output>, Box<testkit::check::Failure>> {
    let handled = host.handle(batch.to_vec());
    check.requires(BACKED, handled.is_ok(), || {
        let error = handled.as_ref().err().map(ToString::to_string).unwrap_or_default();
        format!("Nothing is wrong with the disk. n0 was handed {}, but `handle` says: {error}.", words::inputs(batch))
    })?;
    handled.map_err(|_| unreachable!("it was required that it is handled"))
}

#[test]
pub fn a_server_goes_on_where_it_was() {
    check(|check| {
        let disk = Faulty::new();
        let (mut host, outputs) = start::<4, _>(check, disk.clone())?;
        waits(check, &outputs)?;
        for input in conversation() {
            handled(check, &mut host, std::slice::from_ref(&input))?;
            let (again, outputs) = start::<4, _>(check, disk.copy())?;
            waits(check, &outputs)?;
            let (before, after) = (host.server().compacting(), again.server().compacting());
            let same =
                essence(before) == essence(after) && is_whole(after) && agree(before.raft().log(), after.raft().log());
            check.requires(GOES_ON, same, || {
                format!(
                    "n0 was handed {}. Then it has {}. After a restart it has {}: term, vote, log and snapshot should be the \
                     same.",
                    words::inputs(std::slice::from_ref(&input)),
                    words::durable(Some(&memory(before))),
                    words::durable(Some(&memory(after)))
                )
            })?;
        }
        check.evidence("a server that restarts after each of its events");
        Ok(())
    });
}

/// What a server would save.
fn memory<const LIMIT: Index>(server: &Compacting<LIMIT>) -> Durable {
    Durable { snapshot: server.snapshot().cloned().map(Arc::new), raft: server.raft().durable() }
}

/// What a server must know again, whatever it keeps of its log's beginning.
fn essence<const LIMIT: Index>(server: &Compacting<LIMIT>) -> (Term, Option<NodeId>, Index, Term) {
    let raft::Durable { term, voted_for, log } = server.raft().durable();
    (term, voted_for, log.last_index(), log.last_term())
}

/// Does a snapshot cover what the log does not hold?
fn is_whole<const LIMIT: Index>(server: &Compacting<LIMIT>) -> bool {
    server.snapshot().map_or(0, |snapshot| snapshot.index) >= server.raft().log().start().index
}

/// Are two logs the same as far as both hold them?
fn agree(one: &Log, other: &Log) -> bool {
    one.iter().all(|(index, entry)| other.entry(index).is_none_or(|other| other == entry))
}

/// A server that starts waits for a leader.
fn waits(check: &mut Check, outputs: &[Output]) -> Proven {
    let waits = outputs.contains(&Output::Arm { timer: Timer::Election });
    check.requires(GOES_ON, waits, || {
        format!("n0 has started, but does not arm its election timer. It wants this done: {}.", words::outputs(outputs))
    })
}

#[test]
pub fn a_server_whose_disk_has_failed_is_silent() {
    check(|check| {
        let mut failures = 0;
        let among_others = (ME, conversation());
        let alone = (Membership { id: NodeId(0), size: 1 }, monologue());
        for (me, inputs) in [among_others, alone] {
            for trouble in [Trouble::FailedSync, Trouble::Full, Trouble::Crash] {
                for moment in 1.. {
                    let disk = Faulty::new().with(trouble(moment));
                    fails_and_is_silent(check, &disk, me, &inputs)?;
                    if !disk.has_struck() {
                        break;
                    }
                    failures += 1;
                }
            }
        }
        check.evidence(format!("{failures} moments at which the disk refuses an operation"));
        Ok(())
    });
}

/// What the only server of a cluster goes through: it leads at once, and each request is done when its disk has it.
fn monologue() -> Vec<Input> {
    let asks = |number| {
        let id = RequestId { client: ClientId(5), number };
        Input::Request { id, request: [Add('x', 1), Get('x')][number % 2] }
    };
    [Input::Timeout { timer: Timer::Election }].into_iter().chain((0..12).map(asks)).collect()
}

fn fails_and_is_silent(check: &mut Check, disk: &Faulty, me: Membership, inputs: &[Input]) -> Proven {
    let Ok((mut host, _)) = Host::<_, 4>::start(me, disk.clone()) else { return Ok(()) };
    let mut had_failed = disk.has_struck();
    for input in inputs {
        let handled = host.handle([input.clone()]);
        let has_failed = disk.has_struck();
        check.requires(SILENT, handled.is_err() || !has_failed, || {
            let when =
                if had_failed { "The disk had refused an operation before" } else { "The disk refused an operation" };
            let (input, left) = (words::inputs(std::slice::from_ref(input)), handled.as_deref().unwrap_or_default());
            format!(
                "n0 was handed {input}. {when}, and `handle` returns no error. What leaves is: {}.",
                words::outputs(left)
            )
        })?;
        had_failed = has_failed;
    }
    Ok(())
}

#[test]
pub fn many_events_cost_one_sync() {
    check(|check| {
        let disk = Faulty::new();
        let (mut host, _) = start::<10_000, _>(check, disk.clone())?;
        let mut batch = vec![wants_vote(1, 1, 0, 0)];
        batch.extend((0..100).map(|number| entries(1, 1, number, 1, number)));
        let before = disk.syncs();
        let outputs = handled(check, &mut host, &batch)?;
        let syncs = disk.syncs() - before;
        let answers = outputs.iter().filter(|output| matches!(output, Output::Send { .. })).count();
        check.requires(IN_ORDER, answers == batch.len(), || {
            format!(
                "n0 was handed {} messages at once, each of which wants an answer, but it has sent {answers}.",
                batch.len()
            )
        })?;
        check.requires(ONE_SYNC, (1..=2).contains(&syncs), || {
            format!(
                "n0 was handed a request for its vote and 100 entries at once. That cost {syncs} syncs; one is enough."
            )
        })?;
        let before = disk.operations();
        let idle: Vec<Input> = (0..10).map(|_| entries(1, 1, 100, 0, 100)).collect();
        handled(check, &mut host, &idle)?;
        let operations = disk.operations() - before;
        check.requires(ONE_SYNC, operations == 0, || {
            format!("Ten heartbeats that bring nothing new cost {operations} operations on the disk.")
        })?;
        let told = |outputs: &[Output]| {
            outputs.iter().any(|output| matches!(output, Output::Reply { response: Response::NotLeader { .. }, .. }))
        };
        let asked = [Input::Request { id: RequestId { client: ClientId(0), number: 0 }, request: Get('x') }];
        let outputs = handled(check, &mut host, &asked)?;
        check.requires(IN_ORDER, told(&outputs), || {
            format!("n0 does not lead, and a client asks it. What leaves is: {}.", words::outputs(&outputs))
        })?;
        check.evidence(format!("101 events at once: {syncs} sync; 10 that bring nothing new: none"));
        Ok(())
    });
}
