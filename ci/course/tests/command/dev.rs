//! `cargo course dev`: starters, bugs and the audit.

use std::fs;
use std::path::Path;

use crate::fixture::Fixture;

/// A stage in which everything is as it should be: each check catches a bug, each task has hints.
const TASKS: &str = r#"
[package.metadata.course]
stage = "1-tiny"
title = "Tiny"
solution = "NAME-tiny-solution"
summary = "Counting, alone and together"
start = "1-tiny/README.md"

[[package.metadata.course.tasks]]
id = "count"
title = "Count"
points = 10
page = "1-tiny/count.md#counting"
files = ["src/count.rs"]
checks = ["count::one_and_one_is_two", "count::nothing_is_zero"]

[[package.metadata.course.tasks]]
id = "tally"
title = "Count together"
points = 20
page = "1-tiny/tally.md"
files = ["src/tally.rs"]
checks = ["tally::each_addition_counts_once"]
"#;

const HINTS: &str = r#"
count = ["Start with nothing.", "Add one for each.", "It is `items.len()`, and nothing else."]
tally = ["Who adds?", "The server that was asked.", "Add to `self.count`, then `out.reply(id, self.count)`."]
"#;

/// Where it is kept what the checks need.
const NEEDS: &str = "solutions/1-tiny/needs.toml";

fn course(name: &str) -> Fixture {
    let course = Fixture::new(name);
    fs::remove_file(course.root.join("solutions/1-tiny/bugs/matrix.json")).unwrap();
    let manifest = fs::read_to_string(course.file("Cargo.toml")).unwrap();
    let head = manifest.split("[[example]]").next().unwrap();
    put(&course, "exercises/1-tiny/Cargo.toml", &format!("{head}{}", TASKS.replace("NAME", name)));
    put(&course, "solutions/1-tiny/hints.toml", HINTS);
    cut(&course, "exercises/1-tiny/tests/checks/count.rs", "#[test]\npub fn counting_twice");
    cut(&course, "exercises/1-tiny/tests/checks/tally.rs", "#[test]\npub fn a_tally_starts");
    put(&course, "book/book.toml", "[book]\ntitle = \"Tiny\"\n\n[build]\ncreate-missing = false\n");
    put(
        &course,
        "book/src/SUMMARY.md",
        "- [Tiny](1-tiny/README.md)\n- [Count](1-tiny/count.md)\n- [Tally](1-tiny/tally.md)\n\
         - [Bugs](1-tiny/bugs.md)\n- [Matrix](built/matrix.md)\n",
    );
    put(
        &course,
        "book/src/1-tiny/count.md",
        "# Count\n\n## Counting\n\nSee [the tally](tally.md#tally).\n\n{{#task count}}\n",
    );
    put(&course, "book/src/1-tiny/bugs.md", "# Bugs\n\n{{#bugs 1-tiny}}\n");
    put(&course, "book/src/built/matrix.md", "# The kill matrix\n\n{{#matrix 1-tiny}}\n");
    for file in ["count.rs", "tally.rs"] {
        let solution = format!("solutions/1-tiny/src/{file}");
        let text = read(&course.root.join(&solution));
        put(&course, &solution, &text.replacen(".\n\n", ALLOW, 1));
    }
    course.says(&["dev", "starters"], 0);
    patch(&course, "bugs/from-one", "count.rs", "items.len()", "items.len() + 1", FROM_ONE);
    patch(&course, "bugs/no-addition", "tally.rs", "self.count += 1;\n", "", NO_ADDITION);
    patch(&course, "variants/by-hand", "count.rs", "items.len()", "items.iter().count()", BY_HAND);
    course
}

/// A starter does not use what only the holes need.
const ALLOW: &str = ".\n\n//# allow: unused_variables\n\n";

const FROM_ONE: &str = "\
Misconception: Counting starts at one.
Who: The Romans
Page: 1-tiny/count.md#counting
Caught-by: count::one_and_one_is_two, count::nothing_is_zero
";

const NO_ADDITION: &str = "\
Misconception: A reply is all that a client wants.
Who: Whoever is in a hurry
Page: 1-tiny/tally.md
Caught-by: tally::each_addition_counts_once
";

const BY_HAND: &str = "What: Counts one by one.\nWhy-correct: It counts them all.\n";

/// Writes a patch that replaces a text in a file of the solution.
#[track_caller]
fn patch(course: &Fixture, name: &str, file: &str, from: &str, to: &str, preamble: &str) {
    let before = read(&course.root.join("solutions/1-tiny/src").join(file));
    assert!(before.contains(from), "{before}");
    let diff = diffy::create_patch(&before, &before.replace(from, to)).to_string();
    let diff = diff
        .replace("--- original", &format!("--- a/src/{file}"))
        .replace("+++ modified", &format!("+++ b/src/{file}"));
    put(course, &format!("solutions/1-tiny/{name}.patch"), &format!("{preamble}\n{diff}"));
}

fn put(course: &Fixture, path: &str, text: &str) {
    let path = course.root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Leaves out the rest of a file.
#[track_caller]
fn cut(course: &Fixture, path: &str, from: &str) {
    let text = read(&course.root.join(path));
    let (before, _) = text.split_once(from).expect("the fixture has that text");
    put(course, path, before);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn starters_are_derived_and_mended() {
    let course = Fixture::new("dev-starters");
    let starter = course.file("src/count.rs");
    let current = read(&starter);
    assert_eq!(course.says(&["dev", "starters"], 0), "ok every starter was current.\n");

    put(&course, "exercises/1-tiny/src/count.rs", "// edited by hand\n");
    put(&course, "exercises/1-tiny/src/gone.rs", "// its solution is gone\n");
    let said = course.says(&["dev", "starters"], 0);
    assert!(said.contains("rewritten  exercises/1-tiny/src/count.rs\n"), "{said}");
    assert!(said.contains("removed  exercises/1-tiny/src/gone.rs\n"), "{said}");
    assert_eq!(read(&starter), current);

    put(&course, "solutions/1-tiny/src/count.rs", "//! Counts.\n//# hole: Count.\n");
    let error = course.complains(&["dev", "starters"], 3);
    assert_eq!(error, "solutions/1-tiny/src/count.rs: line 2: this part has no `//# end`");
}

#[test]
fn starters_do_not_overwrite_a_learners_work() {
    let course = Fixture::new("dev-learner");
    put(&course, ".course/progress.toml", "version = 1\n");
    put(&course, "exercises/1-tiny/src/count.rs", "// a learner's work\n");
    let error = course.complains(&["dev", "starters"], 2);
    assert!(error.contains("would overwrite that work"), "{error}");
    assert_eq!(read(&course.file("src/count.rs")), "// a learner's work\n");
    course.says(&["dev", "starters", "--force"], 0);
    assert!(read(&course.file("src/count.rs")).contains("todo!"));
}

#[test]
fn a_good_course_passes_its_audit_and_each_flaw_is_found() {
    let course = course("dev-audit");
    let said = course.says(&["dev", "bugs", "--full"], 0);
    assert!(said.contains("1-tiny: 2 bugs and 1 variants, 0 findings."), "{said}");
    let matrix = read(&course.root.join("solutions/1-tiny/bugs/matrix.json"));
    assert!(matrix.contains("\"caught_by_all\": [\n        \"tally::each_addition_counts_once\"\n      ]"), "{matrix}");
    a_full_run_goes_on_where_the_last_one_stopped(&course, &matrix);

    runs_are_recorded_and_shown(&course);
    what_checks_need_is_recorded(&course);

    let said = course.says(&["dev", "verify"], 0);
    assert!(said.ends_with("The course holds what it promises.\n"), "{said}");
    bugs_that_do_not_count(&course);
    bugs_in_another_base(&course);
    flaws(&course);
}

fn what_checks_need_is_recorded(course: &Fixture) {
    course.says(&["dev", "needs"], 0);
    let needs = read(&course.root.join(NEEDS));
    for needed in [
        "\"count::nothing_is_zero\" = [\"1-tiny/src/count.rs: count\"]",
        "\"tally::each_addition_counts_once\" = [\"1-tiny/src/tally.rs: on_request\"]",
    ] {
        assert!(needs.contains(needed), "{needs}");
    }
    assert_eq!(course.says(&["dev", "needs"], 0), format!("ok {NEEDS} is current.\n"));
}

fn a_full_run_goes_on_where_the_last_one_stopped(course: &Fixture, matrix: &str) {
    let known = |args: &[&str], count: &str| {
        let said = course.says(&[&["dev", "bugs"], args].concat(), 0);
        assert!(said.contains(&format!("0 findings.{count}\n")), "{said}");
    };
    known(&["--full"], " 5 verdicts were known already.");
    // The second run may have been on another day.
    let undated = |text: &str| text.lines().filter(|line| !line.contains("met_all")).collect::<Vec<_>>().join("\n");
    assert_eq!(undated(&read(&course.root.join("solutions/1-tiny/bugs/matrix.json"))), undated(matrix));
    known(&[], " 3 were not tried out again.");
    let tally = "exercises/1-tiny/tests/checks/tally.rs";
    let text = read(&course.root.join(tally));
    put(course, tally, &format!("{text}// This changes nothing.\n"));
    known(&["--full"], " 5 verdicts were known already.");
    known(&[], " 3 were not tried out again.");
    put(course, tally, &format!("{text}const _: () = ();\n"));
    known(&[], " 2 were not tried out again.");
    known(&["--full"], " 4 verdicts were known already.");
    known(&["--full", "--afresh"], "");
    known(&["--afresh"], "");
    put(course, tally, &text);
    known(&["--full"], " 4 verdicts were known already.");
}

/// The book shows the run of a bug that has one. If it is missing it is recorded again, and nothing else is tried out.
fn runs_are_recorded_and_shown(course: &Fixture) {
    let without = read(&course.root.join("solutions/1-tiny/bugs/without-run.json"));
    assert_eq!(without, "{\n  \"from-one\": \"not-needed\"\n}\n");
    let run = course.root.join("book/src/1-tiny/traces/no-addition.json");
    let recorded = read(&run);
    fs::remove_file(&run).unwrap();
    let said = course.says(&["dev", "bugs"], 0);
    assert!(said.contains("0 findings. 2 were not tried out again.\n"), "{said}");
    assert_eq!(read(&run), recorded);
    fs::write(&run, recorded.replace("one client", "another")).unwrap();
    let said = course.says(&["dev", "verify", "--all", "bugs are caught"], 1);
    assert!(
        said.contains("The run of `no-addition` that the book shows is not the one that its checks find."),
        "{said}"
    );
    assert!(said.contains("[cargo course dev bugs --only no-addition]"), "{said}");
    course.says(&["dev", "bugs", "--only", "no-addition"], 0);
    assert_eq!(read(&run), recorded);

    let site = tempfile::tempdir().unwrap();
    course.says(&["dev", "site", &site.path().display().to_string()], 0);
    let bugs = read(&site.path().join("1-tiny/bugs.html"));
    assert!(
        bugs.contains("There are 2 bugs here.") && bugs.contains("<a href=\"../1-tiny/traces/no-addition.json\">"),
        "{bugs}"
    );
    assert_eq!(read(&site.path().join("1-tiny/traces/no-addition.json")), recorded);
    let matrix = read(&site.path().join("built/matrix.html"));
    assert!(
        matrix.contains("<a href=\"../1-tiny/bugs.html#from-one\">from-one</a></th><td>–</td><td>●</td><td>●</td>"),
        "{matrix}"
    );
}

/// A bug that survives, one that does not compile, one that panics, a variant that fails, a patch that does not apply any more.
fn bugs_that_do_not_count(course: &Fixture) {
    let names = |check: &str| FROM_ONE.replace("count::one_and_one_is_two, count::nothing_is_zero", check);
    let nothing = names("count::nothing_is_zero");
    let cases: [(&str, &str, &str, &str); 5] = [
        ("bugs/survivor", "items.len().max(0)", &nothing, "survives `count::nothing_is_zero`, which must catch it."),
        ("bugs/broken", "items.len() + nothing", &nothing, "it does not compile:"),
        (
            "bugs/panicking",
            "items.len() - 1",
            &nothing,
            "is not caught by `count::nothing_is_zero` through a rule: Panicked:",
        ),
        ("bugs/nameless", "items.len() + 1", &names(""), "names no check that must catch it."),
        ("variants/wrong", "items.len() + 1", BY_HAND, "is correct, but `count::one_and_one_is_two` says: violated"),
    ];
    for (name, code, preamble, complaint) in cases {
        patch(course, name, "count.rs", "items.len()", code, preamble);
        let (_, only) = name.split_once('/').unwrap();
        let said = course.says(&["dev", "bugs", "--only", only], 1);
        assert!(said.contains(complaint), "{said}");
        fs::remove_file(course.root.join(format!("solutions/1-tiny/{name}.patch"))).unwrap();
    }
    // Bugs are built together. One that does not compile is found among them, and the others are tried out all the same.
    patch(course, "bugs/broken", "count.rs", "items.len()", "items.len() + nothing", &nothing);
    let said = course.says(&["dev", "bugs", "--afresh"], 1);
    assert!(said.contains("bug `broken`: it does not compile:"), "{said}");
    assert!(said.contains("1-tiny: 3 bugs and 1 variants, 1 findings."), "{said}");
    fs::remove_file(course.root.join("solutions/1-tiny/bugs/broken.patch")).unwrap();
    course.says(&["dev", "bugs"], 0);
    let error = course.complains(&["dev", "bugs", "--only", "form-one"], 2);
    assert!(error.contains("did you mean `from-one`?"), "{error}");
}

/// Another complete solution of the stage, and a bug of the reference planted in it.
fn bugs_in_another_base(course: &Fixture) {
    let reference = read(&course.root.join("solutions/1-tiny/src/count.rs"));
    let folder = "solutions/1-tiny/bases/fold";
    let base = reference.replace("items.len()", "items.iter().fold(0, |count, _| count + 1)");
    put(course, &format!("{folder}/src/count.rs"), &base);
    let planted = |with: &str| {
        let diff = diffy::create_patch(&base, &base.replace("fold(0", with)).to_string();
        let diff = diff.replace("--- original", "--- a/src/count.rs").replace("+++ modified", "+++ b/src/count.rs");
        put(course, &format!("{folder}/bugs/from-one.patch"), &diff);
    };
    planted("fold(1");
    let said = course.says(&["dev", "bugs"], 0);
    assert!(said.contains("1-tiny, base fold: 1 bugs and 1 variants, 0 findings.\n"), "{said}");
    let said = course.says(&["dev", "verify", "--all", "bugs are caught"], 0);
    assert!(said.contains("5 bugs and variants, 5 of them tried out"), "{said}");
    planted("fold(0 + 0");
    let said = course.says(&["dev", "verify", "bugs are caught"], 1);
    assert!(said.contains("[cargo course dev bugs --only fold/from-one]"), "{said}");
    fs::remove_dir_all(course.root.join("solutions/1-tiny/bases")).unwrap();
    course.says(&["dev", "bugs"], 0);
}

/// What is wrong, and what the audit says about it.
fn flaws(course: &Fixture) {
    let manifest = "exercises/1-tiny/Cargo.toml";
    let hints = "solutions/1-tiny/hints.toml";
    let count = "book/src/1-tiny/count.md";
    let solution = "solutions/1-tiny/src/count.rs";
    let from_one = "solutions/1-tiny/bugs/from-one.patch";
    let cases: [(&str, &str, &str, &str, &str); 18] = [
        (
            "exercises/1-tiny/src/lib.rs",
            "pub mod tally;",
            "pub mod tally;\n\npub(crate) fn given() {}",
            "filled",
            "with all tasks filled up to `count`, the compiler says:\nwarning: function `given` is never used",
        ),
        (
            manifest,
            "\"src/tally.rs\"",
            "\"src/none.rs\"",
            "files",
            "task `tally` names `src/none.rs`, which no solution has",
        ),
        (hints, "\"Who adds?\", ", "", "hints", "hints of `tally`: there are 2, and 3 is the least"),
        (manifest, "count.md#counting", "count.md#c", "pages that", "`1-tiny/count.md` has no anchor `#c`"),
        (count, "{{#task count}}", "", "its card", "The task `count` has no card on its page."),
        (
            manifest,
            "\"count::nothing_is_zero\"",
            "",
            "one task",
            "the check `count::nothing_is_zero` belongs to no task",
        ),
        (
            count,
            "tally.md#tally",
            "tally.md#none",
            "links",
            "1-tiny/count.md links to `tally.html#none`: `1-tiny/tally.md` has no anchor `#none`",
        ),
        (
            count,
            "# Count\n",
            "# Count\n{{#include ../../../solutions/1-tiny/src/count.rs:none}}\n",
            "includes",
            "book/src/1-tiny/count.md:2 includes",
        ),
        (
            "book/src/SUMMARY.md",
            "- [Tally](1-tiny/tally.md)\n",
            "",
            "pages that",
            "book/src/1-tiny/tally.md is not in the book",
        ),
        (
            "exercises/1-tiny/src/count.rs",
            "todo!",
            "items.len(); todo!",
            "starters are",
            "exercises/1-tiny/src/count.rs differs from what",
        ),
        (
            solution,
            "items.len()",
            "todo!(\"later\")",
            "hold no hole",
            "solutions/1-tiny/src/count.rs:8 is a hole: todo!(\"later\")",
        ),
        (
            from_one,
            "starts at one",
            "starts at two",
            "matrix",
            "solutions/1-tiny/bugs/matrix.json speaks of other bugs than there are",
        ),
        (from_one, "count::one_and_one_is_two, ", "", "must catch", "`count::one_and_one_is_two` must catch no bug"),
        (
            from_one,
            "items.len() + 1",
            "items.len() + 0",
            "bugs are caught",
            "bug `from-one` survives `count::nothing_is_zero`, which must catch it.",
        ),
        (NEEDS, "count.rs: count", "count.rs: other", "order", "no check needs `1-tiny/src/count.rs: count`"),
        (
            NEEDS,
            "tally.rs: on_request",
            "tally.rs: start",
            "need is current",
            "says something else of `tally::each_addition_counts_once` than a run",
        ),
        ("book/src/1-tiny/bugs.md", "{{#bugs 1-tiny}}", "", "catalogue", "No page shows the known bugs of 1-tiny."),
        ("book/src/built/matrix.md", "{{#matrix 1-tiny}}", "", "catalogue", "No page shows the kill matrix of 1-tiny."),
    ];
    for (file, from, to, word, finding) in cases {
        let path = course.root.join(file);
        let before = read(&path);
        assert!(before.contains(from), "{file}: {before}");
        put(course, file, &before.replace(from, to));
        let said = course.says(&["dev", "verify", word], 1);
        assert!(said.contains(finding), "{file}: {from} -> {to}\n{said}");
        put(course, file, &before);
    }
    fs::remove_file(course.root.join("book/src/1-tiny/tally.md")).unwrap();
    let (code, said, error) = course.run(&["dev", "verify", "book"]);
    assert_eq!(code, 3, "{said}");
    assert!(error.contains("The book does not build: failed to read chapter `1-tiny/tally.md`"), "{error}");
}
