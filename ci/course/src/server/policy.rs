//! Which scripts a page may run: its own, as the book was built with them, and no others.
//!
//! The pages show texts that come from elsewhere: what a learner's program says, a run that another reader has handed on. Our scripts show
//! them as text. Should one of them forget to, this policy still keeps such a text from becoming a script: only files of this server
//! run, and those scripts in the page whose hash the policy names. Handlers in attributes and `javascript:` addresses never do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// For all that is no page: a picture that is opened by itself, say.
pub const WITHOUT_SCRIPTS: &str =
    "default-src 'self'; script-src 'none'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/// The policy of a page that is asked for under that host, which is one of ours.
pub fn of_page(page: &str, host: &str) -> String {
    let scripts: String = inline_scripts(page).map(|script| format!(" 'sha256-{}'", hash(script))).collect();
    // Figures and mdBook's own parts have styles in attributes. Sockets are named because not every browser counts them as `self`.
    format!(
        "default-src 'self'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
         connect-src 'self' ws://{host}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

fn hash(script: &str) -> String {
    STANDARD.encode(Sha256::digest(script))
}

/// The scripts that a page holds in full. Data in a `script` element is none.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.match_indices("<script").filter_map(|(at, opening)| {
        let (attributes, rest) = page[at + opening.len()..].split_once('>')?;
        let is_script = !attributes.contains("src=") && !attributes.contains("application/json");
        let script = rest.split_once("</script").map(|(script, _)| script)?;
        (is_script && !script.trim().is_empty()).then_some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_the_scripts_of_a_page_and_no_data() {
        let page = "<script>let a = 1;</script><script src=\"book.js\"></script><script async type=\"module\">b()</script>\
                    <script type=\"application/json\">{\"c\": 1}</script><p onclick=\"d()\">&lt;script&gt;e()&lt;/script&gt;</p>";
        assert_eq!(inline_scripts(page).collect::<Vec<_>>(), ["let a = 1;", "b()"]);
        let policy = of_page(page, "localhost:3000");
        assert_eq!(policy.matches("'sha256-").count(), 2);
        assert!(policy.contains("connect-src 'self' ws://localhost:3000;"), "{policy}");
        let script_src = policy.split("; ").find(|part| part.starts_with("script-src")).unwrap();
        assert!(!script_src.contains("unsafe"), "{script_src}");
    }

    #[test]
    fn a_hash_is_the_one_that_browsers_make() {
        // The example of the recommendation "Content Security Policy Level 3", section 8.3.
        assert_eq!(hash("alert('Hello, world.');"), "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }
}
