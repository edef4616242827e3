//! The command from the outside, on scratch copies of a small course: each command, each exit code, each error's text.

mod check;
mod credit;
mod dev;
mod explore;
mod fixture;
mod help;
mod hint;
mod judge;
mod lab;
mod lines;
mod live;
mod read;
mod reset;
mod serve;
mod server;
mod skip;
mod solution;
mod status;
mod trace;
mod watch;
