//! `cargo course explore`: on a page of the book, and step by step for a program.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::fixture::{CHECK, COUNTS, Fixture, STARTER, shared};
use crate::server::{Server, course};
use serde_json::{Value, json};

const ADD: &str = "c0 asks n0: ()";

/// A walk through the states of the task `tally`.
struct Walk {
    process: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl Walk {
    fn begin(course: &Fixture, task: &str) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("course"));
        command.args(["explore", task, "--json"]).current_dir(&course.root).envs(course.settings());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let told = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, told }
    }

    /// The next line with one of these events.
    fn hear(&mut self, events: &[&str]) -> Value {
        let mut lines = self.told.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let line = lines.find(|line| events.contains(&line["event"].as_str().unwrap()));
        line.unwrap_or_else(|| panic!("the walk ended without one of {events:?}"))
    }

    fn ask(&mut self, scope: &str, path: &[&str]) -> Value {
        let request = json!({ "check": CHECK, "scope": scope, "path": path });
        writeln!(self.process.stdin.as_ref().unwrap(), "{request}").unwrap();
        self.hear(&["place", "ended", "refused"])
    }

    /// Ends it, and gives its exit code.
    fn end(mut self) -> Option<i32> {
        drop(self.process.stdin.take());
        self.process.wait().unwrap().code()
    }
}

#[test]
fn a_walk_goes_from_place_to_place() {
    let course = Fixture::new("walk");
    course.edit("src/tally.rs", STARTER, COUNTS);
    let mut walk = Walk::begin(&course, "tally");
    let scopes = walk.hear(&["scopes"]);
    let expected = json!([{ "check": CHECK, "name": "each addition counts once", "scopes": ["one client"] }]);
    assert_eq!(scopes["checks"], expected, "the check without a model is left out");

    let told = walk.ask("one client", &[ADD, ADD]);
    assert_eq!((&told["check"], &told["scope"]), (&json!(CHECK), &json!("one client")));
    let place = &told["place"];
    assert_eq!(place["trace"]["steps"].as_array().unwrap().len(), 2);
    assert_eq!((&place["trace"]["check"], &place["trace"]["stage"]), (&json!(CHECK), &json!("1-tiny")));
    let stands: Vec<_> = place["rules"].as_array().unwrap().iter().map(|rule| (&rule["name"], &rule["is"])).collect();
    assert_eq!(stands, [(&json!("once"), &json!("kept")), (&json!("done"), &json!("seen"))]);

    let crashed = walk.ask("one client", &[ADD, "n0 crashes"]);
    assert_eq!(crashed["place"]["beyond"], json!([2]), "back, and along another branch");
    let refused = walk.ask("one client", &["c7 asks n0: ()"]);
    assert_eq!(refused["place"]["refused"], "c7 asks n0: ()");
    let unknown = walk.ask("two clients", &[]);
    assert_eq!(unknown["says"], "The check has no scope called `two clients`.");
    assert_eq!(walk.ask("one client", &[])["place"]["trace"]["steps"], json!([]), "it goes on after that");
    assert_eq!(walk.end(), Some(130));
}

#[test]
fn code_that_is_not_written_or_ends_the_program_is_told() {
    let course = Fixture::new("walk-unwritten");
    let mut walk = Walk::begin(&course, "tally");
    let place = walk.ask("one client", &[ADD]);
    let rule = &place["place"]["rules"][0];
    assert_eq!((&rule["name"], &rule["is"], &rule["since"]), (&json!("it is written"), &json!("broken"), &json!(1)));
    assert!(rule["why"].as_str().unwrap().starts_with("Add one and reply with the count."), "{rule}");
    assert_eq!(walk.end(), Some(130));

    course.edit("src/tally.rs", STARTER, &format!("if self.count == 1 {{ std::process::exit(0) }} {COUNTS}"));
    let mut walk = Walk::begin(&course, "tally");
    let ended = walk.ask("one client", &[ADD]); // what can happen next is found out by trying it
    assert!(ended["says"].as_str().unwrap().contains("Your code ended the program, with exit code 0."), "{ended}");
    assert_eq!(walk.ask("one client", &[])["event"], "place", "a new walk is begun");
    assert_eq!(walk.end(), Some(130));
}

#[test]
fn what_cannot_be_walked_through_is_said() {
    let course = Fixture::new("walk-none");
    course.count_is("items.len()");
    let mut walk = Walk::begin(&course, "count");
    assert_eq!(walk.hear(&["scopes"])["checks"], json!([]));
    writeln!(walk.process.stdin.as_ref().unwrap(), "step").unwrap();
    let refused = walk.hear(&["refused"]);
    assert!(refused["says"].as_str().unwrap().starts_with("This is no request: "), "{refused}");
    walk.end();

    course.edit("src/count.rs", "items.len()", "items.len");
    let mut walk = Walk::begin(&course, "count");
    let broken = walk.hear(&["does-not-compile"]);
    assert!(broken["diagnostics"][0]["file"].as_str().unwrap().ends_with("src/count.rs"), "{broken}");
    let lifeline = walk.process.stdin.take(); // `wait` would close it, and that ends the command too
    assert_eq!(walk.process.wait().unwrap().code(), Some(1));
    drop(lifeline);
}

#[test]
fn the_walk_takes_place_on_the_tasks_page() {
    let course = course("explore");
    let server = Server::of(&course, &["explore", "tally", "--port", "0"]);
    assert!(server.entrance.ends_with("/1-tiny/tally.html?explore=tally"), "{}", server.entrance);
    let opened = server.ask(&server.entrance, &server.host());
    assert!(opened.contains("\r\nlocation: /1-tiny/tally.html?explore=tally\r\n"), "{opened}");
    assert!(server.ask("/", "Host: example.com\r\n").starts_with("HTTP/1.1 403"), "no other site gets an answer");
    let scope = ["explore", "each_addition_counts_once", "--scope", "one client", "--port", "0"];
    let server = Server::of(&course, &scope);
    let parameters = "?explore=tally&check=checks%3A%3Atally%3A%3Aeach_addition_counts_once&scope=one%20client";
    assert!(server.entrance.ends_with(parameters), "{}", server.entrance);
}

#[test]
fn what_is_not_there_cannot_be_explored() {
    let says = shared().complains(&["explore", "tall"], 2);
    assert_eq!(says, "No task or check is called `tall`; did you mean `tally`? `cargo course` lists them.");
    let long = "t".repeat(65);
    let says = shared().complains(&["explore", &long], 2);
    assert_eq!(says, format!("No task or check is called `{long}`. `cargo course` lists them."));
}
