//! A client for whom there is no answer.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use failures_solution::chaos::leads;
use testkit::network::{Seat, Site, until};

use super::{NOBODY, kv};

#[test]
fn a_client_says_what_it_waits_for_while_it_waits() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv-reference"));
    command.args(["get", "x", "--timeout", "3600", "--peers", NOBODY]).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut client = command.spawn().unwrap();
    let mut says = String::new();
    BufReader::new(client.stderr.take().unwrap()).read_line(&mut says).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    let parts = ["3600 s at most", "n0 (127.0.0.1:1) cannot be reached", "n2 (127.0.0.1:3) cannot", "2 of 3"];
    assert!(parts.iter().all(|part| says.contains(part)), "{says}");
}

#[test]
fn a_client_that_could_ask_nobody_says_that_nothing_was_done() {
    for words in [&["get", "x"][..], &["put", "x", "-3"], &["add", "x", "1"]] {
        let run = kv(&[words, &["--timeout", "0.1", "--peers", NOBODY]].concat());
        assert_eq!((run.code, run.out.as_str(), run.says.lines().count()), (Some(5), "", 1), "{run:?}");
        let known = if words[0] == "get" { "No answer came in 0.1 s." } else { "in 0.1 s, so nothing was done." };
        assert!(run.says.contains(known) && run.says.contains("a majority of the servers, 2 of 3"), "{run:?}");
    }
}

#[test]
fn a_leader_without_a_majority_leaves_it_open_what_was_done() {
    let serve = |seat: &Seat| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-reference"));
        command.arg("serve").args(seat.arguments());
        command
    };
    let mut site = Site::new(3, serve).unwrap();
    let mut left_alone = None;
    until("a leader loses both others", || {
        site.start_all().unwrap();
        let leader = |site: &Site| (0..3).find(|&server| leads(&site.printed(server, usize::MAX)).is_some());
        until("a server leads", || leader(&site).is_some());
        let one = leader(&site).unwrap_or_default();
        (0..3).filter(|server| *server != one).for_each(|server| assert!(!site.kill(server).unwrap().success()));
        left_alone = leads(&site.printed(one, usize::MAX)).map(|_| one); // it may have lost the lead before
        left_alone.is_some()
    });
    let address = site.direct(left_alone.unwrap()).unwrap();
    let peers = format!("127.0.0.1:1,{address},127.0.0.1:2");
    let ask = |words: &[&str]| kv(&[words, &["--timeout", "2", "--peers", &peers]].concat());
    let put = ask(&["put", "x", "7"]);
    assert_eq!(put.code, Some(4), "{put:?}");
    assert!(put.says.contains("nobody knows whether it was done") && put.says.contains("`kv get x`"), "{put:?}");
    let get = ask(&["get", "x"]);
    assert_eq!(get.code, Some(5), "{get:?}");
    assert!(!get.says.contains("nobody knows"), "a read changes nothing: {get:?}");
    site.end().unwrap();
}
