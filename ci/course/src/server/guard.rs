//! Who is answered: this machine's own browser, and for all that does something, only the course's own pages.
//!
//! The listener is on loopback. That alone keeps nobody out whose page is open in the same browser: a name of another site can
//! resolve to 127.0.0.1 (DNS rebinding), and any page can send a request that it may not read the answer of. So
//!
//! - the `Host` header must be a loopback name, and the `Origin` header too where there is one;
//! - everything under `/api` needs a token: a word that this server made up when it started, and that stands in its pages, where no
//!   other site can read it;
//! - the answers say that no other site may show a page in a frame, or load anything from here.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use testkit::check::verdict::unguessable;

/// The header that carries the token. The websocket, for which a page can set no header, has it as a parameter of this name
/// in its address.
const HEADER: &str = "course-token";
const PARAMETER: &str = "token";

/// The word without which nothing is done.
#[derive(Clone, Debug)]
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn new() -> Self {
        Self(unguessable())
    }

    /// A page with the token in it.
    pub fn put_into(&self, page: &str) -> String {
        page.replacen("</head>", &format!("<meta name=\"course-token\" content=\"{}\">\n</head>", self.0), 1)
    }

    fn is_in(&self, request: &Request) -> bool {
        let header = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let parameter = query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='));
        header.or(parameter) == Some(&self.0)
    }
}

/// Refuses what was not meant for this machine, or comes from a page of another.
pub async fn only_this_machine(request: Request, next: Next) -> Response {
    if !is_ours(request.headers()) {
        let text =
            "The book is served to this machine's own browser only: open it as http://localhost or http://127.0.0.1.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses a request without the token.
pub async fn only_our_pages(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.is_in(&request) {
        return next.run(request).await;
    }
    let text = "This needs the token of a page of the running server. Load the page again.\n";
    (StatusCode::UNAUTHORIZED, text).into_response()
}

/// Whether a request was meant for this machine, and comes from a page of this machine if it comes from a page.
fn is_ours(headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = header(header::HOST).is_some_and(is_loopback);
    let origin =
        header(header::ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, host)| is_loopback(host)));
    host && origin
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
    fn the_token_is_looked_for_in_a_header_and_in_the_address() {
        let token = Token::new();
        let word = token.0.clone();
        let request = |address: String, header: &str| {
            Request::builder().uri(address).header(HEADER, header).body(Body::empty()).unwrap()
        };
        assert!(token.is_in(&request("/api/check".into(), &word)));
        assert!(!token.is_in(&request("/api/check".into(), "another")));
        let bare = |address: String| Request::builder().uri(address).body(Body::empty()).unwrap();
        assert!(token.is_in(&bare(format!("/api/events?since=4&token={word}"))));
        for address in ["/api/events".to_owned(), "/api/events?token=".into(), format!("/api/events?nontoken={word}")] {
            assert!(!token.is_in(&bare(address.clone())), "{address}");
        }
        assert_ne!(Token::new().0, word);
        assert_eq!(word.len(), 32);
    }
}
