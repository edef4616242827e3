//! A task's card: what it is worth, what to edit, how much that is, what is checked, hints one at a time, and the command that checks.

use std::fmt::Write;

use testkit::text::list;

use super::{escape, to_root};
use crate::book::address;
use crate::guide::effort::Effort;
use crate::guide::{count, worth};
use crate::manifest::{Stage, Task, sentence};

/// The card as it stands in a page that nobody serves. The server's script adds the state, and buttons.
pub fn card(stage: &Stage, task: &Task, effort: &Effort) -> String {
    let Task { id, title, files, checks, hints, .. } = task;
    let worth = worth(task);
    let mut html = format!(
        "<section class=\"task-card\" data-task=\"{id}\" aria-label=\"Task: {title}\">\n\
         <p class=\"task-head\"><span class=\"task-title\">{title}</span> <span class=\"task-worth\">{worth}</span></p>\n\
         <p class=\"task-files\">{}</p>\n{}\
         <details class=\"task-checks\"><summary>{}</summary>\n<ul>\n",
        self::files(stage, files),
        self::effort(task, effort),
        self::checks(checks.len()),
        title = escape(title),
    );
    for check in checks {
        let _ = writeln!(html, "<li data-check=\"checks::{check}\">{}</li>", escape(&sentence(check)));
    }
    html += "</ul>\n</details>\n";
    html += &self::hints(hints);
    let _ = write!(
        html,
        "<p class=\"task-command\">Check it: <code>cargo course check {id}</code></p>\n\
         <div class=\"task-live\"></div>\n</section>\n"
    );
    html
}

/// How many lines the reference has, and which tasks come before.
fn effort(task: &Task, effort: &Effort) -> String {
    let to_root = to_root(&task.page);
    let link = |task: &&Task| format!("<a href=\"{to_root}{}\">{}</a>", address(&task.page), escape(&task.title));
    let tasks: Vec<String> = effort.builds_on.iter().map(link).collect();
    let builds_on = (!tasks.is_empty()).then(|| format!("Builds on {}", list(&tasks, "")));
    let size = effort.lines().map(|lines| format!("Reference: {lines}"));
    let said: Vec<String> = size.into_iter().chain(builds_on).collect();
    if said.is_empty() { String::new() } else { format!("<p class=\"task-effort\">{}.</p>\n", said.join(". ")) }
}

/// How many checks there are, and what their order means.
fn checks(number: usize) -> String {
    let order = if number > 1 { ", in the order in which they can first pass" } else { "" };
    format!("{}{order}", count(number, "check"))
}

/// What to edit.
fn files(stage: &Stage, files: &[String]) -> String {
    if files.is_empty() {
        return "Nothing to write: what you have written runs".to_owned();
    }
    let links: Vec<_> = files.iter().map(|file| code_link(stage, file)).collect();
    format!("Edit {}", links.join(", "))
}

fn code_link(stage: &Stage, file: &str) -> String {
    let path = escape(&format!("exercises/{}/{file}", stage.id));
    format!("<code data-file=\"{path}\">{path}</code>")
}

/// Each hint stands inside the one before it, so that no reader sees more than was asked for. Hints are Markdown.
fn hints(hints: &[String]) -> String {
    let mut html = String::new();
    for (at, hint) in hints.iter().enumerate() {
        let _ = write!(
            html,
            "<details class=\"task-hint\"><summary>Hint {} of {}</summary>\n\n{}\n\n",
            at + 1,
            hints.len(),
            hint.trim()
        );
    }
    html + &"</details>\n".repeat(hints.len())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_card_tells_what_the_manifest_says() {
        let manifest = "[package]\nname = \"tiny\"\n[package.metadata.course]\nstage = \"1-tiny\"\ntitle = \"Tiny\"\n\
                        solution = \"tiny-solution\"\nsummary = \"Almost nothing.\"\nstart = \"1-tiny/README.md\"\n\
                        [[package.metadata.course.tasks]]\nid = \"one\"\ntitle = \"One < two\"\npoints = 1\n\
                        page = \"1-tiny/one.md\"\nfiles = [\"src/one.rs\"]\nchecks = [\"one::it_is_one\"]\n";
        let mut stage = Stage::parse("1-tiny", Path::new("exercises/1-tiny"), manifest).unwrap();
        stage.tasks[0].hints = ["Look at `x`.", "It is 1."].map(String::from).to_vec();
        let before =
            Stage::parse("1-tiny", Path::new("exercises/1-tiny"), &manifest.replace("One < two", "Two > one")).unwrap();
        let effort = Effort { lines: 7, builds_on: vec![&before.tasks[0]] };
        let card = card(&stage, &stage.tasks[0], &effort);
        for part in [
            "One &lt; two",
            ">1 point<",
            "<code data-file=\"exercises/1-tiny/src/one.rs\">",
            "<p class=\"task-effort\">Reference: 7 lines. Builds on <a href=\"../1-tiny/one.html\">Two &gt; one</a>.</p>",
            "<summary>1 check</summary>",
            "<li data-check=\"checks::one::it_is_one\">it is one</li>",
            "<summary>Hint 1 of 2</summary>\n\nLook at `x`.\n\n<details",
            "cargo course check one",
        ] {
            assert!(card.contains(part), "{part}\n{card}");
        }
        assert_eq!(card.matches("<details").count(), card.matches("</details>").count());
    }
}
