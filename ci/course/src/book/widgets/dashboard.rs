//! The dashboard: all stages with their tasks. The server's script adds what the reader has done, or what a submission's report says.

use std::fmt::Write;

use super::escape;
use crate::guide::points;
use crate::manifest::{Course, PLAN, Stage};

/// The dashboard as it stands in a page that nobody serves: the course's plan.
pub fn html(course: &Course) -> String {
    let mut html = "<div class=\"dashboard\">\n<div class=\"dashboard-live\"></div>\n".to_owned();
    for (number, (id, title, summary)) in (1..).zip(PLAN) {
        let tasks = course.stage(id).map_or_else(|| "<p>Coming.</p>\n".to_owned(), tasks);
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

/// The links are relative to the book's root, where the dashboard stands.
fn tasks(stage: &Stage) -> String {
    let mut html = "<ul>\n".to_owned();
    for task in &stage.tasks {
        let bonus = if task.bonus { ", a bonus" } else { "" };
        let _ = writeln!(
            html,
            "<li data-task=\"{}\"><a href=\"{}\">{}</a> <span class=\"task-worth\">{}{bonus}</span></li>",
            task.id,
            crate::book::address(&task.page),
            escape(&task.title),
            points(task.points),
        );
    }
    html + "</ul>\n"
}
