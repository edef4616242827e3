//! `cargo course serve`: pages, live reload, and who is answered.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use tungstenite::Message;

use crate::fixture::Fixture;

/// Far more than any step takes. It ends a test that hangs, and decides nothing.
const TOO_LONG: Duration = Duration::from_secs(60);

/// A running server, and what it says.
struct Server {
    process: Child,
    said: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(course: &Fixture) -> Self {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("course"));
        command.args(["serve", "--port", "0"]).current_dir(&course.root).envs(course.settings());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let port = line.split("http://127.0.0.1:").nth(1).and_then(|rest| rest.split(". ").next());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no address in: {line}"));
        Self { process, said, port }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(TOO_LONG)).unwrap();
        stream
    }

    /// The whole answer to a request with these headers.
    fn ask(&self, path: &str, headers: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn page(&self, path: &str) -> String {
        self.ask(path, &format!("Host: 127.0.0.1:{}\r\n", self.port))
    }

    /// Waits, on the websocket that the page names, for the word that makes a browser load the page again.
    fn wait_for_reload(&self, page: &str) {
        let endpoint = page.split("__livereload/").nth(1).and_then(|rest| rest.split('"').next()).expect("an endpoint");
        let address = format!("ws://127.0.0.1:{}/__livereload/{endpoint}", self.port);
        let (mut socket, _) = tungstenite::client(address, self.connect()).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text("reload"));
    }

    /// Reads what the server says up to a line that contains a text.
    fn wait_to_say(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "the server ended without saying `{text}`");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn course(name: &str) -> Fixture {
    let course = Fixture::new(name);
    let summary = "- [Tiny](1-tiny/README.md)\n- [Count](1-tiny/count.md)\n";
    fs::write(course.root.join("book/book.toml"), "[book]\ntitle = \"Tiny\"\n\n[build]\ncreate-missing = false\n")
        .unwrap();
    fs::write(course.root.join("book/src/SUMMARY.md"), summary).unwrap();
    course
}

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
