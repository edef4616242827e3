//! `cargo course credit`.

use crate::fixture::{Fixture, shared};

#[test]
fn help_is_written_down_in_the_learners_words() {
    let fixture = Fixture::new("credit");
    let none = fixture.says(&["credit", "count"], 0);
    assert!(none.contains("No help is written down yet."), "{none}");
    let kept = fixture.says(&["credit", "count", " a colleague  asked where the count starts "], 0);
    assert!(kept.contains("written down for `count`. It takes no points away."), "{kept}");
    fixture.says(&["credit", "count", "an assistant wrote the loop"], 0);
    assert!(fixture.progress().contains("a colleague asked where the count starts"));
    let both = fixture.says(&["credit", "count"], 0);
    assert!(both.contains("  a colleague asked where the count starts\n  an assistant wrote the loop\n"), "{both}");
}

#[test]
fn help_without_words_is_a_usage_error() {
    let says = shared().complains(&["credit", "count", " "], 2);
    assert_eq!(says, "Say in a sentence what the help with `count` was.");
}
