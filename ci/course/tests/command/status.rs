//! `cargo course`.

use std::fs;
use std::process::Command;

use crate::fixture::{COUNTS, Fixture, STARTER, shared};

#[test]
fn a_newcomer_sees_the_stages_and_one_thing_to_do() {
    let status = shared().says(&[], 0);
    assert!(status.contains("In at the Deep End  0 of 30 points"), "{status}");
    assert!(status.contains("coming"), "{status}");
    let next = "Next: Count (10 points)\n  read   book/src/1-tiny/README.md\n         book/src/1-tiny/count.md\n  \
                edit   exercises/1-tiny/src/count.rs\n  size   reference: 1 line\n  check  cargo course check\n";
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

/// The line of the status about a task.
fn line<'s>(status: &'s str, task: &str) -> &'s str {
    let is_about = |line: &&str| line.split_whitespace().nth(1) == Some(task);
    status.lines().find(is_about).unwrap_or_else(|| panic!("no line about {task}:\n{status}")).trim()
}

#[test]
fn a_pass_is_shown_only_of_the_code_and_the_checks_that_passed() {
    let course = Fixture::new("passes");
    course.count_is("items.len()");
    course.says(&["check", "count"], 0);
    let count = || line(&course.says(&[], 0), "count").to_owned();
    assert_eq!(count(), "✓ count        Count           10");

    let changes = [
        ("exercises/1-tiny/src/count.rs", "changed since it passed"),
        ("exercises/1-tiny/src/tally.rs", "passed before your last edits"),
        ("exercises/1-tiny/src/new.rs", "passed before your last edits"),
        ("exercises/1-tiny/tests/checks/count.rs", "passed before the course's last update"),
        ("exercises/1-tiny/tests/graded.rs", "passed before the course's last update"),
        ("ci/testkit/src/lib.rs", "passed before the course's last update"),
    ];
    for (file, says) in changes {
        let file = course.root.join(file);
        let before = fs::read_to_string(&file).ok();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("{}\n// new\n", before.as_deref().unwrap_or_default())).unwrap();
        assert_eq!(count(), format!("~ count        Count           10 {says}"), "{}", file.display());
        assert!(course.says(&[], 0).contains("  10 of 30 points"), "the points stay");
        match before {
            Some(text) => fs::write(file, text).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        assert_eq!(count(), "✓ count        Count           10", "as it was when it passed");
    }
}

#[test]
fn what_passed_before_an_update_is_checked_again_by_one_command() {
    let course = Fixture::new("update");
    course.count_is("items.len()");
    course.edit("src/tally.rs", STARTER, COUNTS);
    course.says(&["check", "tiny"], 0);
    course.edit("tests/checks/mod.rs", "//! The checks.", "//! The checks, updated.");
    let status = course.says(&[], 0);
    let next =
        "Next: check stage 1 once more (3 tasks passed before the course's last update)\n  check  cargo course check\n";
    assert!(status.contains(next), "{status}");
    let checked = course.says(&["check"], 0);
    assert!(checked.contains("✓ Count passes again") && checked.contains("✓ Count together passes again"), "{checked}");
    let status = course.says(&[], 0);
    assert!(status.contains("Every task of stage 1 is done.\n"), "{status}");
    assert!(status.contains("is still to come"), "{status}");
    assert_eq!(line(&status, "tally"), "✓ tally        Count together  20");
}

#[test]
fn a_record_cannot_hold_more_points_than_the_course_has() {
    let course = Fixture::new("greedy");
    fs::create_dir_all(course.root.join(".course")).unwrap();
    let greedy = |task: &str| format!("[tasks.{task}]\npassed_at = \"2026-11-20T09:41:07Z\"\npoints = {}\n", u32::MAX);
    let record = format!("version = 1\n{}{}{}", greedy("count"), greedy("count-twice"), greedy("tally"));
    fs::write(course.root.join(".course/progress.toml"), record).unwrap();
    let status = course.says(&[], 0);
    assert!(status.contains("  30 of 30 points, and a bonus of 3\n"), "{status}");
}

#[test]
fn a_pass_of_a_task_that_is_not_there_is_said() {
    let course = Fixture::new("unclaimed");
    fs::create_dir_all(course.root.join(".course")).unwrap();
    let record = "version = 1\n[tasks.total]\npassed_at = \"2026-11-20T09:41:07Z\"\npoints = 10\n[tasks.seen]\nhints_shown = 1\n";
    fs::write(course.root.join(".course/progress.toml"), record).unwrap();
    let status = course.says(&[], 0);
    assert!(status.contains("\nYour record has a pass of `total`, and this course has no such task."), "{status}");
    course.says(&["hint", "count"], 0);
    assert!(course.progress().contains("[tasks.total]"), "it is kept");
}

#[test]
fn a_bonus_is_offered_on_the_way() {
    let course = Fixture::new("offered");
    course.count_is("items.len()");
    let checked = course.says(&["check", "count"], 0);
    let next = "Next: Count together (20 points)\n  read   book/src/1-tiny/tally.md\n  edit   exercises/1-tiny/src/tally.rs\n  \
                size   reference: 2 lines\n  check  cargo course check\n  bonus  Count twice (3 points), if you like: book/src/1-tiny/count.md, \
                cargo course check count-twice\n";
    assert!(checked.contains(next), "{checked}");
}

#[test]
fn git_is_told_what_of_the_record_to_commit() {
    let course = Fixture::new("ignored");
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(&course.root).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    fs::create_dir_all(course.root.join(".course")).unwrap();
    fs::write(course.root.join(".course/.gitignore"), "/backup/\n").unwrap(); // as earlier versions wrote it
    fs::write(course.root.join(".course/config.toml"), "editor = \"zed\"\n").unwrap();
    course.says(&["hint", "count"], 0);
    course.count_is("items.len()");
    course.says(&["reset", "count"], 0);
    git(&["init", "--quiet"]);
    let listed = git(&["status", "--porcelain", "--untracked-files=all", ".course"]);
    fs::remove_dir_all(course.root.join(".git")).unwrap();
    assert_eq!(listed, "?? .course/.gitignore\n?? .course/progress.toml\n");
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
