//! What the pages ask the server for, in JSON. Every request carries the cookie and the token ([`guard`](super::guard)).
//!
//! | request | does |
//! |---|---|
//! | `GET /api/events` | a websocket: first everything that is known, then what changes |
//! | `POST /api/check` `{"task"}` | checks a task: `{"job"}` |
//! | `POST /api/lab` `{"lab"}` | runs a lab on the reader's own code: `{"job"}` |
//! | `POST /api/stop` `{"job"}` | stops a job |
//! | `POST /api/hint` `{"task", "shown"}` | notes how many hints the reader has opened |
//! | `POST /api/answer` `{"quiz", "question", "right"}` | notes an answer, if it is the first to its question |
//! | `GET /api/walk/{task}` | a websocket: a walk through the states of a task's code ([`walks`](super::walks)) |
//! | `POST /api/keep` `{"trace"}` | keeps a run as one of the reader's own tests: `{"file", "name", "command"}` |
//! | `GET /api/trace/{stage}/{file}` | the run that a failed check has written down |
//! | `GET /api/plot/{file}` | a plot that a lab has drawn |

use std::fs;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Json, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use testkit::trace::Trace;
use tokio::sync::watch;

use super::NOTHING_TO_SAY;
use super::jobs::{Jobs, What};
use super::state;
use super::walks::Walks;
use crate::error::{Error, Exit};
use crate::manifest::{Course, Task};
use crate::mine;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// How long a page's request for a place may be, in bytes: a path of some thousand steps.
const LONGEST_WALK: usize = 1 << 18;

/// What the requests need.
#[derive(Clone)]
pub struct Api {
    pub workspace: Workspace,
    pub jobs: Jobs,
    pub walks: Walks,
    pub state: watch::Sender<Arc<str>>,
}

/// The routes below `/api`.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/events", get(events))
        .route("/check", post(check))
        .route("/lab", post(lab))
        .route("/stop", post(stop))
        .route("/hint", post(hint))
        .route("/answer", post(answer))
        .route("/walk/{task}", get(walk))
        .route("/keep", post(keep))
        .route("/trace/{stage}/{file}", get(trace))
        .route("/plot/{file}", get(plot))
        .with_state(api)
}

/// A request that cannot be done, in a sentence.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match error.exit() {
            Exit::Usage => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refused(status, error.to_string())
    }
}

#[derive(Deserialize)]
struct OfTask {
    task: String,
}

async fn check(State(api): State<Api>, Json(asked): Json<OfTask>) -> Result<Response, Refused> {
    let id = Course::load(&api.workspace)?.task(&asked.task)?.1.id.clone();
    Ok(asked_for(&api, What::Check(id)))
}

#[derive(Deserialize)]
struct OfLab {
    lab: String,
}

async fn lab(State(api): State<Api>, Json(asked): Json<OfLab>) -> Result<Response, Refused> {
    let name = Course::load(&api.workspace)?.lab(&asked.lab)?.1.name.clone();
    Ok(asked_for(&api, What::Lab(name)))
}

fn asked_for(api: &Api, what: What) -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "job": api.jobs.ask(what) }))).into_response()
}

#[derive(Deserialize)]
struct OfJob {
    job: u64,
}

async fn stop(State(api): State<Api>, Json(asked): Json<OfJob>) -> StatusCode {
    api.jobs.stop(asked.job);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Hint {
    task: String,
    shown: usize,
}

async fn hint(State(api): State<Api>, Json(asked): Json<Hint>) -> Result<StatusCode, Refused> {
    let course = Course::load(&api.workspace)?;
    let (_, task) = course.task(&asked.task)?;
    let shown = asked.shown.min(task.hints.len());
    note(&api, |progress| hints(progress, task, shown)).await
}

fn hints(progress: &mut Progress, task: &Task, shown: usize) {
    let record = progress.record_mut(task);
    record.hints_shown = record.hints_shown.max(shown);
}

#[derive(Deserialize)]
struct Answered {
    quiz: String,
    question: String,
    right: bool,
}

async fn answer(
    State(api): State<Api>,
    Json(Answered { quiz, question, right }): Json<Answered>,
) -> Result<StatusCode, Refused> {
    let is_name = |name: &str| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (1..=80).contains(&name.len()) && name.bytes().all(fine)
    };
    if !is_name(&quiz) || !is_name(&question) {
        return Err(Refused(StatusCode::BAD_REQUEST, "A quiz or a question has no such name.".into()));
    }
    note(&api, |progress| progress.answer(&quiz, &question, right)).await
}

/// Changes the reader's record, and has the pages show it.
async fn note(api: &Api, change: impl FnOnce(&mut Progress)) -> Result<StatusCode, Refused> {
    Progress::change(&api.workspace, change)?;
    state::refresh(&api.workspace, &api.state).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn walk(
    State(api): State<Api>,
    Path(task): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let task = Course::load(&api.workspace)?.task(&task)?.1.id.clone();
    let upgrade = upgrade.max_message_size(LONGEST_WALK).max_frame_size(LONGEST_WALK);
    Ok(upgrade.on_upgrade(async move |socket| api.walks.guide(&api.workspace, &task, socket).await))
}

#[derive(Deserialize)]
struct OfTrace {
    trace: Trace,
}

async fn keep(State(api): State<Api>, Json(asked): Json<OfTrace>) -> Result<Response, Refused> {
    let course = Course::load(&api.workspace)?;
    let (stage, _) = course.owner(&asked.trace)?;
    Ok(Json(mine::keep(&asked.trace, stage, &api.workspace)?).into_response())
}

/// A trace, by the name of its file.
async fn trace(State(api): State<Api>, Path((stage, file)): Path<(String, String)>) -> Result<Response, Refused> {
    let course = Course::load(&api.workspace)?;
    let folder = course.stage(&stage).map(|stage| api.workspace.scratch("traces").join(&stage.id));
    let text = folder.and_then(|folder| written(&folder, &file, ".json"));
    let text =
        text.ok_or(Refused(StatusCode::NOT_FOUND, "There is no such run. Check the task again to make one.".into()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// A plot, by the name of its file.
async fn plot(State(api): State<Api>, Path(file): Path<String>) -> Result<Response, Refused> {
    let text = written(&api.workspace.scratch("labs"), &file, ".svg");
    let text = text.ok_or(Refused(StatusCode::NOT_FOUND, "There is no such plot. Run the lab to draw it.".into()))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], text).into_response())
}

/// A file that the course has written into a folder. A name that could lead elsewhere is no name of one.
fn written(folder: &std::path::Path, name: &str, end: &str) -> Option<Vec<u8>> {
    let plain = name.ends_with(end) && !name.starts_with('.') && !name.contains(['/', '\\']);
    Some(folder.join(name)).filter(|_| plain).and_then(|path| fs::read(path).ok())
}

/// Everything that is known, and then what changes. A websocket, not an event stream: of those a browser opens six at once, and
/// a reader has more pages open than that.
async fn events(State(api): State<Api>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.max_message_size(NOTHING_TO_SAY).max_frame_size(NOTHING_TO_SAY);
    upgrade.on_upgrade(async move |mut socket| {
        // A page that went away need not be told so.
        let _ = tell(&api, &mut socket).await;
    })
}

/// Tells a page until it goes away. One that has fallen behind is told everything again.
async fn tell(api: &Api, socket: &mut WebSocket) -> Result<(), axum::Error> {
    let mut newest = api.state.subscribe();
    state::refresh(&api.workspace, &api.state).await;
    loop {
        let (jobs, mut told) = api.jobs.follow();
        let known = newest.borrow_and_update().clone();
        socket.send(Message::text(format!("{{\"state\":{known}}}"))).await?;
        for job in jobs {
            socket.send(Message::text(json!({ "job": job }).to_string())).await?;
        }
        loop {
            let news = tokio::select! {
                changed = newest.changed() => match changed {
                    Ok(()) => format!("{{\"state\":{}}}", *newest.borrow_and_update()),
                    Err(_) => return Ok(()),
                },
                told = told.recv() => match told {
                    Ok(told) => json!(told).to_string(),
                    Err(_) => break,
                },
                heard = socket.recv() => match heard {
                    Some(Ok(_)) => continue,
                    _ => return Ok(()),
                },
            };
            socket.send(Message::text(news)).await?;
        }
    }
}
