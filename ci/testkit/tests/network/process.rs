//! Processes: started, stopped, ended, and listened to.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use testkit::network::{Enclosure, Error, Log, Process};

use super::{LIMIT, REGISTER};

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn run(enclosure: &Enclosure, script: &str) -> (Process, Log) {
    let log = Log::new();
    (enclosure.start("it", shell(script), &log).unwrap(), log)
}

#[test]
fn both_streams_are_kept_and_the_exit_code_is_told() {
    let enclosure = Enclosure::new().unwrap();
    let (mut process, log) = run(&enclosure, "echo one; echo two >&2; exit 3");
    assert_eq!(process.wait(LIMIT).unwrap().and_then(|status| status.code()), Some(3));
    let mut lines: Vec<_> = log.last(9).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["one", "two"]);
    assert!(matches!(process.resume(), Err(Error::NotRunning { .. })));
    assert!(matches!(process.pause(), Err(Error::NotRunning { .. })));
    enclosure.end().unwrap();
}

#[test]
fn a_flood_of_output_is_read_and_not_kept() {
    let enclosure = Enclosure::new().unwrap();
    let (mut process, log) = run(&enclosure, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done");
    assert!(process.wait(LIMIT).unwrap().is_some_and(|status| status.success()));
    assert!(log.last(1).ends_with("line 19999"));
}

#[test]
fn a_process_is_asked_to_end_and_may_refuse() {
    let enclosure = Enclosure::new().unwrap();
    let (mut polite, _) = run(&enclosure, "echo listening on 127.0.0.1:1; exec sleep 1000");
    assert_eq!(polite.terminate(LIMIT).unwrap().signal(), Some(15));
    let (mut stubborn, _) = run(&enclosure, "trap '' TERM; echo listening on 127.0.0.1:1; while :; do sleep 1; done");
    stubborn.listening(LIMIT).unwrap(); // it ignores the signal from now on
    let refused = stubborn.terminate(Duration::from_millis(50)).unwrap_err();
    assert!(refused.is_the_servers(), "{refused}");
    assert_eq!(stubborn.kill().unwrap().signal(), Some(9));
    assert_eq!(stubborn.kill().unwrap().signal(), Some(9), "once more does no harm");
}

#[test]
fn a_paused_process_stands_still_and_goes_on() {
    let enclosure = Enclosure::new().unwrap();
    let (mut process, log) = run(&enclosure, "while :; do echo tick; done");
    for _ in 0..20 {
        process.pause().unwrap();
        process.pause().unwrap();
        assert!(process.is_paused());
        assert!(process.ended().unwrap().is_none());
        process.resume().unwrap();
        assert!(!process.is_paused());
    }
    assert!(log.last(1).ends_with("tick"));
    process.pause().unwrap();
    assert_eq!(process.kill().unwrap().signal(), Some(9), "a paused process can be killed");
}

#[test]
fn a_program_that_is_not_there_is_no_mistake_of_a_server() {
    let enclosure = Enclosure::new().unwrap();
    let error = enclosure.start("n0", Command::new("/no/such/program"), &Log::new()).unwrap_err();
    assert!(!error.is_the_servers());
    assert!(error.to_string().starts_with("The system refused to start n0 (/no/such/program): "), "{error}");
}

#[test]
fn a_server_that_does_not_say_where_it_listens_is_told_how() {
    let enclosure = Enclosure::new().unwrap();
    for (how, limit, says) in [
        ("mute", Duration::from_millis(50), "Print it as the first line"),
        ("babble", LIMIT, "The first line that n0 printed is `hello`."),
        ("broken", LIMIT, "there is no disk"),
    ] {
        let mut command = Command::new(REGISTER);
        command.arg(how);
        let mut process = enclosure.start("n0", command, &Log::new()).unwrap();
        let error = process.listening(limit).unwrap_err();
        assert!(error.is_the_servers() && error.to_string().contains(says), "{how}: {error}");
    }
}
