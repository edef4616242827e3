//! A trace as a test of the learner's own: the run that once broke a rule, taken again whenever the tests run.

use std::any;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::iter;
use std::panic;

use super::verdict::unguessable;
use super::{Limits, Mode, RunRequest, report, supervise, test_path, traces_dir};
use crate::text;
use crate::trace::{Kind, Participant, Producer, Step, StepKind, Trace, Violation};

/// Takes a run again: `steps`, in the `scope` of `check`, which once broke `rule`, if it did. It fails if the run breaks a rule with the
/// code as it is now, and passes if it does not, or cannot happen any more. `cargo course replay --as-test` writes calls of this.
pub fn replays<F: Fn()>(check: F, scope: &str, rule: &str, steps: &[&str]) {
    let _ = check; // its name is all that is needed: the check runs in a process of its own
    let path = test_path(any::type_name::<F>());
    let executable = env::current_exe().expect("a running program has a path");
    let traces = traces_dir(&executable);
    let file = env::temp_dir().join(format!("course-run-{}.json", unguessable()));
    run_of(path, scope, rule, steps).save(&file).unwrap_or_else(|error| panic!("{error}"));
    let request = RunRequest::new(Mode::Replay { trace: file.clone() }, traces);
    let run = supervise::run(&executable, path, &request, &Limits::default());
    let _ = fs::remove_file(file); // a leftover in the temporary folder does no harm
    println!("{}", report::text(&run, false));
    if !run.passed() {
        panic::resume_unwind(Box::new("the run breaks a rule")); // as a panic would, but without its message
    }
}

/// A trace with what a replay needs: the labels of its steps.
fn run_of(check: &str, scope: &str, rule: &str, steps: &[&str]) -> Trace {
    let nobody = Participant { name: "n0".to_owned(), kind: Kind::Server, state: String::new() };
    let step = |label: &&str| Step {
        label: (*label).to_owned(),
        kind: StepKind::Other,
        who: 0,
        from: None,
        message: None,
        effects: Vec::new(),
        before: String::new(),
        after: String::new(),
    };
    let trace = Trace::new(Producer::Model, vec![nobody], steps.iter().map(step).collect());
    Trace {
        check: check.to_owned(),
        scope: scope.to_owned(),
        violation: Some(Violation {
            kind: String::new(),
            rule: rule.to_owned(),
            says: String::new(),
            source: String::new(),
            explanation: String::new(),
        }),
        ..trace
    }
}

/// The text of a test that takes the run of `trace` again, with a name that `others`, the tests beside it, do not have. The check
/// sets the scene itself.
pub fn as_test(trace: &Trace, others: &str) -> String {
    let check = trace.check.rsplit("::").next().unwrap_or("check");
    let names = iter::once(format!("{check}_again")).chain((2..).map(|number| format!("{check}_again_{number}")));
    let name = names.into_iter().find(|name| !others.contains(&format!("fn {name}()"))).expect("numbers do not end");
    let steps = text::steps(trace.steps.len());
    let (about, rule) = match &trace.violation {
        Some(violation) => (format!("that broke the rule: {}", in_a_comment(&violation.rule)), violation.rule.as_str()),
        None => ("that breaks no rule so far".to_owned(), ""),
    };
    let mut text = format!("/// A run of {steps} {about}.\n#[test]\n");
    let _ = writeln!(text, "fn {name}() {{");
    let _ = writeln!(text, "    testkit::check::replays(crate::{}, {:?}, {rule:?}, &[", trace.check, trace.scope);
    for step in trace.steps.iter().skip(trace.staged) {
        let _ = writeln!(text, "        {:?},", step.label);
    }
    text + "    ]);\n}\n"
}

/// A text of a trace, which may be foreign, as it may stand in a comment of one line: a line break in it would end the comment, and what
/// follows would be code. Signs that turn the direction of writing are left out too: they show a reader other code than there is.
fn in_a_comment(text: &str) -> String {
    let is_plain = |c: &char| !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(is_plain).take(LONGEST_RULE).collect()
}

/// How many characters of a rule's name are told. Ours are far shorter.
const LONGEST_RULE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_names_the_check_the_scope_and_each_step() {
        let steps = ["c0 asks n0: Write(1)", "n0 crashes"];
        let trace = run_of("checks::abd::it_works", "two writers", "linearizability", &steps);
        assert_eq!(
            as_test(&trace, ""),
            r#"/// A run of 2 steps that broke the rule: linearizability.
#[test]
fn it_works_again() {
    testkit::check::replays(crate::checks::abd::it_works, "two writers", "linearizability", &[
        "c0 asks n0: Write(1)",
        "n0 crashes",
    ]);
}
"#
        );
    }

    #[test]
    fn a_foreign_trace_plants_no_code() {
        for break_of_line in ["\n", "\r\n", "\r", "\u{2028}", "\u{85}", "\u{b}"] {
            let evil = format!("linearizability{break_of_line}fn evil() {{}}");
            let trace = run_of("checks::abd::it_works", &evil, &evil, &[&evil]);
            let text = as_test(&trace, "");
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 7, "{text}");
            assert!(lines[0].starts_with("/// A run of 1 step that broke the rule: linearizability"), "{text}");
            assert!(!text.lines().skip(1).any(|line| line.trim_start().starts_with("fn evil")), "{text}");
            assert!(!text.contains(['\r', '\u{2028}', '\u{202e}']), "{text:?}");
        }
        assert_eq!(in_a_comment("a\u{202e}b\u{2066}c"), "abc");
        assert_eq!(in_a_comment(&"long ".repeat(1000)).len(), LONGEST_RULE);
    }

    #[test]
    fn a_test_has_a_name_of_its_own() {
        let trace = run_of("checks::abd::it_works", "two writers", "linearizability", &["n0 crashes"]);
        let name = |others: &str| as_test(&trace, others).lines().nth(2).unwrap().to_owned();
        assert_eq!(name("fn it_works() {"), "fn it_works_again() {");
        assert_eq!(name("fn it_works_again() {"), "fn it_works_again_2() {");
        assert_eq!(name("fn it_works_again() {}\nfn it_works_again_2() {}"), "fn it_works_again_3() {");
    }

    #[test]
    fn a_run_without_a_broken_rule_is_a_test_too() {
        let trace = Trace { violation: None, ..run_of("checks::abd::it_works", "two writers", "", &["n0 crashes"]) };
        let text = as_test(&trace, "");
        assert!(text.starts_with("/// A run of 1 step that breaks no rule so far.\n"), "{text}");
    }
}
