//! `cargo course`.

use std::fs;

use crate::fixture::{Fixture, shared};

#[test]
fn a_newcomer_sees_the_stages_and_one_thing_to_do() {
    let status = shared().says(&[], 0);
    assert!(status.contains("In at the Deep End  0 of 30 points"), "{status}");
    assert!(status.contains("coming"), "{status}");
    let next = "Next: Count (10 points)\n  read   book/src/1-tiny/README.md, then book/src/1-tiny/count.md\n  \
                edit   exercises/1-tiny/src/count.rs\n  check  cargo course check\n";
    assert!(status.contains(next), "{status}");
    assert!(!status.contains('\u{1b}'), "a pipe gets no colours");
}

#[test]
fn the_course_is_found_from_any_folder_in_it() {
    let mut command = shared().course(&[]);
    let output = command.current_dir(shared().file("src")).output().unwrap();
    assert!(output.status.success());
}

#[test]
fn a_mistake_in_a_manifest_is_the_courses() {
    let fixture = Fixture::new("manifest");
    fixture.edit("Cargo.toml", "points = 20", "pionts = 20");
    let says = fixture.complains(&[], 3);
    assert!(says.contains("exercises/1-tiny/Cargo.toml: `package.metadata.course.tasks[2].pionts`"), "{says}");
    assert!(says.ends_with("did you mean `points`?"), "{says}");
}

#[test]
fn a_merge_conflict_in_the_record_is_named() {
    let fixture = Fixture::new("conflict");
    fs::create_dir_all(fixture.root.join(".course")).unwrap();
    fs::write(fixture.root.join(".course/progress.toml"), "<<<<<<< HEAD\nversion = 1\n").unwrap();
    let says = fixture.complains(&[], 3);
    assert!(
        says.starts_with(".course/progress.toml has marks of a merge conflict: keep the tasks of both sides."),
        "{says}"
    );
}

#[test]
fn points_of_a_renamed_task_and_of_a_newer_course_survive() {
    let fixture = Fixture::new("renamed");
    fs::create_dir_all(fixture.root.join(".course")).unwrap();
    let record =
        "version = 1\n[tasks.sum]\npassed_at = \"2026-11-20T09:41:07Z\"\npoints = 10\n[tasks.newer]\npoints = 99\n";
    fs::write(fixture.root.join(".course/progress.toml"), record).unwrap();
    let status = fixture.says(&[], 0);
    assert!(status.contains("10 of 30 points"), "{status}");
    assert!(status.contains("~ count "), "{status}");
    fixture.says(&["hint", "count"], 0);
    let progress = fixture.progress();
    assert!(progress.contains("[tasks.count]") && !progress.contains("[tasks.sum]"), "{progress}");
    assert!(progress.contains("[tasks.newer]"), "{progress}");
}

#[test]
fn a_report_says_what_the_record_says() {
    let course = Fixture::new("report");
    course.count_is("items.len()");
    course.says(&["check", "count"], 0);
    let says = course.says(&["report", "mine.json"], 0);
    assert!(says.starts_with("ok written to mine.json."), "{says}");
    let report = fs::read_to_string(course.root.join("mine.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let tasks = report["stages"].as_array().unwrap().iter().flat_map(|stage| stage["tasks"].as_array().unwrap());
    let standings: Vec<_> =
        tasks.map(|task| (task["id"].as_str().unwrap(), task["standing"].as_str().unwrap())).collect();
    assert_eq!(standings, [("count", "done"), ("count-twice", "open"), ("tally", "open")]);
    assert!(report["at"].as_str().unwrap().ends_with('Z'), "{report}");
}
