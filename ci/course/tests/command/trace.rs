//! `cargo course replay`.

use std::fs;

use crate::fixture::{COUNTS, Fixture, STARTER};

/// Forgets to add for the second request.
const FORGETS: &str = "self.count = 1; out.reply(id, self.count);";
const TRACE: &str = "target/course/traces/1-tiny/checks.tally.each_addition_counts_once.json";

#[test]
fn a_failing_run_is_replayed_until_it_breaks_no_rule() {
    let fixture = Fixture::new("replay");
    let says = fixture.complains(&["replay"], 2);
    assert_eq!(says, "There is no failing run to replay. `cargo course check` writes one when a check fails.");

    fixture.edit("src/tally.rs", STARTER, FORGETS);
    let failed = fixture.says(&["check", "tally"], 1);
    assert!(failed.contains(&format!("cargo course replay {TRACE}")), "{failed}");
    for args in [&["replay"][..], &["replay", TRACE]] {
        let says = fixture.says(args, 1);
        assert!(says.contains("✗ each addition counts once"), "{says}");
        assert!(says.contains("n0 counts 1 after 2 additions."), "{says}");
        assert!(says.contains("n0") && says.contains("c0"), "the diagram is missing:\n{says}");
    }
    let test = fixture.says(&["replay", "--as-test"], 0);
    assert!(test.contains("#[test]"), "{test}");

    fixture.edit("src/tally.rs", FORGETS, COUNTS);
    let mended = fixture.says(&["replay"], 0);
    assert!(mended.contains("✓ The replayed run no longer breaks the rule: "), "{mended}");
    assert!(mended.ends_with("It is one run of many. All of them: cargo course check tally\n"), "{mended}");
}

#[test]
fn the_failure_that_was_shown_is_played_not_the_newest() {
    let fixture = Fixture::new("shown");
    fixture.edit("src/tally.rs", STARTER, FORGETS);
    fixture.says(&["check", "tally"], 1);
    let newer = fixture.root.join("target/course/traces/1-tiny/newer.json");
    fs::copy(fixture.root.join(TRACE), &newer).unwrap();
    let shown = fixture.says(&["replay"], 1);
    let heading = "Replaying the failure that was shown last, on your code as it is now: each addition counts once\n";
    assert!(shown.starts_with(&format!("\n{heading}{TRACE}\n")), "{shown}");

    fixture.says(&["check", "count"], 1); // unwritten, and found without a model
    let says = fixture.complains(&["replay"], 2);
    assert!(says.starts_with("The failure that was shown last, `one and one is two`, has no run to replay"), "{says}");
    let named = fixture.says(&["replay", TRACE, "--all"], 1);
    assert!(named.contains("Replaying the run that you named, on your code as it is now: "), "{named}");

    fs::remove_file(fixture.root.join("target/course/shown")).unwrap();
    fs::copy(fixture.root.join(TRACE), &newer).unwrap();
    let newest = fixture.says(&["replay"], 1);
    assert!(
        newest.contains("Replaying the newest failing run, on your code") && newest.contains("newer.json"),
        "{newest}"
    );
}

#[test]
fn a_run_that_cannot_happen_any_more_proves_nothing() {
    let fixture = Fixture::new("impossible");
    fixture.edit("src/tally.rs", STARTER, FORGETS);
    fixture.says(&["check", "tally"], 1);
    fixture.edit("src/tally.rs", FORGETS, "let _ = (id, out);");
    let says = fixture.says(&["replay"], 0);
    assert!(says.contains("~ This run cannot happen any more, so it shows nothing about your code.\n"), "{says}");
    assert!(says.contains("step 2 of 2, \"c0 asks n0: ()\", is not possible now"), "{says}");
    assert!(!says.contains('✓') && says.ends_with("keeps the rule: cargo course check tally\n"), "{says}");
}

#[test]
fn traces_that_cannot_be_replayed_say_why() {
    let fixture = Fixture::new("traces");
    let missing = fixture.complains(&["replay", "nowhere.json"], 2);
    assert!(missing.starts_with("There is no trace at "), "{missing}");
    fs::write(fixture.root.join("cut.json"), "{ \"version\": 1, \"stage\": ").unwrap();
    let cut = fixture.complains(&["replay", "cut.json"], 2);
    assert!(cut.contains("ends in the middle"), "{cut}");
    fs::write(fixture.root.join("new.json"), "{ \"version\": 99 }").unwrap();
    let newer = fixture.complains(&["replay", "new.json"], 2);
    assert!(newer.contains("Update the course"), "{newer}");
    let other = "{ \"version\": 1, \"stage\": \"1-tiny\", \"check\": \"checks::gone\", \"scope\": \"\", \"producer\": \"model\", \
                 \"seed\": null, \"participants\": [], \"steps\": [], \"violation\": null }";
    fs::write(fixture.root.join("other.json"), other).unwrap();
    let other = fixture.complains(&["replay", "other.json"], 2);
    assert!(
        other.starts_with("The trace was made by the check checks::gone of 1-tiny, which this course does not have.")
    );
}
