//! The text of a run for the person who waits for it: what is wrong, whose mistake it is, and what to do next.

use std::env;
use std::path::Path;
use std::time::Duration;

use super::capture::Output;
use super::supervise::{Ending, Run};
use super::verdict::{Failure, FailureKind, Outcome, Verdict};
use crate::text::thousands;
use crate::trace::{Trace, terminal, wrap};

/// How many lines of the program's output are shown from its beginning, and how many from its end.
const SHOWN: (usize, usize) = (6, 14);

/// How much of a line is shown, in characters.
const WIDTH: usize = 160;

/// How wide a report is set, without its indent.
const PAGE: usize = 98;

/// How wide the labels in front of a finding are set.
const LABEL: usize = 9;

/// Signals that programs die of, by number, where Linux and macOS agree.
const SIGNALS: [(i32, &str); 6] =
    [(4, "SIGILL"), (6, "SIGABRT"), (8, "SIGFPE"), (9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM")];

/// Everything about one run; a long diagram is cut short. The caller decides about colour: a terminal, and no `NO_COLOR`.
pub fn text(run: &Run, colour: bool) -> String {
    written(run, Look { colour, whole: false })
}

/// The same with every step of the run, however many there are.
pub fn text_in_full(run: &Run, colour: bool) -> String {
    written(run, Look { colour, whole: true })
}

fn written(run: &Run, look: Look) -> String {
    let Run { check, ending, output, .. } = run;
    let headline = headline(ending);
    if let Ending::Verdict(Verdict { outcome: Outcome::Passed, evidence, .. }) = ending {
        let lines: String = evidence.iter().map(|line| format!("\n    {line}")).collect();
        return format!("{} {check}{lines}", look.green("✓"));
    }
    let mut parts = vec![format!("{} {check}\n{}", look.red("✗"), look.bold(&headline))];
    match ending {
        Ending::Verdict(Verdict { outcome: Outcome::Failed(failure), evidence, .. }) => {
            parts.extend(failed(failure, evidence, look));
        }
        ending => parts.push(advice(ending, output)),
    }
    parts.extend(printed(output, look));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// One line that says whose mistake it is, and what sort of mistake.
pub fn headline(ending: &Ending) -> String {
    match ending {
        Ending::Verdict(Verdict { outcome: Outcome::Passed, .. }) => "Your code passes.".to_owned(),
        Ending::Verdict(Verdict { outcome: Outcome::Failed(failure), .. }) => {
            let rule = &failure.rule.name;
            match failure.kind {
                FailureKind::Unwritten => "This part is not written yet.".to_owned(),
                FailureKind::Violated => format!("Your code breaks a rule: {rule}."),
                FailureKind::Unreachable => format!("Your code never gets there: {rule}."),
                FailureKind::Stuck => format!("Your code gets stuck: {rule}."),
                FailureKind::Panicked => "Your code panicked.".to_owned(),
                FailureKind::Nondeterministic => "Your code is not deterministic.".to_owned(),
                FailureKind::OutOfScope => "Your code has more states than this check can visit.".to_owned(),
            }
        }
        Ending::DidNotFinish { after } => format!("Your code did not finish within {}.", duration(*after)),
        Ending::Exited { code } => format!("Your code ended the program, with exit code {code}."),
        Ending::Aborted { signal } => format!("Your code was ended by the system: {}.", signal_name(*signal)),
        Ending::OutOfMemory { .. } => "Your code ran out of memory.".to_owned(),
        Ending::Overflowed => "Your code overflowed the stack.".to_owned(),
        Ending::Cancelled => "The check was stopped before its end.".to_owned(),
        Ending::GraderFailed { .. } => "The grader failed. This is not a mistake in your code.".to_owned(),
    }
}

/// How diagrams are drawn in reports, which tell the check and the broken rule themselves: with the indent they are 100
/// columns wide.
pub(super) fn diagram_options(colour: bool, whole: bool) -> terminal::Options {
    terminal::Options { colour, width: PAGE, framed: false, whole }
}

/// A failure that the check itself found, part by part: what was fine, the run, the finding under its last step, and what
/// to do next.
fn failed(failure: &Failure, evidence: &[String], look: Look) -> Vec<String> {
    let Failure { kind, rule, summary, trace, .. } = failure;
    let fine: String = evidence.iter().map(|line| format!("\n  {line}")).collect();
    let fine = if fine.is_empty() { fine } else { format!("Fine so far:{fine}") };
    let (here, says) = labels(*kind);
    let found = [labelled(here, summary), labelled(says, &rule.says), look.dim(&labelled("Source:", &rule.source))];
    let replay = trace.as_ref().map(|trace| format!("cargo course replay {}", short(trace))).unwrap_or_default();
    let read = match &*rule.page {
        "" => String::new(),
        page => format!("book/src/{page}, or the same page in `cargo course serve`"),
    };
    let next = [named("Replay:", &replay), named("Read:", &read)];
    let diagram = diagram(failure, look).trim_end().to_owned();
    let parts = [fine, diagram, lines(&found), kind_advice(*kind).to_owned(), lines(&next)];
    parts.map(|part| indent(&part)).into()
}

/// What the finding and its rule are called.
fn labels(kind: FailureKind) -> (&'static str, &'static str) {
    match kind {
        FailureKind::Unwritten => ("To do:", "How:"),
        FailureKind::Unreachable => ("Here:", "Wanted:"),
        _ => ("Here:", "Rule:"),
    }
}

/// Some text behind its label, in lines that fit the page. Indented lines stay indented.
fn labelled(label: &str, text: &str) -> String {
    let set = |line: &str| -> Vec<String> {
        let text = line.trim_start();
        let lead = " ".repeat(line.len() - text.len());
        wrap(text, PAGE - LABEL - lead.len().min(PAGE / 2)).iter().map(|part| format!("{lead}{part}")).collect()
    };
    named(label, &text.lines().flat_map(set).collect::<Vec<_>>().join("\n"))
}

/// Some text behind its label, line by line as it is. Without a text nothing.
fn named(label: &str, text: &str) -> String {
    let line = |(at, line): (usize, &str)| format!("{:<LABEL$}{line}", if at == 0 { label } else { "" });
    text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// The texts that are not empty, below each other.
fn lines(texts: &[String]) -> String {
    texts.iter().filter(|text| !text.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The run that shows the failure; from its trace where there is one, since only that can be drawn in colour, and whole.
fn diagram(failure: &Failure, look: Look) -> String {
    let trace = failure.trace.as_ref().filter(|_| look.colour || look.whole).and_then(|file| Trace::load(file).ok());
    trace
        .map(|trace| terminal::render(&trace, &diagram_options(look.colour, look.whole)))
        .or_else(|| failure.diagram.clone())
        .unwrap_or_default()
}

/// What helps with a sort of failure whatever the rule.
fn kind_advice(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::OutOfScope => {
            "So far no rule is broken, but that is no proof. Usual causes: a counter that grows with every message, or\n\
             a message that is sent again whenever one arrives. If you are sure that your code is right, then the\n\
             bound is too tight, which would be a mistake of the course: please report it."
        }
        _ => "",
    }
}

/// What to do about an ending without a verdict.
fn advice(ending: &Ending, output: &Output) -> String {
    let text = match ending {
        Ending::Verdict(_) => String::new(),
        Ending::DidNotFinish { .. } => "The check was stopped; it needs far less, and what other programs take of the machine does not count.\n\
             Look for a loop whose end is never reached, a lock that is taken twice, or something that waits for input."
            .to_owned(),
        Ending::Exited { .. } => "The check had not come to its end, so this is no pass, whatever the exit code. Look for\n\
             `std::process::exit`, and return from the function instead."
            .to_owned(),
        Ending::Aborted { .. } if output.text.contains("panic in a destructor") => {
            "A `Drop` panicked while an earlier panic was being handled. Rust then ends the program at once. Both panics\n\
             are in the output below: mend the first one, and let no `drop` panic."
                .to_owned()
        }
        Ending::Aborted { signal: 9 } => {
            "Something outside of the check killed it. Most likely the machine ran out of memory: close other programs\n\
             and try again, and if it happens again look for a collection that grows without end."
                .to_owned()
        }
        Ending::Aborted { .. } => {
            "The check had not come to its end. Look for `std::process::abort`, or a panic that cannot be handled.".to_owned()
        }
        Ending::OutOfMemory { limit } => format!(
            "A check may use {} of memory; it needs far less. Look for a collection that grows without end, or a\n\
             capacity that was computed wrongly (0 - 1, for instance).",
            bytes(*limit)
        ),
        Ending::Overflowed => "Look for a function that calls itself, directly or through others, without coming to an end.".to_owned(),
        Ending::Cancelled => "Nothing is known about your code from this run.".to_owned(),
        Ending::GraderFailed { why } => format!(
            "{why}\nTry once more. If it happens again, please report it with all of this text: it is a mistake of the\n\
             course or of the machine, and it costs you no points."
        ),
    };
    indent(&text)
}

/// The beginning and the end of what the program printed.
fn printed(output: &Output, look: Look) -> Option<String> {
    let lines: Vec<&str> = output.text.lines().collect();
    if lines.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let (first, last) = SHOWN;
    let cut = |line: &&str| {
        look.dim(&format!("  │ {}", line.chars().filter(|c| !c.is_control()).take(WIDTH).collect::<String>()))
    };
    let mut text = vec!["What was printed:".to_owned()];
    if lines.len() <= first + last {
        text.extend(lines.iter().map(cut));
    } else {
        text.extend(lines[..first].iter().map(cut));
        text.push(look.dim(&format!("  … {} more lines …", thousands(output.lines.saturating_sub(first + last)))));
        text.extend(lines[lines.len() - last..].iter().map(cut));
    }
    Some(indent(&text.join("\n")))
}

/// ANSI colours, or none; the whole run, or an excerpt where it is long.
#[derive(Clone, Copy)]
struct Look {
    colour: bool,
    whole: bool,
}

impl Look {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

fn indent(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A path as one would type it here.
fn short(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}

fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

fn bytes(count: u64) -> String {
    if count >= 1 << 30 { format!("{} GiB", count >> 30) } else { format!("{} MiB", count >> 20) }
}

fn signal_name(number: i32) -> String {
    let known = SIGNALS.iter().find(|(signal, _)| *signal == number);
    known.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Rule;

    const RULE: Rule =
        Rule::new("agreement", "Two servers never disagree.", "Lamport 1998, section 2.1", "1-cap/abd.md");

    fn run(ending: Ending, printed: &str) -> Run {
        let output = Output { text: printed.into(), lines: printed.lines().count() };
        Run { check: "checks::abd::it_works".into(), ending, output, took: Duration::from_secs(1) }
    }

    fn verdict(outcome: Outcome, evidence: &[&str]) -> Ending {
        let evidence = evidence.iter().map(|&line| line.into()).collect();
        Ending::Verdict(Verdict {
            version: 1,
            nonce: "n".into(),
            check: "checks::abd::it_works".into(),
            outcome,
            evidence,
        })
    }

    fn failure(kind: FailureKind) -> Failure {
        let diagram = Some("n0 ──▶ n1\n".into());
        Failure { kind, rule: RULE, summary: "n0 and n1 disagree.".into(), trace: Some("t/it.json".into()), diagram }
    }

    #[test]
    fn a_pass_shows_what_was_proven() {
        let run = run(verdict(Outcome::Passed, &["one writer: exhausted 12 states"]), "hello\n");
        assert_eq!(text(&run, false), "✓ checks::abd::it_works\n    one writer: exhausted 12 states");
    }

    #[test]
    fn a_failure_says_what_broke_where_it_comes_from_and_what_to_do() {
        let failed = Outcome::Failed(Box::new(failure(FailureKind::Violated)));
        let run = run(verdict(failed, &["one writer: exhausted 12 states"]), "hello\n");
        let expected = "\
✗ checks::abd::it_works
Your code breaks a rule: agreement.

  Fine so far:
    one writer: exhausted 12 states

  n0 ──▶ n1

  Here:    n0 and n1 disagree.
  Rule:    Two servers never disagree.
  Source:  Lamport 1998, section 2.1

  Replay:  cargo course replay t/it.json
  Read:    book/src/1-cap/abd.md, or the same page in `cargo course serve`

  What was printed:
    │ hello
";
        assert_eq!(text(&run, false), expected);
    }

    #[test]
    fn every_report_says_whose_mistake_it_is() {
        use FailureKind::*;
        let kinds = [Unwritten, Violated, Unreachable, Stuck, Panicked, Nondeterministic, OutOfScope];
        let verdicts = kinds.map(|kind| verdict(Outcome::Failed(Box::new(failure(kind))), &[]));
        let others = [
            Ending::DidNotFinish { after: Duration::from_secs(120) },
            Ending::Exited { code: 0 },
            Ending::Aborted { signal: 6 },
            Ending::Aborted { signal: 9 },
            Ending::OutOfMemory { limit: 4 << 30 },
            Ending::Overflowed,
        ];
        for ending in verdicts.into_iter().chain(others) {
            let headline = headline(&ending);
            assert!(
                headline.starts_with("Your code") || headline.starts_with("This part is not written"),
                "{headline}"
            );
        }
        let ours = Ending::GraderFailed { why: "The disk is full.".into() };
        let text = text(&run(ours, ""), false);
        assert!(
            text.contains("The grader failed. This is not a mistake in your code.\n\n  The disk is full.\n"),
            "{text}"
        );
    }

    #[test]
    fn what_was_printed_is_harmless_and_short() {
        let long: String = (1..=1000).map(|line| format!("line {line} \x1b[2J{}\n", "x".repeat(1000))).collect();
        let text = text(&run(Ending::Overflowed, &long), false);
        assert!(!text.contains('\x1b'), "{text}");
        assert!(text.contains("… 980 more lines …"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 170), "{text}");
    }

    #[test]
    fn colour_is_the_callers_choice() {
        let failed = || verdict(Outcome::Failed(Box::new(failure(FailureKind::Violated))), &[]);
        assert!(!text(&run(failed(), "hello\n"), false).contains('\x1b'));
        let coloured = text(&run(failed(), "hello\n"), true);
        assert!(coloured.contains("\x1b[1;31m✗\x1b[0m"), "{coloured}");
        assert!(coloured.contains("n0 ──▶ n1"), "without a trace the plain diagram stays: {coloured}");
    }
}
