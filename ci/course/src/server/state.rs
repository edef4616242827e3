//! What the pages show of the reader's progress, and how they hear of a change.
//!
//! The state is read from the manifests, the record and the reader's files, twice a second while a page is open. So it does not matter
//! who changes it: the page, a command in a terminal, an editor.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::book::address;
use crate::clock;
use crate::editor::Editor;
use crate::error::Error;
use crate::guide::effort::Efforts;
use crate::guide::pages::Pages;
use crate::guide::{self, Next};
use crate::manifest::{Course, PLAN, Stage, Task, sentence};
use crate::needs::NextCheck;
use crate::progress::{Prints, Progress, Quizzes, Standing};
use crate::workspace::Workspace;

/// How often the state is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// All that the pages show.
#[derive(Serialize)]
struct State {
    stages: Vec<StageState>,
    /// The id of the task to do next.
    next: Option<String>,
    ahead: Ahead,
    /// For each quiz, for each question, whether it was answered right at the first go.
    quizzes: Quizzes,
    /// When that was so, as RFC 3339 in UTC; it stands in reports only, or each look would be a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Why the state could not be read: a manifest with a mistake, a record with a merge conflict.
    problem: Option<String>,
}

/// What comes next, as `cargo course` says it.
#[derive(Default, Serialize)]
struct Ahead {
    /// Why the next task is to be checked again, if it has passed before: "changed since it passed".
    again: String,
    /// The pages to read before the next task, its own last; or what is left to read when all is done. Title and address.
    read: Vec<(String, String)>,
    /// The ids of open bonus tasks that are offered now.
    offers: Vec<String>,
    /// That all is done, and what comes then.
    done: Vec<String>,
    /// Passes in the record that belong to no task.
    unclaimed: Option<String>,
}

/// A stage, be it there or only planned.
#[derive(Serialize)]
struct StageState {
    id: String,
    title: String,
    summary: String,
    /// The first page, below the book's root; none for a stage to come.
    page: Option<String>,
    /// Whether later stages stand on its reference because the reader wants it so.
    skipped: bool,
    /// The ids of the stages on whose reference this one stands.
    stands_on: Vec<String>,
    tasks: Vec<TaskState>,
}

#[derive(Serialize)]
struct TaskState {
    id: String,
    title: String,
    points: u32,
    earned: u32,
    bonus: bool,
    page: String,
    standing: Standing,
    passed_at: Option<String>,
    hints_shown: usize,
    hints: usize,
    /// What help there was, in the learner's words.
    help: Vec<String>,
    /// The next check that can pass, if it is known.
    next: Option<NextState>,
    /// The files to edit, below the workspace's root, each with an address that opens it in the reader's editor.
    files: Vec<(String, Option<String>)>,
}

/// A check that can pass next.
#[derive(Serialize)]
struct NextState {
    /// Its name as a sentence.
    name: String,
    /// The functions that are still to be written for it.
    missing: Vec<String>,
}

/// Looks at the state as long as a page listens.
pub async fn follow(workspace: Workspace, newest: watch::Sender<Arc<str>>) {
    loop {
        if newest.receiver_count() > 0 {
            refresh(&workspace, &newest).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Looks at the state now.
pub async fn refresh(workspace: &Workspace, newest: &watch::Sender<Arc<str>>) {
    let workspace = workspace.clone();
    let state = tokio::task::spawn_blocking(move || read(&workspace)).await;
    let Ok(state) = state else { return };
    newest.send_if_modified(|known| {
        let changed = **known != *state;
        if changed {
            *known = state.into();
        }
        changed
    });
}

/// The state as JSON.
pub fn read(workspace: &Workspace) -> String {
    let state = Course::load(workspace).and_then(|course| {
        let progress = Progress::load(workspace)?;
        let editor = Editor::configured(workspace)?;
        Ok(State::of(workspace, &course, &progress, editor.as_ref()))
    });
    let state = state.unwrap_or_else(|error| State {
        stages: Vec::new(),
        next: None,
        ahead: Ahead::default(),
        quizzes: Quizzes::new(),
        at: None,
        problem: Some(error.to_string()),
    });
    json(&state)
}

/// The state at this moment as a report for others.
pub fn report(workspace: &Workspace) -> Result<String, Error> {
    let (course, progress) = (Course::load(workspace)?, Progress::load(workspace)?);
    Ok(json(&State { at: Some(clock::now()), ..State::of(workspace, &course, &progress, None) }))
}

fn json(state: &State) -> String {
    serde_json::to_string(state).expect("text and numbers always have a JSON form")
}

/// All that the state is read from.
struct Look<'l> {
    workspace: &'l Workspace,
    course: &'l Course,
    progress: &'l Progress,
    prints: &'l Prints,
    efforts: &'l Efforts<'l>,
    editor: Option<&'l Editor>,
}

impl State {
    fn of(workspace: &Workspace, course: &Course, progress: &Progress, editor: Option<&Editor>) -> Self {
        let prints = Prints::take(course, workspace);
        let efforts = Efforts::load(workspace, course);
        let look = Look { workspace, course, progress, prints: &prints, efforts: &efforts, editor };
        let present = |stage| StageState::of(&look, stage);
        let next = guide::next(course, progress, &prints);
        let planned = PLAN.iter().map(|(id, title, summary)| match course.stage(id) {
            Some(stage) => present(stage),
            None => StageState {
                id: (*id).into(),
                title: (*title).into(),
                summary: (*summary).into(),
                page: None,
                skipped: false,
                stands_on: Vec::new(),
                tasks: Vec::new(),
            },
        });
        Self {
            stages: planned.chain(course.unplanned().map(present)).collect(),
            next: next.map(|next| next.task.id.clone()),
            ahead: Ahead::of(course, progress, next.as_ref(), workspace),
            quizzes: progress.quizzes().clone(),
            at: None,
            problem: None,
        }
    }
}

impl Ahead {
    fn of(course: &Course, progress: &Progress, next: Option<&Next>, workspace: &Workspace) -> Self {
        let pages = Pages::load(workspace);
        let done = guide::all_done(course, progress).filter(|_| next.is_none_or(Next::is_extra));
        let read = match (next, &done) {
            (_, Some(done)) => done.left(&pages, progress),
            (Some(next), None) if next.standing == Standing::Open => pages.to(course, progress, next.stage, next.task),
            _ => Vec::new(),
        };
        let offers = next.filter(|next| next.standing == Standing::Open && !next.task.bonus);
        let offers = offers.map(|next| guide::offers(course, progress, next)).unwrap_or_default();
        Self {
            again: next.map(|next| guide::words(next.standing)).unwrap_or_default().to_owned(),
            read: read.into_iter().map(|page| (page.title, address(&page.file))).collect(),
            offers: offers.into_iter().map(|task| task.id.clone()).collect(),
            done: done.into_iter().flat_map(|done| [Some(done.says), done.coming]).flatten().collect(),
            unclaimed: progress.unclaimed(course),
        }
    }
}

impl StageState {
    fn of(look: &Look, stage: &Stage) -> Self {
        let Stage { id, title, summary, start, tasks, .. } = stage;
        Self {
            id: id.clone(),
            title: title.clone(),
            summary: summary.clone(),
            page: Some(address(start)),
            skipped: look.course.is_skipped(stage),
            stands_on: look.course.references(stage).iter().map(|stage| stage.id.clone()).collect(),
            tasks: tasks.iter().map(|task| TaskState::of(look, stage, task)).collect(),
        }
    }
}

impl TaskState {
    fn of(look: &Look, stage: &Stage, task: &Task) -> Self {
        let Look { workspace, progress, prints, editor, efforts, .. } = *look;
        let file = |path: &PathBuf| {
            let link = editor.map(|editor| editor.link(path, 1));
            (workspace.shown(path).to_string(), link)
        };
        let record = progress.record(task);
        Self {
            id: task.id.clone(),
            title: task.title.clone(),
            points: task.points,
            earned: progress.points(task),
            bonus: task.bonus,
            page: address(&task.page),
            standing: progress.standing(prints, task),
            passed_at: record.and_then(|record| record.passed_at.clone()),
            hints_shown: record.map_or(0, |record| record.hints_shown).min(task.hints.len()),
            hints: task.hints.len(),
            help: record.map_or_else(Vec::new, |record| record.help.clone()),
            next: efforts.next_check(stage, task).map(|next| NextState::of(&next)),
            files: task.paths(stage).iter().map(file).collect(),
        }
    }
}

impl NextState {
    fn of(next: &NextCheck) -> Self {
        Self { name: sentence(next.check), missing: next.names().map(str::to_owned).collect() }
    }
}
