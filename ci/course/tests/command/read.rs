//! `cargo course read`.

use crate::fixture::{Fixture, shared};

#[test]
fn a_page_is_read_in_the_terminal_with_what_it_includes() {
    let course = Fixture::new("read");
    let page = "# Count\n\n{{#task count}}\n\n```rust\n{{#include ../../../exercises/1-tiny/src/count.rs}}\n```\n";
    std::fs::write(course.root.join("book/src/1-tiny/count.md"), page).unwrap();
    let says = course.says(&["read", "count"], 0);
    let expected = "# Count\n\nTask: Count (10 points). Edit exercises/1-tiny/src/count.rs. Check it: cargo course check count\n\n\
                    ```rust\n//! Counting alone.\n";
    assert!(says.starts_with(expected), "{says}");
    assert!(says.ends_with("\nThe next page: cargo course read 1-tiny/tally\n"), "{says}");
    assert!(!says.contains("{{#"), "{says}");
    for name in ["1-tiny/count", "book/src/1-tiny/count.md", "count-twice"] {
        assert_eq!(course.says(&["read", name], 0), says, "{name}");
    }
}

#[test]
fn without_a_name_it_is_the_first_page_to_read() {
    let says = shared().says(&["read"], 0);
    assert!(says.ends_with("The next page: cargo course read 1-tiny/count\n"), "{says}");
    let says = shared().complains(&["read", "cuont"], 2);
    assert_eq!(says, "No page is called `cuont`; did you mean `count`? `cargo course` lists them.");
}
