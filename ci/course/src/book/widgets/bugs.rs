//! The known bugs of a stage, as a reader meets them: what their authors believed, who was seen to believe it, and the shortest run that
//! shows what comes of it.
//!
//! All of it comes from `solutions/N/bugs`: the patches' preambles, and the [recorded runs](figures). A stage's catalogue has every bug; below
//! [*What goes wrong*](super::fold), each section has those whose patches name it as their page. Neither tells how a bug looks in the code,
//! since readers meet them before they have written theirs. A run is loaded when its bug is opened.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{escape, to_root};
use crate::book::markdown::{headings, inline};
use crate::commands::dev::bugs::figures::{self, NoRun, Without};
use crate::commands::dev::bugs::{self, Kind};
use crate::error::Error;
use crate::guide::count;
use crate::manifest::{Course, Stage, Task};
use crate::workspace::Workspace;

/// The bugs of all stages.
pub struct Bugs(Vec<Bug>);

struct Bug {
    name: String,
    misconception: String,
    who: String,
    /// The systems that had it.
    seen: Vec<String>,
    /// The section that explains it, as `1-cap/abd.md#no-write-back`.
    page: String,
    /// The task whose check has to catch it, by its id.
    task: String,
    run: Run,
}

enum Run {
    /// The file, below the book's root.
    Recorded(String),
    /// Why there is none, if that is known.
    None(Option<NoRun>),
}

/// The section of a page that explains a bug.
struct Section {
    title: String,
    /// Where it is: first the sections of the task's own page, in their order.
    place: (bool, String, usize),
}

impl Bugs {
    /// Reads the bugs of all stages.
    pub fn load(workspace: &Workspace, course: &Course) -> Result<Self, Error> {
        let mut all = Vec::new();
        for stage in &course.stages {
            let without_run = Without::load(workspace, stage)?;
            for mutant in bugs::load(&workspace.solution(&stage.id))? {
                let Kind::Bug { misconception, who, seen, page, caught_by } = mutant.kind else { continue };
                let task =
                    caught_by.first().and_then(|check| stage.tasks.iter().find(|task| task.checks.contains(check)));
                let run = if figures::file(workspace, stage, &mutant.name).is_file() {
                    Run::Recorded(format!("{}/traces/{}.json", stage.id, mutant.name))
                } else {
                    Run::None(without_run.reason(&mutant.name))
                };
                let task = task.map_or_else(String::new, |task| task.id.clone());
                all.push(Bug { name: mutant.name, misconception, who, seen, page, task, run });
            }
        }
        Ok(Self(all))
    }

    /// The bugs that a section of a page explains, as HTML: nothing, if there are none.
    pub fn of_section(&self, page: &str, id: &str) -> String {
        let here = format!("{page}#{id}");
        let mut bugs: Vec<&Bug> = self.0.iter().filter(|bug| bug.page == here).collect();
        if bugs.is_empty() {
            return String::new();
        }
        seen_first(&mut bugs);
        let html: String = bugs.iter().map(|bug| bug.html(page, None)).collect();
        format!("Programs that had it, each with the shortest run that shows it:\n\n{html}")
    }

    /// The catalogue of a stage, as Markdown with HTML in it, for a page of the stage. `text` gives the Markdown of a page.
    pub fn catalogue(&self, stage: &Stage, page: &str, text: impl Fn(&str) -> String) -> String {
        let of = |task: &Task| self.0.iter().filter(|bug| bug.task == task.id).collect::<Vec<_>>();
        let tasks: Vec<(&Task, Vec<&Bug>)> =
            stage.tasks.iter().map(|task| (task, of(task))).filter(|(_, bugs)| !bugs.is_empty()).collect();
        let all: Vec<&Bug> = tasks.iter().flat_map(|(_, bugs)| bugs).copied().collect();
        let mut sections = Sections { text, known: BTreeMap::new() };
        let mut html = occurrences(&all);
        for (task, bugs) in tasks {
            let _ = write!(html, "\n## {} {{#{}}}\n\n", task.title, task.id);
            html += &grouped(task, bugs, page, &mut sections);
        }
        html
    }
}

/// How many bugs there are, and which systems had some of them.
fn occurrences(bugs: &[&Bug]) -> String {
    let seen = bugs.iter().filter(|bug| !bug.seen.is_empty()).count();
    let mut text = format!("There are {} here", count(bugs.len(), "bug"));
    if seen == 0 {
        return text + ".\n";
    }
    let mut systems: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for bug in bugs {
        bug.seen.iter().for_each(|name| systems.entry((name.to_lowercase(), name)).or_default().push(&bug.name));
    }
    let _ = write!(text, ", and {seen} of them were seen in real systems:\n\n<ul class=\"bug-systems\">\n");
    for ((_, system), names) in systems {
        let system = escape(system);
        let link = |(number, name): (usize, &&str)| {
            format!("<a href=\"#{name}\" aria-label=\"Bug {number} of {system}\">{number}</a>")
        };
        let links: Vec<String> = (1..).zip(&names).map(link).collect();
        let _ = writeln!(text, "<li>{system} {}</li>", links.join(" "));
    }
    text + "</ul>\n"
}

/// The bugs of a task, by the sections that explain them.
fn grouped(task: &Task, bugs: Vec<&Bug>, page: &str, sections: &mut Sections<impl Fn(&str) -> String>) -> String {
    let mut groups: Vec<(Section, &str, Vec<&Bug>)> = Vec::new();
    for bug in bugs {
        match groups.iter_mut().find(|(_, page, _)| *page == bug.page) {
            Some((_, _, group)) => group.push(bug),
            None => groups.push((sections.of(task, &bug.page), &bug.page, vec![bug])),
        }
    }
    groups.sort_by(|one, other| one.0.place.cmp(&other.0.place));
    let mut html = String::new();
    for (section, explained, mut group) in groups {
        seen_first(&mut group);
        let _ = write!(
            html,
            "<h3 class=\"bug-section\">{} <a href=\"{}{explained}\">Explained here</a></h3>\n\n",
            inline(&section.title),
            to_root(page)
        );
        html.extend(group.iter().map(|bug| bug.html(page, Some(&bug.name))));
    }
    html
}

fn seen_first(bugs: &mut [&Bug]) {
    bugs.sort_by_key(|bug| bug.seen.is_empty());
}

/// Sections of pages, each page read once.
struct Sections<T> {
    text: T,
    known: BTreeMap<String, Vec<(String, String)>>,
}

impl<T: Fn(&str) -> String> Sections<T> {
    /// The section that is named as `1-cap/abd.md#no-write-back`. An id that is on no heading, such as a figure's, means its page.
    fn of(&mut self, task: &Task, named: &str) -> Section {
        let (page, id) = named.split_once('#').unwrap_or((named, ""));
        let read = || headings(&(self.text)(page)).into_iter().map(|heading| (heading.id, heading.title)).collect();
        let known = self.known.entry(page.to_owned()).or_insert_with(read);
        let line = known.iter().position(|(known, _)| known == id);
        let title = known.get(line.unwrap_or(0)).map_or(page, |(_, title)| title).to_owned();
        let is_elsewhere = task.page.split('#').next() != Some(page);
        Section { title, place: (is_elsewhere, page.to_owned(), line.unwrap_or(0)) }
    }
}

impl Bug {
    /// The bug, to open. No line of its HTML is blank but those around its Markdown.
    fn html(&self, page: &str, id: Option<&str>) -> String {
        let id = id.map_or(String::new(), |id| format!(" id=\"{id}\""));
        format!(
            "<details class=\"bug\"{id}>\n<summary>{}{}</summary>\n\n{}\n\n{}\n</details>\n\n",
            inline(&self.misconception),
            self.mark(),
            linked(&self.who),
            self.run(page)
        )
    }

    /// That it was seen in real systems.
    fn mark(&self) -> String {
        let systems = match &self.seen[..] {
            [] => return String::new(),
            [one] => escape(one),
            [one, other] => escape(&format!("{one} and {other}")),
            more => format!("{} systems", more.len()),
        };
        format!(" <span class=\"bug-seen\">Seen in {systems}</span>")
    }

    fn run(&self, page: &str) -> String {
        let why = match &self.run {
            Run::Recorded(file) => {
                let file = format!("{}{file}", to_root(page));
                return format!("<p class=\"run\"><a href=\"{file}\">The shortest run that shows it, as a file</a></p>");
            }
            Run::None(None) => "No run of it is recorded yet.".to_owned(),
            Run::None(Some(NoRun::NotNeeded)) => "It shows without a run: a check counts, measures or compares.".to_owned(),
            Run::None(Some(NoRun::RealTime)) => {
                "It shows in real processes, which never run the same way twice. Your own runs are drawn when its check fails.".to_owned()
            }
            Run::None(Some(NoRun::Nondeterministic)) => "It shows when the same run goes differently a second time.".to_owned(),
            Run::None(Some(NoRun::TooLong(steps))) => format!("Its shortest run has {steps} steps, which is too long to step through."),
        };
        format!("<p class=\"run-none\">{why}</p>")
    }
}

/// The text with a link for each issue and pull request that it names as `owner/repository issue 7`.
fn linked(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let mut at = 0;
    while at < words.len() {
        if let Some((end, link)) = reference(&words[at..]) {
            words.splice(at..at + end, [link]);
        }
        at += 1;
    }
    words.join(" ")
}

/// The link for the words that name an issue or a pull request, and how many these are.
fn reference(words: &[String]) -> Option<(usize, String)> {
    let (length, kind) = match words.get(1)?.as_str() {
        "issue" => (3, "issues"),
        "pull" if words.get(2)? == "request" => (4, "pull"),
        _ => return None,
    };
    let repository = words[0].trim_start_matches('(');
    let (owner, name) = repository.split_once('/')?;
    let is_name =
        |part: &str| !part.is_empty() && part.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_.".contains(sign));
    let last = words.get(length - 1)?;
    let number = &last[..last.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(last.len())];
    if !is_name(owner) || !is_name(name) || number.is_empty() {
        return None;
    }
    let before = &words[0][..words[0].len() - repository.len()];
    let kind_in_words = words[1..length - 1].join(" ");
    let after = &last[number.len()..];
    let link = format!(
        "{before}[{repository} {kind_in_words} {number}](https://github.com/{repository}/{kind}/{number}){after}"
    );
    Some((length, link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dev::bugs::matrix::samples::stage;

    fn bug(name: &str, task: &str, page: &str, seen: &[&str]) -> Bug {
        Bug {
            name: name.into(),
            misconception: format!("The belief of `{name}`."),
            who: format!("Seen in {}.", seen.join(", ")),
            seen: seen.iter().map(ToString::to_string).collect(),
            page: page.into(),
            task: task.into(),
            run: Run::Recorded(format!("1-cap/traces/{name}.json")),
        }
    }

    fn bugs() -> Bugs {
        let silent =
            Bug { run: Run::None(Some(NoRun::TooLong(1366))), ..bug("loops", "server", "1-cap/server.md#figure", &[]) };
        Bugs(vec![
            bug("later", "abd", "1-cap/abd.md#second", &["tikv/tikv", "etcd"]),
            bug("elsewhere", "abd", "1-cap/README.md#other", &["etcd"]),
            bug("a-slip", "abd", "1-cap/abd.md#first", &[]),
            bug("famous", "abd", "1-cap/abd.md#first", &["a", "b", "c"]),
            silent,
        ])
    }

    fn text(page: &str) -> String {
        let text = match page {
            "1-cap/abd.md" => "# ABD\n\n### One `way` {#first}\n\n### Two {#second}\n",
            "1-cap/README.md" => "# CAP\n\n## Other\n",
            _ => "# Servers\n",
        };
        text.to_owned()
    }

    #[test]
    fn a_catalogue_goes_by_task_and_section_and_begins_with_what_was_seen() {
        let catalogue = bugs().catalogue(&stage(), "1-cap/bugs.md", text);
        let parts = [
            "There are 5 bugs here, and 3 of them were seen in real systems:\n",
            "<li>etcd <a href=\"#later\" aria-label=\"Bug 1 of etcd\">1</a> <a href=\"#elsewhere\" aria-label=\"Bug 2 of etcd\">2</a></li>",
            "## The register {#abd}\n",
            "<h3 class=\"bug-section\">One <code>way</code> <a href=\"../1-cap/abd.md#first\">Explained here</a></h3>",
            "<details class=\"bug\" id=\"famous\">\n<summary>The belief of <code>famous</code>. <span class=\"bug-seen\">Seen in 3 systems</span></summary>",
            "<a href=\"../1-cap/traces/famous.json\">",
            "id=\"a-slip\"",
            "<h3 class=\"bug-section\">Two <a href=\"../1-cap/abd.md#second\">Explained here</a></h3>",
            "Seen in tikv/tikv and etcd</span>",
            "<h3 class=\"bug-section\">Other <a",
            "## Servers & clients {#server}\n",
            "<h3 class=\"bug-section\">Servers <a href=\"../1-cap/server.md#figure\">",
            "Its shortest run has 1366 steps",
        ];
        let mut rest = catalogue.as_str();
        for part in parts {
            let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part}\n{catalogue}"));
            rest = after;
        }
    }

    #[test]
    fn a_section_has_its_bugs_and_no_ids_of_theirs() {
        let section = bugs().of_section("1-cap/abd.md", "first");
        assert!(section.find("famous").unwrap() < section.find("a-slip").unwrap(), "{section}");
        assert!(!section.contains(" id=") && section.matches("<details").count() == 2, "{section}");
        assert_eq!(bugs().of_section("1-cap/abd.md", "third"), "");
        assert_eq!(bugs().of_section("abd.md", "first"), "");
    }

    #[test]
    fn issues_and_pull_requests_become_links() {
        let cases = [
            (
                "See tikv/tikv issue 994: \"we\".",
                "See [tikv/tikv issue 994](https://github.com/tikv/tikv/issues/994): \"we\".",
            ),
            (
                "(eBay/NuRaft issue 2, a-b/c.d pull request 31)",
                "([eBay/NuRaft issue 2](https://github.com/eBay/NuRaft/issues/2), [a-b/c.d pull request 31](https://github.com/a-b/c.d/pull/31))",
            ),
            ("an issue 7, and/or issue none, a/b pull 7", "an issue 7, and/or issue none, a/b pull 7"),
        ];
        for (text, expected) in cases {
            assert_eq!(linked(text), expected);
        }
    }
}
