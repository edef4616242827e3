//! `cargo course lab`.

use crate::fixture::{Fixture, shared};

#[test]
fn labs_are_listed_and_run() {
    let fixture = Fixture::new("lab");
    let list = fixture.says(&["lab"], 0);
    assert!(list.contains("race             A race of one"), "{list}");
    for args in [&["lab", "race", "--", "by", "far"][..], &["lab", "race", "--reference", "--", "by", "far"]] {
        let says = fixture.says(args, 0);
        assert!(says.starts_with("one runner came first by far\n"), "{says}");
        assert!(says.contains("Plot: target/course/labs/race.svg"), "{says}");
        assert!(says.contains("What it means: book/src/1-tiny/count.md"), "{says}");
    }
    let failed = fixture.says(&["lab", "race", "--", "fail"], 1);
    assert!(failed.contains("The lab ended early (exit status: 7)."), "{failed}");
}

#[test]
fn an_unknown_lab_gets_the_nearest_one() {
    let says = shared().complains(&["lab", "rase"], 2);
    assert_eq!(says, "No lab is called `rase`; did you mean `race`? `cargo course lab` lists them.");
}
