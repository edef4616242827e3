//! A lab's card: what it is, and the command that runs it. A recorded run stands in the page beside it.

use super::escape;
use crate::manifest::Lab;

/// The card as it stands in a page that nobody serves. The server's script adds a button, and shows what comes out.
pub fn card(lab: &Lab) -> String {
    let (name, title) = (&lab.name, escape(&lab.title));
    format!(
        "<section class=\"lab-card\" data-lab=\"{name}\" aria-label=\"Lab: {title}\">\n\
         <p class=\"task-head\"><span class=\"task-title\">Lab: {title}</span></p>\n\
         <p class=\"task-command\">Run it on your own code: <code>cargo course lab {name}</code></p>\n\
         <div class=\"task-live\"></div>\n</section>\n"
    )
}
