//! What runs on behalf of the pages: checks and labs.
//!
//! A job is a `cargo course` command in a process of its own, at the head of a process group, so that whatever happens in it
//! cannot hurt the server, and a stop ends the compiler and the checks with it. Jobs run one after the other: two builds at once
//! would only wait for each other. A request for what waits or runs already gets that job.
//!
//! The command tells what it does in lines of JSON, which are handed on to every open page, and kept, so that a page that is
//! opened later shows the last verdict. When the server ends, however it ends, the command's standard input closes, and the command ends
//! itself and its group.

use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{Notify, broadcast};

use crate::error::Exit;
use crate::group::{Group, own_path};
use crate::workspace::Workspace;

/// How many events a page may be behind before it has to load everything again.
const BEHIND: usize = 1024;

/// How much of what a failed command says is kept, in bytes.
const KEPT: u64 = 1 << 16;

/// How a command ends that has failed by a fault of the course.
const COURSE: i32 = Exit::Course as i32;

/// What can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum What {
    /// The checks of a task.
    Check(String),
    /// A lab on the reader's own code.
    Lab(String),
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Queued,
    Running,
    /// It came to its end, with this exit code of `cargo course`.
    Ended(i32),
    Stopped,
}

/// A job, as pages get to see it.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    id: u64,
    what: What,
    status: Status,
    lines: Vec<Arc<RawValue>>,
    /// What the command said on its standard error, if it failed by a fault of the course.
    complaint: String,
}

/// What open pages are told.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// A job is new, or further than before.
    Job { job: Job },
    /// A job has said something.
    Line { of: u64, line: Arc<RawValue> },
}

/// All jobs of a server.
#[derive(Clone)]
pub struct Jobs {
    workspace: Workspace,
    shared: Arc<Shared>,
}

struct Shared {
    /// For each thing that can be run, the newest job, in the order in which they were asked for.
    jobs: Mutex<Vec<Job>>,
    told: broadcast::Sender<Told>,
    /// Something waits to be run.
    waiting: Notify,
    /// A job was stopped.
    stop: Notify,
}

impl Jobs {
    /// No job yet.
    pub fn new(workspace: &Workspace) -> Self {
        let (told, _) = broadcast::channel(BEHIND);
        let shared = Shared { jobs: Mutex::default(), told, waiting: Notify::new(), stop: Notify::new() };
        Self { workspace: workspace.clone(), shared: Arc::new(shared) }
    }

    /// Asks for something to be run. Gives the job's number, new or not.
    pub fn ask(&self, what: What) -> u64 {
        let mut jobs = self.jobs();
        let busy = |job: &Job| matches!(job.status, Status::Queued | Status::Running);
        if let Some(job) = jobs.iter().find(|job| job.what == what && busy(job)) {
            return job.id;
        }
        let id = 1 + jobs.iter().map(|job| job.id).max().unwrap_or(0);
        jobs.retain(|job| job.what != what);
        jobs.push(Job { id, what, status: Status::Queued, lines: Vec::new(), complaint: String::new() });
        self.tell(Told::Job { job: jobs[jobs.len() - 1].clone() });
        self.shared.waiting.notify_one();
        id
    }

    /// Stops a job, or takes it out of the queue. One that has ended stays as it is.
    pub fn stop(&self, id: u64) {
        self.move_on(id, Status::Stopped, String::new());
        self.shared.stop.notify_one();
    }

    /// What a page that is opened now has to know, and all that comes after that.
    pub fn follow(&self) -> (Vec<Job>, broadcast::Receiver<Told>) {
        let jobs = self.jobs();
        (jobs.clone(), self.shared.told.subscribe())
    }

    /// Runs what is asked for, one job after the other. `after` is called when one has ended.
    pub async fn work(self, after: impl AsyncFn()) {
        loop {
            let next =
                self.jobs().iter().find(|job| job.status == Status::Queued).map(|job| (job.id, job.what.clone()));
            match next {
                Some((id, what)) => {
                    self.run(id, &what).await;
                    after().await;
                }
                None => self.shared.waiting.notified().await,
            }
        }
    }

    async fn run(&self, id: u64, what: &What) {
        self.move_on(id, Status::Running, String::new());
        let (verb, name) = match what {
            What::Check(task) => ("check", task),
            What::Lab(lab) => ("lab", lab),
        };
        let (mut child, mut group) = match start(&self.workspace, verb, name) {
            Ok(started) => started,
            Err(complaint) => return self.move_on(id, Status::Ended(COURSE), complaint),
        };
        let _lifeline = child.stdin.take();
        let told = async {
            let complaint = tokio::spawn(read(child.stderr.take().expect("standard error is a pipe")));
            let mut lines = BufReader::new(child.stdout.take().expect("standard output is a pipe")).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                self.hear(id, line);
            }
            let code = child.wait().await.ok().and_then(|status| status.code());
            (code.unwrap_or(COURSE), complaint.await.unwrap_or_default())
        };
        tokio::select! {
            (code, complaint) = told => {
                group.is_gone();
                let complaint = if code == COURSE { complaint } else { String::new() };
                self.move_on(id, Status::Ended(code), complaint);
            }
            () = self.stopped(id) => drop(group),
        }
    }

    /// Waits until a job is stopped.
    async fn stopped(&self, id: u64) {
        while !self.jobs().iter().any(|job| job.id == id && job.status == Status::Stopped) {
            self.shared.stop.notified().await;
        }
    }

    fn hear(&self, id: u64, line: String) {
        let Ok(line) = RawValue::from_string(line).map(Arc::from) else { return };
        let mut jobs = self.jobs();
        if let Some(job) = jobs.iter_mut().find(|job| job.id == id) {
            job.lines.push(Arc::clone(&line));
            self.tell(Told::Line { of: id, line });
        }
    }

    /// Notes how far a job is. One that was stopped or has ended goes no further.
    fn move_on(&self, id: u64, status: Status, complaint: String) {
        let mut jobs = self.jobs();
        let busy = |job: &&mut Job| job.id == id && matches!(job.status, Status::Queued | Status::Running);
        if let Some(job) = jobs.iter_mut().find(busy) {
            (job.status, job.complaint) = (status, complaint);
            let job = job.clone();
            self.tell(Told::Job { job });
        }
    }

    /// Without an open page there is nobody to tell.
    fn tell(&self, told: Told) {
        let _ = self.shared.told.send(told);
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        self.shared.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts `cargo course VERB NAME --json` at the head of a process group. The error is a sentence.
pub fn start(workspace: &Workspace, verb: &str, name: &str) -> Result<(Child, Group), String> {
    let mut command = Command::new(own_path());
    command.args([verb, name, "--json"]).current_dir(workspace.root());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|error| format!("`cargo course` cannot be started: {error}."))?;
    let group = Group::of(child.id().unwrap_or_default());
    Ok((child, group))
}

/// What a command says on its standard error: no more than its beginning, should it be long.
pub async fn read(stream: ChildStderr) -> String {
    let mut said = Vec::new();
    let _ = stream.take(KEPT).read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}
