//! A server of the book for tests, and a course that has one.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::Value;
use tungstenite::{Message, WebSocket};

use crate::fixture::Fixture;

/// Far more than any step takes. It ends a test that hangs, and decides nothing.
const TOO_LONG: Duration = Duration::from_secs(60);

/// A running server, and what it says.
pub struct Server {
    pub process: Child,
    said: BufReader<ChildStdout>,
    pub port: u16,
}

impl Server {
    pub fn start(course: &Fixture) -> Self {
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

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(TOO_LONG)).unwrap();
        stream
    }

    /// The whole answer to a request with these headers.
    pub fn ask(&self, path: &str, headers: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn page(&self, path: &str) -> String {
        self.ask(path, &format!("Host: 127.0.0.1:{}\r\n", self.port))
    }

    /// Waits, on the websocket that the page names, for the word that makes a browser load the page again.
    pub fn wait_for_reload(&self, page: &str) {
        let endpoint = page.split("__livereload/").nth(1).and_then(|rest| rest.split('"').next()).expect("an endpoint");
        let mut socket = self.socket(&format!("/__livereload/{endpoint}"));
        assert_eq!(socket.read().unwrap(), Message::text("reload"));
    }

    /// A websocket of the server.
    pub fn socket(&self, path: &str) -> WebSocket<TcpStream> {
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{}{path}", self.port), self.connect()).unwrap();
        socket
    }

    /// The token that stands in the pages.
    pub fn token(&self) -> String {
        let page = self.page("/");
        let token = page.split("name=\"course-token\" content=\"").nth(1).and_then(|rest| rest.split('"').next());
        token.expect("a token").to_owned()
    }

    /// The server's answer to something that a page of its own asks for.
    pub fn post(&self, path: &str, body: &Value) -> String {
        let (token, body) = (self.token(), body.to_string());
        let mut stream = self.connect();
        write!(
            stream,
            "POST /api/{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCourse-Token: {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Reads what the server says up to a line that contains a text.
    pub fn wait_to_say(&mut self, text: &str) {
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

/// A copy of the fixture with a book.
pub fn course(name: &str) -> Fixture {
    let course = Fixture::new(name);
    let summary = "- [Tiny](1-tiny/README.md)\n- [Count](1-tiny/count.md)\n";
    fs::write(course.root.join("book/book.toml"), "[book]\ntitle = \"Tiny\"\n\n[build]\ncreate-missing = false\n")
        .unwrap();
    fs::write(course.root.join("book/src/SUMMARY.md"), summary).unwrap();
    course
}
