//! `cargo course check`.

use crate::fixture::{BUILDING, Fixture, STARTER, shared};

#[test]
fn the_starter_compiles_and_fails_with_its_instruction() {
    let says = shared().says(&["check"], 1);
    assert!(says.contains("✗ one and one is two\nThis part is not written yet."), "{says}");
    assert!(says.contains("To do:   Count the items."), "{says}");
    assert!(says.contains("Read:    book/src/1-tiny/count.md"), "{says}");
    assert!(says.contains("✗ nothing is zero  This part is not written yet.\n"), "{says}");
    assert!(says.contains("1 more check failed"), "{says}");
    assert!(says.trim_end().ends_with("Stuck? cargo course hint count"), "{says}");
    let all = shared().says(&["check", "--verbose"], 1);
    assert!(all.contains("✗ nothing is zero\nThis part is not written yet."), "{all}");
}

#[test]
fn a_stage_goes_by_its_number_its_name_and_its_folder() {
    for args in [["check", "1"], ["check", "tiny"], ["check", "1-tiny"], ["check", "--all"]] {
        let says = shared().says(&args, 1);
        for title in ["Count (count)", "Count twice (count-twice)", "Count together (tally)"] {
            assert!(says.contains(title), "{args:?}: {says}");
        }
    }
}

#[test]
fn an_unknown_name_gets_the_nearest_one() {
    let says = shared().complains(&["check", "cuont"], 2);
    assert_eq!(says, "No task is called `cuont`; did you mean `count`? `cargo course` lists them.");
    let says = shared().complains(&["check", "frobnicate"], 2);
    assert_eq!(says, "No task is called `frobnicate`. `cargo course` lists them.");
}

#[test]
fn a_stage_that_is_not_there_yet_is_still_to_come() {
    for name in ["2", "failures", "2-failures", "Failures"] {
        let says = shared().complains(&["check", name], 2);
        let expected =
            "Stage 2, Failures, is still to come. What is there so far: `1` (Tiny). `cargo course` lists the tasks.";
        assert_eq!(says, expected);
    }
}

#[test]
fn a_learner_works_through_the_stage() {
    let fixture = Fixture::new("learner");
    fixture.count_is("items.len()");
    let says = fixture.says(&["check"], 0);
    assert!(says.contains("✓ one and one is two\n      counted two items"), "{says}");
    assert!(says.contains("✓ Count passed: 10 points\n10 of 30 points\n\nNext: Count together (20 points)"), "{says}");
    assert!(fixture.progress().contains("evidence = [\"counted two items\", \"counted no items\"]"));
    let again = fixture.says(&["check", "sum"], 0);
    assert!(again.contains("✓ Count passes again"), "{again}");

    fixture.edit("src/count.rs", "items.len()", "items.iter().count()");
    let status = fixture.says(&[], 0);
    assert!(status.contains("changed since it passed"), "{status}");
    let bonus = fixture.says(&["check", "count-twice"], 0);
    assert!(bonus.contains("✓ Count still passes."), "{bonus}");
    assert!(fixture.says(&[], 0).contains("10 of 30 points, and a bonus of 3"));

    fixture.edit("src/count.rs", "items.iter().count()", "items.iter().count().max(1)");
    let broken = fixture.says(&["check", "count-twice"], 1);
    assert!(broken.contains("✗ Count passed earlier, but does not any more: cargo course check count"), "{broken}");
    let suspect = fixture.says(&["check", "count"], 1);
    let likely = "Perhaps this is behind it: There is always something.\n  Read book/src/1-tiny/count.md\n";
    assert!(suspect.contains(likely), "{suspect}");
}

#[test]
fn where_no_spinner_is_seen_a_line_says_that_a_build_has_begun() {
    let output = Fixture::new("building").course(&["check", "count"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), BUILDING);
}

#[test]
fn errors_of_the_compiler_are_shown_and_nothing_else() {
    let fixture = Fixture::new("compiler");
    fixture.count_is("itms.len()");
    let (code, stdout, stderr) = fixture.run(&["check"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.starts_with("error[E0425]: cannot find value `itms`"), "{stderr}");
    assert!(stderr.ends_with("\n\nYour code does not compile yet, so nothing was run.\n"), "{stderr}");
    assert!(!stderr.contains("Compiling") && !stderr.contains("warning"), "{stderr}");

    fixture.edit("src/count.rs", "pub fn count", "pub fn number");
    fixture.edit("src/count.rs", "itms", "items");
    let (code, _, stderr) = fixture.run(&["check"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("keep the starter's names and signatures"), "{stderr}");
}

#[test]
fn code_that_ends_or_hangs_costs_its_own_check_only() {
    let fixture = Fixture::new("hostile");
    fixture.count_is("match items { [] => std::process::exit(0), [1, 1] => loop {}, _ => items.len() }");
    let says = fixture.says(&["check", "tiny", "--verbose", "--patience", "1"], 1);
    assert!(says.contains("Your code did not finish within 1 second."), "{says}");
    assert!(says.contains("Your code ended the program, with exit code 0."), "{says}");
    assert!(says.contains("✓ Count twice passed: 3 points"), "{says}");

    // A known bug fails the same check, but by what it answers.
    fixture.edit("src/count.rs", "[1, 1] => loop {}, ", "");
    let says = fixture.says(&["check", "count"], 1);
    assert!(says.contains("Your code ended the program, with exit code 0."), "{says}");
    assert!(!says.contains("Perhaps this is behind it"), "{says}");
}

#[test]
fn a_defect_of_a_check_is_not_the_learners() {
    let fixture = Fixture::new("defect");
    fixture.count_is("items.len()");
    fixture.edit("tests/checks/count.rs", "let found = count(&[]);", "let found = count(&[]); assert_eq!(found, 1);");
    let says = fixture.says(&["check"], 3);
    assert!(says.contains("The grader failed. This is not a mistake in your code."), "{says}");
    assert!(!says.contains("Perhaps this is behind it"), "{says}");
}

#[test]
fn what_cargo_cannot_build_is_told_in_cargos_words() {
    let fixture = Fixture::new("cargo");
    fixture.edit("Cargo.toml", "[dependencies]", "[dependencies]\ngone = { path = \"../gone\" }");
    let says = fixture.complains(&["check"], 3);
    assert!(says.starts_with("Cargo could not build the exercise. It says:"), "{says}");
    assert!(says.contains("gone/Cargo.toml"), "{says}");
}

#[test]
fn code_of_others_and_clocks_in_a_core_are_refused_by_name() {
    let fixture = Fixture::new("refused");
    fixture.count_is("{ include!(\"../../../solutions/1-tiny/src/count.rs\"); count(items) }");
    fixture.edit(
        "src/tally.rs",
        STARTER,
        "let _ = std::time::SystemTime::now(); self.count += 1; out.reply(id, self.count);",
    );
    let (code, stdout, stderr) = fixture.run(&["check", "tiny"]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(
        stderr.contains("refused: exercises/1-tiny/src/count.rs:5: `include!` takes text from another file"),
        "{stderr}"
    );
    assert!(stderr.contains("a core has no clock"), "{stderr}");
    assert!(stderr.contains("Nothing was built or run."), "{stderr}");
}

#[test]
fn a_stage_on_its_own_reference_is_refused() {
    let fixture = Fixture::new("refused");
    let reference =
        "[dependencies]\nanswers = { package = \"refused-tiny-solution\", path = \"../../solutions/1-tiny\" }";
    fixture.edit("Cargo.toml", "[dependencies]", reference);
    let (code, _, stderr) = fixture.run(&["check", "count"]);
    assert_eq!(code, 1, "{stderr}");
    let says = "refused: exercises/1-tiny/Cargo.toml: `answers` is the reference of this very stage.";
    assert!(stderr.contains(says), "{stderr}");
}
