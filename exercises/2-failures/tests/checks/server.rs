//! Task `server`: what bytes say, who is not let in, and whom a client asks next. Nothing here opens a connection.

use std::time::Duration;

use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::node::{ClientId, NodeId, RequestId};
use testkit::text::or_nothing;

use super::harmless::{HARMLESS, guarded};
use super::raft::words as raft_words;
use super::speakers::{LIMIT, calls, conversations, greeting, hostile, splits, whole_frames};
use super::visit::{Visit, shown};
use super::words;
use super::worlds::{ENDS, FINDS, PAUSE, World, answer, asks_whom_there_is, bleak, client, makes, refuses, way};
use crate::subject::raft::store::Response;
use crate::subject::server::route::{Heard, Next};
use crate::subject::server::wire::{Frames, Refusal, Speaker, framed};

const PIECES: Rule = Rule::new(
    "a stream has no message boundaries",
    "What arrives depends on the bytes, not on the pieces in which they come.",
    "RFC 9293, section 2.2: TCP carries a stream of bytes",
    "2-failures/server.md#a-stream",
);

const LENGTH: Rule = Rule::new(
    "a length is a claim",
    "A frame that is too long is refused as soon as its length is there, and an announced length costs no memory.",
    "contract of `Frames::next_body`",
    "2-failures/server.md#a-length-is-a-claim",
);

const GREETED: Rule = Rule::new(
    "no greeting, no conversation",
    "The first frame is a greeting of this version, for this cluster, from a speaker that can exist. Any other connection is \
     refused.",
    "contract of `Inbound`",
    "2-failures/server.md#the-greeting",
);

const ONE_ID: Rule = Rule::new(
    "a retry is the same request",
    "All tries of a request have one id, and no other request has it.",
    "Ongaro 2014, section 6.3: clients assign a unique serial number to each command, and retry with the same one",
    "2-failures/server.md#the-same-number",
);

const HONEST: Rule = Rule::new(
    "what a client reports is true",
    "`Done` carries the answer to this very request. `NotDone` means that no server can have taken any of its tries.",
    "Ongaro 2014, section 6.3: a client that hears nothing cannot know whether its command was done",
    "2-failures/server.md#unknown",
);

#[test]
pub fn what_arrives_does_not_depend_on_the_pieces() {
    check(|check| {
        let mut ways = 0;
        for (bytes, expected) in conversations() {
            for (how, pieces) in splits(&bytes) {
                ways += 1;
                let mut visit = Visit::new();
                for piece in pieces {
                    let taken = visit.take(check, piece)?;
                    let says = || {
                        format!("A server or client that keeps to the protocol is refused, {how}: {}.", shown(&taken))
                    };
                    check.requires(PIECES, taken.is_ok(), says)?;
                }
                let (count, wanted) = (visit.arrived.len(), expected.len());
                check.requires(PIECES, visit.arrived == expected, || {
                    format!("{wanted} arrivals were sent, {how}. {count} come out, and they are not the same.")
                })?;
                let ended = visit.end(check)?;
                check.requires(HARMLESS, ended.is_ok(), || {
                    format!("It ends between two frames, {how}, and yet it is refused: {}.", shown(&ended))
                })?;
            }
        }
        check.evidence(format!("{ways} ways to cut two conversations into pieces"));
        Ok(())
    });
}

#[test]
pub fn who_must_not_be_let_in_is_refused_with_the_reason() {
    check(|check| {
        let kinds = hostile();
        let mut ways = 0;
        for (who, bytes, arrivals, refusal) in &kinds {
            for (how, pieces) in splits(bytes) {
                ways += 1;
                let mut visit = Visit::new();
                let mut refused = Ok(());
                for piece in pieces {
                    refused = visit.take(check, piece)?;
                }
                let rule = match refusal {
                    Refusal::TooLong { .. } => LENGTH,
                    _ if *arrivals == 0 => GREETED,
                    _ => HARMLESS,
                };
                check.requires(rule, refused.as_ref() == Err(refusal), || {
                    format!("{who}, {how}, must be refused because {refusal}. But: {}.", shown(&refused))
                })?;
                let rule = if *arrivals == 0 { GREETED } else { PIECES };
                check.requires(rule, visit.arrived.len() == *arrivals, || {
                    format!("{who}, {how}: {} arrive, and it must be {arrivals}.", visit.arrived.len())
                })?;
                stays_closed(check, who, &mut visit, refusal)?;
            }
        }
        check.evidence(format!("{} kinds of speakers, {ways} ways to cut what they say", kinds.len()));
        Ok(())
    });
}

/// Nobody gets in behind a refusal, not even with a perfect greeting.
fn stays_closed(check: &mut Check, who: &str, visit: &mut Visit, refusal: &Refusal) -> Proven {
    let before = visit.arrived.len();
    for (bytes, _) in conversations() {
        let again = visit.take(check, &bytes)?;
        let closed = again.as_ref() == Err(refusal) && visit.arrived.len() == before;
        check.requires(HARMLESS, closed, || {
            format!("{who} was refused because {refusal}. More bytes came, and: {}.", shown(&again))
        })?;
    }
    let ended = visit.end(check)?;
    check.requires(HARMLESS, ended.as_ref() == Err(refusal), || {
        format!("{who} was refused because {refusal}. Then it hung up, and: {}.", shown(&ended))
    })
}

#[test]
pub fn a_connection_that_ends_inside_of_a_frame_is_noticed() {
    check(|check| {
        let mut ends = 0;
        for (bytes, expected) in conversations() {
            for len in 0..=bytes.len() {
                ends += 1;
                let (whole, frames) = whole_frames(&bytes[..len]);
                let mut visit = Visit::new();
                let taken = visit.take(check, &bytes[..len])?;
                check.requires(PIECES, taken.is_ok() && visit.arrived == expected[..frames], || {
                    format!(
                        "Of {} bytes the first {len} have come: {frames} frames. {} arrive.",
                        bytes.len(),
                        visit.arrived.len()
                    )
                })?;
                let ended = visit.end(check)?;
                let wanted = if whole { Ok(()) } else { Err(Refusal::HalfAFrame) };
                check.requires(HARMLESS, ended == wanted, || {
                    format!(
                        "A connection ends after byte {len}, {}: {}.",
                        if whole { "between two frames" } else { "inside of one" },
                        shown(&ended)
                    )
                })?;
            }
        }
        check.evidence(format!("{ends} ends"));
        Ok(())
    });
}

#[test]
pub fn nobodys_claim_takes_memory() {
    check(|check| {
        let client = greeting("logs", Speaker::Client);
        let longest = [&u32::try_from(LIMIT).unwrap_or(0).to_le_bytes()[..], &[7; 20]].concat();
        let mut visit = Visit::new();
        for byte in [&client[..], &longest].concat() {
            let taken = visit.take(check, &[byte])?;
            check.requires(LENGTH, taken.is_ok(), || "A frame of just the greatest length is refused.".to_owned())?;
        }
        requires_held(
            check,
            &visit,
            2 * (client.len() + longest.len()),
            "20 bytes of a frame of the greatest length have come",
        )?;
        announces_much(check, 1 << 20)?;
        talks_for_long(check, &client)?;
        no_frame_is_too_long_for_itself(check)?;
        check.evidence("memory after a long length, a long talk, and a long flood");
        Ok(())
    });
}

fn requires_held(check: &mut Check, visit: &Visit, most: usize, when: &str) -> Proven {
    let (held, most) = (visit.inbound.held(), most + 64);
    check.requires(LENGTH, held <= most, || {
        format!("When {when}, an inbound connection holds {held} bytes of memory. {most} are enough.")
    })
}

/// A speaker announces too long a frame, and goes on sending.
fn announces_much(check: &mut Check, flood: usize) -> Proven {
    for len in [LIMIT + 1, 1 << 20, 0x7fff_ffff, u32::MAX as usize] {
        let mut visit = Visit::new();
        let head = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        for byte in &head[..3] {
            let _ = visit.take(check, &[*byte])?;
        }
        let refused = visit.take(check, &head[3..])?;
        check.requires(LENGTH, refused == Err(Refusal::TooLong { len, limit: LIMIT }), || {
            format!(
                "A frame of {len} bytes was announced, {LIMIT} are allowed, and nothing more has come: {}.",
                shown(&refused)
            )
        })?;
        for _ in 0..flood / 4096 {
            let _ = visit.take(check, &[0; 4096])?;
        }
        requires_held(check, &visit, 2 * 4096, "a refused connection goes on sending")?;
    }
    Ok(())
}

/// A client says, in good order, a thousand times more than an inbound connection holds at once.
fn talks_for_long(check: &mut Check, client: &[u8]) -> Proven {
    let mut visit = Visit::new();
    let call = framed(&calls()[1]);
    let talk: Vec<u8> = client.iter().chain(call.iter().cycle().take(20_000 * call.len())).copied().collect();
    for piece in talk.chunks(1000) {
        let taken = visit.take(check, piece)?;
        check
            .requires(PIECES, taken.is_ok(), || format!("A client that sends a lot is refused: {}.", shown(&taken)))?;
        requires_held(check, &visit, 2 * (LIMIT + 4 + 1000), "a client says much, in pieces of 1000 bytes")?;
    }
    let arrived = visit.arrived.len();
    check.requires(PIECES, arrived == 20_001, || format!("Of a greeting and 20000 calls {arrived} arrive."))
}

/// What comes out when a frame with a body of so many bytes comes in one piece.
fn body_of(check: &mut Check, len: usize) -> Result<Result<Option<Vec<u8>>, Refusal>, Box<Failure>> {
    let mut frames = Frames::new(LIMIT);
    let head = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    frames.take(&[&head[..], &vec![5; len]].concat());
    guarded(check, len, || frames.next_body())
}

/// The limit is that of the body.
fn no_frame_is_too_long_for_itself(check: &mut Check) -> Proven {
    for len in [0, 1, LIMIT - 1, LIMIT] {
        let body = body_of(check, len)?;
        check.requires(LENGTH, body == Ok(Some(vec![5; len])), || {
            format!("With a limit of {LIMIT}, a body of {len} bytes does not come out as it went in.")
        })?;
    }
    for len in [LIMIT + 1, 2 * LIMIT] {
        let body = body_of(check, len)?;
        check.requires(LENGTH, body == Err(Refusal::TooLong { len, limit: LIMIT }), || {
            format!("With a limit of {LIMIT}, a frame with a body of {len} bytes comes as a whole, in one piece, and is not refused.")
        })?;
    }
    Ok(())
}

#[test]
pub fn anything_at_all_is_answered_without_harm() {
    check(|check| {
        let (mut tried, mut refused) = (0, 0);
        for (bytes, expected) in conversations() {
            for at in 0..bytes.len() {
                for value in [0x00, 0x01, 0x7f, 0x80, 0xff, bytes[at] ^ 1] {
                    let mut bytes = bytes.clone();
                    bytes[at] = value;
                    let mut visit = Visit::new();
                    let taken = visit.take(check, &bytes)?;
                    let ended = visit.end(check)?;
                    let much = visit.arrived.len() > expected.len() + 9;
                    check.requires(HARMLESS, !much && (taken.is_ok() || ended == taken), || {
                        format!(
                            "With {value} as byte {at}: {} at first, and {} at the end.",
                            shown(&taken),
                            shown(&ended)
                        )
                    })?;
                    tried += 1;
                    refused += usize::from(taken.is_err());
                }
            }
        }
        check.requires(HARMLESS, refused > 0, || {
            "Whichever byte of a conversation is changed, nothing is refused.".to_owned()
        })?;
        check.evidence(format!("{tried} conversations with one wrong byte, {refused} refused"));
        Ok(())
    });
}

#[test]
pub fn a_retry_keeps_its_number_and_the_next_request_does_not() {
    check(|check| {
        for (when, world, _) in bleak() {
            let mut route = client(3, 8);
            let mut ids: Vec<RequestId> = Vec::new();
            for request in 0..4 {
                let made = makes(check, &mut route, &*world)?;
                let id = made.asked.first().map(|(_, id, _)| *id);
                let same = made.asked.iter().all(|(_, other, _)| Some(*other) == id);
                check
                    .requires(ONE_ID, same, || format!("When {when}, request {request} is sent under several ids."))?;
                let last = ids.last().copied();
                check.requires(ONE_ID, id > last && id.is_some_and(|id| id.client == ClientId(9)), || {
                    let shown = |id: Option<RequestId>| or_nothing(id, |id| id.to_string());
                    let (id, last) = (shown(id), shown(last));
                    format!("When {when}, a request of c9 has the id {id}, and the one before it had {last}: numbers must count \
                             up.")
                })?;
                ids.extend(id);
            }
        }
        check.evidence(format!("four requests in each of {} worlds", bleak().len()));
        Ok(())
    });
}

#[test]
pub fn a_client_finds_the_leader() {
    check(|check| {
        for servers in 1..=5 {
            for leader in 0..servers {
                finds(check, servers, leader)?;
            }
        }
        check.evidence("each leader of one to five servers: named, found in turn, and remembered");
        Ok(())
    });
}

fn finds(check: &mut Check, servers: usize, leader: usize) -> Proven {
    let is_led = |by: Option<usize>, otherwise: Option<Heard>| {
        move |_: usize, at: NodeId, id: RequestId| match otherwise {
            _ if at.0 == leader => answer(id, Response::Done(5)),
            Some(heard) => heard,
            None => refuses(id, by),
        }
    };
    let mut route = client(servers, 4 * servers);
    let made = makes(check, &mut route, &is_led(Some(leader), None))?;
    let at_once = made.end == Next::Done(5)
        && made.asked.len() <= 2
        && made.asked.iter().all(|(_, _, after)| after.is_zero() || servers == 1);
    check.requires(FINDS, at_once, || {
        format!(
            "The first of {servers} servers names n{leader}, which would answer. This should take at most two tries, and no \
             pause. The client asks {}.",
            way(&made)
        )
    })?;
    let made = makes(check, &mut route, &is_led(Some(leader), None))?;
    check.requires(FINDS, made.asked.len() == 1, || {
        format!("n{leader} answered the request before, but the next one goes to n{} first.", made.asked[0].0.0)
    })?;
    let name_themselves =
        |_: usize, at: NodeId, id| if at.0 == leader { answer(id, Response::Done(5)) } else { refuses(id, Some(at.0)) };
    let others: [(&str, World<'_>); 4] = [
        ("are silent", &is_led(None, Some(Heard::Silence))),
        ("are away", &is_led(None, Some(Heard::Unreachable))),
        ("know nothing", &is_led(None, None)),
        ("name themselves, and do nothing", &name_themselves),
    ];
    for (when, world) in others {
        let made = makes(check, &mut client(servers, 4 * servers), world)?;
        let found = made.end == Next::Done(5) && made.asked.len() <= servers;
        check.requires(FINDS, found, || {
            format!(
                "n{leader} leads, the others of {servers} {when}. Each server should be asked at most once. The client asks {}.",
                way(&made)
            )
        })?;
    }
    Ok(())
}

#[test]
pub fn a_client_ends_and_pauses() {
    check(|check| {
        for (when, world, _) in bleak() {
            for tries in [1, 2, 3, 8, 30] {
                let made = makes(check, &mut client(3, tries), &*world)?;
                let count = made.asked.len();
                check.requires(ENDS, count == tries, || {
                    format!("When {when}, a client with patience for {tries} tries makes {count}.")
                })?;
                let presses =
                    made.asked.windows(4).position(|window| window.iter().all(|(_, _, after)| *after < PAUSE));
                check.requires(ENDS, presses.is_none(), || {
                    format!(
                        "When {when}, a client of 3 servers sends 4 tries in a row without a pause, from try {} on.",
                        1 + presses.unwrap_or(0)
                    )
                })?;
                asks_whom_there_is(check, when, &made)?;
                let hesitates =
                    made.asked[0].2 > Duration::ZERO || made.asked.iter().any(|(_, _, after)| *after > PAUSE);
                check.requires(ENDS, !hesitates, || {
                    format!("When {when}, a client waits before its first try, or longer than its pause.")
                })?;
            }
        }
        check.evidence(format!("{} worlds in which nothing is ever done", bleak().len()));
        Ok(())
    });
}

#[test]
pub fn what_a_client_says_is_so() {
    check(|check| {
        for (when, world, end) in bleak() {
            let made = makes(check, &mut client(3, 8), &*world)?;
            check.requires(HONEST, made.end == end, || {
                format!(
                    "When {when}, a request should end like this: {}. Here {}.",
                    words::next(end),
                    words::next(made.end)
                )
            })?;
        }
        says_nothing_of_the_request_before(check)?;
        takes_no_late_answer(check)?;
        check.evidence(format!("{} ends, and late answers of two kinds", bleak().len()));
        Ok(())
    });
}

/// A request of which nobody knows, and then one that was certainly not done.
fn says_nothing_of_the_request_before(check: &mut Check) -> Proven {
    let mut route = client(3, 8);
    makes(check, &mut route, &|_, _, _| Heard::Silence)?;
    let made = makes(check, &mut route, &|_, _, id| refuses(id, None))?;
    check.requires(HONEST, made.end == Next::NotDone, || {
        format!("No server has taken a request, but {}: that belongs to the request before.", words::next(made.end))
    })
}

/// The answer to the request before comes when the next one has been sent.
fn takes_no_late_answer(check: &mut Check) -> Proven {
    for late in
        [Response::Done(1), Response::NotLeader { leader: Some(NodeId(2)) }, Response::NotLeader { leader: None }]
    {
        let mut route = client(3, 8);
        let before = makes(check, &mut route, &|_, _, _| Heard::Silence)?.asked[0].1;
        let begun = guarded(check, 0, || route.begin())?;
        let Next::Ask { id, .. } = begun else {
            return check.requires(ENDS, false, || "A request begins without a try.".to_owned());
        };
        let next = guarded(check, 0, || route.heard(answer(before, late)))?;
        check.requires(HONEST, next == Next::Wait, || {
            let late = raft_words::response(late);
            format!(
                "A client gets a late answer to its request {before}: {late}. By then {id} is open, and {}.",
                words::next(next)
            )
        })?;
        let next = guarded(check, 0, || route.heard(answer(id, Response::Done(2))))?;
        check.requires(HONEST, next == Next::Done(2), || {
            format!(
                "The answer to a request is 2, and comes after a late one to another request. Then {}.",
                words::next(next)
            )
        })?;
    }
    Ok(())
}
