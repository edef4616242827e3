//! The monkey by hand.

use std::process::Command;

use testkit::network::{Seat, Site, State, until};

use super::{Place, Run, kv};

/// Something every day, around the clock.
const DAILY: &str = r#"
[schedule]
zone = "UTC"
days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
from = "00:00"
until = "24:00"

[[groups]]
name = "kv"
instances = ["n0", "n1", "n2"]
mean_days = 1
min_healthy = 2
kinds = ["kill"]
"#;

/// Runs the monkey from a Monday on.
fn monkey(place: &Place, config: &str, more: &[&str]) -> Run {
    let file = place.path("monkey.toml");
    std::fs::write(&file, config).unwrap();
    kv(&[&["monkey", "--config", &file, "--from", "2026-11-30"], more].concat())
}

fn lines<'r>(run: &'r Run, word: &str) -> Vec<&'r str> {
    run.out.lines().filter(|line| line.contains(word)).collect()
}

#[test]
fn a_dry_run_announces_its_days_and_needs_no_server() {
    let place = Place::new("dry-run");
    let week = monkey(&place, DAILY, &["--dry-run", "--days", "7"]);
    assert_eq!((week.code, week.says.as_str()), (Some(0), ""));
    let announced = lines(&week, "would do");
    assert_eq!(announced.len(), 5, "one on each working day: {}", week.out);
    for (day, line) in ["11-30", "12-01", "12-02", "12-03", "12-04"].iter().zip(announced) {
        assert!(line.starts_with(&format!("2026-{day}T")) && line.ends_with("of group kv: kill"), "{line}");
    }
    assert!(week.out.ends_with("7 of its days are over: 5 announced, 0 done, 0 failed, 0 left out.\n"), "{}", week.out);
    let same = monkey(&place, DAILY, &["--dry-run", "--days", "7"]);
    assert_eq!(same.out, week.out, "the same seed does the same");
    let usual = monkey(&place, DAILY, &["--dry-run"]);
    assert!(week.out.starts_with(usual.out.rsplit_once("5 of its days").unwrap().0), "{}", usual.out);
    let other = monkey(&place, DAILY, &["--dry-run", "--seed", "2"]);
    assert_ne!(other.out, usual.out, "another seed does something else");
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_done() {
    let place = Place::new("monkey-errors");
    let peers = ["--peers", "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"];
    let data = ["--data", "/tmp/none/n0,/tmp/none/n1,/tmp/none/n2"];
    let log = place.path("log");
    let servers = [&peers[..], &data[..]].concat();
    let logged = [&servers[..], &["--log", &log]].concat();
    let cut = DAILY.replace("\"kill\"", "\"cut 5s\"");
    for (config, more, says) in [
        (&DAILY.replace("min_healthy = 2", "min_healthy = 3"), &["--dry-run"][..], "`min_healthy` is 3 of 3 instances"),
        (&DAILY.replace("[schedule]", ""), &["--dry-run"], "--config"),
        (&DAILY.to_owned(), &[], "`--dry-run`"),
        (&DAILY.to_owned(), &peers, "--data"),
        (
            &DAILY.to_owned(),
            &[&peers[..], &["--data", "/tmp/none"]].concat(),
            "`--data` names 1 folders and `--peers` 3",
        ),
        (&DAILY.to_owned(), &servers, "`--log DIR`"),
        (&DAILY.to_owned(), &["--dry-run", "--days", "0"], "--days"),
        (&DAILY.to_owned(), &["--dry-run", "--from", "today"], "--from"),
        (&DAILY.replace("n2", "n3"), &logged, "an instance `n3`, and the servers are n0, n1, n2"),
        (&cut, &logged, "can only be killed and paused"),
    ] {
        let run = monkey(&place, config, more);
        assert!(run.code == Some(2) && run.says.contains(says) && run.out.is_empty(), "{more:?} {says}: {run:?}");
    }
    let missing = kv(&["monkey", "--dry-run", "--config", "/tmp/none/monkey.toml"]);
    assert!(missing.code == Some(1) && missing.says.contains("cannot be read"), "{missing:?}");
}

/// Three servers that run.
struct Servers {
    site: Site,
    peers: String,
    data: String,
}

impl Servers {
    fn start() -> Self {
        let serve = |seat: &Seat| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_kv-reference"));
            command.arg("serve").args(seat.arguments());
            command
        };
        let mut site = Site::new(3, serve).unwrap();
        site.start_all().unwrap();
        let joined = |part: &dyn Fn(usize) -> String| (0..3).map(part).collect::<Vec<_>>().join(",");
        let peers = joined(&|server| site.address(server).to_string());
        let data = joined(&|server| site.seat(server).data.display().to_string());
        Servers { site, peers, data }
    }

    /// Runs the monkey on them.
    fn meet(&self, place: &Place, config: &str, (log, days): (&str, &str)) -> Run {
        let (peers, data, log) = (&*self.peers, &*self.data, &*place.path(log));
        let words = ["--peers", peers, "--data", data, "--log", log, "--days", days, "--day-lasts", "0.1"];
        let run = monkey(place, config, &words);
        assert_eq!(run.code, Some(0), "{run:?}");
        run
    }
}

#[test]
fn what_is_done_is_in_the_log_and_remembered() {
    let place = Place::new("monkey-faults");
    let mut servers = Servers::start();
    let run = servers.meet(&place, DAILY, ("log", "2"));
    let found = ["will do", "done    ", "too few are healthy"].map(|word| lines(&run, word).len());
    assert_eq!(found, [1, 1, 1], "one of two days finds all three healthy: {run:?}");
    until("its victim is gone", || (0..3).any(|server| servers.site.state(server).unwrap() == State::Down));
    let again = servers.meet(&place, DAILY, ("log", "2"));
    assert!(again.out.ends_with("0 announced, 0 done, 0 failed, 0 left out.\n"), "both days had their turn: {again:?}");
    assert!(
        run.out.rsplit_once("2 of its days").is_some_and(|(entries, _)| again.out.starts_with(entries)),
        "{again:?}"
    );
    servers.site.end().unwrap();
}

#[test]
fn a_pause_ends_by_itself() {
    let place = Place::new("monkey-pause");
    let servers = Servers::start();
    let config = DAILY.replace("\"kill\"", "\"pause 500ms\"");
    for round in 0..3 {
        let mut tries = 0;
        until("all three are healthy, so that one is paused", || {
            tries += 1;
            let run = servers.meet(&place, &config, (&format!("log-{round}-{tries}"), "1"));
            lines(&run, "done    ").len() == 1
        });
    }
    servers.site.end().unwrap();
}
