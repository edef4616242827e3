//! Task `chaos`: your servers as real processes, with your monkey among them, and clients that remember what they were told.
//!
//! Nothing here can be repeated to the byte, and no verdict depends on how fast the machine is: what clients were told is judged, and
//! limits of time are only there against hanging.

use std::net::SocketAddr;
use std::panic;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use testkit::check::{Check, Failure, Proven, Rule, check};
use testkit::network::{Error, Party, Seat, Site, built_program};

use crate::subject::chaos::{self, Broken, PATIENCE, Plan};
use crate::subject::raft::store::Request::{self, Add, Get, Put};
use crate::subject::raft::store::Value;
use crate::subject::server;
use crate::subject::server::client::{Client, Config, Failed};

const ORDER: Rule = Rule::new(
    "one story",
    "One map could have given all the answers that clients got, in some order.",
    "Herlihy & Wing 1990: linearizability",
    "2-failures/chaos.md#one-story",
);

const ONCE: Rule = Rule::new(
    "once",
    "An acknowledged request counts once, and a request with an unknown outcome counts at most once, however often it was \
     tried.",
    "Ongaro 2014, section 6.3",
    "2-failures/chaos.md#one-story",
);

const KEPT: Rule = Rule::new(
    "what is acknowledged is kept",
    "Once a client is told that its request is done, it stays done, whichever server is killed afterwards, and even if all are.",
    "Ongaro & Ousterhout 2014, section 5.4: committed entries are durable",
    "2-failures/chaos.md#one-story",
);

const MAJORITY: Rule = Rule::new(
    "a majority is enough",
    "While a majority of the servers is healthy and connected, every client is served.",
    "Ongaro & Ousterhout 2014, section 2: functional as long as any majority of the servers are operational",
    "2-failures/chaos.md#a-majority-is-enough",
);

const STANDS: Rule = Rule::new(
    "no server stops by itself",
    "A server starts from whatever its folder holds, and runs until it is killed, asked to end, or loses its disk.",
    "contract of `server::run`",
    "2-failures/chaos.md#who-has-ended",
);

const SILENT: Rule = Rule::new(
    "a server whose disk has failed is silent",
    "A server that cannot write, or whose syncs fail, ends: nothing would back what it says after that.",
    "Rebello et al. 2020, section 3.3: after a failed fsync only what was durable before can be relied on",
    "2-failures/remember.md#silent",
);

const BLAST_RADIUS: Rule = Rule::new(
    "the monkey leaves a majority",
    "No server is hit if that would leave too few healthy, and the audit log records what was done.",
    "contract of `Monkey::tick`",
    "2-failures/monkey.md#enough-are-healthy",
);

const HAPPENS: Rule = Rule::new(
    "something happens",
    "The monkey acts on most days on which it may, clients are served, and servers cut off their logs.",
    "contract of `Monkey::decide`",
    "2-failures/chaos.md#the-run",
);

/// How long a request has for getting done before its leader is killed. If that is too short on some machine, then the request is only
/// asked again, which proves less, and accuses nobody.
const BEFORE_THE_KILL: Duration = Duration::from_millis(400);

/// So many tries take at least twenty seconds: each third comes after a pause, since three servers are asked by turns.
const PATIENT: usize = 600;

/// The command that starts a server.
///
/// It waits longer for its leader than servers usually do: where checks run side by side, a sync may take longer than 150 ms, and a
/// leader with a slow disk must not be deposed for it.
fn kv(seat: &Seat) -> Command {
    let mut command = Command::new(built_program(crate::KV));
    command.arg("serve").args(seat.arguments()).arg("--ailment").arg(&seat.ailment);
    command.args(["--election", "400-800", "--heartbeat", "100"]);
    command.env("RUST_BACKTRACE", "0"); // its last lines are to say why it ended, and not from where
    command
}

/// What only the system or a server that does not start can be blamed for.
fn tried<T>(check: &mut Check, result: Result<T, Error>) -> Result<T, Box<Failure>> {
    result.or_else(|error| {
        let says = error.to_string();
        not_written_yet(&says);
        check.requires(STANDS, false, || says)?;
        panic!("{error}")
    })
}

fn started(check: &mut Check, servers: usize) -> Result<Site, Box<Failure>> {
    let site = Site::new(servers, kv).and_then(|mut site| site.start_all().map(|()| site));
    tried(check, site)
}

/// A client that gives up a silent server soon, and a request after `tries` of that.
fn client(servers: Vec<SocketAddr>, tries: usize) -> Client {
    let mut config = Config::usual("kv", servers);
    config.patience.tries = tries;
    config.limit = Duration::from_millis(300);
    Client::new(config)
}

/// A client that knows all servers, and gives up a request after a while, to begin another one.
fn of_all(site: &Site) -> Client {
    client(addresses(site), 10)
}

fn addresses(site: &Site) -> Vec<SocketAddr> {
    (0..site.size()).map(|server| site.address(server)).collect()
}

/// Asks until there is an answer. Only for what may be done twice.
fn insist(check: &mut Check, client: &mut Client, when: &str, request: Request) -> Result<Value, Box<Failure>> {
    let begun = Instant::now();
    loop {
        if let Ok(told) = client.ask(request) {
            return Ok(told);
        }
        let seconds = PATIENCE.as_secs();
        check.requires(MAJORITY, begun.elapsed() < PATIENCE, || {
            format!("{when}, {request:?} was sent again and again for {seconds} s, and is not answered.")
        })?;
    }
}

#[test]
pub fn what_was_acknowledged_survives_whoever_is_killed() {
    check(|check| {
        let mut site = started(check, 3)?;
        let mut client = of_all(&site);
        for round in 1..=6 {
            let victim = usize::try_from(round).unwrap_or(0) % 3;
            insist(check, &mut client, "With three servers up", Put('x', round))?;
            let killed = site.kill(victim).map(drop);
            tried(check, killed)?;
            holds(check, &mut client, &format!("With n{victim} killed"), round)?;
            let again = site.start(victim);
            tried(check, again)?;
        }
        for server in 0..3 {
            let killed = site.kill(server).map(drop);
            tried(check, killed)?;
        }
        let again = site.start_all();
        tried(check, again)?;
        holds(check, &mut client, "After all three were killed and started again", 6)?;
        let ended = site.end();
        tried(check, ended)?;
        check.evidence("three servers, each killed twice, and then all at once");
        Ok(())
    });
}

fn holds(check: &mut Check, client: &mut Client, when: &str, value: Value) -> Proven {
    let told = insist(check, client, when, Get('x'))?;
    check.requires(KEPT, told == value, || {
        format!("A client was told that `x` holds {value} now. {when}, it is told that `x` holds {told}.")
    })
}

#[test]
pub fn a_leader_that_nobody_follows_tells_nothing_old() {
    check(|check| {
        let site = started(check, 3)?;
        let mut everybody = of_all(&site);
        let mut asked = 0;
        for round in 1..=4 {
            insist(check, &mut everybody, "With three servers up", Put('x', round))?;
            let Some(leader) = leader(&site) else { continue };
            asked += 1;
            let others: Vec<usize> = (0..3).filter(|other| *other != leader).collect();
            others.iter().for_each(|other| site.cut(leader, *other));
            let address = |server: &usize| site.address(*server);
            let mut elsewhere = client(others.iter().map(address).collect(), 10);
            insist(check, &mut elsewhere, &format!("With n{leader} cut off from the others"), Put('x', -round))?;
            let told = client(vec![address(&leader)], 3).ask(Get('x')).ok();
            check.requires(ORDER, told.is_none_or(|value| value == -round), || {
                format!(
                    "n{leader} led, and was cut off from the others. They have acknowledged that `x` holds {}. Asked after \
                     that, n{leader} says that it holds {}.",
                    -round,
                    told.unwrap_or_default()
                )
            })?;
            site.heal_all();
        }
        check.requires(HAPPENS, asked > 0, || "No server ever says that it leads.".to_owned())?;
        let ended = site.end();
        tried(check, ended)?;
        check.evidence(format!("{asked} leaders cut off from the others, and asked"));
        Ok(())
    });
}

/// The server that said last that it leads.
fn leader(site: &Site) -> Option<usize> {
    let term = |server: &usize| chaos::leads(&site.printed(*server, 200));
    (0..site.size()).filter(|server| term(server).is_some()).max_by_key(term)
}

#[test]
pub fn what_was_done_and_not_answered_counts_once() {
    check(|check| {
        let mut site = started(check, 3)?;
        let mut everybody = of_all(&site);
        let mut lost = 0;
        for round in 0..6 {
            insist(check, &mut everybody, "With three servers up", Get('x'))?;
            let mut asks = client(addresses(&site), PATIENT);
            let _ = asks.ask(Get('x')); // its connection to the leader is open now
            let Some(leader) = leader(&site) else { continue };
            lost += 1;
            let told = without_an_answer(check, &mut site, asks, leader, round % 2 == 1)?;
            check.requires(MAJORITY, told.is_ok(), || {
                let says = told.map_or_else(|error| error.to_string(), |value| value.to_string());
                format!("n{leader}, which led, was killed before a client heard from it. The client asks again, and is told: \
                         {says}")
            })?;
            check.requires(ONCE, told == Ok(lost), || {
                format!(
                    "n{leader}, which led, was killed before a client heard what became of \"add 1 to `x`\". The client was \
                     answered in the end. After all such requests `x` must hold {lost}, but it holds {}.",
                    told.unwrap_or_default()
                )
            })?;
        }
        check.requires(HAPPENS, lost > 0, || "No server ever says that it leads.".to_owned())?;
        let ended = site.end();
        tried(check, ended)?;
        check.evidence(format!("{lost} answers lost with their leaders; every second time all servers were killed"));
        Ok(())
    });
}

/// Adds 1 to `x` while nothing that the leader says gets to a client; then the leader is killed, or everybody.
fn without_an_answer(
    check: &mut Check,
    site: &mut Site,
    mut asks: Client,
    leader: usize,
    all: bool,
) -> Result<Result<Value, Failed>, Box<Failure>> {
    site.cut_one_way(leader, Party::Clients);
    let asking = thread::spawn(move || asks.ask(Add('x', 1)));
    thread::sleep(BEFORE_THE_KILL);
    let victims = if all { (0..site.size()).collect() } else { vec![leader] };
    for victim in victims {
        let killed = site.kill(victim).map(drop);
        tried(check, killed)?;
    }
    site.heal_all();
    if all {
        let again = site.start_all();
        tried(check, again)?;
    }
    let told = asking.join().unwrap_or_else(|payload| panic::resume_unwind(payload));
    let again = site.start_all();
    tried(check, again)?;
    Ok(told)
}

#[test]
pub fn whatever_the_monkey_does_clients_are_told_one_story() {
    check(|check| {
        let plan = Plan::usual(1);
        let ran = chaos::run(&plan, kv, &mut |_| ());
        let report = tried(check, ran)?;
        for broken in &report.broken {
            let rule = match broken {
                Broken::Order(_) => ORDER,
                Broken::Count(_) => ONCE,
                Broken::Progress(_) => MAJORITY,
                Broken::Ended(_) => STANDS,
                Broken::Disk(_) => SILENT,
                Broken::Monkey(_) => BLAST_RADIUS,
            };
            let says = broken.to_string();
            not_written_yet(&says);
            check.requires(rule, false, || says)?;
        }
        let (answered, faults) = (report.answers.len(), report.faults.len());
        check.requires(HAPPENS, answered > faults && faults > 2, || {
            format!("On {} days {faults} faults were done, and {answered} operations were answered.", plan.days)
        })?;
        check.requires(HAPPENS, report.cut_logs > 0, || {
            format!(
                "{answered} operations were answered, but no server has cut off its log. Each must do so after {} applied \
                 entries, and snapshots are part of what this run tests.",
                server::KEPT
            )
        })?;
        check.evidence(report.to_string());
        Ok(())
    });
}

/// A server that has come upon a `todo!` and printed that is not wrong, but not written yet.
fn not_written_yet(says: &str) {
    if let Some(line) = says.lines().find(|line| line.contains("not yet implemented")) {
        panic::resume_unwind(Box::new(line.trim().to_owned()));
    }
}
