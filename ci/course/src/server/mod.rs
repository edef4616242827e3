//! The server behind `cargo course serve`: the book's pages, and what makes them live.
//!
//! - [`guard`] says who is answered;
//! - [`api`] is what the pages ask for;
//! - [`state`] is what they show of the reader's progress, [`jobs`] what runs on their behalf, [`walks`] what they walk through.
//!
//! Each page that is served names, in the address of its websocket, the [`Edition`] that it belongs to. The server answers
//! `reload` as soon as there is a later edition, at once if there is one already: no rebuild between the loading of a page
//! and the opening of its socket is missed.

mod api;
mod guard;
mod jobs;
pub mod state;
mod walks;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower_http::compression::CompressionLayer;

use crate::book::site::{Found, Site};
use crate::workspace::Workspace;
use api::Api;
use guard::Token;
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

/// Serves the newest edition, and runs what its pages ask for, until it is interrupted. Nothing that it has started is left then.
pub fn serve(workspace: &Workspace, listener: TcpListener, editions: Editions) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let state = watch::Sender::new(Arc::from(state::read(workspace)));
        let api = Api { workspace: workspace.clone(), jobs: Jobs::new(workspace), walks: Walks::default(), state };
        let checked = async || state::refresh(&api.workspace, &api.state).await;
        tokio::select! {
            ended = axum::serve(listener, router(editions, api.clone())).into_future() => ended,
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
    token: Token,
}

fn router(editions: Editions, api: Api) -> Router {
    let token = Token::new();
    let api = api::router(api).layer(middleware::from_fn_with_state(token.clone(), guard::only_our_pages));
    Router::new()
        .route("/__livereload/{edition}", get(live_reload))
        .fallback(page)
        .with_state(Pages { editions, token })
        .nest("/api", api)
        .layer(middleware::from_fn(guard::only_this_machine))
        .layer(CompressionLayer::new())
}

async fn page(State(pages): State<Pages>, method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let edition = pages.editions.borrow().clone();
    match edition.site.find(uri.path()) {
        Found::File(path, text) => pages.file(StatusCode::OK, path, text),
        Found::Folder => redirect(&format!("{}/", uri.path())),
        Found::Nothing => {
            pages.file(StatusCode::NOT_FOUND, "404.html", edition.site.get("404.html").unwrap_or(b"Not found"))
        }
    }
}

impl Pages {
    /// A file of the site; a page gets the token into its head.
    fn file(&self, status: StatusCode, path: &str, text: &[u8]) -> Response {
        let headers = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, "no-cache")];
        let body = match std::str::from_utf8(text) {
            Ok(page) if path.ends_with(".html") => Body::from(self.token.put_into(page)),
            _ => Body::from(text.to_owned()),
        };
        (status, headers, body).into_response()
    }
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

async fn live_reload(State(pages): State<Pages>, Path(edition): Path<u64>, upgrade: WebSocketUpgrade) -> Response {
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
