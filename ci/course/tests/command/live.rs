//! What the pages of `cargo course serve` can have done: that it is done, told, and that nothing of it stays behind.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use testkit::network::until;
use tungstenite::{Message, WebSocket};

use crate::fixture::{CHECK, COUNTS, Fixture, STARTER};
use crate::server::{Server, course};

/// Reads a socket up to a message of which `wanted` says yes.
fn hear(socket: &mut WebSocket<TcpStream>, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            let message = serde_json::from_str(&text).unwrap();
            if wanted(&message) {
                return message;
            }
        }
    }
}

fn walk(server: &Server, task: &str) -> WebSocket<TcpStream> {
    server.socket(&format!("/api/walk/{task}?token={}", server.token()))
}

/// The place at the end of a path.
fn place(walk: &mut WebSocket<TcpStream>, path: &[&str]) -> Value {
    walk.send(Message::text(json!({ "check": CHECK, "scope": "one client", "path": path }).to_string())).unwrap();
    hear(walk, |message| message["event"] == "place")["place"].clone()
}

/// How many processes work in the course's folder, or below it. Whatever a server starts does.
#[cfg(target_os = "linux")]
fn at_work(course: &Fixture) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let works_here =
        |process: &PathBuf| fs::read_link(process.join("cwd")).is_ok_and(|folder| folder.starts_with(&course.root));
    processes.filter(works_here).count()
}

#[test]
fn a_page_walks_through_states_and_keeps_a_run_as_a_test() {
    let course = course("live-walk");
    course.edit("src/tally.rs", STARTER, COUNTS);
    let mine = course.file("tests/mine/mod.rs");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, "//! My tests.\n").unwrap();
    course.edit("tests/graded.rs", "mod checks;", "mod checks;\nmod mine;");
    let server = Server::start(&course);
    let mut walk = walk(&server, "tally");
    let scopes = hear(&mut walk, |message| message["event"] == "scopes");
    assert_eq!(scopes["checks"][0]["check"], CHECK);
    let place = place(&mut walk, &["c0 asks n0: ()"]);
    assert_eq!(place["rules"][1]["is"], "unseen");

    let kept = server.post("keep", &json!({ "trace": place["trace"] }));
    assert!(kept.starts_with("HTTP/1.1 200"), "{kept}");
    let kept: Value = serde_json::from_str(kept.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let expected = json!({
        "file": "exercises/1-tiny/tests/mine/mod.rs",
        "name": "each_addition_counts_once_again",
        "command": "cargo test -p live-walk-tiny each_addition_counts_once_again",
    });
    assert_eq!(kept, expected);
    server.post("keep", &json!({ "trace": place["trace"] }));
    let tests = fs::read_to_string(&mine).unwrap();
    assert!(
        tests.starts_with("//! My tests.\n\n/// A run of 1 step that breaks no rule so far.\n#[test]\n"),
        "{tests}"
    );
    assert!(tests.contains("fn each_addition_counts_once_again_2() {"), "each has a name of its own: {tests}");
    let words = kept["command"].as_str().unwrap().split(' ').skip(1);
    let ran = Command::new("cargo").args(words).current_dir(&course.root).envs(course.settings()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("2 passed"), "both tests run");

    let mut foreign = place["trace"].clone();
    foreign["check"] = "checks::tally::gone() {} fn evil".into();
    let refused = server.post("keep", &json!({ "trace": foreign }));
    assert!(refused.starts_with("HTTP/1.1 404"), "only a check of the course gets into a test: {refused}");
}

#[test]
fn a_walk_without_a_token_or_a_task_is_refused() {
    let course = course("live-refused");
    let server = Server::start(&course);
    assert!(server.page("/api/walk/tally").starts_with("HTTP/1.1 401"));
    assert!(server.try_socket(&format!("/api/walk/none?token={}", server.token())).is_err());
}

#[test]
fn a_socket_that_is_flooded_is_closed_and_the_server_stays() {
    let course = course("live-flood");
    let server = Server::start(&course);
    let sockets = [
        (format!("/api/events?token={}", server.token()), 1 << 10),
        ("/__livereload/0".to_owned(), 1 << 10),
        (format!("/api/walk/tally?token={}", server.token()), 1 << 18),
    ];
    for (path, limit) in sockets {
        let mut socket = server.socket(&path);
        // The server may close while this is still being sent.
        let _ = socket.send(Message::text("x".repeat(limit + 1)));
        while let Ok(message) = socket.read() {
            if message.is_close() {
                break;
            }
        }
        assert!(server.page("/").starts_with("HTTP/1.1 200"), "after {path}");
    }
}

#[test]
fn a_manifest_with_a_mistake_is_told_and_a_mended_one_too() {
    let course = course("live-manifest");
    let server = Server::start(&course);
    let mut events = server.socket(&format!("/api/events?token={}", server.token()));
    let first = hear(&mut events, |message| !message["state"].is_null());
    assert_eq!(first["state"]["problem"], Value::Null);
    course.edit("Cargo.toml", "points = 20", "points = \"many\"");
    let broken = hear(&mut events, |message| message["state"]["problem"].is_string());
    let problem = broken["state"]["problem"].as_str().unwrap();
    assert!(problem.contains("exercises/1-tiny/Cargo.toml"), "{problem}");
    assert!(server.page("/").starts_with("HTTP/1.1 200"), "the pages stay up");
    course.edit("Cargo.toml", "points = \"many\"", "points = 20");
    let mended = hear(&mut events, |message| !message["state"].is_null());
    assert_eq!(mended["state"]["problem"], Value::Null);
}

#[cfg(target_os = "linux")]
#[test]
fn a_walk_ends_with_its_page() {
    let course = course("live-page");
    let server = Server::start(&course);
    let mut walk = walk(&server, "tally");
    place(&mut walk, &[]);
    assert!(at_work(&course) > 1, "the server is not alone");
    drop(walk);
    until("the server is alone", || at_work(&course) == 1);
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_outlives_the_server_however_it_ends() {
    for signal in ["-TERM", "-INT", "-KILL"] {
        let course = course("live-end");
        course.count_is("loop {}");
        let mut server = Server::start(&course);
        let mut events = server.socket(&format!("/api/events?token={}", server.token()));
        let mut walk = walk(&server, "tally");
        place(&mut walk, &[]);
        server.post("check", &json!({ "task": "count" }));
        hear(&mut events, |message| message["line"]["event"] == "begun"); // a check that hangs
        until("a check and a walk, each with its command, are beside the server", || at_work(&course) > 4);
        Command::new("kill").args([signal, &server.process.id().to_string()]).status().unwrap();
        server.process.wait().unwrap();
        until("all are gone", || at_work(&course) == 0);
    }
}
