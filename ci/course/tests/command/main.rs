//! The command from the outside, on scratch copies of a small course: each command, each exit code, each error's text.

mod check;
mod dev;
mod fixture;
mod help;
mod hint;
mod lab;
mod lines;
mod reset;
mod serve;
mod solution;
mod status;
mod trace;
mod watch;
