//! `--json`: what a check and a lab tell a program, and that neither outlives its reader.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::fixture::Fixture;

fn start(course: &Fixture, args: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("course"));
    command.args(args).current_dir(&course.root).envs(course.settings());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The lines of a command that is let run to its end, and its exit code.
pub fn lines(course: &Fixture, args: &[&str]) -> (Vec<Value>, i32) {
    let mut process = start(course, args);
    let told = BufReader::new(process.stdout.take().unwrap()).lines();
    let lines = told.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    (lines, process.wait().unwrap().code().unwrap())
}

fn of<'l>(lines: &'l [Value], event: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn a_check_and_a_lab_tell_in_lines_what_happens() {
    let course = Fixture::new("lines");
    let (told, code) = lines(&course, &["check", "count", "--json"]);
    assert_eq!(code, 1);
    assert_eq!(of(&told, "starting")[0]["checks"][0]["name"], "one and one is two");
    let ended = of(&told, "ended");
    assert_eq!(ended.len(), 2);
    assert_eq!(ended[0]["failure"]["kind"], "unwritten");
    assert_eq!(of(&told, "graded")[0]["tasks"][0]["passed"], false);

    course.count_is("items.len()");
    let (told, code) = lines(&course, &["check", "count", "--json"]);
    assert_eq!(code, 0);
    let graded = &of(&told, "graded")[0]["tasks"][0];
    assert_eq!((&graded["id"], &graded["passed"], &graded["points"]), (&"count".into(), &true.into(), &10.into()));
    assert!(course.progress().contains("[tasks.count]"));

    course.edit("src/count.rs", "items.len()", "items.len");
    let (told, code) = lines(&course, &["check", "count", "--json"]);
    assert_eq!((code, of(&told, "ended").len()), (1, 0));
    let diagnostic = &of(&told, "does-not-compile")[0]["diagnostics"][0];
    assert!(diagnostic["file"].as_str().unwrap().ends_with("src/count.rs"), "{diagnostic}");
    assert!(diagnostic["line"].as_u64().unwrap() > 0, "{diagnostic}");

    let (told, code) = lines(&course, &["lab", "race", "--reference", "--json"]);
    assert_eq!(code, 0);
    assert!(of(&told, "printed")[0]["text"].as_str().unwrap().starts_with("one runner came first"));
    assert_eq!(of(&told, "drawn")[0]["plots"][0], "race.svg");
}

#[test]
fn a_check_whose_reader_goes_away_ends() {
    let course = Fixture::new("lines-hang");
    course.count_is("loop {}");
    let mut process = start(&course, &["check", "count", "--json"]);
    let mut told = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("\"begun\"")), "a check has begun");
    drop(process.stdin.take());
    assert_eq!(process.wait().unwrap().code(), Some(130), "it has not waited for the check");
}
