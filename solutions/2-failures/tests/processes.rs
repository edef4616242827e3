//! The server as real processes, where the checks of the task `chaos` do not look: it cuts its log, ends when it is asked to and when its
//! disk fails, gives no answer without a majority, lets servers leave and come back, and lets nobody hurt it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use failures_solution::membership::SIZE;
use failures_solution::raft::store::Request::{Add, Get, Put};
use failures_solution::server::client::{Client, Config};
use failures_solution::server::wire::{Greeting, LIMIT, Speaker, frame, greet};
use testkit::disk::Ailment;
use testkit::network::{Seat, Site, until};
use testkit::node::NodeId;

/// Far more than anything here needs: it is only there against hanging.
const HANGS: Duration = Duration::from_secs(60);

fn kv(seat: &Seat) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv-reference"));
    command.arg("serve").args(seat.arguments()).arg("--ailment").arg(&seat.ailment);
    command
}

fn started(size: usize) -> Site {
    let mut site = Site::new(size, kv).unwrap();
    site.start_all().unwrap();
    site
}

fn client(site: &Site) -> Client {
    Client::new(Config::usual("kv", (0..site.size()).map(|server| site.address(server)).collect()))
}

/// Asks again until there is an answer. Only for what may be done twice.
fn insist(client: &mut Client, request: failures_solution::raft::store::Request) -> i64 {
    let mut answer = None;
    until("a request is answered", || {
        answer = client.ask(request).ok();
        answer.is_some()
    });
    answer.unwrap()
}

#[test]
fn so_many_writes_that_the_log_is_cut_come_back_too() {
    let mut site = started(3);
    let mut client = client(&site);
    insist(&mut client, Put('x', 0));
    for number in 1..=600 {
        assert_eq!(client.ask(Add('x', 1)), Ok(number), "{}", site.printed(0, 20));
    }
    let largest = |site: &Site| {
        std::fs::read_dir(&site.seat(0).data).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).max()
    };
    assert!(largest(&site).unwrap() < 100_000, "the log is cut");
    for server in 0..3 {
        site.terminate(server, HANGS).unwrap();
    }
    site.start_all().unwrap();
    assert_eq!(insist(&mut client, Get('x')), 600);
    site.end().unwrap();
}

#[test]
fn a_server_whose_disk_fails_ends_and_comes_back() {
    let mut site = started(3);
    let mut client = client(&site);
    for (round, ailment) in [(1, Ailment::Full), (2, Ailment::Failing)] {
        site.ail(0, Some(ailment)).unwrap();
        let mut ended = None;
        until("it ends", || {
            insist(&mut client, Put('x', round)); // each write gets to its disk
            ended = site.ended(0).unwrap();
            ended.is_some()
        });
        assert_eq!(ended.unwrap().code(), Some(3), "{}", site.printed(0, 20));
        assert!(site.printed(0, 1).contains("The disk cannot be relied on"), "{}", site.printed(0, 20));
        site.ail(0, None).unwrap();
        site.start(0).unwrap();
        site.kill(1).unwrap();
        assert_eq!(insist(&mut client, Get('x')), round, "it is one of two that are left");
        site.start(1).unwrap();
    }
    site.end().unwrap();
}

#[test]
fn a_server_that_is_asked_to_end_ends_well() {
    let mut site = started(3);
    let mut client = client(&site);
    insist(&mut client, Put('x', 1));
    for server in 0..3 {
        let status = site.terminate(server, HANGS).unwrap();
        assert_eq!(status.code(), Some(0), "{}", site.printed(server, 20));
    }
    assert!(client.ask(Get('x')).is_err(), "nobody is there");
    site.start_all().unwrap();
    assert_eq!(insist(&mut client, Get('x')), 1);
    site.end().unwrap();
}

/// What a server says, on one line, that ends at once with this exit code.
fn refuses_to_start(seat: &Seat, code: i32) -> String {
    let output = kv(seat).output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), says.lines().count()), (Some(code), 1), "{says}");
    assert!(output.stdout.is_empty(), "it listens nowhere");
    says
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let mut site = started(3);
    let mut client = client(&site);
    insist(&mut client, Put('x', 0));
    for (number, id) in [(1, 0), (2, 1), (3, 2)] {
        let says = refuses_to_start(&Seat { id, ..site.seat(0).clone() }, 1);
        let folder = site.seat(0).data.display().to_string();
        let holder = format!("process {} holds its lock", site.id(0).unwrap());
        let next = "give each server a folder of its own";
        assert!([&folder, &holder, next].iter().all(|part| says.contains(*part)), "{says}");
        assert_eq!(client.ask(Add('x', 1)), Ok(number), "the one that has it goes on");
    }
    for server in 0..3 {
        site.kill(server).unwrap(); // a lock does not outlive the process that holds it
    }
    site.start_all().unwrap();
    assert_eq!(insist(&mut client, Get('x')), 3, "{}", site.printed(0, 20));
    site.end().unwrap();
}

#[test]
fn a_minority_gives_no_answer() {
    let site = started(3);
    let mut client = client(&site);
    insist(&mut client, Put('x', 1));
    (0..3).flat_map(|one| (0..one).map(move |other| (one, other))).for_each(|(one, other)| site.cut(one, other));
    let servers = (0..3).map(|server| site.address(server)).collect();
    let mut config = Config::usual("kv", servers);
    config.patience.tries = 6;
    config.limit = Duration::from_millis(200);
    let mut hurried = Client::new(config);
    assert!(hurried.ask(Put('x', 2)).is_err(), "nobody has a majority");
    site.heal_all();
    insist(&mut client, Put('x', 3));
    site.end().unwrap();
}

/// Asks for another size until the map has it.
fn resize(client: &mut Client, size: i64) {
    until("the size is changed", || client.ask(Put(SIZE, size)) == Ok(size));
}

#[test]
fn a_majority_is_what_the_last_change_says() {
    let mut site = started(5);
    let mut client = client(&site);
    insist(&mut client, Put('x', 0));
    [4, 3].into_iter().for_each(|size| resize(&mut client, size));
    // n3 and n4 run on, and hear nobody. Three servers bear one failure, and here each bears its turn.
    for server in 0..3 {
        site.kill(server).unwrap();
        insist(&mut client, Put('x', server as i64));
        site.start(server).unwrap();
    }
    for server in [3, 4] {
        site.kill(server).unwrap();
    }
    insist(&mut client, Put('x', 7));
    site.start(3).unwrap();
    resize(&mut client, 4);
    site.kill(0).unwrap();
    assert_eq!(insist(&mut client, Get('x')), 7, "n1, n2 and n3 are three of four");
    let counts = "servers that count: n0 to n3";
    until("n3 knows that it is in", || site.printed(3, 50).contains(counts));
    site.end().unwrap();
}

/// Sends bytes, and waits until the server hangs up.
fn is_hung_up_on(address: SocketAddr, bytes: &[u8]) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(HANGS)).unwrap();
    let _ = socket.write_all(bytes);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer); // a reset is an end, too
    assert!(answer.is_empty(), "it is told nothing");
}

fn greeting(cluster: &str, speaker: Speaker) -> Vec<u8> {
    greet(&Greeting { cluster: cluster.to_owned(), speaker })
}

#[test]
fn hostile_connections_hurt_nobody_else() {
    let site = started(3);
    let mut client = client(&site);
    insist(&mut client, Put('x', 1));
    let server = |id| Speaker::Server(NodeId(id));
    let hostile: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        u32::MAX.to_le_bytes().to_vec(),
        frame(b"some body or other"),
        frame(&[]),
        greeting("another cluster", server(1)),
        greeting("kv", server(0)),
        greeting("kv", server(9)),
        [greeting("kv", Speaker::Client), frame(&[0xff; 40])].concat(),
        [greeting("kv", server(1)), frame(&[0xff; 40])].concat(),
        [greeting("kv", Speaker::Client), u32::try_from(LIMIT + 1).unwrap().to_le_bytes().to_vec()].concat(),
    ];
    for bytes in &hostile {
        is_hung_up_on(site.direct(0).unwrap(), bytes);
        assert!(client.ask(Add('x', 1)).is_ok());
    }
    let half_a_frame = || {
        let mut half = TcpStream::connect(site.direct(0).unwrap()).unwrap();
        half.write_all(&greeting("kv", Speaker::Client)[..7]).unwrap();
    };
    (0..50).for_each(|_| half_a_frame());
    assert_eq!(client.ask(Get('x')), Ok(1 + i64::try_from(hostile.len()).unwrap()));
    until("there is a line about each kind", || {
        half_a_frame(); // those of the last second may have been too many to be shown
        let printed = site.printed(0, 200);
        let kinds = ["is no greeting", "was announced", "another cluster", "it is n0", "it is n9", "holds no message"];
        kinds.iter().all(|kind| printed.contains(kind)) && printed.contains("in the middle of a frame")
    });
    assert!(site.printed(0, 200).contains("before it are not shown"), "not a line for each, when there are many");
    site.end().unwrap();
}
