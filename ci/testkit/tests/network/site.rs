//! Servers and the ways between them.

use std::time::{Duration, Instant};

use testkit::network::{Error, Party, Site, State, until};

use super::{Client, LIMIT, SILENCE, ask, register, started};

#[test]
fn servers_reach_each_other_and_are_reached() {
    let site = started(3);
    assert_eq!(ask(site.address(2), "w x 7").as_deref(), Some("ok"));
    assert_eq!(ask(site.address(0), "ask 2 r x").as_deref(), Some("7"));
    assert_eq!(ask(site.address(0), "ask 1 r x").as_deref(), Some("-"));
    assert_eq!(site.proxy().carried(0, 2), "r x\n".len() as u64, "they talk by way of the proxy");
    assert_eq!(ask(site.direct(2).unwrap(), "r x").as_deref(), Some("7"));
    site.end().unwrap();
}

#[test]
fn what_was_written_survives_the_kill_and_the_address_stays() {
    let mut site = started(1);
    let address = site.address(0);
    assert_eq!(ask(address, "w x 7").as_deref(), Some("ok"));
    site.kill(0).unwrap();
    assert_eq!((site.state(0).unwrap(), site.direct(0)), (State::Down, None));
    assert_eq!(ask(address, "r x"), None);
    assert!(matches!(site.kill(0), Err(Error::NotRunning { .. })));
    site.restart(0).unwrap();
    assert_eq!(ask(address, "r x").as_deref(), Some("7"));
    site.restart(0).unwrap();
    site.terminate(0, LIMIT).unwrap();
    site.start(0).unwrap();
    assert_eq!(ask(address, "r x").as_deref(), Some("7"));
    until("each of its lives has spoken", || site.printed(0, 99).matches("n0 begins").count() == 4);
    let folder = site.seat(0).data.clone();
    site.end().unwrap();
    assert!(!folder.exists());
}

#[test]
fn a_paused_server_answers_when_it_is_resumed() {
    let mut site = started(2);
    let mut client = Client::connect(site.address(0));
    assert_eq!(client.ask("w x 7").as_deref(), Some("ok"));
    site.pause(0).unwrap();
    assert_eq!(site.state(0).unwrap(), State::Paused);
    client.send("r x");
    assert_eq!(client.receive(SILENCE), None);
    let mut late = Client::connect(site.address(0));
    late.send("r x");
    assert_eq!(late.receive(SILENCE), None);
    site.resume(0).unwrap();
    assert_eq!(site.state(0).unwrap(), State::Up);
    assert_eq!(client.receive(LIMIT).as_deref(), Some("7"));
    assert_eq!(late.receive(LIMIT).as_deref(), Some("7"));
}

#[test]
fn a_cut_is_between_two_and_nobody_else() {
    let site = started(3);
    site.cut(0, 1);
    let mut cut_off = Client::connect(site.address(0));
    cut_off.send("ask 1 r x");
    assert_eq!(cut_off.receive(SILENCE), None);
    assert_eq!(ask(site.address(0), "ask 2 r x").as_deref(), Some("-"));
    assert_eq!(ask(site.address(1), "ask 2 r x").as_deref(), Some("-"));
    site.heal(0, 1);
    assert_eq!(cut_off.receive(LIMIT).as_deref(), Some("-"), "the question gets through, and the answer back");
    site.cut_one_way(1, 0);
    cut_off.send("ask 1 w x 7");
    assert_eq!(cut_off.receive(SILENCE), None);
    site.reset(0, 1);
    assert_eq!(cut_off.receive(LIMIT).as_deref(), Some("what?"), "n0 is told that its connection is gone");
    site.cut(Party::Clients, 2);
    let mut outside = Client::connect(site.address(2));
    outside.send("r x");
    assert_eq!(outside.receive(SILENCE), None);
    site.heal_all();
    assert_eq!(outside.receive(LIMIT).as_deref(), Some("-"));
    assert_eq!(ask(site.address(0), "ask 1 r x").as_deref(), Some("-"));
}

#[test]
fn a_slow_link_takes_its_time() {
    let site = started(2);
    let delay = Duration::from_millis(40);
    site.slow(0, 1, delay);
    let begun = Instant::now();
    assert_eq!(ask(site.address(0), "ask 1 r x").as_deref(), Some("-"));
    assert!(begun.elapsed() >= 2 * delay, "once out and once back");
}

#[test]
fn a_server_that_ends_by_itself_is_found_down() {
    let mut site = started(1);
    let id = site.id(0).unwrap();
    std::process::Command::new("kill").args(["-ABRT", &id.to_string()]).status().unwrap();
    until("it is down", || site.state(0).unwrap() == State::Down);
    site.start(0).unwrap();
    assert_eq!(site.state(0).unwrap(), State::Up);
}

#[test]
fn a_server_that_does_not_come_up_ends_the_start() {
    let mut site = Site::new(2, |seat| match seat.id {
        0 => register(seat),
        _ => {
            let mut command = std::process::Command::new(super::REGISTER);
            command.arg("broken");
            command
        }
    })
    .unwrap();
    let error = site.start_all().unwrap_err();
    assert!(error.to_string().contains("n1 ended"), "{error}");
    assert_eq!((site.state(0).unwrap(), site.state(1).unwrap()), (State::Up, State::Down));
}
