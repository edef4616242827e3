//! The format on disk.

use std::fs;
use std::path::PathBuf;

use super::{Trace, TraceError, samples};

/// A path for one test's file.
fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("testkit-trace-{}-{name}", std::process::id()))
}

/// What loading `text` from a file says.
fn loading(name: &str, text: &str) -> Result<Trace, TraceError> {
    let path = file(name);
    fs::write(&path, text).expect("the folder for temporary files can be written");
    let loaded = Trace::load(&path);
    fs::remove_file(&path).expect("the file was just written");
    loaded
}

fn sample_text() -> String {
    serde_json::to_string(&samples::crash()).expect("a trace has only strings and numbers")
}

#[test]
fn what_is_saved_is_loaded() {
    for (name, trace) in samples::all() {
        let path = file("round-trip").join(name);
        trace.save(&path).expect("the folder for temporary files can be written");
        assert_eq!(Trace::load(&path), Ok(trace));
        fs::remove_file(&path).expect("the file was just written");
    }
    fs::remove_dir(file("round-trip")).expect("the folder is empty again");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Trace::load(&file("nothing")).expect_err("there is no such file");
    assert!(matches!(error, TraceError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("cargo course check"), "{error}");
}

#[test]
fn a_file_that_ends_in_the_middle_is_told_from_one_that_is_something_else() {
    let text = sample_text();
    for cut in [0, 1, text.len() / 2, text.len() - 1] {
        let error = loading("cut", &text[..cut]).expect_err("the end is missing");
        assert!(matches!(error, TraceError::Truncated { .. }), "cut at {cut}: {error}");
    }
    let lost = text.replacen("\"who\":1", "\"who\":17", 1);
    for other in ["fn main() {}", "[1, 2]", "{}", "{\"version\": \"one\"}", "{\"version\": 1, \"steps\": []}", &lost] {
        let error = loading("other", other).expect_err("not a trace");
        assert!(matches!(error, TraceError::NotATrace { .. }), "{other}: {error}");
    }
}

#[test]
fn another_version_is_refused_with_advice() {
    for (version, advice) in [("0", "Make it again"), ("2", "Update the course"), ("4294967297", "Update the course")] {
        let text = sample_text().replacen("\"version\":1", &format!("\"version\":{version}"), 1);
        let error = loading(version, &text).expect_err("another version");
        assert!(matches!(error, TraceError::Version { .. }), "{error}");
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[test]
fn a_trace_belongs_to_its_check() {
    let trace = samples::abd();
    assert_eq!(trace.expect_check("1-cap", "checks::abd::every_history_is_linearizable"), Ok(()));
    for (stage, check) in [("2-failures", "checks::abd::every_history_is_linearizable"), ("1-cap", "checks::lww::x")] {
        let error = trace.expect_check(stage, check).expect_err("another check");
        assert!(error.to_string().contains(check), "{error}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let path = PathBuf::from("/dev/null/trace.json");
    let error = samples::abd().save(&path).expect_err("a file is no folder");
    assert!(error.to_string().contains("/dev/null/trace.json"), "{error}");
}
