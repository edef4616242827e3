//! Audits of the book: what it links to, what it includes, and the pages that the rest of the course names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Audited, Finding, Subject};
use crate::book::build::Built;
use crate::book::includes;
use crate::book::links;
use crate::book::widgets;
use crate::commands::dev::{bugs, files};
use crate::error::Error;

/// mdBook builds the book and has nothing to say about it.
pub fn builds(subject: &Subject) -> Result<Audited, Error> {
    let built = book(subject)?;
    let finding = |complaint: &String| Finding::new(format!("mdBook: {complaint}"), "edit that page of book/src");
    let scope = format!("{} pages", built.site.pages().count());
    Ok(Audited { scope, findings: built.complaints.iter().map(finding).collect() })
}

/// No link of a page leads to nothing.
pub fn links(subject: &Subject) -> Result<Audited, Error> {
    let (followed, broken) = links::broken(&book(subject)?.site);
    let finding = |broken: links::Broken| {
        Finding::new(
            format!("{} links to `{}`: {}", broken.page, broken.link, broken.why),
            format!("edit book/src/{}", broken.page),
        )
    };
    Ok(Audited { scope: format!("{followed} links"), findings: broken.into_iter().map(finding).collect() })
}

/// No include of a page is empty.
pub fn includes(subject: &Subject) -> Result<Audited, Error> {
    let mut count = 0;
    let mut findings = Vec::new();
    for page in markdown(subject)? {
        let text = fs::read_to_string(&page).map_err(Error::io("read", &page))?;
        let folder = page.parent().unwrap_or(Path::new(""));
        for include in includes::includes(&text) {
            count += 1;
            let place = format!("{}:{}", subject.workspace.shown(&page), include.line);
            findings.extend(
                include.problem(folder).map(|why| Finding::new(format!("{place} {why}"), format!("edit {place}"))),
            );
        }
    }
    Ok(Audited { scope: format!("{count} includes"), findings })
}

/// Every page that a manifest, a check or a bug sends the learner to is in the book, and so is every page that was written.
pub fn named_pages(subject: &Subject) -> Result<Audited, Error> {
    let site = &book(subject)?.site;
    let mut named = manifest_pages(subject);
    named.extend(rule_pages(subject)?);
    named.extend(bug_pages(subject)?);
    let scope = format!("{} pages", named.len());
    let problem = |(by, page): &(String, String)| {
        links::page_problem(site, page)
            .map(|why| Finding::new(format!("{by} sends to `{page}`: {why}"), format!("edit {by}")))
    };
    let mut findings: Vec<Finding> = named.iter().filter_map(problem).collect();
    for page in unlisted(subject)?.iter().filter(|page| links::page_problem(site, page).is_some()) {
        findings.push(Finding::new(format!("book/src/{page} is not in the book"), "add it to book/src/SUMMARY.md"));
    }
    Ok(Audited { scope, findings })
}

/// A reader finds each task's card on the page that the task names.
pub fn cards(subject: &Subject) -> Result<Audited, Error> {
    let mut findings = Vec::new();
    for (_, task) in subject.course.tasks() {
        let page = task.page.split('#').next().unwrap_or_default();
        let text = fs::read_to_string(subject.workspace.book().join("src").join(page)).unwrap_or_default();
        if !widgets::has(&text, "task", &task.id) {
            let mend = format!("put `{{{{#task {}}}}}` on a line of its own into book/src/{page}", task.id);
            findings.push(Finding::new(format!("The task `{}` has no card on its page.", task.id), mend));
        }
    }
    Ok(Audited { scope: format!("{} tasks", subject.course.tasks().count()), findings })
}

/// A reader finds the known bugs of each stage on a page, and a maker which check catches which of them.
pub fn catalogues(subject: &Subject) -> Result<Audited, Error> {
    let read = |page: &PathBuf| fs::read_to_string(page).map_err(Error::io("read", page));
    let pages = markdown(subject)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut findings = Vec::new();
    for stage in &subject.course.stages {
        let shown = [("bugs", "the known bugs", &*stage.id), ("matrix", "the kill matrix", "built")];
        for (widget, what, folder) in shown {
            if !pages.iter().any(|page| widgets::has(page, widget, &stage.id)) {
                let mend = format!(
                    "put `{{{{#{widget} {}}}}}` on a line of its own into a page of book/src/{folder}",
                    stage.id
                );
                findings.push(Finding::new(format!("No page shows {what} of {}.", stage.id), mend));
            }
        }
    }
    Ok(Audited { scope: format!("{} stages", subject.course.stages.len()), findings })
}

fn book<'s>(subject: &'s Subject) -> Result<&'s Built, Error> {
    subject.book.as_ref().map_err(|why| Error::Course(why.clone()))
}

fn markdown(subject: &Subject) -> Result<Vec<PathBuf>, Error> {
    let mut pages = files::below(&subject.workspace.book().join("src"))?;
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    Ok(pages)
}

/// The pages of stages, tasks and labs, each with the file that names it.
fn manifest_pages(subject: &Subject) -> BTreeSet<(String, String)> {
    let mut pages = BTreeSet::new();
    for stage in &subject.course.stages {
        let manifest = subject.workspace.shown(&stage.folder.join("Cargo.toml")).to_string();
        let tasks = stage.tasks.iter().map(|task| &task.page);
        let all = tasks.chain(stage.labs.iter().map(|lab| &lab.page)).chain([&stage.start]);
        pages.extend(all.map(|page| (manifest.clone(), page.clone())));
    }
    pages
}

/// The pages that the rules of checks cite: texts in the checks' sources that look like one.
fn rule_pages(subject: &Subject) -> Result<Vec<(String, String)>, Error> {
    let mut pages = Vec::new();
    for stage in &subject.course.stages {
        for path in files::below(&stage.folder.join("tests"))? {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let source = subject.workspace.shown(&path).to_string();
            pages.extend(quoted_pages(&text, &stage.id).map(|page| (source.clone(), page)));
        }
    }
    Ok(pages)
}

fn quoted_pages(text: &str, stage: &str) -> impl Iterator<Item = String> {
    let start = format!("\"{stage}/");
    let starts: Vec<usize> = text.match_indices(&start).map(|(at, _)| at + 1).collect();
    let quoted = starts.into_iter().filter_map(|at| text[at..].split('"').next());
    quoted
        .filter(|page| page.ends_with(".md") || page.contains(".md#"))
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

fn bug_pages(subject: &Subject) -> Result<Vec<(String, String)>, Error> {
    let mut pages = Vec::new();
    for stage in &subject.course.stages {
        for bug in bugs::load(&subject.workspace.solution(&stage.id))? {
            if let bugs::Kind::Bug { page, .. } = bug.kind {
                pages.push((subject.workspace.shown(&bug.file).to_string(), page));
            }
        }
    }
    Ok(pages)
}

/// Every page that was written, but for those that others include.
fn unlisted(subject: &Subject) -> Result<Vec<String>, Error> {
    let book = subject.workspace.book();
    let included = includes::sources(&book);
    let root = book.join("src");
    let pages = markdown(subject)?.into_iter().filter(|page| !included.contains(page));
    let names = pages.map(|page| page.strip_prefix(&root).unwrap_or(&page).display().to_string());
    Ok(names.filter(|name| name != "SUMMARY.md").collect())
}
