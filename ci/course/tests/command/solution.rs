//! `cargo course solution`.

use crate::fixture::{Fixture, shared};

#[test]
fn the_reference_is_shown_after_a_pass_or_on_demand() {
    let says = shared().complains(&["solution"], 2);
    assert_eq!(says, "You have not passed a task yet. `cargo course` shows the next one, `cargo course hint` helps.");
    let says = shared().complains(&["solution", "count"], 2);
    assert_eq!(
        says,
        "You have not passed `count` yet. `cargo course hint count` helps; `cargo course solution count --spoil` shows \
         the reference anyway."
    );

    let fixture = Fixture::new("solution");
    let spoilt = fixture.says(&["solution", "--spoil"], 0);
    assert!(spoilt.contains("-     todo!(\"Count the items.\")\n+     items.len()\n"), "{spoilt}");
    assert!(!spoilt.contains("//#"), "marks are not for learners:\n{spoilt}");
    assert!(fixture.progress().contains("solution_seen = true"));

    fixture.count_is("items.len()");
    fixture.says(&["check", "count"], 0);
    let passed = fixture.says(&["solution"], 0);
    assert!(passed.contains("No difference."), "{passed}");
}

#[test]
fn a_task_without_a_file_has_nothing_to_show_and_nothing_to_reset() {
    let fixture = Fixture::new("no-files");
    fixture.edit(
        "Cargo.toml",
        "files = [\"src/count.rs\"]\nchecks = [\"count::one",
        "files = []\nchecks = [\"count::one",
    );
    let says = fixture.complains(&["solution", "count", "--spoil"], 2);
    assert!(says.contains("`count` has no solution") && says.ends_with("Name one of them."), "{says}");
    let says = fixture.complains(&["reset", "count"], 2);
    assert!(says.contains("`count` has no file of its own") && says.ends_with("Name one of them."), "{says}");
    let says = fixture.says(&[], 0);
    assert!(!says.contains("edit"), "there is nothing to edit:\n{says}");
}
