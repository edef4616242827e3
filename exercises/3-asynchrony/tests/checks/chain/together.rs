//! All of it at once: scenes that nobody has thought of, and what should come of them by the contract.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::check::{Check, Failure, check};
use tokio::time::{Instant, timeout_at};

use super::drawn::Scene;
use super::expected::{Call, Client, Manner, Outcomes, expected};
use super::handed::Handed;
use super::rules::{CLOSED, ENDS, FINISHED, PARTS};
use super::scenes::{joined, scene};
use super::services::{End, Service, Stage, Told, line, story, tail};
use crate::subject::chain::listen::Answers;
use crate::subject::chain::message::{Reply, Request};
use crate::subject::time::Millis;

/// How many scenes are drawn.
const SCENES: u64 = 6_000;

/// How often each is played, since code may draw at random in a `select!`.
const TIMES: usize = 2;

/// So many milliseconds after it was drained, a gateway is drained once more.
const AGAIN: Millis = 7;

/// A difference between what should be and what is: the rule, and the words.
type Difference = (testkit::check::Rule, String);

#[test]
pub fn the_parts_decide_whatever_comes() {
    check(|check| {
        let (mut decided, mut calls) = (0, 0);
        for seed in 0..SCENES {
            let scene = Scene::new(seed);
            let Some(made) = try_out(check, &scene)? else { continue };
            decided += 1;
            calls += made;
        }
        check.evidence(format!("{decided} scenes drawn at random, {TIMES} times each, with {calls} calls"));
        Ok(())
    });
}

/// Plays a scene, and if it does not end as it should, the smallest one in it that does not. Says how many calls there are; nothing if it is
/// not decided what should be.
fn try_out(check: &mut Check, scene: &Scene) -> Result<Option<usize>, Box<Failure>> {
    let Some(expected) = Both::expected(scene) else { return Ok(None) };
    for _ in 0..TIMES {
        if differs(check, scene, &expected)?.is_some() {
            let (scene, (rule, difference)) = smallest(check, scene, &expected)?;
            check.requires(rule, false, || format!("{difference}\n{scene}"))?;
        }
    }
    Ok(Some(expected[0].lines.calls.len()))
}

/// Leaves out of a scene whatever can be left out.
fn smallest(check: &mut Check, scene: &Scene, expected: &[Both]) -> Result<(Scene, Difference), Box<Failure>> {
    let mut smallest = (scene.clone(), differs(check, scene, expected)?);
    'smaller: loop {
        for scene in smallest.0.smaller().collect::<Vec<_>>() {
            let Some(expected) = Both::expected(&scene) else { continue };
            for _ in 0..TIMES {
                if let Some(difference) = differs(check, &scene, &expected)? {
                    smallest = (scene, Some(difference));
                    continue 'smaller;
                }
            }
        }
        break;
    }
    let (scene, difference) = smallest;
    Ok((scene, difference.unwrap_or((PARTS, "Played once more, this scene ended as it should.".to_owned()))))
}

/// What should come of a scene, or did.
#[derive(Debug)]
struct Both {
    lines: Outcomes,
    tails: Outcomes,
}

impl Both {
    /// All that may be: one for each [`Manner`].
    fn expected(scene: &Scene) -> Option<Vec<Both>> {
        let of = |clients, manner| expected(&scene.settings, clients, scene.drain, manner);
        Manner::all()
            .map(|manner| Some(Both { lines: of(&scene.lines, manner)?, tails: of(&scene.tails, manner)? }))
            .collect()
    }

    /// When the gateway is drained: when both paths are, and both who drain it have begun.
    fn drained(&self, scene: &Scene) -> Option<Millis> {
        self.lines.drained.max(self.tails.drained).max(scene.drain.map(|at| at + AGAIN))
    }
}

/// Plays a scene. Says in what it differs from what should be.
fn differs(check: &mut Check, drawn: &Scene, all: &[Both]) -> Result<Option<Difference>, Box<Failure>> {
    let [enrich, tails] = [&drawn.lines, &drawn.tails].map(|clients| service(clients));
    let how = || format!("When all is over, something is left.\n{drawn}");
    let played = scene(check, &how(), &drawn.settings, [&enrich, &tails], |stage| play(stage, drawn.clone()))?;
    let [lines, tailed] = [(played.lines, &enrich), (played.tails, &tails)].map(|(told, service)| Outcomes {
        told,
        calls: seen(service),
        drained: None,
    });
    let is_right = |both: &&Both| {
        let same = |one: &Outcomes, other: &Outcomes| one.told == other.told && one.calls == other.calls;
        same(&both.lines, &lines) && same(&both.tails, &tailed) && both.drained(drawn) == played.drained
    };
    if all.iter().any(|both| is_right(&both)) {
        return Ok(None);
    }
    let right = &all[0];
    let of_lines = || difference("line", &drawn.lines, &right.lines, &lines, &enrich);
    let of_tails = || difference("tail of", &drawn.tails, &right.tails, &tailed, &tails);
    let of_drain = || {
        let words = |at: Option<Millis>| at.map_or("never".to_owned(), |at| format!("at {at} ms"));
        let (right, is) = (words(right.drained(drawn)), words(played.drained));
        (
            FINISHED,
            format!(
                "Two who drain the gateway, {AGAIN} ms apart, should have been told {right} at the latest, and were told {is}."
            ),
        )
    };
    Ok(Some(of_lines().or_else(of_tails).unwrap_or_else(of_drain)))
}

/// A service that does with the calls of each client what is drawn for it.
fn service(clients: &[Client]) -> Service {
    let clients: BTreeMap<u64, Client> = clients.iter().map(|client| (client.number, client.clone())).collect();
    let mut made: BTreeMap<u64, usize> = BTreeMap::new();
    Service::new(move |called| {
        let number = number(&called.request);
        let count = made.entry(number).or_default();
        *count += 1;
        let (takes, reply) = clients.get(&number).map_or((1, Reply::Refused), |client| client.call(*count - 1));
        let is_good_tail = reply == Reply::Stored && matches!(called.request, Request::Tail { .. });
        (takes, if is_good_tail { Reply::Lines(Vec::new()) } else { reply })
    })
}

fn number(request: &Request) -> u64 {
    match request {
        Request::Line { key, .. } => *key,
        Request::Tail { tenant } => *tenant,
    }
}

struct Played {
    lines: Vec<Option<Told>>,
    tails: Vec<Option<Told>>,
    drained: Option<Millis>,
}

async fn play(stage: Stage, scene: Scene) -> Played {
    let ask = |clients: &[Client], request: fn(u64) -> Request| {
        let each =
            clients.iter().map(|client| tokio::spawn(asks(stage.clone(), request(client.number), client.clone())));
        each.collect::<Vec<_>>()
    };
    let (lines, tails) = (ask(&scene.lines, line), ask(&scene.tails, tail));
    // It is drained twice, as when an operator gets impatient. Whoever drains it is told when it is done.
    let drains = scene.drain.into_iter().flat_map(|at| [at, at + AGAIN]).map(|at| {
        let stage = stage.clone();
        tokio::spawn(async move {
            stage.until(at).await;
            Handed::new(stage.gateway.drain()).await;
            stage.now()
        })
    });
    let drains: Vec<_> = drains.collect();
    let mut played = Played { lines: Vec::new(), tails: Vec::new(), drained: None };
    for line in lines {
        played.lines.push(joined(line).await);
    }
    for tail in tails {
        played.tails.push(joined(tail).await);
    }
    for drain in drains {
        played.drained = played.drained.max(Some(joined(drain).await));
    }
    played
}

/// A client. It says nothing if it leaves.
async fn asks(stage: Stage, request: Request, client: Client) -> Option<Told> {
    stage.until(client.comes).await;
    let deadline = Instant::now() + Duration::from_millis(client.patience);
    let answer = Handed::new(stage.gateway.answer(request, deadline));
    let reply = match client.leaves {
        Some(leaves) => timeout_at(Instant::now() + Duration::from_millis(leaves - client.comes), answer).await.ok()?,
        None => answer.await,
    };
    let reply = if matches!(reply, Reply::Lines(_)) { Reply::Stored } else { reply };
    Some(Told { reply, at: stage.now() })
}

/// For a tail, lines are what `Stored` is for a line.
fn as_stored(end: End) -> End {
    match end {
        End::Answered(Reply::Lines(_)) => End::Answered(Reply::Stored),
        end => end,
    }
}

/// The calls that a service has seen, by the moments at which they began.
fn seen(service: &Service) -> Vec<Call> {
    let mut calls: Vec<Call> = service
        .calls()
        .into_iter()
        .filter_map(|called| {
            let (end, until) = called.end?;
            Some(Call { client: number(&called.request), at: called.at, left: called.left, end: as_stored(end), until })
        })
        .collect();
    calls.sort_by_key(|call| (call.at, call.client));
    calls
}

fn difference(
    what: &str,
    clients: &[Client],
    right: &Outcomes,
    is: &Outcomes,
    service: &Service,
) -> Option<Difference> {
    let first = |calls: &[Call], others: &[Call]| calls.iter().find(|call| !others.contains(call)).cloned();
    let (missing, added) = (first(&right.calls, &is.calls), first(&is.calls, &right.calls));
    let told = right.told.iter().zip(&is.told).zip(clients).find(|((right, is), _)| right != is);
    let at = |call: &Option<Call>| call.as_ref().map_or(Millis::MAX, |call| call.at);
    let at_told = told.as_ref().map_or(Millis::MAX, |((right, is), _)| {
        right.iter().chain(is.iter()).map(|told| told.at).min().unwrap_or(Millis::MAX)
    });
    let tells = || {
        let ((right, is), client) = told?;
        let words = |told: &Option<Told>| match told {
            Some(Told { reply, at }) => format!("{reply:?} at {at} ms"),
            None => "nothing, since it has left".to_owned(),
        };
        let rule = match (right, is) {
            (Some(Told { reply: Reply::Closing, .. }), _) | (_, Some(Told { reply: Reply::Closing, .. })) => CLOSED,
            (Some(Told { reply: Reply::TooLate, .. }), _) => ENDS,
            _ => PARTS,
        };
        Some((
            rule,
            format!(
                "{what} {} should be told {}, and is told {}.{}",
                client.number,
                words(right),
                words(is),
                story(service)
            ),
        ))
    };
    let calls = |call: &Call| {
        let Call { client, at, left, end, until } = call;
        let end = match end {
            End::Answered(reply) => format!("told {reply:?}"),
            End::Dropped => "dropped".to_owned(),
        };
        format!("{what} {client} called at {at} ms, with {left} ms left, and {end} at {until} ms")
    };
    if at_told <= at(&missing).min(at(&added)) {
        return tells();
    }
    let words = match (missing, added) {
        (Some(missing), Some(added)) => format!("There should be: {}. There is: {}.", calls(&missing), calls(&added)),
        (Some(missing), None) => format!("There should be, and is not: {}.", calls(&missing)),
        (None, Some(added)) => format!("There is, and should not be: {}.", calls(&added)),
        (None, None) => return None,
    };
    Some((PARTS, format!("{words}{}", story(service))))
}
