//! `cargo course serve`: pages, live reload, and who is answered.

use std::fs;

use crate::server::{Server, course};

#[test]
fn pages_are_served_to_this_machine_only() {
    let course = course("serve-pages");
    let figure = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    fs::write(course.root.join("book/src/1-tiny/figure.svg"), figure).unwrap();
    let server = Server::start(&course);
    let front = server.page("/");
    assert!(front.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/html"), "{front}");
    assert!(server.page("/1-tiny/count.html").contains("<h1"));
    assert!(server.page("/1-tiny").starts_with("HTTP/1.1 308"));
    assert!(server.page("/none.html").starts_with("HTTP/1.1 404"));
    assert!(server.page("/../Cargo.toml").starts_with("HTTP/1.1 404"));
    assert!(server.page("/api/events").starts_with("HTTP/1.1 401"), "nothing is told without the token");
    let script = front.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).expect("a policy");
    let script = script.split("; ").find(|part| part.starts_with("script-src ")).expect("a rule for scripts");
    assert!(script.contains(" 'self' 'sha256-") && !script.contains("unsafe"), "{script}");
    assert!(
        server.page("/1-tiny/figure.svg").contains("script-src 'none'"),
        "a picture that is opened by itself runs nothing"
    );
    let refused = [
        String::new(),
        "Host: example.com\r\n".to_owned(),
        format!("{}Origin: https://example.com\r\n", server.reader()),
        format!("{}Origin: http://127.0.0.1:{}\r\n", server.reader(), server.port - 1),
    ];
    for headers in refused {
        let answer = server.ask("/", &headers);
        assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
        assert!(!answer.contains("<h1"), "{headers}: {answer}");
    }
}

/// The token that a page holds.
fn token_in(page: &str) -> &str {
    page.split("name=\"course-token\" content=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token's place")
}

#[test]
fn only_the_printed_address_makes_a_browser_the_readers() {
    let course = course("serve-key");
    let server = Server::start(&course);
    let opened = server.ask(&format!("{}/1-tiny/count.html?a=b", server.entrance), &server.host());
    assert!(
        opened.starts_with("HTTP/1.1 303") && opened.contains("\r\nlocation: /1-tiny/count.html?a=b\r\n"),
        "{opened}"
    );
    let cookie = opened.lines().find(|line| line.starts_with("set-cookie: ")).expect("a cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let elsewhere = server.ask(&format!("{}//example.com/", server.entrance), &server.host());
    assert!(!elsewhere.contains("location: //"), "it never leads to another site: {elsewhere}");

    // Another user of this machine, who can connect to the port and read all that it serves.
    let theirs = server.ask("/1-tiny/count.html", &server.host());
    assert_eq!(token_in(&theirs), "");
    assert!(!theirs.contains(server.entrance.trim_start_matches("/open/")), "{theirs}");
    for guess in ["/open/", "/open/0", &format!("/open/{}", "0".repeat(32))] {
        let refused = server.ask(guess, &server.host());
        assert!(refused.starts_with("HTTP/1.1 40") && !refused.contains("set-cookie"), "{refused}");
    }
    let token = server.token();
    assert_eq!(token.len(), 32);
    let with_token = server.ask("/api/trace/1-tiny/none.json", &format!("{}Course-Token: {token}\r\n", server.host()));
    assert!(with_token.starts_with("HTTP/1.1 401"), "a token alone is not enough: {with_token}");
    let with_both = server.ask("/api/trace/1-tiny/none.json", &format!("{}Course-Token: {token}\r\n", server.reader()));
    assert!(with_both.starts_with("HTTP/1.1 404"), "{with_both}");

    let entrance = server.entrance.clone();
    drop(server);
    assert_eq!(Server::start(&course).entrance, entrance, "the address holds when the server is started again");
}

#[test]
fn what_leads_out_of_the_book_is_not_served() {
    let course = course("serve-bounds");
    let link = course.root.join("book/src/1-tiny/record.txt");
    fs::create_dir_all(course.root.join(".course")).unwrap();
    fs::write(course.root.join(".course/progress.toml"), "version = 1\n").unwrap();
    std::os::unix::fs::symlink("../../../.course/progress.toml", &link).unwrap();
    let error = course.complains(&["serve", "--port", "0"], 3);
    assert!(
        error.ends_with("book/src/1-tiny/record.txt is a link that leads out of the book: put the file itself there."),
        "{error}"
    );
    fs::remove_file(link).unwrap();

    let mut server = Server::start(&course);
    fs::write(course.root.join("book/src/1-tiny/count.md"), "{{ #include ../../../.course/progress.toml}}\n").unwrap();
    server.wait_to_say("The last good book stays up.");
    assert!(!server.page("/1-tiny/count.html").contains("version = 1"));
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
