//! The inside of a check's process: the side on which the code under test runs, and may do what it likes.
//!
//! In order, and before any code under test: the lifeline, the request, the limits, the file for the answer, the panic hook, and
//! what the code [cannot open](super::confine). The lifeline is a thread that waits at standard input. It takes the request from
//! the first line and then waits for the end of the stream, which comes when the supervisor is gone. No loop of the code under
//! test can hold it up, because all it does is wait in the kernel and then abort.
//!
//! # Which check
//!
//! Every check's process is started with the same arguments and the same environment: code that could tell them apart could
//! behave well where it is looked at. The request says which check is meant. The test harness calls one test after the other,
//! and all but that one turn back at once.
//!
//! # The nonce
//!
//! The request comes through a pipe that is read once. From then on its nonce is in this process's memory, since this process
//! writes the verdict. Safe code of another module gets no hold of it by the language, but the system has ways: `/proc/self/mem`
//! is closed as far as the [system lets us](super::confine). What remains is open: unsound code that the compiler takes for
//! safe, root without Landlock, a system that is not Linux. A verdict proves that the checks ran to their end on
//! code that did not set out to forge it. Only a check whose rules are judged in another process could prove more.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, OnceLock};
use std::thread;

use rustix::io::{Errno, dup};

use super::capture::Output;
use super::confine::confine;
use super::leftovers::Before;
use super::verdict::{self, Answer, Asked, Failure, FailureKind, Finding, Outcome, Rule, VERSION, Verdict};
use super::{Check, Proven};
use crate::panics;

/// The environment variable that tells a test executable to be the subject's side.
pub(super) const VARIABLE: &str = "COURSE_RUN";

/// How deep the stack of the code under test may grow, in bytes: as deep as a main thread's usually.
const STACK: usize = 8 << 20;

/// Printed when the check begins: what comes before it is the test harness's.
const BANNER: &str = "\u{1e}the check begins\u{1e}\n";

/// Whether this process is a check's own.
pub(super) fn is_here() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// What this process was asked for.
pub(super) fn asked() -> &'static Asked {
    static ASKED: OnceLock<Asked> = OnceLock::new();
    ASKED.get_or_init(|| {
        lifeline().unwrap_or_else(|| {
            print(&format!(
                "{VARIABLE} is set, but no request came through standard input. Is it set in your shell?\n"
            ));
            process::exit(1)
        })
    })
}

/// Runs a check's body, writes the verdict and ends the process.
pub(super) fn run(path: &str, asked: &Asked, body: impl FnOnce(&mut Check) -> Proven + Send) -> ! {
    static BUSY: AtomicBool = AtomicBool::new(false);
    assert!(!BUSY.swap(true, Ordering::Relaxed), "a check cannot run inside of another");
    let request = &asked.request;
    limit(request.memory_bytes);
    // Now: later, the code under test may hold all descriptors that there are.
    let mut file = Answer::open(request).unwrap_or_else(|error| {
        print(&format!("The verdict {} cannot be written: {error}.\n", request.verdict.display()));
        process::exit(1)
    });
    let nonce = request.nonce.clone();
    let mut check = match Check::new(path, request) {
        Ok(check) => check,
        Err(error) => answer(&mut file, asked, &Answer::GraderFailed { nonce, why: error.to_string() }),
    };
    let before = Before::now();
    print(BANNER);
    let judged = judge_apart(&mut check, body);
    let left = before.clear();
    let outcome = match judged {
        Ok(outcome) => outcome,
        Err(why) => answer(&mut file, asked, &Answer::GraderFailed { nonce, why }),
    };
    match (&outcome, left) {
        (Outcome::Passed, Some(left)) => check.evidence(left),
        (Outcome::Failed(_), Some(left)) => print(&format!("({left})\n")),
        (_, None) => {}
    }
    let verdict = Verdict { version: VERSION, nonce, check: path.to_owned(), outcome, evidence: check.evidence };
    answer(&mut file, asked, &Answer::Judged(verdict))
}

/// Writes the answer and ends the process. The harness must not go on: its "ok" means nothing here, and neither does what threads
/// left running do.
fn answer(file: &mut File, asked: &Asked, answer: &Answer) -> ! {
    match answer.save(file, &asked.request) {
        Ok(()) => process::exit(0),
        Err(error) => {
            print(&format!("The verdict {} cannot be written: {error}.\n", asked.request.verdict.display()));
            process::exit(1)
        }
    }
}

/// Runs the body in a thread of its own, which is confined. The error is the course's.
fn judge_apart(check: &mut Check, body: impl FnOnce(&mut Check) -> Proven + Send) -> Result<Outcome, String> {
    thread::scope(|scope| {
        let apart = thread::Builder::new().name("check".to_owned()).stack_size(STACK).spawn_scoped(scope, || {
            confine();
            listen();
            judge(check, body)
        });
        let apart = apart.map_err(|error| format!("No thread could be started: {error}."))?;
        apart.join().unwrap_or_else(|payload| {
            let (message, at) = panics::take(payload);
            Err(format!("The check panicked at {at}: {message}"))
        })
    })
}

/// Splits what the process printed from what the test harness printed before the check began, and says if it began.
pub(super) fn strip_banner(printed: Output) -> (bool, Output) {
    match printed.text.split_once(BANNER) {
        Some((before, text)) => {
            let lines = printed.lines - before.matches('\n').count() - 1;
            (true, Output { text: text.to_owned(), lines })
        }
        None => (false, printed),
    }
}

/// Starts the lifeline and waits for the request.
fn lifeline() -> Option<Asked> {
    let (found, request) = mpsc::channel();
    thread::spawn(move || {
        let mut stdin = io::stdin().lock(); // kept for good, so that nobody else gets at the request
        let mut line = String::new();
        let _ = stdin.read_line(&mut line);
        let _ = found.send(serde_json::from_str(&line).ok());
        let _ = stdin.read_to_end(&mut Vec::new());
        process::abort();
    });
    request.recv().ok().flatten()
}

/// Bounds the address space, and forbids core files. Where a system has no such limits the check runs without.
fn limit(memory_bytes: u64) {
    let _ = rlimit::Resource::AS.get().and_then(|(_, hard)| {
        let most = memory_bytes.min(hard);
        rlimit::Resource::AS.set(most, most)
    });
    let _ = rlimit::Resource::CORE.set(0, 0);
}

/// Has panics remembered rather than printed, but for those that nobody will come to ask about: on another thread, or on
/// the way to an abort, as when a `Drop` panics while a panic is being handled.
fn listen() {
    panics::listen();
    let remember = panic::take_hook();
    let here = thread::current().id();
    let latest = Mutex::new([String::new(), String::new()]);
    panic::set_hook(Box::new(move |info| {
        let uncatchable = info.payload_as_str().is_some_and(|message| message.starts_with("panic in a "));
        if let Ok(mut latest) = latest.try_lock() {
            if thread::current().id() != here {
                eprintln!("{info}");
            } else if uncatchable {
                latest.iter().filter(|panic| !panic.is_empty()).for_each(|panic| eprintln!("{panic}"));
                eprintln!("{info}");
            }
            latest.rotate_left(1);
            latest[1] = info.to_string();
        }
        remember(info);
    }));
}

/// Runs the body. The error is the course's.
fn judge(check: &mut Check, body: impl FnOnce(&mut Check) -> Proven) -> Result<Outcome, String> {
    let payload = match panic::catch_unwind(AssertUnwindSafe(|| body(check))) {
        Ok(Ok(())) => return Ok(Outcome::Passed),
        Ok(Err(failure)) => return Ok(Outcome::Failed(failure)),
        Err(payload) => payload,
    };
    let (message, at) = panics::describe(&*payload);
    std::mem::forget(payload); // its drop is the code under test's, and could panic again
    match verdict::is_ours(&at) {
        true if descriptors_are_exhausted() => Ok(Outcome::Failed(Box::new(out_of_descriptors(&message)))),
        true => Err(format!("The check panicked at {at}: {message}")),
        false => Ok(Outcome::Failed(Box::new(check.failure(Finding::panicked(&message, &at))))),
    }
}

/// Can no file be opened any more? The course has a few open at a time.
fn descriptors_are_exhausted() -> bool {
    matches!(dup(io::stdin()), Err(Errno::MFILE | Errno::NFILE))
}

fn out_of_descriptors(message: &str) -> Failure {
    const RULE: Rule = Rule::new(
        "what is opened is closed",
        "A program closes the files and connections that it needs no more.",
        "open(2), EMFILE",
        "",
    );
    let summary = format!(
        "Your code holds all files open that a process may have, and the check cannot go on. It says: {message}"
    );
    Failure { kind: FailureKind::Violated, rule: RULE, summary, trace: None, diagram: None }
}

/// Prints past the harness, and without a panic if nobody listens any more.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_harness_prints_is_not_the_learners() {
        let text = format!("\nrunning 1 test\ntest x ... {BANNER}hello\n");
        let printed = Output { text, lines: 4 };
        assert_eq!(strip_banner(printed), (true, Output { text: "hello\n".into(), lines: 1 }));
        let printed = Output { text: "running 0 tests\n".into(), lines: 1 };
        assert_eq!(strip_banner(printed.clone()), (false, printed));
    }
}
