//! A server of the book for tests, and a course that has one.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use crate::fixture::Fixture;

/// Far more than any step takes. It ends a test that hangs, and decides nothing.
const TOO_LONG: Duration = Duration::from_secs(600);

/// A running server, and what it says.
pub struct Server {
    pub process: Child,
    said: BufReader<ChildStdout>,
    pub port: u16,
    /// What the address ends in that the command printed: `/open/KEY`, and perhaps a page.
    pub entrance: String,
}

impl Server {
    pub fn start(course: &Fixture) -> Self {
        Self::of(course, &["serve", "--port", "0"])
    }

    /// A command that serves the book.
    pub fn of(course: &Fixture, words: &[&str]) -> Self {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("course"));
        command.args(words).current_dir(&course.root).envs(course.settings());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let address = said.by_ref().lines().map_while(Result::ok).find_map(|line| {
            let (_, address) = line.split_once("http://127.0.0.1:")?;
            let (port, entrance) = address.trim().split_once('/')?;
            Some((port.parse().ok()?, format!("/{entrance}")))
        });
        let (port, entrance) = address.expect("an address is announced");
        Self { process, said, port, entrance }
    }

    /// The headers of a request from this machine.
    pub fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}\r\n", self.port)
    }

    /// The same from the reader's own browser.
    pub fn reader(&self) -> String {
        format!("{}Cookie: {}\r\n", self.host(), self.cookie())
    }

    fn cookie(&self) -> String {
        let key = self.entrance.strip_prefix("/open/").and_then(|rest| rest.split('/').next()).expect("a key");
        format!("course-{}={key}", self.port)
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

    /// What the reader's browser gets.
    pub fn page(&self, path: &str) -> String {
        self.ask(path, &self.reader())
    }

    /// Waits, on the websocket that the page names, for the word that makes a browser load the page again.
    pub fn wait_for_reload(&self, page: &str) {
        let endpoint = page.split("__livereload/").nth(1).and_then(|rest| rest.split('"').next()).expect("an endpoint");
        let mut socket = self.socket(&format!("/__livereload/{endpoint}"));
        assert_eq!(socket.read().unwrap(), Message::text("reload"));
    }

    /// A websocket of the server.
    pub fn socket(&self, path: &str) -> WebSocket<TcpStream> {
        self.try_socket(path).unwrap()
    }

    /// A websocket of the server, if it opens one for the reader's browser.
    pub fn try_socket(&self, path: &str) -> Result<WebSocket<TcpStream>, String> {
        let address = format!("ws://127.0.0.1:{}{path}", self.port);
        let mut request = address.into_client_request().unwrap();
        request.headers_mut().insert("cookie", self.cookie().parse().unwrap());
        tungstenite::client(request, self.connect()).map(|(socket, _)| socket).map_err(|error| error.to_string())
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
            "POST /api/{path} HTTP/1.1\r\n{}Course-Token: {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.reader(),
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
