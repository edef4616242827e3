//! The inside of a check's process: the side on which the code under test runs, and may do what it likes.
//!
//! In order, and before any code under test: the lifeline, the request, the limits, the panic hook. The lifeline is a
//! thread that waits at standard input. It takes the request from the first line and then waits for the end of the stream,
//! which comes when the supervisor is gone. No loop of the code under test can hold it up, because all it does is wait in
//! the kernel and then abort.
//!
//! The request does not come through an environment variable, because everything in this process could read that. It is
//! read from a pipe once, and the nonce in it is nowhere else.

use std::io::{self, BufRead, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use super::capture::Output;
use super::verdict::{self, Finding, Outcome, RunRequest, VERSION, Verdict};
use super::{Check, Proven};
use crate::panics;

/// The environment variable that tells a test executable to be the subject's side.
pub(super) const VARIABLE: &str = "COURSE_RUN";

/// The exit code for a mistake of the course: "internal software error" by BSD's `sysexits.h`.
pub(super) const GRADER_FAILED: i32 = 70;

/// Printed when the check begins: what comes before it is the test harness's.
const BANNER: &str = "\u{1e}the check begins\u{1e}\n";

/// Whether this process is a check's own.
pub(super) fn is_here() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Runs a check's body, writes the verdict and ends the process.
pub(super) fn run(path: &str, body: impl FnOnce(&mut Check) -> Proven) -> ! {
    static BUSY: AtomicBool = AtomicBool::new(false);
    assert!(!BUSY.swap(true, Ordering::Relaxed), "a check cannot run inside of another");
    let Some(request) = lifeline() else {
        give_up(&format!("{VARIABLE} is set, but no request came through standard input. Is it set in your shell?"));
    };
    limit(request.memory_bytes);
    listen();
    print(BANNER);
    let mut check = match Check::new(path, &request) {
        Ok(check) => check,
        Err(error) => give_up(&error.to_string()),
    };
    let outcome = judge(&mut check, body);
    let verdict =
        Verdict { version: VERSION, nonce: request.nonce, check: path.to_owned(), outcome, evidence: check.evidence };
    match verdict.save(&request.verdict) {
        // The harness must not go on: its "ok" means nothing here, and neither does what threads left running do.
        Ok(()) => process::exit(0),
        Err(error) => give_up(&format!("The verdict {} cannot be written: {error}.", request.verdict.display())),
    }
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
fn lifeline() -> Option<RunRequest> {
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

fn judge(check: &mut Check, body: impl FnOnce(&mut Check) -> Proven) -> Outcome {
    let payload = match panic::catch_unwind(AssertUnwindSafe(|| body(check))) {
        Ok(Ok(())) => return Outcome::Passed,
        Ok(Err(failure)) => return Outcome::Failed(failure),
        Err(payload) => payload,
    };
    let (message, at) = panics::describe(&*payload);
    std::mem::forget(payload); // its drop is the code under test's, and could panic again
    if verdict::is_ours(&at) {
        give_up(&format!("The check panicked at {at}: {message}"));
    }
    Outcome::Failed(Box::new(check.failure(Finding::panicked(&message, &at))))
}

/// Ends the process with word that the course is at fault.
fn give_up(why: &str) -> ! {
    print(&format!("{why}\n"));
    process::exit(GRADER_FAILED)
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
