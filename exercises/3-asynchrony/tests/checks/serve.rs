//! Task `serve`: connections, and the signal to stop. Sockets and processes are real, and nothing is decided by how fast they are.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use testkit::check::{Rule, check};
use testkit::network::{Enclosure, Log, until};

use super::processes::{LIMIT, ask, called, chain, not_written_yet, start, tried};
use super::sockets::{Client, Fate, Files, LONG, Server, Told, pass, scene, still};
use crate::subject::chain::blocking::store;
use crate::subject::chain::listen::Settings;
use crate::subject::chain::message::{Call, LONGEST, Message, Reply, Request};

const IN_TURN: Rule = Rule::new(
    "one reply for each request",
    "Clients do not wait for each other, and each client's requests are answered in turn.",
    "contract of `serve`",
    "3-asynchrony/chain.md#it-stands-still",
);

const REFUSED: Rule = Rule::new(
    "what is no request is refused",
    "A line that cannot be read is `Refused`, and the next one is read; a line that is too long is the last one.",
    "contract of `serve`",
    "3-asynchrony/chain.md#the-task-serve",
);

const LEAVES: Rule = Rule::new(
    "who has left is not worked for",
    "When a client closes its connection, or its half of it, its request is dropped.",
    "gRPC, Cancellation: a server should stop what it still computes for a call that was cancelled",
    "3-asynchrony/chain.md#it-goes-on",
);

const WAITS: Rule = Rule::new(
    "for how long a client waits",
    "A client waits for as long as it says, and no longer than `patience`.",
    "contract of `serve`",
    "3-asynchrony/chain.md#past-the-deadline",
);

const IDLE: Rule = Rule::new(
    "a connection that does nothing is closed",
    "A connection is closed if for `idle` no line ends on it, or a reply is not taken, and not before.",
    "RFC 9112, section 9.5: most servers have a time after which they no longer maintain an inactive connection",
    "3-asynchrony/chain.md#the-task-serve",
);

const APART: Rule = Rule::new(
    "one client's trouble is its own",
    "What goes wrong with one client is not felt by any other.",
    "contract of `serve`",
    "3-asynchrony/chain.md#the-task-serve",
);

const ACCEPTS: Rule = Rule::new(
    "it serves until it is told to stop",
    "When no file can be opened, no connection can be accepted: that passes.",
    "accept(2), EMFILE; Go's `net/http` waits for a moment and accepts again",
    "3-asynchrony/chain.md#the-task-serve",
);

const DRAINS: Rule = Rule::new(
    "it finishes, and then ends",
    "When it is to stop it accepts no connection, closes those that ask nothing, finishes what it has read, and returns then.",
    "contract of `serve`",
    "3-asynchrony/chain.md#closed-too-early",
);

const KEPT: Rule = Rule::new(
    "stored is stored",
    "What a client was told is stored is in the store's log, once.",
    "contract of the chain: `Reply::Stored`",
    "3-asynchrony/chain.md#the-task-serve",
);

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// No scene in which time is real takes so long.
const PATIENT: Settings = Settings { patience: HOUR, idle: HOUR };

/// So many clients leave in the middle of a line. They are called by these names.
const CUT_OFF: Range<u64> = 100..130;

#[test]
pub fn requests_are_answered_in_turn() {
    check(|check| {
        let (came, second, replies) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            let mut clients = Vec::new();
            for client in 0..3 {
                let mut connection = Client::connect(server.address).await;
                connection.ask(10 * client, None).await;
                connection.ask(10 * client + 1, None).await;
                clients.push(connection);
            }
            let came = told.until(|told| (0..3).all(|client| told.fate(10 * client).is_some())).await;
            let second = (0..3).find(|client| told.fate(10 * client + 1).is_some());
            let mut replies = Vec::new();
            if !came {
                return Ok((came, second, replies));
            }
            for (client, connection) in (0..3_u64).zip(&mut clients).collect::<Vec<_>>().into_iter().rev() {
                for request in [10 * client, 10 * client + 1] {
                    told.answer(request, Reply::Lines(vec![request.to_string()]));
                    replies.push((request, connection.hear().await));
                }
            }
            server.stop();
            server.returns().await;
            Ok((came, second, replies))
        });
        check.requires(IN_TURN, came, || {
            "Three clients ask, and none is answered yet. Not all three requests come to the gateway.".to_owned()
        })?;
        check.requires(IN_TURN, second.is_none(), || {
            "A client has sent two requests. The second comes to the gateway before the first is answered.".to_owned()
        })?;
        let wrong = replies.iter().find(|(request, reply)| *reply != Some(Reply::Lines(vec![request.to_string()])));
        check.requires(IN_TURN, wrong.is_none(), || {
            format!("Three clients send two requests each, before any reply. One of them hears {wrong:?}.")
        })?;
        check.evidence("three clients with two requests each, answered in another order");
        Ok(())
    });
}

#[test]
pub fn what_is_no_request_is_refused() {
    check(|check| {
        let (heard, last, closed, other) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            told.answer(1, Reply::Stored);
            let mut client = Client::connect(server.address).await;
            let other = Client::connect(server.address).await;
            let mut heard = Vec::new();
            for line in [
                &b"good evening\n"[..],
                b"\n",
                b"\xff\xfe\n",
                b"{\"ask\":{\"request\":{\"tail\":{\"tenant\":1}},\"left\":\"0m\"}}\n",
                b"{\"stored\":{\"tenant\":1,\"text\":\"a\"}}\n",
                b"{\"ask\":{\"request\":{\"tail\":{\"tenant\":1}}}}\n",
            ] {
                client.send(line).await;
                heard.push(client.hear().await);
            }
            // One that has no end, sent bit by bit: the server may close the connection before it has all of it.
            let mut sent = 0;
            while sent < 4 * LONGEST && client.send(&[b'x'; 4096]).await {
                sent += 4096;
            }
            let mut last = Vec::new();
            while let Some(reply) = client.hear().await {
                last.push(reply);
            }
            let closed = client.is_closed().await;
            drop(other);
            for name in CUT_OFF {
                let mut other = Client::connect(server.address).await;
                let request = Message::from(Call { request: Request::Tail { tenant: name }, left: None }).written();
                other.send(request.trim_end().as_bytes()).await;
            }
            let mut other = Client::connect(server.address).await;
            other.ask(1, None).await;
            let other = (other.hear().await, CUT_OFF.into_iter().find(|name| told.fate(*name).is_some()));
            server.stop();
            server.returns().await;
            Ok((heard, last, closed, other))
        });
        let expected: Vec<_> = [vec![Some(Reply::Refused); 5], vec![Some(Reply::Stored)]].concat();
        check.requires(REFUSED, heard == expected, || {
            format!("A client sends five lines that are no requests, and then one that is. It hears {heard:?}.")
        })?;
        check.requires(REFUSED, closed && last.iter().all(|reply| *reply == Reply::Refused) && last.len() <= 1, || {
            let (bytes, end) = (4 * LONGEST, if closed { "closed" } else { "still open" });
            format!("A client sends {bytes} bytes without an end of line. It hears {last:?}, and its connection is {end}.")
        })?;
        check.requires(REFUSED, other == (Some(Reply::Stored), None), || {
            format!("After lines that were cut off, another client asks. It hears {:?}. A request that was cut off came to the gateway: {:?}.", other.0, other.1)
        })?;
        check.evidence("lines that are no JSON, no UTF-8, no request, too long, or cut off");
        Ok(())
    });
}

/// A request that is so long with its newline.
fn padded(name: u64, bytes: u64) -> Vec<u8> {
    let line = Message::from(Call { request: Request::Tail { tenant: name }, left: None }).written();
    let mut line = line.trim_end().as_bytes().to_vec();
    line.resize(bytes as usize - 1, b' ');
    line.push(b'\n');
    line
}

#[test]
pub fn a_line_may_be_as_long_as_it_says() {
    check(|check| {
        let (heard, last, after) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            (1..=4).for_each(|name| told.answer(name, Reply::Lines(vec![name.to_string()])));
            let mut client = Client::connect(server.address).await;
            let mut heard = Vec::new();
            for (name, bytes) in [(1, LONGEST - 1), (2, LONGEST), (3, LONGEST)] {
                client.send(&padded(name, bytes)).await;
                heard.push(client.hear().await);
            }
            client.send(&padded(4, LONGEST + 1)).await;
            let last = (client.hear().await.filter(|reply| *reply != Reply::Refused), told.fate(4));
            let after = client.hear().await.is_none() && client.is_closed().await;
            server.stop();
            server.returns().await;
            Ok((heard, last, after))
        });
        let expected: Vec<_> = (1..=3).map(|name| Some(Reply::Lines(vec![name.to_string()]))).collect();
        check.requires(REFUSED, heard == expected, || {
            let [one, two, three] = [LONGEST - 1, LONGEST, LONGEST];
            format!("A client sends requests of {one}, {two} and {three} bytes on one connection, each with its newline. It hears {heard:?}.")
        })?;
        check.requires(REFUSED, last == (None, None), || {
            let bytes = LONGEST + 1;
            format!(
                "Then it sends one of {bytes} bytes. It hears {:?}, and of the request the gateway knows: {:?}.",
                last.0, last.1
            )
        })?;
        check.requires(REFUSED, after, || {
            format!("After a line of {} bytes, the connection is still open.", LONGEST + 1)
        })?;
        check.evidence(format!("lines of {} to {} bytes", LONGEST - 1, LONGEST + 1));
        Ok(())
    });
}

#[test]
pub fn a_client_that_leaves_is_noticed() {
    check(|check| {
        let (came, left, half, stays) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            let mut leaver = Client::connect(server.address).await;
            let mut stayer = Client::connect(server.address).await;
            let mut halver = Client::connect(server.address).await;
            leaver.ask(1, None).await;
            stayer.ask(2, None).await;
            stayer.ask(3, None).await; // it waits for its turn, and says that its client is there
            halver.ask(4, None).await;
            let came = told.until(|told| [1, 2, 4].iter().all(|name| told.fate(*name).is_some())).await;
            drop(leaver);
            let left = told.until(|told| told.fate(1) == Some(Fate::Left)).await;
            halver.shut().await;
            let half = left && told.until(|told| told.fate(4) == Some(Fate::Left)).await && halver.is_closed().await;
            let stays = told.fate(2) == Some(Fate::UnderWay);
            told.answer(2, Reply::Stored);
            told.answer(3, Reply::Stored);
            let stays = stays && stayer.hear().await.is_some() && stayer.hear().await.is_some();
            server.stop();
            server.returns().await;
            Ok((came, left, half, stays))
        });
        check
            .requires(IN_TURN, came, || "Three clients ask. Not all three requests come to the gateway.".to_owned())?;
        check.requires(LEAVES, left, || {
            "A client closes its connection while the gateway works for it. The gateway is not told.".to_owned()
        })?;
        check.requires(LEAVES, half, || {
            "A client closes its own half of the connection while the gateway works for it. The gateway is not told, or the other half stays open."
                .to_owned()
        })?;
        check.requires(IN_TURN, stays, || {
            "Beside it is a client that has sent its next request before it has the reply to the first. It does not get both replies.".to_owned()
        })?;
        check
            .evidence("clients that close all of a connection, or half of it, and one that sends two requests at once");
        Ok(())
    });
}

#[test]
pub fn a_client_waits_as_long_as_it_says() {
    check(|check| {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        // How long the client says it waits, and for how long it is waited for at most.
        let cases = [(Some(minutes(20)), minutes(20)), (Some(minutes(300)), minutes(60)), (None, minutes(60))];
        let times = still(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            let mut times = Vec::new();
            for (case, (left, _)) in (0..).zip(cases) {
                let mut client = Client::connect(server.address).await;
                for turn in 0..3 {
                    let name = 10 * case + turn;
                    told.answer(name, Reply::Stored);
                    client.ask(name, left).await;
                    client.hear().await;
                    times.push((case as usize, turn, told.time(name)));
                    pass(minutes(5)).await;
                }
            }
            server.stop();
            server.returns().await;
            Ok(times)
        });
        for (case, turn, time) in times {
            let (left, most) = cases[case];
            check.requires(WAITS, time == Some(most), || {
                let says = left.map_or("does not say how long it waits".to_owned(), |left| {
                    format!("says that it waits for {left:?}")
                });
                let asked = if turn > 0 { ", some minutes after the reply to its last request" } else { "" };
                let told = time.map_or("not told of it".to_owned(), |time| format!("told that {time:?} are left"));
                format!(
                    "A client asks{asked}, and {says}. None is waited for longer than {HOUR:?}. The gateway is {told}."
                )
            })?;
        }
        check.evidence(
            "clients that say a shorter time, a longer one, and none; and that ask at once, or after a while",
        );
        Ok(())
    });
}

#[test]
pub fn a_connection_that_asks_nothing_is_closed() {
    check(|check| {
        let settings = Settings { patience: HOUR, idle: MINUTE };
        let seconds = Duration::from_secs;
        let (begun, in_time, closed) = still(async {
            let mut server = Server::start(settings).await?;
            let told = server.told.clone();
            (1..=9).for_each(|name| told.answer(name, Reply::Stored));
            let [mut silent, mut mute, mut drips, mut first, mut next, mut halves, mut busy] =
                Client::connect_all(server.address).await;
            // Three of them have asked before.
            let mut begun = true;
            for (name, client) in (1..).zip([&mut mute, &mut drips, &mut next]) {
                client.ask(name, None).await;
                begun &= client.hear().await.is_some();
            }
            let line = padded(4, 100);
            halves.send(&line[..50]).await;
            busy.ask(20, None).await;
            begun &= told.until(|told| told.fate(20).is_some()).await;
            for (turn, time) in (0..).zip([20, 20, 19]) {
                drips.send(&line[turn..=turn]).await;
                begun &= server.answers(100 + turn as u64).await;
                pass(seconds(time)).await;
            }
            // Three do it when it is nearly too late: their time begins anew.
            let mut in_time = Vec::new();
            first.ask(5, None).await;
            next.ask(6, None).await;
            halves.send(&line[50..]).await;
            drips.send(&line[3..4]).await;
            for (who, client) in [(FIRST, &mut first), (NEXT, &mut next), (HALVES, &mut halves)] {
                in_time.push((who, client.hear().await));
            }
            pass(seconds(2)).await;
            let mut closed = Vec::new();
            for (who, client) in [(SILENT, &mut silent), (MUTE, &mut mute), (DRIPS, &mut drips)] {
                closed.push((who, client.is_closed().await));
            }
            pass(seconds(57)).await;
            first.ask(7, None).await;
            in_time.push((AGAIN, first.hear().await));
            told.answer(20, Reply::Stored);
            in_time.push((BUSY, busy.hear().await));
            pass(seconds(59)).await;
            busy.ask(8, None).await;
            in_time.push((BUSY, busy.hear().await));
            server.stop();
            server.returns().await;
            Ok((begun, in_time, closed))
        });
        check.requires(IN_TURN, begun, || "Clients connect, and ask. Not all are answered.".to_owned())?;
        let early = in_time.iter().find(|(_, reply)| *reply != Some(Reply::Stored));
        check.requires(IDLE, early.is_none(), || {
            let (who, reply) = early.cloned().unwrap_or_default();
            format!("`idle` is {MINUTE:?}. {who} It hears {reply:?}.")
        })?;
        let open = closed.iter().find(|(_, closed)| !closed);
        check.requires(IDLE, open.is_none(), || {
            format!(
                "`idle` is {MINUTE:?}. {} After 61 s, the connection is still open.",
                open.map_or("", |(who, _)| who)
            )
        })?;
        check.evidence("seven connections, on which a minute is not too long, or is");
        Ok(())
    });
}

const FIRST: &str = "A client connects, and sends its first request after 59 s.";
const NEXT: &str = "A client sends its next request 59 s after a reply.";
const HALVES: &str = "A client connects and sends half a line, and the other half after 59 s.";
const AGAIN: &str = "A client sends a request 59 s after it has connected, and another one 59 s after the reply.";
const BUSY: &str =
    "The gateway needs two minutes to answer a request. 59 s after the reply, its client sends the next one.";
const SILENT: &str = "A client connects, and sends nothing.";
const MUTE: &str = "A client has a reply, and sends nothing after it.";
const DRIPS: &str = "A client has a reply, and sends a byte every 20 s. Its line does not end.";

#[test]
pub fn a_reply_that_is_not_taken_is_given_up() {
    check(|check| {
        let settings = Settings { patience: HOUR, idle: MINUTE };
        let seconds = Duration::from_secs;
        let is_long = |reply: Option<Reply>| matches!(reply, Some(Reply::Lines(_)));
        let (begun, [slow, dripping, never], drained) = still(async {
            let mut server = Server::start(settings).await?;
            let told = server.told.clone();
            (1..=5).for_each(|name| told.answer_at_length(name));
            let [mut slow, mut drips, mut never] = Client::connect_all(server.address).await;
            for (name, client) in (1..).zip([&mut slow, &mut drips, &mut never]) {
                client.ask(name, None).await;
            }
            let are_answered =
                |told: &Told, names: Range<u64>| names.into_iter().all(|name| told.fate(name) == Some(Fate::Answered));
            let mut begun = told.until(|told| are_answered(told, 1..4)).await;
            for (turn, time) in (10..).zip([20, 20, 19]) {
                begun &= server.answers(turn).await;
                pass(seconds(time)).await;
                let _ = drips.take(LONG / 8).await;
            }
            let slow = is_long(slow.hear().await);
            begun &= server.answers(20).await;
            pass(seconds(2)).await;
            begun &= server.answers(21).await;
            let replies = [slow, is_long(drips.hear().await), is_long(never.hear().await)];
            if !begun || replies != [true, false, false] {
                return Ok((begun, replies, None));
            }
            let [mut late, mut gone] = Client::connect_all(server.address).await;
            late.ask(4, None).await;
            gone.ask(5, None).await;
            begun &= told.until(|told| are_answered(told, 4..6)).await && server.answers(22).await;
            server.stop();
            begun &= told.until(|told| told.is_draining()).await;
            pass(seconds(59)).await;
            let early = server.has_returned();
            let late = is_long(late.hear().await);
            let early = early || server.has_returned();
            pass(seconds(2)).await;
            let returned = server.returns().await;
            Ok((begun, replies, Some((early, late, returned))))
        });
        let story = format!("`idle` is {MINUTE:?}. Replies are {LONG} bytes long.");
        check.requires(IN_TURN, begun, || {
            format!("{story} Some clients do not read theirs. Others ask, and are not answered.")
        })?;
        check.requires(IDLE, slow, || {
            format!("{story} A client begins to read its own after 59 s. It does not get all of it.")
        })?;
        check.requires(IDLE, !never, || {
            format!(
                "{story} A client begins to read its own after 61 s. It gets all of it: the connection was not closed."
            )
        })?;
        check.requires(IDLE, !dripping, || {
            format!("{story} A client reads some bytes of its own every 20 s. After 61 s it reads on, and gets all of it: the connection was not closed.")
        })?;
        let story = format!("{story} Two clients have not read theirs when the server is told to stop.");
        let (early, late, returned) = drained.unwrap_or_default();
        check.requires(DRAINS, !early, || {
            format!("{story} It returns before `idle` is over, and before one of them has read its own.")
        })?;
        check
            .requires(DRAINS, late, || format!("{story} One begins to read after 59 s. It does not get all of it."))?;
        check.requires(DRAINS, returned, || {
            format!("{story} One never reads. After 61 s, the server has not returned.")
        })?;
        check.evidence("clients that take their replies late, bit by bit, or never; before a stop, and at a stop");
        Ok(())
    });
}

#[test]
pub fn what_goes_wrong_with_one_client_is_not_felt_by_others() {
    check(|check| {
        let (here, later, drained) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            let [mut stays, mut unlucky, mut resets, mut halves] = Client::connect_all(server.address).await;
            stays.ask(1, None).await;
            told.panic(2);
            unlucky.ask(2, None).await;
            unlucky.hear().await; // whatever it is
            for (name, client) in (3..).zip([&mut resets, &mut halves]) {
                told.answer_at_length(name);
                client.ask(name, None).await;
                let _ = client.take(1).await;
            }
            resets.reset();
            halves.shut().await;
            halves.hear().await; // whatever it is
            let came = told.until(|told| told.fate(1).is_some()).await;
            told.answer(1, Reply::Stored);
            let here = came && stays.hear().await == Some(Reply::Stored);
            let later = server.answers(5).await;
            if !here || !later {
                return Ok((here, later, None));
            }
            let mut unlucky = Client::connect(server.address).await;
            unlucky.ask(6, None).await;
            stays.ask(7, None).await;
            let mut drained = told.until(|told| told.fate(6).is_some() && told.fate(7).is_some()).await;
            server.stop();
            drained &= told.until(|told| told.is_draining()).await;
            told.panic(6);
            unlucky.hear().await; // whatever it is
            told.answer(7, Reply::Stored);
            drained &= stays.hear().await == Some(Reply::Stored);
            drained &= server.returns().await;
            Ok((here, later, Some(drained)))
        });
        let story = "One client resets its connection in the middle of a reply, one closes its half of it, and the answer to a request of a third one panics.";
        check.requires(APART, here, || format!("{story} A fourth one, which has asked before, is not answered."))?;
        check.requires(APART, later, || format!("{story} A client that connects after that is not answered."))?;
        check.requires(APART, drained == Some(true), || {
            "Two requests are under way when the server is told to stop. The answer to one of them panics. The other is not answered, or the server does not return."
                .to_owned()
        })?;
        check.evidence("a reset, half a close, and a panic, and clients that come before and after");
        Ok(())
    });
}

#[test]
pub fn it_goes_on_when_files_run_out() {
    check(|check| {
        let (before, running, here, waited, later) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            (1..=5).for_each(|name| told.answer(name, Reply::Stored));
            let mut stays = Client::connect(server.address).await;
            stays.ask(1, None).await;
            let before = stays.hear().await.is_some();
            let mut files = Files::open()?;
            files.close_one();
            let mut waits = Client::connect(server.address).await; // it takes the last one, and none is left for the server's side
            if before && !waits.is_connected() {
                return Err(io::Error::other("one file could be opened, and it is no connection"));
            }
            waits.ask(2, None).await;
            let mut here = true;
            for name in 3..=5 {
                stays.ask(name, None).await;
                here &= stays.hear().await == Some(Reply::Stored);
            }
            let running = !server.has_returned();
            drop(files);
            let waited = waits.hear().await == Some(Reply::Stored);
            let later = server.answers(6).await;
            server.stop();
            server.returns().await;
            Ok((before, running, here, waited, later))
        });
        let story = "A process can open no more files, and so its server can accept no connection.";
        check.requires(IN_TURN, before, || "A client asks, and is not answered.".to_owned())?;
        check.requires(ACCEPTS, running, || format!("{story} It returns, although nothing has told it to stop."))?;
        check.requires(ACCEPTS, here, || {
            format!("{story} A client that was connected before asks, and is not answered.")
        })?;
        check.requires(ACCEPTS, waited && later, || {
            let who = if waited { "comes after that" } else { "has waited for it" };
            format!("{story} Then some are closed, and a client that {who} asks. It is not answered.")
        })?;
        check.evidence("a server without a file left, and then with some");
        Ok(())
    });
}

#[test]
pub fn it_stops_when_all_is_answered() {
    check(|check| {
        let story = "Two requests are under way, and behind one of them waits the client's next one. One connection asks nothing, and one has sent half a line. The server is told to stop.";
        let (came, ended, early, replies, closed, next, returned) = scene(async {
            let mut server = Server::start(PATIENT).await?;
            let told = server.told.clone();
            let [mut one, mut two] = [Client::connect(server.address).await, Client::connect(server.address).await];
            let [mut idle, mut half] = [Client::connect(server.address).await, Client::connect(server.address).await];
            half.send(b"{\"ask\":").await;
            one.ask(1, None).await;
            one.ask(3, None).await;
            two.ask(2, None).await;
            let came = told.until(|told| told.fate(1).is_some() && told.fate(2).is_some()).await;
            told.answer(3, Reply::Stored);
            server.stop();
            let mut ended = told.until(|told| told.is_draining()).await;
            ended &= idle.is_closed().await && half.is_closed().await;
            // Others may be in the queue of connections that the system keeps. When that is gone, nothing is accepted.
            ended &= !Client::connect(server.address).await.is_connected();
            let early = server.has_returned();
            told.answer(1, Reply::Stored);
            let first = one.hear().await;
            let early = early || server.has_returned();
            told.answer(2, Reply::Stored);
            let replies = [first, two.hear().await];
            let closed = one.is_closed().await && two.is_closed().await;
            let returned = server.returns().await.then(|| server.tasks());
            Ok((came, ended, early, replies, closed, told.fate(3), returned))
        });
        check.requires(IN_TURN, came, || "Two clients ask. Not both requests come to the gateway.".to_owned())?;
        check.requires(DRAINS, ended, || {
            format!("{story} The gateway is not drained, or a connection without a request stays open, or new ones are accepted.")
        })?;
        check.requires(DRAINS, !early, || format!("{story} It returns before both are answered."))?;
        check.requires(DRAINS, replies == [Some(Reply::Stored), Some(Reply::Stored)] && closed, || {
            format!(
                "{story} The clients hear {replies:?}, and their connections are then {}.",
                if closed { "closed" } else { "open" }
            )
        })?;
        check.requires(DRAINS, next.is_none(), || {
            format!("{story} The request that has waited comes to the gateway after that.")
        })?;
        check.requires(DRAINS, returned.is_some(), || format!("{story} When all is answered, it does not return."))?;
        check.requires(DRAINS, returned == Some(0), || {
            format!("{story} It has returned, and of its tasks there are still {}.", returned.unwrap_or_default())
        })?;
        check.evidence("a server that stops with requests under way, and with connections that ask nothing");
        Ok(())
    });
}

#[test]
pub fn it_may_be_told_to_stop_before_it_begins() {
    check(|check| {
        let (returned, drained, closed, came, tasks) = scene(async {
            let mut server = Server::begin(PATIENT)?;
            let mut client = Client::connect(server.address).await;
            client.ask(1, None).await;
            server.stop();
            let returned = server.returns().await;
            let (drained, tasks) = (server.told.is_draining(), server.tasks());
            let closed = client.is_closed().await && !Client::connect(server.address).await.is_connected();
            Ok((returned, drained, closed, server.told.fate(1).is_some(), tasks))
        });
        let story = "`stop` is ready from the beginning.";
        check.requires(DRAINS, returned, || format!("{story} The server does not return."))?;
        check.requires(DRAINS, drained, || format!("{story} The server returns, and has not drained the gateway."))?;
        check.requires(DRAINS, closed, || {
            format!("{story} A client can still connect, or one that was about to be accepted is not turned away.")
        })?;
        check.requires(DRAINS, !came, || format!("{story} A client's request comes to the gateway all the same."))?;
        check.requires(DRAINS, tasks == 0, || {
            format!("{story} The server has returned, and of its tasks there are still {tasks}.")
        })?;
        check.evidence("a server that is told to stop before its first client");
        Ok(())
    });
}

/// So many clients send so many lines each.
const CLIENTS: u64 = 4;
const LINES: u64 = 10;

/// So often is a line sent that was not stored: on a slow machine, the gateway may refuse it for good reasons.
const TRIES: usize = 100;

#[test]
pub fn the_chain_keeps_what_it_says() {
    check(|check| {
        let mut chain = tried(check, chain())?;
        let entrance = chain.entrance;
        let clients: Vec<_> = (0..CLIENTS).map(|client| thread::spawn(move || send(entrance, client))).collect();
        let stored: u64 = clients.into_iter().map(|client| client.join().unwrap_or(0)).sum();
        not_written_yet(&chain.log.last(100));
        check.requires(KEPT, stored == CLIENTS * LINES, || {
            format!("{CLIENTS} clients send {LINES} lines each, up to {TRIES} times. Only {stored} are stored.")
        })?;
        let tail = ask(entrance, Request::Tail { tenant: 0 });
        check.requires(KEPT, matches!(tail, Reply::Lines(_)), || {
            format!("A client that asks for a tail is told {tail:?}.")
        })?;
        let status = tried(check, chain.gateway.terminate(LIMIT))?;
        check.requires(DRAINS, status.success(), || {
            format!("The gateway is told to stop (SIGTERM), and ends with {status}.")
        })?;
        tried(check, chain.store.kill())?;
        let counts = in_the_log(&chain.folder);
        let right = counts.len() as u64 == CLIENTS * LINES && counts.values().all(|count| *count == 1);
        check.requires(KEPT, right, || {
            format!("All lines were said to be stored. How often each is in the log: {counts:?}.")
        })?;
        check.evidence(format!("{} lines through four processes", CLIENTS * LINES));
        Ok(())
    });
}

/// Sends a client's lines, and says how many are stored.
fn send(entrance: SocketAddr, client: u64) -> u64 {
    let stored = (0..LINES).filter(|key| {
        let request = || Request::Line { tenant: client, key: *key, text: format!("line {key}") };
        (0..TRIES).any(|_| ask(entrance, request()) == Reply::Stored)
    });
    stored.count() as u64
}

/// How often each line is in the store's log.
fn in_the_log(folder: &Path) -> BTreeMap<(u64, u64), usize> {
    let lines = store::read(folder).expect("the store has ended, and its log can be read");
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry((line.tenant, line.key)).or_insert(0) += 1;
    }
    counts
}

#[test]
pub fn a_gateway_that_is_told_to_stop_finishes_first() {
    check(|check| {
        let finishes = || {
            "Two lines are under way, and the gateway is told to stop (SIGTERM). It ends before they are answered."
                .to_owned()
        };
        // The check itself is `enrich`, so it knows when the requests have come there.
        let enrich = TcpListener::bind("127.0.0.1:0").expect("the system lets a check listen");
        let address = enrich.local_addr().expect("a listener has an address").to_string();
        let (enclosure, log) = (tried(check, Enclosure::new())?, Log::new());
        let started = start(&enclosure, &log, &["gateway", "--enrich", &address, "--tail", &address]);
        let (entrance, mut gateway) = tried(check, started)?;
        let (send, heard) = mpsc::channel();
        for key in 0..2 {
            let send = send.clone();
            thread::spawn(move || send.send(ask(entrance, Request::Line { tenant: 1, key, text: "a".to_owned() })));
        }
        let mut calls = Vec::new();
        for _ in 0..2 {
            let stream = called(check, &enrich, &mut gateway, &log)?;
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("the gateway says what it wants");
            calls.push(stream);
        }
        let early = gateway.terminate(Duration::ZERO).is_ok();
        check.requires(DRAINS, !early, finishes)?;
        until("the gateway accepts no connection", || TcpStream::connect(entrance).is_err());
        let early = tried(check, gateway.ended())?;
        check.requires(DRAINS, early.is_none(), finishes)?;
        for mut stream in calls {
            let _ = stream.write_all(Reply::Stored.written().as_bytes());
        }
        let replies: Vec<_> = heard.iter().take(2).collect();
        check.requires(DRAINS, replies.iter().all(|reply| *reply == Reply::Stored), || {
            format!("Two lines were under way when the gateway was told to stop (SIGTERM), and were stored. Their clients hear {replies:?}.")
        })?;
        let status = tried(check, gateway.wait(LIMIT))?;
        check.requires(DRAINS, status.is_some_and(|status| status.success()), || {
            format!("The gateway was told to stop (SIGTERM), and all is answered. It ends with {status:?}.")
        })?;
        check.evidence("a gateway that is told to stop while two lines are under way");
        Ok(())
    });
}
