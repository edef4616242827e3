//! `cargo course hint`.

use crate::fixture::{Fixture, shared};

#[test]
fn hints_come_one_by_one_and_are_counted() {
    let fixture = Fixture::new("hints");
    let says = fixture.complains(&["hint", "--again"], 2);
    assert_eq!(says, "You have seen no hint for `count` yet. `cargo course hint count` shows the first one.");
    let first = fixture.says(&["hint"], 0);
    assert!(first.contains("Hint 1 of 3\n  Start with nothing."), "{first}");
    assert!(first.contains("One step more: cargo course hint count"), "{first}");
    let second = fixture.says(&["hint", "count"], 0);
    assert!(second.contains("Hint 2 of 3") && !second.contains("Hint 1"), "{second}");
    let again = fixture.says(&["hint", "--again"], 0);
    assert!(again.contains("Hint 1 of 3") && again.contains("Hint 2 of 3") && !again.contains("Hint 3"), "{again}");
    assert!(fixture.progress().contains("hints_shown = 2"));
    let last = fixture.says(&["hint"], 0);
    assert!(last.contains("Hint 3 of 3") && last.contains("That was the last hint."), "{last}");
    let repeated = fixture.says(&["hint"], 0);
    assert!(repeated.contains("You have seen all hints. Once more, the last one:\n"), "{repeated}");
    assert!(repeated.contains("That was the last hint.") && !repeated.contains("Hint 3 of 3"), "{repeated}");
    let all = fixture.says(&["hint", "tally", "--all"], 0);
    assert!(all.contains("Hint 1 of 2") && all.contains("Hint 2 of 2"), "{all}");
}

#[test]
fn a_hint_for_no_task_is_a_usage_error() {
    let says = shared().complains(&["hint", "taly"], 2);
    assert_eq!(says, "No task is called `taly`; did you mean `tally`? `cargo course` lists them.");
}
