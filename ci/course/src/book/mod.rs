//! The book: built in this process, served on loopback, checked without a network.
//!
//! `book/` is a plain mdBook, and `mdbook build book` gives the same pages. Having mdBook as a library means that a learner
//! installs nothing, and that the course can look at the result:
//!
//! - [`build`] turns the Markdown into a [`site::Site`] and collects what mdBook complains about on the way;
//! - [`server`] serves a site from memory and tells open pages to reload when there is a newer one;
//! - [`watch`] says when something that the book is made of has changed;
//! - [`includes`] and [`links`] find what points nowhere.

pub mod build;
pub mod includes;
pub mod links;
pub mod server;
pub mod site;
pub mod watch;
