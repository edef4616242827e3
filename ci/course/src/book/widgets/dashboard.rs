//! The dashboard: all stages with their tasks. The server's script adds what the reader has done, or what a submission's report says.

use std::fmt::Write;

use super::escape;
use crate::book::address;
use crate::guide::pages::{Page, Pages};
use crate::guide::points;
use crate::manifest::{Course, PLAN, Stage, Task};

/// The dashboard as it stands in a page that nobody serves: the course's plan.
pub fn html(course: &Course, pages: &Pages) -> String {
    let mut html = "<div class=\"dashboard\">\n<div class=\"dashboard-live\"></div>\n".to_owned();
    for (number, (id, title, summary)) in (1..).zip(PLAN) {
        let tasks = course.stage(id).map_or_else(|| "<p>Coming.</p>\n".to_owned(), |stage| list(stage, pages));
        let _ = write!(
            html,
            "<section class=\"dashboard-stage\" data-stage=\"{id}\" aria-label=\"Stage {number}: {title}\">\n\
             <p class=\"task-head\"><span class=\"task-title\">{number} {title}</span> <span>{summary}</span></p>\n{tasks}</section>\n",
            title = escape(title),
            summary = escape(summary),
        );
    }
    html + "</div>\n"
}

/// The stage's pages in order, each as the tasks that it has, or by its title. The links are relative to the book's root, where the
/// dashboard stands.
fn list(stage: &Stage, pages: &Pages) -> String {
    let mut html = "<ul>\n".to_owned();
    let is_of = |task: &&Task, page: &Page| task.page.split('#').next() == Some(&page.file);
    for page in pages.of(stage) {
        let mut tasks = stage.tasks.iter().filter(|task| is_of(task, page)).peekable();
        if tasks.peek().is_none() {
            let (address, title) = (address(&page.file), escape(&page.title));
            let _ = writeln!(html, "<li class=\"dashboard-page\"><a href=\"{address}\">{title}</a></li>");
        }
        tasks.for_each(|task| html.push_str(&item(task)));
    }
    let listed = |task: &Task| pages.of(stage).any(|page| is_of(&task, page));
    stage.tasks.iter().filter(|task| !listed(task)).for_each(|task| html.push_str(&item(task)));
    html + "</ul>\n"
}

fn item(task: &Task) -> String {
    let bonus = if task.bonus { ", a bonus" } else { "" };
    format!(
        "<li data-task=\"{}\"><a href=\"{}\">{}</a> <span class=\"task-worth\">{}{bonus}</span></li>\n",
        task.id,
        address(&task.page),
        escape(&task.title),
        points(task.points),
    )
}
