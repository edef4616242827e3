//! `cargo course serve`: pages, live reload, and who is answered.

use std::fs;

use crate::server::{Server, course};

#[test]
fn pages_are_served_to_this_machine_only() {
    let course = course("serve-pages");
    let server = Server::start(&course);
    let front = server.page("/");
    assert!(front.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/html"), "{front}");
    assert!(server.page("/1-tiny/count.html").contains("<h1"));
    assert!(server.page("/1-tiny").starts_with("HTTP/1.1 308"));
    assert!(server.page("/none.html").starts_with("HTTP/1.1 404"));
    assert!(server.page("/../Cargo.toml").starts_with("HTTP/1.1 404"));
    assert!(server.page("/api/events").starts_with("HTTP/1.1 401"), "nothing is told without the token");
    let refused = [
        String::new(),
        "Host: example.com\r\n".to_owned(),
        format!("Host: 127.0.0.1:{}\r\nOrigin: https://example.com\r\n", server.port),
    ];
    for headers in refused {
        let answer = server.ask("/", &headers);
        assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
        assert!(!answer.contains("<h1"), "{headers}: {answer}");
    }
}

#[test]
fn a_changed_page_is_rebuilt_and_reloaded_and_a_broken_book_leaves_the_last_one() {
    let course = course("serve-reload");
    let mut server = Server::start(&course);
    let before = server.page("/1-tiny/count.html");
    fs::write(course.root.join("book/src/1-tiny/count.md"), "# Count again\n").unwrap();
    server.wait_for_reload(&before);
    let after = server.page("/1-tiny/count.html");
    assert!(after.contains("Count again"), "{after}");

    fs::remove_file(course.root.join("book/src/1-tiny/count.md")).unwrap();
    server.wait_to_say("The last good book stays up.");
    assert!(server.page("/1-tiny/count.html").contains("Count again"));
    fs::write(course.root.join("book/src/1-tiny/count.md"), "# Count once more\n").unwrap();
    server.wait_for_reload(&after);
    assert!(server.page("/1-tiny/count.html").contains("Count once more"));
}

#[test]
fn a_book_that_does_not_build_is_an_error_of_the_course() {
    let course = course("serve-broken");
    fs::remove_file(course.root.join("book/src/1-tiny/count.md")).unwrap();
    let error = course.complains(&["serve", "--port", "0"], 3);
    assert!(error.starts_with("The book does not build: failed to read chapter `1-tiny/count.md`"), "{error}");
}
