//! Who is answered: this machine's own browser, and for all that does something, only the course's own pages, opened by its reader.
//!
//! The listener is on loopback. That alone keeps nobody out whose page is open in the same browser: a name of another site can
//! resolve to 127.0.0.1 (DNS rebinding), and any page can send a request that it may not read the answer of. Nor does it keep out other
//! users of this machine, and what is run here is run with the reader's rights. So
//!
//! - the `Host` header must be a loopback name, and the `Origin` header, where there is one, must name the same host and port;
//! - the address that the command prints holds a **key**. Opening it sets a cookie, which the browser sends from pages of this address alone
//!   and shows to no script. Without the cookie the book can be read, and nothing else;
//! - everything under `/api` needs the cookie, and a **token**: a word that this server made up when it started, and that is in the pages
//!   for the cookie's holder, where no other site can read it. A cookie is sent to every port of a machine, a token is not.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use testkit::check::verdict::unguessable;

use super::policy;

/// The header that carries the token. The websocket, for which a page can set no header, has it as a parameter of this name
/// in its address.
const HEADER: &str = "course-token";
const PARAMETER: &str = "token";

/// The words without which nothing is done.
#[derive(Clone, Debug)]
pub struct Words {
    /// The key: a browser that knows it is the reader's.
    key: String,
    /// The cookie's name. Servers on several ports share their cookies, so each has its own name.
    cookie: String,
    token: String,
}

impl Words {
    /// For a server on that port, whose reader knows the key.
    pub fn new(key: String, port: u16) -> Self {
        Self { key, cookie: format!("course-{port}"), token: unguessable() }
    }

    /// Whether a word is the key.
    pub fn is_key(&self, word: &str) -> bool {
        is_same(&self.key, word)
    }

    /// What makes a browser the reader's.
    pub fn cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.key)
    }

    /// Whether a request comes from the reader's browser.
    pub fn is_reader(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().any(|(name, value)| name == self.cookie && self.is_key(value))
    }

    /// A page with the token in it for the reader, and for anybody else with the word that it is not theirs.
    pub fn put_into(&self, page: &str, is_reader: bool) -> String {
        let token = if is_reader { &self.token } else { "" };
        page.replacen("</head>", &format!("<meta name=\"course-token\" content=\"{token}\">\n</head>"), 1)
    }

    fn are_in(&self, request: &Request) -> bool {
        let header = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let parameter = query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='));
        let has_token = header.or(parameter).is_some_and(|word| is_same(&self.token, word));
        has_token && self.is_reader(request.headers())
    }
}

/// Compares two words in a time that does not tell how much of them is the same.
fn is_same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |differences, (one, other)| differences | (one ^ other));
    one.len() == other.len() && differences == 0
}

/// Refuses what was not meant for this machine, or comes from a page of another server.
pub async fn only_this_machine(request: Request, next: Next) -> Response {
    if !is_ours(request.headers()) {
        let text =
            "The book is served to this machine's own browser only: open it as http://localhost or http://127.0.0.1.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy::WITHOUT_SCRIPTS));
    response
}

/// Refuses a request without the cookie and the token.
pub async fn only_our_pages(State(words): State<Words>, request: Request, next: Next) -> Response {
    if words.are_in(&request) {
        return next.run(request).await;
    }
    let text = "This needs the token of a page of the running server, opened by the address that it printed. Load the page again.\n";
    (StatusCode::UNAUTHORIZED, text).into_response()
}

/// Whether a request was meant for this machine, and comes from a page of this server if it comes from a page.
fn is_ours(headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(host) = header(header::HOST).filter(|host| is_loopback(host)) else { return false };
    header(header::ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, from)| from == host))
}

/// Whether a `Host` header names this machine by its loopback address. The port may be any: it may be forwarded.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_loopback_names_are_answered() {
        let cases = [
            ("localhost", true),
            ("localhost:3000", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("[::1]", true),
            ("example.com", false),
            ("127.0.0.1.example.com:3000", false),
            ("localhost:3000@example.com", false),
            ("192.168.0.7:3000", false),
            ("", false),
        ];
        for (host, ours) in cases {
            assert_eq!(is_loopback(host), ours, "{host}");
        }
    }

    #[test]
    fn a_page_of_another_port_of_this_machine_is_foreign() {
        let cases = [
            ("http://localhost:3000", true),
            ("http://localhost:3001", false),
            ("http://127.0.0.1:3000", false),
            ("https://example.com", false),
            ("null", false),
        ];
        for (origin, ours) in cases {
            let headers = [(header::HOST, "localhost:3000"), (header::ORIGIN, origin)];
            let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
            assert_eq!(is_ours(&HeaderMap::from_iter(headers)), ours, "{origin}");
        }
    }

    fn request(address: &str, headers: &[(&str, &str)]) -> Request {
        let request = Request::builder().uri(address);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(Body::empty())
            .unwrap()
    }

    #[test]
    fn the_cookie_and_the_token_are_both_needed() {
        let words = Words::new("key".into(), 3000);
        let token = words.token.clone();
        let cookie = ("cookie", "a=b; course-3000=key");
        assert!(words.are_in(&request("/api/check", &[cookie, (HEADER, &token)])));
        assert!(words.are_in(&request(&format!("/api/events?since=4&token={token}"), &[cookie])));

        let refused: [&[(&str, &str)]; 7] = [
            &[],
            &[cookie],
            &[(HEADER, &token)],
            &[cookie, (HEADER, "another")],
            &[("cookie", "course-3000=kez"), (HEADER, &token)],
            &[("cookie", "course-3001=key"), (HEADER, &token)], // of a server on another port
            &[("cookie", "course-3000=ke"), (HEADER, &token)],
        ];
        for headers in refused {
            assert!(!words.are_in(&request("/api/check", headers)), "{headers:?}");
        }
        for address in ["/api/events", "/api/events?token=", &format!("/api/events?nontoken={token}")] {
            assert!(!words.are_in(&request(address, &[cookie])), "{address}");
        }
        assert_ne!(Words::new("key".into(), 3000).token, token);
        assert_eq!(token.len(), 32);
    }

    #[test]
    fn only_the_reader_gets_a_page_with_the_token() {
        let words = Words::new("key".into(), 3000);
        let page = "<head></head>";
        assert!(words.put_into(page, true).contains(&words.token));
        let foreign = words.put_into(page, false);
        assert!(foreign.contains("content=\"\"") && !foreign.contains(&words.token) && !foreign.contains("key"));
    }
}
