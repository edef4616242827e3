//! Manifests with one mistake each, and the sentence that each must give.

use std::path::Path;

use super::{Course, Stage, nearest, sentence};

const GOOD: &str = r#"
[package]
name = "tiny"
[package.metadata.course]
stage = "1-tiny"
title = "Tiny"
solution = "tiny-solution"
summary = "Almost nothing."
start = "1-tiny/README.md"
[[package.metadata.course.tasks]]
id = "one"
aliases = ["uno"]
title = "One"
points = 10
page = "1-tiny/one.md"
files = ["src/lib.rs"]
checks = ["one::is_one"]
[[package.metadata.course.tasks]]
id = "two"
title = "Two"
points = 5
bonus = true
page = "1-tiny/two.md"
files = ["src/lib.rs"]
checks = ["two::is_two"]
[[package.metadata.course.labs]]
name = "race"
title = "A race"
page = "1-tiny/race.md"
example = "race"
"#;

fn parse(text: &str) -> Result<Stage, String> {
    Stage::parse("1-tiny", Path::new("exercises/1-tiny"), text).map_err(|error| error.to_string())
}

#[track_caller]
fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "`{from}` is not in the good manifest");
    parse(&GOOD.replacen(from, to, 1)).expect_err("the mistake was not noticed")
}

#[test]
fn a_good_manifest_is_read_in_full() {
    let stage = parse(GOOD).unwrap();
    assert_eq!((stage.short(), stage.number()), ("tiny", "1"));
    assert!(["1-tiny", "tiny", "1"].iter().all(|name| stage.is_called(name)));
    assert_eq!(stage.tasks.len(), 2);
    assert!(stage.tasks[0].is_called("uno") && !stage.tasks[0].bonus && stage.tasks[1].bonus);
    assert_eq!(stage.labs[0].name, "race");
}

#[test]
fn each_mistake_is_one_sentence_with_file_key_and_fix() {
    let cases = [
        ("[package]", "[package", "`line 2` is not TOML: unclosed table, expected `]`. Fix that line."),
        ("id = \"one\"", "", "`package.metadata.course.tasks[0].id` is missing: add `id = \"…\"`."),
        (
            "id = \"two\"",
            "id = \"Two!\"",
            "`package.metadata.course.tasks[1].id` is `Two!`; use small letters, digits and hyphens only.",
        ),
        (
            "points = 10",
            "points = \"ten\"",
            "`package.metadata.course.tasks[0].points` must be a whole number: write `points = 10`.",
        ),
        (
            "bonus = true",
            "bonus = 1",
            "`package.metadata.course.tasks[1].bonus` must be true or false: write `bonus = true`.",
        ),
        (
            "points = 10",
            "point = 10",
            "`package.metadata.course.tasks[0].point` is not a key of the course: did you mean `points`?",
        ),
        (
            "checks = [\"two::is_two\"]",
            "",
            "`package.metadata.course.tasks[1].checks` needs at least one entry: write `checks = [\"module::name_of_the_check\"]`.",
        ),
        (
            "files = [\"src/lib.rs\"]",
            "",
            "`package.metadata.course.tasks[0].files` is missing: write `files = [\"src/lib.rs\"]`, or `files = []` if there are none.",
        ),
        (
            "files = [\"src/lib.rs\"]",
            "files = \"src/lib.rs\"",
            "`package.metadata.course.tasks[0].files` must be a list of texts: write `files = [\"…\"]`.",
        ),
        (
            "stage = \"1-tiny\"",
            "stage = \"tiny\"",
            "`package.metadata.course.stage` must be the name of the folder, \"1-tiny\".",
        ),
        (
            "title = \"Tiny\"",
            "title = \" \"",
            "`package.metadata.course.title` must be a text that is not empty: write `title = \"…\"`.",
        ),
        (
            "two::is_two",
            "one::is_one",
            "`package.metadata.course.tasks[1].checks` lists `one::is_one`, which task `one` lists already; keep it in exactly one of them.",
        ),
        (
            "[package.metadata.course]",
            "[package.metadata.other]",
            "`package.metadata.course.stage` is missing: add `stage = \"…\"`.",
        ),
    ];
    for (from, to, says) in cases {
        assert_eq!(complaint(from, to), format!("exercises/1-tiny/Cargo.toml: {says}"));
    }
}

#[test]
fn hints_have_a_file_of_their_own() {
    let hinted = |text: &str| {
        let mut stage = parse(GOOD).unwrap();
        stage.take_hints("solutions/1-tiny/hints.toml".into(), text).map_err(|error| error.to_string())?;
        Ok::<_, String>(stage.tasks.iter().map(|task| task.hints.len()).collect::<Vec<_>>())
    };
    assert_eq!(hinted("one = [\"Count.\", \"Count on.\"]\n"), Ok(vec![2, 0]));
    let stray = hinted("ones = [\"Count.\"]\n").unwrap_err();
    assert_eq!(stray, "solutions/1-tiny/hints.toml: `ones` is not a key of the course: did you mean `one`?");
    let single = hinted("one = \"Count.\"\n").unwrap_err();
    assert_eq!(single, "solutions/1-tiny/hints.toml: `one` must be a list of texts: write `one = [\"…\"]`.");
}

#[test]
fn names_differ_in_the_whole_course() {
    let clash = |from: &str, to: &str| {
        let stage = parse(&GOOD.replacen(from, to, 1)).unwrap();
        Course { stages: vec![stage] }.names_are_unique().map_err(|error| error.to_string())
    };
    assert!(clash("Almost", "Nearly").is_ok());
    for (from, to, name) in [
        ("id = \"two\"", "id = \"one\"", "one"),
        ("id = \"two\"", "id = \"uno\"", "uno"),
        ("uno", "one", "one"),
        ("\"uno\"", "\"tiny\"", "tiny"),
    ] {
        let says = clash(from, to).expect_err("the clash was not noticed");
        assert!(says.contains(&format!("uses the name `{name}`")), "{says}");
    }
}

#[test]
fn the_nearest_name_is_offered_only_if_it_is_near() {
    let names = || ["abd", "break", "minority", "orset"].into_iter();
    for (typed, meant) in
        [("adb", Some("abd")), ("minorty", Some("minority")), ("or", Some("orset")), ("frobnicate", None)]
    {
        assert_eq!(nearest(typed, names()).as_deref(), meant, "{typed}");
    }
    for (length, is_near) in [(64, true), (65, false), (1 << 20, false)] {
        let (name, typed) = ("a".repeat(length), format!("{}b", "a".repeat(length - 1)));
        assert_eq!(nearest(&typed, [name.as_str()].into_iter()).is_some(), is_near, "{length} characters");
    }
}

#[test]
fn a_check_reads_as_a_sentence() {
    assert_eq!(sentence("abd::a_minority_gives_no_answer"), "a minority gives no answer");
}
