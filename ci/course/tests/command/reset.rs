//! `cargo course reset`.

use std::fs;

use crate::fixture::{Fixture, shared};

#[test]
fn the_starter_comes_back_and_nothing_is_lost() {
    let fixture = Fixture::new("reset");
    let starter = fs::read_to_string(fixture.file("src/count.rs")).unwrap();
    fixture.count_is("items.len()");
    let own = fs::read_to_string(fixture.file("src/count.rs")).unwrap();

    let dry = fixture.says(&["reset", "count", "--dry-run"], 0);
    assert!(dry.contains("todo!(\"Count the items.\")"), "{dry}");
    assert_eq!(fs::read_to_string(fixture.file("src/count.rs")).unwrap(), own);

    let says = fixture.says(&["reset", "count"], 0);
    assert_eq!(fs::read_to_string(fixture.file("src/count.rs")).unwrap(), starter);
    assert!(says.contains("The file also holds the task `count-twice`."), "{says}");
    let kept = says.lines().find_map(|line| line.strip_prefix("Your version is kept in ")).unwrap();
    assert!(kept.starts_with(".course/backup/") && kept.ends_with("/exercises/1-tiny/src/count.rs"), "{kept}");
    assert_eq!(fs::read_to_string(fixture.root.join(kept)).unwrap(), own);

    let again = fixture.says(&["reset", "exercises/1-tiny/src/count.rs"], 0);
    assert_eq!(again, "✓ exercises/1-tiny/src/count.rs is the starter already.\n");
}

#[test]
fn a_file_that_was_deleted_comes_back() {
    let fixture = Fixture::new("deleted");
    let starter = fs::read_to_string(fixture.file("src/tally.rs")).unwrap();
    fs::remove_file(fixture.file("src/tally.rs")).unwrap();
    fixture.says(&["reset", "src/tally.rs"], 0);
    assert_eq!(fs::read_to_string(fixture.file("src/tally.rs")).unwrap(), starter);
}

#[test]
fn only_what_the_course_gave_can_be_reset() {
    let fixture = Fixture::new("own-file");
    fs::write(fixture.file("src/own.rs"), "// my own\n").unwrap();
    let says = fixture.complains(&["reset", "src/own.rs"], 2);
    assert_eq!(says, "src/own.rs is a file of your own: the course has no starter for it.");
    let says = shared().complains(&["reset", "src/cuont.rs"], 2);
    assert_eq!(
        says,
        "No task or file is called `src/cuont.rs`; did you mean `src/count.rs`? `cargo course` lists them."
    );
    let (code, ..) = shared().run(&["reset"]);
    assert_eq!(code, 2);
}
