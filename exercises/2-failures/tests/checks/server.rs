//! Task `server`: what bytes say, who is not let in, and whom a client asks next. Nothing here opens a connection.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use testkit::check::{Check, Proven, Rule, check};
use testkit::node::{ClientId, Membership, NodeId, RequestId};
use testkit::panics;

use crate::subject::raft::log::{Command, Entry};
use crate::subject::raft::message;
use crate::subject::raft::store::{Request, Response};
use crate::subject::server::route::{Heard, Next, Patience, Route};
use crate::subject::server::wire::{
    Arrival, Call, Door, Frames, Greeting, House, MAGIC, Refusal, Speaker, VERSION, frame, framed, greet,
};
use crate::subject::snapshot::Message;

const PIECES: Rule = Rule::new(
    "a stream has no messages in it",
    "What arrives depends on the bytes, and not on the pieces in which they come.",
    "RFC 9293, section 2.2: TCP carries a stream of bytes",
    "2-failures/server.md#a-stream",
);

const LENGTH: Rule = Rule::new(
    "a length is a claim",
    "A frame that is too long is refused as soon as its length is there, and nobody's claim takes memory.",
    "contract of `Frames::next_body`",
    "2-failures/server.md#a-length-is-a-claim",
);

const GREETED: Rule = Rule::new(
    "whoever has not greeted is not heard",
    "The first frame is a greeting of this version, for this cluster, from somebody who can be its speaker. Everybody else is refused.",
    "contract of `Door`",
    "2-failures/server.md#the-greeting",
);

const HARMLESS: Rule = Rule::new(
    "hostile bytes",
    "Whatever bytes come, there is an answer or one reason to close, never a panic, and nothing arrives after that reason.",
    "contract of `Door::take`",
    "2-failures/server.md#one-reason",
);

const ONE_ID: Rule = Rule::new(
    "a retry is the same request",
    "All tries of a request have one id, and no other request has it.",
    "Ongaro 2014, section 6.3: clients assign a unique serial number to each command, and retry with the same one",
    "2-failures/server.md#the-same-number",
);

const FINDS: Rule = Rule::new(
    "a client finds the leader",
    "Who names a leader is believed at once; who is silent, away or wrong is passed over, and each server has its turn.",
    "Ongaro 2014, section 6.2: routing requests to the leader",
    "2-failures/server.md#finding-the-leader",
);

const ENDS: Rule = Rule::new(
    "a client ends, and does not press",
    "After as many tries as it has patience for it ends, and in between it pauses, whoever sends it to whom.",
    "contract of `Route::heard`",
    "2-failures/server.md#in-a-circle",
);

const HONEST: Rule = Rule::new(
    "what a client says is so",
    "`Done` has the answer to this very request; `NotDone` is said only if no try can have been taken.",
    "Ongaro 2014, section 6.3: a client that hears nothing cannot know whether its command was done",
    "2-failures/server.md#unknown",
);

/// The greatest length of a body in these checks.
const LIMIT: usize = 400;

fn house() -> House {
    House { cluster: "logs".to_owned(), me: Membership { id: NodeId(1), size: 3 } }
}

fn greeting(cluster: &str, speaker: Speaker) -> Vec<u8> {
    greet(&Greeting { cluster: cluster.to_owned(), speaker })
}

/// Messages of servers, of several lengths.
fn messages() -> Vec<Message> {
    let put =
        |number| Command::Client { id: RequestId { client: ClientId(7), number }, request: Request::Put('x', -1) };
    let append = |count| message::Message::AppendEntries {
        term: 300,
        prev_index: 2,
        prev_term: 1,
        entries: (0..count).map(|number| Entry { term: 300, command: put(number) }).collect(),
        commit_index: 1,
    };
    let vote = message::Message::Vote { term: 1, granted: true };
    vec![Message::Raft(vote), Message::Raft(append(0)), Message::Raft(append(20))]
}

fn calls() -> Vec<Call> {
    let id = |number| RequestId { client: ClientId(usize::MAX), number };
    vec![Call { id: id(0), request: Request::Get('é') }, Call { id: id(1), request: Request::Add('x', i64::MIN) }]
}

/// What well-meaning speakers say, with what arrives then.
fn conversations() -> Vec<(Vec<u8>, Vec<Arrival>)> {
    let (server, client) = (Speaker::Server(NodeId(2)), Speaker::Client);
    let mut from_server = (greeting("logs", server), vec![Arrival::Greeted(server)]);
    for message in messages() {
        from_server.0.extend(framed(&message));
        from_server.1.push(Arrival::Message { from: NodeId(2), message });
    }
    let mut from_client = (greeting("logs", client), vec![Arrival::Greeted(client)]);
    for call in calls() {
        from_client.0.extend(framed(&call));
        from_client.1.push(Arrival::Call(call));
    }
    vec![from_server, from_client]
}

/// What is said, and why it must be refused after how many arrivals.
fn hostile() -> Vec<(&'static str, Vec<u8>, usize, Refusal)> {
    let (server, client) = (|id| greeting("logs", Speaker::Server(NodeId(id))), greeting("logs", Speaker::Client));
    let call = framed(&calls()[0]);
    let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    let too_long = |len| Refusal::TooLong { len, limit: LIMIT };
    let with_version = |version| {
        let mut bytes = client.clone();
        bytes[8] = version;
        bytes
    };
    let longer = |bytes: &[u8]| frame(&[&bytes[4..], &[0]].concat());
    let foreign = Refusal::OtherCluster("others".to_owned());
    vec![
        ("a browser", b"GET / HTTP/1.1\r\nHost: logs\r\n\r\n".to_vec(), 0, too_long(0x2054_4547)),
        ("a length of 4 GiB", length(u32::MAX as usize), 0, too_long(u32::MAX as usize)),
        ("a length that is too long by one", length(LIMIT + 1), 0, too_long(LIMIT + 1)),
        (
            "a greeting and then a length of 4 GiB",
            [&client[..], &length(u32::MAX as usize)].concat(),
            1,
            too_long(u32::MAX as usize),
        ),
        ("an empty frame", frame(&[]), 0, Refusal::NotGreeted),
        ("a frame of zeros", frame(&[0; 30]), 0, Refusal::NotGreeted),
        ("the magic alone", frame(&MAGIC), 0, Refusal::NotGreeted),
        ("magic and version alone", frame(&[&MAGIC[..], &[VERSION]].concat()), 0, Refusal::NotGreeted),
        ("a greeting with something behind it", longer(&client), 0, Refusal::NotGreeted),
        ("a call before the greeting", call.clone(), 0, Refusal::NotGreeted),
        ("a message before the greeting", framed(&messages()[0]), 0, Refusal::NotGreeted),
        ("version 0", with_version(0), 0, Refusal::OtherVersion(0)),
        (
            "a later version, with a greeting that nobody knows",
            frame(&[&MAGIC[..], &[9, 255, 255]].concat()),
            0,
            Refusal::OtherVersion(9),
        ),
        ("a server of another cluster", greeting("others", Speaker::Server(NodeId(2))), 0, foreign.clone()),
        ("a client of another cluster", [&greeting("others", Speaker::Client)[..], &call].concat(), 0, foreign),
        ("a server that says it is this one", server(1), 0, Refusal::Impostor(NodeId(1))),
        ("a server that does not exist", server(3), 0, Refusal::Impostor(NodeId(3))),
        ("a server far outside", server(usize::MAX), 0, Refusal::Impostor(NodeId(usize::MAX))),
        ("a call of garbage", [&client[..], &frame(&[0xff; 30])].concat(), 1, Refusal::NoMessage),
        ("an empty call", [&client[..], &frame(&[])].concat(), 1, Refusal::NoMessage),
        ("a call with something behind it", [&client[..], &longer(&call)].concat(), 1, Refusal::NoMessage),
        ("a second greeting", [&client[..], &client].concat(), 1, Refusal::NoMessage),
        ("a message of garbage", [&server(2)[..], &frame(&[0xff; 30])].concat(), 1, Refusal::NoMessage),
        ("two calls, and then garbage", [&client[..], &call, &call, &frame(&[9; 9])].concat(), 3, Refusal::NoMessage),
    ]
}

/// A door, and what has arrived through it.
struct Visit {
    door: Door,
    arrived: Vec<Arrival>,
}

impl Visit {
    fn new() -> Self {
        Visit { door: Door::new(house(), LIMIT), arrived: Vec::new() }
    }

    fn take(&mut self, check: &mut Check, bytes: &[u8]) -> Result<Result<(), Refusal>, Box<testkit::check::Failure>> {
        let Visit { door, arrived } = self;
        guarded(check, bytes.len(), || door.take(bytes, arrived))
    }

    fn end(&mut self, check: &mut Check) -> Result<Result<(), Refusal>, Box<testkit::check::Failure>> {
        guarded(check, 0, || self.door.end())
    }
}

/// Runs code under test. A panic breaks a rule, unless it is a `todo!`.
fn guarded<T>(check: &mut Check, len: usize, run: impl FnOnce() -> T) -> Result<T, Box<testkit::check::Failure>> {
    panic::catch_unwind(AssertUnwindSafe(run)).or_else(|payload| {
        let (message, at) = panics::describe(&*payload);
        if message.starts_with("not yet implemented") {
            panic::resume_unwind(payload);
        }
        let says = || format!("With {len} more bytes from outside, the server panics: {message} (at {at}).");
        check.requires(HARMLESS, false, says)?;
        panic::resume_unwind(payload)
    })
}

/// Ways to cut bytes into pieces: whole, byte by byte, at each place into two, and into pieces of three and seven.
fn splits(bytes: &[u8]) -> Vec<(String, Vec<&[u8]>)> {
    let mut splits = vec![("in one piece".to_owned(), vec![bytes])];
    splits.extend([1, 3, 7].map(|len| (format!("in pieces of {len}"), bytes.chunks(len).collect())));
    let two = |at| (format!("cut behind byte {at}"), vec![&bytes[..at], &bytes[at..]]);
    splits.extend((0..=bytes.len()).map(two));
    splits
}

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
                    format!("It ends between two frames, {how}, and that is refused: {}.", shown(&ended))
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
                let rule = if *arrivals == 0 { GREETED } else { HARMLESS };
                check.requires(rule.clone(), refused.as_ref() == Err(refusal), || {
                    format!("{who}, {how}, must be refused because {refusal}. But: {}.", shown(&refused))
                })?;
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
                        "It ends after {len} bytes, {}: {}.",
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

/// Whether bytes end with a whole frame, and how many whole ones they hold.
fn whole_frames(mut bytes: &[u8]) -> (bool, usize) {
    let mut frames = 0;
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let Some(behind) = rest.get(u32::from_le_bytes(*head) as usize..) else { break };
        (bytes, frames) = (behind, frames + 1);
    }
    (bytes.is_empty(), frames)
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
    let (held, most) = (visit.door.held(), most + 64);
    check.requires(LENGTH, held <= most, || {
        format!("When {when}, a door holds {held} bytes of memory. {most} are enough.")
    })
}

/// Somebody announces too long a frame, and goes on sending.
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
                "A frame of {len} bytes was announced, {LIMIT} are allowed, and nothing else has come: {}.",
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

/// Somebody says, in good order, a thousand times more than fits into a door at once.
fn talks_for_long(check: &mut Check, client: &[u8]) -> Proven {
    let mut visit = Visit::new();
    let call = framed(&calls()[1]);
    let talk: Vec<u8> = client.iter().chain(call.iter().cycle().take(20_000 * call.len())).copied().collect();
    for piece in talk.chunks(1000) {
        let taken = visit.take(check, piece)?;
        check.requires(PIECES, taken.is_ok(), || format!("A client that says much is refused: {}.", shown(&taken)))?;
        requires_held(check, &visit, 2 * (LIMIT + 4 + 1000), "a client says much, in pieces of 1000 bytes")?;
    }
    let arrived = visit.arrived.len();
    check.requires(PIECES, arrived == 20_001, || format!("Of a greeting and 20000 calls {arrived} arrive."))
}

/// The limit is that of the body.
fn no_frame_is_too_long_for_itself(check: &mut Check) -> Proven {
    for len in [0, 1, LIMIT - 1, LIMIT] {
        let mut frames = Frames::new(LIMIT);
        frames.take(&frame(&vec![5; len]));
        let body = guarded(check, len, || frames.next_body())?;
        check.requires(LENGTH, body == Ok(Some(vec![5; len])), || {
            format!("With a limit of {LIMIT}, a body of {len} bytes does not come out as it went in.")
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
            "Whatever is changed in a conversation, nothing is refused.".to_owned()
        })?;
        check.evidence(format!("{tried} conversations with a byte that is not theirs, {refused} refused"));
        Ok(())
    });
}

fn shown(result: &Result<(), Refusal>) -> String {
    match result {
        Ok(()) => "it is let in".to_owned(),
        Err(refusal) => format!("it is refused because {refusal}"),
    }
}

const PAUSE: Duration = Duration::from_millis(70);

/// What the world does to a client's try.
type World<'a> = &'a dyn Fn(usize, NodeId, RequestId) -> Heard;

/// A request, from its begin to its end.
struct Made {
    asked: Vec<(NodeId, RequestId, Duration)>,
    end: Next,
}

/// A client of `servers` servers with patience for `tries`.
fn client(servers: usize, tries: usize) -> Route {
    Route::new(ClientId(9), servers, Patience { tries, pause: PAUSE })
}

/// Lets a client make a request in a world that hears of the how-manieth try it is.
fn makes(check: &mut Check, route: &mut Route, world: World<'_>) -> Result<Made, Box<testkit::check::Failure>> {
    let mut asked = Vec::new();
    let mut next = guarded(check, 0, || route.begin())?;
    for _ in 0..1000 {
        match next {
            Next::Ask { server, id, after } => {
                asked.push((server, id, after));
                let heard = world(asked.len() - 1, server, id);
                next = guarded(check, 0, || route.heard(heard))?;
            }
            Next::Wait => next = guarded(check, 0, || route.heard(Heard::Silence))?,
            end => return Ok(Made { asked, end }),
        }
    }
    check.requires(ENDS, false, || "A request does not end after 1000 tries.".to_owned())?;
    Ok(Made { asked, end: next })
}

fn answer(id: RequestId, response: Response) -> Heard {
    Heard::Answer { id, response }
}

fn refuses(id: RequestId, leader: Option<usize>) -> Heard {
    answer(id, Response::NotLeader { leader: leader.map(NodeId) })
}

/// What a world is like, what it does, and what the client must say in the end.
type Bleak = (&'static str, Box<dyn Fn(usize, NodeId, RequestId) -> Heard>, Next);

/// Worlds in which nobody ever does anything, with what the client must say in the end.
fn bleak() -> Vec<Bleak> {
    vec![
        ("all are silent", Box::new(|_, _, _| Heard::Silence), Next::Unknown),
        ("nobody can be reached", Box::new(|_, _, _| Heard::Unreachable), Next::NotDone),
        ("nobody knows a leader", Box::new(|_, _, id| refuses(id, None)), Next::NotDone),
        ("n0 and n1 name each other", Box::new(|_, at, id| refuses(id, Some(usize::from(at.0 == 0)))), Next::NotDone),
        ("each names the next", Box::new(|_, at, id| refuses(id, Some((at.0 + 1) % 3))), Next::NotDone),
        ("each names itself", Box::new(|_, at, id| refuses(id, Some(at.0))), Next::NotDone),
        ("all name a server that does not exist", Box::new(|_, _, id| refuses(id, Some(3))), Next::NotDone),
        ("all name one far outside", Box::new(|_, _, id| refuses(id, Some(usize::MAX))), Next::NotDone),
        (
            "the first is silent",
            Box::new(|n, _, id| if n == 0 { Heard::Silence } else { refuses(id, None) }),
            Next::Unknown,
        ),
        (
            "the first is silent, then none can be reached",
            Box::new(|n, _, _| if n == 0 { Heard::Silence } else { Heard::Unreachable }),
            Next::Unknown,
        ),
        (
            "the last is silent",
            Box::new(|n, _, id| if n == 7 { Heard::Silence } else { refuses(id, None) }),
            Next::Unknown,
        ),
    ]
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
                    format!("When {when}, a request has the id {id:?}, and the one before it had {last:?}: numbers count up.")
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
        check.evidence("each leader of one to five servers, named, found by turns, and kept");
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
            "The first of {servers} servers names n{leader}, which would answer. It takes {} tries: {:?}.",
            made.asked.len(),
            made.end
        )
    })?;
    let made = makes(check, &mut route, &is_led(Some(leader), None))?;
    check.requires(FINDS, made.asked.len() == 1, || {
        format!("n{leader} has answered the request before, and the next one goes to n{} first.", made.asked[0].0.0)
    })?;
    for (when, otherwise) in
        [("are silent", Some(Heard::Silence)), ("are away", Some(Heard::Unreachable)), ("know nothing", None)]
    {
        let made = makes(check, &mut client(servers, 4 * servers), &is_led(None, otherwise))?;
        let found = made.end == Next::Done(5) && made.asked.len() <= servers;
        check.requires(FINDS, found, || {
            format!(
                "n{leader} leads, the others of {servers} {when}. After {} tries: {:?}.",
                made.asked.len(),
                made.end
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
                    format!("When {when}, a client of 3 servers sends 4 tries in a row without a pause, from try {presses:?} on.")
                })?;
                let hesitates =
                    made.asked[0].2 > Duration::ZERO || made.asked.iter().any(|(_, _, after)| *after > PAUSE);
                check.requires(ENDS, !hesitates, || {
                    format!("When {when}, a client waits before its first try, or longer than it is to.")
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
                format!("When {when}, a client must say {end:?} in the end, and says {:?}.", made.end)
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
        format!("Nobody has taken a request, and the client says {:?}: that was the request before.", made.end)
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
            return check.requires(ENDS, false, || "A request begins with no try.".to_owned());
        };
        let next = guarded(check, 0, || route.heard(answer(before, late)))?;
        check.requires(HONEST, next == Next::Wait, || {
            format!("A late {late:?} to {before:?} comes while {id:?} is open, and the client does not wait: {next:?}.")
        })?;
        let next = guarded(check, 0, || route.heard(answer(id, Response::Done(2))))?;
        check.requires(HONEST, next == Next::Done(2), || format!("The answer comes after a late one: {next:?}."))?;
    }
    Ok(())
}
