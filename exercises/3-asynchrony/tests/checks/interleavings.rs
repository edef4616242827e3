//! Everything that two threads can do at the same time, by `loom`; wakers that take notes of it; and what is demanded of each run.

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use loom::model::Builder;
use testkit::check::{Check, Failure, Proven, Rule};

use crate::subject::oneshot::explored::sync::LOCKED_TWICE;

pub const LOCKS: Rule = Rule::new(
    "nobody waits under a lock",
    "Both threads come to their ends, whoever goes first, and whatever a waker does.",
    "std::task::Wake: `wake` is the executor's code; loom's report of a deadlock",
    "3-asynchrony/futures.md#woken-under-the-lock",
);

pub const STEPS: Rule = Rule::new(
    "a poll ends",
    "Neither a poll nor a send waits in a loop for the other thread.",
    "std::future::Future::poll: it should return quickly and not block",
    "3-asynchrony/futures.md#polled-again-at-once",
);

pub const VISIBLE: Rule = Rule::new(
    "what is shared can be seen",
    "Locks and atomics come from `super::sync`, so that each step on them can be put before or after each step of the other thread.",
    "loom's documentation, Handling Loom API differences",
    "3-asynchrony/futures.md#the-task-oneshot",
);

/// More steps than this in one run are a loop.
const BRANCHES: usize = 1_000;

/// How often a thread is stopped where it could have gone on, at most. Bugs of two threads need one or two.
const PREEMPTIONS: usize = 3;

/// What has happened in one run: by whom, in which order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    steps: Vec<String>,
    woken: BTreeSet<usize>,
    ending: usize,
    broken: Option<(Rule, String)>,
}

/// A waker that writes down that it was woken.
struct Noting {
    name: usize,
    log: Log,
}

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        self.log.step(format!("waker {} is woken", self.name));
        self.log.notes().woken.insert(self.name);
    }
}

impl Log {
    // No step of an explored thread is in here, so no other thread ever finds this locked.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happens.
    pub fn step(&self, step: impl Into<String>) {
        self.notes().steps.push(step.into());
    }

    /// A waker with a name.
    pub fn waker(&self, name: usize) -> Waker {
        Waker::from(Arc::new(Noting { name, log: self.clone() }))
    }

    /// Which wakers were woken since the last call.
    pub fn take_woken(&self) -> BTreeSet<usize> {
        std::mem::take(&mut self.notes().woken)
    }

    /// Which of its possible ends this run comes to.
    pub fn ends_as(&self, ending: usize) {
        self.notes().ending = ending;
    }

    /// Demands something. The first demand of a run that is not met is the one that is told.
    pub fn requires(&self, rule: &Rule, holds: bool, why: impl FnOnce() -> String) {
        if !holds && self.notes().broken.is_none() {
            let why = why();
            self.notes().broken = Some((rule.clone(), why));
        }
    }

    fn told(&self, why: &str) -> String {
        let steps = self.notes().steps.iter().map(|step| format!("\n  - {step}")).collect::<String>();
        format!("{why} What happened in that run, in this order:{steps}")
    }

    /// What was wrong in this run, in words.
    pub fn verdict(&self, check: &mut Check) -> Proven {
        let broken = self.notes().broken.take();
        match broken {
            Some((rule, why)) => check.requires(rule, false, || self.told(&why)),
            None => Ok(()),
        }
    }
}

/// Runs `body` once for each order in which the steps of its threads can happen. Each of the `endings` has to be the end of some run, and
/// the threads must have taken at least so many different ways: otherwise nothing would be known.
pub fn explore(
    check: &mut Check,
    what: &str,
    (endings, least): (usize, usize),
    body: impl Fn(&Log) + Send + Sync + 'static,
) -> Proven {
    let latest = Arc::new(Mutex::new(Log::default()));
    let first_broken = Arc::new(Mutex::new(None));
    let seen = Arc::new(Mutex::new((0, BTreeSet::new())));
    let model = {
        let (latest, first_broken, seen) = (latest.clone(), first_broken.clone(), seen.clone());
        move || {
            let log = Log::default();
            *locked(&latest) = log.clone();
            body(&log);
            let mut seen = locked(&seen);
            seen.0 += 1;
            seen.1.insert(log.notes().ending);
            if log.notes().broken.is_some() {
                locked(&first_broken).get_or_insert(log);
            }
        }
    };
    let ended = panic::catch_unwind(AssertUnwindSafe(|| builder().check(model)));
    if let Some(log) = locked(&first_broken).take() {
        log.verdict(check)?;
    }
    if let Err(payload) = ended {
        stopped(check, &locked(&latest), payload)?;
    }
    let (runs, seen) = &*locked(&seen);
    check.requires(VISIBLE, *runs >= least && seen.len() == endings, || {
        format!(
            "Only {runs} runs were found, with {} of {endings} different ends: the threads seem to have nothing in common that can be seen.",
            seen.len()
        )
    })?;
    check.evidence(format!("{what}: {runs} runs, at most {PREEMPTIONS} times stopped in each"));
    Ok(())
}

/// Neither the machine nor an environment variable decides how much is looked at.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.max_branches = BRANCHES;
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.location = false;
    builder.log = false;
    builder
}

/// A run did not come to its end: either `loom` says why, or the code under test has panicked.
fn stopped(check: &mut Check, log: &Log, payload: Box<dyn std::any::Any + Send>) -> Result<(), Box<Failure>> {
    let message = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    let message = message.unwrap_or_default().to_owned();
    if message.contains(LOCKED_TWICE) {
        let why = "A thread locks what it has locked already: it waits for itself.";
        return check.requires(LOCKS, false, || log.told(why));
    }
    if message.starts_with("deadlock") {
        return check.requires(LOCKS, false, || log.told("A thread waits for a lock that is never opened."));
    }
    if message.contains("maximum number of branches") {
        return check.requires(STEPS, false, || log.told("A thread goes round in a loop."));
    }
    panic::resume_unwind(payload)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
