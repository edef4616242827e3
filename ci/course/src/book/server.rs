//! Serves a site on loopback, and tells open pages to reload.
//!
//! Each page that is served names, in the address of its websocket, the [`Edition`] that it belongs to. The server answers
//! `reload` as soon as there is a later edition, at once if there is one already: no rebuild between the loading of a page
//! and the opening of its socket is missed.
//!
//! Only this machine's browser is answered. The listener is on loopback; the `Host` and `Origin` headers are checked as well, or
//! any web page could reach the server under a name that it lets resolve to 127.0.0.1.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;

use crate::book::site::{Found, Site};

/// One build of the book.
pub struct Edition {
    /// Counts the builds of this server, from 0.
    pub number: u64,
    /// What was built.
    pub site: Site,
}

type Editions = watch::Receiver<Arc<Edition>>;

/// The reload endpoint that the pages of an edition are built with.
pub fn reload_endpoint(edition: u64) -> String {
    format!("__livereload/{edition}")
}

/// Serves the newest edition until Ctrl-C.
pub fn serve(listener: TcpListener, editions: Editions) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            ended = axum::serve(listener, router(editions)).into_future() => ended,
            interrupted = tokio::signal::ctrl_c() => interrupted,
        }
    })
}

fn router(editions: Editions) -> Router {
    Router::new()
        .route("/__livereload/{edition}", get(live_reload))
        .fallback(page)
        .layer(middleware::from_fn(only_this_machine))
        .with_state(editions)
}

async fn only_this_machine(request: Request, next: Next) -> Response {
    if is_ours(request.headers()) {
        return next.run(request).await;
    }
    let text =
        "The book is served to this machine's own browser only: open it as http://localhost or http://127.0.0.1.\n";
    (StatusCode::FORBIDDEN, text).into_response()
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

async fn page(State(editions): State<Editions>, method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let edition = editions.borrow().clone();
    match edition.site.find(uri.path()) {
        Found::File(path, text) => file(StatusCode::OK, path, text),
        Found::Folder => redirect(&format!("{}/", uri.path())),
        Found::Nothing => file(StatusCode::NOT_FOUND, "404.html", edition.site.get("404.html").unwrap_or(b"Not found")),
    }
}

fn file(status: StatusCode, path: &str, text: &[u8]) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, "no-cache")];
    (status, headers, Body::from(text.to_owned())).into_response()
}

fn redirect(to: &str) -> Response {
    // One slash at the start, so that the target stays a path of this server.
    let to = format!("/{}", to.trim_start_matches('/'));
    match HeaderValue::from_str(&to) {
        Ok(to) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" | "md" | "rs" | "toml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

async fn live_reload(
    State(editions): State<Editions>,
    Path(edition): Path<u64>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(move |socket| tell_of_later_edition(socket, editions, edition))
}

/// Waits for an edition after the page's own, or for the page to go away.
async fn tell_of_later_edition(mut socket: WebSocket, mut editions: Editions, own: u64) {
    let there_is_one = tokio::select! {
        there_is_one = later_edition(&mut editions, own) => there_is_one,
        () = gone(&mut socket) => false,
    };
    if there_is_one {
        // If the page is gone by now, nobody has to be told.
        let _ = socket.send(Message::text("reload")).await;
    }
}

async fn later_edition(editions: &mut Editions, own: u64) -> bool {
    editions.wait_for(|edition| edition.number > own).await.is_ok()
}

/// Browsers send nothing but the end.
async fn gone(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}

#[cfg(test)]
mod tests {
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
}
