//! `cargo course skip`.
//!
//! The fixture gets a second stage here, which uses the first. All tests share one copy, one after the other, since the packages of
//! two stages that know each other cannot have the copy's name.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::lines::lines;
use crate::watch::Watch;

const OWN: &str = "tiny = { path = \"../1-tiny\" } # what you wrote";
const REFERENCE: &str = "tiny = { package = \"tiny-solution\", path = \"../../solutions/1-tiny\" } # what you wrote";

const METADATA: &str = "\
[package.metadata.course]
stage = \"2-failures\"
title = \"Failures\"
solution = \"failures-solution\"
summary = \"Counting twice as much\"
start = \"1-tiny/README.md\"

[[package.metadata.course.tasks]]
id = \"double\"
title = \"Double\"
points = 5
page = \"1-tiny/count.md\"
files = [\"src/lib.rs\"]
checks = [\"double::two_are_four\"]
";

const CHECK: &str = "\
use crate::subject::double;
use testkit::check::{Rule, check};

const DOUBLES: Rule = Rule::new(\"doubling\", \"Twice as many.\", \"Peano 1889\", \"1-tiny/count.md\");

#[test]
pub fn two_are_four() {
    check(|check| {
        let found = double(&[1, 1]);
        check.requires(DOUBLES, found == 4, || format!(\"Two items were doubled to {found}.\"))
    });
}
";

/// The fixture with a second stage. `uses` is its line about the first.
fn course(uses: &str) -> Fixture {
    let course = Fixture::new("skip");
    for stage in ["exercises/1-tiny", "solutions/1-tiny"] {
        let path = course.root.join(stage).join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap().replace("\"skip-tiny", "\"tiny");
        fs::write(path, text).unwrap();
    }
    let manifest = |name: &str, uses: &str, rest: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{uses}\ntestkit.workspace = true\n\n{rest}"
        )
    };
    let code = "pub fn double(items: &[u32]) -> usize {\n    2 * tiny::count::count(items)\n}\n";
    put(&course, "exercises/2-failures/Cargo.toml", &manifest("failures", uses, METADATA));
    put(&course, "exercises/2-failures/src/lib.rs", code);
    put(&course, "exercises/2-failures/tests/graded.rs", "use failures as subject;\n\nmod checks;\n");
    put(&course, "exercises/2-failures/tests/checks/mod.rs", "pub mod double;\n");
    put(&course, "exercises/2-failures/tests/checks/double.rs", CHECK);
    let uses = "tiny = { package = \"tiny-solution\", path = \"../1-tiny\" }";
    put(&course, "solutions/2-failures/Cargo.toml", &manifest("failures-solution", uses, ""));
    put(&course, "solutions/2-failures/src/lib.rs", code);
    course
}

fn put(course: &Fixture, path: &str, text: &str) {
    let path = course.root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn manifest(course: &Fixture) -> PathBuf {
    course.root.join("exercises/2-failures/Cargo.toml")
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

/// What a report says of a stage: whether it is skipped, and what it stands on.
fn reported(course: &Fixture, stage: &str) -> (bool, Vec<String>) {
    course.says(&["report", "report.json"], 0);
    let report: Value = serde_json::from_str(&read(course.root.join("report.json"))).unwrap();
    let stages = report["stages"].as_array().unwrap();
    let stage = stages.iter().find(|it| it["id"] == stage).unwrap();
    let ids = stage["stands_on"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
    (stage["skipped"].as_bool().unwrap(), ids.collect())
}

#[test]
fn a_skip_and_its_undoing_change_one_line_and_change_it_back() {
    let course = course(OWN);
    let before = read(manifest(&course));
    assert_eq!(reported(&course, "1-tiny"), (false, Vec::new()));

    for (name, now) in [("tiny", "from now on"), ("1-tiny", "already"), ("1", "already")] {
        let says = course.says(&["skip", name], 0);
        let expected = format!(
            "✓ Stage 2 stands on the reference solution of stage 1 {now}.\n  Your own code of stage 1 is untouched, and you can \
             still work on it. cargo course skip tiny --undo goes back.\n  Next: cargo course\n"
        );
        assert_eq!(says, expected);
        assert_eq!(read(manifest(&course)), before.replace(OWN, REFERENCE));
    }
    assert_eq!(reported(&course, "1-tiny"), (true, Vec::new()));
    assert_eq!(reported(&course, "2-failures"), (false, vec!["1-tiny".to_owned()]));

    for now in ["again", "already"] {
        let says = course.says(&["skip", "tiny", "--undo"], 0);
        let expected =
            format!("✓ Stage 2 stands on your own code of stage 1 {now}.\n  Next: cargo course check failures\n");
        assert_eq!(says, expected);
        assert_eq!(read(manifest(&course)), before);
    }
    assert_eq!(course.progress(), "", "what a stage stands on is noted in its manifest alone");
}

#[test]
fn whoever_skips_goes_on_with_the_next_stage_and_reports_say_so() {
    let course = course(OWN);
    let (code, _, stderr) = course.run(&["check", "count"]);
    assert_eq!(code, 1, "{stderr}");
    let lock = read(course.root.join("Cargo.lock"));
    let says = course.says(&["check", "double"], 1);
    assert!(says.contains("Count the items. (at exercises/1-tiny/src/count.rs:"), "{says}");
    assert!(!says.contains("reference"), "{says}");

    course.says(&["skip", "tiny"], 0);
    let needs = "name = \"failures\"\nversion = \"0.1.0\"\ndependencies = [\n \"testkit\",\n \"tiny";
    let skipped = read(course.root.join("Cargo.lock"));
    assert!(skipped.contains(&format!("{needs}-solution\"")), "{skipped}");
    let status = course.says(&[], 0);
    assert!(status.contains("0 of 35 points"), "{status}");
    let notice = "    skipped: stage 2 stands on its reference solution (cargo course skip tiny --undo)\n";
    assert!(status.contains(notice), "{status}");
    assert!(status.contains("    stands on the reference solution of stage 1\n"), "{status}");
    assert!(status.contains("Next: Double (5 points)"), "{status}");

    let says = course.says(&["check"], 0);
    assert!(says.starts_with("This stage stands on the reference solution of stage 1.\n"), "{says}");
    assert!(says.contains("✓ Double passed: 5 points"), "{says}");
    let done =
        "Every task of stage 2 is done. You skipped stage 1; the tasks are there if you want to go back to it.\n";
    assert!(says.contains(done) && !says.contains("Next:"), "the stage that was skipped asks for nothing: {says}");
    let (told, _) = lines(&course, &["check", "double", "--json"]);
    assert_eq!(told[0], json!({ "event": "stands-on", "references": ["1-tiny"] }));
    let own = course.says(&["check", "count"], 1);
    assert!(own.contains("This part is not written yet.") && !own.contains("reference"), "{own}");

    course.says(&["skip", "tiny", "--undo"], 0);
    assert_eq!(read(course.root.join("Cargo.lock")), lock);
    let status = course.says(&[], 0);
    assert!(!status.contains("skipped") && !status.contains("reference solution"), "{status}");
    a_watch_looks_at_what_a_stage_stands_on(&course);
    code_of_an_earlier_stage_that_does_not_compile_is_told_as_that(&course);
}

fn a_watch_looks_at_what_a_stage_stands_on(course: &Fixture) {
    let mut watch = Watch::start(course, &["double"]);
    watch.reads("Count the items.");
    watch.reads("A save in exercises/2-failures/src checks double.");
    course.count_is("items.len() + 1");
    watch.reads("Two items were doubled to 6.");
    watch.reads("A save in");
    course.says(&["skip", "tiny"], 0);
    watch.reads("This stage stands on the reference solution of stage 1.");
    watch.reads("✓ Double passes again");
    watch.press("q");
    course.says(&["skip", "tiny", "--undo"], 0);
}

fn code_of_an_earlier_stage_that_does_not_compile_is_told_as_that(course: &Fixture) {
    course.edit("src/count.rs", "items.len() + 1", "itms.len()");
    let (code, _, stderr) = course.run(&["check", "double"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("exercises/1-tiny/src/count.rs:"), "{stderr}");
    let says = "This is your own code in exercises/1-tiny, which stage 2 stands on. It does not compile yet, so nothing was run. \
                `cargo course skip tiny` lets stage 2 stand on the reference.\n";
    assert!(stderr.ends_with(says), "{stderr}");
    course.says(&["skip", "tiny"], 0);
    course.says(&["check", "double"], 0);
}

#[test]
fn the_reference_of_a_stage_brings_that_of_the_stages_before_it() {
    let course = course(OWN);
    let uses = |two: &str| format!("{OWN}\nfailures = {two}");
    let text = read(manifest(&course)).replace("2-failures", "3-asynchrony").replace("double", "again");
    let third = |two: &str| text.replace("\"failures", "\"asynchrony").replace(OWN, &uses(two));
    put(&course, "exercises/3-asynchrony/Cargo.toml", &third("{ path = \"../2-failures\" }"));
    put(&course, "exercises/3-asynchrony/src/lib.rs", "");
    let own = || (read(manifest(&course)), read(course.root.join("exercises/3-asynchrony/Cargo.toml")));
    let (second, before) = own();

    let says = course.says(&["skip", "failures"], 0);
    assert!(says.contains("✓ Stage 3 stands on the reference solution of stage 2 from now on.\n"), "{says}");
    assert!(says.contains("  It brings along the reference solution of stage 1, which it is built on.\n"), "{says}");
    let reference = "{ package = \"failures-solution\", path = \"../../solutions/2-failures\" }";
    assert_eq!(own(), (second.clone(), third(reference).replace(OWN, REFERENCE)));
    assert!(!reported(&course, "1-tiny").0, "stage 1 comes along, and is not skipped itself");
    let says = course.says(&["skip", "tiny", "--undo"], 0);
    let because = "! Stage 3 stands on the reference solution of stage 1, because the reference solution of stage 2 is built on it.";
    assert!(says.starts_with(because), "{says}");
    assert!(says.contains("✓ Stage 2 stands on your own code of stage 1 already.\n"), "{says}");

    course.says(&["skip", "tiny"], 0);
    course.says(&["skip", "failures", "--undo"], 0);
    assert_eq!(own(), (second.replace(OWN, REFERENCE), before.replace(OWN, REFERENCE)), "stage 1 is still skipped");
    assert_eq!(reported(&course, "3-asynchrony").1, ["1-tiny"]);
    course.says(&["skip", "tiny", "--undo"], 0);
    assert_eq!(own(), (second, before));
}

#[test]
fn what_cannot_be_skipped_is_refused_and_nothing_is_written() {
    let by_hand = "tiny = { path = \"../../my-tiny\" }";
    let course = course(by_hand);
    let before = read(manifest(&course));
    let cases = [
        ("tny", 2, "No stage is called `tny`; did you mean `tiny`? `cargo course` lists them."),
        (
            "asynchrony",
            2,
            "Stage 3, Async, is still to come. What is there so far: `1` (Tiny), `2` (Failures). `cargo course` lists the tasks.",
        ),
        (
            "tally",
            2,
            "`tally` is a task, and only a whole stage can be skipped: `cargo course skip tiny`. For the task, there is `cargo course hint tally`.",
        ),
        (
            "failures",
            2,
            "No later stage uses your code of stage 2, so there is nothing to skip: start with any of their tasks. `cargo course` lists \
             them.",
        ),
        (
            "tiny",
            2,
            "In exercises/2-failures/Cargo.toml, the dependency `tiny` was changed by hand, so nothing was touched. Write \
             `tiny = { path = \"../1-tiny\" }` there, and run `cargo course skip tiny` again.",
        ),
    ];
    for (name, code, sentence) in cases {
        assert_eq!(course.complains(&["skip", name], code), sentence);
    }
    course.complains(&["skip", "tiny", "--undo"], 2);
    assert_eq!(read(manifest(&course)), before);

    let mistake = before.replace("points = 5", "points = \"five\"");
    put(&course, "exercises/2-failures/Cargo.toml", &mistake);
    let says = course.complains(&["skip", "tiny"], 3);
    assert!(
        says.contains("exercises/2-failures/Cargo.toml: `package.metadata.course.tasks[0].points` must be"),
        "{says}"
    );
    assert_eq!(read(manifest(&course)), mistake);
}

#[test]
fn a_course_that_ships_a_skipped_stage_fails_its_audit() {
    let course = course(OWN);
    let audit = |code| course.says(&["dev", "verify", "exercises stand"], code);
    assert!(audit(0).contains("(1 use of an earlier stage)"), "{}", audit(0));
    course.says(&["skip", "tiny"], 0);
    let says = audit(1);
    let finding = "exercises/2-failures/Cargo.toml stands on the solution of stage 1, so a learner's own code would not count \
                   [cargo course skip tiny --undo]";
    assert!(says.contains(finding), "{says}");
    course.says(&["skip", "tiny", "--undo"], 0);
    let solution = "solutions/2-failures/Cargo.toml";
    let alone =
        read(course.root.join(solution)).replace("tiny = { package = \"tiny-solution\", path = \"../1-tiny\" }\n", "");
    put(&course, solution, &alone);
    assert!(audit(1).contains("uses stage 1, but solutions/2-failures/Cargo.toml does not"), "{}", audit(1));
}
