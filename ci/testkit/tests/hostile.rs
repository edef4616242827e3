//! Code under test that misbehaves in every way we could think of: each test here is a check whose body is hostile, and says
//! how that must end and what the learner is told.
//!
//! [`observe`] runs the test's own closure in a process of its own, so a body stands right beside what is expected of it.
//! Code behind the call of `observe` runs in the supervising process only. Code before it runs in the subject of every test here: the
//! harness calls one after the other, and all but the one that is meant turn back in `observe`.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use testkit::check::report::text;
use testkit::check::{
    Check, Ending, Failure, FailureKind, Finding, Limits, Mode, Proven, Rule, Run, RunRequest, check, observe,
    supervise,
};
use testkit::cluster::Cluster;
use testkit::samples::Courier;
use testkit::trace::{Kind, Participant, Producer, Step, StepKind, Trace, VERSION, Violation};

const RULE: Rule = Rule::new("agreement", "Two servers never disagree.", "Lamport 1998, section 2.1", "1-cap/abd.md");

/// Far more than any of these needs, so that only a real hang meets it.
fn patient() -> Limits {
    Limits { hang: Duration::from_secs(100), cancel: None }
}

/// For bodies that hang on purpose.
fn impatient() -> Limits {
    Limits { hang: Duration::from_secs(2), cancel: None }
}

fn failure(run: &Run) -> &Failure {
    run.failure().unwrap_or_else(|| panic!("not a failure but {run:?}"))
}

/// What a learner reads must say each of these.
fn assert_says(run: &Run, phrases: &[&str]) {
    let text = text(run, false);
    for phrase in phrases {
        assert!(text.contains(phrase), "the report does not say `{phrase}`:\n{text}");
    }
    assert!(text.lines().count() < 60, "the report is too long:\n{text}");
}

#[test]
fn a_check_that_comes_to_its_end_passes_with_its_evidence() {
    let run = observe(
        |check| {
            println!("hello");
            check.requires(RULE, true, || "never asked".to_owned())?;
            check.evidence("one writer: exhausted 12 states");
            Ok(())
        },
        &patient(),
    );
    assert!(run.passed(), "{run:?}");
    assert_eq!(run.output.text, "hello\n");
    let text = text(&run, false);
    assert_eq!(text, format!("✓ {}\n    one writer: exhausted 12 states", run.check));
}

#[test]
fn exit_zero_is_no_pass() {
    let run = observe(|_| process::exit(0), &patient());
    assert_eq!(run.ending, Ending::Exited { code: 0 });
    assert_says(&run, &["Your code ended the program, with exit code 0.", "this is no pass", "std::process::exit"]);
}

#[test]
fn any_other_exit_code_is_told() {
    let run = observe(|_| process::exit(3), &patient());
    assert_eq!(run.ending, Ending::Exited { code: 3 });
    assert_says(&run, &["Your code ended the program, with exit code 3."]);
}

#[test]
fn an_abort_costs_the_check_and_nothing_else() {
    let run = observe(|_| process::abort(), &patient());
    assert_eq!(run.ending, Ending::Aborted { signal: 6 });
    assert_says(&run, &["Your code was ended by the system: SIGABRT.", "std::process::abort"]);
}

#[test]
fn an_endless_loop_is_stopped() {
    let run = observe(
        |_| loop {
            black_box(());
        },
        &impatient(),
    );
    assert_eq!(run.ending, Ending::DidNotFinish { after: impatient().hang });
    assert_says(&run, &["Your code did not finish within 2 seconds.", "Look for a loop"]);
}

#[test]
fn waiting_for_input_is_stopped() {
    let run = observe(
        |_| {
            let _ = io::stdin().read_line(&mut String::new());
            Ok(())
        },
        &impatient(),
    );
    assert_eq!(run.ending, Ending::DidNotFinish { after: impatient().hang });
    assert_says(&run, &["waits for input"]);
}

#[test]
fn an_endless_recursion_overflows_the_stack() {
    fn deeper(depth: u64) -> u64 {
        if black_box(depth) == u64::MAX { 0 } else { black_box(deeper(depth + 1)) + 1 }
    }
    let run = observe(
        |_| {
            black_box(deeper(0));
            Ok(())
        },
        &patient(),
    );
    assert_eq!(run.ending, Ending::Overflowed);
    assert_says(&run, &["Your code overflowed the stack.", "a function that calls itself"]);
}

// Only Linux bounds a process's address space.
#[cfg(target_os = "linux")]
#[test]
fn ten_gigabytes_are_refused() {
    let run = observe(
        |_| {
            black_box(vec![1_u8; black_box(10 << 30)]);
            Ok(())
        },
        &patient(),
    );
    assert_eq!(run.ending, Ending::OutOfMemory { limit: 4 << 30 });
    assert_says(&run, &["Your code ran out of memory.", "4 GiB"]);
}

#[test]
fn a_thread_left_running_does_not_hold_the_check_up() {
    let run = observe(
        |check| {
            thread::spawn(|| {
                loop {
                    black_box(());
                }
            });
            check.evidence("done");
            Ok(())
        },
        &patient(),
    );
    assert!(run.passed(), "{run:?}");
    if cfg!(target_os = "linux") {
        assert_says(&run, &["done", "still running at the end, and ended then: a thread"]);
    }
}

// Who the children of a process are, and which threads it has, only Linux tells.
#[cfg(target_os = "linux")]
mod children {
    use super::*;

    /// Starts a process that nobody waits for, and prints its number.
    #[expect(clippy::zombie_processes, reason = "that it is left behind is what is tried")]
    fn leave_one() {
        let child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        println!("{}", child.id());
    }

    /// Does the process whose number a check has printed still run? One that was killed may need a moment to be gone.
    fn runs(run: &Run) -> bool {
        let number: u32 = run.output.text.trim().parse().unwrap_or_else(|_| panic!("no number in {run:?}"));
        let stat = || fs::read_to_string(format!("/proc/{number}/stat"));
        let runs = || stat().is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "));
        let begun = Instant::now();
        while runs() && begun.elapsed() < Duration::from_secs(60) {
            thread::yield_now();
        }
        runs()
    }

    #[test]
    fn a_process_left_running_is_named_and_ended() {
        let run = observe(
            |check| {
                leave_one();
                check.evidence("done");
                Ok(())
            },
            &patient(),
        );
        assert!(run.passed(), "{run:?}");
        assert_says(&run, &["done", "still running at the end, and ended then: the process `sleep`"]);
        assert!(!runs(&run), "{run:?}");
    }

    #[test]
    fn a_process_whose_parent_has_gone_is_named_and_ended() {
        let run = observe(
            |check| {
                // Before and after it becomes a program of its own, it has the same name.
                let shell = "sh -c 'kill -STOP $$' & echo $!";
                let status = Command::new("sh").args(["-c", shell]).stdin(Stdio::null()).process_group(0).status();
                check.requires(RULE, status.is_ok(), || format!("{status:?}"))
            },
            &patient(),
        );
        assert!(run.passed(), "{run:?}");
        assert_says(&run, &["the process `sh`"]);
        assert!(!runs(&run), "{run:?}");
    }

    #[test]
    fn a_process_does_not_outlive_a_check_that_has_no_end() {
        let run = observe(
            |_| {
                leave_one();
                process::exit(0)
            },
            &patient(),
        );
        assert_eq!(run.ending, Ending::Exited { code: 0 });
        assert!(!runs(&run), "{run:?}");
    }

    #[test]
    fn a_process_that_has_ended_is_not_left_running() {
        let run = observe(
            |check| {
                let ended = Command::new("true").status();
                let _ = thread::spawn(|| ()).join();
                check.requires(RULE, ended.is_ok(), || format!("{ended:?}"))
            },
            &patient(),
        );
        assert!(run.passed(), "{run:?}");
        assert!(!text(&run, false).contains("still running"), "{run:?}");
    }
}

#[test]
fn a_panic_is_told_with_its_place() {
    let run = observe(|_| panic!("the log is empty"), &patient());
    let failure = failure(&run);
    assert_eq!(failure.kind, FailureKind::Panicked);
    assert!(failure.summary.starts_with("the log is empty (at ci/testkit/tests/hostile.rs:"), "{}", failure.summary);
    assert_says(&run, &["Your code panicked.", "the log is empty"]);
}

#[test]
fn a_panic_on_another_thread_is_in_the_output() {
    let run = observe(
        |check| {
            let _ = thread::spawn(|| panic!("lost and found")).join();
            check.evidence("done");
            Ok(())
        },
        &patient(),
    );
    assert!(run.passed(), "{run:?}");
    assert!(run.output.text.contains("lost and found"), "{run:?}");
}

#[test]
fn a_todo_is_unwritten_code_with_its_instruction() {
    let run = observe(|_| todo!("Count each server's answer once."), &patient());
    let failure = failure(&run);
    assert_eq!(failure.kind, FailureKind::Unwritten);
    assert!(failure.summary.starts_with("Count each server's answer once. (at "), "{}", failure.summary);
    assert_says(&run, &["This part is not written yet.", "Count each server's answer once."]);
}

/// Panics when it is dropped, as a payload too.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the drop panicked");
    }
}

#[test]
fn a_panic_inside_drop_is_a_panic() {
    let run = observe(
        |_| {
            drop(Bomb);
            Ok(())
        },
        &patient(),
    );
    assert_eq!(failure(&run).kind, FailureKind::Panicked);
    assert_says(&run, &["Your code panicked.", "the drop panicked"]);
}

#[test]
fn a_panic_inside_drop_during_a_panic_tells_both() {
    let run = observe(
        |_| {
            let _bomb = Bomb;
            panic!("the first panic");
        },
        &patient(),
    );
    assert_eq!(run.ending, Ending::Aborted { signal: 6 });
    assert_says(&run, &["A `Drop` panicked while an earlier panic", "the first panic", "the drop panicked"]);
}

#[test]
fn a_payload_that_panics_when_dropped_does_not_bring_the_check_down() {
    let run = observe(|_| panic::panic_any(Bomb), &patient());
    assert_eq!(failure(&run).kind, FailureKind::Panicked);
}

#[test]
fn a_million_lines_are_cut_short() {
    let run = observe(
        |check| {
            let mut out = io::BufWriter::new(io::stdout().lock());
            for number in 1..=1_000_000 {
                writeln!(out, "line {number}").unwrap();
            }
            drop(out);
            check.requires(RULE, false, || "n0 and n1 disagree.".to_owned())
        },
        &patient(),
    );
    assert_eq!(failure(&run).kind, FailureKind::Violated);
    assert_eq!(run.output.lines, 1_000_000);
    assert_says(&run, &["line 1\n", "… 999,980 more lines …", "line 1000000\n", "n0 and n1 disagree."]);
}

#[test]
fn a_line_of_a_million_bytes_is_cut_short() {
    let run = observe(
        |_| {
            print!("{}", "x".repeat(1_000_000));
            process::exit(1)
        },
        &patient(),
    );
    assert_eq!(run.ending, Ending::Exited { code: 1 });
    assert!(text(&run, false).len() < 2_000, "{}", text(&run, false).len());
}

#[test]
fn a_check_called_by_the_code_under_test_proves_nothing() {
    let run = observe(
        |_| {
            check(|_| Ok(()));
            Ok(())
        },
        &patient(),
    );
    assert!(matches!(run.ending, Ending::GraderFailed { .. }), "{run:?}");
    assert_says(
        &run,
        &["The grader failed. This is not a mistake in your code.", "a check cannot run inside of another"],
    );
}

#[test]
fn neither_arguments_nor_environment_tell_which_check_runs() {
    const NAME: &str = "neither_arguments_nor_environment_tell_which_check_runs";
    let run = observe(
        |check| {
            let rule = || Rule::new("secrecy", "All checks are started alike.", "", "");
            let environment = env::vars_os().map(|(_, value)| value);
            let thread = thread::current().name().unwrap_or_default().into();
            let told = env::args_os().chain(environment).chain([thread]);
            let told: Vec<_> = told.filter(|text| text.to_string_lossy().contains(NAME)).collect();
            check.requires(rule(), told.is_empty(), || format!("{told:?}"))?;
            let value = env::var("COURSE_RUN").unwrap_or_default();
            check.requires(rule(), value == "1", || format!("COURSE_RUN is {value}"))?;
            check.evidence("looked");
            Ok(())
        },
        &patient(),
    );
    assert!(run.passed(), "{run:?}");
}

// Landlock is Linux's.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_check_is_closed_to_the_code_under_test() {
    let run = observe(
        |check| {
            let parent = std::os::unix::process::parent_id();
            let places = ["self", "thread-self", &process::id().to_string(), &parent.to_string()];
            let files = places.map(|place| format!("/proc/{place}/mem"));
            let cat = |file: &String| Command::new("head").args(["-c", "1", file]).stderr(Stdio::null()).status();
            for file in &files {
                let opened = fs::File::open(file).is_ok() || fs::OpenOptions::new().write(true).open(file).is_ok();
                let elsewhere = thread::scope(|scope| scope.spawn(|| fs::File::open(file).is_ok()).join());
                let by_another = cat(file).is_ok_and(|status| status.success());
                let closed = !opened && elsewhere.is_ok_and(|opened| !opened) && !by_another;
                let rule = Rule::new("secrecy", "The memory with the nonce cannot be opened.", "", "");
                check.requires(rule, closed, || format!("{file} can be opened"))?;
            }
            // Everything else is as it was: a file can be written, and moved to another folder.
            let folder = env::temp_dir().join(format!("course-confined-{}", process::id()));
            let moved = fs::create_dir_all(folder.join("deeper"))
                .and_then(|()| fs::write(folder.join("file"), "text"))
                .and_then(|()| fs::rename(folder.join("file"), folder.join("deeper/file")))
                .and_then(|()| fs::read_to_string(folder.join("deeper/file")));
            let _ = fs::remove_dir_all(folder);
            check.requires(RULE, moved.as_deref().is_ok_and(|text| text == "text"), || format!("{moved:?}"))
        },
        &patient(),
    );
    assert!(run.passed(), "{run:?}");
}

#[test]
fn the_exit_code_of_a_grader_that_failed_is_nothing_special() {
    let run = observe(|_| process::exit(70), &patient());
    assert_eq!(run.ending, Ending::Exited { code: 70 });
    assert_says(&run, &["Your code ended the program, with exit code 70."]);
}

/// Opens files until the system gives no more.
fn exhaust_descriptors() -> Vec<fs::File> {
    std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect()
}

#[test]
fn a_verdict_needs_no_descriptor() {
    let run = observe(
        |check| {
            std::mem::forget(exhaust_descriptors());
            check.requires(RULE, false, || "n0 and n1 disagree.".to_owned())
        },
        &patient(),
    );
    assert_eq!(failure(&run).kind, FailureKind::Violated);
    assert_says(&run, &["n0 and n1 disagree."]);
}

#[test]
fn exhausted_descriptors_are_not_the_courses_fault() {
    let run = observe(
        |check| {
            std::mem::forget(exhaust_descriptors());
            Cluster::<Courier<true>>::new(99, ()); // a mistake of a check
            check.requires(RULE, true, || "never asked".to_owned())
        },
        &patient(),
    );
    assert_eq!(failure(&run).rule.name, "what is opened is closed");
    assert_says(&run, &["Your code holds all files open that a process may have"]);
}

#[test]
fn a_check_that_does_not_exist_is_the_graders_failure() {
    let request = RunRequest::new(Mode::Grade, env::temp_dir());
    let run = supervise::run(&env::current_exe().unwrap(), "checks::no_such_check", &request, &patient());
    assert!(matches!(run.ending, Ending::GraderFailed { .. }), "{run:?}");
    assert_says(&run, &["The grader failed.", "before the check `checks::no_such_check` began"]);
}

#[test]
fn an_executable_that_does_not_exist_is_the_graders_failure() {
    let request = RunRequest::new(Mode::Grade, env::temp_dir());
    let run = supervise::run(Path::new("/no/such/executable"), "checks::any", &request, &patient());
    assert!(matches!(run.ending, Ending::GraderFailed { .. }), "{run:?}");
    assert_says(&run, &["/no/such/executable could not be started"]);
}

#[test]
fn a_failing_check_fails_under_plain_cargo_test() {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(|_| process::exit(0))));
    assert!(outcome.is_err());
}

#[test]
fn a_passing_check_passes_under_plain_cargo_test() {
    check(|check| {
        check.evidence("done");
        Ok(())
    });
}

/// A run of one step in which `n0` breaks [`RULE`].
fn sample_trace() -> Trace {
    Trace {
        version: VERSION,
        stage: String::new(),
        check: String::new(),
        scope: "one server".into(),
        producer: Producer::Model,
        seed: None,
        participants: vec![Participant { name: "n0".into(), kind: Kind::Server, state: "Log { length: 0 }".into() }],
        staged: 0,
        steps: vec![Step {
            label: "n0 fires Election".into(),
            kind: StepKind::Timeout,
            who: 0,
            from: None,
            message: Some("Election".into()),
            effects: vec!["arms Election".into()],
            before: "Log { length: 0 }".into(),
            after: "Log { length: 9 }".into(),
        }],
        violation: Some(Violation {
            kind: "violated".into(),
            rule: RULE.name.to_string(),
            says: RULE.says.to_string(),
            source: RULE.source.to_string(),
            explanation: "n0 is ahead.".into(),
        }),
    }
}

#[test]
fn a_failure_comes_with_its_trace_and_the_next_step() {
    let run = observe(
        |check| {
            check.prove(Ok("two servers: exhausted 7 states".into()))?;
            let (kind, summary, trace) = (FailureKind::Violated, "n0 is ahead.".into(), Some(sample_trace()));
            check.prove(Err(Box::new(Finding { kind, rule: RULE, summary, trace })))
        },
        &patient(),
    );
    let failure = failure(&run);
    let trace = failure.trace.as_ref().expect("there is a trace");
    assert!(trace.ends_with("course/traces/testkit/a_failure_comes_with_its_trace_and_the_next_step.json"));
    let loaded = Trace::load(trace).unwrap();
    assert_eq!((loaded.stage.as_str(), loaded.check.as_str()), ("testkit", run.check.as_str()));
    assert_says(
        &run,
        &[
            "Your code breaks a rule: agreement.",
            "n0 is ahead.",
            "Two servers never disagree.",
            "Source:  Lamport 1998, section 2.1",
            "Fine so far:\n    two servers: exhausted 7 states",
            "n0",
            "cargo course replay ",
            "course/traces/testkit/a_failure_comes_with_its_trace_and_the_next_step.json",
            "book/src/1-cap/abd.md",
        ],
    );
    fs::remove_file(trace).unwrap();
}

#[test]
fn a_replayed_check_holds_the_trace() {
    if env::var_os("COURSE_RUN").is_none() {
        let name = "a_replayed_check_holds_the_trace";
        let folder = env::temp_dir().join(format!("course-replay-{}", process::id())).join("1-cap");
        let file = folder.join("recorded.json");
        sample_trace().save(&file).unwrap();
        let request = RunRequest::new(Mode::Replay { trace: file.clone() }, &folder);
        let run = supervise::run(&env::current_exe().unwrap(), name, &request, &patient());
        assert!(run.passed(), "{run:?}");

        fs::write(&file, "{").unwrap();
        let request = RunRequest::new(Mode::Replay { trace: file }, &folder);
        let run = supervise::run(&env::current_exe().unwrap(), name, &request, &patient());
        assert!(matches!(run.ending, Ending::GraderFailed { .. }), "{run:?}");
        assert_says(&run, &["ends in the middle"]);
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
        return;
    }
    check(|check| {
        let label = check.replayed().map(|trace| trace.steps[0].label.clone());
        check.requires(RULE, label.as_deref() == Some("n0 fires Election"), || format!("The trace has {label:?}."))?;
        check.evidence("followed 1 step");
        Ok(())
    });
}

/// Where a hostile body calls the test that waits for it. The name comes by the environment if the test is not the parent.
fn socket(test: &str, process: u32) -> PathBuf {
    let inherited = env::var_os("HOSTILE_SOCKET").map(PathBuf::from);
    inherited.unwrap_or_else(|| env::temp_dir().join(format!("{test}-{process}.sock")))
}

/// A hostile body that calls `socket`, so that the test knows it runs, and then spins forever. The line goes dead when the
/// process does.
fn call_and_spin(socket: &Path) -> Proven {
    println!("calling");
    let _line = UnixStream::connect(socket).unwrap();
    loop {
        black_box(());
    }
}

/// Returns when the process at the other end has ended.
fn until_dead(mut line: UnixStream) {
    line.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let read = line.read(&mut [0]);
    assert!(matches!(read, Ok(0)), "the process is still there: {read:?}");
}

#[test]
fn a_cancelled_check_ends_at_once() {
    let body = |_: &mut Check| call_and_spin(&socket("cancelled", std::os::unix::process::parent_id()));
    if env::var_os("COURSE_RUN").is_some() {
        observe(body, &patient()); // the subject has no use for the rest
    }
    let path = socket("cancelled", process::id());
    let listener = UnixListener::bind(&path).unwrap();
    let flag = Arc::new(AtomicBool::new(false));
    let limits = Limits { cancel: Some(Arc::clone(&flag)), ..patient() };
    let caller = thread::spawn(move || {
        let (line, _) = listener.accept().unwrap();
        flag.store(true, Ordering::Relaxed);
        until_dead(line);
    });
    let run = observe(body, &limits);
    assert_eq!(run.ending, Ending::Cancelled);
    assert_says(&run, &["The check was stopped before its end.", "│ calling\n"]);
    caller.join().unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn a_check_dies_with_its_supervisor() {
    let name = "a_check_dies_with_its_supervisor";
    if env::var_os("HOSTILE_SOCKET").is_some() || env::var_os("COURSE_RUN").is_some() {
        // The supervisor that is about to be killed, and below it the subject; or another test's subject, which turns back.
        let run = observe(|_| call_and_spin(&socket("", 0)), &patient());
        unreachable!("the supervisor lived on: {run:?}");
    }
    let path = socket(name, process::id());
    let listener = UnixListener::bind(&path).unwrap();
    let mut supervisor = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("HOSTILE_SOCKET", &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (line, _) = listener.accept().unwrap();
    supervisor.kill().unwrap(); // SIGKILL: it cannot tidy up
    supervisor.wait().unwrap();
    until_dead(line);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_second_check_in_one_test_is_refused() {
    let twice = || {
        let run = observe(
            |check| {
                check.evidence("done");
                Ok(())
            },
            &patient(),
        );
        assert!(run.passed(), "{run:?}");
    };
    twice();
    assert!(panic::catch_unwind(twice).is_err());
}

#[test]
#[should_panic(expected = "must be a closure in the test's own function")]
fn a_body_from_elsewhere_is_refused() {
    fn elsewhere(_: &mut Check) -> Proven {
        Ok(())
    }
    observe(elsewhere, &patient());
}
