//! Questions: predict before you code, and self-check.
//!
//! A file of questions has mdbook-quiz's format (<https://docs.rs/crate/mdbook-quiz>, its README and its schema), with what that
//! lacks: a word for each wrong answer, a tolerance for numbers, steps to put in order, and questions for oneself.
//!
//! ```toml
//! [[questions]]
//! id = "majority-of-four"
//! type = "ShortAnswer"
//! prompt.prompt = "How many of four servers are a majority?"
//! prompt.response = "numeric"
//! answer.answer = "3"
//! wrong = [{ answer = "2", why = "Two and the other two would both be one." }]
//! why = "More than half."
//! context = "Two majorities share a server."
//! ```

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::escape;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quiz {
    questions: Vec<Question>,
}

/// A question. What may stand in it depends on its type; [`Question::kind`] sorts it out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// Stable, and unique in its file: answers are kept under it.
    id: String,
    r#type: Type,
    prompt: Prompt,
    answer: Option<Answer>,
    /// Wrong numbers that many would give, each with what it overlooks.
    #[serde(default)]
    wrong: Vec<Wrong>,
    /// What is said to any other wrong answer.
    why: Option<String>,
    /// Why the right answer is right.
    context: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Type {
    /// One right answer, or several.
    MultipleChoice,
    /// A number.
    ShortAnswer,
    /// Steps.
    Order,
    /// An answer that nobody checks but the reader.
    Recall,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompt {
    prompt: String,
    #[serde(default)]
    distractors: Vec<Distractor>,
    response: Option<Response>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Response {
    Numeric,
}

/// A wrong choice, with or without a word to whoever chooses it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Distractor {
    Plain(String),
    Explained { text: String, why: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    answer: OneOrMore,
    /// By how much a number may be off.
    #[serde(default)]
    tolerance: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    answer: String,
    why: String,
}

/// A question by its type, with what that type needs.
enum Kind<'q> {
    Choice { right: Vec<&'q str>, several: bool },
    Number { right: f64, tolerance: f64 },
    Order { steps: &'q [String] },
    Recall,
}

/// The questions of a file in a page's folder as HTML. The error is a sentence.
pub fn load(folder: &Path, name: &str) -> Result<String, String> {
    let text = fs::read_to_string(folder.join(name)).map_err(|error| format!("{name} cannot be read: {error}."))?;
    html(name, &text).map_err(|why| format!("{name} {why}"))
}

/// The questions as HTML. The error is what is wrong with the file, behind its name.
fn html(name: &str, text: &str) -> Result<String, String> {
    let quiz: Quiz = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("has a mistake in line {line}: {}.", error.message())
    })?;
    let mut ids = BTreeSet::new();
    let name = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".toml");
    let mut html = format!("<section class=\"quiz\" data-quiz=\"{}\" aria-label=\"Questions\">\n", escape(name));
    for (number, question) in (1..).zip(&quiz.questions) {
        if !ids.insert(&question.id) {
            return Err(format!("has two questions with the id `{}`.", question.id));
        }
        let kind = question.kind().map_err(|why| format!("has a question `{}` that {why}.", question.id))?;
        html += &question.html(number, &kind);
    }
    Ok(html + "</section>\n")
}

impl Question {
    fn kind(&self) -> Result<Kind<'_>, &'static str> {
        let answers: &[String] = match &self.answer {
            None => &[],
            Some(Answer { answer: OneOrMore::One(one), .. }) => std::slice::from_ref(one),
            Some(Answer { answer: OneOrMore::More(more), .. }) => more,
        };
        let several = matches!(&self.answer, Some(Answer { answer: OneOrMore::More(_), .. }));
        match self.r#type {
            Type::MultipleChoice if answers.is_empty() || self.prompt.distractors.is_empty() => {
                Err("needs a right answer and a wrong one")
            }
            Type::MultipleChoice => Ok(Kind::Choice { right: answers.iter().map(String::as_str).collect(), several }),
            Type::ShortAnswer if self.prompt.response != Some(Response::Numeric) => {
                Err("has no `prompt.response = \"numeric\"`, and only numbers can be judged")
            }
            Type::ShortAnswer => match (answers, self.why.is_some()) {
                ([number], true) => {
                    let right = number.parse().map_err(|_| "has an answer that is no number")?;
                    Ok(Kind::Number { right, tolerance: self.answer.as_ref().map_or(0.0, |answer| answer.tolerance) })
                }
                _ => Err("needs one number as its answer, and a `why` for the wrong ones"),
            },
            Type::Order if answers.len() < 3 || self.why.is_none() => {
                Err("needs at least three steps, and a `why` for a wrong order")
            }
            Type::Order => Ok(Kind::Order { steps: answers }),
            Type::Recall if answers.is_empty() => Ok(Kind::Recall),
            Type::Recall => Err("is for the reader alone, but has an answer: put it into `context`"),
        }
    }

    fn html(&self, number: usize, kind: &Kind) -> String {
        let mut html = format!("<div class=\"question\" data-id=\"{}\"", escape(&self.id));
        let attributes = match kind {
            Kind::Choice { several: false, .. } => " data-type=\"one\"".to_owned(),
            Kind::Choice { several: true, .. } => " data-type=\"several\"".to_owned(),
            Kind::Number { right, tolerance } => {
                format!(" data-type=\"number\" data-right=\"{right}\" data-tolerance=\"{tolerance}\"")
            }
            Kind::Order { .. } => " data-type=\"order\"".to_owned(),
            Kind::Recall => " data-type=\"recall\"".to_owned(),
        };
        let _ = write!(
            html,
            "{attributes}>\n<p class=\"question-number\">Question {number}</p>\n<div class=\"prompt\">\n\n{}\n\n</div>\n",
            self.prompt.prompt.trim()
        );
        if matches!(kind, Kind::Choice { several: true, .. }) {
            html += "<p class=\"quiz-hint\">Choose all that apply.</p>\n";
        }
        html += &self.choices(kind);
        html += "<details class=\"explanation\"><summary>Answer</summary>\n\n";
        html += &self.answer(kind);
        let _ = write!(html, "<div class=\"context\">\n\n{}\n\n</div>\n</details>\n</div>\n", self.context.trim());
        html
    }

    /// What there is to choose from, or to put in order, in an order that does not give the answer away.
    fn choices(&self, kind: &Kind) -> String {
        let mut choices: Vec<(&str, String)> = match kind {
            Kind::Choice { right, .. } => {
                let wrong = self.prompt.distractors.iter().map(|wrong| (wrong.text(), String::new()));
                right.iter().map(|text| (*text, " data-right".to_owned())).chain(wrong).collect()
            }
            Kind::Order { steps } => {
                let placed =
                    steps.iter().zip(1..).map(|(step, place)| (step.as_str(), format!(" data-place=\"{place}\"")));
                placed.collect()
            }
            Kind::Number { .. } | Kind::Recall => return String::new(),
        };
        let given = choices.clone();
        choices.sort_by_key(|(text, _)| shuffled(&self.id, text));
        if matches!(kind, Kind::Order { .. }) && choices == given {
            choices.rotate_left(1); // or the steps would stand in the right order from the start
        }
        let choice = |(text, attributes): &(&str, String)| {
            let why = self.prompt.distractors.iter().find(|wrong| wrong.text() == *text).and_then(Distractor::why);
            let why = why.map_or(String::new(), |why| format!("<div class=\"why\">\n\n{}\n\n</div>\n", why.trim()));
            format!("<li{attributes}>\n<div class=\"choice\">\n\n{}\n\n</div>\n{why}</li>\n", text.trim())
        };
        format!("<ul class=\"choices\">\n{}</ul>\n", choices.iter().map(choice).collect::<String>())
    }

    /// The right answer, for whoever opens it, and what there is to say to wrong ones.
    fn answer(&self, kind: &Kind) -> String {
        let right = match kind {
            Kind::Choice { right, .. } => right.iter().map(|text| format!("- {}\n", text.trim())).collect(),
            Kind::Number { right, tolerance: 0.0 } => format!("{right}\n"),
            Kind::Number { right, tolerance } => format!("{right}, give or take {tolerance}\n"),
            Kind::Order { steps } => steps.iter().map(|step| format!("1. {}\n", step.trim())).collect(),
            Kind::Recall => String::new(),
        };
        let mut html = match right.as_str() {
            "" => String::new(),
            right => format!("<div class=\"right\">\n\n{right}\n</div>\n"),
        };
        for Wrong { answer, why } in &self.wrong {
            let _ =
                write!(html, "<div class=\"why\" data-answer=\"{}\">\n\n{}\n\n</div>\n", escape(answer), why.trim());
        }
        if let Some(why) = &self.why {
            let _ = write!(html, "<div class=\"why\" data-otherwise>\n\n{}\n\n</div>\n", why.trim());
        }
        html
    }
}

impl Distractor {
    fn text(&self) -> &str {
        match self {
            Distractor::Plain(text) | Distractor::Explained { text, .. } => text,
        }
    }

    fn why(&self) -> Option<&str> {
        match self {
            Distractor::Plain(_) => None,
            Distractor::Explained { why, .. } => Some(why),
        }
    }
}

/// A place that has nothing to do with what is right, and is the same in every build.
fn shuffled(id: &str, text: &str) -> [u8; 32] {
    Sha256::new().chain_update(id).chain_update(text).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::html;

    const GOOD: &str = r#"
[[questions]]
id = "which"
type = "MultipleChoice"
prompt.prompt = "Which?"
prompt.distractors = ["this one", { text = "that `one`", why = "It is not." }]
answer.answer = "the other"
context = "Because."

[[questions]]
id = "how-many"
type = "ShortAnswer"
prompt.prompt = "How many?"
prompt.response = "numeric"
answer.answer = "7"
wrong = [{ answer = "6", why = "One more." }]
why = "Count again."
context = "Seven."

[[questions]]
id = "order"
type = "Order"
prompt.prompt = "In which order?"
answer.answer = ["save", "send", "wait"]
why = "A crash between the two."
context = "Save first."

[[questions]]
id = "think"
type = "Recall"
prompt.prompt = "Why?"
context = "So."
"#;

    #[test]
    fn each_type_of_question_has_what_a_script_and_a_reader_without_one_need() {
        let html = html("quizzes/a.predict.toml", GOOD).unwrap();
        for part in [
            "data-quiz=\"a.predict\"",
            "data-id=\"which\" data-type=\"one\"",
            "<li data-right>\n<div class=\"choice\">\n\nthe other\n",
            "<li>\n<div class=\"choice\">\n\nthat `one`\n\n</div>\n<div class=\"why\">\n\nIt is not.\n",
            "data-type=\"number\" data-right=\"7\" data-tolerance=\"0\"",
            "<div class=\"why\" data-answer=\"6\">\n\nOne more.",
            "<div class=\"why\" data-otherwise>\n\nCount again.",
            "<li data-place=\"2\">\n<div class=\"choice\">\n\nsend\n",
            "1. save\n1. send\n1. wait\n",
            "data-id=\"think\" data-type=\"recall\"",
            "<div class=\"context\">\n\nBecause.\n",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        for element in ["div", "ul", "li", "details", "section"] {
            let opened = html.matches(&format!("<{element}")).count();
            assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "{element}");
        }
    }

    #[test]
    fn who_may_choose_several_is_told() {
        let several = GOOD.replace("\"the other\"", "[\"the other\", \"a third\"]");
        let hints = |text: &str| html("q.toml", text).unwrap().matches("Choose all that apply.").count();
        assert_eq!((hints(GOOD), hints(&several)), (0, 1));
    }

    #[test]
    fn a_file_with_a_mistake_is_refused_with_a_sentence() {
        for (from, to, complaint) in [
            ("id = \"order\"", "id = \"which\"", "has two questions with the id `which`."),
            ("\"7\"", "\"seven\"", "has a question `how-many` that has an answer that is no number."),
            ("why = \"Count again.\"\n", "", "needs one number as its answer, and a `why` for the wrong ones."),
            ("\"save\", \"send\", \"wait\"", "\"save\", \"send\"", "needs at least three steps"),
            ("prompt.response = \"numeric\"\n", "", "only numbers can be judged"),
            ("type = \"Order\"", "type = \"Ordre\"", "has a mistake in line 22: unknown variant `Ordre`"),
            ("context = \"So.\"", "contxt = \"So.\"", "has a mistake in line 32"),
            (
                "answer.answer = \"the other\"\n",
                "",
                "has a question `which` that needs a right answer and a wrong one.",
            ),
        ] {
            let error = html("a.toml", &GOOD.replacen(from, to, 1)).expect_err(complaint);
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn steps_are_never_shown_in_the_right_order() {
        for number in 0..100 {
            let text = GOOD.replace("id = \"order\"", &format!("id = \"order-{number}\""));
            let html = html("q.toml", &text).unwrap();
            let places: Vec<_> = html.split("data-place=\"").skip(1).map(|rest| &rest[..1]).collect();
            assert_eq!(places.len(), 3, "{html}");
            assert_ne!(places, ["1", "2", "3"], "order-{number}");
        }
    }
}
