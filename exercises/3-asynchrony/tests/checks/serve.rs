//! Task `serve`: connections, and the signal to stop. Sockets and processes are real, and nothing is decided by how fast they are.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use testkit::check::{Check, Failure, Rule, check};
use testkit::network::{Enclosure, Error, Log, Process, built_program, until};

use super::sockets::{Client, Fate, Server, scene};
use crate::subject::chain::blocking::{call, store};
use crate::subject::chain::message::{Call, LONGEST, Message, Reply, Request};

const IN_TURN: Rule = Rule::new(
    "one reply for each request",
    "Clients do not wait for each other, and each client's requests are answered in turn.",
    "contract of `serve`",
    "3-asynchrony/chain.md#it-stands-still",
);

const REFUSED: Rule = Rule::new(
    "what is no request is refused",
    "A line that cannot be read is `Refused`, and the next one is read; a line without an end is the last one.",
    "contract of `serve`",
    "3-asynchrony/chain.md#the-task-serve",
);

const LEAVES: Rule = Rule::new(
    "who has left is not worked for",
    "When a client closes its connection, its request is dropped.",
    "gRPC, Cancellation: a server should stop what it still computes for a call that was cancelled",
    "3-asynchrony/chain.md#it-goes-on",
);

const WAITS: Rule = Rule::new(
    "for how long a client waits",
    "A client waits for as long as it says, and no longer than `patience`.",
    "contract of `serve`",
    "3-asynchrony/chain.md#past-the-deadline",
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

const STANDS: Rule = Rule::new(
    "no service stops by itself",
    "A service of the chain runs until it is told to stop.",
    "contract of `serve`",
    "3-asynchrony/chain.md#the-task-serve",
);

const HOUR: Duration = Duration::from_secs(3600);

/// So many clients leave in the middle of a line. They are called by these names.
const CUT_OFF: Range<u64> = 100..130;

/// This is only against hanging.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
pub fn requests_are_answered_in_turn() {
    check(|check| {
        let (came, second, replies) = scene(async {
            let mut server = Server::start(HOUR).await?;
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
            let mut server = Server::start(HOUR).await?;
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

#[test]
pub fn a_client_that_leaves_is_noticed() {
    check(|check| {
        let (came, left, stays) = scene(async {
            let mut server = Server::start(HOUR).await?;
            let told = server.told.clone();
            let mut leaver = Client::connect(server.address).await;
            let mut stayer = Client::connect(server.address).await;
            leaver.ask(1, None).await;
            stayer.ask(2, None).await;
            stayer.ask(3, None).await; // it waits for its turn, and says that its client is there
            let came = told.until(|told| told.fate(1).is_some() && told.fate(2).is_some()).await;
            drop(leaver);
            let left = told.until(|told| told.fate(1) == Some(Fate::Left)).await;
            let stays = told.fate(2) == Some(Fate::UnderWay);
            told.answer(2, Reply::Stored);
            told.answer(3, Reply::Stored);
            let stays = stays && stayer.hear().await.is_some() && stayer.hear().await.is_some();
            server.stop();
            server.returns().await;
            Ok((came, left, stays))
        });
        check.requires(IN_TURN, came, || "Two clients ask. Not both requests come to the gateway.".to_owned())?;
        check.requires(LEAVES, left, || {
            "A client closes its connection while the gateway works for it. The gateway is not told.".to_owned()
        })?;
        check.requires(IN_TURN, stays, || {
            "Beside it is a client that has sent its next request before it has the reply to the first. It does not get both replies.".to_owned()
        })?;
        check.evidence("a client that closes its connection, and one that sends two requests at once");
        Ok(())
    });
}

#[test]
pub fn a_client_waits_as_long_as_it_says() {
    check(|check| {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        // How long the client says it waits, and for how long it is waited for at most.
        let cases = [(Some(minutes(20)), minutes(20)), (Some(minutes(300)), minutes(60)), (None, minutes(60))];
        let times = scene(async {
            let mut server = Server::start(HOUR).await?;
            let told = server.told.clone();
            let mut times = Vec::new();
            for (name, (left, _)) in (0..).zip(cases) {
                told.answer(name, Reply::Stored);
                let mut client = Client::connect(server.address).await;
                client.ask(name, left).await;
                client.hear().await;
                times.push(told.time(name).unwrap_or_default());
            }
            server.stop();
            server.returns().await;
            Ok(times)
        });
        for (time, (left, most)) in times.into_iter().zip(cases) {
            let is_right = time <= most && time + minutes(5) > most;
            check.requires(WAITS, is_right, || {
                format!("A client says that it waits for {left:?}, and none is waited for longer than an hour. The gateway is told {time:?}.")
            })?;
        }
        check.evidence("clients that say a shorter time, a longer one, and none");
        Ok(())
    });
}

#[test]
pub fn it_stops_when_all_is_answered() {
    check(|check| {
        let story = "Two requests are under way, one connection asks nothing, and one has sent half a line. The server is told to stop.";
        let (came, ended, early, replies, closed, returned) = scene(async {
            let mut server = Server::start(HOUR).await?;
            let told = server.told.clone();
            let [mut one, mut two] = [Client::connect(server.address).await, Client::connect(server.address).await];
            let [mut idle, mut half] = [Client::connect(server.address).await, Client::connect(server.address).await];
            half.send(b"{\"ask\":").await;
            one.ask(1, None).await;
            two.ask(2, None).await;
            let came = told.until(|told| told.fate(1).is_some() && told.fate(2).is_some()).await;
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
            let returned = server.returns().await;
            Ok((came, ended, early, replies, closed, returned))
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
        check.requires(DRAINS, returned, || format!("{story} When all is answered, it does not return."))?;
        check.evidence("a server that stops with requests under way, and with connections that ask nothing");
        Ok(())
    });
}

/// What a process did, or how it ended although it should not have. What the system refuses is nobody's fault.
fn tried<T>(check: &mut Check, result: Result<T, Error>) -> Result<T, Box<Failure>> {
    result.or_else(|error| {
        let says = error.to_string();
        not_written_yet(&says);
        check.requires(STANDS, !error.is_the_servers(), || says)?;
        panic!("{error}")
    })
}

/// Code that is not written yet panics in the service, and says so there: then it is reported as in any other check.
fn not_written_yet(says: &str) {
    if let Some(line) = says.lines().find(|line| line.contains("not yet implemented")) {
        panic::resume_unwind(Box::new(line.trim().to_owned()));
    }
}

/// The chain's processes, from the last one to the first.
struct Chain {
    gateway: Process,
    store: Process,
    entrance: SocketAddr,
    _others: [Process; 2],
    log: Log,
    _enclosure: Enclosure,
    folder: PathBuf,
}

fn start(enclosure: &Enclosure, log: &Log, words: &[&str]) -> Result<(SocketAddr, Process), Error> {
    let mut command = Command::new(built_program(crate::CHAIN));
    command.args(words);
    let mut process = enclosure.start(words[0], command, log)?;
    Ok((process.listening(LIMIT)?, process))
}

fn chain() -> Result<Chain, Error> {
    let (enclosure, log) = (Enclosure::new()?, Log::new());
    let folder = enclosure.folder().join("log");
    let (tails, tail) = start(&enclosure, &log, &["tail"])?;
    let data = folder.display().to_string();
    let (stores, store) = start(&enclosure, &log, &["store", "--data", &data, "--followers", &tails.to_string()])?;
    let (enriches, enrich) = start(&enclosure, &log, &["enrich", "--store", &stores.to_string()])?;
    let (entrance, gateway) =
        start(&enclosure, &log, &["gateway", "--enrich", &enriches.to_string(), "--tail", &tails.to_string()])?;
    Ok(Chain { gateway, store, entrance, _others: [enrich, tail], log, _enclosure: enclosure, folder })
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

fn ask(entrance: SocketAddr, request: Request) -> Reply {
    call(entrance, &Message::from(Call { request, left: Some(LIMIT) }), LIMIT)
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
            let (stream, _) = enrich.accept().expect("the gateway calls");
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("the gateway says what it wants");
            calls.push(stream);
        }
        let early = gateway.terminate(Duration::ZERO).is_ok();
        check.requires(DRAINS, !early, finishes)?;
        until("the gateway accepts no connection", || std::net::TcpStream::connect(entrance).is_err());
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
