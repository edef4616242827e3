//! The server behind `cargo course serve`: the book's pages, and what makes them live.
//!
//! - [`guard`] says who is answered, by a [`key`], [`policy`] which scripts a page may run, [`connection`] how long a request may take;
//! - [`api`] is what the pages ask for;
//! - [`state`] is what they show of the reader's progress, [`jobs`] what runs on their behalf, [`walks`] what they walk through.
//!
//! Each page that is served names, in the address of its websocket, the [`Edition`] that it belongs to. The server answers
//! `reload` as soon as there is a later edition, at once if there is one already: no rebuild between the loading of a page
//! and the opening of its socket is missed.

mod api;
mod connection;
mod guard;
mod jobs;
mod key;
mod policy;
pub mod state;
mod walks;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower_http::compression::CompressionLayer;

use crate::book::site::{Found, Site};
use crate::error::Error;
use crate::workspace::Workspace;
use api::Api;
use guard::Words;
use jobs::Jobs;
use walks::Walks;

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

/// How long a message may be that a page sends where it has nothing to say.
const NOTHING_TO_SAY: usize = 1 << 10;

/// The way into a server: a browser that takes it is the reader's.
pub struct Entrance {
    address: String,
    words: Words,
}

impl Entrance {
    /// For a server on that port, with the key of before or a new one.
    pub fn new(workspace: &Workspace, port: u16) -> Result<Self, Error> {
        let key = key::load(workspace)?;
        Ok(Self { address: format!("http://127.0.0.1:{port}/open/{key}"), words: Words::new(key, port) })
    }

    /// The address that leads the reader to a page of the book: `1-cap/abd.html`, or nothing for its first.
    pub fn address(&self, page: &str) -> String {
        if page.is_empty() { self.address.clone() } else { format!("{}/{page}", self.address) }
    }
}

/// Serves the newest edition, and runs what its pages ask for, until it is interrupted. Nothing that it has started is left then.
pub fn serve(workspace: &Workspace, listener: TcpListener, editions: Editions, entrance: Entrance) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let state = watch::Sender::new(Arc::from(state::read(workspace)));
        let api = Api { workspace: workspace.clone(), jobs: Jobs::new(workspace), walks: Walks::default(), state };
        let checked = async || state::refresh(&api.workspace, &api.state).await;
        tokio::select! {
            ended = connection::accept(listener, router(editions, api.clone(), entrance.words)) => ended,
            () = api.jobs.clone().work(checked) => Ok(()),
            () = state::follow(workspace.clone(), api.state.clone()) => Ok(()),
            interrupted = interrupted() => interrupted,
        }
    })
}

/// Waits for Ctrl-C, or for the terminal to go away.
async fn interrupted() -> io::Result<()> {
    let (mut hangup, mut terminate) = (signal(SignalKind::hangup())?, signal(SignalKind::terminate())?);
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = hangup.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// What the pages are served from.
#[derive(Clone)]
struct Pages {
    editions: Editions,
    words: Words,
}

fn router(editions: Editions, api: Api, words: Words) -> Router {
    let api = api::router(api).layer(middleware::from_fn_with_state(words.clone(), guard::only_our_pages));
    Router::new()
        .route("/__livereload/{edition}", get(live_reload))
        .route("/open/{key}", get(async |pages, Path(key): Path<String>, uri| open(pages, &key, "", uri)))
        .route(
            "/open/{key}/{*page}",
            get(async |pages, Path((key, page)): Path<(String, String)>, uri| open(pages, &key, &page, uri)),
        )
        .fallback(page)
        .with_state(Pages { editions, words })
        .nest("/api", api)
        .layer(middleware::from_fn(guard::only_this_machine))
        .layer(CompressionLayer::new())
}

/// Makes the browser the reader's, and leads it on to a page, under an address that may be seen by others.
fn open(State(pages): State<Pages>, key: &str, page: &str, uri: Uri) -> Response {
    if !pages.words.is_key(key) {
        let text =
            "This is not the address of the running server. Open the one that `cargo course serve` printed last.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let to = location(&format!("{page}{query}"));
    let Ok(cookie) = HeaderValue::from_str(&pages.words.cookie()) else { return StatusCode::NOT_FOUND.into_response() };
    match to {
        Some(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::SET_COOKIE, cookie)]).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn page(State(pages): State<Pages>, method: Method, headers: HeaderMap, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let edition = pages.editions.borrow().clone();
    match edition.site.find(uri.path()) {
        Found::File(path, text) => pages.file(StatusCode::OK, path, text, &headers),
        Found::Folder => match location(&format!("{}/", uri.path())) {
            Some(to) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Found::Nothing => {
            let text = edition.site.get("404.html").unwrap_or(b"Not found");
            pages.file(StatusCode::NOT_FOUND, "404.html", text, &headers)
        }
    }
}

impl Pages {
    /// A file of the site. A page gets the token into its head if it is for the reader, and says which scripts it may run.
    fn file(&self, status: StatusCode, path: &str, text: &[u8], asked: &HeaderMap) -> Response {
        let headers = [
            (header::CONTENT_TYPE, content_type(path)),
            (header::CACHE_CONTROL, "private, no-cache"),
            (header::VARY, "cookie"),
        ];
        let (Ok(page), true) = (std::str::from_utf8(text), path.ends_with(".html")) else {
            return (status, headers, text.to_owned()).into_response();
        };
        let host = asked.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let policy = HeaderValue::from_str(&policy::of_page(page, host));
        let policy = policy.unwrap_or(HeaderValue::from_static(policy::WITHOUT_SCRIPTS));
        let page = self.words.put_into(page, self.words.is_reader(asked));
        (status, headers, [(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
    }
}

/// Where to go on: a path of this server, so it has one slash at its start.
fn location(path: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("/{}", path.trim_start_matches(['/', '\\']))).ok()
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

async fn live_reload(State(pages): State<Pages>, Path(edition): Path<u64>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.max_message_size(NOTHING_TO_SAY).max_frame_size(NOTHING_TO_SAY);
    upgrade.on_upgrade(move |socket| tell_of_later_edition(socket, pages.editions, edition))
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
