//! The book: built in this process, checked without a network. The [`server`](crate::server) serves it.
//!
//! `book/` is a plain mdBook, and `mdbook build book` gives the same pages. Having mdBook as a library means that a learner
//! installs nothing, and that the course can look at the result:
//!
//! - [`build`] turns the Markdown into a [`site::Site`] and collects what mdBook complains about on the way;
//! - [`bounds`] says what leads out of it, so that it is not built;
//! - [`watch`] says when something that the book is made of has changed;
//! - [`widgets`] puts task cards, quizzes and known bugs into pages, with [`markdown`] to read them;
//! - [`includes`] and [`links`] find what points nowhere.

pub mod bounds;
pub mod build;
pub mod includes;
pub mod links;
pub mod markdown;
pub mod site;
pub mod watch;
pub mod widgets;

/// Where a page of the book's source is found in the built book: `1-cap/README.md#tasks` is `1-cap/index.html#tasks`.
pub fn address(page: &str) -> String {
    let (file, anchor) = page.split_once('#').map_or((page, String::new()), |(file, at)| (file, format!("#{at}")));
    let file = match file.strip_suffix("README.md") {
        Some(folder) => format!("{folder}index.html"),
        None => file.replace(".md", ".html"),
    };
    file + &anchor
}

/// A text as a part of an address: what is neither a letter, nor a digit, nor one of the signs that are allowed, is written as its number.
pub fn encoded(text: &str, allowed: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || allowed.contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn pages_are_found_in_the_built_book() {
        assert_eq!(address("1-cap/abd.md#task"), "1-cap/abd.html#task");
        assert_eq!(address("1-cap/README.md"), "1-cap/index.html");
        assert_eq!(address("introduction.md"), "introduction.html");
    }
}
